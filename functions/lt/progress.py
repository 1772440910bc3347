"""From a group's execution history to ours, and when to look again (card, status)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lt.reply import Entry, Reply, readable
from slew import astro, config
from slew.status import Status

NIGHT_FROM, NIGHT_TO = 18, 11  # hours UT between which La Palma observes and reduces
LOOK_S = 1800.0
LAST_LOOK = timedelta(hours=2)  # an observation that began inside the window is reported after it
Window = tuple[datetime, datetime]
PARTIAL = "partially executed"
_COMPLETED = re.compile(r"Completed in\b")
_FAILED = re.compile(r"Failed after\b.*?\bdue to\s*(?:\[\w*\]\s*)?(.*)", re.DOTALL)
_STATUS_CODE = re.compile(r"Unknown status code: 2\b")


@dataclass(frozen=True)
class Standing:
    """How a group stands: status, the LT's words, a reason where it failed, nights of observation."""

    status: Status
    text: str
    reason: str = ""
    nights: tuple[str, ...] = ()


def standing(reply: Reply, now: datetime, end: datetime) -> Standing:
    """How the group of an `update` reply stands, its window ending at `end`."""
    own = [entry for entry in reply.entries if entry.agent.startswith("TEA:")]
    completed = [entry for entry in own if _COMPLETED.search(entry.description)]
    partial = [entry for entry in own if _STATUS_CODE.search(entry.description)]
    failed = [entry for entry in own if _FAILED.search(entry.description)]
    past = now >= end
    nights = tuple(sorted({night_of(at) for each in (*completed, *partial) if (at := _moment(each))}))
    if completed:
        return Standing(Status.COMPLETE, readable(completed[-1].description), nights=nights)
    if partial:
        if past:
            return Standing(Status.COMPLETE, f"warning: {PARTIAL}", nights=nights)
        return Standing(Status.IN_PROGRESS, PARTIAL, nights=nights)
    if failed:
        return _failing(failed, past)
    if past:
        return Standing(Status.EXPIRED, "the window has ended without an observation")
    return Standing(Status.SUBMITTED, "waiting for its turn")


def _failing(failed: list[Entry], past: bool) -> Standing:
    match = _FAILED.search(failed[-1].description)
    last = readable(failed[-1].error or (match[1] if match else "")) or "no reason given"
    if past:
        return Standing(Status.FAILED, readable(failed[-1].description), last)
    attempts = f"{len(failed)} failed attempt{'s' if len(failed) > 1 else ''}"
    return Standing(Status.SUBMITTED, f"{attempts}, the last: {last}; the LT tries again")


def night_of(moment: datetime) -> str:
    """`YYYYMMDD` of the evening on which the night of that moment began."""
    return (moment.astimezone(UTC) - timedelta(hours=12)).strftime("%Y%m%d")


def _moment(entry: Entry) -> datetime | None:
    try:
        return astro.parse_utc(entry.at)
    except ValueError:
        return None


def next_look_s(now: datetime, window: Window) -> float:
    """Seconds until it is worth asking: while La Palma observes, in the window, and at its end."""
    start, end = window
    at = max(now + timedelta(seconds=config.poll_every_s(LOOK_S)), start)
    if NIGHT_TO <= at.hour < NIGHT_FROM:
        at = at.replace(hour=NIGHT_FROM, minute=0, second=0, microsecond=0)
    if now < end < at:
        at = end
    return max((at - now).total_seconds(), 60.0)


def last_look_s(now: datetime, window: Window) -> float | None:
    """Seconds until the last look at what ended with its window; None where that is over."""
    left = (window[1] + LAST_LOOK - now).total_seconds()
    return left if left > 0 else None
