"""Kinds of values on NICER's form, as a caller gives them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field

from slew import astro

LONGEST = 20_000  # characters of a text; the form's own limit is not known
FIRST_YEAR, LAST_YEAR = 1900, 2199
_WHEN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)


def _printable(text: str) -> str:
    if any(category(character) == "Cc" and character not in "\n\r\t" for character in text):
        raise ValueError("must not contain control characters other than line ends and tabs")
    return text


def _said(text: str) -> str:
    # The peer's clients send the word for what was not given; NICER's people would read it as the answer.
    if text == "None":
        raise ValueError("must not be the word None")
    return text


def _blank_as_absent(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip() in ("", "None") else value


def _to_utc(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not re.match(_WHEN, value.strip()):
        raise ValueError(
            "must be YYYY-MM-DD[ HH:MM[:SS[.fff]]], T or a blank before the time; UTC where it has no offset"
        )
    moment = astro.parse_utc(value)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


Text = Annotated[
    str, Field(min_length=1, max_length=LONGEST), AfterValidator(_printable), AfterValidator(_said)
]
"""Text that must be there, several lines allowed."""

OptionalText = Annotated[
    Annotated[str, Field(max_length=LONGEST), AfterValidator(_printable)] | None,
    BeforeValidator(
        _blank_as_absent, json_schema_input_type=Annotated[str, Field(max_length=LONGEST)] | None
    ),
]
"""Text that may be absent, of which blank and the word `None` are spellings."""

OptionalTime = Annotated[
    datetime | None,
    BeforeValidator(_to_utc),
    BeforeValidator(_blank_as_absent, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)] | None),
]
"""A moment in UTC from `YYYY-MM-DD[ HH:MM[:SS[.fff]]]`, `T` for the blank, an offset; or absent."""

Flag = Literal["Y", "N"]
Haste = Literal["Next Day", "Next Business Day", "Within a Week", "One Month or Longer"]
Category = Literal[
    "Magnetars and Rotation-Powered Pulsars",
    "X-Ray Binaries",
    "White Dwarfs and Cataclysmic Variables",
    "Non-Compact Stellar Objects",
    "Supernova Remnants/Other Extended Galactic Sources",
    "Normal Galaxies",
    "Active Galaxies and Quasars",
    "Galaxy Clusters and Extragalactic Extended Objects",
    "Gravitational-Wave Sources",
    "Solar System Objects",
    "Other",
]
