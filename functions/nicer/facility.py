"""NICER: a web form that is logged in to, verified, and submitted (card nicer.md)."""

from __future__ import annotations

import os
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from nicer import pages
from nicer.form import SUBMIT, VERIFY, NicerOrder, form, time_range
from nicer.models import NicerAltdata, NicerPayload
from nicer.session import Session
from slew import clock, config
from slew.errors import Failed, Invalid, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Facility, Link, Order, Prepared, Submission, Verdict, Verification
from slew.pages import words
from slew.wire import Answer, HttpRequest

DESTINATION = "%2Fark%2Fuser%2F"  # as the peer gives it, quoted once; encoding it again is right
HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip, deflate",
}
OFF = (
    "NICER is switched off here: its observations have been paused since 2025-06-17 (pointing-motor problem; "
    "no restart date published as of August 2025, later state not known). The operator can switch it on "
    "(SLEW_NICER_ENABLED) after looking at the NICER web page"
)
FINAL = (
    "once sent, a request can be neither changed nor withdrawn by program: people read and judge it; "
    "write to the NICER team"
)
LOOK = "look at ARK's page \"Recent Activity\" and for NICER's mail"
KEPT = 2000  # characters of the last page


class Nicer(Facility):
    """Target-of-opportunity requests. People decide about each; no program can ask what became of it."""

    id = "nicer"
    title = "NICER"
    lanes = 1  # card: send one at a time
    longest_send_s = 3 * 70.0  # login, verification, submission
    Altdata = NicerAltdata
    payloads: ClassVar = {None: NicerPayload}
    advice: ClassVar = {"cancel": "write to the NICER team", "update": "write to the NICER team"}
    send_attempts = 20  # some seven hours

    def prepare(self, order: NicerOrder, link: Link) -> Prepared:
        """Login, verification and submission. Raises Invalid; the cookies come as the login is made."""
        if order.altdata.require_confirmation and not order.payload.ConfirmNoWithdrawal:
            raise Invalid.field(["payload", "ConfirmNoWithdrawal"], f"must be true: {FINAL}")
        filled = form(order)
        url = f"{_base_url()}/ark/nicertoo/form.html"
        verify = HttpRequest.of_form("POST", url, {**filled.fields, **VERIFY}, HEADERS)
        submit = HttpRequest.of_form("POST", url, {**filled.fields, **SUBMIT}, HEADERS)
        notes = (*(() if _enabled() else (OFF,)), FINAL, *filled.notes)
        return Prepared((_login(order.altdata), verify, submit), notes)

    def submit(self, order: NicerOrder, prepared: Prepared, link: Link) -> Submission:
        """Verify, and submit what was verified. Raises Failed, Rejected, NotSent or Unanswered."""
        if not _enabled():
            raise Failed(f"{OFF}. Nothing was sent")
        session = Session(link)
        login, verify, submit = _exchanges(prepared)
        try:
            _log_in(session, login)
            refused = _verification(session, verify)
        except NoAnswer as error:
            raise NotSent(error.reason, error.retry_after) from None
        if refused is not None:
            raise Rejected(refused)
        return _submission(order, _submitted(session, submit))

    def validate(self, order: NicerOrder, prepared: Prepared, link: Link) -> Verdict:
        """Post the form with its Verify button only. Raises NoAnswer, or Failed for an unknown page."""
        session = Session(link)
        login, verify, _ = _exchanges(prepared)
        try:
            _log_in(session, login)
        except Failed as error:
            return Verdict(False, error.reason)
        refused = _verification(session, verify)
        return Verdict(refused is None, refused or "")

    def verify(self, altdata: NicerAltdata, link: Link) -> Verification:
        """Log in. Raises NoAnswer."""
        try:
            _log_in(Session(link), _login(altdata))
        except Failed as error:
            return Verification(False, error.reason)
        text = "ARK accepts the login; whether it is in the group NICERTOO shows when a form is verified"
        return Verification(True, text, {"enabled": _enabled()})

    def exposure_s(self, payload: NicerPayload) -> float:
        """The form asks for kiloseconds."""
        return payload.ObservationTime * 1000

    def window(self, payload: NicerPayload) -> tuple[datetime, datetime] | None:
        """The specific time range, where there is one. Raises Invalid where it is reversed."""
        return time_range(payload, clock.now())


def _enabled() -> bool:
    return os.environ.get("SLEW_NICER_ENABLED", "").strip().lower() == "true"


def _base_url() -> str:
    return config.facility_url("nicer", "https://heasarc.gsfc.nasa.gov")


def _login(altdata: NicerAltdata) -> HttpRequest:
    """The login: as a query by default, which is what the peer does; `SLEW_NICER_LOGIN=form` as a body."""
    url = f"{_base_url()}/ark/LOGIN"
    content = {
        "destination": DESTINATION,
        "credential_0": altdata.username,
        "credential_1": altdata.password.get_secret_value(),
    }
    if os.environ.get("SLEW_NICER_LOGIN", "query") == "form":
        return HttpRequest.of_form("POST", url, content, HEADERS)
    return HttpRequest("POST", f"{url}?{urlencode(content)}", HEADERS)


def _exchanges(prepared: Prepared) -> tuple[HttpRequest, HttpRequest, HttpRequest]:
    login, verify, submit = (each for each in prepared.exchanges if isinstance(each, HttpRequest))
    return login, verify, submit


def _log_in(session: Session, login: HttpRequest) -> None:
    """Raises Failed where the account is not let in, and NoAnswer."""
    answer = session.read(login)
    if not session.has_cookies or pages.is_login_form(answer.text):
        raise Failed(
            "ARK refused the credentials" + ("" if answer.status == 200 else f" (HTTP {answer.status})")
        )


def _verification(session: Session, verify: HttpRequest) -> str | None:
    """Why NICER refuses the form; None where it does not. Raises Failed for another page, and NoAnswer."""
    answer = session.read(verify)
    refused = pages.refusal(answer.text)
    if refused is not None or (answer.status == 200 and pages.is_verified(answer.text)):
        return refused
    said = words(answer.text, 200)
    raise Failed(f"NICER form not understood (probably not logged in): HTTP {answer.status} {said}".rstrip())


def _submitted(session: Session, submit: HttpRequest) -> Answer:
    """The page after a submission that may have been taken. Raises Rejected, NotSent or Unanswered."""
    try:
        answer = session.send(submit)
    except NotSent as error:
        raise NotSent(f"HEASARC unreachable: {error.reason}", error.retry_after) from None
    except (Unanswered, NoAnswer) as error:
        raise Unanswered(f"outcome unknown: {error.reason}; {LOOK}") from None
    refused = pages.refusal(answer.text)
    if refused is not None:
        raise Rejected(refused)
    if answer.status != 200:
        raise Unanswered(f"outcome unknown: HTTP {answer.status}; {LOOK}")
    if pages.is_login_form(answer.text) or pages.is_form(answer.text):
        kind = "the login form" if pages.is_login_form(answer.text) else "the form again"
        raise Unanswered(f"outcome unknown: NICER showed {kind}; {LOOK}")
    return answer


def _submission(order: Order[NicerPayload, NicerAltdata], answer: Answer) -> Submission:
    # All there will ever be to recognise it by: NICER gives no number that a program could read.
    data = {
        "request_id": order.request_id,
        "account": order.altdata.username,
        "target": order.target.name,
        "sent_at": clock.isoformat(order.now),
        "page": words(answer.text, KEPT),
    }
    return Submission(data=data, text=words(answer.text, 300), notes=(f"not confirmed by NICER: {LOOK}",))
