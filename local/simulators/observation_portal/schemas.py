"""The schema language of the instrument listing (`type`, `min`, `max`, `allowed`, `required`, `default`)."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "float": (float, int),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
}


def check(schema: JSON, values: JSON) -> tuple[JSON, dict[str, list[str]]]:
    """The values with numeric text turned into numbers and defaults filled in, and the faults by key."""
    cleaned = dict(values)
    faults: dict[str, list[str]] = {}
    for key in sorted(schema):
        rule = schema[key]
        if key not in cleaned:
            if "default" in rule:
                cleaned[key] = rule["default"]
            elif rule.get("required"):
                faults[key] = ["required field"]
            continue
        cleaned[key] = _number(rule, cleaned[key])
        fault = _fault(rule, cleaned[key])
        if fault:
            faults[key] = [fault]
    return cleaned, faults


def told(faults: dict[str, list[str]]) -> str:
    """The faults in one line, as the portal tells those of a mode."""
    return (
        "extra_params{" + ", ".join(f"{key} error: {', '.join(texts)}" for key, texts in faults.items()) + "}"
    )


def _number(rule: JSON, value: Any) -> Any:
    if rule["type"] not in ("float", "integer") or not isinstance(value, str):
        return value
    try:
        parsed = float(value)
    except ValueError:
        return value
    return int(parsed) if parsed.is_integer() else parsed


def _fault(rule: JSON, value: Any) -> str | None:
    if value is None:
        return "null value not allowed"
    wrong_type = not isinstance(value, _PYTHON_TYPES[rule["type"]])
    if wrong_type or (rule["type"] == "integer" and isinstance(value, bool)):
        return f"must be of {rule['type']} type"
    if "allowed" in rule and value not in rule["allowed"]:
        return f"unallowed value {value}"
    if "min" in rule and value < rule["min"]:
        return f"min value is {rule['min']}"
    if "max" in rule and value > rule["max"]:
        return f"max value is {rule['max']}"
    return None
