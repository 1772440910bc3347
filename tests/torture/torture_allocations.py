"""Making, changing and removing an allocation, killed at each effect: record and secret stay together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import Way, all_ways
from tests.torture.workers import Done, Killed

JSON = dict[str, Any]
_WAYS = [way for way in all_ways() if str(way) in ("lco", "slack", "swift_too")]


@pytest.mark.parametrize("operation", ["create", "change", "remove"])
@pytest.mark.parametrize("way", _WAYS, ids=str)
def test_a_killed_change_of_an_allocation(bench: Bench, way: Way, operation: str) -> None:
    with counting(f"allocation: {operation}", str(way)) as counts:
        done = _killed(bench, way, operation, None)
        assert done

        def act(kill: Kill) -> None:
            _killed(bench, way, operation, kill)

        crashing.each_kill(done.effects, act, counts)


def _killed(bench: Bench, way: Way, operation: str, kill: Kill | None) -> Done | None:
    with bench.case(way.facility, SEED) as case:
        body = _body(case)
        if operation != "create":
            assert case.client()("POST", f"{case.path}/allocations", body).status == 201
            assert case.submit(way.body(bench, case)).status == 201  # it has learned, and used, something
            judge.credentials(bench, case)
        victim = crashing.Victim(case, way.facility, kill)
        method, url, content = _call(case, operation, body)
        try:
            assert case.client(victim.handler)(method, url, content).status in (200, 201, 204)
        except Killed:
            _repeat(case, operation, body)
        judge.credentials(bench, case)
        if operation != "remove":
            case.number += "-again"
            whole = {**way.body(bench, case), "allocation_id": body["id"]}
            reply = case.client()("POST", f"{case.path}/requests", whole)
            assert reply.status == 201, reply.text
        return victim.done


def _body(case: Case) -> JSON:
    notify = announcing.BY_SLACK
    return {**case.example.allocation, "id": case.allocation_id, "notify": notify}


def _call(case: Case, operation: str, body: JSON) -> tuple[str, str, JSON | None]:
    one = f"{case.path}/allocations/{case.allocation_id}"
    if operation == "create":
        return "POST", f"{case.path}/allocations", body
    if operation == "change":
        return "PATCH", one, {"pi": "Somebody else", "altdata": body["altdata"]}
    return "DELETE", f"{one}?force=true", None


def _repeat(case: Case, operation: str, body: JSON) -> None:
    """What a client does that had no answer: the same once more, and where that is refused, what it says."""
    method, url, content = _call(case, operation, body)
    reply = case.client()(method, url, content)
    if operation == "remove":
        assert reply.status in (204, 404), reply.text
    elif operation == "create" and reply.status == 409:  # it exists: put its content in place
        one = f"{case.path}/allocations/{case.allocation_id}"
        again = case.client()("PUT", one, body)
        assert again.status == 200, again.text
    elif operation == "change" and reply.status == 503:  # its secret is of another version: put it whole
        again = case.client()("PUT", url, {**body, "pi": "Somebody else"})
        assert again.status == 200, again.text
    else:
        assert reply.status in (200, 201), reply.text
