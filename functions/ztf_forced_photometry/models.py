"""What IPAC's ZTF forced photometry service takes (card: Credentials, Request payload)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from slew import astro
from slew.facility import Altdata, Payload
from slew.models import RA, Dec, Line, Model, Number
from slew.validation import refusal

MJD_TO_JD = 2400000.5
SURVEY_START_JD = 2458194.5
"""2018-03-17 00:00 UTC: the service resets an earlier start to it (card: Dates)."""
PositionKind = Literal[
    "Source (object's coordinates)",
    "Flux weighted centroid",
    "Flux weighted centroid (alert photometry only)",
    "Flux weighted centroid (ZTF alert photometry only)",
]
SOURCE: PositionKind = "Source (object's coordinates)"
CENTROID: PositionKind = "Flux weighted centroid"
ALERT_CENTROID: PositionKind = "Flux weighted centroid (alert photometry only)"
ZTF_ALERT_CENTROID: PositionKind = "Flux weighted centroid (ZTF alert photometry only)"
MAX_POINTS = 2000

_WHEN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?$"


def _to_utc(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if not isinstance(value, str) or not re.match(_WHEN, value.strip()):
        raise ValueError("must be YYYY-MM-DD[ HH:MM[:SS[.fff]]], UTC, with a blank or a T before the time")
    return astro.parse_utc(value)


def _password(value: SecretStr) -> SecretStr:
    # A shorter one could not be kept out of the records without blackening every word that holds it.
    text = value.get_secret_value().strip()
    if not 4 <= len(text) <= 200 or not text.isprintable():
        raise ValueError("must be 4 to 200 printable characters")
    return SecretStr(text)


def _login_user(value: str) -> str:
    if ":" in value:
        raise ValueError("must not contain a colon, which ends the user's name in HTTP basic authentication")
    return value


def jd(moment: datetime) -> float:
    """Julian Date (UTC), days."""
    return astro.to_mjd(moment) + MJD_TO_JD


UtcTime = Annotated[
    datetime, BeforeValidator(_to_utc, json_schema_input_type=Annotated[str, Field(pattern=_WHEN)])
]
"""A moment in UTC, from `YYYY-MM-DD[ HH:MM[:SS[.fff]]]`; `T` for the blank and a closing `Z` do as well."""

Password = Annotated[SecretStr, AfterValidator(_password)]


class ZtfForcedPhotometryAltdata(Altdata):
    """Credentials: a login that all users of the service share, and the personal pair."""

    ipac_http_user: Annotated[Line, AfterValidator(_login_user)] = Field(
        title="Shared user",
        min_length=1,
        max_length=100,
        description="User of the HTTP login, the same for everybody; in the service's public guide",
        examples=["ztffps"],
    )
    ipac_http_password: Password = Field(
        title="Shared password",
        description="Password of the HTTP login, printed in the service's public guide; 4 to 200 characters",
    )
    ipac_email: Annotated[Line, Field(pattern=r"^[^\s@,<>\"']+@[^\s@,<>\"']+$")] = Field(
        title="E-mail",
        max_length=254,
        description="Address with which the user subscribed, in the same letter case; IPAC mails to it",
        examples=["observer1@example.org"],
    )
    ipac_userpass: Password = Field(
        title="Personal password",
        description="Personal password, given on subscription; 4 to 200 characters",
    )
    access_token: SecretStr | None = Field(
        None,
        title="Token of ZTF triggering",
        description="SkyPortal keeps it in the same object; it is for facility `ztf` and not used here",
    )


class Point(Model):
    """One measurement of the target with its position, for the centroid (card: Request payload)."""

    mjd: Number | None = Field(None, title="Time", description="MJD", json_schema_extra={"unit": "d"})
    ra: RA | None = Field(None, title="RA", description="Degrees", json_schema_extra={"unit": "deg"})
    dec: Dec | None = Field(None, title="Dec", description="Degrees", json_schema_extra={"unit": "deg"})
    flux: Number | None = Field(
        None, title="Flux", description="In any unit", json_schema_extra={"unit": "that of fluxerr"}
    )
    fluxerr: Number | None = Field(
        None,
        title="Error of the flux",
        description="In the unit of flux",
        json_schema_extra={"unit": "that of flux"},
    )
    instrument: Line | None = Field(
        None, title="Instrument", max_length=100, description="Name, e.g. `ZTF` or `CFH12k`"
    )
    origin: Line | None = Field(
        None,
        title="Origin",
        max_length=200,
        description="Where it is from; with `fp` in it: forced photometry",
    )
    stream: Line | None = Field(
        None, title="Stream", max_length=200, description="The alert stream by which it came, if it did"
    )


class ZtfForcedPhotometryPayload(Payload):
    """Parameters of one position, and how its light curve is read. The first four are SkyPortal's."""

    request_type: Literal["forced_photometry"] = Field(
        "forced_photometry", title="Request type", description="Selects this service; nothing else is taken"
    )
    position: PositionKind = Field(
        SOURCE,
        title="Position",
        description="Coordinates to send: the target's, or the mean of its measured positions, "
        "weighted by signal to noise",
    )
    start_date: UtcTime = Field(
        title="Start",
        description="Begin (`jdstart`), UTC; the survey began 2018-03-17. Customary: 30 days ago",
        examples=["2026-11-01 00:00:00"],
    )
    end_date: UtcTime = Field(
        title="End",
        description="End (`jdend`), UTC, after `start_date` and 2018-03-17. Customary: now",
        examples=["2026-11-20 12:00:00"],
    )
    photometry: tuple[Point, ...] | None = Field(
        None,
        title="Measured positions",
        max_length=MAX_POINTS,
        description="The target's measurements, for the centroids; default: the target's own, if they have "
        "positions",
    )
    procstatus_drop: tuple[Literal[56, 57, 58, 59, 60, 61], ...] = Field(
        (56, 60, 61),
        title="Codes that spoil an epoch",
        max_length=6,
        description="`procstatus` codes whose epochs are marked to be dropped; 61 always is",
    )
    strict_quality: bool = Field(
        False,
        title="Strict quality",
        description="true: mark epochs with any `infobitssci` bit; false: only from bit 25 up",
    )
    public_only: bool = Field(
        False,
        title="Public data only",
        description="true: mark epochs of other programs than 1 (public), which are proprietary",
    )
    baseline_before: UtcTime | None = Field(
        None,
        title="Baseline before",
        description="Epochs before it, UTC, are free of the transient: they set each reference's zero level",
    )
    baseline_after: UtcTime | None = Field(
        None,
        title="Baseline after",
        description="Epochs after it, UTC, are free of the transient again; not before `baseline_before`",
    )
    total_flux: bool = Field(
        False,
        title="Total flux",
        description="true: add the reference source's flux where one is within 1 arcsec (for variables, AGN)",
    )
    combine_nights: bool = Field(
        False,
        title="Combine nights",
        description="true: one point a night, filter and programme, of the epochs not marked to be dropped",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_dates(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        missing = [name for name in ("start_date", "end_date") if data.get(name) is None]
        if missing:
            raise refusal((name, f"{name} is a required parameter") for name in missing)
        return data

    @model_validator(mode="after")
    def _dates_in_order(self) -> ZtfForcedPhotometryPayload:
        if round(self.jdend, 6) <= round(self.jdstart, 6):
            raise refusal(
                [("end_date", "must be later than start_date, by 1e-6 d at least, as which both are sent")]
            )
        if self.jdend <= SURVEY_START_JD:
            raise refusal([("end_date", "must be after 2018-03-17 00:00 UTC, when the survey started")])
        before, after = self.baseline_before, self.baseline_after
        if before and after and after < before:
            raise refusal([("baseline_after", "must not be before baseline_before")])
        return self

    @property
    def jdstart(self) -> float:
        """Begin of the range, JD (UTC)."""
        return jd(self.start_date)

    @property
    def jdend(self) -> float:
        """End of the range, JD (UTC)."""
        return jd(self.end_date)
