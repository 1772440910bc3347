"""The one clock.

On a single machine the local stack moves it through a file that holds an offset in seconds.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


def timestamp() -> float:
    """Now, in Unix seconds."""
    return time.time() + _offset()


def now() -> datetime:
    """Now, UTC."""
    return datetime.fromtimestamp(timestamp(), UTC)


def isoformat(moment: datetime | float) -> str:
    """`2026-11-22T15:12:41.123Z`: UTC with milliseconds, so that text order is time order."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _offset() -> float:
    path = os.environ.get("SLEW_CLOCK_FILE")
    if not path:
        return 0.0
    try:
        with open(path, encoding="ascii") as file:
            return float(file.read() or 0)
    except FileNotFoundError:
        return 0.0


def parse(text: str) -> datetime:
    """The moment that `isoformat` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
