"""Many at once on a store that is atomic: one key, one trigger; changes against each other; ticks at once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from slew.status import Status
from slew.submission import request_id_of
from tests.support.calls import Client
from tests.torture import crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.ways import Way, all_ways, ways_that
from tests.torture.workers import Done, Job, Killed, together

JSON = dict[str, Any]
CLIENTS = 50
ROUNDS = 8
SPREAD_S = 0.6  # about as long as one of them takes
TICK: JSON = {"action": "poll"}


class Call(Exception):
    """Carries the event of a call out of the client that made it."""


def event_of(method: str, url: str, body: Any = None, headers: Any = None) -> JSON:
    """The event that API Gateway would make of a call."""
    caught: list[JSON] = []

    def handler(event: JSON, _context: Any) -> JSON:
        caught.append(event)
        return {"statusCode": 200}

    Client(handler)(method, url, body, headers)
    return caught[0]


def at_once(bench: Bench, case: Case, events: list[JSON], within_s: float = 0.0) -> list[JSON]:
    """Each event in a process of its own, all begun within a time; the answers."""
    chance = random.Random(f"{SEED} {case.number}")
    jobs: list[Job] = [
        replace(case.job(case.facility, event), delay_s=chance.uniform(0, within_s)) for event in events
    ]
    chance.shuffle(jobs)
    answers = []
    for found in together(jobs, bench.log):
        assert isinstance(found, Done), found
        answers.append(found.answer)
    return answers


def _submission(case: Case, body: JSON) -> JSON:
    whole = {**body, "allocation_id": case.allocation_id}
    return event_of("POST", f"{case.path}/requests", whole, case.key)


def _id(case: Case) -> str:
    return request_id_of(case.facility, "0123456789abcdef", case.key["Idempotency-Key"])


@pytest.mark.parametrize("way", all_ways(), ids=str)
def test_clients_with_one_key(bench: Bench, way: Way) -> None:
    with counting("race: one key", str(way)) as counts:
        for number in range(ROUNDS if way.facility != "atlas_forced_photometry" else 3):
            clients = CLIENTS if number == 0 else 6
            with bench.case(way.facility, SEED) as case:
                way.allocate(case)
                answers = at_once(bench, case, [_submission(case, way.body(bench, case))] * clients)
                statuses = Counter(answer["statusCode"] for answer in answers)
                assert set(statuses) <= {200, 201, 202}, f"{statuses} {answers[0].get('body')}"
                assert statuses[201] <= 1
                case.request_id = _id(case)
                judge.once(way.triggers(case.journal()))
                record = crashing.recover(bench, case, way)
                assert record["id"] == case.request_id
                assert record["status"] in judge.KNOWN, f"{record['status']}: {record['reason']}"
                judge.history(case, record)
            counts.update(rounds=1, clients=clients)


@pytest.mark.parametrize("way", ways_that("cancel"), ids=str)
def test_submission_against_cancellation(bench: Bench, way: Way) -> None:
    with counting("race: submit against cancel", str(way)) as counts:
        for _ in range(ROUNDS):
            with bench.case(way.facility, SEED) as case:
                way.allocate(case)
                case.request_id = _id(case)
                cancel = event_of("DELETE", f"{case.path}/requests/{case.request_id}")
                submit = _submission(case, way.body(bench, case))
                answers = at_once(bench, case, [submit, cancel, submit, cancel, cancel], SPREAD_S)
                statuses = Counter(answer["statusCode"] for answer in answers)
                assert set(statuses) <= {200, 201, 202, 404, 409}, str(statuses)
                judge.once(way.triggers(case.journal()))
                record = crashing.recover(bench, case, way)
                judge.history(case, record)
                assert record["status"] in {*judge.KNOWN, Status.CANCELLED.value}, record["reason"]
                counts.update(["rounds", str(record["status"])])


@pytest.mark.parametrize("way", [way for way in ways_that("update") if way.can("poll")], ids=str)
def test_poll_against_update(bench: Bench, way: Way) -> None:
    with counting("race: poll against update", str(way)) as counts:
        for _ in range(ROUNDS):
            with bench.case(way.facility, SEED) as case:
                way.allocate(case)
                assert case.submit(way.body(bench, case)).status == 201
                bench.move(way.class_.first_poll_s * 1.2)
                before = len(case.journal())
                path = f"{case.path}/requests/{case.request_id}"
                update = event_of("PUT", path, way.update(bench, case))
                refresh = event_of("POST", f"{path}/refresh")
                answers = at_once(bench, case, [TICK, update, TICK, refresh, update], SPREAD_S)
                statuses = Counter(answer["statusCode"] for answer in answers if "statusCode" in answer)
                assert set(statuses) <= {200, 409}, f"{statuses} {answers}"
                done = sum(
                    answer.get("statusCode") == 200 and '"action":"update"' in answer["body"].replace(" ", "")
                    for answer in answers
                )
                sent = Counter(way.unsafe(case.journal()[before:]))
                record = crashing.recover(bench, case, way)
                judge.recovered(bench, case, record)
                judge.history(case, record)
                assert record["status"] in judge.KNOWN, f"{record['status']}: {record['reason']}"
                counts.update(rounds=1, updated=done, refused=statuses[409], sent=sent.total())


@pytest.mark.parametrize("way", all_ways(), ids=str)
def test_ticks_at_once(bench: Bench, way: Way) -> None:
    """What waits to be sent, and two ticks, a refresh and the client's own repetition find it due."""
    with counting("race: ticks", str(way)) as counts:
        for _ in range(ROUNDS // 2):
            with bench.case(way.facility, SEED) as case:
                way.allocate(case)
                _leave_pending(bench, case, way)
                submit = _submission(case, way.body(bench, case))
                refresh = event_of("POST", f"{case.path}/requests/{case.request_id}/refresh")
                at_once(bench, case, [TICK, TICK, refresh, submit, TICK])
                judge.once(way.triggers(case.journal()))
                record = crashing.recover(bench, case, way)
                judge.once(way.triggers(case.journal()))
                assert record["status"] in judge.KNOWN, f"{record['status']}: {record['reason']}"
                judge.history(case, record)
            counts.update(["rounds"])


def _leave_pending(bench: Bench, case: Case, way: Way) -> None:
    """A submission whose process died before anything was sent, its lease over."""
    for effect in crashing.kills(12):
        victim = crashing.Victim(case, way.facility, effect)
        try:
            case.submit(way.body(bench, case), victim.handler)
        except Killed:
            found = [each for each in case.items() if each["pk"].startswith("REQUEST#")]
            if found:
                break
    case.request_id = _id(case)
    assert way.triggers(case.journal()) == []
    bench.move(bench.functions[way.facility].timeout_s + 10)
    case.tick()
    assert case.record()["status"] == Status.PENDING
