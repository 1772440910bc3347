"""Constraints on a submission: whether a request like it is there already.

Names and purpose are SkyPortal's (followup-lifecycle card, Constraints); what is counted, and that two at the
same time do not both pass, is Slew's. Positions are compared as given, ICRS, without proper motion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slew import astro, places, sky, store
from slew.errors import Conflict, Invalid
from slew.places import Cell, Entry
from slew.principals import Principal, Role
from slew.records import Allocation, Request
from slew.status import COUNTED
from slew.terms import Constraints

_ROUNDING_ARCSEC = 0.005  # an entry's position is rounded, and is no more than a first sight


@dataclass(frozen=True)
class Watch:
    """What a request to be must not meet: requests of these allocations within a radius, arcsec."""

    request: Request
    allocations: tuple[Allocation, ...]
    radius_arcsec: float

    def look(self) -> Sequence[Cell]:
        """The cells around, for the request to be written only if they have not changed since.

        Raises Conflict where there is a request already; Crossed, Unavailable where they change as they are
        read.
        """
        if not self.allocations:
            return ()
        names = sky.cells_within(*_position(self.request), self.radius_arcsec)
        by_id = {allocation.id: allocation for allocation in self.allocations}
        cells = places.read(list(by_id), names)
        near = sorted(
            ((self._apart(entry), entry, cell) for cell in cells for entry in cell.listed()),
            key=lambda found: found[0],
        )
        over: set[str] = set()
        for apart, entry, cell in near:
            if apart > self.radius_arcsec + _ROUNDING_ARCSEC:
                break
            if entry.request_id != self.request.id and not self._passed(entry, by_id[cell.allocation_id]):
                over.add(entry.request_id)
        return [cell.without(over) for cell in cells]

    def _apart(self, entry: Entry) -> float:
        return astro.separation_arcsec(*_position(self.request), entry.ra, entry.dec)

    def _passed(self, entry: Entry, allocation: Allocation) -> bool:
        """Whether an entry's request still counts, though not in reach. Raises Conflict for one in reach."""
        other = store.get_request(entry.request_id)
        if other is None or other.status not in COUNTED or other.created_at < allocation.created_at:
            return False
        apart = astro.separation_arcsec(*_position(self.request), *_position(other))
        if apart > self.radius_arcsec:
            return True
        raise Conflict(
            f"not_if_duplicates: request {other.id} of allocation {allocation.id} ({other.status}) is "
            f"{apart:.3f} arcsec from this target, and the radius is {self.radius_arcsec:g} arcsec; nothing "
            "was sent"
        )


def watch(
    constraints: Constraints | None, request: Request, allocation: Allocation, principal: Principal
) -> Watch:
    """What a request's constraints ask to be looked at. Raises Invalid, Forbidden."""
    if constraints is None or not constraints.not_if_duplicates:
        return Watch(request, (), 0)
    if "ra" not in request.target:
        raise Invalid.field(["constraints", "not_if_duplicates"], "needs a target with coordinates")
    allocations = {allocation.id: allocation}
    for index, other_id in enumerate(constraints.ignore_allocation_ids):
        if other_id in allocations:
            continue
        other = store.get_allocation(other_id)
        if other is None:
            place = ("constraints", "ignore_allocation_ids", index)
            raise Invalid.field(place, f"there is no allocation {other_id!r}")
        principal.require(Role.VIEWER, other.group)
        allocations[other_id] = other
    return Watch(request, tuple(allocations.values()), constraints.radius)


def _position(request: Request) -> tuple[float, float]:
    return float(request.target["ra"]), float(request.target["dec"])
