"""What the ATLAS forced photometry server takes (card: Credentials, Request payload)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from slew import astro
from slew.facility import Altdata, Payload
from slew.models import Line
from slew.validation import refusal

MAX_COMMENT = 300
"""Characters that the server keeps of a comment."""

_WHEN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?$"
_COORDINATES_ONLY = ("radec_epoch_year", "propermotion_ra", "propermotion_dec")


def _to_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not re.match(_WHEN, value.strip()):
        raise ValueError("must be YYYY-MM-DD[ HH:MM[:SS[.fff]]], UTC, with a blank or a T before the time")
    return astro.parse_utc(value)


def _plain_name(value: str) -> str:
    if set(value) & set("'\"`;"):
        raise ValueError("Invalid mpc_name. May not contain quotes or semicolons")
    return value


def _header_safe(value: SecretStr) -> SecretStr:
    # `pattern` does not work on a SecretStr: pydantic puts it to the wrapper and fails with a TypeError.
    token = value.get_secret_value().strip()
    if not re.fullmatch("[!-~]{1,200}", token):
        raise ValueError("must be 1 to 200 printable ASCII characters without blanks")
    return SecretStr(token)


UtcTime = Annotated[
    datetime, BeforeValidator(_to_utc, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)])
]
"""A moment in UTC, from `YYYY-MM-DD[ HH:MM[:SS[.fff]]]`; `T` for the blank and a closing `Z` do as well."""


class AtlasAltdata(Altdata):
    """Credentials of an ATLAS forced photometry allocation."""

    api_token: Annotated[SecretStr, AfterValidator(_header_safe)] = Field(
        title="API token",
        description="API token of a registered user, as a rule 40 hex digits; a user's tasks run one by one",
    )


class AtlasPayload(Payload):
    """Parameters of one task. The first two are SkyPortal's, the others are fields of the server."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["end_date"]},
                {"required": ["open_ended"], "properties": {"open_ended": {"const": True}}},
            ]
        }
    )

    start_date: UtcTime = Field(
        title="Start",
        description="Begin of the MJD range (`mjd_min`), UTC. Customary: 30 days ago",
        examples=["2026-11-01 00:00:00"],
    )
    end_date: UtcTime | None = Field(
        None,
        title="End",
        description="End of the MJD range (`mjd_max`), UTC, after `start_date`; required unless `open_ended`",
        examples=["2026-11-20 12:00:00"],
    )
    use_reduced: bool = Field(
        False,
        title="Reduced images",
        description="true: reduced images, total flux with the host; false: difference images",
    )
    comment: Line | None = Field(
        None,
        title="Comment",
        max_length=MAX_COMMENT,
        description="Kept with the task, after our request id; at most 300 characters together with it",
    )
    mpc_name: Annotated[Line, AfterValidator(_plain_name)] | None = Field(
        None,
        title="Solar-System object",
        min_length=1,
        max_length=300,
        description="Name or designation, sent in place of the target's coordinates; no quotes or semicolons",
        examples=["(12267)", "K22W01O", "Makemake"],
    )
    radec_epoch_year: Annotated[Decimal, Field(max_digits=7, decimal_places=1)] | None = Field(
        None,
        title="Epoch of the coordinates",
        ge=1800,
        le=2100,
        description="Year to which the coordinates belong, for the proper motion; one decimal place",
        examples=[2015.5],
        json_schema_extra={"unit": "yr"},
    )
    propermotion_ra: float | None = Field(
        None,
        title="Proper motion in right ascension",
        ge=-20000,
        le=20000,
        description="mas/yr. The target's own proper motion is not sent",
        json_schema_extra={"unit": "mas/yr"},
    )
    propermotion_dec: float | None = Field(
        None,
        title="Proper motion in declination",
        ge=-20000,
        le=20000,
        description="mas/yr. The target's own proper motion is not sent",
        json_schema_extra={"unit": "mas/yr"},
    )
    open_ended: bool = Field(
        False,
        title="Open end",
        description="true: no upper bound, `mjd_max` is left out whatever `end_date` says",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_dates(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        needed = ["start_date"] if data.get("open_ended") else ["start_date", "end_date"]
        missing = [name for name in needed if data.get(name) is None]
        if missing:
            raise refusal((name, f"{name} is a required parameter") for name in missing)
        return data

    @model_validator(mode="after")
    def _goes_together(self) -> AtlasPayload:
        if self.end_date is None:
            pass  # open-ended: without that it is required before
        elif self.start_date >= self.end_date:
            raise refusal(
                [("end_date", "mjd_min must be smaller than mjd_max: end_date must be later than start_date")]
            )
        elif astro.to_mjd(self.end_date) <= 0:
            raise refusal([("end_date", "mjd_max must be a positive MJD: end_date must be after 1858-11-17")])
        extra = [name for name in _COORDINATES_ONLY if getattr(self, name) is not None]
        if self.mpc_name and extra:
            raise refusal((name, "goes with coordinates, not with mpc_name") for name in extra)
        return self

    @property
    def mjd_min(self) -> float:
        """Begin of the range, MJD (UTC)."""
        return astro.to_mjd(self.start_date)

    @property
    def mjd_max(self) -> float | None:
        """End of the range, MJD (UTC); None where it is open."""
        return None if self.open_ended or self.end_date is None else astro.to_mjd(self.end_date)
