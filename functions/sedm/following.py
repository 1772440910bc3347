"""What becomes of a booking: messages, files, the end of its dates (card: Status, Data products)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sedm import booking, files, messages, spectra
from sedm.booking import SedmOrder
from slew import clock, config
from slew.errors import FacilityError, Invalid, NoAnswer
from slew.facility import Link, Message, Progress
from slew.pages import for_people
from slew.status import AT_FACILITY, ENDED, Status

GRACE = timedelta(days=1)
"""From the end of the last date to our own verdict: the last night's data are still being reduced."""
AFTERWARDS = timedelta(days=2)
"""How long files are still looked for after the end: spectra are reduced again by hand."""
EVERY_S = 3 * 3600.0
_ANNOTATION_LIMIT = 4000


def window(order: SedmOrder) -> tuple[datetime, datetime]:
    """From 00:00 of the first date to the end of the last one, UTC, as they were sent."""
    start, end = booking.dates(replace(order, now=order.created_at))
    kept = order.facility_data
    first, last = str(kept.get("startdate") or start), str(kept.get("enddate") or end)
    return _midnight(first), _midnight(last) + timedelta(days=1)


def poll(order: SedmOrder, link: Link) -> Progress:
    """Look for files, where the altdata has a web account; end what is long over. Raises NoAnswer."""
    over = order.now >= window(order)[1] + GRACE
    data: dict[str, Any] = {}
    try:
        if order.altdata.username:
            data = _looked(order, link)
    except FacilityError as error:
        if not over:
            raise NoAnswer(error.reason, error.retry_after) from None
    products = data.get("products", _known(order))
    told = as_products(products) if data else None
    if order.status not in AT_FACILITY or not over:
        return Progress(None, data=data, products=told, next_poll_s=pause_s(order, order.status))
    data["ended_at"] = clock.isoformat(order.now)
    if products:
        text = f"the requested dates have ended, without a word of SEDM; {len(products)} files of the target"
        return Progress(Status.COMPLETE, text, data=data, products=told, next_poll_s=_later(order))
    text = "the requested dates have ended, without a word of SEDM"
    data["expired_here"] = True
    return Progress(Status.EXPIRED, text, data=data, products=told, next_poll_s=_later(order))


def receive(order: SedmOrder, message: Message) -> Progress:
    """What a message says. Raises Invalid."""
    if order.instrument == "sedmv2":
        raise Invalid("The instrument associated with this request does not have a Listener API.")
    what = messages.kind(message)
    content = messages.body(message)
    if what == "facility":
        return _status_text(order, messages.text_of(content, "new_status"))
    if what == "annotations":
        return _annotated(order, content)
    known = _known(order)
    of = spectra.of_spectrum if what == "spectrum" else spectra.of_comment
    found, contents = of(content, known)
    if len(known) + len(found) > spectra.MOST:
        raise Invalid(f"There are more than {spectra.MOST} files of this request already.")
    text = f"{what}: {', '.join(found) or for_people(str(content.get('text') or ''), 200)}"
    merged = {**known, **found}
    return Progress(
        None,
        text,
        data={"products": merged},
        products=as_products(merged),
        next_poll_s=pause_s(order, order.status),
        files=contents,
    )


def as_products(products: Mapping[str, Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """As the library lists them."""
    return tuple({"name": name, **about} for name, about in products.items())


def pause_s(order: SedmOrder, status: Status) -> float | None:
    """Seconds to the next look; None: never again. Without a web account only the end is waited for."""
    if status in ENDED:
        return _later(order)
    left = (window(order)[1] + GRACE - order.now).total_seconds()
    return max(60.0, min(left, config.poll_every_s(EVERY_S)) if order.altdata.username else left)


def _status_text(order: SedmOrder, text: str) -> Progress:
    here = bool(order.facility_data.get("expired_here"))
    status = messages.status_of(text, order.status, expired_here=here)
    reason = text if status is Status.FAILED else ""
    data: dict[str, Any] = {"said": for_people(text, 500)}
    if status in ENDED:
        data |= {"ended_at": clock.isoformat(order.now), "expired_here": False}
    after = status or order.status
    changed = replace(order, facility_data={**order.facility_data, **data})
    return Progress(status, text, reason, data, next_poll_s=pause_s(changed, after))


def _annotated(order: SedmOrder, content: Mapping[str, Any]) -> Progress:
    origin, found = for_people(messages.text_of(content, "origin"), 100), content.get("data")
    if not isinstance(found, dict) or len(json.dumps(found)) > _ANNOTATION_LIMIT:
        raise Invalid("Invalid data: it must be an object of moderate size.")
    earlier = dict(order.facility_data.get("annotations") or {})
    kept = {**dict(list(earlier.items())[-19:]), origin: found}
    text = for_people(f"{origin}: {', '.join(f'{key} {value}' for key, value in found.items())}", 500)
    return Progress(None, text, data={"annotations": kept}, next_poll_s=pause_s(order, order.status))


def _looked(order: SedmOrder, link: Link) -> dict[str, Any]:
    """The files of nights not yet read, or read only yesterday, and of today. Raises NoAnswer, Rejected."""
    start, end = (each.date() for each in window(order))
    read_to = order.facility_data.get("read_to")
    first = max(start, order.created_at.astimezone(UTC).date())
    if isinstance(read_to, str):
        first = max(first, date.fromisoformat(read_to) - timedelta(days=1))
    last = min(order.now.astimezone(UTC).date(), end - timedelta(days=1))
    found = dict(_known(order))
    data: dict[str, Any] = {}
    for night in files.nights(min(first, last), last):
        paths = files.of_night(night, order.altdata, link)
        listed = files.products_of(paths, booking.source_name(order), order.altdata)
        found |= {name: about for name, about in listed.items() if name not in found}
        data["read_to"] = night.isoformat()
    return {**data, "products": dict(list(found.items())[: spectra.MOST])}


def _known(order: SedmOrder) -> dict[str, dict[str, Any]]:
    return dict(order.facility_data.get("products") or {})


def _later(order: SedmOrder) -> float | None:
    ended_at = order.facility_data.get("ended_at") or clock.isoformat(order.now)
    looks = order.altdata.username and order.now < clock.parse(str(ended_at)) + AFTERWARDS
    return EVERY_S if looks else None


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)
