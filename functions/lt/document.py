"""From an order to the document that is sent: its uid, window, and the target's name at the LT."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lt import rtml
from lt.models import LtAltdata, LtPayload
from lt.rtml import Sky
from slew import astro, clock
from slew.errors import Invalid
from slew.facility import Order

LtOrder = Order[LtPayload, LtAltdata]

LATITUDE_DEG = 28.7624
LOWEST_DEG = 30.0
"""Elevation below which the dome does not let the telescope look."""
DEFAULT_LENGTH = timedelta(days=7)
MOVED_ARCSEC = 1.0
"""From here on a corrected position gets a new target name: the LT would keep to the old position."""

_NOT_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")
_GENERIC = re.compile(
    r"(?i)(?:test|target|ztf|sn|at|grb|object|field|star|new|unknown|candidate)[-_ \d]{0,2}"
)


@dataclass(frozen=True)
class Document:
    """What is to be sent, whatever its mode, and what is kept of it."""

    order: LtOrder
    uid: str
    sky: Sky
    window: tuple[datetime, datetime]
    notes: tuple[str, ...]

    def text(self, mode: rtml.Mode) -> str:
        """The RTML."""
        order = self.order
        return rtml.observation(mode, self.uid, order.altdata, self.sky, order.payload, self.window)

    @property
    def data(self) -> dict[str, Any]:
        """What is kept with the request."""
        return {
            "uid": self.uid,
            "group": rtml.group_name(self.uid),
            "window_start": clock.isoformat(self.window[0]),
            "window_end": clock.isoformat(self.window[1]),
            "target": {"name": self.sky.name, "ra": self.sky.ra_deg, "dec": self.sky.dec_deg},
            "exposures": sum(setup.count for setup in self.order.payload.setups()),
        }


def document_of(order: LtOrder) -> Document:
    """The document of an order. Raises Invalid for a window that is over and a target that stays too low."""
    window = window_of(order.payload, order.now)
    if _NOT_XML.search(order.target.name):
        raise Invalid.field(["target", "name"], "has a character that XML cannot hold")
    if window[1] <= order.now:
        raise Invalid.field(
            ["payload", "end_date"], "must be in the future: the LT queues it and never runs it"
        )
    highest = 90 - abs(order.target.dec - LATITUDE_DEG)
    if highest < LOWEST_DEG:
        text = (
            f"the target culminates at {highest:.1f} deg; the LT's dome allows {LOWEST_DEG:.0f} deg and more"
        )
        raise Invalid.field(["target", "dec"], text)
    notes = []
    best = 1 / math.sin(math.radians(highest))
    if best > order.payload.maximum_airmass:
        notes.append(
            f"the target never gets below airmass {best:.2f} at the LT: maximum_airmass cannot be met"
        )
    if order.target.proper_motion_ra is not None or order.target.proper_motion_dec is not None:
        notes.append("the target's proper motion is not sent: give the position of the night")
    sky, renamed = _sky(order)
    return Document(order, _uid(order), sky, window, (*notes, *renamed))


def window_of(payload: LtPayload, now: datetime) -> tuple[datetime, datetime]:
    """Start and end, UT: from now and for seven days where the payload does not say."""
    start = payload.start_date or now
    return start, payload.end_date or start + DEFAULT_LENGTH


def _uid(order: LtOrder) -> str:
    """A new one; the one already written down where a submission is sent again; an update's next one."""
    if order.facility_request_id:
        return rtml.revised_uid(order.facility_request_id)
    kept = order.facility_data.get("uid")
    return str(kept) if kept else rtml.new_uid(order.target.name, order.request_id, order.now)


def _sky(order: LtOrder) -> tuple[Sky, tuple[str, ...]]:
    """The target under a name that the LT does not know with another position yet, as far as we know."""
    target = order.target
    sky = Sky(target.name, target.ra, target.dec)
    generic = _GENERIC.fullmatch(target.name.strip())
    notes = ("the LT points where it first knew a target of that name in the proposal: use a unique one",)
    known = order.facility_data.get("target")
    if not isinstance(known, Mapping) or not order.facility_request_id:
        return sky, notes if generic else ()
    before = Sky(str(known["name"]), float(known["ra"]), float(known["dec"]))
    if not re.fullmatch(re.escape(target.name) + r"(?:_\d+)?", before.name):
        return sky, notes if generic else ()
    if _apart_arcsec(sky, before) <= MOVED_ARCSEC:
        return Sky(before.name, sky.ra_deg, sky.dec_deg), ()
    number = re.search(r"_(\d+)$", before.name[len(target.name) :])
    name = f"{target.name}_{int(number[1]) + 1 if number else 2}"
    words = f"sent as target {name}: the LT would keep to the former position of {before.name}"
    return Sky(name, sky.ra_deg, sky.dec_deg), (words,)


def _apart_arcsec(one: Sky, other: Sky) -> float:
    a, b = math.radians(one.dec_deg), math.radians(other.dec_deg)
    ra = math.radians(one.ra_deg - other.ra_deg)
    haversine = math.sin((a - b) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(ra / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(haversine)))) * 3600


def kept_window(order: LtOrder) -> tuple[datetime, datetime]:
    """The window that was sent; by the payload where that has not been kept."""
    kept = [order.facility_data.get(key) for key in ("window_start", "window_end")]
    start, end = (astro.parse_utc(text) if isinstance(text, str) else None for text in kept)
    if start is not None and end is not None:
        return start, end
    return window_of(order.payload, order.created_at)
