"""The Gemini facility, its simulator, and one allocation's way from the one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from gemini.facility import Gemini
from gemini.models import GeminiAltdata
from gemini.trigger import GeminiOrder
from local.simulators.base import Fault
from local.simulators.gemini import (
    ARCHIVE_PASSWORD,
    ARCHIVE_SESSION,
    EMAIL,
    NORTH,
    NORTH_KEY,
    SOUTH_KEY,
    GeminiServer,
)
from slew.facility import AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.validation import parse
from slew.wire import Answer
from tests.support.frozen import FrozenClock

JSON = dict[str, Any]
FACILITY = Gemini()
NOW = datetime(2026, 12, 1, 5, tzinfo=UTC)
SECRETS = (NORTH_KEY, SOUTH_KEY, ARCHIVE_PASSWORD, ARCHIVE_SESSION)
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

FIRST, SECOND = "GN-2026B-Q-110-40", "GN-2026B-Q-110-41"
"""The ids that the first two clones get."""
BROWSER_FAULTS: list[JSON] = [
    {"kind": "status", "status": 502, "body": HTML},
    {"kind": "status", "status": 200, "body": HTML},
    {"kind": "status", "status": 200, "body": "<queryResult><programs>"},
    {"kind": "status", "status": 200, "body": "<programs/>"},
    {"kind": "status", "status": 200, "body": ""},
    {"kind": "status", "status": 200, "body": '{"programs": []}', "content_type": "application/json"},
    {"kind": "status", "status": 200, "body": '<!DOCTYPE q [<!ENTITY a "b">]><queryResult>&a;</queryResult>'},
    {"kind": "cut"},
    {"kind": "refuse"},
]
"""Ways in which `/odbbrowser` may fail to say how it goes."""


class Bench:
    """`kept` is what the facility kept of submissions under way; `learned` what the allocation knows."""

    def __init__(self, server: GeminiServer) -> None:
        self.server = server
        self.kept: JSON = {}
        self.learned: dict[str, str] = {}
        self.altdata: JSON = {"user_email": EMAIL, "user_key": NORTH_KEY, "programid": NORTH}
        self.http = Http(Redactor(SECRETS))

    @property
    def link(self) -> Link:
        """That of a new invocation: it has read nothing yet."""
        return Link(self.http, cast(MailLink, None), keep=self.kept.update, learn=self.learned.setdefault)

    def order(
        self,
        templates: str = "21",
        *,
        target: Mapping[str, Any] | None = None,
        request_id: str = "a1b2c3d4e5f6",
        **fields: Any,
    ) -> GeminiOrder:
        now = self.server.clock.now()
        payload = {
            "template_ids": templates,
            "start_date": "2026-12-01 04:00:00",
            "end_date": "2026-12-03 04:00:00",
            **fields,
        }
        return Order(
            request_id=request_id,
            instrument=None,
            target=Target(**{"name": "ZTF26aaabcde", "ra": 185.728458, "dec": 4.823397, **(target or {})}),
            payload=parse(FACILITY.payloads[None], payload, ["payload"]),
            altdata=parse(GeminiAltdata, self.altdata, ["altdata"]),
            allocation=AllocationFacts("gemini", "PI of the programme", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: GeminiOrder) -> Submission:
        self.kept.clear()
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def submitted(self, order: GeminiOrder | None = None) -> GeminiOrder:
        """An order that Gemini has taken."""
        order = order or self.order()
        return self.after(order, self.submit(order))

    def after(self, order: GeminiOrder, submission: Submission) -> GeminiOrder:
        return replace(
            order,
            status=submission.status,
            facility_request_id=submission.facility_request_id,
            facility_data={**order.facility_data, **self.kept, **submission.data},
        )

    def unsettled(self, order: GeminiOrder) -> GeminiOrder:
        """An order of which only is known what was kept of it, at the simulator's time."""
        data = {**order.facility_data, **self.kept}
        return replace(order, status=Status.UNKNOWN, facility_data=data, now=self.server.clock.now())

    def poll(self, order: GeminiOrder, link: Link | None = None) -> tuple[GeminiOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = replace(order, now=self.server.clock.now())
        progress = FACILITY.poll(order, link or self.link)
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def get(self, order: GeminiOrder, product: Mapping[str, Any]) -> Answer:
        """A product, as the library would fetch it."""
        order = replace(order, now=self.server.clock.now())
        return self.http.read(FACILITY.download(order, product, self.link))

    def triggers(self) -> list[dict[str, str]]:
        """The parameters of every trigger that arrived."""
        return [
            {name: values[0] for name, values in parse_qs(call["query"], keep_blank_values=True).items()}
            for call in self.calls("/north/too") + self.calls("/south/too")
        ]

    def calls(self, path: str) -> list[JSON]:
        return [each for each in self.server.journal if each["path"].startswith(path)]

    def clones(self) -> dict[str, JSON]:
        return self.server.clones()

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    def observe(self, observation: str, status: str) -> None:
        found = next(filter(None, (site.find(observation) for site in self.server.sites.values())))
        found.become(status, self.server.clock.now())

    def remove(self, observation: str) -> None:
        programme, _, number = observation.rpartition("-")
        for site in self.server.sites.values():
            if programme in site.programmes:
                del site.programmes[programme].observations[int(number)]

    def advance(self, **time: float) -> None:
        seconds = {"minutes": 60, "hours": 3600, "days": 86400}
        self.server.clock.advance(sum(value * seconds[unit] for unit, value in time.items()))


@contextmanager
def benched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench; whatever the test did, the record of its exchanges must not hold a secret."""
    server = GeminiServer(FrozenClock(NOW))
    server.start()
    for name, url in server.extra_urls().items():
        monkeypatch.setenv(f"SLEW_GEMINI_{name.upper()}_URL", f"{url}/")
    bench = Bench(server)
    yield bench
    server.stop()
    for secret in SECRETS:
        assert secret not in repr(bench.http.exchanges)
        assert secret not in repr(bench.kept)
