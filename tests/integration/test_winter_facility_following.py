"""Following WINTER's schedules at its simulator: every state, and reconciliation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from slew.errors import NoAnswer, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from tests.integration.winter_bench import FACILITY, HTML, JSON, Bench, benched

DAY = 86400.0
WEEK = 7 * DAY


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


# -- status


@pytest.mark.parametrize("tables", ["columns", "rows"])
def test_a_schedule_goes_through_its_states(bench: Bench, tables: str) -> None:
    bench.configure(tables=tables)
    order, progress = bench.poll(bench.submitted(bench.order(filters=["J", "Hs"])))
    assert (progress.status, progress.text) == (Status.SUBMITTED, "attempted 0 of 2 rows")
    assert progress.next_poll_s == 900.0
    bench.observe(order, rows=1)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 900.0)
    assert progress.text.startswith("attempted 1 of 2 rows; 7 images")
    bench.observe(order)
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert progress.text.startswith("attempted 2 of 2 rows; 14 images")
    assert progress.next_poll_s == 3600.0
    bench.advance(2 * DAY)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)


def test_attempted_is_not_yet_a_success(bench: Bench) -> None:
    order = bench.submitted()
    bench.observe(order, images=False)
    _, progress = bench.poll(order)
    assert (progress.status, progress.products) == (Status.COMPLETE, None)
    assert progress.text == "attempted 1 of 1 rows; no images yet"


@pytest.mark.parametrize(
    ("rows", "status", "text"),
    [
        (0, Status.EXPIRED, "attempted 0 of 2 rows"),
        (1, Status.COMPLETE, "partly: attempted 1 of 2 rows"),
        (2, Status.COMPLETE, "attempted 2 of 2 rows"),
    ],
)
def test_the_window_ends(bench: Bench, rows: int, status: Status, text: str) -> None:
    order = bench.submitted(bench.order(filters=["J", "Hs"]))
    bench.observe(order, rows=rows)
    bench.advance(WEEK + 60)
    order, progress = bench.poll(order)
    assert (progress.status, progress.text.partition(";")[0]) == (status, text)
    assert (progress.next_poll_s is None) == (status is Status.EXPIRED)


def test_by_day_it_is_asked_less_often(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(15 * 3600)  # 20:00 UTC: noon in California
    assert bench.poll(order)[1].next_poll_s == 3600.0


def test_before_the_window_it_is_asked_at_its_opening(bench: Bench) -> None:
    order = bench.submitted(bench.order(start_date="2026-12-01 07:00:00"))
    assert bench.poll(order)[1].next_poll_s == 2 * 3600.0
    late = bench.submitted(bench.order(start_date="2026-12-05 07:00:00"))
    assert bench.poll(late)[1].next_poll_s == 6 * 3600.0


def test_one_summary_serves_a_tick(bench: Bench) -> None:
    orders = []
    for name in ("ZTF26aaaaaaa", "ZTF26aaaaaab", "ZTF26aaaaaac"):
        orders.append(replace(bench.submitted(bench.order(target={"name": name}))))
        bench.advance(2)
    link = bench.link
    for order in orders:
        assert FACILITY.poll(order, link).status is Status.SUBMITTED
    assert len(bench.calls("GET", "/too/summary")) == 1


def test_a_name_that_is_missing_is_a_warning(bench: Bench) -> None:
    bench.configure(visible_after_s=30)
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.text.endswith("not listed yet")) == (None, True)
    bench.advance(40)
    order, progress = bench.poll(order)
    assert progress.status is Status.SUBMITTED
    bench.server.store.schedules.clear()
    bench.advance(600)
    order, progress = bench.poll(order)
    assert progress.status is None
    assert progress.text.startswith("warning: schedule request_2026B001_")
    assert [call["query"].endswith("include_archived=True") for call in bench.calls("GET", "/too/summary")][
        -1
    ]
    bench.advance(2 * WEEK)
    assert bench.poll(order)[1].status is Status.EXPIRED


def test_another_trigger_in_the_same_second_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes do not know of each other: the second schedule overwrites the first."""
    monkeypatch.setenv("SLEW_WINTER_SPACING_S", "0")
    first = bench.submitted(bench.order(filter="Y"))
    second = bench.submitted(bench.order(filter="J"))
    third = bench.submitted(bench.order(target={"name": "SN 2023ixf"}))
    assert first.facility_request_id == second.facility_request_id == third.facility_request_id
    for lost in (first, second):
        _, progress = bench.poll(lost)
        assert (progress.status, progress.next_poll_s) == (Status.FAILED, None)
        assert "same second" in progress.reason
    assert bench.poll(third)[1].status is Status.SUBMITTED


