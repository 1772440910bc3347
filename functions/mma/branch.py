"""What the ways of handing a plan over have in common; one class each (card mma.md, Operations)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from mma.models import MmaAltdata
from mma.plan import MmaOrder, Plan, validity
from slew.errors import MethodNotAllowed, Rejected
from slew.facility import Absent, Cancellation, Link, Prepared, Progress, Submission, Verification
from slew.status import NO_STATUS, Status


class Branch(ABC):
    """One way. What a receiver of its kind has not, is refused here."""

    def check(self, altdata: MmaAltdata) -> None:  # noqa: B027 - most have nothing to check
        """Checks of credentials beyond the model's. Raises Invalid."""

    @abstractmethod
    def prepare(self, order: MmaOrder, plan: Plan) -> Prepared:
        """The exchange that hands the plan over. Raises Invalid."""

    @abstractmethod
    def submit(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Hand it over. Raises Rejected, Failed, NotSent or Unanswered."""

    def update(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Put another plan in its place. Raises as `submit`."""
        raise Rejected("a plan at the receiver cannot be changed: names are unique; send one of another name")

    @abstractmethod
    def cancel(self, order: MmaOrder, link: Link) -> Cancellation:
        """Take it back. Raises Rejected, NotSent or Unanswered."""

    def poll(self, order: MmaOrder, link: Link) -> Progress:
        """Ask how it goes. Raises NoAnswer."""
        return window_over(order)

    def reconcile(self, order: MmaOrder, plan: Plan, link: Link) -> Submission | Absent | None:
        """Look for a plan of unknown outcome. Raises NoAnswer."""
        return None

    def verify(self, altdata: MmaAltdata, link: Link) -> Verification:
        """Make a harmless authenticated call. Raises NoAnswer, MethodNotAllowed."""
        raise MethodNotAllowed(
            "a webhook or a mailbox can only be checked by writing to it, which is not harmless"
        )

    def queues(self, altdata: MmaAltdata, link: Link) -> Sequence[dict[str, Any]]:
        """The plans at the receiver. Raises NoAnswer, Rejected."""
        raise Rejected("a channel or a mailbox has no list of plans")


def window_over(order: MmaOrder, text: str = "") -> Progress:
    """Where nothing tells how it goes: as it was until the plan's window ends, then expired."""
    _, end = validity(order)
    left_s = (end - order.now).total_seconds()
    told = text or f"{NO_STATUS} (this receiver)"
    if left_s <= 0:
        return Progress(Status.EXPIRED, f"the plan's window has ended ({told})", next_poll_s=None)
    return Progress(None, told, next_poll_s=left_s + 60 if not text else min(left_s + 60, 3600.0))
