"""The Liverpool Telescope's class beside its running simulator, whose clock stands."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import requests

from local.simulators.base import Fault, SimulatedClock
from local.simulators.lt import DATA_PASSWORD, PASSWORD, LtServer
from lt.document import LtOrder
from slew.facility import Progress, Submission
from slew.http import Http
from tests.lt_orders import FACILITY, link, order

JSON = dict[str, Any]
START = datetime(2026, 11, 22, 20, tzinfo=UTC)
NODE_AGENT = "/node_agent2/node_agent"
HTML = "<!doctype html><html><body><h1>HTTP Status 502 – Bad Gateway</h1></body></html>"
NO_DATA: JSON = {"data_password": None}


class StoppedClock(SimulatedClock):
    """Only the tests move it; it begins on an evening."""

    def time(self) -> float:
        return START.timestamp() + self._offset


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: LtServer, **altdata: Any) -> None:
        self.server = server
        self.altdata = {"data_password": DATA_PASSWORD, **altdata}
        self.link = link({"password": PASSWORD, **self.altdata})

    @property
    def http(self) -> Http:
        """What has gone out."""
        return cast(Http, self.link.http)

    def order(self, instrument: str = "ioo", fields: JSON | None = None, **more: Any) -> LtOrder:
        """An order made now."""
        now = self.server.clock.now()
        altdata = {**self.altdata, **more.pop("altdata", {})}
        return order(instrument, fields, altdata=altdata, **{"now": now, **more})

    def submit(self, wanted: LtOrder) -> Submission:
        """Prepare and submit."""
        return FACILITY.submit(wanted, FACILITY.prepare(wanted, self.link), self.link)

    def submitted(self, wanted: LtOrder | None = None) -> LtOrder:
        """An order that the LT has taken, as the next operation gets it."""
        wanted = wanted or self.order()
        return self.known(wanted, self.submit(wanted))

    def known(self, wanted: LtOrder, submission: Submission) -> LtOrder:
        """The order with what a submission has brought."""
        return replace(
            wanted,
            status=submission.status,
            facility_request_id=submission.facility_request_id,
            facility_data={**wanted.facility_data, **submission.data},
        )

    def now(self, wanted: LtOrder) -> LtOrder:
        """The order at the simulator's time."""
        return replace(wanted, now=self.server.clock.now())

    def poll(self, wanted: LtOrder) -> tuple[LtOrder, Progress]:
        """Ask; the order as the next poll would get it."""
        self.link.shared.clear()  # each look is an invocation of its own
        progress = FACILITY.poll(self.now(wanted), self.link)
        data = {**wanted.facility_data, **progress.data}
        return replace(wanted, status=progress.status or wanted.status, facility_data=data), progress

    def fail(self, kind: str, **fields: Any) -> None:
        """The next call of the node agent fails."""
        self.server.faults.append(Fault(kind, **{"path": NODE_AGENT, **fields}))

    def configure(self, **settings: Any) -> None:
        """Set the simulator."""
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def execute(self, wanted: LtOrder, kind: str, **more: Any) -> None:
        """The telescope carries a group out, or tries to, now."""
        body = {"uid": wanted.facility_request_id, "kind": kind, **more}
        answer = requests.post(f"{self.server.url}/_execute", json=body, timeout=10)
        assert answer.status_code == 200, answer.text

    def groups(self) -> list[JSON]:
        """What is in the Phase-2 database."""
        found: list[JSON] = requests.get(f"{self.server.url}/_groups", timeout=10).json()
        return found

    def uids(self) -> list[str]:
        """Of the groups in the database."""
        return [each["uid"] for each in self.groups()]

    def advance(self, **time: float) -> None:
        """Move the clock, as `timedelta` takes it."""
        self.server.clock.advance(timedelta(**time).total_seconds())

    def modes(self) -> list[str]:
        """The modes of the documents that came in."""
        bodies = (each["body"] for each in self.server.journal if each["path"] == NODE_AGENT)
        return [body.partition(' mode="')[2].partition('"')[0] for body in bodies if "handle_rtml" in body]


@contextmanager
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[LtServer]:
    """The simulator, where the LT's class looks for it; no test may ask to interrupt the telescope."""
    running = LtServer(StoppedClock())
    running.start()
    monkeypatch.setenv("SLEW_LT_URL", running.url)
    monkeypatch.setenv("SLEW_LT_DATA_URL", running.extra_urls()["data"])
    yield running
    running.stop()
    assert running.toop == []


@contextmanager
def usual(server: LtServer) -> Iterator[Bench]:
    """The usual bench; whatever the test did, the record of its exchanges must not hold a password."""
    bench = Bench(server)
    yield bench
    shown = repr(bench.http.exchanges)
    assert PASSWORD not in shown
    assert DATA_PASSWORD not in shown


@contextmanager
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The node agent's address is one where connections are refused: bound, and nobody listens."""
    with socket.socket() as taken, monkeypatch.context() as patch:
        taken.bind(("127.0.0.1", 0))
        patch.setenv("SLEW_LT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        yield
