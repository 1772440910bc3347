"""Branch A: the plan is PUT to an HTTP API (card mma.md, "submit by API").

A receiver takes a name once, so that the same plan may be sent again after an answer was lost; what it then
says of a name that exists is told from a plan of somebody else's by what was noted before sending.
"""

from __future__ import annotations

import hashlib

from mma import plan as plans
from mma import receiver
from mma.branch import Branch, window_over
from mma.models import MmaAltdata
from mma.plan import MmaOrder, Plan
from slew import config, urls
from slew.errors import MethodNotAllowed, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Cancellation, Link, Prepared, Progress, Submission, Verification
from slew.status import Status

POLL_S = 600.0
_SENT = "may_have"
"""Key of the facility data: digest of a body that the receiver may have got although it did not say so."""


class Api(Branch):
    """The HTTP receiver. Its GET and DELETE are used where the altdata says that there are any."""

    def check(self, altdata: MmaAltdata) -> None:
        """Whether we may call it. Raises Invalid."""
        urls.demand_public(altdata.collection, "altdata", "endpoint" if altdata.endpoint else "host")

    def prepare(self, order: MmaOrder, plan: Plan) -> Prepared:
        """One PUT. Raises Invalid for a forbidden host."""
        self.check(order.altdata)
        return Prepared((receiver.submission(order.altdata, plan),))

    def submit(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Send it. Raises Rejected, Failed, or NotSent: it can be sent again whatever was lost."""
        request = prepared.http()
        digest = hashlib.sha256(request.body).hexdigest()[:32]
        earlier = order.facility_data.get(_SENT) == digest
        if earlier and (found := self._found(order, plan, link)):
            return found
        link.keep({"branch": "api", plans.DRAFT: plan.draft(), _SENT: digest})
        try:
            answer = link.http.send(request)
        except NotSent:
            if not earlier:
                link.keep({_SENT: None})
            raise
        except Unanswered as error:
            return self._after_loss(order, plan, link, NotSent(error.reason))
        if answer.status >= 500:
            lost = NotSent(f"receiver unavailable: {receiver.words(answer)}", answer.retry_after)
            return self._after_loss(order, plan, link, lost)
        if receiver.name_exists(answer) and earlier:
            return self._own(order, plan, link)
        try:
            plan_id, note = receiver.taken(answer)
        except (Rejected, NotSent) as error:
            link.keep({_SENT: None})
            if receiver.name_exists(answer):
                raise Rejected(f"queue name exists: {error.reason}") from None
            raise
        return self._submission(plan, plan_id, f"HTTP {answer.status}", note)

    def cancel(self, order: MmaOrder, link: Link) -> Cancellation:
        """DELETE by name. Raises Rejected, NotSent or Unanswered."""
        if not order.altdata.receiver_deletes:
            raise Rejected(
                "Cannot remove observation plans from the queue of this instrument. (The allocation's "
                "altdata does not say that its receiver can: receiver_deletes.)"
            )
        answer = link.http.send(receiver.removal(order.altdata, str(order.facility_data["queue_name"])))
        if answer.status >= 500:
            raise Unanswered(f"receiver unavailable: {receiver.words(answer)}")
        try:
            return Cancellation(text=receiver.removed(answer))
        except Rejected as refusal:
            if order.cancel_sent and (receiver.is_gone(answer) or self._is_unlisted(order, link)):
                return Cancellation(text=f"it had been removed before ({refusal.reason})")
            raise

    def poll(self, order: MmaOrder, link: Link) -> Progress:
        """GET of the plan. Raises NoAnswer."""
        if not order.altdata.receiver_lists:
            return window_over(order)
        plan_id = order.facility_data.get("plan_id")
        if plan_id:
            row = receiver.plan_of_id(order.altdata, str(plan_id), link)
        else:
            row = receiver.find(order.altdata, str(order.facility_data["queue_name"]), link)
        if row is None:
            return window_over(order, "no longer at the receiver")
        status, text = receiver.state(row)
        ended = status in (Status.COMPLETE, Status.FAILED, Status.EXPIRED)
        if not ended and (over := window_over(order, text)).status:
            return over
        return Progress(
            status,
            text,
            reason=text if status is Status.FAILED else "",
            data={"plan_id": receiver.id_of(row)},
            next_poll_s=None if ended else self._pause_s(order),
        )

    def reconcile(self, order: MmaOrder, plan: Plan, link: Link) -> Submission | Absent | None:
        """Look for it; a receiver without a list is sent it again, for it takes a name once.

        Raises NoAnswer.
        """
        if not order.altdata.receiver_lists:
            return Absent()
        row = receiver.find(order.altdata, plan.queue_name, link)
        if row is None:
            return Absent()
        return self._of_row(row, plan) if receiver.same(row, plan) else None

    def verify(self, altdata: MmaAltdata, link: Link) -> Verification:
        """GET of the list. Raises NoAnswer; MethodNotAllowed where there is none."""
        if not altdata.receiver_lists:
            raise MethodNotAllowed(
                "this receiver is not known to have a harmless call (receiver_lists); only a plan would tell"
            )
        try:
            rows = receiver.plans(altdata, link)
        except NoAnswer as error:
            if "refused the token" in error.reason:
                return Verification(False, error.reason)
            raise
        return Verification(True, f"the receiver lists {len(rows)} plans", {"plans": len(rows)})

    def queues(self, altdata: MmaAltdata, link: Link) -> list[dict[str, object]]:
        """The plans at the receiver. Raises NoAnswer, Rejected."""
        if not altdata.receiver_lists:
            raise Rejected("the receiver is not known to list its plans (altdata: receiver_lists)")
        return [
            {
                "name": str(row.get("queue_name", "")),
                "id": receiver.id_of(row),
                "status": receiver.state(row)[1],
            }
            for row in receiver.plans(altdata, link)
        ]

    def _after_loss(self, order: MmaOrder, plan: Plan, link: Link, lost: NotSent) -> Submission:
        """What an attempt without an answer came to, where the receiver can be asked; else it is repeated."""
        try:
            found = self._found(order, plan, link)
        except NotSent:
            found = None
        if found:
            return found
        raise NotSent(f"{lost.reason}; it is sent again, for a receiver takes a name once", lost.retry_after)

    def _found(self, order: MmaOrder, plan: Plan, link: Link) -> Submission | None:
        if not order.altdata.receiver_lists:
            return None
        link.shared.pop(receiver.LISTED, None)
        try:
            row = receiver.find(order.altdata, plan.queue_name, link)
        except NoAnswer as error:
            raise NotSent(f"the receiver could not be asked for the plan: {error.reason}") from None
        return self._of_row(row, plan) if row is not None and receiver.same(row, plan) else None

    def _own(self, order: MmaOrder, plan: Plan, link: Link) -> Submission:
        """The name exists, and an earlier attempt at this very plan had no answer."""
        if not order.altdata.receiver_lists:
            note = "the receiver has a plan of this name: taken for this one, whose first answer was lost"
            return self._submission(plan, None, "taken by an earlier attempt", note)
        found = self._found(order, plan, link)
        if found is None:
            raise Rejected("queue name exists: the receiver has another plan of this name")
        return found

    def _of_row(self, row: receiver.Row, plan: Plan) -> Submission:
        return self._submission(plan, receiver.id_of(row), "taken by an earlier attempt")

    def _submission(self, plan: Plan, plan_id: str | None, text: str, note: str = "") -> Submission:
        return Submission(
            plan_id or plan.queue_name,
            {
                "branch": "api",
                plans.DRAFT: plan.draft(),
                "queue_name": plan.queue_name,
                "plan_id": plan_id,
                _SENT: None,
            },
            text=text,
            notes=(note,) if note else (),
        )

    def _is_unlisted(self, order: MmaOrder, link: Link) -> bool:
        """Whether the receiver lists its plans, and ours is not among them."""
        try:
            name = str(order.facility_data["queue_name"])
            return order.altdata.receiver_lists and receiver.find(order.altdata, name, link) is None
        except NoAnswer:
            return False

    def _pause_s(self, order: MmaOrder) -> float:
        """The usual pause while the window is open, at most an hour before that."""
        start, _ = plans.validity(order)
        return min(max((start - order.now).total_seconds(), config.poll_every_s(POLL_S)), 3600.0)
