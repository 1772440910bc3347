"""From the observations' statuses to the request's (card: Status)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gemini import archive, browser, trigger
from gemini.ledger import Ledger
from gemini.trigger import GeminiOrder
from slew import clock, config
from slew.errors import NoAnswer
from slew.facility import Link, Progress
from slew.status import AT_FACILITY, Status

RAPID_S, USUAL_S, FILES_S, SELDOM_S = 300.0, 900.0, 3600.0, 6 * 3600.0
FIRST_HOURS = timedelta(hours=6)
LAST_LOOK = timedelta(days=2)
"""For so long after the end of a window, or after the observation, it is still looked at."""

_STATUSES = {
    "ready": (Status.SUBMITTED, "Ready"),
    "on hold": (Status.SUBMITTED, "on hold"),
    "ongoing": (Status.IN_PROGRESS, "Ongoing"),
    "observed": (Status.COMPLETE, "Observed"),
    "inactive": (Status.CANCELLED, "Inactive"),
}


@dataclass(frozen=True)
class Part:
    """One observation of the request: its status (None: not known), the facility's word, its ToO priority."""

    id: str
    status: Status | None
    text: str
    priority: str = ""


def progress(order: GeminiOrder, link: Link) -> Progress:
    """How the request goes, all its observations together. Raises NoAnswer."""
    ids = tuple(Ledger.of(order.facility_data).observations.values())
    if not ids:
        raise NoAnswer("the observation's id is not known")
    try:
        listed = browser.shared(ids[0].rpartition("-")[0], link)
    except NoAnswer as error:
        return _by_files_alone(order, ids, link, error)
    parts = [_aged(_part(each, listed), order) for each in ids]
    began = [each.id for each in parts if each.status in (None, Status.IN_PROGRESS, Status.COMPLETE)]
    try:
        files = archive.products(began, link)
        said = (f"{len(files)} file{'' if len(files) == 1 else 's'} in the archive",) if files else ()
    except NoAnswer as error:
        files, said = (), (f"files: {error.reason}",)
    parts = [_filed(each, order, files) for each in parts]
    return _progress(order, parts, files, said)


def _part(observation_id: str, listed: browser.Programme) -> Part:
    found = listed.observations.get(observation_id)
    if found is None:
        return Part(observation_id, None, "not found in the programme")
    known = _STATUSES.get(found.status.lower(), (Status.SUBMITTED, found.status or "no status"))
    return Part(observation_id, *known, found.priority)


def _aged(part: Part, order: GeminiOrder) -> Part:
    """What the end of the window makes of it."""
    end = trigger.window(order.payload)[1]
    if part.status is Status.SUBMITTED and order.now >= end:
        return replace(part, status=Status.EXPIRED, text=f"{part.text}; the window has ended")
    if part.status is Status.IN_PROGRESS and order.now >= end + LAST_LOOK:
        return replace(part, status=Status.COMPLETE, text=f"partly executed ({part.text})")
    return part


def _filed(part: Part, order: GeminiOrder, files: Sequence[Mapping[str, Any]]) -> Part:
    """Of an observation that is not listed, files are a sign that it was executed."""
    if part.status is not None:
        return part
    if any(_is_of(each, part.id) for each in files):
        return replace(part, status=Status.COMPLETE, text=f"{part.text}, but it has files")
    if order.now >= trigger.window(order.payload)[1] + LAST_LOOK:
        return replace(part, status=Status.EXPIRED)
    return part


def _by_files_alone(order: GeminiOrder, ids: Sequence[str], link: Link, error: NoAnswer) -> Progress:
    """Where the statuses cannot be had: what has files was executed. Raises `error` where none has."""
    files = archive.products(ids, link)
    executed = [each for each in ids if any(_is_of(file, each) for file in files)]
    if not executed:
        raise error
    parts = [Part(i, Status.COMPLETE if i in executed else None, "has files") for i in ids]
    return _progress(order, [p for p in parts if p.status], files, (error.reason,), len(ids) > len(executed))


def _is_of(file: Mapping[str, Any], observation_id: str) -> bool:
    said = str(file.get("observation_id") or file.get("data_label") or "")
    return said == observation_id or said.startswith(f"{observation_id}-")


def _progress(
    order: GeminiOrder,
    parts: Sequence[Part],
    files: Sequence[Mapping[str, Any]],
    said: Sequence[str],
    open_end: bool = False,
) -> Progress:
    status = _together([each.status for each in parts] + ([None] if open_end else []))
    text = "; ".join([*(f"{p.id}: {p.text}" if len(parts) > 1 else p.text for p in parts), *said])
    data: dict[str, Any] = {}
    if status is Status.COMPLETE:
        data["ended_at"] = order.facility_data.get("ended_at") or clock.isoformat(order.now)
    rapid = any("rapid" in each.priority.lower() for each in parts)
    again = _next_s(order, status, data.get("ended_at"), rapid=rapid)
    return Progress(status, text=text, data=data, products=tuple(files) or None, next_poll_s=again)


def _together(statuses: Sequence[Status | None]) -> Status | None:
    """One status of several: it goes on while one of them does, and is complete if one of them is."""
    if len(set(statuses)) == 1:
        return statuses[0]
    begun = Status.IN_PROGRESS in statuses or Status.COMPLETE in statuses
    if not {None, *AT_FACILITY}.isdisjoint(statuses):
        if begun:
            return Status.IN_PROGRESS
        return Status.SUBMITTED if Status.SUBMITTED in statuses else None
    return Status.COMPLETE if begun else Status.EXPIRED


def _next_s(order: GeminiOrder, status: Status | None, ended_at: Any, *, rapid: bool) -> float | None:
    """Seconds until it is worth asking again; None: never."""
    start, end = trigger.window(order.payload)
    if status is Status.COMPLETE:
        return FILES_S if order.now < clock.parse(str(ended_at)) + LAST_LOOK else None
    if status in (Status.EXPIRED, Status.CANCELLED):  # people may take it back, or report late
        return SELDOM_S if order.now < end + LAST_LOOK else None
    usual = (
        RAPID_S if rapid and order.now < _opened(order, start) + FIRST_HOURS else config.poll_every_s(USUAL_S)
    )
    wait = (start - order.now).total_seconds()
    return min(max(wait, usual), SELDOM_S)


def _opened(order: GeminiOrder, start: datetime) -> datetime:
    """When it could first be observed."""
    return max(order.created_at, start)
