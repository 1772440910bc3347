"""What can be set at the Swift simulator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Seconds of a session, of the approval (None: by urgency) and of the guard against duplicates;
    how refusals are told; the queue.
    """

    session_s: float = 86400.0
    approve_s: float | None = None
    guard_s: float = 600.0
    refuse_with_200: bool = False
    signed_refuse_with_400: bool = False
    queued_looks: int = 1
    queued_queries: bool = False
