"""One facility's requests followed in virtual time: the library's own tick, over a counted table."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.counted_table import CountedTable
from benchmarks.mix import Share, example, facility_class, wish
from benchmarks.virtual import Invocation, TimeLimit, VirtualLanes, World
from local import template
from local.schedules import next_after
from local.stack import ROOT
from slew import aws, clock, limits, places, store, table, tracking, vault, work
from slew.errors import NoAnswer
from slew.facility import Facility, Link, Order, Progress
from slew.http import Http
from slew.records import Allocation, Request
from slew.status import Status
from slew.wire import Exchange

START = datetime(2026, 11, 23, 2, 6, tzinfo=UTC).timestamp()  # night at Palomar and on La Palma
VCPU_MB = 1769  # AWS, "Configure Lambda function memory": one processor's worth
AWS_S, AWS_CPU_S = 0.005, 0.002  # a call of DynamoDB; its CPU is that of docs/performance.md
CALL_CPU_S = 0.005  # an exchange over TLS on a connection of its own: assumed
LOOK_CPU_S = 0.001  # the library's own
DEAD_S = 10.0  # slew.http.CONNECT_TIMEOUT: a facility that is down does not answer at all
_WINDOW_S = 30 * 86400.0
_made = ""


@dataclass(frozen=True)
class Plan:
    """What is simulated. `down`: from and to, seconds after the start. None: what the code has."""

    share: Share
    lanes: int | None = None
    memory_mb: int | None = None
    down: tuple[float, float] | None = None


@dataclass
class Outcome:
    """What came of it. `late`: seconds from the wished time to the look, or to the end where there was none.

    `polled`: Unix seconds of each poll by request. `left`: requests overdue at the end.
    """

    plan: Plan
    hours: float
    late: list[float]
    polled: dict[str, list[float]]
    lanes: int
    memory_mb: int
    calls: int = 0
    ticks: int = 0
    at_once: int = 0
    out_of_time: int = 0
    killed: int = 0
    billed_s: float = 0.0
    reads: float = 0.0
    writes: int = 0
    table_calls: int = 0
    conflicts: int = 0
    left: int = 0


def simulate(plan: Plan) -> Outcome:
    """Run it in this process, whose clock, table and lanes of the library it replaces for good."""
    random.seed(plan.share.facility)
    share = plan.share
    system = template.load(ROOT / "template.yaml", {}, "http://localhost")
    function = next(each for each in system.functions if each.handler == f"{share.facility}.app.handler")
    (schedule,) = [each for each in system.schedules if each.function == function.name]
    world = World(START)
    base = facility_class(share)
    memory = plan.memory_mb or function.memory_mb
    outcome = Outcome(plan, share.hours, [], {}, plan.lanes or base.lanes, memory)

    counted = CountedTable(lambda: world.now, lambda: world.compute(AWS_CPU_S, AWS_S), outcome.late.append)
    facility = _facility(base, share, plan, world, outcome)
    for name, value in (("SLEW_TABLE", "slew"), ("POWERTOOLS_SERVICE_NAME", "follow")):
        os.environ[name] = value
    _replace(clock, "timestamp", lambda: world.now)
    _replace(aws, "client", lambda service: counted)
    _replace(tracking, "Lanes", lambda count: VirtualLanes(world, count))
    _load(counted, facility, share)
    running = 0

    def tick() -> None:
        nonlocal running
        invocation = Invocation(world.now + function.timeout_s, min(1.0, memory / VCPU_MB))
        world.me.invocation = invocation
        began, running = world.now, running + 1
        outcome.at_once = max(outcome.at_once, running)
        try:
            tracking.tick(work.Desk(facility, began + function.timeout_s))
        except TimeLimit:
            outcome.killed += 1
        running -= 1
        outcome.ticks += 1
        outcome.billed_s += world.now - began
        outcome.out_of_time += world.now - began >= function.timeout_s - tracking.TICK_MARGIN_S

    end = START + share.hours * 3600
    while at := next_after(schedule.expression, datetime.fromtimestamp(world.now, UTC)):
        if at.timestamp() >= end:
            break
        world.sleep(at.timestamp() - world.now)
        if function.reserved_concurrency is None or running < function.reserved_concurrency:
            world.spawn(tick, None)
    world.sleep(end - world.now)
    overdue = [world.now - at for at, _ in counted._due if at < world.now]
    outcome.late += overdue
    outcome.left = len(overdue)
    outcome.reads, outcome.writes = counted.reads, counted.writes
    outcome.table_calls, outcome.conflicts = counted.calls, counted.conflicts
    return outcome


def _facility(base: type[Facility], share: Share, plan: Plan, world: World, outcome: Outcome) -> Facility:
    def ask(link: Link) -> None:
        outcome.calls += 1
        if not plan.down or not plan.down[0] <= world.now - START < plan.down[1]:
            world.compute(CALL_CPU_S, random.expovariate(1 / share.call_s))
            return
        world.compute(CALL_CPU_S, DEAD_S)
        assert isinstance(link.http, Http)
        at = clock.isoformat(world.now)
        link.http.exchanges.append(
            Exchange(at, "GET", "https://example.org/", {}, "", "no_answer", 10_000, error="timed out")
        )
        raise NoAnswer("no answer")

    def poll(self: Facility, order: Order[Any, Any], link: Link) -> Progress:
        outcome.polled.setdefault(order.request_id, []).append(world.now)
        world.compute(LOOK_CPU_S)
        if not (share.listed and link.shared.get("list")):
            for _ in range(share.calls):
                ask(link)
            link.shared["list"] = True
        return Progress(None, "waits", next_poll_s=wished(order))

    members: dict[str, Any] = {"poll": poll} if base.poll is not Facility.poll else {}
    if plan.lanes:
        members["lanes"] = plan.lanes
    facility: Facility = type(base.__name__, (base,), members)()
    wished: Callable[[Order[Any, Any]], float | None] = (
        wish(share, facility) if members.get("poll") else lambda order: None
    )
    return facility


def _load(counted: CountedTable, facility: Facility, share: Share) -> None:
    """Live requests in a steady state: the time of each one's next poll is spread over its rhythm."""
    made, given = example(share)
    created = clock.isoformat(START - 86400)
    for number in range(share.accounts):
        name = f"account-{number}"
        allocation = Allocation(name, share.facility, "P. I.", "group", created, created, "x", "1")
        counted.load({**table.key(f"ALLOCATION#{name}", "META"), "doc": table.text(allocation.as_doc())})
        vault._cache[vault.name(share.facility, name)] = ("1", made["altdata"])
    data = {"window_start": clock.isoformat(START), "window_end": clock.isoformat(START + _WINDOW_S)}
    request = Request(
        id="@id@",
        facility=share.facility,
        facility_title=facility.title,
        allocation_id="@account@",
        group="group",
        target=given.get("target") or {"name": "S260311ab"},
        payload=given["payload"],
        requester={"username": "observer", "name": "First Observer", "email": "observer@example.org"},
        principal_id="0123456789abcdef",
        fingerprint="0" * 64,
        created_at=created,
        updated_at=created,
        status=Status.SUBMITTED,
        instrument=given.get("instrument"),
        facility_request_id="@number@",
        facility_data=data,
    )
    request = request.change(place=places.of(request), charge=limits.held(request))
    rhythm = _rhythm(facility, share, request) if facility.can("poll") else 0.0
    for number in range(share.requests):
        ends = clock.isoformat(START + random.uniform(0, _WINDOW_S))
        at = work.next_look(facility, request.change(window_end=ends), START)
        if facility.can("poll"):
            at = START + work.jittered(rhythm) * (1.0 if share.aligned else random.random())
        counted.load(_item(request.change(next_action_at=at, window_end=ends), number, share.accounts))


