"""From what a caller sent to models; errors name the field and its limit, and never repeat a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from slew.errors import FieldError, Invalid, TooLarge

BODY_LIMIT = 256 * 1024
DEPTH_LIMIT = 32
_ERRORS_SHOWN = 20
M = TypeVar("M", bound=BaseModel)

# pydantic names the branches of a union in its locations, by their types or by its own functions.
_INTERNAL = re.compile(r"^(int|str|float|bool|none|json-or-python|lax-or-strict|[\w-]+[\[(].*)$", re.DOTALL)


def parse_body(text: str, *, limit: int = BODY_LIMIT) -> Any:
    """The JSON of a request's body. Raises TooLarge over `limit` bytes, Invalid for no JSON to be kept."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid.field(["body"], "is not UTF-8 text") from None
    if size > limit:
        raise TooLarge(f"the body is over {limit // 1024} KiB")
    try:
        data = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_without_repeats
        )
        _check_keepable(data, limit)
    except RecursionError:
        raise Invalid.field(["body"], f"is nested more than {DEPTH_LIMIT} deep") from None
    except ValueError as error:
        raise Invalid.field(["body"], f"is not JSON: {error}") from None
    return data


def parse(model: type[M], data: Any, loc: Sequence[str | int] = ()) -> M:
    """A model from data. Raises Invalid with one entry a bad field, each below `loc`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Invalid(*_explain(error, loc)) from None


def refusal(lines: Iterable[tuple[str, str]]) -> ValidationError:
    """For whole-model validators to raise: fields and what is wrong with each.

    A plain ValueError could not name its field there.
    """
    # The text goes in as a value: braces in it would be taken for places to fill.
    details = [
        InitErrorDetails(
            type=PydanticCustomError("refused", "{text}", {"text": text}), loc=(name,), input=None
        )
        for name, text in lines
    ]
    return ValidationError.from_exception_data("refusal", details)


def _explain(error: ValidationError, loc: Sequence[str | int]) -> tuple[str, list[FieldError]]:
    errors: dict[FieldError, None] = {}
    found = error.errors(include_url=False, include_context=False, include_input=False)
    found = [each for each in found if not (each["type"] == "too_short" and _has_bad_entries(each, found))]
    for each in found[:_ERRORS_SHOWN]:
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            message = "is not a field of this request; see the schema at GET /facilities/{facility}"
        place = [part for part in each["loc"] if not (isinstance(part, str) and _INTERNAL.match(part))]
        errors[FieldError((*loc, *place), message)] = None
    detail = "; ".join(f"{'.'.join(map(str, each.loc)) or 'body'}: {each.msg}" for each in errors)
    if len(found) > _ERRORS_SHOWN:
        detail += f"; and {len(found) - _ERRORS_SHOWN} more"
    return detail, list(errors)


def _has_bad_entries(short: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Whether a sequence is too short only because pydantic counts its good entries alone."""
    depth = len(short["loc"])
    return any(len(each["loc"]) > depth and each["loc"][:depth] == short["loc"] for each in found)


def _check_keepable(data: Any, limit: int) -> None:
    """Raises ValueError for what can be read but not be kept or sent: too deep, or not UTF-8."""
    if _depth(data) > DEPTH_LIMIT:
        raise ValueError(f"it is nested more than {DEPTH_LIMIT} deep")
    try:
        size = len(json.dumps(data, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise ValueError("it has a lone surrogate, which is no character") from None
    if size > limit:
        raise TooLarge(f"the body, its numbers written out, is over {limit // 1024} KiB")


def _depth(data: Any) -> int:
    level, depth = [data], 0
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return depth


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:20]} is too large")
    return value
