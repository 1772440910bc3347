"""Several pieces of work at once in one invocation, each in a thread, never two under the same key.

A look at a request is nearly all waiting: for the facility, for the table.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any


class Lanes:
    """`count` lanes; leaving the block waits for what is still under way."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(count)  # starts a thread only where none is idle
        self._busy: dict[Future[Any], str] = {}

    def __enter__(self) -> Lanes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    @property
    def full(self) -> bool:
        """Whether no lane is free."""
        return len(self._busy) >= self._count

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._busy

    @property
    def keys(self) -> set[str]:
        """The keys of what is under way."""
        return set(self._busy.values())

    def start(self, key: str, work: Callable[[], Any]) -> None:
        """Begin a piece of work in a free lane."""
        self._busy[self._pool.submit(work)] = key

    def finished(self) -> list[Any]:
        """Wait until something ends; what has ended gives. Raises what it raised."""
        done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
        for each in done:
            del self._busy[each]
        return [each.result() for each in done]
