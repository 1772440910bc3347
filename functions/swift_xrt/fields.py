"""How the wire's parameters are described as fields of the payload."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from slew import astro
from slew.models import Line
from swift_xrt import met

_WHEN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?$"


def _to_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    elif isinstance(value, str) and re.match(_WHEN, value.strip()):
        moment = astro.parse_utc(value)
    else:
        raise ValueError("must be YYYY-MM-DD[ HH:MM[:SS[.fff]]], UT, with a blank or a T before the time")
    if moment < met.EPOCH:
        raise ValueError("must not be before 2001-01-01, where Swift's time begins")
    return moment


UtcTime = Annotated[
    datetime, BeforeValidator(_to_utc, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)])
]
"""A moment in UTC, from `YYYY-MM-DD[ HH:MM[:SS[.fff]]]`; `T` for the blank and a closing `Z` do as well."""

Selection = Annotated[Line, Field(min_length=8, max_length=4000, pattern=r"^[0-9A-Za-z.,:+\- ]+$")]
"""Observation ids, or start-stop times, separated by commas."""

Label = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9]+$")]
Interval = Annotated[Line, Field(min_length=3, max_length=1000, pattern=r"^[0-9A-Za-z.,:+\- ]+$")]


_T = TypeVar("_T")


def not_empty(items: tuple[_T, ...]) -> tuple[_T, ...]:
    """For lists: pydantic's `min_length` counts what is left without the bad items, and blames it as well."""
    if not items:
        raise ValueError("must have at least 1 item")
    return items


def parameter(title: str, description: str, default: Any = None, **bounds: Any) -> Any:
    """A wire parameter without a dimension."""
    return Field(default, title=title, description=description, **bounds)


def quantity(title: str, unit: str, description: str = "", default: Any = None, **bounds: Any) -> Any:
    """A wire parameter with a unit."""
    text = f"{unit}; {description}" if description else unit
    return Field(default, title=title, description=text, json_schema_extra={"unit": unit}, **bounds)
