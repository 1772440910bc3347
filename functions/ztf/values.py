"""Kinds of values in ZTF's observing parameters, as a caller gives them (card ztf.md: Request payload)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from slew import astro
from slew.models import Line

RESERVED = ("default", "fallback")
FILTER_IDS = {"g": 1, "ztfg": 1, "r": 2, "ztfr": 2, "i": 3, "ztfi": 3}
PROGRAM_IDS = {"Partnership": 2, "Caltech": 3}
MOST_FIELDS = 1778
_WHEN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?$"
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_IN_GRID = "of the ZTF grid: 1 to 881 (primary) or 1001 to 1897 (secondary)"


def _to_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    elif isinstance(value, str) and re.match(_WHEN, value.strip()):
        moment = astro.parse_utc(value)
    else:
        raise ValueError("must be YYYY-MM-DD[ HH:MM[:SS[.ffffff]]], UTC, a blank or a T before the time")
    if not 2017 <= moment.year <= 2099:
        raise ValueError("must be in the years 2017 to 2099")
    return moment


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _exposure(value: float | str) -> float:
    text = value.strip() if isinstance(value, str) else ""
    if isinstance(value, str) and not _SECONDS.fullmatch(text):
        raise ValueError("must be a number of seconds, over 0 and at most 86400")
    seconds = float(text or value)
    if not 0 < seconds <= 86400:
        raise ValueError("must be over 0 and at most 86400 seconds")
    return seconds


def _name(value: str) -> str:
    if "?" in value:
        raise ValueError("must not contain `?`: the scheduler takes what follows it for a camera mode")
    if value.lower() in RESERVED:
        raise ValueError(f"must not be {' or '.join(RESERVED)}, which are the scheduler's own queues")
    return value


def in_grid(number: int) -> bool:
    """Whether a field of that number exists."""
    return 1 <= number <= 881 or 1001 <= number <= 1897


def _on_grid(field_id: int) -> int:
    if not in_grid(field_id):
        raise ValueError(f"must be {_IN_GRID}")
    return field_id


def split_filters(value: str) -> tuple[int, ...]:
    """Wire numbers of filters by name, joined by commas. Raises ValueError."""
    names = [name.strip() for name in value.split(",")]
    for place, name in enumerate(names, 1):
        if name not in FILTER_IDS:
            known = ", ".join(FILTER_IDS)
            raise ValueError(f"must be of {known}, separated by commas; entry {place} is none of them")
    return tuple(FILTER_IDS[name] for name in names)


def split_fields(value: str) -> tuple[int, ...]:
    """Numbers of fields, joined by commas. Raises ValueError."""
    texts = [text.strip() for text in value.split(",")]
    if any(not re.fullmatch("[0-9]{1,5}", text) for text in texts):
        raise ValueError("must be field numbers separated by commas, such as 699,700")
    numbers = tuple(map(int, texts))
    for place, number in enumerate(numbers, 1):
        if not in_grid(number):
            raise ValueError(f"must be {_IN_GRID}; entry {place} is not")
    return numbers


def _filters(value: str) -> str:
    split_filters(value)
    return value


def _fields(value: str) -> str:
    split_fields(value)
    return value


def _right_ascension(value: float) -> float:
    # The scheduler takes 360, and tables of fields have it; the sky has it once.
    return math.fmod(value, 360.0)


UtcTime = Annotated[
    datetime, BeforeValidator(_to_utc, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)])
]
"""A moment in UTC, from `YYYY-MM-DD[ HH:MM[:SS[.ffffff]]]`; `T` for the blank and a closing `Z` do too."""

QueueName = Annotated[Line, Field(min_length=1, max_length=100), AfterValidator(_name)]
Exposure = Annotated[float | str, AfterValidator(_exposure)]
"""Seconds, as a number or as SkyPortal's text; comes out as a number."""

Filters = Annotated[Line, Field(min_length=1, max_length=200), AfterValidator(_filters)]
FieldNumbers = Annotated[Line, Field(min_length=1, max_length=20_000), AfterValidator(_fields)]
FieldNumber = Annotated[
    int, BeforeValidator(_whole, json_schema_input_type=int), Field(strict=True), AfterValidator(_on_grid)
]
RightAscension = Annotated[
    float, Field(strict=True, allow_inf_nan=False, ge=0, le=360), AfterValidator(_right_ascension)
]
Declination = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-90, le=90)]
Repeats = Annotated[
    int, BeforeValidator(_whole, json_schema_input_type=int), Field(strict=True, ge=1, le=100)
]
Program = Literal["Partnership", "Caltech"]
Subprogram = Literal["GW", "GRB", "Neutrino", "SolarSystem", "Other"]
Bandpass = Literal["g", "ztfg", "r", "ztfr", "i", "ztfi"]
Centres = Literal["lookup", "scheduler"]
