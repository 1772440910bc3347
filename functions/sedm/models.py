"""What SEDM at Palomar takes, and the credentials of both instruments (card sedm.md)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from slew import guard
from slew.facility import Altdata, Payload
from slew.models import Line, Truthy
from slew.validation import refusal

MIX = "Mix 'n Match"
Mode = Literal["3-shot (gri)", "4-shot (ugri)", "IFU", "4-shot+IFU", "3-shot+IFU", "Mix 'n Match"]
Choice = Literal["u", "g", "r", "i", "IFU"]
_SEQUENCES: dict[str, tuple[str, ...]] = {
    "IFU": ("IFU",),
    "3-shot (gri)": ("g", "r", "i"),
    "4-shot (ugri)": ("u", "g", "r", "i"),
    "3-shot+IFU": ("g", "r", "i", "IFU"),
    "4-shot+IFU": ("u", "g", "r", "i", "IFU"),
}
PROGRAMMES = (
    "Asteroids",
    "Infant Supernovae",
    "Nuclear Transients",
    "Sollerman Research Group",
    "SEDM Team",
    "Type Ia Supernovae",
    "Neutrino follow-up",
    "Lensed SNe",
    "Cataclysmic Variables",
    "Redshift Completeness Factor",
    "Red Transients",
    "Census of the Local Universe Caltech",
    "Palomar Gattini-IR",
    "AMCVn ",  # with SEDM's trailing blank
    "cyclotron WDs",
    "EM+GW",
    "WINTER Comissioning",  # SEDM's spelling
)
"""The names by which SEDM knows its programmes; any other one goes to its general programme."""


def _header_safe(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not 8 <= len(text) <= 200 or any(not "!" <= character <= "~" for character in text):
        raise ValueError("must be 8 to 200 printable ASCII characters without blanks")
    return value


def _password(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not 4 <= len(text) <= 200 or not text.isprintable():
        raise ValueError("must be 4 to 200 printable characters")
    return value


def _endpoint(url: str) -> str:
    try:
        parts = guard.check_form(url)
    except guard.Refused as refused:
        raise ValueError(str(refused)) from None
    if parts.query:
        raise ValueError("must not have a query")
    return url


def _real_date(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a real date, YYYY-MM-DD") from None
    if not 2000 <= day.year <= 2099:
        raise ValueError("must be a date of the years 2000 to 2099")
    return text


def _unique(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if len(set(choices)) != len(choices):
        raise ValueError("must not name a filter twice")
    return choices


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_date)]
"""A date, UT, kept as the text that was given."""
Token = Annotated[SecretStr, AfterValidator(_header_safe)]
Password = Annotated[SecretStr, AfterValidator(_password)]
Address = Annotated[Line, Field(max_length=1000), AfterValidator(_endpoint)]


class SedmAltdata(Altdata):
    """What either instrument needs. Requests to SEDM at Palomar carry no credential at all."""

    programname: Line | None = Field(
        None,
        title="Programme",
        description="SEDM: the programme's name, as SEDM knows it; any other name goes to its general "
        "programme. Default: the allocation's group",
        min_length=1,
        max_length=100,
        examples=["Redshift Completeness Factor"],
    )
    endpoint: Address | None = Field(
        None,
        title="Endpoint",
        description="The https URL that requests are sent to, in place of the deployment's: SEDM's booking "
        "address, or for `sedmv2` the address to whose path a request's id is appended",
        examples=["https://sedm.example.org/add_request"],
    )
    listener_token: Token | None = Field(
        None,
        title="Listener's token",
        description="SEDM: what it must present (`Authorization: token ...`) when it posts status texts and "
        "spectra to us; without one none are taken",
    )
    username: Line | None = Field(
        None,
        title="Web account",
        description="SEDM: user of its web pages, to look for files of the target; with `password`",
        min_length=1,
        max_length=100,
    )
    password: Password | None = Field(
        None,
        title="Password",
        description="Of the web account, sent in a URL by plain HTTP: one that is used nowhere else. "
        "For `sedmv2`: of the page of nightly logs; not used",
    )
    api_token: Token | None = Field(
        None,
        title="API token",
        description="SEDMv2: sent as `Authorization: token <api_token>`; needed there",
    )
    allocation_id: Annotated[int, Field(strict=True, ge=1, le=2**31)] | None = Field(
        None,
        title="Allocation at SEDMv2",
        description="SEDMv2: number of the allocation at its server; needed there",
        examples=[7],
    )
    status_query: Truthy = Field(
        False,
        title="Ask for status",
        description="SEDMv2: ask its server how a request stands, as a SkyPortal-like one would answer; "
        "untested there",
    )
    url: Line | None = Field(
        None, title="Logs", max_length=1000, description="SEDMv2: page of nightly logs; not used"
    )
    user: Line | None = Field(
        None, title="Logs' user", max_length=100, description="SEDMv2: user of that page; not used"
    )
    ssh_host: Line | None = Field(
        None, title="SSH host", max_length=255, description="SEDMv2: host of the instrument; not used"
    )
    ssh_port: Annotated[int, Field(strict=True, ge=1, le=65535)] = Field(
        22, title="SSH port", description="SEDMv2: its port; not used"
    )
    ssh_username: Line | None = Field(
        None, title="SSH user", max_length=100, description="SEDMv2: user there; not used"
    )
    ssh_password: Password | None = Field(
        None, title="SSH password", description="SEDMv2: password there; not used"
    )

    @model_validator(mode="after")
    def _account_is_whole(self) -> SedmAltdata:
        if self.username and not self.password:
            told = "is missing: username and password are an account of SEDM's web pages"
            raise refusal([("password", told)])
        return self


class SedmPayload(Payload):
    """Observing parameters of the spectrograph (IFU) and the camera at Palomar."""

    observation_type: Mode = Field(
        "IFU",
        title="Mode",
        description="`IFU` is the spectrograph, 3-shot and 4-shot are the camera's filters in turn; "
        "`Mix 'n Match` takes what `observation_choices` names",
    )
    observation_choices: Annotated[tuple[Choice, ...], AfterValidator(_unique)] | None = Field(
        None,
        validate_default=True,
        title="Filters and IFU",
        description="What to take, filters in this order; for `Mix 'n Match` alone",
        min_length=1,
        max_length=5,
        examples=[["r", "IFU"]],
        json_schema_extra={"uniqueItems": True, "minItems": 1},
    )
    priority: float = Field(
        1.0,
        title="Priority",
        description="1 to 5; the higher, the sooner",
        ge=1,
        le=5,
        allow_inf_nan=False,
    )
    start_date: Day | None = Field(
        None, title="Start", description="First date, UT. Default: today", examples=["2026-12-01"]
    )
    end_date: Day | None = Field(
        None,
        validate_default=True,
        title="End",
        description="Last date, UT, inclusive; not before `start_date`, not in the past. Default: 7 days "
        "after today, or after `start_date` if that is later",
        examples=["2026-12-08"],
    )
    advanced: bool = Field(
        False, title="Advanced options", description="A switch of SkyPortal's form; not used"
    )
    exposure_time: float | None = Field(
        None,
        title="Exposure time",
        description="Seconds of **every** exposure, the IFU's too; -1 to 0 lets SEDM choose by the target's "
        "brightness. Default: -1; of an update: as it was",
        ge=-1,
        le=3600,
        allow_inf_nan=False,
        json_schema_extra={"unit": "s", "default": -1},
    )
    maximum_airmass: float | None = Field(
        None,
        title="Maximum airmass",
        description="1 to 3. Default: 2.8; of an update: as it was",
        ge=1,
        le=3,
        allow_inf_nan=False,
        json_schema_extra={"default": 2.8},
    )
    maximum_fwhm: float | None = Field(
        None,
        title="Maximum seeing",
        description="Arcseconds, full width at half maximum. Default: 10; of an update: as it was",
        ge=1,
        le=10,
        allow_inf_nan=False,
        json_schema_extra={"unit": "arcsec", "default": 10},
    )

    @field_validator("observation_choices", mode="after")
    @classmethod
    def _chosen(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.data.get("observation_type") == MIX:
            raise ValueError(f"is required for {MIX}: one or more of u, g, r, i, IFU")
        return value

    @field_validator("end_date", mode="after")
    @classmethod
    def _in_order(cls, value: Any, info: ValidationInfo) -> Any:
        start = info.data.get("start_date")
        if start and value and value < start:
            raise ValueError(f"must not be before start_date ({start})")
        return value

    @property
    def wanted(self) -> tuple[str, ...]:
        """What is to be taken: camera filters in order, and `IFU`."""
        return _SEQUENCES.get(self.observation_type) or self.observation_choices or ()

    @property
    def filters(self) -> tuple[str, ...]:
        """The camera's filters."""
        return tuple(each for each in self.wanted if each != "IFU")

    @property
    def ifu(self) -> bool:
        """Whether a spectrum is wanted."""
        return "IFU" in self.wanted
