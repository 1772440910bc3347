"""What requests for plain imaging have in common (cards slack.md and generic.md): filters and numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WrapValidator

from slew.errors import FieldError, Invalid
from slew.models import Line


def _as_given(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    checked = check(value)
    return value if type(value) is int else checked


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise ValueError("must not name a filter twice")
    return names


def _whole(value: float) -> float:
    if value != int(value):
        raise ValueError("must be a whole number")
    return value


Number = Annotated[float, Field(strict=True, allow_inf_nan=False), WrapValidator(_as_given)]
"""A finite JSON number; an integer stays one, so that the caller's `300` does not leave as `300.0`."""

WholeNumber = Annotated[Number, AfterValidator(_whole), Field(json_schema_extra={"type": "integer"})]
"""A `Number` without a fraction; `2.0` is one."""

FilterName = Annotated[Line, Field(min_length=1, max_length=100)]
Filters = Annotated[
    tuple[FilterName, ...],
    Field(min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_unique),
]
"""At least one filter, none twice. Which exist is known to the allocation alone."""

AllowedFilters = tuple[FilterName, ...] | None
"""Altdata key `filters`, ours: SkyPortal has an instrument's filters in its own database instead."""


def check_filters(wanted: Iterable[str], allowed: AllowedFilters, refusal: str) -> None:
    """Refuse filters that the allocation does not have, if it says which it has.

    `refusal` is the card's wording, with `{}` for the filter. Raises Invalid.
    """
    if allowed is None:
        return
    known = ", ".join(allowed)
    errors = [
        FieldError(
            ("payload", "observation_choices", index), f"{refusal.format(name)} The filters here are {known}"
        )
        for index, name in enumerate(wanted)
        if name not in allowed
    ]
    if errors:
        raise Invalid("; ".join(error.msg for error in errors), errors)
