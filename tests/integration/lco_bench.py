"""LCO's class beside a running simulator of its portal and archive, whose clock stands."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.simulators.observation_portal.accounts import DEMO_TOKEN
from local.simulators.observation_portal.app import LCOPortal
from slew import portal_listing
from slew.facility import Order, Submission
from tests.integration.lco_simulator import RECORDED_SCENE, StoppedClock
from tests.lco_orders import FACILITY, link, order

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
NEEDED: dict[str, JSON] = {"sinistro": {"observation_choices": ["gp", "rp"]}, "muscat": {}, "floyds": {}}
MAINTENANCE = "<html><body>maintenance</body></html>"


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: LCOPortal, token: str = DEMO_TOKEN) -> None:
        self.server, self.token = server, token
        self.link = link(token)
        self._ids = itertools.count(1)

    def order(
        self, instrument: str = "sinistro", payload: JSON | None = None, **changes: Any
    ) -> Order[Any, Any]:
        """An order that the portal accepts, made now."""
        now = self.server.clock.now()
        scene = RECORDED_SCENE
        window = {"start_date": scene.start.isoformat(), "end_date": scene.end.isoformat()}
        altdata = {
            "PROPOSAL_ID": changes.pop("proposal", "LCO2026B-001"),
            "API_TOKEN": changes.pop("token", self.token),
        }
        return order(
            instrument,
            {"exposure_time": 60.0, **window, **NEEDED[instrument], **(payload or {})},
            target={"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec},
            altdata=altdata,
            now=now,
            **{"request_id": f"{next(self._ids):024x}", **changes},
        )

    def submit(self, wanted: Order[Any, Any]) -> Submission:
        """Prepare and submit."""
        return FACILITY.submit(wanted, FACILITY.prepare(wanted, self.link), self.link)

    def submitted(self, *arguments: Any, **named: Any) -> Order[Any, Any]:
        """An order that the portal has."""
        wanted = self.order(*arguments, **named)
        submission = self.submit(wanted)
        return replace(
            wanted,
            facility_request_id=submission.facility_request_id,
            facility_data=submission.data,
            status=submission.status,
        )

    def later(self, wanted: Order[Any, Any], **delta: float) -> Order[Any, Any]:
        """The same order when some time has passed, here and at the portal."""
        self.server.clock.advance(timedelta(**delta).total_seconds())
        return replace(wanted, now=self.server.clock.now())

    def control(self, route: str, **content: Any) -> None:
        """A call of the simulator's control routes."""
        answer = requests.post(self.server.url + route, json=content, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, wanted: Order[Any, Any], to: str) -> None:
        """Move a group to a state."""
        self.control("/_advance", group=int(wanted.facility_request_id or 0), to=to)

    def fail(self, kind: str, path: str = GROUPS, method: str = "POST", **more: Any) -> None:
        """Let the next such call fail."""
        self.control("/_fault", kind=kind, method=method, path=path, **more)

    def posts(self) -> list[str]:
        """The paths of the POSTs that reached the portal."""
        return [each["path"] for each in self.server.journal if each["method"] == "POST"]

    def groups(self) -> list[JSON]:
        """What the portal has stored, newest first."""
        answer = requests.get(
            self.server.url + GROUPS, headers={"Authorization": f"Token {self.token}"}, timeout=10
        )
        results: list[JSON] = answer.json()["results"]
        return results


@contextmanager
def simulator() -> Iterator[LCOPortal]:
    """The simulator, at the moment of the recordings; requests move only by hand."""
    running = LCOPortal(StoppedClock(), semesters="real", auto_progress=False)
    running.start()
    yield running
    running.stop()


def fresh_bench(server: LCOPortal, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The simulator with nothing in it, and where LCO's class looks for it."""
    server.reset()
    monkeypatch.setenv("SLEW_LCO_URL", server.url)
    monkeypatch.setenv("SLEW_LCO_ARCHIVE_URL", server.extra_urls()["archive"])
    portal_listing.forget()
    return Bench(server)
