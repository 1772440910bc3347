"""From a schedule's row to a request's status (card: Status)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slew import clock, config
from slew.errors import NoAnswer
from slew.facility import Link, Progress
from slew.status import Status
from winter import images, schedules
from winter.schedules import Schedule
from winter.targets import WinterOrder

NIGHT_S, DAY_S, LONGEST_S = 900.0, 3600.0, 6 * 3600.0
IMAGES_S, IMAGES_FOR = 3600.0, timedelta(days=2)
NEW = timedelta(minutes=5)
LOST_AFTER = timedelta(days=7)
_DAYLIGHT_UTC = (15.5, 24.5)  # the Sun is up at Palomar on every day of the year


def progress(order: WinterOrder, row: Schedule | None, link: Link) -> Progress:
    """How the request goes. Raises NoAnswer."""
    if row is None:
        return _absent(order)
    if order.status is Status.CANCELLED and row.attempted == 0:
        return _still_listed(order, row)
    data: dict[str, Any] = {}
    if not order.facility_data.get("checked"):
        if _is_anothers(order, row, link):
            reason = (
                f"another trigger of the programme in the same second took the schedule name {row.name}, "
                "and replaced this one; resubmit"
            )
            return Progress(Status.FAILED, text=reason, reason=reason, next_poll_s=None)
        data["checked"] = True
    status, text = _status(order, row)
    if status in (Status.SUBMITTED, Status.EXPIRED):
        again = _next_s(order, row) if status is Status.SUBMITTED else None
        return Progress(status, text=text, data=data, next_poll_s=again)
    return _with_images(order, status, text, data, link)


def over(order: WinterOrder, row: Schedule | None) -> bool:
    """Whether the window has ended, by the service's word or else by what was sent."""
    end = (row.end if row else None) or window_end(order)
    return end is not None and order.now >= end


def window_end(order: WinterOrder) -> datetime | None:
    """The end of the window as sent."""
    text = order.facility_data.get("window_end")
    return clock.parse(text) if isinstance(text, str) else order.payload.end_date


def _status(order: WinterOrder, row: Schedule) -> tuple[Status, str]:
    total = row.entries or sum(_rows(order).values()) or 1
    done = f"attempted {round(row.attempted * total)} of {total} rows"
    if row.attempted >= 1:
        return Status.COMPLETE, done
    if over(order, row):
        return (Status.COMPLETE, f"partly: {done}") if row.attempted > 0 else (Status.EXPIRED, done)
    return (Status.IN_PROGRESS if row.attempted > 0 else Status.SUBMITTED), done


def _absent(order: WinterOrder) -> Progress:
    name = order.facility_request_id
    if order.status is Status.CANCELLED or order.cancel_sent:
        return Progress(Status.CANCELLED, text=f"schedule {name} is deleted", next_poll_s=None)
    if order.now - order.created_at < NEW:  # a new schedule is not listed at once
        return Progress(None, text=f"schedule {name} is not listed yet", next_poll_s=60.0)
    text = f"warning: schedule {name} is not in the facility's summary"
    end = window_end(order)
    if end is not None and order.now >= end + LOST_AFTER:
        return Progress(Status.EXPIRED, text=text, reason=f"{text}, and its window is over", next_poll_s=None)
    return Progress(None, text=text, next_poll_s=DAY_S)


def _still_listed(order: WinterOrder, row: Schedule) -> Progress:
    # A deletion shows within about a minute (card: Cancel); what is observed all the same is followed.
    text = f"schedule {row.name} was deleted, but the facility still lists it"
    return Progress(None, text=text, next_poll_s=None if over(order, row) else config.poll_every_s(NIGHT_S))


def _is_anothers(order: WinterOrder, row: Schedule, link: Link) -> bool:
    """Whether the schedule under our name is certainly not what we sent."""
    sent = order.facility_data.get("target_name")
    if sent and row.targets and sent not in row.targets:
        return True
    wanted = _rows(order)
    if not wanted:
        return False
    try:
        found = schedules.details(row.name, order.altdata, link)
        there = schedules.filters(found) if found else None
    except NoAnswer:
        return False
    return there is not None and there != wanted


def _with_images(order: WinterOrder, status: Status, text: str, data: dict[str, Any], link: Link) -> Progress:
    """With what images there are; they come after the night, so they are looked for during two days."""
    again: float | None = _next_s(order, None)
    if status is Status.COMPLETE:
        ended = order.facility_data.get("ended_at") or clock.isoformat(order.now)
        data["ended_at"] = ended
        again = IMAGES_S if order.now - clock.parse(ended) < IMAGES_FOR else None
    try:
        found = images.products(order, link)
    except NoAnswer as error:
        return Progress(status, text=f"{text}; images: {error.reason}", data=data, next_poll_s=again)
    told = f"{len(found)} images" if found else "no images yet"
    return Progress(status, text=f"{text}; {told}", data=data, products=found or None, next_poll_s=again)


def _rows(order: WinterOrder) -> Mapping[str, int]:
    rows = order.facility_data.get("rows")
    return rows if isinstance(rows, Mapping) else {}


def _next_s(order: WinterOrder, row: Schedule | None) -> float:
    """Every quarter of an hour at night, hourly by day, less often before the window opens."""
    night_s = config.poll_every_s(NIGHT_S)
    start = row.start if row else None
    if start is not None and start > order.now:
        return min(max((start - order.now).total_seconds(), night_s), LONGEST_S)
    now = order.now.astimezone(UTC)
    hour = now.hour + now.minute / 60
    first, last = _DAYLIGHT_UTC
    by_day = first <= hour < last or hour + 24 < last
    return max(DAY_S, night_s) if by_day else night_s
