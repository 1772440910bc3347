"""Event filter patterns, as event source mappings take them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html: a pattern has the event's shape,
with a list of conditions at each leaf, any of which will do; all leaves must hold.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

ABSENT = object()
COMPARISONS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check(pattern: Mapping[str, Any]) -> None:
    """Raises ValueError for a pattern that AWS would refuse, or that is not known here."""
    for value in pattern.values():
        if isinstance(value, Mapping):
            check(value)
        elif not isinstance(value, list) or not value:
            raise ValueError(f"a filter pattern's leaf is a list of conditions, not {value!r}")
        else:
            for condition in value:
                _holds(condition, ABSENT)


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether the event has what the pattern asks for."""
    for key, wanted in pattern.items():
        value = event.get(key, ABSENT) if isinstance(event, Mapping) else ABSENT
        if isinstance(wanted, Mapping):
            if not matches(wanted, value):
                return False
        elif not any(_holds(condition, value) for condition in wanted):
            return False
    return True


def _holds(condition: Any, value: Any) -> bool:
    if not isinstance(condition, Mapping):
        return value is not ABSENT and type(value) is type(condition) and bool(value == condition)
    (kind, argument), *others = condition.items()
    if others:
        raise ValueError(f"one condition at a time, not {condition!r}")
    match kind:
        case "exists":
            return bool(argument) == (value is not ABSENT and not isinstance(value, Mapping))
        case "prefix":
            return isinstance(value, str) and value.startswith(argument)
        case "suffix":
            return isinstance(value, str) and value.endswith(argument)
        case "equals-ignore-case":
            return isinstance(value, str) and value.casefold() == argument.casefold()
        case "anything-but":
            return value is not ABSENT and not _excluded(argument, value)
        case "numeric":
            return _compares(argument, value)
    raise ValueError(f"filter condition {kind!r} is not known to the local stack")


def _excluded(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        return _holds(argument, value)
    return value in (argument if isinstance(argument, list) else [argument])


def _compares(argument: list[Any], value: Any) -> bool:
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    if unknown := [sign for sign, _ in pairs if sign not in COMPARISONS]:
        raise ValueError(f"comparison {unknown[0]!r} is not known")
    try:
        # DynamoDB's numbers are strings in the event: {"N": "3"}.
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except ValueError:
        return False
    return number is not None and all(COMPARISONS[sign](number, limit) for sign, limit in pairs)
