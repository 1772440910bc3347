"""What the Liverpool Telescope takes: credentials and what its instruments share (card, Request payload)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lt.instruments import Setup
from slew import astro
from slew.facility import Altdata, Payload
from slew.validation import refusal

_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_NIGHT_S = 86400
_PROPOSAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_HEADER = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def _utc(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        raise ValueError("must be an ISO date or datetime, UT unless it has an offset")
    try:
        moment = astro.parse_utc(value)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO date or datetime, UT unless it has an offset") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"must be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def _header_safe(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError("must be 1 to 200 printable ASCII characters, no blank at either end")
    return value


def _secret_header(value: SecretStr) -> SecretStr:
    # `pattern` does not work on a SecretStr: pydantic puts it to the wrapper and fails with a TypeError.
    _header_safe(value.get_secret_value())
    return value


def _proposal(value: str) -> str:
    if not _PROPOSAL.fullmatch(value):
        raise ValueError(
            "must be a Phase-2 proposal id such as PL26A99: letters, digits and . _ -, at most 40"
        )
    return value


def _host_name(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name or an IPv4 address, without scheme, port or path")
    return value


UtTime = Annotated[datetime, BeforeValidator(_utc, json_schema_input_type=str)]
"""A moment, UT; a bare date is 00:00 of that day, an offset is converted."""

Password = Annotated[SecretStr, AfterValidator(_secret_header)]


class LtAltdata(Altdata):
    """Credentials of an LT proposal."""

    username: Annotated[str, AfterValidator(_header_safe)] = Field(
        title="RTML user",
        description="RTML user name given by LT support; sent as header and in the document",
    )
    password: Password = Field(
        title="RTML password",
        description="Sent in clear over plain HTTP; the LT logs a wrong one: use it nowhere else",
    )
    LT_proposalID: Annotated[str, AfterValidator(_proposal)] = Field(
        title="Proposal", description="Phase-2 proposal id", examples=["PL26A99"]
    )
    data_password: Password | None = Field(
        None,
        title="Data archive password",
        description="Password of the proposal at the LT's data pages, to list and fetch files; not the RTML"
        " password. A key of Slew's own",
    )
    host: Annotated[str, AfterValidator(_host_name)] | None = Field(
        None,
        title="Host",
        description="Host that LT support gave; default: the deployment's. A plain HTTP host must be on the"
        " deployment's allow-list",
    )
    port: int = Field(8080, ge=1, le=65535, title="Port", description="Port of `host`")
    scheme: Literal["http", "https"] = Field("http", title="Scheme", description="Scheme of `host`")

    @model_validator(mode="after")
    def _host_with_port(self) -> LtAltdata:
        if self.host is None and self.model_fields_set & {"port", "scheme"}:
            raise refusal([("host", "is missing: port and scheme go with it")])
        return self


class LtPayload(Payload):
    """Parameters that all instruments share; the names are SkyPortal's."""

    exposure_time: float = Field(
        300.0,
        ge=1,
        le=_NIGHT_S,
        allow_inf_nan=False,
        title="Exposure time",
        description="Of one exposure, s",
        json_schema_extra={"unit": "s"},
    )
    exposure_counts: int = Field(
        1, ge=1, le=_NIGHT_S, title="Exposures", description="Number of exposures of each setting"
    )
    start_date: UtTime | None = Field(
        None,
        title="Start",
        description="Start of the window, UT; default now. Fractions of a second are cut",
        examples=["2026-12-01T00:00:00"],
    )
    end_date: UtTime | None = Field(
        None,
        title="End",
        description="End of the window, UT, not before the start and in the future; default 7 days after it",
        examples=["2026-12-08T00:00:00"],
    )
    maximum_airmass: float = Field(
        2.0,
        ge=1,
        le=3,
        allow_inf_nan=False,
        title="Maximum airmass",
        description="Highest airmass to observe at",
    )
    maximum_seeing: float = Field(
        1.2,
        gt=0,
        le=5,
        allow_inf_nan=False,
        title="Maximum seeing",
        description="Worst seeing to observe in, arcsec",
        json_schema_extra={"unit": "arcsec"},
    )
    sky_brightness: float = Field(
        2.0,
        ge=0,
        le=5,
        allow_inf_nan=False,
        title="Sky brightness",
        description="Brightest sky, mag/arcsec^2 above dark; the LT rounds up to 0.3, 0.75, 1.5, 2, 4, 6",
        json_schema_extra={"unit": "mag/arcsec^2"},
    )
    photometric: bool = Field(
        False,
        title="Photometric",
        description="true (or `clear`): only in photometric conditions; false (or `light`): no condition",
    )
    priority: float | None = Field(
        None,
        ge=1,
        le=5,
        allow_inf_nan=False,
        title="Priority",
        description="Taken from older SkyPortal requests and not sent: the LT goes by the proposal's",
    )

    @field_validator("photometric", mode="before", json_schema_input_type=bool | Literal["clear", "light"])
    @classmethod
    def _clouds(cls, value: Any) -> Any:
        return {"clear": True, "light": False}.get(value, value) if isinstance(value, str) else value

    @field_validator("end_date")
    @classmethod
    def _after_start(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start_date")
        if start and end and end < start:
            raise ValueError(f"must not be before start_date, {stamp(start)}")
        return end

    def setups(self) -> tuple[Setup, ...]:
        """What to observe, one Schedule each, in order."""
        raise NotImplementedError

    def advice(self) -> tuple[str, ...]:
        """What the caller should know of these parameters."""
        return () if self.priority is None else ("priority is not sent: the LT sets it by proposal",)


def stamp(moment: datetime) -> str:
    """`2026-12-01T00:00:00+00:00`: the one form that all versions of the LT's parser read alike."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
