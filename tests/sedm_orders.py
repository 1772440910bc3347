"""SEDM orders for tests, and their forms read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, cast

from sedm.facility import Sedm
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order
from slew.models import Requester, Target
from slew.validation import parse
from slew.wire import HttpRequest

JSON = dict[str, Any]
FACILITY = Sedm()
LINK = Link(cast(HttpLink, None), cast(MailLink, None))
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
TOKEN = "5e1f0c2a-listener"
PASSWORD = "palomar-60-inch"
V2_TOKEN = "8d7a9c31-kitt-peak"
ALTDATA: JSON = {
    "programname": "Infant Supernovae",
    "listener_token": TOKEN,
    "username": "observer1",
    "password": PASSWORD,
}
V2_ALTDATA: JSON = {"api_token": V2_TOKEN, "allocation_id": 7}


def order_of(
    payload: JSON | None = None,
    target: JSON | None = None,
    altdata: JSON | None = None,
    instrument: str | None = None,
    **fields: Any,
) -> Order[Any, Any]:
    """An order at `NOW` with the number 900123; `fields` replace those of the order."""
    v2 = instrument == "sedmv2"
    given = {"name": "ZTF26aaabcde", "ra": 185.728458, "dec": 4.823397, **(target or {})}
    order = Order(
        request_id="a1b2c3d4e5f6",
        instrument=instrument,
        target=parse(Target, given, ["target"]),
        payload=parse(FACILITY.payloads[instrument], payload or {}, ["payload"]),
        altdata=parse(FACILITY.Altdata, altdata or (V2_ALTDATA if v2 else ALTDATA), ["altdata"]),
        allocation=AllocationFacts("sedm-2026", "PI of the programme", "transients"),
        requester=Requester(username="observer1", email="observer1@example.org"),
        now=NOW,
        created_at=NOW,
        number=900123,
    )
    return replace(order, **fields)


def form(request: HttpRequest) -> JSON:
    """The JSON of a form, read as any server reads one."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    (part,) = cast(Any, BytesParser(policy=HTTP).parsebytes(head + request.body)).iter_parts()
    disposition = part["Content-Disposition"]
    assert (disposition.params["name"], part.get_filename()) == ("jsonfile", "jsonfile")
    content: JSON = json.loads(part.get_payload(decode=True))
    return content


def forms_of(**parts: Any) -> list[JSON]:
    """The JSON of each form that a submission prepares."""
    prepared = FACILITY.prepare(order_of(**parts), LINK)
    return [form(cast(HttpRequest, each)) for each in prepared.exchanges]
