"""One operation killed at one of its effects, and recovery from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from slew.status import ENDED, Status
from tests.support.calls import Handler
from tests.torture import judge
from tests.torture.bench import Bench, Case
from tests.torture.injector import Kill
from tests.torture.ways import Way
from tests.torture.workers import Done, Killed

_SETTLED = {each.value for each in ENDED} | {Status.SUBMITTED.value, Status.IN_PROGRESS.value}
_RECOVERY_S = (5.0, 130.0, 130.0, 600.0, *[3600.0] * 4)  # some facilities' lists are renewed hourly


class Victim:
    """A handler whose one invocation is killed where `kill` says."""

    def __init__(self, case: Case, function: str, kill: Kill | None) -> None:
        self.case, self.function, self.kill = case, function, kill
        self.done: Done | None = None
        self.killed = False

    @property
    def handler(self) -> Handler:
        """For `Case.submit` and `Case.call`, which raise Killed."""

        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            try:
                self.done = self.case.invoke_once(self.function, event, self.kill)
            except Killed:
                self.killed = True
                raise
            answer: dict[str, Any] = self.done.answer
            return answer

        return handler


def kills(effects: int) -> Iterator[Kill]:
    """Before and after each."""
    for at in range(1, effects + 1):
        yield Kill(at, "before")
        yield Kill(at, "after")


def each_kill(
    effects: Sequence[str],
    act: Callable[[Kill], str | Mapping[str, int] | None],
    counts: Counter[str],
    chosen: Iterable[Kill] | None = None,
) -> None:
    """Kill before and after each effect, or where it is `chosen`, and count; see `judge.each`."""
    judge.each(
        kills(len(effects)) if chosen is None else chosen,
        act,
        counts,
        lambda kill: f"{kill} ({effects[kill.at - 1]})",
        ("cases", "kills"),
    )


def recover(bench: Bench, case: Case, way: Way, *, waits: tuple[float, ...] = _RECOVERY_S) -> dict[str, Any]:
    """The schedule's ticks, beginning once the dead invocation's lease is over; the record afterwards."""
    bench.move(bench.functions[way.facility].timeout_s + 10)
    case.tick()
    for wait in waits:
        record = case.record()
        if record["status"] in _SETTLED and record["lease_until"] is None:
            return record
        if record["status"] == Status.UNKNOWN and not way.can("reconcile"):
            return record  # time changes nothing
        case.advance(wait)
    return case.record()
