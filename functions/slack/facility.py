"""A telescope that is triggered by a message to a Slack channel (card slack.md): people act on it."""

from __future__ import annotations

from typing import ClassVar

from slack.models import SlackAltdata, SlackPayload
from slew import transport
from slew.facility import Cancellation, Facility, Link, Order, Prepared, Submission
from slew.imaging import check_filters
from slew.wire import HttpRequest

SlackOrder = Order[SlackPayload, SlackAltdata]


class Slack(Facility):
    """Posts to an incoming webhook. No message can be edited or deleted: changes are told by another."""

    id = "slack"
    title = "Slack channel"
    Altdata = SlackAltdata
    payloads: ClassVar = {None: SlackPayload}
    send_attempts = 5
    no_verify = "a webhook can only be checked by posting to the channel, which is not harmless"

    def prepare(self, order: SlackOrder, link: Link) -> Prepared:
        """The message. Raises Invalid for a filter that the allocation does not have."""
        check_filters(
            order.payload.observation_choices, order.altdata.filters, "Improper observation_choice {}."
        )
        return Prepared((self._posting(order, "submit"),))

    def submit(self, order: SlackOrder, prepared: Prepared, link: Link) -> Submission:
        """Post it. There is no message id: nothing comes back but `ok`."""
        return transport.send(prepared.message(), link, order.payload.told())

    def update(self, order: SlackOrder, prepared: Prepared, link: Link) -> Submission:
        """Post another message, with what has changed."""
        return transport.send(self._posting(order, "update"), link, order.payload.told())

    def cancel(self, order: SlackOrder, link: Link) -> Cancellation:
        """Post another message, that it is not to be observed."""
        return transport.send_cancellation(self._posting(order, "cancel"), link)

    def exposure_s(self, payload: SlackPayload) -> float:
        """Counts are taken to be per filter, as in GENERIC's form, which is the same."""
        return payload.exposure_time * payload.exposure_counts * len(payload.observation_choices)

    def _posting(self, order: SlackOrder, action: transport.Action) -> HttpRequest:
        notice = transport.notice(self, order, action, order.payload.told())
        return transport.posting(notice, transport.hook(order.altdata))
