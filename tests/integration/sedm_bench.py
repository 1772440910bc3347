"""SEDM's simulator and one allocation's way to it, for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from local.simulators.base import Fault
from local.simulators.sedm import SedmServer
from local.simulators.sedm.bookings import Booking
from slew.errors import FacilityError
from slew.facility import Link, MailLink, Order, Submission
from slew.http import Http
from slew.redact import Redactor
from slew.status import Status
from tests.sedm_orders import FACILITY, JSON, PASSWORD, TOKEN, order_of

AnyOrder = Order[Any, Any]
PAGE = "<html><head><title>Service Unavailable</title></head><body>Down for maintenance</body></html>"


class Bench:
    """The simulator, and one allocation's way to it; orders are of the simulator's time."""

    def __init__(self, server: SedmServer) -> None:
        self.server = server
        self.http = Http(Redactor([PASSWORD, TOKEN]))
        self.kept: JSON = {}
        self.link = Link(self.http, cast(MailLink, None), keep=self.kept.update)
        self.shown: list[Any] = []

    def order(self, payload: JSON | None = None, **fields: Any) -> AnyOrder:
        now = self.server.clock.now()
        return order_of(payload, **{"now": now, "created_at": now, **fields})

    def submit(self, order: AnyOrder | None = None) -> Submission:
        order = order or self.order()
        submission = FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)
        self.shown.append(submission)
        return submission

    def booked(self, payload: JSON | None = None, **fields: Any) -> AnyOrder:
        """The order of a request that SEDM has."""
        return self.known(self.order(payload, **fields), self.submit(self.order(payload, **fields)))

    def known(self, order: AnyOrder, submission: Submission) -> AnyOrder:
        data = {**order.facility_data, **submission.data}
        known_id = submission.facility_request_id
        return replace(order, facility_request_id=known_id, facility_data=data, status=Status.SUBMITTED)

    def update(self, order: AnyOrder) -> Submission:
        return FACILITY.update(order, FACILITY.prepare(order, self.link), self.link)

    def fails(self, kind: type[FacilityError], act: Callable[[], Any] | None = None) -> FacilityError:
        with pytest.raises(kind) as caught:
            (act or self.submit)()
        self.shown.append((caught.value, caught.value.reason))
        return caught.value

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    @property
    def entries(self) -> list[Booking]:
        return self.server.book.entries

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.entries]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The usual bench; whatever the test did, nothing that is kept or told may hold a secret."""
    server = SedmServer()
    monkeypatch.setenv("SLEW_SEDM_URL", server.start())
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", "900000-999999")
    bench = Bench(server)
    yield bench
    server.stop()
    for secret in (PASSWORD, TOKEN):
        assert secret not in repr((bench.http.exchanges, bench.shown, bench.kept))
