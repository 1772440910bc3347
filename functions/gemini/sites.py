"""Which of the two telescopes a programme is at, and where the servers are (card: Base URLs)."""

from __future__ import annotations

from slew import config
from slew.errors import Invalid

_SITES = {"GN": "north", "GS": "south"}
_PREFIXES = {"north": "GN", "south": "GS"}
_DEFAULTS = {"north": "https://gnodb.gemini.edu:8443", "south": "https://gsodb.gemini.edu:8443"}


def site_of(programid: str) -> str:
    """`north` or `south`, by the id's prefix alone."""
    return _SITES[programid[:2]]


def base_url(programid: str) -> str:
    """Base URL of the observing database that holds a programme, without a trailing slash."""
    site = site_of(programid)
    return config.facility_url("gemini", _DEFAULTS[site], site)


def archive_url() -> str:
    """Base URL of the Gemini Observatory Archive, without a trailing slash."""
    return config.facility_url("gemini", "https://archive.gemini.edu", "archive")


def check(programid: str, instrument: str | None) -> None:
    """Raise Invalid where the instrument is the other telescope's."""
    if instrument is not None and instrument != site_of(programid):
        name, prefix = instrument.capitalize(), _PREFIXES[instrument]
        text = f"Invalid program ID for Gemini {name}, must start with {prefix}"
        raise Invalid.field(["instrument"], f"{text}; this allocation's programme is {programid}")
