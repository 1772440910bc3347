"""What NICER takes: the ARK account and the form (card nicer.md: Credentials, Request payload)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from nicer.fields import Category, Flag, Haste, OptionalText, OptionalTime, Text
from slew.facility import Altdata, Payload
from slew.models import Line, Truthy

_SHORTEST_PASSWORD = 4
"""A shorter one could not be masked in the address of the login, of which it is a part."""


def _maskable(password: SecretStr) -> SecretStr:
    if not _SHORTEST_PASSWORD <= len(password.get_secret_value()) <= 200:
        raise ValueError(f"must have {_SHORTEST_PASSWORD} to 200 characters")
    return password


class NicerAltdata(Altdata):
    """Credentials: a HEASARC ARK account that has joined the group `NICERTOO`; others do not see the form."""

    username: Line = Field(title="User", description="User name at ARK", min_length=1, max_length=200)
    password: Annotated[SecretStr, AfterValidator(_maskable)] = Field(
        title="Password", description="Its password"
    )
    require_confirmation: Truthy = Field(
        False,
        title="Require confirmation",
        description="Refuse requests without `ConfirmNoWithdrawal`. A key of Slew's own",
    )


class NicerPayload(Payload):
    """The form. Fields that hang on a flag are sent only where the flag is `Y`."""

    Urgency: Haste = Field("Next Day", title="Urgency", description="How soon it is to be observed")
    ProposalNumber: OptionalText = Field(
        None,
        title="Proposal number",
        description="Number of a Guest Observer proposal; without one the data are public within two weeks",
        examples=["8123"],
    )
    JustificationToO: Text = Field(
        title="Justification", description="Why a target of opportunity; people read and judge it"
    )
    TargetCategory: Category = Field(
        "Gravitational-Wave Sources", title="Target category", description="Kind of object"
    )
    ObservationTime: float = Field(
        10,
        title="Observation time",
        description="Total time, ks (thousand seconds)",
        gt=0,
        le=100_000,
        json_schema_extra={"unit": "ks"},
    )
    JustificationExposure: Text = Field(
        title="Justification of the time", description="Why this observation time"
    )
    ExpectedCountRate: float = Field(
        title="Expected count rate",
        description="Counts per second, 0.3-10 keV",
        ge=0,
        le=10_000_000,
        json_schema_extra={"unit": "ct/s"},
    )
    MonitoringProgram: Flag = Field("N", title="Monitoring", description="Whether to observe repeatedly")
    MonitoringCriteria: OptionalText = Field(
        None, title="Monitoring criteria", description="How often and until when; with MonitoringProgram"
    )
    PhaseDependentObservation: Flag = Field(
        "N", title="Phase-dependent", description="Whether to observe at a phase of a period"
    )
    PhaseDependentEpoch: OptionalTime = Field(
        None,
        title="Epoch of the phase",
        description="UTC; sent as MJD. With PhaseDependentObservation; default: now",
        examples=["2026-08-21T12:00:00"],
    )
    PhaseDependentPeriod: float | None = Field(
        None,
        title="Period",
        description="Days; with PhaseDependentObservation",
        gt=0,
        le=1_000_000,
        json_schema_extra={"unit": "d"},
    )
    PhaseMinimum: float | None = Field(
        None,
        title="Minimum phase",
        description="Phase, as a rule 0 to 1, not days; with PhaseDependentObservation",
        ge=-1_000_000,
        le=1_000_000,
    )
    PhaseMaximum: float | None = Field(
        None,
        title="Maximum phase",
        description="Phase, as a rule 0 to 1, not days; with PhaseDependentObservation",
        ge=-1_000_000,
        le=1_000_000,
    )
    PhaseDependentRemarks: OptionalText = Field(
        None, title="Remarks on the phase", description="With PhaseDependentObservation"
    )
    SpecificTimeRangeObservation: Flag = Field(
        "N", title="Specific time range", description="Whether to observe within a range of time"
    )
    TimeRangeStart: OptionalTime = Field(
        None,
        title="Start of the time range",
        description="UTC; sent as MJD. With SpecificTimeRangeObservation; default: now",
        examples=["2026-08-21 12:00:00"],
    )
    TimeRangeEnd: OptionalTime = Field(
        None,
        title="End of the time range",
        description="UTC, after the start; sent as MJD. With SpecificTimeRangeObservation; default: 7 d on",
        examples=["2026-08-28 12:00:00"],
    )
    TimeRangeRemarks: OptionalText = Field(
        None, title="Remarks on the time range", description="With SpecificTimeRangeObservation"
    )
    CoordinatedObservation: Flag = Field(
        "N", title="Coordinated", description="Whether to observe together with another observatory"
    )
    CoordinatingObservatory: OptionalText = Field(
        None, title="Coordinating observatory", description="Which one; with CoordinatedObservation"
    )
    CoordinatedObservationDescription: OptionalText = Field(
        None, title="Coordination", description="How; with CoordinatedObservation"
    )
    UninterruptedObservation: Flag = Field(
        "N", title="Uninterrupted", description="Whether to observe in one piece"
    )
    UninterruptedObservationJustification: OptionalText = Field(
        None, title="Justification of one piece", description="Why; with UninterruptedObservation"
    )
    ConfirmNoWithdrawal: bool = Field(
        False,
        title="Confirmation",
        description="You know that it can be neither changed nor withdrawn. Slew's own, not sent; needed if "
        "the allocation requires it",
    )