def test_same_target_other_filter_in_the_same_second(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_WINTER_SPACING_S", "0")
    first = bench.submitted(bench.order(filter="Y"))
    second = bench.submitted(bench.order(filter="J"))
    assert bench.poll(first)[1].status is Status.FAILED
    assert bench.poll(second)[1].status is Status.SUBMITTED


def test_a_deleted_one_lingers_and_goes(bench: Bench) -> None:
    bench.configure(shown_after_deletion_s=60)
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    cancelled = replace(order, status=Status.CANCELLED, facility_data={**order.facility_data, **bench.kept})
    cancelled, progress = bench.poll(cancelled)
    assert (progress.status, progress.next_poll_s) == (None, 900.0)
    assert "still lists it" in progress.text
    bench.advance(300)
    assert bench.poll(cancelled)[1].status is Status.CANCELLED
    unanswered = replace(cancelled, status=Status.SUBMITTED, cancel_sent=True)  # its deletion had no answer
    assert bench.poll(unanswered)[1].status is Status.CANCELLED


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 502, "body": HTML}, "502 Bad Gateway"),
        (
            {"status": 401, "body": '{"detail": "Incorrect email or password"}'},
            "credentials: Incorrect email",
        ),
        ({"status": 200, "body": HTML}, "not JSON"),
        ({"status": 200, "body": '{"body": 7}'}, "cannot be read"),
        ({"status": 200, "body": '{"body": {"too_schedule_name": {"0": 7}}}'}, "cannot be read"),
        (
            {"status": 200, "body": '{"body": [{"too_schedule_name": "x", "attempted_frac": NaN}]}'},
            "progress",
        ),
    ],
)
def test_a_summary_that_cannot_be_read_decides_nothing(bench: Bench, fault: JSON, reason: str) -> None:
    order = bench.submitted()
    bench.fail("status", path="/too/summary", **fault)
    with pytest.raises(NoAnswer, match=reason):
        bench.poll(order)


# -- reconcile


def test_a_schedule_made_behind_a_cut_line_is_found(bench: Bench) -> None:
    for other in (
        {"filter": "Y"},
        {"filters": ["J", "Hs"]},
        {"end_date": "2026-12-09"},
        {"target": {"name": "X"}},
    ):
        bench.submitted(bench.order(**other))
        bench.advance(2)
    bench.fail("cut", method="POST")
    order = bench.order()
    with pytest.raises(Unanswered):
        bench.submit(order)
    order = bench.unsettled(order)
    bench.advance(120)
    found = FACILITY.reconcile(replace(order, now=bench.server.clock.now()), bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == bench.schedules()[-1]
    known = replace(order, facility_request_id=found.facility_request_id, facility_data=found.data)
    assert bench.poll(known)[1].status is Status.SUBMITTED


def test_a_schedule_that_was_never_made_is_absent(bench: Bench) -> None:
    bench.submitted()  # alike, but ten minutes earlier
    bench.advance(600)
    bench.fail("refuse", method="POST")
    order = bench.order(start_date="2026-12-01 05:00:00", end_date="2026-12-08 05:00:00")
    with pytest.raises(Unanswered):
        bench.submit(order)
    assert FACILITY.reconcile(bench.unsettled(order), bench.link) == Absent()


def test_two_alike_are_left_to_a_person(bench: Bench) -> None:
    window: JSON = {"start_date": "2026-12-01 05:00:00", "end_date": "2026-12-08 05:00:00"}
    bench.submitted(bench.order(**window))
    bench.advance(5)
    bench.fail("cut", method="POST")
    order = bench.order(**window)
    with pytest.raises(Unanswered):
        bench.submit(order)
    assert FACILITY.reconcile(bench.unsettled(order), bench.link) is None


def test_one_that_is_over_already_is_found_as_well(bench: Bench) -> None:
    bench.fail("cut", method="POST")
    order = bench.order(end_date="2026-12-01 06:00:00")
    with pytest.raises(Unanswered):
        bench.submit(order)
    bench.advance(DAY)
    found = FACILITY.reconcile(bench.unsettled(order), bench.link)
    assert isinstance(found, Submission)


def test_a_name_of_another_form_is_left_to_a_person(bench: Bench) -> None:
    order = bench.submitted()
    [schedule] = bench.server.store.schedules.values()
    schedule.name = "request_7"
    bench.server.store.schedules = {"request_7": schedule}
    assert FACILITY.reconcile(order, bench.link) is None


def test_without_a_summary_nothing_is_decided(bench: Bench) -> None:
    bench.fail("status", status=502, body=HTML, path="/too/summary")
    with pytest.raises(NoAnswer):
        FACILITY.reconcile(bench.order(), bench.link)
