"""The JSON in which the portal tells what is wrong with a requestgroup, and the texts in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Like:
    """Equal to every text that the regular expression matches as a whole."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None


@dataclass(frozen=True, eq=False)
class Listing:
    """Equal to ``before``, the ``items`` in any order, and ``after``: the portal lists members of a set."""

    before: str
    items: frozenset[str]
    after: str = ""

    def __eq__(self, other: object) -> bool:
        if not (isinstance(other, str) and other.startswith(self.before) and other.endswith(self.after)):
            return False
        listed = other[len(self.before) : len(other) - len(self.after)].split(", ")
        return len(listed) == len(self.items) and set(listed) == self.items


def in_request(error: Any) -> Any:
    """The error of the only request."""
    return {"requests": [error]}


def in_one(error: Any, index: int = 0, of: int = 2) -> Any:
    """The error of one configuration, the others being in order."""
    return in_request({"configurations": [error if i == index else {} for i in range(of)]})


def in_every(error: Any, of: int = 2) -> Any:
    """The same error of every configuration."""
    return in_request({"configurations": [error] * of})


def whole(text: Any) -> Any:
    """A text about a whole object rather than one of its fields."""
    return {"non_field_errors": [text]}


SINISTRO = "1M0-SCICAM-SINISTRO"
INSTRUMENT_TYPES = frozenset(
    {"SOAR_GHTS_REDCAM", "SOAR_GHTS_REDCAM_IMAGER", "SOAR_GHTS_BLUECAM", "SOAR_GHTS_BLUECAM_IMAGER"}
    | {"SOAR_TRIPLESPEC", "BLANCO_NEWFIRM", "BLANCO_DECAM", "0M4-SCICAM-QHY600"}
    | {"1M0-SCICAM-SINISTRO", "2M0-FLOYDS-SCICAM", "2M0-SCICAM-MUSCAT"}
)
INVISIBLE = in_request(
    whole(
        "According to the constraints of the request, the target will not be visible within the time window. "
        "Check that the target is in the nighttime sky. Consider modifying the time window or loosening the "
        "airmass or lunar separation constraints. If the target is non sidereal, double check that the "
        "provided elements are correct."
    )
)
NO_SEMESTER = in_request(
    {"windows": [whole("The observation window does not fit within any defined semester.")]}
)
REVERSED = in_request(
    {"windows": [whole(Like(r"Window end '[-0-9 :+]+' cannot be earlier than window start '[-0-9 :+]+'"))]}
)
IPP_RANGE = whole("requestgroups ipp_value must be >= 0.5, <= 2.0")
REQUIRED = ["This field is required."]


def too_short(hours: str) -> Any:
    """The target is up for less than the request lasts; ``hours`` is a pattern."""
    return in_request(
        whole(
            Like(
                r"According to the constraints of the request, the target will only be visible for a maximum "
                r"of \d+\.\d+ hours within the time window\. This is less than the duration of your request "
                rf"{hours} hours\. Consider expanding the time window or loosening the airmass or lunar "
                r"separation constraints\."
            )
        )
    )


def no_instrument(code: str) -> Any:
    """No such instrument type, with the list of those there are."""
    listing = Listing(f"Invalid instrument type {code}. Valid instruments may include: ", INSTRUMENT_TYPES)
    return {"instrument_type": [listing]}


def unavailable(kind: str, mode: str, instrument: str = SINISTRO) -> Any:
    """The instrument has no such mode."""
    return whole(f"{kind} mode {mode} is not available for instrument type {instrument}")


def at_least(figure: str) -> list[str]:
    """Below a bound."""
    return [f"Ensure this value is greater than or equal to {figure}."]


def at_most(figure: str) -> list[str]:
    """Above a bound."""
    return [f"Ensure this value is less than or equal to {figure}."]


def constraint(name: str, texts: list[str]) -> Any:
    """A constraint of both configurations of a Sinistro body."""
    return in_every({"constraints": {name: texts}})


def target(name: str, texts: list[str]) -> Any:
    """A target field of both configurations of a Sinistro body."""
    return in_every({"target": {name: texts}})


def exposure(name: str, error: Any) -> Any:
    """An exposure field of the first configuration of a Sinistro body."""
    return in_one({"instrument_configs": [{name: error}]})
