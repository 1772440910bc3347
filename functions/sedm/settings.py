"""What a deployment has to set before anything can be sent: addresses and request numbers (card: Base URL).

SEDM knows one marshal, Fritz. Which numbers another one may use, and where it may book, is agreed with the
SEDM team; so neither has a default.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sedm.models import SedmAltdata
from slew import config, urls
from slew.errors import Invalid

BOOKING_PATH = "/add_request"
NUMBERS = "SLEW_SEDM_REQUEST_NUMBERS"
_NO_ADDRESS = (
    "no address of SEDM is configured (SLEW_SEDM_URL, or `endpoint` in the altdata): SEDM serves one "
    "marshal, Fritz, and another one only by agreement with the SEDM team. Nothing was sent"
)
_NO_V2_ADDRESS = (
    "no address of SEDMv2 is configured (SLEW_SEDM_V2_URL, or `endpoint` in the altdata): no public one is "
    "known. Nothing was sent"
)
_NO_NUMBERS = (
    f"no range of request numbers is configured ({NUMBERS}, such as 900000-999999, as agreed with the SEDM "
    "team): a number of Fritz's would change or cancel other people's observations. Nothing was sent"
)


@dataclass(frozen=True)
class Endpoint:
    """Where to send. `untrusted`: a user gave it, so it is checked and pinned (see `slew.guard`)."""

    url: str
    untrusted: bool

    @property
    def origin(self) -> str:
        """Scheme and host, where SEDM's data pages are."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def booking_endpoint(altdata: SedmAltdata) -> Endpoint:
    """SEDM's booking address: as configured, `/add_request` where only a host is. Raises Invalid."""
    found = _endpoint(altdata, "", _NO_ADDRESS)
    bare = not urlsplit(found.url).path
    return Endpoint(f"{found.url}{BOOKING_PATH}", found.untrusted) if bare else found


def v2_endpoint(altdata: SedmAltdata) -> Endpoint:
    """Address of requests at SEDMv2's server. Raises Invalid."""
    return _endpoint(altdata, "v2", _NO_V2_ADDRESS)


def data_origin(altdata: SedmAltdata) -> Endpoint:
    """Host of SEDM's data pages: `SLEW_SEDM_DATA_URL`, else that of the booking address. Raises Invalid."""
    configured = config.facility_url("sedm", "", "data")
    booking = booking_endpoint(altdata) if altdata.endpoint or not configured else None
    return Endpoint(booking.origin, booking.untrusted) if booking else Endpoint(configured, False)


def check_endpoint(altdata: SedmAltdata) -> None:
    """Whether we may call the endpoint that the altdata names, if it does. Raises Invalid."""
    if altdata.endpoint is not None:
        urls.demand_public(altdata.endpoint, "altdata", "endpoint")


def request_numbers() -> range | None:
    """The numbers that our requests may have at SEDM; None where none are configured. Raises Invalid."""
    text = os.environ.get(NUMBERS, "").strip()
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,9})\s*-\s*(\d{1,9})", text, re.ASCII)
    numbers = range(int(match[1]), int(match[2]) + 1) if match else range(0)
    if not numbers or numbers[0] < 1:
        raise Invalid(f"{NUMBERS} is no range of request numbers such as 900000-999999. Nothing was sent")
    return numbers


def no_numbers() -> Invalid:
    """The refusal where none are configured."""
    return Invalid(_NO_NUMBERS)


def _endpoint(altdata: SedmAltdata, suffix: str, refusal: str) -> Endpoint:
    if altdata.endpoint is not None:
        check_endpoint(altdata)
        return Endpoint(altdata.endpoint.rstrip("/"), True)
    configured = config.facility_url("sedm", "", suffix)
    if not configured:
        raise Invalid(refusal)
    return Endpoint(configured, False)
