"""Addresses that a user gives for us to call: as the type of a field, and checked before one is relied on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from slew import guard
from slew.errors import Invalid, NotSent


def _public(url: str) -> str:
    try:
        guard.check_form(url)
    except guard.Refused as error:
        raise ValueError(str(error)) from None
    return url.rstrip("/")


def _bare(url: str) -> str:
    if "?" in url:
        raise ValueError("must not have a query: paths are put to its end")
    return url


Url = Annotated[str, Field(max_length=500), AfterValidator(_public)]
"""An absolute HTTPS address outside, without the last slash; see `slew.guard`."""
Base = Annotated[Url, AfterValidator(_bare)]
"""One that paths are put to."""


def demand_public(url: str, *field: str) -> None:
    """Check the form of a field's URL and the addresses of its host. Raises Invalid.

    A name that does not resolve just now passes: it may do so when it is needed, and is then checked again.
    """
    try:
        guard.resolve(url)
    except guard.Refused as error:
        raise Invalid.field(list(field), str(error)) from None
    except NotSent:
        pass
