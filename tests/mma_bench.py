"""Orders of observation plans, and one allocation's way to the simulated receivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from local.simulators.mma import DEMO_TOKEN, SSH_PASSWORD, SSH_USER, MmaServer
from mma.facility import Mma
from mma.models import MmaAltdata
from mma.payload import MmaPayload
from mma.plan import MmaOrder
from slew import clock
from slew.errors import FacilityError
from slew.facility import AllocationFacts, Link, MailLink, Order, Submission
from slew.http import Http
from slew.models import Requester, nowhere
from slew.redact import Redactor
from slew.transfers import Transfers
from slew.validation import parse
from slew.work import secret_values

JSON = dict[str, Any]
FACILITY = Mma()
NOW = clock.parse("2026-08-21T20:00:00.123Z")
NAME = "ToO_S260821ab_tiling_1"
"""Queue of the plan below."""
API = {"protocol": "http", "host": "127.0.0.1", "port": "8080", "access_token": DEMO_TOKEN}
SCP = {
    "type": "scp",
    "host": "127.0.0.1",
    "port": "22",
    "username": SSH_USER,
    "password": SSH_PASSWORD,
    "directory": "/data/too/incoming",
}
SLACK = {
    "type": "slack",
    "slack_workspace": "T00000000",
    "slack_channel": "B00000000",
    "slack_token": "XXXXXXXXXXXXXXXXXXXXXXXX",
}
EMAIL = {"type": "email", "email": "too@example.org"}
PLAN: JSON = {
    "queue_name": "S260821ab_tiling_1",
    "start_date": "2026-08-22 02:00:00",
    "end_date": "2026-08-22 10:30:00",
    "planned_observations": [
        {"field_id": 247, "field": {"ra": 15.94654, "dec": -24.25}, "filt": "ztfg", "exposure_time": 300},
        {"field_id": 246, "field": {"ra": 8.55346, "dec": -24.25}, "filt": "ztfr", "exposure_time": 300},
    ],
}


def many(count: int) -> list[JSON]:
    """That many pointings in the receiver's form."""
    return [
        {
            "field_id": number,
            "ra": number * 0.0359,
            "dec": -30 + number * 0.003,
            "filter": ("ztfg", "ztfr")[number % 2],
            "exposure_time": 30,
        }
        for number in range(count)
    ]


def without(key: str, given: Mapping[str, Any]) -> JSON:
    """The same, one key left out."""
    return {name: value for name, value in given.items() if name != key}


def order_of(
    altdata: Mapping[str, Any],
    payload: Mapping[str, Any] | None = None,
    *,
    data: Mapping[str, Any] | None = None,
    now: datetime = NOW,
    username: str = "observer1",
    created_at: datetime | None = None,
    facility_request_id: str | None = None,
    request_id: str = "a1b2c3d4e5f6a7b8c9d0e1f2",
) -> MmaOrder:
    """An order of a plan, checked as the library checks it."""
    model = parse(MmaPayload, dict(PLAN if payload is None else payload), ["payload"])
    return Order(
        request_id=request_id,
        instrument=None,
        target=nowhere(FACILITY.plan_name(model)),
        payload=model,
        altdata=parse(MmaAltdata, dict(altdata), ["altdata"]),
        allocation=AllocationFacts("too-2026", "PI of the proposal", "gw"),
        requester=Requester(username=username),
        now=now,
        created_at=created_at or now,
        facility_request_id=facility_request_id,
        facility_data=data or {},
    )


@dataclass
class Bench:
    """The receivers, and what the library would keep of one request between attempts."""

    server: MmaServer
    altdata: JSON
    payload: JSON = field(default_factory=lambda: dict(PLAN))
    kept: JSON = field(default_factory=dict)
    learned: dict[str, str] = field(default_factory=dict)
    facility_request_id: str | None = None
    marks: list[str] = field(default_factory=list)
    shown: list[Any] = field(default_factory=list)
    now: datetime = NOW
    before_keep: Callable[[Mapping[str, Any]], None] = lambda data: None

    def __post_init__(self) -> None:
        self.redactor = Redactor(secret_values(self.order().altdata))
        self.http = Http(self.redactor, lambda: self.marks.append("http"))
        self.transfers = Transfers(self.redactor, lambda: self.marks.append("transfer"))

    def order(self, **changes: Any) -> MmaOrder:
        """The request as it is now."""
        given = {"data": dict(self.kept), "now": self.now, "facility_request_id": self.facility_request_id}
        return order_of(self.altdata, self.payload, **{**given, **changes})

    @property
    def link(self) -> Link:
        """A new tick's way to the outside."""
        return Link(
            self.http,
            cast(MailLink, None),
            keep=self._keep,
            learn=lambda key, value: self.learned.setdefault(key, value),
            transfers=self.transfers,
        )

    def submit(self) -> Submission:
        """One attempt; what it brings is kept as the library keeps it."""
        order, link = self.order(), self.link
        return self._noted(FACILITY.submit(order, FACILITY.prepare(order, link), link))

    def update(self, **payload: Any) -> Submission:
        """An update with another payload."""
        self.payload = {**self.payload, **payload}
        order, link = self.order(), self.link
        return self._noted(FACILITY.update(order, FACILITY.prepare(order, link), link))

    def advance(self, seconds: float) -> None:
        """Later, here and at the receiver."""
        self.now += timedelta(seconds=seconds)
        self.server.clock.advance(seconds)

    def _keep(self, data: Mapping[str, Any]) -> None:
        self.before_keep(data)
        self.kept = {**self.kept, **data}

    def _noted(self, submission: Submission) -> Submission:
        self.kept = {**self.kept, **submission.data}
        self.facility_request_id = submission.facility_request_id
        self.shown.append(submission)
        return submission

    def check_no_secret(self) -> None:
        """Nothing that is kept, told or recorded may hold a credential."""
        told = repr((self.http.exchanges, self.transfers.exchanges, self.shown, self.kept))
        for secret in secret_values(self.order().altdata):
            assert secret not in told


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, altdata: Mapping[str, Any]) -> Iterator[Bench]:
    """A server of this test's own, by HTTP or by SSH as the altdata says; no secret is in what was shown."""
    server = MmaServer()
    server.clock.advance(NOW.timestamp() - server.clock.time())
    server.start()
    port = server.ssh.port if altdata.get("type") == "scp" else int(server.url.rpartition(":")[2])
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", f"127.0.0.1:{port}")
    bench = Bench(server, {**altdata, "port": port})
    yield bench
    bench.check_no_secret()
    server.stop()


def failure(bench: Bench, kind: type[FacilityError]) -> FacilityError:
    with pytest.raises(kind) as caught:
        bench.submit()
    assert type(caught.value) is kind
    bench.shown.append((caught.value, caught.value.reason))
    return caught.value
