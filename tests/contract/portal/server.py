"""The real Observation Portal on loopback, with SQLite alone, for the contract tests to post to."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from tests.contract.portal import install
from tests.contract.portal.configdb import ConfigDB
from tests.contract.portal.process import Server, environment
from tests.contract.portal.seed import TOKENS, Semester, seeded, wide_semesters

# The portal's own environment variables, for ``settings``.
CREATE_THROTTLE = "REQUESTGROUPS_CREATE_DEFAULT_THROTTLE"
CANCEL_THROTTLE = "REQUESTGROUPS_CANCEL_DEFAULT_THROTTLE"
MAX_FAILURES = "MAX_FAILURES_PER_REQUEST"

_START_TIMEOUT_S = 90
_ANSWER_TIMEOUT_S = 60


class PortalFailed(Exception):
    """The portal did not start, or refused a call of the scheduler's side; the text says why."""


@dataclass(frozen=True)
class Telescope:
    """Where an observation is put, and with which instrument and guide camera."""

    site: str
    enclosure: str
    telescope: str
    instrument: str
    guide_camera: str


SINISTRO_AT_LSC = Telescope("lsc", "doma", "1m0a", "fa08", "ag-fa08")
FLOYDS_AT_OGG = Telescope("ogg", "clma", "2m0a", "en01", "ag-en01")
MUSCAT_AT_OGG = Telescope("ogg", "clma", "2m0a", "mc01", "mc01g")


@dataclass(frozen=True)
class Scheduled:
    """An observation and the statuses of its configurations, in the order of the configurations."""

    observation_id: int
    status_ids: tuple[int, ...]
    start: datetime
    end: datetime


