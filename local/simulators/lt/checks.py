"""What the TEA refuses, in its order and words (card, submit: "Reasons a simulator should produce")."""

from __future__ import annotations

from collections.abc import Mapping

from local.simulators.lt.document import CONSTRAINTS, Document, Observation
from local.simulators.lt.seed import INSTRUMENTS, TYPES, Proposal

_UTILITIES = "org.estar.tea.DeviceInstrumentUtilites"


class Refused(Exception):
    """The TEA throws; the text is the innermost one."""


def proposal_of(
    document: Document, user: str, proposals: Mapping[str, Proposal], *, prefix: str = "", end: str = ""
) -> Proposal:
    """The proposal of a document, if it exists and the user (by internal name) is on it. Raises Refused."""
    name = document.project or ""
    proposal = proposals.get(name)
    if proposal is None:
        raise Refused(f"{prefix}Unable to match proposal name: [{name}] with known proposals{end}")
    if user not in proposal.members:
        raise Refused(f"{prefix}User [{user}] does NOT have access to Proposal [{name}].")
    return proposal


def check_request(document: Document, user: str, proposals: Mapping[str, Proposal]) -> None:
    """Raises Refused."""
    proposal = proposal_of(document, user, proposals)
    if proposal.balance_h < 0:
        text = f"allocation account is overdrawn: Bal={proposal.balance_h}h"
        raise Refused(f"Proposal [{document.project}] {text}")
    if not document.schedules:
        raise Refused("No schedule in received document")
    first, *others = document.schedules
    _same_constraints(first, others)
    _series(first)
    if first.start and first.end and first.start > first.end:
        raise Refused("Your StartDate and EndDate do not make sense.")
    if any(each.device == "Sprat" for each in document.schedules) and others:
        raise Refused("extractGroup:Only one observation per RTML request is supported when using SPRAT.")
    for schedule in document.schedules:
        _device(schedule)
        if schedule.exposure_s < 1:
            raise Refused("Your Exposure time is too short.")
        if schedule.count < 1:
            raise Refused("Your Exposure Count is less than 1.")


def _same_constraints(first: Observation, others: list[Observation]) -> None:
    for number, other in enumerate(others, 2):
        if other.start != first.start:
            raise Refused(f"Constraint mismatch: StartDate for {number}")
        if other.end != first.end:
            raise Refused(f"Constraint mismatch: EndDate for {number}")
        for name in CONSTRAINTS:
            if other.constraints.get(name) != first.constraints.get(name):
                raise Refused(f"Constraint mismatch: {name} for {number}")
        if other.priority != first.priority:
            raise Refused(f"Constraint mismatch: Sched priority {number}")


def _series(schedule: Observation) -> None:
    series = schedule.constraints.get("SeriesConstraint")
    if series is None:
        return
    if "<Interval>" not in series:
        raise Refused("No Interval was supplied")
    count = series.partition("<Count>")[2].partition("<")[0]
    if not count.isdigit() or int(count) < 1:
        raise Refused("RTML SeriesConstraint Count was negative or zero.")


def _device(schedule: Observation) -> None:
    if schedule.device is None:
        raise Refused("Device not set")
    instrument = INSTRUMENTS.get(schedule.device)
    if instrument is None or (instrument.kind, instrument.region) != (schedule.kind, schedule.region):
        infrared = schedule.kind == "camera" and schedule.region == "infrared"
        kind = "ircam" if infrared else TYPES[schedule.kind]
        text = f"Failed to find instrument name for {schedule.device} of type {kind}"
        raise Refused(f"Device configuration error: {_UTILITIES}:getInstrumentId:{text}")
    if instrument.gratings:
        _grating(schedule, instrument.elements)
    elif schedule.filter not in instrument.elements:
        name = schedule.filter
        key = f"filter.{schedule.device.lower()}.1.{name}"
        text = f"RTML filter type {name} returned null value when using key:{key}"
        raise Refused(f"DeviceInstrumentUtilites:getCCDIndexFilterType:{text}")
    if schedule.device == "Moptop" and schedule.rotor is None:
        raise Refused("Device configuration error: no half-wave plate rotor speed")
    _binning(schedule, unbinned=instrument.unbinned or schedule.device == "Sprat")


def _grating(schedule: Observation, known: frozenset[str]) -> None:
    if schedule.grating is None:
        missing = (
            "null grating on SPRAT RTML request." if schedule.device == "Sprat" else "No Grating specified"
        )
        raise Refused(missing)
    if schedule.grating not in known:
        device = str(schedule.device).lower()
        text = f"Illegal Grating name {schedule.grating} specified for instrument {device}."
        raise Refused(f"getInstrumentConfig:{text}")


def _binning(schedule: Observation, *, unbinned: bool) -> None:
    if schedule.binning is None:
        return
    x, y = schedule.binning
    method = "Device configuration error: getInstrumentDetectorBinning:"
    if x != y:
        raise Refused(f"{method}Row/Column binning must be equal:{x}/{y}")
    if unbinned and x != 1:
        raise Refused(f"{method}{schedule.device} Row/Column binning must be 1.")
    if x not in (1, 2):
        raise Refused(f"{method}Illegal binning {x}")
