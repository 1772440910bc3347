"""Exchanges with the LT's node agent, and what its answers mean (card, Transport and submit)."""

from __future__ import annotations

from dataclasses import dataclass

from lt import soap
from lt.markup import Unreadable
from lt.models import LtAltdata
from lt.reply import Reply
from slew import config
from slew.errors import Failed, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.pages import for_people
from slew.wire import Answer, HttpRequest

SEND_TIMEOUT_S = 120.0  # one document at a time is handled there, and one takes some 8 s
ASK_TIMEOUT_S = 60.0
_ABSENT_SERVICE = (404, 429)  # Tomcat without the application, or a proxy that throttles: nothing was handled
_DISCONNECTED = "isteaconnected"


@dataclass(frozen=True)
class Ping:
    """Whether user and password were accepted, and what the node agent says of itself."""

    accepted: bool
    text: str


def rtml(altdata: LtAltdata, document: str) -> HttpRequest:
    """The call that carries a document."""
    return _call(altdata, soap.envelope("handle_rtml", document))


def send(link: Link, request: HttpRequest) -> Reply:
    """Send a document that changes something.

    Raises NotSent, Unanswered, and Failed where user and password are refused.
    """
    answer = link.http.send(request, read_timeout=SEND_TIMEOUT_S)
    if answer.status in _ABSENT_SERVICE:
        raise NotSent(_unreachable(answer), answer.retry_after)
    try:
        return Reply.read(soap.result(answer))
    except soap.Fault as fault:
        if fault.of_credentials:
            raise Failed(f"LT refused the credentials ({fault.reason})") from None
        raise Unanswered(f"LT server error: {fault.reason}") from None
    except Unreadable as error:
        if 300 <= answer.status < 500:
            raise Failed(f"{_unreachable(answer)}: is the address right?") from None
        raise Unanswered(_puzzle(answer, error)) from None


def confirmed(reply: Reply) -> Reply:
    """The reply to a document that changes something, if it was accepted.

    Raises Rejected; NotSent where the telescope was not connected; Failed, unconfirmed, for an odd mode.
    """
    if reply.mode == "confirm":
        return reply
    if reply.mode != "reject":
        raise Failed(f"unexpected reply mode {for_people(reply.mode, 40)}", unconfirmed=True)
    if disconnected(reply):
        raise NotSent(f"LT: {reply.reason}")
    raise Rejected(reply.reason)


def disconnected(reply: Reply) -> bool:
    """Whether the node agent had no connection to the telescope, and so did not pass the document on."""
    return reply.mode == "reject" and _DISCONNECTED in reply.reason


def ask(link: Link, altdata: LtAltdata, document: str) -> Reply:
    """Send a document that changes nothing. Raises NoAnswer."""
    answer = link.http.read(rtml(altdata, document), read_timeout=ASK_TIMEOUT_S)
    try:
        reply = Reply.read(soap.result(answer))
    except soap.Fault as fault:
        raise NoAnswer(_of_fault(fault)) from None
    except Unreadable as error:
        raise NoAnswer(_puzzle(answer, error), answer.retry_after) from None
    if disconnected(reply):
        raise NoAnswer(f"LT: {reply.reason}")
    return reply


def ping(link: Link, altdata: LtAltdata) -> Ping:
    """The call that changes nothing and needs user and password. Raises NoAnswer."""
    answer = link.http.read(_call(altdata, soap.envelope("ping")))
    try:
        return Ping(True, soap.result(answer))
    except soap.Fault as fault:
        if fault.of_credentials:
            return Ping(False, fault.reason)
        raise NoAnswer(_of_fault(fault)) from None
    except Unreadable as error:
        raise NoAnswer(_puzzle(answer, error), answer.retry_after) from None


def _call(altdata: LtAltdata, body: bytes) -> HttpRequest:
    own = altdata.host is not None
    base = (
        f"{altdata.scheme}://{altdata.host}:{altdata.port}"
        if own
        else config.facility_url("lt", "http://161.72.57.3:8080")
    )
    headers = {
        **soap.HEADERS,
        "Username": altdata.username,
        "Password": altdata.password.get_secret_value(),
    }
    return HttpRequest("POST", f"{base}/node_agent2/node_agent", headers, body, untrusted=own)


def _of_fault(fault: soap.Fault) -> str:
    words = "credentials" if fault.of_credentials else "LT server error"
    return f"{words}: {fault.reason}"


def _puzzle(answer: Answer, error: Unreadable) -> str:
    if answer.status >= 300:
        return _unreachable(answer)
    return f"LT's answer cannot be read: {error}"


def _unreachable(answer: Answer) -> str:
    return f"LT unreachable: HTTP {answer.status}"
