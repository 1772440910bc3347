"""What Kowalski checks of a body before it forwards it, in the words of its models (pydantic 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.simulators.base import JSON

Problem = tuple[str, str, str]
Check = Callable[[Any, str], list[Problem]]


def text(value: Any, loc: str) -> list[Problem]:
    """A text, or a number that stands for one."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return []
    return [(loc, "str type expected", "type_error.str")]


def number(value: Any, loc: str) -> list[Problem]:
    """A number, or a text that is one."""
    try:
        float(value)
    except (TypeError, ValueError):
        return [(loc, "value is not a valid float", "type_error.float")]
    return []


def integer(value: Any, loc: str) -> list[Problem]:
    """A whole number."""
    try:
        int(value)
    except (TypeError, ValueError):
        return [(loc, "value is not a valid integer", "type_error.integer")]
    return []


def listed(of: Check) -> Check:
    """A list, each item of which passes."""

    def check(value: Any, loc: str) -> list[Problem]:
        if not isinstance(value, list):
            return [(loc, "value is not a valid list", "type_error.list")]
        return [problem for place, each in enumerate(value) for problem in of(each, f"{loc} -> {place}")]

    return check


def anything(value: Any, loc: str) -> list[Problem]:
    """An object of any keys."""
    return [] if isinstance(value, dict) else [(loc, "value is not a valid dict", "type_error.dict")]


def keys(of: dict[str, Check]) -> Check:
    """An object with these keys."""

    def check(value: Any, loc: str) -> list[Problem]:
        if not isinstance(value, dict):
            return anything(value, loc)
        found: list[Problem] = []
        for name, inner in of.items():
            place = f"{loc} -> {name}" if loc else name
            if name not in value or value[name] is None:
                found.append((place, "field required", "value_error.missing"))
            else:
                found += inner(value[name], place)
        return found

    return check


_FIELDS = listed(keys({"field_id": integer, "probability": number}))
MODELS: dict[tuple[str, str], tuple[str, Check]] = {
    ("ztf", "PUT"): (
        "ZTFTriggerPut",
        keys(
            {
                "queue_name": text,
                "validity_window_mjd": listed(number),
                "targets": listed(anything),
                "queue_type": text,
                "user": text,
            }
        ),
    ),
    ("ztf", "DELETE"): ("ZTFTriggerDelete", keys({"queue_name": text, "user": text})),
    ("ztfmma", "PUT"): (
        "ZTFMMATriggerPut",
        keys({"trigger_name": text, "trigger_time": number, "fields": _FIELDS, "user": text}),
    ),
    ("ztfmma", "DELETE"): ("ZTFMMATriggerDelete", keys({"trigger_name": text, "user": text})),
}


def problems(kind: str, method: str, body: JSON) -> str | None:
    """What is wrong with a body, as Kowalski says it; None for nothing."""
    name, check = MODELS[kind, method]
    found = check(body, "")
    if not found:
        return None
    lines = "".join(f"\n{loc}\n  {words} (type={kind_of})" for loc, words, kind_of in found)
    return f"{len(found)} validation error{'s' if len(found) > 1 else ''} for {name}{lines}"
