"""How a TOO goes: from the list of approved ones, the calendar and what has been flown (card: v2: status).

Nothing at Swift says "refused": such a TOO is never listed. The limits of waiting are Slew's own choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slew import config
from slew.status import Status
from swift_too.records import Entry, Flown, Window

APPROVED = "approved"
URGENT = ("0", "1", "2")
HOURLY_S, RARELY_S = 3600.0, 6 * 3600.0
PATIENCE = timedelta(days=30)
URGENT_PATIENCE = timedelta(days=7)
GIVE_UP = timedelta(days=365)
WAITING = "waiting for a decision, or refused: Swift tells which by email"
_SKEW = timedelta(minutes=5)  # spacecraft time against UTC, and both clocks against ours
_TIMELINE_LAG = timedelta(days=1)  # where Swift does not say up to when it knows what was flown


@dataclass(frozen=True)
class Standing:
    """Where a TOO stands: None for the last known status; the observations made for it."""

    status: Status | None
    text: str
    reason: str = ""
    obs_ids: tuple[str, ...] = ()


def rhythm_s(urgency: str) -> float:
    """Seconds between two polls."""
    return HOURLY_S if urgency in URGENT else config.poll_every_s(RARELY_S)


def unlisted(urgency: str, made_at: datetime, now: datetime, *, was_approved: bool) -> Standing:
    """A TOO that is not in the list."""
    age = now - made_at
    if was_approved:
        over = age >= GIVE_UP
        text = "no longer in Swift's list of approved requests"
        return Standing(Status.EXPIRED, text, text) if over else Standing(None, text)
    patience = URGENT_PATIENCE if urgency in URGENT else PATIENCE
    if age < patience:
        return Standing(Status.SUBMITTED, WAITING)
    reason = f"not approved within {patience.days} days"
    return Standing(Status.EXPIRED, reason, reason)


def listed(
    entry: Entry, windows: Sequence[Window], flown: Flown, *, visits: int, made_at: datetime, now: datetime
) -> Standing:
    """A TOO that is in the list. `visits`: as asked for, where the approval does not say."""
    if entry.decision and entry.decision.lower() != APPROVED:
        return Standing(Status.SUBMITTED, f"decision: {entry.decision}")
    made_at = entry.made_at or made_at
    own = Flown(
        tuple(each for each in flown.snapshots if each.begin >= made_at - _SKEW), flown.known_until
    )  # a target's earlier observations have the same number
    visits = entry.visits or visits
    observed = sum(any(_within(window, each.begin) for each in own.snapshots) for window in windows)
    said = _told(entry, own, observed, visits)
    if entry.done:
        return Standing(Status.COMPLETE, f"done: {said}", obs_ids=own.obs_ids)
    last = _last(entry, windows)
    if last is None:
        return _without_end(said, own, made_at, now)
    if last >= min(now, flown.known_until or now - _TIMELINE_LAG):
        return Standing(Status.IN_PROGRESS, f"approved: {said}{_next(windows, now)}", obs_ids=own.obs_ids)
    if not own.snapshots:
        return Standing(
            Status.FAILED, "not observed", f"not observed by {last:%Y-%m-%d}, when its time ended"
        )
    if windows and observed == len(windows) and observed >= visits:
        return Standing(Status.COMPLETE, f"all visits flown: {said}", obs_ids=own.obs_ids)
    if now - last < PATIENCE:
        return Standing(Status.IN_PROGRESS, f"its time has ended: {said}", obs_ids=own.obs_ids)
    return Standing(Status.EXPIRED, said, f"not all of it was flown: {said}", own.obs_ids)


def _without_end(said: str, own: Flown, made_at: datetime, now: datetime) -> Standing:
    if now - made_at < GIVE_UP:
        return Standing(Status.IN_PROGRESS, f"approved: {said}", obs_ids=own.obs_ids)
    return Standing(Status.EXPIRED, said, f"not finished within a year: {said}", own.obs_ids)


def _told(entry: Entry, own: Flown, observed: int, visits: int) -> str:
    seconds = sum(each.exposure_s for each in own.snapshots)
    number = f"target {entry.target_id}, " if entry.target_id is not None else ""
    if not own.snapshots:
        return f"{number}nothing flown yet"
    count = len(own.obs_ids)
    noun = "observation" if count == 1 else "observations"
    return f"{number}{observed} of {visits} visits, {seconds:.0f} s in {count} {noun}"


def _next(windows: Sequence[Window], now: datetime) -> str:
    coming = sorted(window.begin for window in windows if window.end > now)
    return f"; next window from {coming[0]:%Y-%m-%d %H:%M}" if coming else ""


def _last(entry: Entry, windows: Sequence[Window]) -> datetime | None:
    ends = [window.end for window in windows]
    if entry.last_day is not None:
        ends.append(entry.last_day + timedelta(days=1))
    return max(ends) if ends else None


def _within(window: Window, moment: datetime) -> bool:
    return window.begin - _SKEW <= moment <= window.end + _SKEW
