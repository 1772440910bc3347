"""Many requests at once: a tick's lanes, its order, what it leaves, and what two ticks do not do twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from botocore.client import BaseClient

from slew.handler import facility_handler
from slew import agenda, clock, config, redact, store, table, tracking, work
from slew.errors import NoAnswer
from slew.facility import Link, Order, Progress
from slew.work import Desk
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
RHYTHM_S = 600.0


class Watched(Toy):
    """Notes who is asked about, in order; `during` runs inside each poll."""

    def __init__(self) -> None:
        self.polled: list[str] = []
        self.at: list[tuple[str, float]] = []
        self.during: Callable[[Order[Any, Any]], None] = lambda order: None

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """As `during` lets it."""
        self.polled.append(order.request_id)
        self.at.append((order.request_id, clock.timestamp()))
        self.during(order)
        return Progress(None, "waits", next_poll_s=RHYTHM_S)


class InTurn(Watched):
    """Serves one caller at a time."""

    lanes = 1


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the library's clock."""
    offset = [0.0]

    def advance(seconds: float) -> None:
        offset[0] += seconds

    monkeypatch.setattr(clock, "_offset", lambda: offset[0])
    monkeypatch.setattr(work, "jittered", lambda seconds: seconds)
    return advance


@pytest.fixture
def call(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A handler that submits; moto takes one call at a time."""
    server = ToyServer()
    server.start()
    monkeypatch.setenv("SLEW_TOY_URL", server.url)
    one = threading.RLock()
    made = BaseClient._make_api_call  # type: ignore[attr-defined]

    def in_turn(self: Any, *arguments: Any) -> Any:
        with one:
            return made(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", in_turn)
    yield Client(facility_handler(Toy()))
    server.stop()


def submitted(call: Client, accounts: int, each: int, step: Callable[[], None] | None = None) -> list[str]:
    """Ids of requests, those of one account after another's."""
    ids = []
    for account in range(accounts):
        body = {"id": f"toy-{account}", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}}
        assert call("POST", f"{URL}/allocations", body).status == 201
        for _ in range(each):
            body = {
                "allocation_id": f"toy-{account}",
                "target": {"name": "SN 2023ixf", "ra": 210.9, "dec": 54.3},
                "payload": {"exposure": 300},
            }
            reply = call("POST", f"{URL}/requests", body)
            assert reply.status == 201, reply.text
            ids.append(reply.json["id"])
            if step:
                step()
    return ids


def tick(facility: Toy, seconds: float = 90.0) -> dict[str, int]:
    return tracking.tick(Desk(facility, clock.timestamp() + seconds))


def test_a_tick_that_runs_out_of_time_leaves_the_rest_to_the_next(
    call: Client, later: Callable[[float], None]
) -> None:
    ids = submitted(call, 1, 7, lambda: later(1))
    later(400)
    toy = InTurn()
    toy.during = lambda order: later(25)
    assert tick(toy) == {"looked_at": 3, "failed": 0}
    assert toy.polled == ids[:3]
    for left in ids[3:]:
        request = store.get_request(left)
        assert request is not None
        assert request.lease_until is None  # nothing is taken that is not begun
    assert tick(toy)["looked_at"] == 3
    assert tick(toy)["looked_at"] == 1
    assert toy.polled == ids


def test_what_is_due_longest_comes_first_across_accounts(
    call: Client, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda, "BATCH", 2)
    ids = submitted(call, 3, 3, lambda: later(10))
    later(400)
    toy = InTurn()
    assert tick(toy)["looked_at"] == 9
    assert toy.polled == ids


