"""Orders and links that the tests of NICER share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from nicer.form import NicerOrder
from nicer.models import NicerAltdata, NicerPayload
from slew.facility import AllocationFacts, Order
from slew.models import Requester, Target
from slew.validation import parse

JSON = dict[str, Any]
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
ALTDATA = {"username": "arkuser01", "password": "correct-horse"}
TARGET = {"name": "ZTF26aabcdef", "ra": 229.9620403, "dec": 34.8442757}
PLAIN: JSON = {
    "JustificationToO": "Afterglow candidate of a gravitational-wave event.",
    "JustificationExposure": "S/N of 5 in 10 ks at the expected rate.",
    "ExpectedCountRate": 0.5,
}
RANGE: JSON = {
    "SpecificTimeRangeObservation": "Y",
    "TimeRangeStart": "2026-12-01 12:00:00",
    "TimeRangeEnd": "2026-12-08T12:00:00",
}
WHOLE: JSON = {
    **PLAIN,
    **RANGE,
    "Urgency": "Within a Week",
    "ProposalNumber": "7001",
    "TargetCategory": "X-Ray Binaries",
    "ObservationTime": 12.5,
    "MonitoringProgram": "Y",
    "MonitoringCriteria": "daily until it fades",
    "PhaseDependentObservation": "Y",
    "PhaseDependentEpoch": "2026-08-21T12:00:00",
    "PhaseDependentPeriod": 1.24,
    "PhaseMinimum": 0.2,
    "PhaseMaximum": 0.4,
    "PhaseDependentRemarks": "around the dip",
    "TimeRangeRemarks": "before the eclipse",
    "CoordinatedObservation": "Y",
    "CoordinatingObservatory": "XRISM",
    "CoordinatedObservationDescription": "simultaneous",
    "UninterruptedObservation": "Y",
    "UninterruptedObservationJustification": "quasi-periodic eruptions",
}


def order_of(
    payload: JSON | None = None, target: JSON | None = None, altdata: JSON | None = None
) -> NicerOrder:
    """An order; what is given replaces or adds to the plain one, and `...` takes a field away."""
    fields = {name: value for name, value in {**PLAIN, **(payload or {})}.items() if value is not ...}
    return Order(
        request_id="a1b2c3d4e5f6",
        instrument=None,
        target=parse(Target, {**TARGET, **(target or {})}, ["target"]),
        payload=parse(NicerPayload, fields, ["payload"]),
        altdata=parse(NicerAltdata, {**ALTDATA, **(altdata or {})}, ["altdata"]),
        allocation=AllocationFacts("nicer-2026", "PI of the proposal", "transients"),
        requester=Requester(),
        now=NOW,
        created_at=NOW,
    )
