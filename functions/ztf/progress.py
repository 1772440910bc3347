"""How a queue goes, from what was sent and from the gateway's list (card ztf.md: the table of statuses)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from slew import clock, config
from slew.facility import Progress
from slew.status import Status
from ztf.kept import Kept, Listed

POLL_S = 300.0
AFTER_END = timedelta(seconds=60)
WITHDRAWAL_S = 120.0
"""So long a deletion without an answer may still take effect."""

FRESH: Mapping[str, Any] = {
    "left": None,
    "left_at": None,
    "progress": None,
    "gone_at": None,
    "withdrawn_at": None,
    "replacing": None,
    "executed": None,
    "exposures_executed": None,
}
"""The facility data that following a request writes, as of one that nothing is known of."""


def wait_s(kept: Kept, now: datetime) -> float:
    """Seconds until it is worth asking: a few minutes within the window, its begin before."""
    if now < kept.start:
        # The library waits up to a tenth longer, which must not be a tenth of a week late.
        return max(60.0, (kept.start - now).total_seconds() / 1.1)
    return max(60.0, min(config.poll_every_s(POLL_S), (kept.end + AFTER_END - now).total_seconds()))


def found(kept: Kept, listed: Listed, data: Mapping[str, Any], now: datetime) -> Progress:
    """Of a queue that is listed."""
    left = listed.left
    seen: dict[str, Any] = {"gone_at": None}
    if left is not None:
        seen |= {"left": left, "left_at": clock.isoformat(now), "progress": round(1 - left / kept.total, 4)}
    withdrawn = data.get("withdrawn_at")
    if withdrawn and (now - clock.parse(withdrawn)).total_seconds() > WITHDRAWAL_S:
        seen["withdrawn_at"] = None
    done = 0 if left is None else kept.total - left
    count = f"{done} of {kept.total} exposures done"
    if now >= kept.end + AFTER_END and left != 0:
        text = f"its window has ended: {count}"
        return Progress(Status.EXPIRED, text, text, seen, next_poll_s=None)
    if now < kept.start:
        text = f"waits for its window, which opens at {clock.isoformat(kept.start)}"
        return Progress(Status.SUBMITTED, text, "", seen, next_poll_s=wait_s(kept, now))
    if done > 0 or listed.is_current:
        text = f"{count}{'; it is the current queue' if listed.is_current else ''}"
        return Progress(Status.IN_PROGRESS, text, "", seen, next_poll_s=wait_s(kept, now))
    return Progress(
        Status.SUBMITTED, "its window is open, nothing done yet", "", seen, next_poll_s=wait_s(kept, now)
    )


def gone(kept: Kept, data: Mapping[str, Any], now: datetime) -> Progress:
    """Of a queue that is no longer listed, by the list alone."""
    seen = {"gone_at": data.get("gone_at") or clock.isoformat(now)}
    now = clock.parse(seen["gone_at"])  # the depot may be waited for until after the window
    if data.get("withdrawn_at"):
        return Progress(Status.CANCELLED, "deleted by Slew", "", seen, next_poll_s=None)
    if now < kept.start:
        text = "removed by somebody else before its window opened"
        return Progress(Status.CANCELLED, text, text, seen, next_poll_s=None)
    left = data.get("left")
    last = ""
    if left is not None:
        last = f"; when last seen, at {data.get('left_at')}, {left} of {kept.total} exposures were left"
    if now < kept.end:
        text = f"gone before its window's end: all done, or removed by an operator{last}"
        return Progress(Status.COMPLETE, text, "", seen, next_poll_s=None)
    if left:
        done = kept.total - int(left)
        text = f"its window has ended, partially observed: {done} of {kept.total} exposures{last}"
        return Progress(Status.EXPIRED, text, text, seen, next_poll_s=None)
    text = "its window has ended; taken for complete, unconfirmed: how much was done is not known"
    return Progress(Status.COMPLETE, text, "", seen, next_poll_s=None)
