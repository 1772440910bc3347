"""Fires schedules when the stack's clock says so."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from local.clock import Clock
from local.runtime import Runtime, Throttled
from local.schedules import next_after
from local.system import Schedule

LOG = logging.getLogger(__name__)
TICK_S = 1.0


@dataclass(frozen=True)
class Fired:
    """A schedule that fired; `error` is the function's, if it failed."""

    schedule: str
    function: str
    error: str | None = None


class Scheduler:
    """The schedules of one stack. One that came due several times while the clock jumped fires once."""

    def __init__(self, schedules: Sequence[Schedule], runtime: Runtime, clock: Clock) -> None:
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._runtime = runtime
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.now()
        self._due: dict[str, datetime | None] = {
            schedule.name: next_after(schedule.expression, now) for schedule in schedules
        }
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to fire in the background."""
        threading.Thread(target=self._run, name="scheduler", daemon=True).start()

    def stop(self) -> None:
        """No more."""
        self._ending.set()

    def tick(self, move: Callable[[], object] | None = None) -> list[Fired]:
        """Fire what is due, after `move`, which may move the clock; waits for the functions' end."""
        with self._lock:
            if move:
                move()
            due = self._take_due()
        return self._fire(due)

    def fire(self, function: str | None = None) -> list[Fired]:
        """Fire every schedule (of that function) now, due or not. Raises KeyError if there is none."""
        chosen = [schedule for schedule in self._schedules.values() if function in (None, schedule.function)]
        if function and not chosen:
            raise KeyError(f"no schedule fires {function}")
        return self._fire(chosen)

    def _take_due(self) -> list[Schedule]:
        now = self._clock.now()
        due = [self._schedules[name] for name, moment in self._due.items() if moment and moment <= now]
        for schedule in due:
            self._due[schedule.name] = next_after(schedule.expression, now)
        return due

    def _fire(self, schedules: Sequence[Schedule]) -> list[Fired]:
        if not schedules:
            return []
        with ThreadPoolExecutor(len(schedules), thread_name_prefix="schedule") as pool:
            return list(pool.map(self._invoke, schedules))

    def _invoke(self, schedule: Schedule) -> Fired:
        try:
            result = self._runtime.invoke(schedule.function, schedule.input.encode())
        except Throttled:
            return Fired(schedule.name, schedule.function, "throttled")
        if not result.failed:
            return Fired(schedule.name, schedule.function)
        error = json.loads(result.payload)
        text = f"{error.get('errorType')}: {error.get('errorMessage')}"
        LOG.warning("schedule %s: %s failed: %s", schedule.name, schedule.function, text)
        return Fired(schedule.name, schedule.function, text)

    def _run(self) -> None:
        while not self._ending.wait(TICK_S):
            try:
                self.tick()
            except Exception:
                if not self._ending.is_set():
                    LOG.exception("the scheduler")
