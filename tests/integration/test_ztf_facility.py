"""ZTF against its simulator: queues and sky maps sent, judged, followed, cancelled, and what they become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from slew.errors import NoAnswer
from slew.status import Status
from tests.integration.ztf_bench import FACILITY, QUEUES, Bench, serving
from tests.ztf_orders import JSON, NOW, PLAN, TRIGGERED

NAME = "ToO_GRB260311A"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


BOTH = pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])


@BOTH
@pytest.mark.parametrize("payload", [TRIGGERED, PLAN], ids=["triggered", "observation_plan"])
def test_a_queue_is_submitted_followed_and_completed(bench: Bench, personality: str, payload: JSON) -> None:
    bench.configure(personality=personality)
    total = 4 if payload is TRIGGERED else 3
    submission = bench.submit(payload)
    name = f"ToO_{payload['queue_name']}"
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, name)
    assert bench.live == [name]
    (put,) = bench.sent("PUT")
    assert put["path"] == QUEUES
    # The window opens two hours later; until then there is nothing to ask, and then it must not be late.
    assert submission.next_poll_s == pytest.approx(2 * 3600 / 1.1)
    assert {"queue_name": name, "user": "observer1", "targets": total}.items() <= bench.kept.items()
    assert bench.kept["validity_window_mjd"] == [61110.125, 61110.5]

    waiting = bench.poll(payload)
    assert waiting.status is Status.SUBMITTED
    assert "opens at 2026-03-11T03:00:00.000Z" in waiting.text
    bench.at(hours=2.1)
    current = bench.poll(payload)
    assert (current.status, current.next_poll_s) == (Status.IN_PROGRESS, 300)
    assert current.text == f"0 of {total} exposures done; it is the current queue"
    bench.observe(1)
    begun = bench.poll(payload)
    assert begun.text == f"1 of {total} exposures done; it is the current queue"
    assert begun.data["progress"] == pytest.approx(1 / total, abs=1e-4)
    bench.observe(10)
    ended = bench.poll(payload)
    assert (ended.status, ended.next_poll_s) == (Status.COMPLETE, None)
    assert "all done, or removed by an operator" in ended.text
    assert f"{total - 1} of {total} exposures were left" in ended.text


def test_what_is_kept_is_kept_before_anything_is_sent(bench: Bench) -> None:
    order = bench.order(TRIGGERED)
    seen: list[int] = []

    def keep(data: Any) -> None:
        seen.append(len(bench.server.journal))
        assert data["queue_name"] == NAME

    link = replace(bench.link, keep=keep)
    FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert seen == [0]


def test_a_queue_that_another_holds_off_is_submitted_still(bench: Bench) -> None:
    bench.submit({**TRIGGERED, "queue_name": "first"})
    bench.kept = {}
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    progress = bench.poll(TRIGGERED)
    assert (progress.status, progress.text) == (Status.SUBMITTED, "its window is open, nothing done yet")


def test_repeats_count_as_exposures(bench: Bench) -> None:
    payload = {**TRIGGERED, "n_repeats": 3, "field_ids": "699", "filters": "g"}
    bench.submit(payload)
    bench.at(hours=2.1)
    bench.observe(2)
    progress = bench.poll(payload)
    assert progress.data["left"] == 1
    assert progress.text.startswith("2 of 3 exposures done")


def test_a_window_that_ends_before_all_is_done(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    bench.observe(3)
    bench.poll(TRIGGERED)
    bench.at(hours=9)
    progress = bench.poll(TRIGGERED)
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)
    assert "partially observed: 3 of 4 exposures" in progress.reason


def test_a_window_that_nobody_looked_at_is_taken_for_complete_unconfirmed(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.at(hours=12)
    progress = bench.poll(TRIGGERED)
    assert progress.status is Status.COMPLETE
    assert "unconfirmed" in progress.text


def test_a_queue_that_stays_listed_after_its_end_has_expired(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.server.scheduler.expire = lambda mjd: None  # type: ignore[method-assign]
    bench.at(hours=12)
    assert bench.poll(TRIGGERED).status is Status.EXPIRED


def test_a_queue_that_an_operator_removes_before_its_window(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    del bench.server.scheduler.queues[NAME]
    progress = bench.poll(TRIGGERED)
    assert progress.status is Status.CANCELLED
    assert "removed by somebody else" in progress.reason


def test_somebody_else_s_queue_of_the_same_name_is_not_this_one(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    queue = bench.server.scheduler.queues[NAME]
    queue.window = (61110.2, 61110.4)
    assert bench.poll(TRIGGERED).status is Status.CANCELLED
    assert bench.cancel(TRIGGERED).status is Status.CANCELLED
    assert bench.live == [NAME]


def test_the_list_is_read_once_a_tick(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    link = bench.link
    for _ in range(3):
        bench.poll(TRIGGERED, link)
    assert len(bench.sent("GET")) == 1
    assert bench.sent("GET")[0] == {"method": "GET", "path": QUEUES, "body": {}}


def test_a_list_that_fails_is_not_asked_for_again_in_the_tick(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.configure(scheduler="down")
    link = bench.link
    for _ in range(3):
        with bench.failing(NoAnswer):
            bench.poll(TRIGGERED, link)
    assert len(bench.sent("GET")) == 1


@BOTH
def test_cancel(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    bench.submit(TRIGGERED)
    cancelled = bench.cancel(TRIGGERED)
    assert cancelled.status is Status.CANCELLED
    (deletion,) = bench.sent("DELETE")
    assert deletion["body"] == {"queue_name": NAME, "user": "observer1"}
    assert bench.live == []
    after = bench.poll(TRIGGERED)
    assert (after.status, after.text, after.next_poll_s) == (Status.CANCELLED, "deleted by Slew", None)


def test_cancel_of_what_has_ended_sends_nothing_and_says_how(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.at(hours=3)
    bench.observe(4)
    cancelled = bench.cancel(TRIGGERED)
    assert cancelled.status is Status.COMPLETE
    assert bench.sent("DELETE") == []


@BOTH
def test_validate_forwards_nothing(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    verdict = bench.validate(TRIGGERED)
    assert verdict.accepted
    assert [(each["method"], each["path"]) for each in bench.sent("PUT")] == [("PUT", f"{QUEUES}.test")]
    assert bench.live == []


@BOTH
def test_verify(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    found = bench.verify()
    assert (found.valid, found.details) == (True, {"queues": 2})
    assert [each["method"] for each in bench.sent("GET", "PUT", "DELETE")] == ["GET"]


def test_every_queue_is_listed_with_its_targets(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    order = bench.order(TRIGGERED)
    found = {each["name"]: each for each in FACILITY.queues(order.altdata, bench.link)}
    assert set(found) == {"default", "fallback", NAME}
    assert (found[NAME]["left"], found[NAME]["is_TOO"], found[NAME]["queue_type"]) == (4, True, "list")
    assert [each["field_id"] for each in found[NAME]["targets"]] == [699, 700, 699, 700]
    assert found["default"]["validity_window_mjd"] is None
