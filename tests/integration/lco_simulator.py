"""A running simulator of LCO's portal for tests, and requests to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests

from local.simulators.base import SimulatedClock
from local.simulators.observation_portal.accounts import CONTRACT_TOKEN, STAFF_TOKEN
from local.simulators.observation_portal.app import LCOPortal
from tests.contract.bodies import Scene

JSON = dict[str, Any]
# When the real portal was recorded, the target opposite the Sun of that day, and the semester.
RECORDED = datetime(2026, 11, 22, 15, 12, 41, tzinfo=UTC)
RECORDED_SCENE = Scene(
    RECORDED,
    57.4908,
    -10.0,
    datetime(2026, 11, 29, tzinfo=UTC),
    datetime(2026, 12, 6, tzinfo=UTC),
    datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC),
)


class StoppedClock(SimulatedClock):
    """Stands at the moment of the recording, and moves only by `advance`."""

    def time(self) -> float:
        """Unix seconds."""
        return RECORDED.timestamp() + self._offset


class Client:
    """A portal and its archive, spoken to by HTTP."""

    def __init__(self, simulator: LCOPortal) -> None:
        self.simulator = simulator
        self.url = simulator.url
        self.archive_url = simulator.extra_urls()["archive"]

    def call(
        self, method: str, path: str, token: str | None = CONTRACT_TOKEN, **content: Any
    ) -> requests.Response:
        """A call to the portal; redirects are not followed."""
        return _send(method, self.url + path, token, **content)

    def archive(self, path: str, token: str | None = CONTRACT_TOKEN, **arguments: Any) -> requests.Response:
        """A GET at the archive, `arguments` as its query."""
        return _send("GET", self.archive_url + path, token, params=arguments)

    def submit(self, body: JSON) -> JSON:
        """Submit an acceptable body; the group."""
        answer = self.call("POST", "/api/requestgroups/", json=body)
        assert answer.status_code == 201, answer.text
        group: JSON = answer.json()
        return group

    def validate(self, body: JSON) -> JSON:
        """The answer of validate."""
        answer = self.call("POST", "/api/requestgroups/validate/", json=body)
        assert answer.status_code == 200, answer.text
        judged: JSON = answer.json()
        return judged

    def cancel(self, group: JSON) -> requests.Response:
        """Cancel a group."""
        return self.call("POST", f"/api/requestgroups/{group['id']}/cancel/")

    def group(self, group: JSON) -> JSON:
        """A group as it is now."""
        found: JSON = self.call("GET", f"/api/requestgroups/{group['id']}/").json()
        return found

    def states(self, group: JSON) -> tuple[str, list[str]]:
        """The group's state and its children's."""
        now = self.group(group)
        return now["state"], [child["state"] for child in now["requests"]]

    def observations(self, group: JSON, child: int = 0) -> list[JSON]:
        """The observations of one child."""
        request_id = group["requests"][child]["id"]
        rows: list[JSON] = self.call("GET", f"/api/requests/{request_id}/observations/").json()
        return rows

    def advance(self, group: JSON, to: str) -> requests.Response:
        """The control hook."""
        return self.call("POST", "/_advance", json={"group": group["id"], "to": to})

    def config(self, **settings: Any) -> None:
        """The control hook for settings."""
        answer = self.call("POST", "/_config", json=settings)
        assert answer.status_code == 200, answer.text

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.call("POST", "/_clock", json={"advance_s": seconds})

    def allocation(self, proposal: str = "TEST_PROPOSAL", instrument: str = "1M0-SCICAM-SINISTRO") -> JSON:
        """The current time allocation of a proposal on an instrument type."""
        rows = self.call("GET", f"/api/proposals/{proposal}/").json()["timeallocation_set"]
        allocation: JSON = next(row for row in rows if row["instrument_types"] == [instrument])
        return allocation

    def place(self, group: JSON, start: datetime, end: datetime) -> JSON:
        """Schedule a group's first request as the scheduler does."""
        child = group["requests"][0]
        statuses = [
            {"configuration": c["id"], "instrument_name": "fa08", "guide_camera_name": "ag-fa08"}
            for c in child["configurations"]
        ]
        body = {
            "request": child["id"],
            "site": "lsc",
            "enclosure": "doma",
            "telescope": "1m0a",
            "start": start.isoformat(),
            "end": end.isoformat(),
            "priority": 10,
            "configuration_statuses": statuses,
        }
        answer = self.call("POST", "/api/observations/", STAFF_TOKEN, json=body)
        assert answer.status_code == 201, answer.text
        placed: JSON = answer.json()
        return placed

    def report(self, status: JSON, state: str, summary: JSON | None = None) -> JSON:
        """What the telescope tells of one configuration."""
        body = {"state": state} | ({"summary": summary} if summary else {})
        answer = self.call("PATCH", f"/api/configurationstatus/{status['id']}/", STAFF_TOKEN, json=body)
        assert answer.status_code == 200, answer.text
        reported: JSON = answer.json()
        return reported


@contextmanager
def running(clock: SimulatedClock | None = None, **options: Any) -> Iterator[Client]:
    """A started portal: the moment of the recording, LCO's semesters, nothing moves unless told otherwise."""
    simulator = LCOPortal(clock or StoppedClock(), **({"auto_progress": False} | options))
    simulator.start()
    try:
        yield Client(simulator)
    finally:
        simulator.stop()


def _send(method: str, url: str, token: str | None, **content: Any) -> requests.Response:
    headers = {"Authorization": f"Token {token}"} if token else {}
    headers |= content.pop("headers", {})
    return requests.request(method, url, headers=headers, allow_redirects=False, timeout=20, **content)