def _item(request: Request, number: int, accounts: int) -> dict[str, Any]:
    """As the store writes it; the record is turned into text only once for all of a facility's."""
    global _made
    marked = request.change(next_action_at=1.5, window_end="@end@")
    _made = _made or json.dumps(store._request_item(marked))
    assert request.next_action_at is not None
    text = _made
    for mark, value in (
        ("@id@", f"{number:024x}"),
        ("@account@", f"account-{number % accounts}"),
        ("@number@", str(number)),
        ("@end@", request.window_end or ""),
        ('\\"next_action_at\\": 1.5', f'\\"next_action_at\\": {request.next_action_at!r}'),
        ('"1.500"', f'"{request.next_action_at:.3f}"'),
    ):
        assert mark in text, mark
        text = text.replace(mark, value)
    item: dict[str, Any] = json.loads(text)
    return item


def _rhythm(facility: Facility, share: Share, request: Request) -> float:
    """Seconds between two polls, as wished at the start."""
    made = Allocation("account-0", share.facility, "P. I.", "group", "", "", "x", "1")
    order = work.order_of(facility, request, work.open_case(facility, made))
    return wish(share, facility)(order) or 0.0


def _replace(module: Any, name: str, value: Any) -> None:
    assert hasattr(module, name), name
    setattr(module, name, value)