class Portal:
    """A running portal with the users, proposals and instruments of ``seed`` and ``instruments``.

    ``settings`` are environment variables of the portal (CREATE_THROTTLE: "2/day", MAX_FAILURES: "3");
    ``semesters`` is ``wide_semesters`` or ``real_semesters``. Raises install.Unavailable where its packages
    cannot be installed, PortalFailed where it does not start.
    """

    token = TOKENS["contract"]
    outsider_token = TOKENS["outsider"]
    staff_token = TOKENS["scheduler"]
    proposal = "TEST_PROPOSAL"

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, str] | None = None,
        semesters: Callable[[datetime], tuple[Semester, ...]] = wide_semesters,
    ) -> None:
        self.semesters = semesters(datetime.now(UTC))
        python = install.python()
        self._seed = seeded(python, self.semesters)
        self._database = directory / "portal.sqlite3"
        self._settings = dict(settings or {})
        self._http = requests.Session()
        self._http.trust_env = False
        self.configdb = ConfigDB()
        self._server = Server(python, directory / "portal.log")
        self.url = self._server.url

    def __enter__(self) -> Self:
        try:
            self.reset()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, wait_for_instruments: bool = True) -> None:
        """Serve the database as it is; the throttles' counts and what was cached of ConfigDB are gone.

        With ConfigDB out of reach there are no instruments to wait for.
        """
        self._server.start(environment(self._database, self.configdb.url, self._settings))
        patience = time.monotonic() + _START_TIMEOUT_S
        while not self._answers(wait_for_instruments):
            if not self._server.running or time.monotonic() > patience:
                raise PortalFailed(f"the portal did not start: {self._server.log_tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop answering. The port stays ours: calls wait in its queue until ``start`` or their timeout."""
        self._server.stop()

    def restart(self, wait_for_instruments: bool = True) -> None:
        """``stop`` and ``start``."""
        self.stop()
        self.start(wait_for_instruments)

    def reset(self) -> None:
        """Start (again) with the database as seeded: no requests, the ids' series at their beginning."""
        self._server.stop()
        for left in self._database.parent.glob(self._database.name + "-*"):
            left.unlink()
        shutil.copyfile(self._seed, self._database)
        self.start()

    def close(self) -> None:
        """Stop the portal and ConfigDB and free their ports."""
        self._server.close()
        self.configdb.close()
        self._http.close()

    def call(self, method: str, path: str, token: str | None = token, **content: Any) -> requests.Response:
        """Any call, ``path`` from ``/api/`` on; ``token`` None for none; ``content`` as for requests.

        Redirects are not followed.
        """
        headers = {"Authorization": f"Token {token}"} if token else {}
        headers.update(content.pop("headers", {}))
        return self._http.request(
            method,
            self.url + path,
            headers=headers,
            timeout=_ANSWER_TIMEOUT_S,
            allow_redirects=False,
            **content,
        )

    def submit(self, body: object, token: str | None = token) -> requests.Response:
        """``POST /api/requestgroups/``."""
        return self.call("POST", "/api/requestgroups/", token, json=body)

    def validate(self, body: object, token: str | None = token) -> requests.Response:
        """``POST /api/requestgroups/validate/``."""
        return self.call("POST", "/api/requestgroups/validate/", token, json=body)

    def cancel(self, group_id: int, token: str | None = token) -> requests.Response:
        """``POST /api/requestgroups/{id}/cancel/``."""
        return self.call("POST", f"/api/requestgroups/{group_id}/cancel/", token)

    def group(self, group_id: int) -> dict[str, Any]:
        """The requestgroup as its member sees it now."""
        found: dict[str, Any] = self._done(self.call("GET", f"/api/requestgroups/{group_id}/"))
        return found

    def observations(self, request_id: int) -> list[dict[str, Any]]:
        """The observations of a (child) request, the oldest first."""
        listed = self._done(self.call("GET", f"/api/requests/{request_id}/observations/"))
        assert isinstance(listed, list)
        return listed

    def schedule(
        self,
        request_id: int,
        configuration_ids: Sequence[int],
        telescope: Telescope = SINISTRO_AT_LSC,
        start: datetime | None = None,
    ) -> Scheduled:
        """The scheduler's part: put a request on a telescope.

        ``start`` is by default an hour after its first window's start; the portal wants the observation in a
        window, but does not look whether the target is up then.
        """
        request = self._done(self.call("GET", f"/api/requests/{request_id}/"))
        begin = start or datetime.fromisoformat(request["windows"][0]["start"]) + timedelta(hours=1)
        end = begin + timedelta(seconds=request["duration"])
        posted = {
            "request": request_id,
            "site": telescope.site,
            "enclosure": telescope.enclosure,
            "telescope": telescope.telescope,
            "start": begin.isoformat(),
            "end": end.isoformat(),
            "priority": 10,
            "configuration_statuses": [
                {
                    "configuration": configuration,
                    "instrument_name": telescope.instrument,
                    "guide_camera_name": telescope.guide_camera,
                }
                for configuration in configuration_ids
            ],
        }
        self._done(self.call("POST", "/api/observations/", self.staff_token, json=posted))
        # The answer has no id of the observation: it is the newest of the request's.
        newest = self.observations(request_id)[-1]
        statuses = {status["configuration"]: status["id"] for status in newest["configuration_statuses"]}
        return Scheduled(newest["id"], tuple(statuses[key] for key in configuration_ids), begin, end)

    def schedule_group(self, group: Mapping[str, Any], telescope: Telescope = SINISTRO_AT_LSC) -> Scheduled:
        """``schedule`` for the first request of a group as the portal answered it."""
        request = group["requests"][0]
        return self.schedule(request["id"], [entry["id"] for entry in request["configurations"]], telescope)

    def set_configuration_status(
        self, status_id: int, state: str, summary: Mapping[str, Any] | None = None
    ) -> None:
        """The telescope's report on one configuration.

        ``state``: ATTEMPTED, COMPLETED, FAILED or NOT_ATTEMPTED.
        """
        report: dict[str, Any] = {"state": state}
        if summary is not None:
            report["summary"] = dict(summary)
        path = f"/api/configurationstatus/{status_id}/"
        self._done(self.call("PATCH", path, self.staff_token, json=report))

    def begin(self, observation: Scheduled) -> None:
        """The telescope starts: the observation is IN_PROGRESS."""
        for status in observation.status_ids:
            self.set_configuration_status(status, "ATTEMPTED")

    def complete(self, observation: Scheduled, exposed_s: float = 300.0) -> None:
        """The telescope has done it all: observation, request and group are COMPLETED."""
        for status in observation.status_ids:
            self.set_configuration_status(
                status, "COMPLETED", _summary(observation, "COMPLETED", "", exposed_s)
            )

    def fail(self, observation: Scheduled, reason: str = "Telescope: weather") -> None:
        """The first configuration fails, the others are not attempted: the observation is FAILED."""
        first, *others = observation.status_ids
        self.set_configuration_status(first, "FAILED", _summary(observation, "FAILED", reason, 0.0))
        for status in others:
            self.set_configuration_status(status, "NOT_ATTEMPTED")

    def expire_window(self, group: Mapping[str, Any], telescope: Telescope = SINISTRO_AT_LSC) -> None:
        """Let the only request of a PENDING group run out of time: WINDOW_EXPIRED.

        The portal's periodic job for it belongs to a task queue that does not run here. It has a second way:
        a telescope's report that comes after the windows' end. So an observation is scheduled, the windows
        are moved into the past (in the database: no call can), and the telescope reports it never started.
        """
        observation = self.schedule_group(group, telescope)
        ended = datetime.now(UTC) - timedelta(minutes=1)
        with closing(sqlite3.connect(self._database, timeout=20)) as connection, connection:
            connection.execute(
                "UPDATE requestgroups_window SET start = ?, end = ? WHERE request_id = ?",
                (_stored(ended - timedelta(days=7)), _stored(ended), group["requests"][0]["id"]),
            )
        for status in observation.status_ids:
            self.set_configuration_status(status, "NOT_ATTEMPTED")

    def _answers(self, with_instruments: bool) -> bool:
        try:
            answer = self._http.get(f"{self.url}/api/instruments/", timeout=5)
        except requests.RequestException:
            return False
        return answer.status_code == 200 and (bool(answer.json()) or not with_instruments)

    def _done(self, answer: requests.Response) -> Any:
        if answer.status_code not in (200, 201):
            raise PortalFailed(
                f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:500]}"
            )
        return answer.json()


def _summary(observation: Scheduled, state: str, reason: str, exposed_s: float) -> dict[str, Any]:
    return {
        "start": observation.start.isoformat(),
        "end": observation.end.isoformat(),
        "state": state,
        "reason": reason,
        "time_completed": exposed_s,
        "events": [],
    }


def _stored(moment: datetime) -> str:
    """As Django writes a time into SQLite."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
