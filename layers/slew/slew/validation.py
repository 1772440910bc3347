"""From what a caller sent to models; errors name the field and its limit, and never repeat a value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from slew.errors import FieldError, Invalid, TooLarge

BODY_LIMIT = 256 * 1024
M = TypeVar("M", bound=BaseModel)


def parse_body(text: str) -> Any:
    """The JSON of a request's body. Raises TooLarge over 256 KiB, Invalid for anything but JSON."""
    if len(text.encode("utf-8", "surrogatepass")) > BODY_LIMIT:
        raise TooLarge(f"the body is over {BODY_LIMIT // 1024} KiB")
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise Invalid.field(["body"], "is nested too deeply") from None
    except ValueError as error:
        raise Invalid.field(["body"], f"is not JSON: {error}") from None


def parse(model: type[M], data: Any, loc: Sequence[str | int] = ()) -> M:
    """A model from data. Raises Invalid with one entry a bad field, each below `loc`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Invalid(*_explain(error, loc)) from None


def _explain(error: ValidationError, loc: Sequence[str | int]) -> tuple[str, list[FieldError]]:
    errors = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        message = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            message = "is not a field of this request; see the schema at GET /facilities/{facility}"
        errors.append(FieldError((*loc, *each["loc"]), message))
    detail = "; ".join(f"{'.'.join(map(str, each.loc)) or 'body'}: {each.msg}" for each in errors)
    return detail, errors


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:20]} is too large")
    return value
