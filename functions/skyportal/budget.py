"""How long a call may wait in all: for the sender's answer, and for ours."""

from __future__ import annotations

import time
from collections.abc import Callable

TOTAL_S = 24.0
"""API Gateway answers for a function after 30 s, and the way there and the records take their part."""
_LEAST_S = 1.0


class Budget:
    """The seconds that are left of a call, whatever they have been spent on."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._ends_at = now() + TOTAL_S

    def left(self, at_most: float = TOTAL_S) -> float:
        """How long the next wait may be; a little remains, so that what was begun can be sent off."""
        return max(_LEAST_S, min(at_most, self._ends_at - self._now()))
