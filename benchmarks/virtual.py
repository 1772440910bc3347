"""Virtual time: actors in threads, of which one runs at a time, and sleeping costs none of ours.

An invocation of a function has a processor, which its actors share, and a time limit, at which they end.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any


class TimeLimit(BaseException):
    """The function's time is up: what it was doing is not gone on with."""


@dataclass(eq=False)
class Invocation:
    """`ends_at`: Unix seconds of its time limit. `speed`: of its processor, in those of a whole one."""

    ends_at: float
    speed: float
    free_at: float = 0.0


@dataclass(eq=False)
class Actor:
    """Somebody who does one thing after another."""

    invocation: Invocation | None
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class World:
    """The clock, and who is to go on when."""

    def __init__(self, now: float) -> None:
        threading.stack_size(512 * 1024)
        self.now = now
        self._queue: list[tuple[float, int, Actor]] = []
        self._order = count()
        self._mine = threading.local()
        self._mine.actor = Actor(None)

    @property
    def me(self) -> Actor:
        """The actor that runs."""
        actor: Actor = self._mine.actor
        return actor

    def spawn(self, work: Callable[[], Any], invocation: Invocation | None) -> None:
        """Another actor, who begins now."""
        actor = Actor(invocation)

        def body() -> None:
            self._mine.actor = actor
            actor.gate.acquire()
            work()
            self._next()

        threading.Thread(target=body, daemon=True).start()
        self.wake(actor)

    def wake(self, actor: Actor) -> None:
        """Let one who is parked go on, from now."""
        heapq.heappush(self._queue, (self.now, next(self._order), actor))

    def park(self) -> None:
        """Until somebody wakes me."""
        self._next()
        self.me.gate.acquire()

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises TimeLimit where the invocation has not got so much."""
        me = self.me
        until = self.now + seconds
        limit = me.invocation.ends_at if me.invocation else until
        at = min(until, max(limit, self.now))
        if self._queue and self._queue[0][0] <= at:
            heapq.heappush(self._queue, (at, next(self._order), me))
            self._next()
            me.gate.acquire()
        else:
            self.now = at
        if until > limit:
            raise TimeLimit

    def compute(self, seconds: float, wait_s: float = 0.0) -> None:
        """Use a whole processor for so long, in turn with the invocation's other actors; then wait."""
        invocation = self.me.invocation
        if invocation is not None:
            invocation.free_at = max(self.now, invocation.free_at) + seconds / invocation.speed
            self.sleep(invocation.free_at - self.now + wait_s)

    def _next(self) -> None:
        at, _, actor = heapq.heappop(self._queue)
        self.now = at
        actor.gate.release()


class VirtualLanes:
    """Stands in for `slew.lanes.Lanes`."""

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._count = count
        self._busy: list[str] = []
        self._done: list[tuple[str, Any, BaseException | None]] = []
        self._waiting: Actor | None = None

    def __enter__(self) -> VirtualLanes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while len(self._done) < len(self._busy):
            self._wait()

    @property
    def full(self) -> bool:
        """See Lanes."""
        return len(self._busy) >= self._count

    @property
    def idle(self) -> bool:
        """See Lanes."""
        return not self._busy

    @property
    def keys(self) -> set[str]:
        """See Lanes."""
        return set(self._busy)

    def start(self, key: str, work: Callable[[], Any]) -> None:
        """See Lanes."""
        self._busy.append(key)

        def body() -> None:
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:
                failure = error
            self._done.append((key, result, failure))
            if self._waiting:
                self._world.wake(self._waiting)
                self._waiting = None

        self._world.spawn(body, self._world.me.invocation)

    def finished(self) -> list[Any]:
        """See Lanes."""
        while not self._done:
            self._wait()
        done, self._done = self._done, []
        for key, _, _ in done:
            self._busy.remove(key)
        for _, _, failure in done:
            if failure is not None:
                raise failure
        return [result for _, result, _ in done]

    def _wait(self) -> None:
        self._waiting = self._world.me
        self._world.park()
