"""The form as it is posted: a text a field, blanks left out (card nicer.md: payload table, steps 2, 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from nicer.models import NicerAltdata, NicerPayload
from slew import astro
from slew.errors import Invalid
from slew.facility import Order
from slew.models import Target

NicerOrder = Order[NicerPayload, NicerAltdata]

DEFAULT_RANGE = timedelta(days=7)
MARKS = ("RPS_DHTML", "RPS_BEGIN", "COVER", "RPS_CLOSED_3", "RPS_END")
VERIFY = {"RPS_VERIFY.x": "49", "RPS_VERIFY.y": "15"}
SUBMIT = {"RPS_VERIFIED": "", "RPS_SUBMIT.x": "45", "RPS_SUBMIT.y": "4", "RPS_OPENED_3": ""}
"""The buttons are images: what is sent of them is where they were clicked."""

WIRE = {
    "Urgency": "Urgency",
    "ProposalNumber": "NICER Proposal Number",
    "JustificationToO": "Justification for Target of Opportunity",
    "name": "Target Name",
    "TargetCategory": "Target Category",
    "ra": "Right Ascension",
    "dec": "Declination",
    "ObservationTime": "Total Observation Time",
    "JustificationExposure": "Justification for Exposure",
    "MonitoringProgram": "Monitoring Program",
    "MonitoringCriteria": "Monitoring Criteria",
    "PhaseDependentObservation": "Phase Dependent Observation",
    "PhaseDependentEpoch": "Phase Dependent Epoch",
    "PhaseDependentPeriod": "Phase Dependent Period",
    "PhaseMinimum": "Minimum Phase",
    "PhaseMaximum": "Maximum Phase",
    "PhaseDependentRemarks": "Phase Dependent Remarks",
    "SpecificTimeRangeObservation": "Specific Time Range Observation",
    "TimeRangeStart": "Specific Time Range Start",
    "TimeRangeEnd": "Specific Time Range End",
    "TimeRangeRemarks": "Specific Time Range Remarks",
    "CoordinatedObservation": "Coordinated Observation",
    "CoordinatingObservatory": "Coordinating Observatory",
    "CoordinatedObservationDescription": "Coordinated Observation Description",
    "UninterruptedObservation": "Uninterrupted Observation",
    "UninterruptedObservationJustification": "Uninterrupted Observation Justification",
    "ExpectedCountRate": "Expected 0.3-10keV Count Rate",
}
"""The form's name of each payload field and of the target's `name`, `ra` and `dec`."""

EXPECTED = {
    "MonitoringProgram": ("MonitoringCriteria",),
    "PhaseDependentObservation": (
        "PhaseDependentEpoch",
        "PhaseDependentPeriod",
        "PhaseMinimum",
        "PhaseMaximum",
    ),
    "SpecificTimeRangeObservation": ("TimeRangeStart", "TimeRangeEnd"),
    "CoordinatedObservation": ("CoordinatingObservatory",),
    "UninterruptedObservation": ("UninterruptedObservationJustification",),
}
"""What NICER is likely to ask for where a flag is `Y`: a warning, for its own checks are not known."""

REMARKS = {
    "PhaseDependentObservation": ("PhaseDependentRemarks",),
    "SpecificTimeRangeObservation": ("TimeRangeRemarks",),
    "CoordinatedObservation": ("CoordinatedObservationDescription",),
}


@dataclass(frozen=True)
class Form:
    """The data fields, marks included and buttons not, and what was decided for the caller."""

    fields: dict[str, str]
    notes: tuple[str, ...]


def form(order: NicerOrder) -> Form:
    """The form of an order. Raises Invalid where the time range is reversed or the name is no name."""
    if order.target.name == "None":
        raise Invalid.field(["target", "name"], "must not be the word None")
    given = {name: value for name, value in order.payload if value is not None and name in WIRE}
    dropped = {name for flag, names in _dependents().items() if given[flag] == "N" for name in names}
    wanted = {name: value for name, value in given.items() if name not in dropped}
    filled = _filled(order.payload, order.now)
    missing = {
        flag: [name for name in names if name not in wanted]
        for flag, names in EXPECTED.items()
        if wanted[flag] == "Y"
    }
    values = {**wanted, **filled, "name": order.target.name, "ra": order.target.ra, "dec": order.target.dec}
    fields = {wire: _text(values[name]) for name, wire in WIRE.items() if name in values}
    notes = (
        *(f"{name} is not sent: its flag is N" for name in given if name in dropped),
        *(_asked(flag, names, filled) for flag, names in missing.items() if names),
        *_doubts(order.payload, order.now, order.target),
    )
    return Form({**dict.fromkeys(MARKS, ""), **fields}, notes)


def time_range(payload: NicerPayload, now: datetime) -> tuple[datetime, datetime] | None:
    """The time range, defaults filled in; None where the request has none. Raises Invalid."""
    if payload.SpecificTimeRangeObservation == "N":
        return None
    start = payload.TimeRangeStart or now
    end = payload.TimeRangeEnd or start + DEFAULT_RANGE
    if end <= start:
        default = "" if payload.TimeRangeStart else ", which is now"
        raise Invalid.field(["payload", "TimeRangeEnd"], f"must be later than TimeRangeStart{default}")
    return start, end


def mjd(moment: datetime) -> str:
    """MJD (UTC, days) as a plain decimal, to 1e-8 d."""
    return plain(round(astro.to_mjd(moment), 8))


def plain(number: float) -> str:
    """A number without an exponent, and without a fraction that is zero."""
    return format(Decimal(repr(number + 0.0)).normalize(), "f")


def _dependents() -> dict[str, tuple[str, ...]]:
    return {flag: (*names, *REMARKS.get(flag, ())) for flag, names in EXPECTED.items()}


def _filled(payload: NicerPayload, now: datetime) -> dict[str, datetime]:
    """The moments that go out, whether given or by default."""
    moments = {}
    if payload.PhaseDependentObservation == "Y":
        moments["PhaseDependentEpoch"] = payload.PhaseDependentEpoch or now
    if limits := time_range(payload, now):
        moments["TimeRangeStart"], moments["TimeRangeEnd"] = limits
    return moments


def _asked(flag: str, names: list[str], filled: dict[str, datetime]) -> str:
    sent = [f"{name} {filled[name]:%Y-%m-%d %H:%M:%S} UTC is sent" for name in names if name in filled]
    rest = [name for name in names if name not in filled]
    asked = f"NICER is likely to ask for {', '.join(rest)}" if rest else ""
    return f"{flag} is Y: {'; '.join(filter(None, [*sent, asked]))}"


def _doubts(payload: NicerPayload, now: datetime, target: Target) -> tuple[str, ...]:
    limits = time_range(payload, now)
    phases = [payload.PhaseMinimum, payload.PhaseMaximum]
    outside = any(phase is not None and not 0 <= phase <= 1 for phase in phases)
    doubts = {
        "the time range is over": limits is not None and limits[1] <= now,
        "PhaseMinimum and PhaseMaximum are phases, as a rule 0 to 1, not days": outside
        and payload.PhaseDependentObservation == "Y",
        "the target's proper motion is not sent: NICER takes a position only": bool(
            target.proper_motion_ra or target.proper_motion_dec
        ),
    }
    return tuple(doubt for doubt, holds in doubts.items() if holds)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return mjd(value)
    return plain(value) if isinstance(value, int | float) else str(value)
