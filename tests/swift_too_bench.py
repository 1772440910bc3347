"""What Swift's tests share: payloads, orders, and one allocation's way to the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import requests

from local.simulators.base import Fault
from local.simulators.swift_too import DEMO_SECRET, DEMO_USER, SwiftTooServer
from slew.facility import AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.validation import parse
from swift_too.facility import SwiftOrder, SwiftToo
from swift_too.models import SwiftTooAltdata, SwiftTooPayload

JSON = dict[str, Any]
SN: JSON = {"name": "SN 2026zz", "ra": 150.114042, "dec": 2.205811}
WORDS: JSON = {
    "exp_time_just": "4 ks reaches 2.5e-3 ct/s at S/N > 3.",
    "immediate_objective": "Detect the X-ray counterpart.",
    "science_just": "Red, fast fading transient without host.",
}
BRIGHT: JSON = {**WORDS, "xrt_countrate": 0.0025}
DATA: JSON = {
    "request_type": "XRT/UVOT/BAT Data",
    "start_date": "2023-05-01 00:00:00",
    "end_date": "2023-06-01T00:00:00",
    "XRT": True,
}
IXF: JSON = {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651}


def altdata_of(username: str = DEMO_USER, secret: str = DEMO_SECRET, **more: Any) -> SwiftTooAltdata:
    return SwiftTooAltdata.model_validate({"username": username, "secret": secret, **more})


def order_of(
    now: datetime,
    payload: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] = SN,
    altdata: SwiftTooAltdata | None = None,
    allocation: str = "swift",
) -> SwiftOrder:
    return Order(
        request_id="a1b2c3d4e5f6",
        instrument=None,
        target=Target.model_validate(target),
        payload=parse(SwiftTooPayload, dict(BRIGHT if payload is None else payload), ["payload"]),
        altdata=altdata or altdata_of(),
        allocation=AllocationFacts(allocation, "PI of the proposal", "transients"),
        requester=Requester(),
        now=now,
        created_at=now,
    )


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(
        self, server: SwiftTooServer, altdata: SwiftTooAltdata | None = None, allocation: str = "swift"
    ) -> None:
        self.server = server
        self.altdata = altdata or altdata_of()
        self.allocation = allocation
        self.facility = SwiftToo(pause=lambda seconds: None)
        self.http = Http(Redactor([self.altdata.secret.get_secret_value()]))
        self.kept: JSON = {}
        self.link = Link(self.http, cast(MailLink, None), self.kept.update)

    def order(self, target: Mapping[str, Any] = SN, **fields: Any) -> SwiftOrder:
        payload = fields if "request_type" in fields else {**BRIGHT, **fields}
        return order_of(self.server.clock.now(), payload, target, self.altdata, self.allocation)

    def submit(self, order: SwiftOrder) -> Submission:
        return self.facility.submit(order, self.facility.prepare(order, self.link), self.link)

    def submitted(self, order: SwiftOrder) -> SwiftOrder:
        """The order once the server has taken it."""
        return known(order, self.submit(order))

    def poll(self, order: SwiftOrder) -> tuple[SwiftOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = replace(order, now=self.server.clock.now())
        progress = self.facility.poll(order, self.link)
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def at_once(self, order: SwiftOrder, seconds: float = 60.0) -> SwiftOrder:
        """The order of unknown outcome, a minute later."""
        self.advance(seconds)
        return replace(order, now=self.server.clock.now())

    def calls(self, path: str, method: str = "POST") -> list[JSON]:
        return [
            each for each in self.server.journal if each["method"] == method and each["path"].endswith(path)
        ]

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)


def known(order: SwiftOrder, submission: Submission) -> SwiftOrder:
    """The order as the library keeps it after a submission."""
    return replace(
        order,
        status=submission.status,
        facility_request_id=submission.facility_request_id,
        facility_data=submission.data,
    )
