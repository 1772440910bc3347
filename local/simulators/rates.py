"""Rate limits as the facilities keep them, on the simulator's clock."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass
class TokenBucket:
    """`rate` events per second sustained, `capacity` at once."""

    rate: float
    capacity: float
    _level: float = field(init=False)
    _at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._level = self.capacity

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Whether `amount` events may happen at `now` (Unix seconds); a refused one costs nothing."""
        if self._at is not None:
            self._level = min(self.capacity, self._level + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._level + 1e-9 < amount:
            return False
        self._level -= amount
        return True


@dataclass
class SlidingWindow:
    """At most `limit` events in any `window_s` seconds, as Django REST framework's throttles count."""

    limit: int
    window_s: float = 60.0
    _events: deque[float] = field(init=False, default_factory=deque)

    def take(self, now: float) -> int | None:
        """None if the event may happen at `now` (Unix seconds), else the whole seconds to wait."""
        while self._events and self._events[0] <= now - self.window_s:
            self._events.popleft()
        if len(self._events) < self.limit:
            self._events.append(now)
            return None
        oldest = self._events[0] if self._events else now
        return max(1, math.ceil(oldest + self.window_s - now))
