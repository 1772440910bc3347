"""SEDM at Palomar and SEDMv2 at Kitt Peak (card sedm.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sedm import answers, booking, brightness, files, following, kitt_peak, messages, settings
from sedm.booking import Action
from sedm.kitt_peak_models import Sedmv2Payload
from sedm.models import SedmAltdata, SedmPayload
from slew import clock
from slew.errors import MethodNotAllowed, Problem, Rejected, Withdrawn
from slew.facility import (
    Cancellation,
    Facility,
    Link,
    Message,
    Order,
    Prepared,
    Progress,
    Submission,
    Verification,
)
from slew.status import AT_FACILITY, Status
from slew.wire import HttpRequest

READ_TIMEOUT_S = 30.0
V2 = "sedmv2"
_TITLES: Mapping[Action, str] = {
    "new": "Accepted Request",
    "edit": "Accepted Edit",
    "delete": "Accepted Deletion",
}


class Sedm(Facility):
    """Bookings by a form without credentials, known by our number; what comes of them is told by messages."""

    id = "sedm"
    title = "SEDM"
    Altdata = SedmAltdata
    payloads: ClassVar = {None: SedmPayload, "sedm": SedmPayload, V2: Sedmv2Payload}
    first_poll_s = following.EVERY_S
    longest_send_s = 2 * (10.0 + READ_TIMEOUT_S)  # an edit, and the booking where it had none
    resumable = True
    no_verify = (
        "SEDM takes requests without credentials, and SEDMv2 has no known harmless call; only an account of "
        "SEDM's web pages (username, password) can be checked"
    )

    def numbers(self, altdata: SedmAltdata) -> range | None:
        """Our range of request numbers at SEDM. Raises Invalid where none is configured."""
        numbers = settings.request_numbers()
        if numbers is None and altdata.api_token is None:
            raise settings.no_numbers()
        return numbers

    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """The form, or for SEDMv2 the POST; after an unknown outcome two forms, see `_actions`.

        Raises Invalid, also where addresses or numbers are not configured.
        """
        if order.instrument == V2:
            return kitt_peak.prepare(order)
        booking.check_dates(order)
        actions = _actions(order)
        notes = booking.notes(order)
        if len(actions) > 1:
            notes += ("the first form edits whatever is booked; the second is sent only if nothing is",)
        return Prepared(tuple(booking.request(order, action) for action in actions), notes)

    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Book it. Raises Rejected, Failed, NotSent or Unanswered."""
        if order.instrument == V2:
            return kitt_peak.submit(prepared, link)
        actions = _actions(order)
        if len(actions) > 1:
            link.keep({"edit_first": True})  # should it have to wait, its second attempt begins so, too
        forms = (each for each in prepared.exchanges if isinstance(each, HttpRequest))
        for action, form in zip(actions, forms, strict=True):
            try:
                return _booked(order, form, _sent(form, action, link))
            except answers.Active:
                if action == actions[-1]:
                    raise
        raise AssertionError("a submission has at least one form")

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Have SEDM cancel the old booking and book the new one. Raises as `submit`, and Withdrawn."""
        if order.instrument == V2:
            return kitt_peak.update(order, prepared, link)
        form = prepared.http()
        try:
            return _booked(order, form, _sent(form, "edit", link))
        except answers.Broken as error:
            reason = f"{error.reason} (SEDM had cancelled the old booking before it failed)"
            raise Withdrawn(reason) from None

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """Delete every booking with our number. Raises Rejected, Failed, NotSent or Unanswered."""
        if order.instrument == V2:
            return kitt_peak.cancel(order, link)
        try:
            return Cancellation(text=_sent(booking.request(order, "delete"), "delete", link))
        except answers.Active as error:
            if order.now < following.window(order)[1]:
                raise
            text = f"{error.reason}; its dates are over, so it is cancelled here"
            return Cancellation(text=text)

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """SEDM cannot be asked for a status: look for files, and end what is over. Raises NoAnswer."""
        if order.instrument != V2:
            return following.poll(order, link)
        end = kitt_peak.end_of(order)
        if order.status in AT_FACILITY and order.now >= end + following.GRACE:
            text = "the requested window has ended, without a word of SEDMv2"
            return Progress(Status.EXPIRED, text, next_poll_s=None)
        if order.status in AT_FACILITY and order.altdata.status_query:
            return kitt_peak.poll(order, link)
        live = order.status in AT_FACILITY
        left = (end + following.GRACE - order.now).total_seconds()
        return Progress(None, next_poll_s=max(60.0, left) if live else None)

    def verify(self, altdata: SedmAltdata, link: Link) -> Verification:
        """Ask for today's files of the web account, if there is one. Raises NoAnswer, MethodNotAllowed."""
        if not altdata.username:
            raise MethodNotAllowed(self.no_verify)
        try:
            files.of_night(clock.now().date(), altdata, link)
        except Rejected as error:
            return Verification(False, error.reason)
        return Verification(True, "SEDM's web pages took the account", {"username": altdata.username})

    def accepts(self, message: Message, altdata: SedmAltdata) -> bool:
        """Whether SEDM shows the token that the altdata demands."""
        return messages.accepts(message, altdata)

    def message_number(self, message: Message) -> int | None:
        """Our number in a message; a classification names none. Raises Invalid, NotFound."""
        return messages.number(message)

    def receive(self, order: Order[Any, Any], message: Message) -> Progress:
        """A status text, a spectrum, or what belongs to one. Raises Invalid."""
        return following.receive(order, message)

    def reply(self, message: Message, error: Problem | None) -> tuple[int, Any]:
        """The answer that SEDM's client understands."""
        return messages.reply(message, error)

    def download(self, order: Order[Any, Any], product: Mapping[str, Any], link: Link) -> HttpRequest:
        """A file of SEDM's data pages. Raises Rejected for one that came with a message."""
        return files.download(product, order.altdata)

    def exposure_s(self, payload: SedmPayload | Sedmv2Payload) -> float:
        """Of all filters and the IFU, one after another; where SEDM chooses, the most that it would take."""
        if isinstance(payload, Sedmv2Payload):
            return payload.exposure_time
        given = payload.exposure_time or 0
        return sum(given if given > 0 else brightness.LONGEST.of(each) for each in payload.wanted)

    def check_altdata(self, altdata: SedmAltdata) -> None:
        """Whether we may call the endpoint. Raises Invalid."""
        settings.check_endpoint(altdata)

    def window(self, payload: SedmPayload | Sedmv2Payload) -> tuple[datetime, datetime] | None:
        """The window, where the payload gives its end; SEDM's dates are inclusive."""
        if isinstance(payload, Sedmv2Payload):
            end = payload.end_date
            return (payload.start_date or end - kitt_peak.WINDOW, end) if end else None
        if payload.end_date is None:
            return None
        last = datetime.fromisoformat(payload.end_date).replace(tzinfo=UTC)
        first = datetime.fromisoformat(payload.start_date or payload.end_date).replace(tzinfo=UTC)
        return first, last + timedelta(days=1)


def _actions(order: Order[Any, Any]) -> tuple[Action, ...]:
    """What to ask for, in turn; the next only where SEDM has nothing that it could edit.

    Something surely booked (an update, or again after it failed) is edited. Where a person has a request of
    unknown outcome sent again, an edit comes first: if it had arrived after all, it is replaced and not
    doubled.
    """
    if order.facility_request_id is not None or order.status in AT_FACILITY:
        return ("edit",)
    if order.status is Status.UNKNOWN or order.facility_data.get("edit_first"):
        return ("edit", "new")
    return ("new",)


def _sent(form: HttpRequest, action: Action, link: Link) -> str:
    return answers.accepted(link.http.send(form, read_timeout=READ_TIMEOUT_S), _TITLES[action])


def _booked(order: Order[Any, Any], form: HttpRequest, title: str) -> Submission:
    data = {**booking.kept(form), "edit_first": False, "ended_at": None, "expired_here": False}
    booked = replace(order, facility_data={**order.facility_data, **data})
    wait = following.pause_s(booked, Status.SUBMITTED)
    return Submission(str(order.number), data, text=title, next_poll_s=wait)
