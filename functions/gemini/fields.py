"""Kinds of values that Gemini's credentials and triggers are made of (card gemini.md: Submit)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from unicodedata import category

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from slew import astro
from slew.models import Line, Moment

MOST_TEMPLATES = 20
GPP = (
    "belongs to the Gemini Program Platform (GPP), which cannot be triggered by this protocol; "
    "give a programme that begins with GN- or GS-"
)
_LARGEST = 2**31 - 1
_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_PROGRAMME = re.compile(r"G[NS]-[A-Za-z0-9-]{1,58}")
_BANDS = "UC|AP|[ugrizUBVRIYJHKLMNQ]"
_BRIGHTNESS = rf"-?[0-9]+(?:\.[0-9]*)?/(?:{_BANDS})/(?:Vega|AB|Jy)"
_BRIGHTNESSES = re.compile(rf"{_BRIGHTNESS}(?:,{_BRIGHTNESS})*")


def _numbers(value: Any) -> Any:
    """Template numbers from `"21,22"`, one number, or a list of either."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, int):
        parts = [parts]
    if not isinstance(parts, list | tuple):
        raise ValueError("must be template numbers: text such as 21,22, a list, or one number")
    return tuple(_number(part) for part in parts)


def _number(part: Any) -> int:
    text = part.strip() if isinstance(part, str) else part
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 10:
        text = int(text)
    if isinstance(text, bool) or not isinstance(text, int) or not 1 <= text <= _LARGEST:
        raise ValueError("must be positive whole numbers, separated by commas")
    return text


def _each_once(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(numbers)) != len(numbers):
        raise ValueError("must not name a template twice: each is a trigger of its own")
    return numbers


def _any_if_blank(value: Any) -> Any:
    return () if value is None or (isinstance(value, str) and not value.strip()) else value


def _programme(value: str) -> str:
    if value.startswith("G-"):
        raise ValueError(GPP)
    if not value.startswith(("GN", "GS")):
        raise ValueError("Invalid program ID, must start with GN or GS")
    if not _PROGRAMME.fullmatch(value):
        raise ValueError("must be GN- or GS- and then letters, digits and hyphens, at most 61 characters")
    return value


def _maskable(key: SecretStr) -> SecretStr:
    # It travels in the URL, where the redactor finds no value shorter than four characters.
    value = key.get_secret_value()
    if not 4 <= len(value) <= 200 or not value.isprintable():
        raise ValueError("must be 4 to 200 printable characters")
    return key


def _cookie(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not re.fullmatch(r"[!#-+\--:<-\[\]-~]{4,4000}", text):
        raise ValueError(
            "must be a cookie's value: 4 to 4000 ASCII characters, without blanks, ; , \" and \\"
        )
    return value


def _brightnesses(value: str) -> str:
    if not _BRIGHTNESSES.fullmatch(value):
        raise ValueError(
            "must be value/band/system, several separated by commas, e.g. 18.4/r/AB; bands u g r i z U B "
            "V UC R I Y J H K L M N Q AP; systems Vega, AB, Jy"
        )
    return value


def _ra(value: float | str) -> float:
    degrees = astro.parse_ra(value) if isinstance(value, str) else value
    if not 0 <= degrees < 360:
        raise ValueError("must be 0 or more and less than 360 degrees")
    return degrees


def _dec(value: float | str) -> float:
    degrees = astro.parse_dec(value) if isinstance(value, str) else value
    if not -90 <= degrees <= 90:
        raise ValueError("must be -90 to 90 degrees")
    return degrees


def _note(value: str) -> str:
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    if any(category(character) == "Cc" and character not in "\n\t" for character in text):
        raise ValueError("must not contain control characters other than line ends and tabs")
    return text


def _in_years(value: datetime) -> datetime:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"must be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


_Numbers = Annotated[tuple[int, ...], AfterValidator(_each_once), Field(max_length=MOST_TEMPLATES)]

TemplateNumbers = Annotated[
    _Numbers,
    Field(min_length=1),
    BeforeValidator(_numbers, json_schema_input_type=str | int | list[int | str]),
]
"""Numbers of template observations, in the order in which they are triggered."""

AllowedTemplates = Annotated[
    tuple[int, ...],
    BeforeValidator(
        lambda value: _numbers(_any_if_blank(value)), json_schema_input_type=str | list[int | str]
    ),
]
"""Numbers of the template observations that may be triggered; empty: any."""

Account = Annotated[Line, Field(max_length=254, pattern=r"^[^\s@,<>\"']+@[^\s@,<>\"']+$")]
"""The e-mail address that a user key was issued to."""

ProgrammeId = Annotated[Line, AfterValidator(_programme)]
"""`GN-...` or `GS-...`, which also decides the site."""

Key = Annotated[SecretStr, AfterValidator(_maskable)]
Cookie = Annotated[SecretStr, AfterValidator(_cookie)]

Brightness = Annotated[Line, Field(max_length=500), AfterValidator(_brightnesses)]
"""`value/band/system`, several separated by commas (card: `mags`)."""

GuideRA = Annotated[float | str, AfterValidator(_ra)]
"""Degrees, or sexagesimal hours; degrees once checked."""

GuideDec = Annotated[float | str, AfterValidator(_dec)]
"""Degrees, or sexagesimal degrees; degrees once checked."""

Note = Annotated[str, Field(max_length=3000), AfterValidator(_note)]
"""Text of several lines; line ends become line feeds."""

Date = Annotated[Moment, AfterValidator(_in_years)]
"""An ISO date or datetime, UTC where it has no offset."""
