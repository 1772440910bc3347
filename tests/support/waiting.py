"""Waiting for what another thread or process does, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_S = 60.0
"""For a simulator's `hang`: no client of the tests waits so long, and the simulator's end ends it."""


def until(holds: Callable[[], object]) -> None:
    """Return once `holds()` is true; raises AssertionError after a minute."""
    patience = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < patience, "it has not come about"
        time.sleep(0.02)
