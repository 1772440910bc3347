"""What KAIT takes: the account and the observing parameters (card kait.md: Credentials, Request payload)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from slew.facility import Altdata, Payload
from slew.models import Line, Truthy

Filter = Literal["U", "g", "r", "i", "z", "B", "V", "R", "I"]
"""Johnson-Cousins `U B V R I`, Sloan `g r i z`: the case tells `r` from `R`, and `i` from `I`."""


def _each_once(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    if len(set(filters)) != len(filters):
        raise ValueError("must not name a filter twice")
    return filters


def _user(name: str) -> str:
    if not all("!" <= character <= "~" for character in name) or ":" in name:
        raise ValueError("must be printable ASCII characters without blanks and colons")
    return name


def _password(password: SecretStr) -> SecretStr:
    value = password.get_secret_value()
    if not (value and len(value) <= 200 and all(" " <= character <= "~" for character in value)):
        raise ValueError("must be 1 to 200 printable ASCII characters")
    return password


class KaitAltdata(Altdata):
    """Credentials of HTTP Basic authentication. KAIT's host is asked by plain HTTP: they travel in clear."""

    username: Annotated[Line, AfterValidator(_user)] = Field(
        title="User", description="User name at KAIT's host", min_length=1, max_length=200
    )
    password: Annotated[SecretStr, AfterValidator(_password)] = Field(
        title="Password",
        description="Its password; use one that is used nowhere else, for it travels in clear",
    )
    refuse_outside_limits: Truthy = Field(
        False,
        title="Refuse outside limits",
        description="Refuse targets outside declination -34 to +70 deg, not only warn. A key of Slew's own",
    )


class KaitPayload(Payload):
    """Observing parameters: which filters, and how long. KAIT takes neither dates nor a priority."""

    observation_choices: Annotated[tuple[Filter, ...], AfterValidator(_each_once)] = Field(
        title="Filters",
        description="Filters, presumably observed in this order: `r`, `i` are Sloan's, `R`, `I` Cousins's",
        min_length=1,
        max_length=9,
        examples=[["g", "r", "i"]],
        json_schema_extra={"uniqueItems": True},
    )
    observation_type: Literal["long", "short"] = Field(
        "long",
        title="Exposure class",
        description="How long to expose; the seconds behind `long` and `short` are KAIT's own settings",
    )
