"""The kinds of fields that models are made of, and the models' base."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from slew import astro

_CONTROL = {"Cc", "Cf", "Zl", "Zp"}
"""Categories of what does not show: control characters, ends of lines, zero-width and direction marks."""


def _no_control(text: str) -> str:
    if any(unicodedata.category(character) in _CONTROL for character in set(text)):
        raise ValueError("must not contain control characters")
    return text


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an ISO date or datetime")
    return astro.parse_utc(value)


def _last_moment(value: Any) -> datetime:
    moment = _moment(value)
    try:
        day = date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return moment
    if day is None:
        return moment
    return moment + timedelta(days=1) if day < date.max else datetime.max.replace(tzinfo=UTC)


def _hook_part(part: SecretStr) -> SecretStr:
    value = part.get_secret_value()
    if not (value.isascii() and value.isalnum()):
        raise ValueError("must be letters and digits only")
    return part


def _header_safe(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not 1 <= len(value) <= 500 or any(not "!" <= character <= "~" for character in value):
        raise ValueError("must be 1 to 500 printable ASCII characters without blanks")
    return secret


def _degrees(parse: Callable[[str], float]) -> BeforeValidator:
    def to_degrees(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("must be a number in degrees or sexagesimal text")
        if isinstance(value, str) and not value.isascii():  # digits of other scripts
            raise ValueError("must be ASCII")
        return parse(value) if isinstance(value, str) else value

    return BeforeValidator(to_degrees, json_schema_input_type=float | str)


Line = Annotated[str, AfterValidator(_no_control)]
"""One line of text, without control characters and such as turn its direction around."""

Truthy = Annotated[
    bool,
    BeforeValidator(
        lambda value: value in (True, "T", "t", "True", "true", "1"), json_schema_input_type=bool | str
    ),
]
"""A flag with the spellings that SkyPortal takes as true.

Anything else is false (notifications card, Credentials).
"""

Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
"""An ISO date or datetime, UTC where it has no offset."""

LastMoment = Annotated[datetime, BeforeValidator(_last_moment, json_schema_input_type=str)]
"""A `Moment` that ends something: a bare date lasts to its end, 00:00 of the next day."""

Address = Annotated[Line, Field(max_length=254, pattern=r"^$|^[^\s@,<>\"']+@[^\s@,<>\"']+$")]
"""One email address, or empty."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite JSON number; neither text nor a flag passes for one."""

RA = Annotated[float, _degrees(astro.parse_ra), Field(ge=0, lt=360, allow_inf_nan=False)]
Dec = Annotated[float, _degrees(astro.parse_dec), Field(ge=-90, le=90, allow_inf_nan=False)]
Identifier = Annotated[
    str,
    BeforeValidator(
        lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value,
        json_schema_input_type=str | int,
    ),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"),
]


HookPart = Annotated[SecretStr, AfterValidator(_hook_part)]
"""One of the three parts of an incoming webhook's path, which together are its credential."""

HeaderSecret = Annotated[SecretStr, AfterValidator(_header_safe)]
"""A token that travels in an HTTP header, where it must neither end a line nor be unsendable."""


class Model(BaseModel):
    """Base of the models: unknown fields are refused, for a misspelt constraint is a lost constraint."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, defer_build=True)
