"""A hundred thousand live requests at the sixteen facilities, and how each facility is asked.

What a poll answers last is made by the facility's own code, so that the time until the next poll is the one
that it wishes. How many requests there are, and how long the facility takes to answer, are assumptions.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.stack import ROOT
from slew import astro, portal_progress
from slew.facility import Facility, Order
from slew.status import Status


@dataclass(frozen=True)
class Share:
    """A facility's part.

    `calls` of `call_s` seconds each (mean) make a poll; `listed`: one such for all requests of an account in
    a tick. `hours`: how long is simulated. `aligned`: all wish the same time of the hour. `altdata` and
    `payload` go over the example's, for credentials that asking needs and a window that is open.
    """

    facility: str
    requests: int
    accounts: int
    calls: int = 1
    call_s: float = 0.5
    listed: bool = False
    hours: float = 1.0
    aligned: bool = False
    altdata: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)


OPEN = {"start_date": "2026-11-22 00:00:00", "end_date": "2026-11-30 00:00:00"}
MIX = (
    Share("atlas_forced_photometry", 4_000, 80, call_s=0.4, hours=0.12),
    Share("gemini", 4_000, 50, call_s=3.0, listed=True, hours=0.3),
    Share("generic", 16_000, 200),
    Share("kait", 4_000, 10),
    Share("lco", 8_000, 160, calls=2, call_s=0.35, hours=0.2),
    Share("lt", 150, 10, call_s=8.0, hours=3.0),
    Share("mma", 850, 20, listed=True, hours=0.5, altdata={"receiver_lists": True}, payload=OPEN),
    Share("nicer", 2_000, 20),
    Share("sedm", 9_000, 5, hours=4.0),
    Share("slack", 12_000, 100),
    Share("soar", 3_000, 60, calls=2, call_s=0.35, hours=0.6),
    Share("swift_too", 8_000, 200, calls=2, call_s=0.8, hours=3.0),
    Share("swift_xrt", 3_000, 60, call_s=0.6, hours=0.2),
    Share("winter", 6_000, 30, call_s=1.0, listed=True, hours=0.3),
    Share("ztf", 4_000, 40, call_s=0.5, listed=True, hours=0.12, payload=OPEN),
    Share("ztf_forced_photometry", 16_000, 160, call_s=3.0, listed=True, hours=1.4, aligned=True),
)


def facility_class(share: Share) -> type[Facility]:
    """Slew's class of it."""
    module = importlib.import_module(f"{share.facility}.facility")
    found: list[type[Facility]] = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Facility) and each.__dict__.get("id") == share.facility
    ]
    return found[0]


def example(share: Share) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bodies of an allocation and a request, as in `events/`."""
    allocation, request = (
        json.loads(json.loads((ROOT / "events" / f"{share.facility}-{kind}.json").read_text())["body"])
        for kind in ("allocation", "submit")
    )
    return (
        {**allocation, "altdata": {**allocation["altdata"], **share.altdata}},
        {**request, "payload": {**request["payload"], **share.payload}},
    )


def wish(share: Share, facility: Facility) -> Callable[[Order[Any, Any]], float | None]:
    """Seconds until the next poll of a request that waits, by the facility's own code."""
    if share.facility in ("lco", "soar"):
        group = {"state": "PENDING", "requests": [{"id": 1}]}
        rhythm = getattr(facility, "rhythm", portal_progress.USUAL)
        return lambda order: portal_progress.progress(group, [], order, rhythm).next_poll_s
    module = importlib.import_module(f"{share.facility}.facility")
    if share.facility in ("atlas_forced_photometry", "swift_xrt"):
        slow: float = module.SLOW_POLL_S
        return lambda order: slow
    if share.facility == "swift_too":
        return lambda order: float(module.rhythm_s(order.payload.root.urgency))
    if share.facility == "ztf_forced_photometry":
        return lambda order: float(module.account.next_look_s(order.now))
    if share.facility == "mma":
        api = importlib.import_module("mma.api").Api()
        return lambda order: float(api._pause_s(order))
    if share.facility == "sedm":
        following = importlib.import_module("sedm.following")
        return lambda order: following.pause_s(order, Status.SUBMITTED)
    progress = importlib.import_module(f"{share.facility}.progress")
    if share.facility == "gemini":
        return lambda order: float(progress._next_s(order, None, None, rapid=False))
    if share.facility == "ztf":
        window = tuple(astro.to_mjd(datetime.fromisoformat(f"{day}+00:00")) for day in OPEN.values())
        kept = importlib.import_module("ztf.kept").Kept("queue", "observer", window, 1, {}, {}, "")
        return lambda order: float(progress.wait_s(kept, order.now))
    if share.facility == "winter":
        return lambda order: float(progress._next_s(order, None))
    if share.facility == "lt":
        document = importlib.import_module("lt.document")
        return lambda order: float(progress.next_look_s(order.now, document.kept_window(order)))
    raise LookupError(share.facility)
