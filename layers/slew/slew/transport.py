"""Requests that reach a telescope as a message to people, by Slack or by email (cards slack.md, generic.md).

The message is the very one that announcements have, headed `New request`, `Updated request` or
`CANCELLED request`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from slew import clock, config, email_message, slack_message, slack_webhook
from slew.errors import Rejected
from slew.facility import Cancellation, Facility, Link, Order, Submission
from slew.mail import deliver
from slew.notice import MORE, Notice, cut_keys, limited
from slew.wire import HttpRequest, Mail

Action = Literal["submit", "update", "cancel"]
_STATUS: Mapping[Action, str] = {"submit": "new", "update": "updated", "cancel": "cancelled"}


def hook(altdata: Any) -> slack_webhook.Parts:
    """The webhook of an altdata that has all three parts."""
    keys = (altdata.slack_workspace, altdata.slack_channel, altdata.slack_token)
    workspace, channel, token = (key.get_secret_value() for key in keys)
    return workspace, channel, token


def notice(facility: Facility, order: Order[Any, Any], action: Action, payload: Mapping[str, str]) -> Notice:
    """What the telescope is told of an order. On an update, values that have changed name the old one."""
    before: Mapping[str, str] = order.facility_data.get("told", {}) if action == "update" else {}
    return Notice(
        event_id=f"{order.request_id}-{action}",
        at=clock.isoformat(order.created_at if action == "submit" else order.now),
        action=action,
        status=_STATUS[action],
        request_id=order.request_id,
        facility=facility.id,
        facility_title=facility.title,
        target_name=order.target.name,
        ra_deg=order.target.ra,
        dec_deg=order.target.dec,
        payload=limited(_compared(payload, before)),
        requester_name=order.requester.name,
        requester_username=order.requester.username,
        requester_email=order.requester.email,
        requester_affiliation=order.requester.affiliation,
        comment=order.comment if order.altdata.include_comments else None,
        allocation_id=order.allocation.id,
        allocation_pi=order.allocation.pi,
        group=order.allocation.group,
        proposal_id=order.allocation.proposal_id,
    )


def posting(told: Notice, parts: slack_webhook.Parts) -> HttpRequest:
    """The request that posts it on Slack, with the whole content in `text`: a bot may read only that."""
    return slack_webhook.request(parts, slack_message.build(told, config.portal_url(), full_text=True))


def mail(told: Notice, addresses: str) -> Mail:
    """The mail that tells of it."""
    return email_message.build(told, email_message.recipients(addresses), config.portal_url())


def send(exchange: HttpRequest | Mail, link: Link, payload: Mapping[str, str]) -> Submission:
    """Send the message of a submission or an update.

    `payload` is kept, as far as it is told, to tell changes by. Raises Rejected, NotSent or Unanswered; a
    mail that reached somebody is a submission, with a note on whom it did not reach.
    """
    data = {"told": limited(payload)}
    if isinstance(exchange, HttpRequest):
        slack_webhook.send(link.http, exchange)
        return Submission(data=data, text="the Slack channel was told; no machine confirmed it")
    delivery = deliver(link.mail, exchange)
    error = delivery.error()
    if error and not delivery.sent:
        raise error
    return Submission(
        data=data,
        text=f"mail was accepted for {', '.join(delivery.sent)}; no machine confirmed it",
        notes=(f"mail was not sent to {delivery.failures()}",) if error else (),
    )


def send_cancellation(exchange: HttpRequest | Mail, link: Link) -> Cancellation:
    """Send the message that a request is not to be observed. Raises Rejected, NotSent or Unanswered.

    Rejected too if only some recipients of a mail were reached: others may still observe.
    """
    submission = send(exchange, link, {})
    if submission.notes:
        raise Rejected(f"{submission.text}; {'; '.join(submission.notes)}")
    return Cancellation(text=submission.text)


def _compared(payload: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The payload with what has changed. `before` is what was kept, which may have left out entries."""
    payload = cut_keys(payload)
    known = {key: value for key, value in before.items() if key != MORE}
    unknown = None if MORE in before else "not given"

    def compared(key: str, value: str) -> str:
        was = known.get(key, unknown)
        return value if not before or was in (value, None) else f"{value} (was {was})"

    gone = {key: f"no longer given (was {value})" for key, value in known.items() if key not in payload}
    return {**{key: compared(key, value) for key, value in payload.items()}, **gone}
