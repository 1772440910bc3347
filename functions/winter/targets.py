"""From an order to the list of target objects that the service takes (card: Submit and validate)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from slew import astro
from slew.errors import Invalid
from slew.facility import Order
from winter.models import CameraPayload, WinterAltdata, WinterPayload

MAX_NAME = 30
WINDOW = timedelta(days=7)

WinterOrder = Order[CameraPayload, WinterAltdata]
Body = list[dict[str, Any]]


def target_name(order: WinterOrder) -> str:
    """The target's name as the service takes it: the first 30 characters."""
    return order.target.name[:MAX_NAME]


def window(order: WinterOrder) -> tuple[datetime, datetime]:
    """The window, defaults filled in. Raises Invalid where it is over or ends before it begins."""
    payload = order.payload
    start = payload.start_date or order.now
    end = payload.end_date or order.now + WINDOW
    if end <= order.now:
        text = f"End date ({_shown(end)}) is in the past, (time now is {_shown(order.now)})"
        raise Invalid.field(["payload", "end_date"], text)
    if end <= start:
        text = f"must be after start_date ({_shown(start)}); without it the window ends 7 days from now"
        raise Invalid.field(["payload", "end_date"], text)
    return start, end


def body(order: WinterOrder) -> Body:
    """One target object for each set of filters that share exposure time and dithers. Raises Invalid."""
    payload = order.payload
    start, end = window(order)
    common = {
        "target_priority": payload.priority,
        "target_name": target_name(order),
        "n_repetitions": payload.n_repetitions,
        "dither_distance": payload.dither_distance,
        "start_time_mjd": astro.to_mjd(start),
        "end_time_mjd": astro.to_mjd(end),
        "max_airmass": payload.maximum_airmass,
    }
    return [
        {
            **_place(order),
            **common,
            "filters": list(block.filters),
            "total_exposure_time": block.exposure_s * block.n_dither,
            "n_dither": block.n_dither,
        }
        for block in payload.blocks
    ]


def rows(content: Body) -> dict[str, int]:
    """How many rows of each filter the schedule has that the service makes of it."""
    counts: dict[str, int] = {}
    for each in content:
        for name in each["filters"]:
            counts[name] = counts.get(name, 0) + each["n_repetitions"]
    return counts


def seconds(content: Body) -> float:
    """The exposure time of the whole schedule, without overheads."""
    return float(
        sum(each["total_exposure_time"] * len(each["filters"]) * each["n_repetitions"] for each in content)
    )


def notes(order: WinterOrder) -> tuple[str, ...]:
    """What the caller should know of what is sent."""
    payload, name = order.payload, order.target.name
    found = [f"{key} is not used: the filter is {', '.join(payload.wanted)}" for key in payload.unused]
    if len(name) > MAX_NAME:
        found.append(f"the target's name is cut to 30 characters: {target_name(order)}")
    if isinstance(payload, WinterPayload) and payload.field_id is not None:
        found.append(f"field {payload.field_id} is sent in place of the target's position")
    lacking = [each for each in payload.wanted if each in ("Hs", "dark")]
    if payload.camera == "spring" and lacking:
        found.append(
            f"SPRING's wheel holds no {' or '.join(lacking)}, by the observatory's configuration of "
            "March 2026: the telescope may skip it"
        )
    return tuple(found)


def _place(order: WinterOrder) -> dict[str, Any]:
    payload = order.payload
    best = payload.use_best_detector
    if isinstance(payload, WinterPayload) and payload.field_id is not None:
        place: dict[str, Any] = {"field_id": payload.field_id}
    else:
        grid = payload.use_field_grid
        place = {"ra_deg": order.target.ra, "dec_deg": order.target.dec, "use_field_grid": grid}
        if grid:
            best = False  # the service's own default is true, and both together are refused
    return place if best is None else {**place, "use_best_detector": best}


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
