"""Which of Swift's two protocols is spoken, where, and what both can do (card: Two wire protocols exist)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from slew import config
from slew.errors import Unavailable
from slew.models import Target
from slew.wire import HttpRequest
from swift_too.answers import Outcome
from swift_too.records import Entry, File, Flown, Window
from swift_too.target_of_opportunity import TooPayload

Version = Literal["v2", "v1.2"]


class Service(Protocol):
    """The operations of either protocol, for one set of credentials."""

    version: Version

    def request(self, target: Target, payload: TooPayload, *, validate_only: bool = False) -> HttpRequest:
        """A TOO's request as shown to people: without session and signature."""

    def send(self, request: HttpRequest, *, harmless: bool = False) -> Outcome:
        """Make the request. Raises Refused, Rejected, NotSent, Unanswered, Failed or NoAnswer.

        `harmless`: it stores nothing at Swift.
        """

    def job(self, number: int) -> Outcome:
        """How a queued job ended. Raises NoAnswer."""

    def requests(self, query: Mapping[str, Any], *, own: bool = False) -> list[Entry]:
        """The approved TOOs that match; `own`: with the justifications of one's own. Raises NoAnswer."""

    def calendar(self, too_id: int) -> list[Window]:
        """The windows of a TOO. Raises NoAnswer."""

    def observations(self, query: HttpRequest) -> Flown:
        """The as-flown snapshots that match. Raises NoAnswer."""

    def of_target(self, target_id: int) -> HttpRequest:
        """The query for the snapshots of a target."""

    def in_cone(self, target: Target, radius: float, begin: datetime, end: datetime) -> HttpRequest:
        """The query for the snapshots within `radius` degrees of a position, in a period (UTC)."""

    def files(self, obs_id: str, wanted: Mapping[str, bool]) -> list[File]:
        """The files of an observation, by instrument (`xrt`, `uvot`, `bat`). Raises NoAnswer."""

    def check_login(self) -> str | None:
        """None where the credentials work, else what Swift says. Raises NoAnswer."""


def chosen() -> Version:
    """The protocol that the deployment speaks: `SLEW_SWIFT_TOO_PROTOCOL`, v2 if unset. Raises Unavailable."""
    wanted = os.environ.get("SLEW_SWIFT_TOO_PROTOCOL") or "v2"
    if wanted not in ("v2", "v1.2"):
        raise Unavailable(f"SLEW_SWIFT_TOO_PROTOCOL is {wanted!r}: it must be v2 or v1.2")
    return "v1.2" if wanted == "v1.2" else "v2"


def base_url(version: Version) -> str:
    """The protocol's base URL, without a trailing slash.

    There is no default in the code, lest a test reach the observatory. Raises Unavailable.
    """
    suffix = "" if version == "v2" else "v1"
    url = config.facility_url("swift_too", "", suffix)
    if not url:
        name = "SLEW_SWIFT_TOO_URL" if version == "v2" else "SLEW_SWIFT_TOO_V1_URL"
        raise Unavailable(f"{name} is not set: nothing is sent to Swift")
    return url


def stamp(moment: datetime) -> str:
    """A time in a query: `2026-08-01 00:00:00`, with fractions of a second where it has them."""
    return str(moment.replace(tzinfo=None))
