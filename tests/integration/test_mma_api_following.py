"""Plans at the simulated HTTP receiver after they were sent: reconciled, followed, cancelled, listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from slew.errors import (
    Invalid,
    MethodNotAllowed,
    NoAnswer,
    Rejected,
    Unanswered,
)
from slew.facility import Absent
from slew.status import Status
from tests.mma_bench import API, FACILITY, NAME, Bench, serving
from tests.mma_http_bench import PAGE, configure, fail, puts


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, API) as found:
        yield found


@pytest.fixture
def asking(bench: Bench) -> Bench:
    """A receiver that lists and deletes, too."""
    bench.altdata |= {"receiver_lists": True, "receiver_deletes": True}
    return bench


# -- reconcile


def test_reconcile_finds_it(asking: Bench) -> None:
    asking.submit()
    found = FACILITY.reconcile(asking.order(), asking.link)
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "1"


def test_reconcile_finds_nothing(asking: Bench) -> None:
    assert isinstance(FACILITY.reconcile(asking.order(), asking.link), Absent)


def test_reconcile_after_the_window(asking: Bench) -> None:
    asking.advance(2 * 86400)
    assert isinstance(FACILITY.reconcile(asking.order(), asking.link), Absent)


def test_a_receiver_without_a_list_is_sent_it_again(bench: Bench) -> None:
    assert isinstance(FACILITY.reconcile(bench.order(), bench.link), Absent)


# -- following


def test_a_plan_is_followed_to_its_end(asking: Bench) -> None:
    asking.submit()
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.text) == (Status.SUBMITTED, "pending, 0 of 2 observations done")
    assert progress.next_poll_s == 3600
    asking.advance(6 * 3600 + 400)
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.text) == (Status.IN_PROGRESS, "processing, 1 of 2 observations done")
    assert progress.next_poll_s == 600
    asking.advance(300)
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)


def test_a_plan_that_is_missed(asking: Bench) -> None:
    configure(asking, observing=False)
    asking.submit()
    asking.advance(86400)
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)
    assert progress.text.startswith("missed")


def test_a_plan_that_failed(asking: Bench) -> None:
    asking.submit()
    configure(asking, force={NAME: "failed"})
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.reason) == (Status.FAILED, "failed, 0 of 2 observations done")


def test_a_status_that_is_not_known_keeps_the_last(asking: Bench) -> None:
    asking.submit()
    configure(asking, force={NAME: "resting"})
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.next_poll_s) == (None, 3600)


def test_the_older_receiver_only_says_that_it_has_it(asking: Bench) -> None:
    configure(asking, style="old")
    asking.submit()
    assert FACILITY.poll(asking.order(), asking.link).text == "in the receiver's queue"
    asking.server.plans.clear()
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.text) == (None, "no longer at the receiver")
    asking.advance(86400)
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)


def test_a_plan_that_is_gone(asking: Bench) -> None:
    asking.submit()
    asking.server.plans.clear()
    progress = FACILITY.poll(asking.order(), asking.link)
    assert (progress.status, progress.text) == (None, "no longer at the receiver")


def test_a_receiver_without_a_list_tells_nothing(bench: Bench) -> None:
    bench.submit()
    progress = FACILITY.poll(bench.order(), bench.link)
    assert (progress.status, progress.text) == (
        None,
        "status: not available at this facility (this receiver)",
    )
    assert progress.next_poll_s == pytest.approx(14.5 * 3600 + 60, abs=1)
    bench.advance(86400)
    assert FACILITY.poll(bench.order(), bench.link).status is Status.EXPIRED
    assert puts(bench) == len(bench.server.journal)


def test_one_list_answers_for_all(asking: Bench) -> None:
    configure(asking, style="old")
    asking.submit()
    link = asking.link
    FACILITY.poll(asking.order(), link)
    FACILITY.poll(asking.order(), link)
    assert sum(entry["method"] == "GET" for entry in asking.server.journal) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, PAGE), (200, PAGE), (200, "[]"), (200, '{"status": "error", "message": "no"}'), (401, "")],
)
def test_answers_to_a_poll_that_say_nothing(asking: Bench, status: int, body: str) -> None:
    asking.submit()
    fail(asking, "status", "GET", status=status, body=body)
    with pytest.raises(NoAnswer):
        FACILITY.poll(asking.order(), asking.link)


# -- the rest


def test_cancel(asking: Bench) -> None:
    asking.submit()
    assert FACILITY.cancel(asking.order(), asking.link).status is Status.CANCELLED
    assert asking.server.plans == []
    assert asking.server.journal[-1]["query"] == f"queue_name={NAME}"


def test_cancelling_what_is_not_there(asking: Bench) -> None:
    asking.submit()
    asking.server.plans.clear()
    with pytest.raises(Rejected, match="not removed: HTTP 400"):
        FACILITY.cancel(asking.order(), asking.link)


def test_what_an_earlier_cancellation_removed_is_cancelled(asking: Bench) -> None:
    asking.submit()
    asking.server.plans.clear()
    again = FACILITY.cancel(replace(asking.order(), cancel_sent=True), asking.link)
    assert again.status is Status.CANCELLED
    assert again.text.startswith("it had been removed before (")


def test_cancelling_at_a_receiver_that_cannot(bench: Bench) -> None:
    bench.submit()
    with pytest.raises(Rejected, match="Cannot remove observation plans from the queue of this instrument"):
        FACILITY.cancel(bench.order(), bench.link)
    assert puts(bench) == len(bench.server.journal)


def test_a_cancellation_whose_answer_is_lost(asking: Bench) -> None:
    asking.submit()
    fail(asking, "status", "DELETE", status=502)
    with pytest.raises(Unanswered):
        FACILITY.cancel(asking.order(), asking.link)


def test_a_plan_is_not_changed(bench: Bench) -> None:
    bench.submit()
    with pytest.raises(Rejected, match="names are unique"):
        bench.update(end_date="2026-08-22 11:00:00")
    assert puts(bench) == 1


def test_an_update_cannot_rename(bench: Bench) -> None:
    bench.submit()
    with pytest.raises(Invalid, match="cannot change"):
        bench.update(queue_name="another")


def test_verify(asking: Bench) -> None:
    asking.submit()
    found = FACILITY.verify(asking.order().altdata, asking.link)
    assert (found.valid, found.details) == (True, {"plans": 1})
    asking.altdata["access_token"] = "wrong-token"
    found = FACILITY.verify(asking.order().altdata, asking.link)
    assert not found.valid
    assert "refused the token" in found.text


def test_verifying_where_nothing_is_harmless(bench: Bench) -> None:
    with pytest.raises(MethodNotAllowed, match="receiver_lists"):
        FACILITY.verify(bench.order().altdata, bench.link)


def test_queues(asking: Bench) -> None:
    asking.submit()
    assert FACILITY.queues(asking.order().altdata, asking.link) == [
        {"name": NAME, "id": "1", "status": "pending"}
    ]
    with pytest.raises(Rejected):
        FACILITY.queues(Bench(asking.server, {**API, "port": 1}).order().altdata, asking.link)


def test_another_branch_does_not_hear_of_it(bench: Bench) -> None:
    bench.submit()
    bench.altdata = {"type": "email", "email": "too@example.org"}
    with pytest.raises(Rejected, match="sent by api, but the allocation's altdata now says email"):
        FACILITY.cancel(bench.order(), bench.link)


def test_the_record_of_an_exchange(bench: Bench) -> None:
    bench.submit()
    [exchange] = bench.http.exchanges
    assert exchange.request_headers["Authorization"] == "token ********"
    assert json.loads(exchange.request_body)["queue_name"] == NAME
