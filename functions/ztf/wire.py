"""The JSON that leaves for the gateway (card ztf.md: Submit a queue, Skymap trigger)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from slew import astro
from slew.errors import Invalid
from slew.facility import Link, Order
from ztf import twilight
from ztf.kept import Kept
from ztf.models import ZtfAltdata
from ztf.payload import ObservationPlan, Skymap, Triggered, ZtfPayload
from ztf.values import FILTER_IDS, PROGRAM_IDS, split_fields, split_filters

ZtfOrder = Order[ZtfPayload, ZtfAltdata]
Body = dict[str, Any]
Centre = tuple[float, float]

INSTRUMENT = "ztf"
BODY_LIMIT = 1_048_576
"""Bytes that Kowalski takes; beyond them it answers 413."""
_SHOWN = 20
_DAY = timedelta(days=1)


def body(order: ZtfOrder, link: Link) -> Body:
    """The body of the PUT. Raises Invalid, naming the field."""
    payload = order.payload.root
    user = order.requester.username
    if not user:
        raise Invalid.field(["requester", "username"], "is needed: ZTF is told whose request it is")
    if isinstance(payload, Skymap):
        return _skymap(payload, user, order.now)
    start, end = window(order)
    if end <= start:
        raise Invalid.field(["payload", "end_date"], "must be after start_date")
    centres = _centres(payload, link)
    targets = [
        _target(number, payload, user, rest, centres.get(number - 1))
        for number, rest in enumerate(_exposures(payload), 1)
    ]
    return {
        "queue_name": queue_name(order),
        "validity_window_mjd": [astro.to_mjd(start), astro.to_mjd(end)],
        "queue_type": "list",
        "user": user,
        "targets": targets,
    }


def check_size(content: bytes) -> None:
    """Raise Invalid for a body that the gateway would not take."""
    if len(content) > BODY_LIMIT:
        text = f"makes a request of {len(content)} bytes; the gateway takes {BODY_LIMIT}"
        raise Invalid.field(["payload"], text)


def queue_name(order: ZtfOrder) -> str:
    """The wire name: `ToO_` and the given one, or one that follows from the request and what it asks for.

    A retry keeps it, and an update to other parameters does not, so that the two queues can be told apart.
    """
    payload = order.payload.root
    given = None if isinstance(payload, Skymap) else payload.queue_name
    if given is not None:
        return f"ToO_{given}"
    asked = json.dumps(payload.model_dump(mode="json"), sort_keys=True)
    own = hashlib.sha256(f"{order.request_id} {asked}".encode()).hexdigest()[:16]
    return f"ToO_slew_{own}"


def window(order: ZtfOrder) -> tuple[datetime, datetime]:
    """Begin and end of a queue's validity, UTC; what a plan leaves open is as in an earlier attempt."""
    payload = order.payload.root
    start, end = dates(order.payload, order.now) or (order.now, order.now + _DAY)
    kept = Kept.read(order.facility_data)
    if isinstance(payload, ObservationPlan) and kept is not None and kept.name == queue_name(order):
        start = start if payload.start_date else kept.start
        end = end if payload.end_date or kept.end <= order.now else kept.end
    return start, end


def dates(payload: ZtfPayload, now: datetime) -> tuple[datetime, datetime] | None:
    """The window that a payload asks for at that moment; None for a sky map, which has none."""
    wanted = payload.root
    if isinstance(wanted, Skymap):
        return None
    start = wanted.start_date or now
    return start, wanted.end_date or twilight.next_morning(max(start, now))


def exposure_s(payload: ZtfPayload) -> float | None:
    """Open-shutter time of all exposures, s; None for a sky map, whose exposures the scheduler chooses."""
    wanted = payload.root
    if isinstance(wanted, Skymap):
        return None
    return sum(seconds * int(extra.get("n_repeats", 1)) for _, _, seconds, extra in _exposures(wanted))


def _skymap(payload: Skymap, user: str, now: datetime) -> Body:
    return {
        "trigger_name": payload.trigger_name,
        "trigger_time": astro.to_mjd(now) if payload.trigger_time is None else payload.trigger_time,
        "user": user,
        "fields": [{"field_id": each.field_id, "probability": each.probability} for each in payload.fields],
    }


def _exposures(payload: Triggered | ObservationPlan) -> Iterator[tuple[int, int, float, Body]]:
    """Field, filter number, seconds and further wire keys of each target, in order."""
    if isinstance(payload, ObservationPlan):
        for each in payload.observations:
            yield each.field_id, FILTER_IDS[each.filt], float(each.exposure_time), {}
        return
    extra = {"max_airmass": payload.max_airmass, "n_repeats": payload.n_repeats}
    given = {name: value for name, value in extra.items() if value is not None}
    for filter_id in split_filters(payload.filters):
        for field_id in _fields(payload):
            yield field_id, filter_id, float(payload.exposure_time), given


def _fields(payload: Triggered) -> tuple[int, ...]:
    if payload.field_ids is not None:
        return split_fields(payload.field_ids)
    return tuple(each.field_id for each in payload.fields or ())


def _target(
    number: int,
    payload: Triggered | ObservationPlan,
    user: str,
    exposure: tuple[int, int, float, Body],
    centre: Centre | None,
) -> Body:
    field_id, filter_id, seconds, extra = exposure
    return {
        "request_id": number,
        "program_id": PROGRAM_IDS[payload.program_id],
        "field_id": field_id,
        **({} if centre is None else {"ra": centre[0], "dec": centre[1]}),
        "filter_id": filter_id,
        "exposure_time": seconds,
        "program_pi": f"Kulkarni/{user}",
        "subprogram_name": f"ToO_{payload.subprogram_name}",
        **extra,
    }


def _centres(payload: Triggered | ObservationPlan, link: Link) -> dict[int, Centre]:
    """Centre of each target by its place in the list; empty where the scheduler is to fill them in.

    All or none: were one left out, the scheduler would point it nowhere (card: Field coordinates). Raises
    Invalid with the fields whose centres nobody knows.
    """
    if payload.field_centres == "scheduler":
        return {}
    own = {each.field_id: (each.ra, each.dec) for each in payload.fields or ()}
    given: dict[int, Centre] = {}
    if isinstance(payload, ObservationPlan):
        for place, each in enumerate(payload.observations):
            if each.ra is not None and each.dec is not None:
                given[place] = each.ra, each.dec
    wanted = [field_id for field_id, *_ in _exposures(payload)]
    lacking = {number for place, number in enumerate(wanted) if place not in given} - set(own)
    grid = (link.field_grid(INSTRUMENT) or {}) if lacking else {}
    unknown = sorted(lacking - set(grid))
    if unknown:
        raise _no_centres(payload, unknown)
    known: Mapping[int, Centre] = {**{number: grid[number] for number in lacking}, **own}
    return {place: given[place] if place in given else known[number] for place, number in enumerate(wanted)}


def _no_centres(payload: Triggered | ObservationPlan, unknown: list[int]) -> Invalid:
    named = ", ".join(map(str, unknown[:_SHOWN]))
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    plan = isinstance(payload, ObservationPlan)
    text = (
        f"the centres of these fields are not known: {named}{more}. Give them in `fields` (field_id, ra, dec)"
        f"{' or as ra and dec of the observations' if plan else ''}, put the grid into the deployment's "
        f"bucket (SLEW_FIELD_GRID_{INSTRUMENT.upper()}), or say field_centres: scheduler, "
        "which leaves them to the scheduler's own grid"
    )
    return Invalid.field(["payload", "observations" if plan else "field_ids"], text)
