"""The body of a request to a portal: target, constraints, window, envelope (facility cards, Submit)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slew.errors import Invalid
from slew.facility import Order
from slew.models import Target
from slew.portal_models import PortalPayload, stamp

NAME_LIMIT = 50
NOTE_LIMIT = 255
DEFAULT_LENGTH = timedelta(days=7)
RAPID_LENGTH = timedelta(hours=24)

Body = dict[str, Any]
SemesterEnd = Callable[[datetime], datetime | None]


@dataclass(frozen=True)
class Window:
    """When to observe, UTC, and what was decided for the caller about it."""

    start: datetime
    end: datetime
    notes: tuple[str, ...] = ()


def window(
    payload: PortalPayload, now: datetime, semester_end: SemesterEnd, default_start: datetime | None = None
) -> Window:
    """The window of a payload at the moment `now`; without a start it begins at the default one, today 00:00.

    `semester_end` gives the end of the semester that holds a moment, None if it cannot be had; it is asked
    only where the end is left to us. Raises Invalid, naming the date that does not do.
    """
    earliest = default_start or midnight(now)
    start = payload.start_date or earliest
    if payload.end_date and payload.end_date <= max(start, now):
        late = "in the future" if payload.end_date <= now else "after the start"
        raise Invalid.field(
            ["payload", "end_date"],
            f"must be {late}; it is {stamp(payload.end_date)} (a bare date is 00:00 UTC), now {stamp(now)}",
        )
    rapid = payload.observation_mode == "RAPID_RESPONSE"
    if rapid and start > now:
        raise Invalid.field(
            ["payload", "start_date"], f"must not be in the future for RAPID_RESPONSE; now is {stamp(now)}"
        )
    end, notes = (
        (payload.end_date, ()) if payload.end_date else _default_end(start, earliest, now, semester_end)
    )
    if rapid and end > now + RAPID_LENGTH:
        end = now + RAPID_LENGTH
        notes = (f"RAPID_RESPONSE: the window ends {stamp(end)}, 24 hours from now",)
    return Window(start, end, notes)


def _default_end(
    start: datetime, earliest: datetime, now: datetime, semester_end: SemesterEnd
) -> tuple[datetime, tuple[str, ...]]:
    end = max(start, earliest) + DEFAULT_LENGTH
    limit = semester_end(start)
    # A portal refuses a window that reaches into another semester. Where the semester is over already, no
    # clipping helps, and the portal's own words explain it best.
    if limit is None or not max(start, now) < limit < end:
        return end, ()
    return limit, (f"the window ends {stamp(limit)} with the semester of its start, not after 7 days",)


def target(given: Target) -> Body:
    """A sidereal target. Raises Invalid for a name that the portal would not take."""
    if len(given.name) > NAME_LIMIT:
        raise Invalid.field(
            ["target", "name"], f"must have at most {NAME_LIMIT} characters here; it has {len(given.name)}"
        )
    moving = {
        key: value
        for key in ("proper_motion_ra", "proper_motion_dec", "parallax")
        if (value := getattr(given, key)) is not None
    }
    epoch = 2000 if given.epoch is None else given.epoch
    return {"name": given.name, "type": "ICRS", "ra": given.ra, "dec": given.dec, **moving, "epoch": epoch}


def constraints(payload: PortalPayload) -> Body:
    """Airmass and Moon; what is not asked for is left to the portal's defaults."""
    asked = {"max_airmass": payload.maximum_airmass, "min_lunar_distance": payload.minimum_lunar_distance}
    return asked if payload.max_lunar_phase is None else {**asked, "max_lunar_phase": payload.max_lunar_phase}


def note(order: Order[Any, Any]) -> str:
    """What marks a request as ours at a portal, which has no idempotency key: our id, then the user's note.

    Raises Invalid if both do not fit.
    """
    whole = " ".join(filter(None, (order.request_id, order.payload.observation_note)))
    if len(whole) > NOTE_LIMIT:
        limit = NOTE_LIMIT - len(order.request_id) - 1
        raise Invalid.field(["payload", "observation_note"], f"must have at most {limit} characters")
    return whole


def is_marked(group: Any, request_id: str) -> bool:
    """Whether a group as the portal tells it carries that id of ours."""
    requests = group.get("requests") if isinstance(group, dict) else None
    first = requests[0] if isinstance(requests, list) and requests else None
    found = first.get("observation_note") if isinstance(first, dict) else None
    return isinstance(found, str) and found.split(" ", 1)[0] == request_id


def group(
    order: Order[Any, Any], configurations: Sequence[Body], when: Window, telescope_class: str, proposal: str
) -> Body:
    """The whole body: one request, SkyPortal's keys and our note, others only where the payload has them."""
    payload: PortalPayload = order.payload
    optional = {
        key: value
        for key in ("acceptability_threshold", "configuration_repeats", "optimization_type")
        if (value := getattr(payload, key)) is not None
    }
    request = {
        "configurations": list(configurations),
        "windows": [{"start": stamp(when.start), "end": stamp(when.end)}],
        "location": {"telescope_class": telescope_class},
        "observation_note": note(order),
        **optional,
    }
    return {
        "name": order.target.name,
        "proposal": proposal,
        "ipp_value": payload.priority,
        "operator": "SINGLE",
        "observation_type": payload.observation_mode,
        "requests": [request],
    }


def midnight(moment: datetime) -> datetime:
    """The beginning of its day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
