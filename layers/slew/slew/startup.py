"""The end of a function's start: from the first event on, garbage is collected again."""

from __future__ import annotations

import gc
from functools import cache


@cache
def done() -> None:
    """Turn the collector on, and have it pass over all that was made so far; every handler begins with it."""
    gc.freeze()
    gc.enable()
