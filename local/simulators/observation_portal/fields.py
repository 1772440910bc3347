"""Reading a JSON body as the portal does: every fault of one object at once, lists aligned by index.

A parser takes the raw value and returns the cleaned one or raises `Invalid` with what stands in its place
in the error body: a list of texts for a plain field, an object for an object, a list for a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

JSON = dict[str, Any]
Parser = Callable[[Any], Any]

REQUIRED = "This field is required."
NULL = "This field may not be null."
BLANK = "This field may not be blank."
NOT_A_NUMBER = "A valid number is required."
NOT_AN_INTEGER = "A valid integer is required."
NOT_A_TIME = (
    "Datetime has wrong format. Use one of these formats instead: "
    "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
_ABSENT = object()
_TRUE = {"t", "y", "yes", "true", "on", "1"}
_FALSE = {"f", "n", "no", "false", "off", "0"}


class Invalid(Exception):
    """A refusal; `detail` is the JSON that stands for the value."""

    def __init__(self, detail: Any) -> None:
        super().__init__(detail)
        self.detail = detail


class Crash(Exception):
    """Input that the portal's own code does not survive: it answers 500."""


def refuse(text: str) -> Invalid:
    """A fault of a whole object."""
    return Invalid({"non_field_errors": [text]})


@dataclass(frozen=True)
class Field:
    """One key of an object."""

    parse: Parser
    required: bool = False
    null: bool = False
    default: Any = _ABSENT


def read(body: Any, fields: dict[str, Field]) -> JSON:
    """The known keys of an object, cleaned; unknown ones are ignored without a word."""
    if not isinstance(body, dict):
        raise refuse(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    cleaned: JSON = {}
    errors: JSON = {}
    for key, field in fields.items():
        try:
            value = _value(body, key, field)
        except Invalid as error:
            errors[key] = error.detail
        else:
            if value is not _ABSENT:
                cleaned[key] = value
    if errors:
        raise Invalid(errors)
    return cleaned


def _value(body: JSON, key: str, field: Field) -> Any:
    if key not in body:
        if field.required:
            raise Invalid([REQUIRED])
        return field.default() if callable(field.default) else field.default
    if body[key] is None:
        if field.null:
            return None
        raise Invalid([NULL])
    return field.parse(body[key])


def items(parse: Parser, empty: str) -> Parser:
    """A list with at least one member."""

    def parse_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise refuse(f'Expected a list of items but got type "{type(value).__name__}".')
        if not value:
            raise Invalid([empty])
        cleaned: list[Any] = []
        errors: list[Any] = []
        for member in value:
            try:
                cleaned.append(parse(member))
                errors.append({})
            except Invalid as error:
                errors.append(error.detail)
        if any(errors):
            raise Invalid(errors)
        return cleaned

    return parse_list


def text(longest: int | None = None, blank: str | None = BLANK) -> Parser:
    """A string, trimmed; a number is taken as one. `blank` is the complaint about an empty one."""

    def parse_text(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise Invalid(["Not a valid string."])
        trimmed = str(value).strip()
        if not trimmed and blank:
            raise Invalid([blank])
        if longest and len(trimmed) > longest:
            raise Invalid([f"Ensure this field has no more than {longest} characters."])
        return trimmed

    return parse_text


def number(low: float | None = None, high: float | None = None) -> Parser:
    """A float; numeric text passes."""

    def parse_number(value: Any) -> float:
        try:
            parsed = float(value)
        except (TypeError, ValueError):
            raise Invalid([NOT_A_NUMBER]) from None
        return _bounded(parsed, low, high)

    return parse_number


def integer(low: int) -> Parser:
    """An integer; `2.0` passes, `1.5` does not."""

    def parse_integer(value: Any) -> int:
        try:
            parsed = int(re.sub(r"\.0*\s*$", "", str(value)))
        except ValueError:
            raise Invalid([NOT_AN_INTEGER]) from None
        return int(_bounded(parsed, low, None))

    return parse_integer


def _bounded(value: float, low: float | None, high: float | None) -> float:
    if low is not None and value < low:
        raise Invalid([f"Ensure this value is greater than or equal to {low}."])
    if high is not None and value > high:
        raise Invalid([f"Ensure this value is less than or equal to {high}."])
    return value


def boolean(value: Any) -> bool:
    """True, false, or one of the usual words for them."""
    word = str(value).lower() if isinstance(value, (str, int, float)) else ""
    if word in _TRUE or word == "1.0":
        return True
    if word in _FALSE or word == "0.0":
        return False
    raise Invalid(["Must be a valid boolean."])


def choice(options: Iterable[str]) -> Parser:
    """One of a set of codes."""
    known = set(options)

    def parse_choice(value: Any) -> str:
        if str(value) not in known:
            raise Invalid([f'"{value}" is not a valid choice.'])
        return str(value)

    return parse_choice


def moment(value: Any) -> datetime:
    """An ISO 8601 time; a bare date, a space for the T and a missing zone (UTC) are allowed."""
    if not isinstance(value, str):
        raise Invalid([NOT_A_TIME])
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise Invalid([NOT_A_TIME]) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def anything(value: Any) -> Any:
    """Any JSON."""
    return value


def mapping(value: Any) -> JSON:
    """An object; the portal fails on anything else."""
    if not isinstance(value, dict):
        raise Crash
    return dict(value)


def show_time(value: datetime) -> str:
    """As the portal writes times."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
