"""A submission killed at each of its effects: one trigger at most, and what the facility has is known."""

from __future__ import annotations

import pytest

from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import Way, all_ways
from tests.torture.workers import Killed


@pytest.mark.parametrize("way", all_ways(), ids=str)
def test_a_killed_submission(bench: Bench, way: Way) -> None:
    with counting("submit", str(way)) as counts:
        effects = _killed(bench, way, None)[1]
        assert len(effects) > 5
        crashing.each_kill(effects, lambda kill: _killed(bench, way, kill)[0], counts)


def _killed(bench: Bench, way: Way, kill: Kill | None) -> tuple[str, list[str]]:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case, announcing.BY_SLACK)
        body = way.body(bench, case)
        victim = crashing.Victim(case, way.facility, kill)
        try:
            case.submit(body, victim.handler)
        except Killed:
            again = case.submit(body)  # the client's retry, at once
            assert again.status in (200, 201, 202), again.text
        assert victim.killed == (kill is not None)
        first = case.request_id
        record = crashing.recover(bench, case, way)
        reply = case.submit(body)
        assert (reply.status, case.request_id) in ((200, first), (202, first)), (
            "a retry became another request"
        )
        triggers = way.triggers(case.journal())
        judge.once(triggers)
        judge.recovered(bench, case, record)
        outcome = judge.known(record, triggers, asked=way.can("reconcile"), undecided=way.undecided)
        events = judge.history(case, record)
        judge.credentials(bench, case)
        announcing.Announcer(bench, case).run()
        assert announcing.shown_on_slack(bench) == len(events), "not every change was shown once"
        return outcome, victim.done.effects if victim.done else []
