"""The values that single fields of a Swift request take, and how each is spelt (card: Request payload)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from slew import astro
from slew.models import Line

FILTER_OF_THE_DAY = "0x9999"
UVOT_MODES = {
    FILTER_OF_THE_DAY: "Default (Filter of the day)",
    "0x30ed": "U+B+V+All UV",
    "0x223f": "U+B+V+All UV (UV weighted, SN Mode)",
    "0x0270": "U+B+V+All UV (ToO Upload Mode)",
    "0x209a": "U+B+V",
    "0x308f": "All UV",
    "0x2019": "White",
    "0x018c": "UVW1",
    "0x011e": "UVW2",
    "0x015a": "UVM2",
    "0x01aa": "U band",
    "0x2016": "B band",
    "0x2005": "V band",
    "0x122f": "Grism 1 (UV)",
    "0x1230": "Grism 2 (Visible)",
    "0x0ff3": "Blocked (in case of too bright star)",
}
_LABELS = {f"{mode} - {text}": mode for mode, text in UVOT_MODES.items()}
_BARE_MODE = r"^0x[0-9a-fA-F]{1,4}$"

XRT_MODES = {
    "Auto": 0,
    "Null": 1,
    "ShortIM": 2,
    "LongIM": 3,
    "PUPD": 4,
    "LRPD": 5,
    "WT": 6,
    "PC": 7,
    "Raw": 8,
    "Bias": 9,
    "PC_150": 150,
    "PC_200": 200,
    "Manual": 255,
}
_XRT_NAMES = {code: name for name, code in XRT_MODES.items()}

_CADENCE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s+(day|week|month|orbit|minute|second|hour|year)s?")
SIGNED_ONLY_UNITS = ("hour", "year")
"""Units of a cadence that protocol v1.2 takes and v2 does not."""
BAD_CADENCE = (
    "Monitoring frequency in incorrect format. Must be a number followed by a time unit "
    "(day, week, month, orbit, minute, second)."
)
_WHEN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z?$"


def cadence_unit(cadence: str) -> str:
    """The unit in a cadence's text, in the singular."""
    match = _CADENCE.fullmatch(cadence)
    return match[2] if match else ""


def _mode_of(value: str) -> str:
    mode = _LABELS.get(value, value)
    if not re.fullmatch(_BARE_MODE, mode):
        known = "; ".join(_LABELS)
        raise ValueError(f"must be hexadecimal as 0x30ed, or one of: {known}")
    return mode


def _xrt_name(value: Any) -> Any:
    return _XRT_NAMES.get(value, value) if isinstance(value, int) else value


def _cadence(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(repr(value)) if value == value and abs(value) != float("inf") else Decimal(0)
        value = f"{number.normalize():f} days" if number > 0 else ""
    return value


def _legal_cadence(value: str) -> str:
    match = _CADENCE.fullmatch(value)
    if not match or float(match[1]) <= 0:
        raise ValueError(BAD_CADENCE)
    return value


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _urgency(value: Any) -> Any:
    if isinstance(value, bool) or str(value).strip() not in ("0", "1", "2", "3", "4"):
        raise ValueError("Input should be 0, 1, 2, 3 or 4")
    return str(value).strip()


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not re.match(_WHEN, value.strip()):
        raise ValueError("must be YYYY-MM-DD HH:MM:SS[.ffffff], UTC; T may stand for the blank")
    return astro.parse_utc(value)


def _whole(unit: str) -> Callable[[float], float]:
    def check(value: float) -> float:
        if value % 1 != 0:  # nor infinite
            raise ValueError(f"must be a whole number of {unit}")
        return value

    return check


UvotMode = Annotated[
    Line,
    AfterValidator(_mode_of),
    Field(json_schema_extra={"anyOf": [{"enum": list(_LABELS)}, {"pattern": _BARE_MODE}]}),
]
"""A mode's label, or its number in hexadecimal; the number is what is kept."""

XrtMode = Annotated[
    Literal[
        "Auto",
        "Null",
        "ShortIM",
        "LongIM",
        "PUPD",
        "LRPD",
        "WT",
        "PC",
        "Raw",
        "Bias",
        "PC_150",
        "PC_200",
        "Manual",
    ],
    BeforeValidator(_xrt_name, json_schema_input_type=Literal[(*XRT_MODES, *XRT_MODES.values())]),
]
"""A mode of the X-ray telescope, by name or by number; the name is what is kept."""

Cadence = Annotated[
    str,
    BeforeValidator(_cadence, json_schema_input_type=Annotated[float, Field(gt=0)] | str),
    AfterValidator(_legal_cadence),
]
"""Time between two visits as the wire has it, `2 days`; a plain number is taken as days."""

Urgency = Annotated[
    Literal["0", "1", "2", "3", "4"],
    BeforeValidator(_urgency, json_schema_input_type=Literal["0", "1", "2", "3", "4", 0, 1, 2, 3, 4]),
]
"""How soon; text or number."""

TextOrNumber = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int | float)]
"""Text; a number is taken as its digits."""

Tiles = Annotated[
    Literal["4", "7", "19", "37", "Other"],
    BeforeValidator(_as_text, json_schema_input_type=Literal["4", "7", "19", "37", "Other", 4, 7, 19, 37]),
]
"""A number of tiles."""

UtcTime = Annotated[
    datetime, BeforeValidator(_moment, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)])
]
"""A moment in UTC, `YYYY-MM-DD HH:MM:SS[.ffffff]`."""

WholeSeconds = Annotated[float, AfterValidator(_whole("seconds")), Field(allow_inf_nan=False)]
"""A time in whole seconds."""
