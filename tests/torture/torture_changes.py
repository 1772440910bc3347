"""Updates and cancellations killed at each of their effects: nothing goes twice or is left undecided."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from slew.status import Status
from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import Way, ways_that
from tests.torture.workers import Done, Killed

_SETTLE_S = 30.0  # between submission and change


@pytest.mark.parametrize("way", ways_that("update"), ids=str)
def test_a_killed_update(bench: Bench, way: Way) -> None:
    with counting("update", str(way)) as counts:
        _all(bench, way, "PUT", counts)


@pytest.mark.parametrize("way", ways_that("cancel"), ids=str)
def test_a_killed_cancellation(bench: Bench, way: Way) -> None:
    with counting("cancel", str(way)) as counts:
        _all(bench, way, "DELETE", counts)


def _all(bench: Bench, way: Way, method: str, counts: Counter[str]) -> None:
    done, _, clean = _killed(bench, way, method, None, Counter())
    assert done
    crashing.each_kill(done.effects, lambda kill: _killed(bench, way, method, kill, clean)[1], counts)


def _killed(
    bench: Bench, way: Way, method: str, kill: Kill | None, clean: Counter[str]
) -> tuple[Done | None, str, Counter[str]]:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case, announcing.BY_SLACK)
        assert case.submit(way.body(bench, case)).status == 201
        bench.move(_SETTLE_S)
        before = len(case.journal())
        triggers = way.triggers(case.journal())
        victim = crashing.Victim(case, way.facility, kill)
        body = way.update(bench, case) if method == "PUT" else None
        try:
            reply = case.call(method, "", body, victim.handler)
            assert reply.status in (200, 409), reply.text
        except Killed:
            _wait_for_the_lease(case, method, body)
        record = crashing.recover(bench, case, way)
        if method == "DELETE" and record["status"] in (Status.SUBMITTED, Status.IN_PROGRESS):
            record = _again(bench, case, way)
        journal = case.journal()
        sent = Counter(way.unsafe(journal[before:]))
        if kill is None:
            clean = sent
        judge.recovered(bench, case, record)
        outcome = _judged(way, method, record)
        _not_twice(sent, clean, method, way)
        if method == "DELETE":
            assert way.triggers(journal) == triggers, "a cancellation triggered"
        events = judge.history(case, record)
        if kill is None or kill.at % 4 == 0:
            announcing.Announcer(bench, case).run()
            assert announcing.shown_on_slack(bench) == len(events), "not every change was shown once"
        return victim.done, outcome, clean


def _again(bench: Bench, case: Case, way: Way) -> dict[str, Any]:
    """The client's retry of a cancellation; what it refuses is over, and a look or a person says so."""
    reply = case.call("DELETE")
    assert reply.status in (200, 409), reply.text
    if reply.status == 409 and way.can("poll"):
        case.advance(4000)
    elif reply.status == 409:
        closed = case.call(
            "POST", "/close", {"status": "cancelled", "comment": "they say that it is deleted"}
        )
        assert closed.status == 200, closed.text
    return case.record()


def _wait_for_the_lease(case: Case, method: str, body: object) -> None:
    """Whoever tries again at once is told that somebody is at it, or it had not begun."""
    record = case.record()
    if record["lease_until"] is not None:
        reply = case.call(method, "", body)
        assert reply.status == 409, f"taken over while leased: {reply.status} {reply.text}"


def _judged(way: Way, method: str, record: dict[str, object]) -> str:
    status = str(record["status"])
    if method == "DELETE":
        if status in (Status.CANCELLED, Status.COMPLETE):
            return status
        # The facility refused to cancel what it no longer has, or has begun: its words are shown.
        assert status in judge.KNOWN, status
        assert record["text"], "still there, and nobody is told why"
        return "left to a person"
    if status == Status.UNKNOWN:
        assert not way.can("reconcile") or way.undecided, "unknown, although the facility can be asked"
        return "unknown"
    assert status in judge.KNOWN, f"{status}: {record['reason']}"
    return "known"


def _not_twice(sent: Counter[str], clean: Counter[str], method: str, way: Way) -> None:
    """No unsafe request more often than where nothing is killed; a repeated cancellation may cancel again."""
    if method == "DELETE":
        return
    more = {name: count for name, count in sent.items() if count > clean[name]}
    assert not more, f"sent more often than {dict(clean)}: {more}"
