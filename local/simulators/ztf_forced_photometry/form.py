"""What the simulated forms take. The real service's words for a bad value are not known: these are ours."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

MAX_BATCH = 1500
MAX_BATCH_OPEN = 15000
FULL_RANGE = (2458194.5, 2470000.5)


class Refused(Exception):
    """The form is not taken; the text goes into the page."""


def position(fields: Mapping[str, str]) -> tuple[float, float, float, float]:
    """RA, Dec, start and end of a single request."""
    ra, dec = (_number(fields, name) for name in ("ra", "dec"))
    start, end = (_number(fields, name) for name in ("jdstart", "jdend"))
    _check_place(ra, dec)
    _check_range(start, end)
    return ra, dec, start, end


def positions(fields: Mapping[str, str]) -> list[tuple[float, float, float, float]]:
    """The same of a batch, whose coordinates are JSON lists as text; dates may be left out."""
    ras, decs = (_numbers(fields, name) for name in ("ra", "dec"))
    if len(ras) != len(decs):
        raise Refused("Error: ra and dec must have the same length.")
    if len(ras) > MAX_BATCH:
        raise Refused(f"Error: more than {MAX_BATCH} positions in a submission.")
    start = _number(fields, "jdstart") if "jdstart" in fields else FULL_RANGE[0]
    end = _number(fields, "jdend") if "jdend" in fields else FULL_RANGE[1]
    _check_range(start, end)
    for ra, dec in zip(ras, decs, strict=True):
        _check_place(ra, dec)
    return [(ra, dec, start, end) for ra, dec in zip(ras, decs, strict=True)]


def _number(fields: Mapping[str, str], name: str) -> float:
    try:
        value = float(fields[name])
    except KeyError:
        raise Refused(f"Error: {name} is missing.") from None
    except ValueError:
        raise Refused(f"Error: {name} is not a number.") from None
    if not math.isfinite(value):
        raise Refused(f"Error: {name} is not a number.")
    return value


def _numbers(fields: Mapping[str, str], name: str) -> list[float]:
    try:
        found = json.loads(fields.get(name, ""))
    except ValueError:
        raise Refused(f"Error: {name} is not a list.") from None
    if not isinstance(found, list) or not found:
        raise Refused(f"Error: {name} is not a list.")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in found):
        raise Refused(f"Error: {name} is not a list of numbers.")
    return [float(each) for each in found]


def _check_place(ra: float, dec: float) -> None:
    if not 0 <= ra < 360 or not -90 <= dec <= 90:
        raise Refused("Error: position out of range.")


def _check_range(start: float, end: float) -> None:
    if end <= start:
        raise Refused("Error: jdend must be later than jdstart.")
