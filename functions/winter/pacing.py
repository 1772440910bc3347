"""Keeping two triggers of one programme apart: two in one second get the same schedule name, and one is lost.

The card asks for 2 s between them (Submit and validate, Failures). Processes do not know of each other here:
`progress` finds out afterwards where another one has taken the name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

DEFAULT_S = 2.0

sleep: Callable[[float], None] = time.sleep
now: Callable[[], float] = time.time
_last: dict[str, float] = {}


def spacing_s() -> float:
    """Seconds between two triggers of a programme: `SLEW_WINTER_SPACING_S`, else 2."""
    return float(os.environ.get("SLEW_WINTER_SPACING_S") or DEFAULT_S)


def wait_for_turn(programme: str) -> None:
    """Wait until this process's last trigger of the programme is long enough ago."""
    due = _last.get(programme, 0.0) + spacing_s()
    wait = due - now()
    if 0 < wait <= spacing_s():  # more than that: the clock was set back
        sleep(wait)


def triggered(programme: str) -> None:
    """Remember that the programme's last trigger has just been answered, or not."""
    _last[programme] = now()
