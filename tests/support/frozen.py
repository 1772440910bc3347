"""A simulator's clock that stands still, at a moment of its own: tests don't depend on when they are run."""

from __future__ import annotations

from datetime import UTC, datetime

from local.simulators.base import SimulatedClock

MOMENT = datetime(2026, 11, 18, 15, 20, tzinfo=UTC)


class FrozenClock(SimulatedClock):
    """Only the tests move it, from `at`."""

    def __init__(self, at: datetime = MOMENT) -> None:
        super().__init__()
        self._at = at.timestamp()

    def time(self) -> float:
        return self._at + self._offset