def test_accounts_are_asked_at_once_but_each_one_thing_at_a_time(
    call: Client, later: Callable[[float], None]
) -> None:
    ids = submitted(call, 4, 3)
    later(400)
    toy = Watched()
    together = threading.Barrier(4)
    busy: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def during(order: Order[Any, Any]) -> None:
        account = order.allocation.id
        busy[account] += 1
        most[account] = max(most[account], busy[account])
        together.wait(20)  # broken unless four are asked at once
        busy[account] -= 1

    toy.during = during
    assert tick(toy) == {"looked_at": 12, "failed": 0}
    assert sorted(toy.polled) == sorted(ids)
    assert set(most.values()) == {1}


def test_two_ticks_at_once_do_not_poll_a_request_twice(call: Client, later: Callable[[float], None]) -> None:
    ids = submitted(call, 5, 4)
    later(400)
    toy = Watched()
    toy.during = lambda order: time.sleep(0.02)
    ticks = [threading.Thread(target=tick, args=(toy,)) for _ in range(3)]
    for each in ticks:
        each.start()
    for each in ticks:
        each.join()
    assert sorted(toy.polled) == sorted(ids)


def test_what_another_tick_has_done_since_it_was_listed_is_not_done_again(
    call: Client, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(call, 2, 2)
    later(400)
    listed = list(store.due("toy", clock.timestamp(), 100))
    toy = Watched()
    tick(toy)
    monkeypatch.setattr(store, "due", lambda facility, now, page: iter(listed))
    assert tick(toy)["failed"] == 0
    assert len(toy.polled) == 4


def test_requests_that_cannot_be_read_do_not_keep_the_others_waiting(
    call: Client, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda, "BATCH", 2)
    *broken, good = submitted(call, 1, 6, lambda: later(1))
    for request_id in broken:
        table.client().update_item(
            TableName=config.table(),
            Key=table.key(f"REQUEST#{request_id}", "META"),
            UpdateExpression="SET doc = :doc",
            ExpressionAttributeValues={":doc": {"S": '{"status": "odd"}'}},
        )
    later(400)
    toy = Watched()
    assert tick(toy) == {"looked_at": 6, "failed": 5}
    assert toy.polled == [good]


def test_one_account_s_backlog_does_not_keep_the_others_waiting(
    call: Client, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agenda, "ACCOUNT_SHARE", 3)
    ids = submitted(call, 2, 8, lambda: later(1))
    later(400)
    toy = Watched()
    first_of_other = threading.Event()

    def during(order: Order[Any, Any]) -> None:
        if order.allocation.id == "toy-1":
            first_of_other.set()
        else:
            assert first_of_other.wait(20)

    toy.during = during
    assert tick(toy)["failed"] == 0
    assert sorted(toy.polled) == sorted(ids)


def test_a_facility_that_is_down_for_days_is_neither_forgotten_nor_hammered(
    call: Client, later: Callable[[float], None]
) -> None:
    ids = submitted(call, 2, 1)
    toy = Watched()

    def silence(order: Order[Any, Any]) -> None:
        raise NoAnswer("no answer")

    toy.during = silence
    for _ in range(2 * 24 * 6):
        later(600)
        tick(toy)
    for request_id in ids:
        asked = [at for each, at in toy.at if each == request_id]
        assert 40 <= len(asked) <= 60
        assert max(b - a for a, b in pairwise(asked)) <= 3600 + 600 + 60
        request = store.get_request(request_id)
        assert request is not None
        assert request.status.value == "submitted"
    toy.during = lambda order: None
    toy.polled.clear()
    for _ in range(7):
        later(600)
        tick(toy)
    assert set(toy.polled) == set(ids)
    toy.polled.clear()
    for _ in range(3):
        later(601)
        tick(toy)
    assert Counter(toy.polled) == dict.fromkeys(ids, 3)  # in its rhythm again


def test_each_thread_has_its_own_redactor() -> None:
    redact.use(redact.Redactor(["first-secret"]))
    seen: list[str] = []

    def other() -> None:
        redact.use(redact.Redactor(["second-secret"]))
        seen.append(redact.current.text("first-secret second-secret"))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == ["first-secret ********"]
    assert redact.current.text("first-secret second-secret") == "******** second-secret"
