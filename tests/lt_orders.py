"""Orders to the Liverpool Telescope, and what they put on the wire, for the tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from xml.etree import ElementTree

from lt.facility import Lt
from lt.models import LtAltdata, LtPayload
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.validation import parse
from slew.wire import Answer, HttpRequest

JSON = dict[str, Any]
FACILITY = Lt()
NOW = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
REQUEST_ID = "a1b2c3d4e5f6a1b2c3d4e5f6"
ALTDATA: JSON = {"username": "ltuser01", "password": "correct-horse", "LT_proposalID": "PL26A99"}
TARGET: JSON = {"name": "ZTF26aabcdef", "ra": 229.9620403, "dec": 34.8442757}
NEEDED: dict[str, JSON] = {
    "ioo": {"observation_choices": ["g", "r"]},
    "sprat": {},
    "liric": {"observation_choices": ["H"]},
    "moptop": {"observation_choices": ["R"]},
    "frodo": {},
    "loci": {"observation_choices": ["z"]},
}
SPACE = "{http://www.rtml.org/v3.1a}"


class Unused:
    """A link over which nothing must go."""

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        raise AssertionError("nothing was to be sent")

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        raise AssertionError("nothing was to be asked")


UNUSED = Link(cast(HttpLink, Unused()), cast(MailLink, None))


def link(altdata: JSON | None = None) -> Link:
    """A real way out, which masks the secrets of that altdata."""
    given = {**ALTDATA, **(altdata or {})}
    secrets = [str(given[key]) for key in ("password", "data_password") if given.get(key)]
    return Link(Http(Redactor(secrets)), cast(MailLink, None))


def payload(instrument: str, fields: JSON | None = None) -> LtPayload:
    """Raises Invalid."""
    model = FACILITY.payloads[instrument]
    return cast(LtPayload, parse(model, {**NEEDED[instrument], **(fields or {})}, ["payload"]))


def order(
    instrument: str = "ioo",
    fields: JSON | None = None,
    *,
    target: JSON | None = None,
    altdata: JSON | None = None,
    **more: Any,
) -> Order[LtPayload, LtAltdata]:
    """An order that the LT accepts; `more` replaces what else it has."""
    given: JSON = {
        "request_id": REQUEST_ID,
        "now": NOW,
        "allocation": AllocationFacts("lt", "PI", "transients"),
        "requester": Requester(),
        **more,
    }
    given.setdefault("created_at", given["now"])
    return Order(
        instrument=instrument,
        target=Target(**{**TARGET, **(target or {})}),
        payload=payload(instrument, fields),
        altdata=parse(LtAltdata, {**ALTDATA, **(altdata or {})}, ["altdata"]),
        **given,
    )


def argument(body: bytes) -> str:
    """The RTML inside of a call."""
    [found] = ElementTree.fromstring(body).iter("arg0")
    return found.text or ""


def sent(wanted: Order[LtPayload, LtAltdata]) -> ElementTree.Element:
    """The root of the RTML that an order puts on the wire."""
    request = FACILITY.prepare(wanted, UNUSED).http()
    return ElementTree.fromstring(argument(request.body))


def find(root: ElementTree.Element, path: str) -> ElementTree.Element:
    """The one element at a path of local names."""
    [found] = root.findall("/".join(SPACE + part for part in path.split("/")))
    return found


def text(root: ElementTree.Element, path: str) -> str | None:
    """Its text."""
    return find(root, path).text
