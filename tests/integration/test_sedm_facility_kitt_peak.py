"""SEDMv2 against its simulator, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from local.simulators.base import Fault
from local.simulators.sedm import SedmServer
from local.simulators.sedm.server import V2_PATH
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Link, MailLink, Order, Submission
from slew.http import Http
from slew.redact import Redactor
from slew.status import Status
from tests.sedm_orders import FACILITY, JSON, V2_ALTDATA, V2_TOKEN, order_of

PAGE = "<html><head><title>Sorry</title></head><body>Down &amp; out</body></html>"


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: SedmServer) -> None:
        self.server = server
        self.http = Http(Redactor([V2_TOKEN, "another-token"]))
        self.link = Link(self.http, cast(MailLink, None))
        self.shown: list[Any] = []

    def order(self, payload: JSON | None = None, **fields: Any) -> Order[Any, Any]:
        return order_of(payload, instrument="sedmv2", **fields)

    def submit(self, order: Order[Any, Any] | None = None) -> Submission:
        order = order or self.order()
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def taken(self, **fields: Any) -> Order[Any, Any]:
        """The order of a request that the server has."""
        number = self.submit(self.order(**fields)).facility_request_id
        return self.order(**fields, facility_request_id=number, status=Status.SUBMITTED)

    def update(self, order: Order[Any, Any]) -> Submission:
        return FACILITY.update(order, FACILITY.prepare(order, self.link), self.link)

    def fails(self, kind: type[FacilityError], act: Callable[[], Any] | None = None) -> FacilityError:
        with pytest.raises(kind) as caught:
            (act or self.submit)()
        assert type(caught.value) is kind
        self.shown.append((caught.value, caught.value.reason))
        return caught.value

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    @property
    def statuses(self) -> list[str]:
        return [each["status"] for each in self.server.kitt_peak.requests.values()]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    server = SedmServer()
    server.start()
    monkeypatch.setenv("SLEW_SEDM_V2_URL", server.extra_urls()["v2"])
    bench = Bench(server)
    yield bench
    server.stop()
    for secret in (V2_TOKEN, "another-token"):
        assert secret not in repr((bench.http.exchanges, bench.shown))


def test_a_request_is_taken(bench: Bench) -> None:
    submission = bench.submit()
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, "4321")
    (seen,) = bench.server.journal
    assert (seen["method"], seen["path"]) == ("POST", V2_PATH)
    assert seen["headers"]["Authorization"] == f"token {V2_TOKEN}"
    assert set(json.loads(seen["body"])) == {"obj_id", "allocation_id", "payload"}


@pytest.mark.parametrize(
    ("altdata", "reason"),
    [
        ({"api_token": "another-token"}, "SEDMv2 refused the credentials: HTTP 401: Unauthorized"),
        ({"allocation_id": 8}, "Cannot access allocation with ID: 8"),
    ],
)
def test_refusals(bench: Bench, altdata: JSON, reason: str) -> None:
    order = bench.order(altdata={**V2_ALTDATA, **altdata})
    assert bench.fails(Rejected, lambda: bench.submit(order)).reason == reason


def test_a_source_that_it_has_not(bench: Bench) -> None:
    bench.server.kitt_peak.sources = ["ZTF18other"]
    assert bench.fails(Rejected).reason == "Invalid obj_id: ZTF26aaabcde"


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ({"status": 200, "body": PAGE}, Unanswered, "not JSON"),
        ({"status": 200, "body": '{"status": "error", "message": "<b>full</b>"}'}, Rejected, "full"),
        ({"status": 200, "body": '{"status": "error"}'}, Rejected, '{"status": "error"}'),
        ({"status": 200, "body": '{"status": "success", "data": {}}'}, Unanswered, "gave no id"),
        ({"status": 502, "body": PAGE}, Unanswered, "HTTP 502 Sorry Down & out"),
        ({"status": 400, "body": PAGE}, Rejected, "Sorry Down & out"),
        ({"status": 429, "body": PAGE, "headers": {"Retry-After": "7"}}, NotSent, "throttled: Sorry"),
    ],
)
def test_other_answers(bench: Bench, fault: JSON, kind: type[FacilityError], reason: str) -> None:
    bench.fail("status", **fault)
    error = bench.fails(kind)
    assert reason in error.reason
    assert error.retry_after == (7 if kind is NotSent else None)
    assert len(bench.server.journal) == 1


def test_no_answer(bench: Bench) -> None:
    bench.fail("cut")
    bench.fails(Unanswered)
    assert bench.statuses == ["submitted"]


def test_an_update_is_a_put(bench: Bench) -> None:
    """SkyPortal posts a second request, and later deletes only the first (card: SEDMv2)."""
    order = bench.taken()
    assert (
        bench.update(replace(order, payload=bench.order({"priority": 5}).payload)).facility_request_id
        == "4321"
    )
    assert bench.server.journal[-1]["method"] == "PUT"
    assert bench.server.kitt_peak.requests[4321]["payload"]["priority"] == 5
    assert len(bench.server.kitt_peak.requests) == 1


def test_a_server_that_knows_no_put(bench: Bench) -> None:
    bench.server.kitt_peak.edits = False
    updated = bench.update(bench.taken())
    assert updated.facility_request_id == "4322"
    assert "the old one was deleted and a new one sent" in updated.notes[0]
    assert bench.statuses == ["deleted", "submitted"]


@pytest.mark.parametrize(("status", "waiting"), [(400, False), (429, True)])
def test_a_new_one_that_is_not_taken_leaves_neither(bench: Bench, status: int, waiting: bool) -> None:
    bench.server.kitt_peak.edits = False
    order = bench.taken()
    bench.fail("status", method="POST", status=status, body="no")
    error = cast(Withdrawn, bench.fails(Withdrawn, lambda: bench.update(order)))
    assert error.waiting is waiting
    assert bench.statuses == ["deleted"]


def test_an_update_that_cannot_delete_sends_nothing_new(bench: Bench) -> None:
    bench.server.kitt_peak.edits = False
    order = bench.taken()
    bench.fail("status", method="DELETE", status=409, body="busy")
    assert bench.fails(Rejected, lambda: bench.update(order)).reason == "busy"
    assert bench.statuses == ["submitted"]


def test_cancel(bench: Bench) -> None:
    order = bench.taken()
    assert FACILITY.cancel(order, bench.link).status is Status.CANCELLED
    assert bench.statuses == ["deleted"]
    reason = "Cannot find FollowupRequest with ID: 4321"
    assert bench.fails(Rejected, lambda: FACILITY.cancel(order, bench.link)).reason == reason
    bench.fails(Rejected, lambda: FACILITY.cancel(bench.order(), bench.link))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("submitted", Status.SUBMITTED),
        ("In progress", Status.IN_PROGRESS),
        ("Completed Automatically", Status.COMPLETE),
        ("rejected: too low", Status.REJECTED),
        ("failed", Status.FAILED),
        ("deleted", Status.CANCELLED),
        ("expired", Status.EXPIRED),
        ("clouds; not complete", None),
    ],
)
def test_status_where_it_is_wanted(bench: Bench, said: str, status: Status | None) -> None:
    order = bench.taken(altdata={**V2_ALTDATA, "status_query": True})
    bench.server.kitt_peak.requests[4321]["status"] = said
    progress = FACILITY.poll(order, bench.link)
    assert (progress.status, progress.text) == (status, said)


def test_status_is_else_not_asked_for(bench: Bench) -> None:
    order = bench.taken()
    seen = len(bench.server.journal)
    progress = FACILITY.poll(order, bench.link)
    assert progress.status is None
    assert len(bench.server.journal) == seen
    late = replace(order, now=order.now + timedelta(days=9))
    assert FACILITY.poll(late, bench.link).status is Status.EXPIRED


def test_a_server_without_a_status(bench: Bench) -> None:
    order = bench.taken(altdata={**V2_ALTDATA, "status_query": True})
    for fault in (
        {"status": 404, "body": PAGE},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": PAGE},
    ):
        bench.fail("status", **cast(JSON, fault))
        progress = FACILITY.poll(order, bench.link)
        assert (progress.status, progress.text) == (
            None,
            "status: not available at this facility (SEDMv2's server)",
        )
    bench.fail("status", status=503)
    bench.fails(NoAnswer, lambda: FACILITY.poll(order, bench.link))
    bench.fail("cut")
    bench.fails(NoAnswer, lambda: FACILITY.poll(order, bench.link))
