"""When to try again what did not work: after a back-off of our own, and no sooner than we are asked to."""

from __future__ import annotations

import random

from slew import clock, work
from slew.records import Request
from slew.status import Status

UNSETTLED_LOOKS = 8
"""Fruitless looks for a request of unknown outcome, over some two hours, after which a person is told."""


def wait_s(
    failures: int, asked_s: float | None = None, *, base: float = 30.0, limit: float = 1800.0
) -> float:
    """Seconds to wait after that many failures in a row; `asked_s`: at least, as by a `Retry-After`."""
    return max(work.jittered(work.backoff_s(failures, base, limit)), asked_s or 0.0)


def unasked(request: Request, asked_s: float | None = None) -> Request:
    """The request after a look at the facility that came to nothing."""
    spread_s = (asked_s or 0.0) * random.uniform(1.0, 1.1)  # else all that it refused come back at once
    again = clock.timestamp() + wait_s(request.failures, spread_s, base=60, limit=3600)
    return request.change(failures=request.failures + 1, poll_at=again, next_action_at=again)


def in_vain(before: Request, after: Request) -> tuple[Request, bool]:
    """After a look: whether a request of unknown outcome has been looked for once too often, and says so."""
    stays = before.status is after.status is Status.UNKNOWN
    if not stays or not before.failures < UNSETTLED_LOOKS <= after.failures:
        return after, False
    text = f"looked for in vain {after.failures} times: a person has to look at the facility"
    return after.change(text=text), True
