"""Multi-messenger observation plans (card mma.md): lists of pointings for a telescope's queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from mma import plan as plans
from mma.api import Api
from mma.branch import Branch
from mma.models import MmaAltdata
from mma.payload import MmaPayload
from mma.people import Email, Slack
from mma.plan import MmaOrder
from mma.scp import Scp
from slew import clock
from slew.errors import Rejected
from slew.facility import (
    Absent,
    Cancellation,
    Facility,
    Link,
    Prepared,
    Progress,
    Submission,
    Verification,
)


class Mma(Facility):
    """Hands a finished plan over by HTTP, SSH, Slack or email, as the allocation's altdata says."""

    id = "mma"
    title = "Multi-messenger plans"
    Altdata = MmaAltdata
    payloads: ClassVar = {None: MmaPayload}
    needs_target = False
    takes_plans = True
    longest_send_s = 130.0  # the plan 70 s, a look at the receiver's list before and after 30 s each
    send_attempts = 8  # about an hour; then it is failed (card, submit by API)
    resumable = True  # the plan's name, and whether the receiver may have it, outlive a resubmission

    def __init__(self) -> None:
        self._branches: dict[str, Branch] = {
            "api": Api(),
            "scp": Scp(),
            "slack": Slack(self),
            "email": Email(self),
        }

    def prepare(self, order: MmaOrder, link: Link) -> Prepared:
        """The plan, made ready for its receiver. Raises Invalid."""
        plan = plans.build(order, link)
        plans.check_open(plan, order.now)
        return self._branch(order.altdata).prepare(order, plan)

    def submit(self, order: MmaOrder, prepared: Prepared, link: Link) -> Submission:
        """Hand it over. Raises Rejected, Failed, NotSent or Unanswered."""
        return self._branch(order.altdata).submit(order, plans.build(order, link), prepared, link)

    def update(self, order: MmaOrder, prepared: Prepared, link: Link) -> Submission:
        """Overwrite the file, or tell people; an API takes a name once. Raises as `submit`."""
        return self._same(order).update(order, plans.build(order, link), prepared, link)

    def cancel(self, order: MmaOrder, link: Link) -> Cancellation:
        """Take it back, where the receiver can. Raises Rejected, NotSent or Unanswered."""
        return self._same(order).cancel(order, link)

    def poll(self, order: MmaOrder, link: Link) -> Progress:
        """Ask a receiver that lists its plans; of the others only the window's end is known.

        Raises NoAnswer.
        """
        return self._same(order).poll(order, link)

    def reconcile(self, order: MmaOrder, link: Link) -> Submission | Absent | None:
        """Look for a plan of unknown outcome. Raises NoAnswer."""
        return self._same(order).reconcile(order, plans.build(order, link), link)

    def verify(self, altdata: MmaAltdata, link: Link) -> Verification:
        """Log in by SSH, or list the API's plans. Raises NoAnswer, MethodNotAllowed (nothing to ask)."""
        return self._branch(altdata).verify(altdata, link)

    def queues(self, altdata: MmaAltdata, link: Link) -> Sequence[dict[str, Any]]:
        """The plans at the receiver. Raises NoAnswer, Rejected."""
        return self._branch(altdata).queues(altdata, link)

    def check_altdata(self, altdata: MmaAltdata) -> None:
        """Whether we may call the host, and whether a private key can be read. Raises Invalid."""
        self._branch(altdata).check(altdata)

    def plan_name(self, payload: MmaPayload) -> str:
        """The plan's name, as given."""
        return payload.queue_name or "plan"

    def exposure_s(self, payload: MmaPayload) -> float:
        """Of all pointings."""
        return sum(each.exposure_time for each in payload.planned_observations or payload.targets or ())

    def window(self, payload: MmaPayload) -> tuple[datetime, datetime]:
        """The plan's validity, UTC."""
        return payload.window(clock.now())

    def _branch(self, altdata: MmaAltdata) -> Branch:
        return self._branches[altdata.branch]

    def _same(self, order: MmaOrder) -> Branch:
        """The order's branch. Raises Rejected where the plan was sent by another, which would not hear."""
        sent_by, now = order.facility_data.get("branch"), order.altdata.branch
        if sent_by not in (None, now):
            raise Rejected(f"the plan was sent by {sent_by}, but the allocation's altdata now says {now}")
        return self._branches[now]
