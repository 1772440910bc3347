"""SOAP 1.1 rpc/literal, as much of it as the LT's node agent takes (card, Transport)."""

from __future__ import annotations

from html import escape
from typing import Literal

from lt.markup import Node, Unreadable, parse
from lt.reply import readable
from slew.errors import SlewError
from slew.wire import Answer

NAMESPACE = "http://node_agent2.estar.org/"
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


class Fault(SlewError):
    """The node agent's SOAP fault; `reason` is its text, readable."""

    def __init__(self, text: str) -> None:
        self.reason = readable(text) or "a SOAP fault without a reason"
        super().__init__(self.reason)
        # All checks of user and password, and nothing else, report by this method's name.
        self.of_credentials = "checkUsernamePassword:" in text


def envelope(operation: Literal["handle_rtml", "ping"], document: str | None = None) -> bytes:
    """The body of a call; `document` is RTML, which goes as text."""
    argument = "" if document is None else f"<arg0>{escape(document, quote=False)}</arg0>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
        f' xmlns:ns1="{NAMESPACE}">'
        f"<SOAP-ENV:Header/><SOAP-ENV:Body><ns1:{operation}>{argument}</ns1:{operation}></SOAP-ENV:Body>"
        "</SOAP-ENV:Envelope>"
    ).encode()


def result(answer: Answer) -> str:
    """What the call returned. Raises Fault, or Unreadable for anything but a SOAP answer."""
    if answer.truncated:
        raise Unreadable("too long")
    root = parse(answer.body)
    body = root.first("Body") if root.name == "Envelope" else None
    if body is None:
        raise Unreadable("no SOAP envelope")
    fault = body.first("Fault")
    if fault is not None:
        raise Fault(_text(fault.first("faultstring")))
    returned = _text(body.first("return"))
    if not returned:
        raise Unreadable("empty")
    return returned


def _text(node: Node | None) -> str:
    return node.text if node is not None else ""
