"""Telescopes without a client of their own (card generic.md): an HTTP endpoint, a Slack channel or email."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from generic import endpoint
from generic.endpoint import GenericOrder
from generic.models import GenericAltdata, GenericPayload
from slew import transport, urls
from slew.errors import Invalid, Rejected
from slew.facility import Cancellation, Facility, Link, Prepared, Submission
from slew.imaging import check_filters
from slew.wire import HttpRequest, Mail


class Generic(Facility):
    """Sends one form of request by the transport that the allocation's altdata names."""

    id = "generic"
    title = "Generic telescope"
    Altdata = GenericAltdata
    payloads: ClassVar = {None: GenericPayload}
    no_verify = "neither endpoints nor webhooks nor mailboxes have a harmless call that checks credentials"

    def prepare(self, order: GenericOrder, link: Link) -> Prepared:
        """The POST or the message. Raises Invalid: filter, dates in the past, forbidden endpoint."""
        check_filters(
            order.payload.observation_choices, order.altdata.filters, "Filter configuration {} unknown."
        )
        today = order.now.date().isoformat()
        if order.payload.end_date < today:
            raise Invalid.field(["payload", "end_date"], f"must not be in the past (today is {today}, UT)")
        if order.altdata.notification_type != "API":
            return Prepared((self._message(order, "submit"),))
        urls.demand_public(order.altdata.url(), "altdata", "endpoint")
        try:
            return Prepared((endpoint.submission(order),))
        except (ValueError, RecursionError) as error:
            raise Invalid.field(["payload"], f"cannot be sent as JSON: {error}") from None

    def submit(self, order: GenericOrder, prepared: Prepared, link: Link) -> Submission:
        """Send it. Raises Rejected, Failed, NotSent or Unanswered."""
        return self._send(order, prepared.message(), link)

    def update(self, order: GenericOrder, prepared: Prepared, link: Link) -> Submission:
        """PUT or POST as the altdata says, or another message. Raises as `submit`."""
        self._same_transport(order)
        if order.altdata.notification_type == "API":
            change = endpoint.change(order)
            known_id = order.facility_request_id if change.method == "PUT" else None
            return self._send(order, change, link, known_id)
        return self._send(order, self._message(order, "update"), link)

    def cancel(self, order: GenericOrder, link: Link) -> Cancellation:
        """DELETE, or another message. Raises Rejected, NotSent or Unanswered."""
        self._same_transport(order)
        if order.altdata.notification_type != "API":
            return transport.send_cancellation(self._message(order, "cancel"), link)
        answer = link.http.send(endpoint.removal(order))
        if order.cancel_sent and endpoint.is_gone(answer):
            return Cancellation(text=f"it had been deleted before ({endpoint.reason(answer)})")
        return Cancellation(text=endpoint.removed(answer))

    def check_altdata(self, altdata: GenericAltdata) -> None:
        """Whether we may call the endpoint. Raises Invalid."""
        if altdata.notification_type == "API":
            urls.demand_public(altdata.url(), "altdata", "endpoint")

    def window(self, payload: GenericPayload) -> tuple[datetime, datetime]:
        """From 00:00 of the first date to the end of the last one, UTC."""
        start, end = (
            datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (payload.start_date, payload.end_date)
        )
        return start, end + timedelta(days=1)

    def exposure_s(self, payload: GenericPayload) -> float:
        """Counts are per filter (card: Request payload)."""
        return payload.exposure_time * payload.exposure_counts * len(payload.observation_choices)

    def notification_type(self, altdata: GenericAltdata) -> str | None:
        """No notices by altdata: its `notification_type` is the transport, which itself tells of all."""
        return None

    def _message(self, order: GenericOrder, action: transport.Action) -> HttpRequest | Mail:
        notice = transport.notice(self, order, action, order.payload.told())
        if order.altdata.notification_type == "slack":
            return transport.posting(notice, transport.hook(order.altdata))
        return transport.mail(notice, order.altdata.email or "")

    def _send(
        self, order: GenericOrder, exchange: HttpRequest | Mail, link: Link, known_id: str | None = None
    ) -> Submission:
        kept: dict[str, Any] = {"transport": order.altdata.notification_type}
        if isinstance(exchange, HttpRequest) and exchange.untrusted:
            sent = endpoint.taken(link.http.send(exchange), known_id)
            return Submission(sent.facility_request_id, kept, text=sent.text)
        told = transport.send(exchange, link, order.payload.told())
        return Submission(data={**kept, **told.data}, text=told.text, notes=told.notes)

    def _same_transport(self, order: GenericOrder) -> None:
        """An endpoint that has the request would not hear of a message, nor a channel of a DELETE."""
        sent_by, now = order.facility_data.get("transport"), order.altdata.notification_type
        if sent_by not in (None, now):
            raise Rejected(f"the request was sent by {sent_by}, but the allocation's altdata now says {now}")
