"""Liverpool Telescope against its simulator: cancel and update, with what is left where one fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.lt import LtServer
from lt import rtml
from lt.document import LtOrder
from slew.errors import NotSent, Rejected, Unanswered
from slew.facility import Submission
from slew.status import Status
from tests.integration.lt_bench import HTML, Bench, nobody_there, simulator, usual
from tests.lt_orders import FACILITY, TARGET

JSON = dict[str, Any]
FILE: JSON = {"name": "h_e_20261122_1_1_1_1.fits", "night": "20261122", "stage": "reduced"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LtServer]:
    with simulator(monkeypatch) as running:
        running.config.plan = []  # the tests say what becomes of a group
        yield running


@pytest.fixture
def bench(server: LtServer) -> Iterator[Bench]:
    with usual(server) as bench:
        yield bench


# -- cancel


def test_a_cancelled_group_is_gone(bench: Bench) -> None:
    order = bench.submitted()
    cancellation = FACILITY.cancel(order, bench.link)
    assert (cancellation.status, cancellation.text) == (Status.CANCELLED, "Document aborted.")
    assert bench.uids() == []
    assert bench.modes() == ["request", "update", "abort"]
    cancelled = replace(order, status=Status.CANCELLED)
    _, progress = bench.poll(cancelled)
    assert (progress.status, progress.next_poll_s) == (None, None)


def test_what_an_earlier_abort_removed_is_cancelled(bench: Bench) -> None:
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    with pytest.raises(Rejected):
        FACILITY.cancel(order, bench.link)
    again = FACILITY.cancel(replace(order, cancel_sent=True), bench.link)
    assert again.status is Status.CANCELLED
    assert again.text.startswith("it had been withdrawn before (")


def test_what_has_been_observed_is_not_deleted(bench: Bench) -> None:
    order = bench.submitted()
    bench.execute(order, "completed")
    with pytest.raises(Rejected, match="already observed"):
        FACILITY.cancel(order, bench.link)
    assert bench.uids() == [order.facility_request_id]


def test_an_lt_without_status_service_can_still_abort(bench: Bench) -> None:
    bench.configure(status_service=False)
    order = bench.submitted()
    assert FACILITY.cancel(order, bench.link).text == "Document aborted."


def test_a_refused_abort_gives_the_reason(bench: Bench) -> None:
    order = replace(bench.submitted(), facility_request_id="u-1-2")
    with pytest.raises(Rejected, match=r"^handleAbort:Failed to find group u-1-2"):
        FACILITY.cancel(order, bench.link)


@pytest.mark.parametrize(("kind", "left"), [("cut", 0), ("refuse", 1)])
def test_an_abort_without_an_answer(bench: Bench, kind: str, left: int) -> None:
    bench.configure(status_service=False)
    order = bench.submitted()
    FACILITY.poll(order, bench.link)
    bench.server.faults.clear()
    original = bench.http.send

    def failing(request: Any, **more: Any) -> Any:
        if b'mode="abort"' in request.body:
            bench.fail(kind)
        return original(request, **more)

    bench.http.send = failing  # type: ignore[method-assign]
    with pytest.raises(Unanswered):
        FACILITY.cancel(order, bench.link)
    assert len(bench.uids()) == left


def test_cancelling_while_the_lt_is_down(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bench.submitted()
    with nobody_there(monkeypatch), pytest.raises(NotSent):
        FACILITY.cancel(order, bench.link)
    assert bench.uids() == [order.facility_request_id]


def test_nothing_to_cancel_without_a_uid(bench: Bench) -> None:
    with pytest.raises(Rejected, match="uid"):
        FACILITY.cancel(bench.order(), bench.link)


# -- update


def changed(bench: Bench, order: LtOrder, fields: JSON, **target: Any) -> LtOrder:
    fresh = bench.order(str(order.instrument), fields, target={**TARGET, **target})
    return replace(
        fresh,
        status=order.status,
        created_at=order.created_at,
        facility_request_id=order.facility_request_id,
        facility_data=order.facility_data,
    )


def update(bench: Bench, wanted: LtOrder) -> Submission:
    return FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)


def test_a_change_is_a_new_document_before_the_old_one_goes(bench: Bench) -> None:
    order = bench.submitted()
    submission = update(bench, changed(bench, order, {"observation_choices": ["z"], "exposure_time": 60}))
    assert submission.facility_request_id == f"{order.facility_request_id}-r2"
    [group] = bench.groups()
    assert (group["uid"], group["schedules"]) == (submission.facility_request_id, [["IO:O", "Z", 60.0, 1]])
    assert (submission.notes, submission.data["superseded"]) == ((), [])
    assert bench.modes() == ["request", "update", "request", "abort"]
    again = update(bench, changed(bench, bench.known(order, submission), {"observation_choices": ["i"]}))
    assert bench.uids() == [f"{order.facility_request_id}-r3"] == [again.facility_request_id]


def test_a_corrected_position_is_looked_at(bench: Bench) -> None:
    order = bench.submitted()
    update(bench, changed(bench, order, {}, dec=34.85))
    [group] = bench.groups()
    assert group["position"][1] == pytest.approx(34.85)


def test_the_simulated_lt_keeps_to_the_first_position_of_a_name(bench: Bench) -> None:
    bench.submitted()
    bench.submitted(bench.order(request_id="f" * 24, target={"dec": 34.85}))
    assert [each["position"][1] for each in bench.groups()] == [pytest.approx(TARGET["dec"])] * 2


def test_a_refused_change_leaves_the_old_document(bench: Bench) -> None:
    order = bench.submitted()
    bench.server.proposals["PL26A99"].balance_h = -1.2
    with pytest.raises(Rejected, match="overdrawn"):
        update(bench, changed(bench, order, {"exposure_time": 60}))
    assert bench.uids() == [order.facility_request_id]


def test_what_has_been_observed_is_not_asked_for_again(bench: Bench) -> None:
    order = bench.submitted()
    bench.execute(order, "completed")
    with pytest.raises(Rejected, match="already observed"):
        update(bench, changed(bench, order, {"exposure_time": 60}))
    assert bench.uids() == [order.facility_request_id]


def failing_abort(bench: Bench) -> None:
    """Let the next abort be refused by a proxy."""
    original = bench.http.send

    def send(request: Any, **more: Any) -> Any:
        if b'mode="abort"' in request.body:
            bench.http.send = original  # type: ignore[method-assign]
            bench.fail("status", status=502, body=HTML)
        return original(request, **more)

    bench.http.send = send  # type: ignore[method-assign]


def test_an_old_document_that_cannot_be_withdrawn_is_told_and_cancelled_later(bench: Bench) -> None:
    order = bench.submitted()
    failing_abort(bench)
    submission = update(bench, changed(bench, order, {"exposure_time": 60}))
    [note] = submission.notes
    assert f"the former document {order.facility_request_id} could not be withdrawn" in note
    assert submission.data["superseded"] == [order.facility_request_id]
    assert len(bench.uids()) == 2
    FACILITY.cancel(bench.known(order, submission), bench.link)
    assert bench.uids() == []


@pytest.mark.parametrize(("kind", "arrived"), [("cut", True), ("refuse", False)])
def test_a_change_without_an_answer_is_settled_later(bench: Bench, kind: str, arrived: bool) -> None:
    order = bench.submitted()
    wanted = changed(bench, order, {"exposure_time": 60})
    prepared = FACILITY.prepare(wanted, bench.link)
    original = bench.http.send

    def send(request: Any, **more: Any) -> Any:
        if b'mode="request"' in request.body:
            bench.fail(kind)
        return original(request, **more)

    bench.http.send = send  # type: ignore[method-assign]
    with pytest.raises(Unanswered):
        FACILITY.update(wanted, prepared, bench.link)
    found = FACILITY.reconcile(order, bench.link)
    assert isinstance(found, Submission)
    new = rtml.revised_uid(str(order.facility_request_id))
    assert found.facility_request_id == (new if arrived else order.facility_request_id)
    assert bench.uids() == [found.facility_request_id]
    words = "the former document is withdrawn" if arrived else "has not got the change: update it again"
    assert words in found.text
    assert bench.poll(bench.known(wanted, found))[1].status is Status.SUBMITTED
