"""A facility's messages killed at each effect: its client posts again, and nothing is lost or doubled."""

from __future__ import annotations

from typing import Any

import pytest

from slew.status import Status
from tests.support.calls import Client, Reply
from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import all_ways
from tests.torture.workers import Done, Killed

JSON = dict[str, Any]
(WAY,) = [way for way in all_ways() if str(way) == "sedm"]
SPECTRUM = "# EXPTIME: 1800.0\n3800.0 1.5e-16 1e-36\n3810.0 1.4e-16 1e-36\n"
_DELAYS_S = (2.0, 4.0, 8.0, 16.0, 32.0)  # the pauses of its client (card: five, back-off 2)


@pytest.mark.parametrize("message", ["spectrum", "status"])
def test_a_killed_message(bench: Bench, message: str) -> None:
    with counting("message", message) as counts:
        done = _killed(bench, message, None)
        assert done

        def act(kill: Kill) -> None:
            _killed(bench, message, kill)

        crashing.each_kill(done.effects, act, counts)


def _killed(bench: Bench, message: str, kill: Kill | None) -> Done | None:
    with bench.case(WAY.facility, SEED) as case:
        WAY.allocate(case, announcing.BY_SLACK)
        assert case.submit(WAY.body(bench, case)).status == 201
        number = case.record()["number"]
        bench.move(3600)
        victim = crashing.Victim(case, WAY.facility, kill)
        posts = {
            "spectrum": ("spectrum/ascii", {"ascii": SPECTRUM, "filename": f"spec_{case.number}.txt"}),
            "status": ("facility", {"new_status": "Completed Automatically 20261203T101112"}),
        }
        for name, (path, content) in posts.items():
            body = {**content, "followup_request_id": number}
            _post(bench, case, path, body, victim if name == message else None)
        assert victim.killed == (kill is not None)
        record = crashing.recover(bench, case, WAY)
        judge.recovered(bench, case, record)
        assert record["status"] == Status.COMPLETE, f"{record['status']}: {record['text']}"
        assert _kept(bench, case) == 2, "the spectrum and its table"
        events = judge.history(case, record)
        announcing.Announcer(bench, case).run()
        assert announcing.shown_on_slack(bench) == len(events), "not every change was shown once"
        return victim.done


def _post(bench: Bench, case: Case, path: str, body: JSON, victim: crashing.Victim | None) -> None:
    """Post until it is taken, as the facility's client does."""
    try:
        reply = _once(case, path, body, victim)
    except Killed:
        reply = None
    for delay in _DELAYS_S:
        if reply is not None and reply.status == 200:
            return
        assert reply is None or reply.status in (429, 503), reply.text
        bench.move(delay)
        reply = _once(case, path, body, None)
    assert reply is not None
    assert reply.status == 200, reply.text


def _once(case: Case, path: str, body: JSON, victim: crashing.Victim | None) -> Reply:
    token = case.example.allocation["altdata"]["listener_token"]
    client: Client = case.client(victim.handler if victim else None)
    client.principal_id = ""
    return client("POST", f"{case.path}/messages/api/{path}", body, {"Authorization": f"token {token}"})


def _kept(bench: Bench, case: Case) -> int:
    """Products that are listed, fetched and in the bucket."""
    items = case.items()
    listed = {
        str(each["name"])
        for item in items
        if item["sk"].startswith("PRODUCTS#")
        for each in item["doc"]["products"]
    }
    fetched = [item["doc"]["name"] for item in items if item["sk"].startswith("FETCH#")]
    assert sorted(fetched) == sorted(listed), f"listed {listed}, fetched {fetched}"
    found = bench.clients("s3").list_objects_v2(
        Bucket=bench.functions[case.facility].environment["SLEW_BUCKET"],
        Prefix=f"products/{case.facility}/{case.request_id}/",
    )
    assert found["KeyCount"] == len(listed)
    return len(listed)
