"""Branches C and D: the plan goes to people, by Slack or email (card mma.md, "submit by slack or email")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mma import plan as plans
from mma.branch import Branch
from mma.plan import MmaOrder, Plan
from slew import config, slack_message, slack_webhook, transport
from slew.facility import Cancellation, Facility, Link, Prepared, Submission
from slew.notice import Notice
from slew.wire import Attachment, HttpRequest, Mail

SLACK_LIMIT = 39_900
"""Characters of a message's text; Slack cuts at 40,000."""


class People(Branch):
    """A short summary, and the plan: in the message (Slack, where it fits) or attached (email)."""

    name: ClassVar[str]

    def __init__(self, facility: Facility) -> None:
        self.facility = facility

    def submit(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Tell them. Raises Rejected, NotSent or Unanswered."""
        link.keep({"branch": self.name, plans.DRAFT: plan.draft()})
        return self._sent(prepared.exchanges[0], plan, link)

    def update(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Tell them of the new plan, in a message of its own. Raises as `submit`."""
        exchange, _ = self.exchange(order, plan, "update")
        return self._sent(exchange, plan, link)

    def cancel(self, order: MmaOrder, link: Link) -> Cancellation:
        """Tell them that it is not to be observed. Raises Rejected, NotSent or Unanswered."""
        return transport.send_cancellation(self.cancellation(order), link)

    def prepare(self, order: MmaOrder, plan: Plan) -> Prepared:
        """One message."""
        exchange, notes = self.exchange(order, plan, "submit")
        return Prepared((exchange,), notes)

    def exchange(
        self, order: MmaOrder, plan: Plan, action: transport.Action
    ) -> tuple[HttpRequest | Mail, tuple[str, ...]]:
        """The message of a plan, and what the requester is to know of it."""
        raise NotImplementedError

    def cancellation(self, order: MmaOrder) -> HttpRequest | Mail:
        """The message that a plan is not to be observed."""
        raise NotImplementedError

    def notice(self, order: MmaOrder, action: transport.Action, told: Mapping[str, str]) -> Notice:
        """What is told: a plan has no coordinates."""
        found = transport.notice(self.facility, order, action, told)
        return replace(found, ra_deg=None, dec_deg=None, instrument=order.altdata.instrument_name)

    def _sent(self, exchange: Any, plan: Plan, link: Link) -> Submission:
        sent = transport.send(exchange, link, plan.summary())
        data = {**sent.data, "branch": self.name, plans.DRAFT: plan.draft(), "queue_name": plan.queue_name}
        return replace(sent, data=data)


class Slack(People):
    """An incoming webhook. It takes no files: a plan that is too long for a message is only summed up."""

    name = "slack"

    def exchange(
        self, order: MmaOrder, plan: Plan, action: transport.Action
    ) -> tuple[HttpRequest, tuple[str, ...]]:
        """The message, with the plan's JSON behind a blank line where it fits."""
        parts = transport.hook(order.altdata)
        notice = self.notice(order, action, plan.summary())
        message = slack_message.plain(notice, config.portal_url())
        whole = json.dumps(plan.content(), separators=(",", ":"), allow_nan=False)
        text = f"{message['text']}\n\n{slack_message.fit(whole, 10 * SLACK_LIMIT)}"
        if len(text) <= SLACK_LIMIT:
            return slack_webhook.request(parts, {**message, "text": text}), ()
        where = f"GET /facilities/mma/plans/{order.request_id}/payload"
        told = {
            **plan.summary(),
            "Plan": f"too long for a message ({len(whole)} characters); at Slew: {where}",
        }
        note = f"the plan is too long for a Slack message: the channel is told where it is kept, {where}"
        return transport.posting(self.notice(order, action, told), parts), (note,)

    def cancellation(self, order: MmaOrder) -> HttpRequest:
        """Another message."""
        told = order.facility_data.get("told", {})
        return transport.posting(self.notice(order, "cancel", told), transport.hook(order.altdata))


class Email(People):
    """One or more mailboxes."""

    name = "email"

    def exchange(self, order: MmaOrder, plan: Plan, action: transport.Action) -> tuple[Mail, tuple[str, ...]]:
        """The summary, with the plan attached as the very file that an SSH receiver gets."""
        mail = transport.mail(self.notice(order, action, plan.summary()), order.altdata.email or "")
        safe = "".join(letter if letter.isalnum() or letter in "._+:-" else "_" for letter in plan.file_name)
        return replace(mail, attachments=(Attachment(safe, "application/json", plan.file()),)), ()

    def cancellation(self, order: MmaOrder) -> Mail:
        """Another mail."""
        return transport.mail(
            self.notice(order, "cancel", order.facility_data.get("told", {})), order.altdata.email or ""
        )
