"""What a POST asks for, and what there is of the same sender, number and object."""

from __future__ import annotations

from dataclasses import dataclass

from skyportal import ledger
from skyportal.answers import Refusal
from skyportal.ledger import Entry
from skyportal.models import Trigger
from skyportal.senders import Sender
from slew import astro, clock, store
from slew.models import Target
from slew.records import Allocation, Request

RESEND_S = 24 * 3600.0
"""The same payload again within that time is the same request, not another."""
_SAME_PLACE_ARCSEC = 0.1
"""Positions nearer to each other differ by rounding."""


@dataclass(frozen=True)
class Case:
    """A trigger, the newest entry under its number and object, and that entry's request.

    `last`: the request, whichever allocation it is of. `position`: as it was given with the trigger, or told.
    """

    sender: Sender
    trigger: Trigger
    allocation: Allocation
    newest: Entry | None
    last: Request | None
    position: Target | None

    @property
    def key(self) -> tuple[str, int, str]:
        """Where the ledger has it."""
        return self.sender.id, self.trigger.allocation_id, self.trigger.obj_id

    @property
    def request(self) -> Request | None:
        """The last request, unless the number has been given to another allocation since."""
        return self.last if self.last and self.last.allocation_id == self.allocation.id else None

    @property
    def sequence(self) -> int:
        """The number of a request to be made; of one that never came about it is taken again."""
        if self.newest is None:
            return 1
        return self.newest.sequence + (self.last is not None)

    @property
    def known(self) -> Target | None:
        """Where the object was when it was triggered last."""
        at = self.last.target if self.last else {}
        return Target.model_validate(at) if "ra" in at else None

    @property
    def recent(self) -> bool:
        """Whether the last POST was so lately that this one may be sent for the same reason."""
        return self.newest is not None and clock.timestamp() - self.newest.at < RESEND_S

    @property
    def same(self) -> bool:
        """Whether it asks for what the request asks for, or is being changed into."""
        if self.request is None or self.newest is None:
            return False
        wanted = self.request.change(**(self.request.proposed or {}))
        payload = self.newest.payload if wanted.payload_object else ledger.digest(wanted.payload)
        return payload == ledger.digest(self.trigger.payload) and not self._moved(wanted)

    def _moved(self, wanted: Request) -> bool:
        at, to = wanted.target, self.position
        if to is None or "ra" not in at:
            return False
        return astro.separation_arcsec(at["ra"], at["dec"], to.ra, to.dec) > _SAME_PLACE_ARCSEC


def find(sender: Sender, trigger: Trigger) -> Case:
    """The case as it stands now. Raises Refusal for a number that means nothing here."""
    ours = sender.allocations.get(str(trigger.allocation_id))
    allocation = store.get_allocation(ours) if ours else None
    if allocation is None:
        raise Refusal(422, f"allocation_id {trigger.allocation_id} is not known here")
    newest = ledger.newest(sender.id, trigger.allocation_id, trigger.obj_id)
    last = ledger.request(newest) if newest else None
    position = trigger.target or ledger.told(sender.id, trigger.obj_id)
    return Case(sender, trigger, allocation, newest, last, position)
