"""Letting a new request in: what its constraints and its allocation's limits say, up to its writing."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from slew import constraints, limits, store
from slew.constraints import Watch
from slew.errors import Unavailable
from slew.models import SubmitBody
from slew.places import Cell, Crossed
from slew.principals import Principal
from slew.records import Allocation, Event, Request

_ATTEMPTS = 12


def permitted(
    allocation: Allocation, request: Request, body: SubmitBody, principal: Principal
) -> tuple[Watch, Sequence[Cell]]:
    """What a request's constraints have to watch, and what was seen: nothing that forbids it.

    Raises Conflict where a constraint or a limit does; Invalid, Forbidden, Unavailable.
    """
    limits.check(allocation, request)
    watch = constraints.watch(body.constraints, request, allocation, principal)
    return watch, _looked(watch)


def _looked(watch: Watch) -> Sequence[Cell]:
    for attempt in range(_ATTEMPTS):
        try:
            return watch.look()
        except Crossed:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
    raise _busy()


def write(
    request: Request, event: Event, watch: Watch, seen: Sequence[Cell], allocation: Allocation
) -> Request:
    """Write a new request, within the limits, if nothing has come to where it looks since that was `seen`.

    Raises Conflict, Unavailable; Outdated where there is one with its id.
    """
    request = limits.charged(allocation, request)
    for attempt in range(_ATTEMPTS):
        try:
            return store.save(request, [event], new=True, seen=seen, allowed=allocation.limits)
        except Crossed:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))
        seen = _looked(watch)
    raise _busy()


def _busy() -> Unavailable:
    text = "others are submitting at the same place; nothing was sent, try again"
    return Unavailable(text, headers={"Retry-After": "1"})
