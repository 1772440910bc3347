"""The WINTER facility, its simulator, and one allocation's way from the one to the other."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests
from pydantic import SecretStr

from local.simulators.base import Fault
from local.simulators.winter import KEY, PASSWORD, PROGRAMME, TIGHT_KEY, USER, WinterServer
from slew.facility import AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.validation import parse
from slew.wire import Answer
from tests.support.frozen import FrozenClock
from winter import pacing
from winter.facility import Winter
from winter.models import WinterAltdata
from winter.targets import WinterOrder

JSON = dict[str, Any]
FACILITY = Winter()
NOW = datetime(2026, 12, 1, 5, tzinfo=UTC)
"""A night at Palomar."""
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Bench:
    """`kept` is what the facility kept of submissions under way; `slept` how long it meant to wait."""

    def __init__(self, server: WinterServer) -> None:
        self.server = server
        self.kept: JSON = {}
        self.slept: list[float] = []
        self.altdata = WinterAltdata(
            username=USER,
            password=SecretStr(PASSWORD),
            program_name=PROGRAMME,
            program_api_key=SecretStr(KEY),
        )
        self.http = Http(Redactor([PASSWORD, KEY]))

    @property
    def link(self) -> Link:
        """That of a new invocation: it has read nothing yet."""
        return Link(self.http, cast(MailLink, None), keep=self.kept.update)

    def use(self, **altdata: Any) -> None:
        """Other credentials than the valid ones."""
        changes = {
            key: SecretStr(v) if key in ("password", "program_api_key") else v for key, v in altdata.items()
        }
        self.altdata = self.altdata.model_copy(update=changes)
        secrets = [self.altdata.password.get_secret_value(), self.altdata.program_api_key.get_secret_value()]
        self.http.redactor = Redactor([PASSWORD, KEY, *secrets])

    def order(
        self, instrument: str = "winter", target: Mapping[str, Any] | None = None, **fields: Any
    ) -> WinterOrder:
        now = self.server.clock.now()
        payload = {"filter": "J", **fields} if "filters" not in fields else fields
        return Order(
            request_id="a1b2c3d4e5f6",
            instrument=instrument,
            target=Target(
                **{"name": "ZTF26aaabcde", "ra": 210.910674637, "dec": 54.311651, **(target or {})}
            ),
            payload=parse(FACILITY.payloads[instrument], payload, ["payload"]),
            altdata=self.altdata,
            allocation=AllocationFacts("winter", "PI of the programme", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: WinterOrder) -> Submission:
        self.kept.clear()
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def submitted(self, order: WinterOrder | None = None) -> WinterOrder:
        """An order that the service has taken."""
        order = order or self.order()
        submission = self.submit(order)
        return replace(
            order,
            status=submission.status,
            facility_request_id=submission.facility_request_id,
            facility_data={**self.kept, **submission.data},
        )

    def unsettled(self, order: WinterOrder) -> WinterOrder:
        """An order of which only is known what was kept before it was sent."""
        return replace(order, status=Status.UNKNOWN, facility_data=dict(self.kept))

    def poll(self, order: WinterOrder) -> tuple[WinterOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = replace(order, now=self.server.clock.now())
        progress = FACILITY.poll(order, self.link)
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def get(self, order: WinterOrder, product: Mapping[str, Any]) -> Answer:
        """A product, as the library would fetch it."""
        return self.http.read(FACILITY.download(order, product, self.link))

    def schedules(self) -> list[str]:
        return list(self.server.store.schedules)

    def calls(self, method: str, path: str = "/") -> list[JSON]:
        return [
            each for each in self.server.journal if each["method"] == method and each["path"].startswith(path)
        ]

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def observe(self, order: WinterOrder, **wanted: Any) -> None:
        wanted = {"schedule_name": order.facility_request_id, **wanted}
        assert requests.post(f"{self.server.url}/_observe", json=wanted, timeout=10).status_code == 200

    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)

    def sleep(self, seconds: float) -> None:
        """What stands for sleeping: time passes at the facility."""
        self.slept.append(seconds)
        self.advance(seconds)


@contextmanager
def benched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench; whatever the test did, the record of its exchanges must not hold a secret."""
    server = WinterServer(FrozenClock(NOW))
    monkeypatch.setenv("SLEW_WINTER_URL", f"{server.start()}/")
    bench = Bench(server)
    monkeypatch.setattr(pacing, "sleep", bench.sleep)
    monkeypatch.setattr(pacing, "_last", {})
    yield bench
    server.stop()
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, KEY, TIGHT_KEY, basic):
        assert secret not in repr(bench.http.exchanges)
