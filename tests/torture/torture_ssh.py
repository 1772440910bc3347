"""Plans by SSH, killed at each effect: the plan is there once, whole, and is known."""

from __future__ import annotations

import pytest

from slew.status import Status
from tests.mma_bench import PLAN, SCP
from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import all_ways
from tests.torture.workers import Done, Killed

(_MMA,) = [way for way in all_ways() if str(way) == "mma"]


@pytest.mark.parametrize("sftp", [True, False], ids=["sftp", "scp"])
@pytest.mark.parametrize("method", ["POST", "DELETE"], ids=["submit", "cancel"])
def test_a_killed_transfer(bench: Bench, sftp: bool, method: str) -> None:
    with counting("plan by ssh", f"{method}-{sftp}") as counts:
        done, _ = _killed(bench, sftp, method, None)
        assert done
        crashing.each_kill(done.effects, lambda kill: _killed(bench, sftp, method, kill)[1], counts)


def _killed(bench: Bench, sftp: bool, method: str, kill: Kill | None) -> tuple[Done | None, str]:
    with bench.case(_MMA.facility, SEED) as case:
        port = bench.simulate("mma", "POST", "/_ssh", {"sftp": sftp})["port"]
        case.environment = {"SLEW_ENDPOINT_ALLOW_LIST": f"127.0.0.1:{port}"}
        _allocate(case, port)
        name = f"plan-{case.number}"
        window = {"start_date": "2035-08-22 02:00:00", "end_date": "2035-08-22 10:30:00"}
        body = {"payload": {**PLAN, **window, "queue_name": name}}
        victim = crashing.Victim(case, _MMA.facility, kill)
        handler = victim.handler
        if method == "DELETE":
            assert case.submit(body).status == 201
        try:
            if method == "DELETE":
                case.call("DELETE", handler=handler)
            else:
                case.submit(body, handler)
        except Killed:
            if method == "POST":
                assert case.submit(body).status in (200, 201, 202)
        record = crashing.recover(bench, case, _MMA)
        left = False
        if method == "DELETE" and record["status"] != Status.CANCELLED:
            left = _again(case)
            record = case.record()
        judge.recovered(bench, case, record)
        events = judge.history(case, record)
        outcome = _judged(bench, case, name, method, record["status"])
        outcome = "left to a person" if left else outcome
        if kill is None or kill.at % 4 == 0:
            announcing.Announcer(bench, case).run()
            assert announcing.shown_on_slack(bench) == len(events), "not every change was shown once"
        return victim.done, outcome


def _again(case: Case) -> bool:
    """The client's retry of a cancellation; whether a person had to end it.

    A file that is gone may have been removed by the first one, or taken by the telescope.
    """
    reply = case.call("DELETE")
    if reply.status == 200:
        return False
    assert "already taken: the file is no longer there" in reply.text, reply.text
    assert case.call("POST", "/close", {"status": "cancelled", "comment": "never taken"}).status == 200
    return True


def _allocate(case: Case, port: int) -> None:
    altdata = {**SCP, "port": str(port)}
    body = {**case.example.allocation, "id": case.allocation_id, "altdata": altdata}
    body["notify"] = announcing.BY_SLACK
    reply = case.client()("POST", f"{case.path}/allocations", body)
    assert reply.status == 201, reply.text


def _judged(bench: Bench, case: Case, name: str, method: str, status: str) -> str:
    moved = [each["to"] for each in bench.simulate("mma", "GET", "/_ssh_journal") if each["what"] == "moved"]
    there = [each["path"] for each in bench.simulate("mma", "GET", "/_files")]
    plans = [path for path in there if not path.endswith(".part")]
    assert len(moved) <= 1, f"renamed into place {len(moved)} times"
    if method == "DELETE":
        assert status == Status.CANCELLED
        assert not plans, f"cancelled, and still there: {plans}"
        return "cancelled"
    assert len(plans) == len(moved)
    assert status == (Status.SUBMITTED if moved else Status.UNKNOWN), f"{status} with {there}"
    assert all(name in path for path in plans)
    return "known" if moved else "unknown, and not there"
