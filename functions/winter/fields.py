"""Checks and kinds of field that the models of both cameras and of the credentials are made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

FILTERS = ("Y", "J", "Hs", "dark")
MIN_EXPOSURE_S, MAX_EXPOSURE_S = 1, 300
MOST_DITHERS = 10_000


def known_filter(value: Any) -> Any:
    """One of the four filters, refused in SkyPortal's words. Raises ValueError."""
    if value not in FILTERS:
        shown = str(value)[:20]
        raise ValueError(f"Filter {shown} not allowed, must be one of {list(FILTERS)}")
    return value


def unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each filter once. Raises ValueError."""
    if len(set(names)) != len(names):
        raise ValueError("must not name a filter twice")
    return names


def no_colon(name: str) -> str:
    """A user name that HTTP Basic authentication can carry. Raises ValueError."""
    if ":" in name:
        raise ValueError("must not contain a colon, which ends the user name in HTTP Basic authentication")
    return name


def printable(value: SecretStr) -> SecretStr:
    """A secret without control characters. Raises ValueError."""
    if not value.get_secret_value() or not value.get_secret_value().isprintable():
        raise ValueError("must not be empty or contain control characters")
    return value


def programme_key(value: SecretStr) -> SecretStr:
    """A key that a URL can carry and the redactor can find. Raises ValueError."""
    # It travels in the URL, where the redactor finds no value shorter than four characters.
    key = value.get_secret_value().strip()
    if not 4 <= len(key) <= 200 or not key.isprintable():
        raise ValueError("must be 4 to 200 printable characters")
    return SecretStr(key)


def whole_as_int(value: float) -> float:
    """`50.0` as `50`: what the caller gave as a whole number leaves as one."""
    return int(value) if value == int(value) else value


def no_grid(value: bool) -> bool:
    """False; refused in the service's words otherwise. Raises ValueError."""
    if value:
        raise ValueError("Spring ToO requests cannot use the field grid option.")
    return value


FilterName = Annotated[Literal["Y", "J", "Hs", "dark"], BeforeValidator(known_filter)]
Priority = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False), AfterValidator(whole_as_int)]


def exposure_field(name: str, default_s: int | None) -> Any:
    """A filter's seconds a dither; the default is told in the schema, so that a given value is known."""
    default = {} if default_s is None else {"default": default_s}
    customary = "of the filter" if default_s is None else f"{default_s}"
    return Field(
        None,
        title=f"Exposure time in {name}",
        description=f"Seconds a dither in {name}, 1 to 300. Default: {customary}",
        ge=MIN_EXPOSURE_S,
        le=MAX_EXPOSURE_S,
        json_schema_extra={"unit": "s", **default},
    )


def dithers_field(name: str, default: int | None) -> Any:
    """A filter's number of dithers; the default as in `exposure_field`."""
    extra: dict[str, Any] = {} if default is None else {"default": default}
    customary = "of the filter" if default is None else f"{default}"
    return Field(
        None,
        title=f"Dithers in {name}",
        description=f"Number of dithers in {name}, at least 1. Default: {customary}",
        ge=1,
        le=MOST_DITHERS,
        json_schema_extra=extra,
    )
