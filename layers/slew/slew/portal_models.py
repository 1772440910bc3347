"""Credentials and observing parameters that every facility behind an Observation Portal takes.

Field names are SkyPortal's; bounds are SkyPortal's and the stricter ones of the portal (facility cards,
Request payload).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from slew import astro
from slew.facility import Altdata, Payload
from slew.models import Line

_FIRST_YEAR, _LAST_YEAR = 2000, 2099
# No target stays up for a day: what asks for more exposure could never be scheduled, only overflow.
_DAY_S = 86400
_OWN = ("PROPOSAL_ID", "API_TOKEN", "API_ARCHIVE_TOKEN")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,255}")


def _utc(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str | datetime):
        raise ValueError("must be an ISO date or datetime, UTC unless it has an offset")
    try:
        moment = astro.parse_utc(value if isinstance(value, str) else value.isoformat())
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO date or datetime, UTC unless it has an offset") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"must be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def _token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value().strip()
    if not _PRINTABLE.fullmatch(token):
        raise ValueError("must have 1 to 255 printable ASCII characters without blanks")
    return SecretStr(token)


Token = Annotated[SecretStr, AfterValidator(_token)]
"""A token that can stand in a header."""

Moment = Annotated[datetime, BeforeValidator(_utc, json_schema_input_type=str)]
"""A time, UTC; a bare date is 00:00 of that day."""


class PortalAltdata(Altdata):
    """Credentials of an allocation at a portal."""

    PROPOSAL_ID: Line = Field(
        min_length=1,
        max_length=255,
        title="Proposal",
        description="Code of the proposal; the token's user must be a member of it",
    )
    API_TOKEN: Token = Field(
        title="Portal token",
        description="From the page of the account's profile at the portal; 40 hexadecimal digits",
    )
    API_ARCHIVE_TOKEN: Token | None = Field(
        None,
        title="Archive token",
        description="Token of the science archive; default: the portal's token, which the archive takes too",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _name_what_lacks(cls, data: Any, build: Callable[[Any], PortalAltdata]) -> PortalAltdata:
        # Card, Credentials: a missing key is answered with this very text, and no call is made.
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key not in _OWN or value not in (None, "")}
        try:
            return build(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, [*map(_detail, error.errors())]) from None

    @property
    def archive_token(self) -> SecretStr:
        """The token to show to the archive."""
        return self.API_ARCHIVE_TOKEN or self.API_TOKEN


class PortalPayload(Payload):
    """Observing parameters that do not depend on the instrument."""

    observation_mode: Literal["NORMAL", "RAPID_RESPONSE", "TIME_CRITICAL"] = Field(
        "NORMAL",
        title="Observation mode",
        description="RAPID_RESPONSE and TIME_CRITICAL need such time on the proposal; a rapid response"
        " starts now and its window ends within 24 hours",
    )
    exposure_time: float = Field(
        300.0,
        ge=0,
        le=_DAY_S,
        allow_inf_nan=False,
        title="Exposure time",
        description="Of one exposure, s",
        json_schema_extra={"unit": "s"},
    )
    exposure_counts: int = Field(1, ge=1, le=_DAY_S, title="Exposures", description="Number of exposures")
    start_date: Moment | None = Field(
        None,
        title="Start",
        description="Start of the window, UTC; a bare date is 00:00; default today 00:00",
        examples=["2026-12-01", "2026-12-01T06:30:00"],
    )
    end_date: Moment | None = Field(
        None,
        title="End",
        description="End of the window, UTC; a bare date is 00:00; default 7 days after the start,"
        " within the semester",
        examples=["2026-12-08"],
    )
    maximum_airmass: float = Field(
        2.0,
        ge=1,
        le=3,
        allow_inf_nan=False,
        title="Maximum airmass",
        description="Highest airmass to observe at",
    )
    minimum_lunar_distance: float = Field(
        30.0,
        ge=0,
        le=180,
        allow_inf_nan=False,
        title="Minimum lunar distance",
        description="Smallest distance from the Moon, deg",
        json_schema_extra={"unit": "deg"},
    )
    priority: float = Field(
        1.0,
        ge=0.5,
        le=2,
        allow_inf_nan=False,
        title="Intra-proposal priority",
        description="Over 1 raises it and is debited from the proposal's IPP time, under 1 lowers it",
    )
    max_lunar_phase: float | None = Field(
        None, ge=0, le=1, allow_inf_nan=False, title="Maximum lunar phase", description="0 new, 1 full Moon"
    )
    acceptability_threshold: float | None = Field(
        None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Acceptability threshold",
        description="Share of the exposure time that makes it complete, %; default: the instrument's",
        json_schema_extra={"unit": "%"},
    )
    configuration_repeats: int | None = Field(
        None,
        ge=1,
        le=_DAY_S,
        title="Repeats",
        description="How often the sequence of configurations is done; default 1",
    )
    optimization_type: Literal["TIME", "AIRMASS"] | None = Field(
        None,
        title="Optimization",
        description="TIME (the portal's default): as soon as may be; AIRMASS: near the lowest airmass",
    )
    observation_note: Line | None = Field(
        None,
        max_length=200,
        title="Note",
        description="Kept at the portal, after this request's id",
    )

    @property
    def exposure_s(self) -> float:
        """Open-shutter time of the science exposures together, s."""
        return self.exposure_time * self.exposure_counts * (self.configuration_repeats or 1)

    @field_validator("end_date")
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start_date")
        if start and end and end <= start:
            raise ValueError(f"must be after start_date, {stamp(start)} (a bare date is 00:00 UTC)")
        return end


def stamp(moment: datetime) -> str:
    """`2026-12-01T00:00:00.000000+00:00`, the form in which SkyPortal sends times to a portal."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def _detail(error: Any) -> InitErrorDetails:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        message = f"rejected: allocation lacks {error['loc'][-1]}"
    # The type stays, for the kinds that callers tell apart; the input does not: it may be a secret.
    return InitErrorDetails(
        type=PydanticCustomError(error["type"], "{message}", {"message": message}),
        loc=error["loc"],
        input=None,
    )
