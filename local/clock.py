"""The stack's clock: wall time plus an offset that only grows, shared by processes through a small file.

The file holds the offset in seconds as decimal text; absent or empty it is zero. Its path is in every
function's environment as `SLEW_CLOCK_FILE`, and in the embedded AWS's, so that all of the stack agrees on the
time.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """The time of one stack."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def offset(self) -> float:
        """Seconds ahead of wall time."""
        try:
            return float(self.path.read_text() or 0)
        except FileNotFoundError:
            return 0.0

    def time(self) -> float:
        """Unix seconds."""
        return time.time() + self.offset()

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> datetime:
        """Move the clock forward; returns the new time. Raises ValueError for a negative number."""
        if not seconds >= 0:
            raise ValueError("a clock only goes forward")
        with self._lock:
            self._write(self.offset() + seconds)
        return self.now()

    def _write(self, offset: float) -> None:
        # A reader sees the old text or the new, never a half: hence the rename.
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        with os.fdopen(handle, "w") as file:
            file.write(repr(offset))
        os.replace(name, self.path)
