"""A target of opportunity: its parameters, and how they go together (card: Request payload, A)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from slew.facility import Payload
from slew.models import Line, Number
from slew.validation import refusal
from swift_too.values import (
    FILTER_OF_THE_DAY,
    Cadence,
    TextOrNumber,
    Tiles,
    Urgency,
    UtcTime,
    UvotMode,
    WholeSeconds,
    XrtMode,
)

TOO: Literal["XRT/UVOT ToO"] = "XRT/UVOT ToO"
_PER_VISIT = {
    "monitoring_freq": "Must specify monitoring frequency if number of visits is specified.",
    "exposure_time": "Must specify exposure time per visit if number of visits is specified.",
}

Prose = Annotated[str, Field(min_length=1, max_length=20000)]


class TooPayload(Payload):
    """A target of opportunity: SkyPortal's fields first, then those that only the wire has."""

    request_type: Literal["XRT/UVOT ToO"] = Field(
        TOO, title="Request type", description="`XRT/UVOT ToO`: a target of opportunity"
    )
    exposure_time: WholeSeconds = Field(
        4000.0,
        title="Exposure time",
        gt=0,
        description="Seconds per visit, a whole number",
        json_schema_extra={"unit": "s"},
    )
    exposure_counts: int = Field(1, title="Visits", ge=1, le=9999, description="Number of visits")
    monitoring_freq: Cadence = Field(
        "1 days",
        title="Monitoring cadence",
        description=(
            "Time between visits: a number of days, or text as `3 orbits` "
            "(day, week, month, orbit, minute, second; in protocol v1.2 also hour, year)"
        ),
        json_schema_extra={"unit": "d"},
        examples=[2, "3 orbits"],
    )
    opt_mag: Number | None = Field(
        None,
        title="Optical magnitude",
        description="Magnitude, in the filter `opt_filt`",
        json_schema_extra={"unit": "mag"},
    )
    opt_filt: Line | None = Field(
        None, title="Optical filter", min_length=1, max_length=50, description="Filter of `opt_mag`, any name"
    )
    xrt_countrate: Number | None = Field(
        0.0025,
        title="XRT count rate",
        ge=0,
        description="Expected counts per second in XRT; null where it is not known",
        json_schema_extra={"unit": "ct/s"},
    )
    urgency: Urgency = Field(
        "3",
        title="Urgency",
        description=(
            "0: immediately; 1: within 4 hours; 2: within 24 hours; 3: days to a week; 4: week to a month. "
            "0 and 1 only where the allocation allows them"
        ),
    )
    obs_type: Literal["Spectroscopy", "Light Curve", "Position", "Timing"] = Field(
        "Light Curve", title="Observation type", description="What drives the exposure time"
    )
    source_type: Line = Field(
        "Optical fast transient",
        title="Source type",
        min_length=1,
        max_length=200,
        description="Classification, free text; `GRB` needs `grb_triggertime` and `grb_detector`",
    )
    exp_time_just: Prose = Field(
        title="Exposure time justification", description="Why this exposure time; people read it"
    )
    immediate_objective: Prose = Field(
        title="Immediate objective", description="What is to be learnt, one sentence"
    )
    science_just: Prose = Field(title="Science justification", description="One or two sentences")
    uvot_mode: UvotMode = Field(
        FILTER_OF_THE_DAY,
        title="UVOT mode",
        description="A mode's label, or its number in hexadecimal",
        examples=["0x9999 - Default (Filter of the day)", "0x30ed"],
    )
    uvot_just: Prose | None = Field(
        None,
        title="UVOT justification",
        description="Why this UVOT mode; required unless it is 0x9999, the filter of the day",
    )
    poserr: Number | None = Field(
        None,
        title="Position error",
        ge=0,
        description="Error of the position, arcmin, 90 % confidence",
        json_schema_extra={"unit": "arcmin"},
    )
    instrument: Literal["XRT", "UVOT", "BAT"] = Field(
        "XRT", title="Instrument", description="The instrument that matters most"
    )
    xrt_mode: XrtMode = Field(
        "PC", title="XRT mode", description="By name or number: 7 PC, 6 WT, 0 Auto, and rarer ones"
    )
    bat_countrate: TextOrNumber | None = Field(
        None,
        title="BAT count rate",
        min_length=1,
        max_length=50,
        description="Expected counts per second in BAT",
        json_schema_extra={"unit": "ct/s"},
    )
    other_brightness: Line | None = Field(
        None, title="Other brightness", min_length=1, max_length=1000, description="Brightness in words"
    )
    grb_detector: Line | None = Field(
        None,
        title="GRB detector",
        min_length=1,
        max_length=100,
        description="`Mission/Detector` that found it; required for a GRB",
        examples=["Swift/BAT", "Fermi/GBM", "IceCube"],
    )
    grb_triggertime: UtcTime | None = Field(
        None,
        title="GRB trigger time",
        description="UTC, `YYYY-MM-DD HH:MM:SS`; required for a GRB",
        examples=["2026-08-01 01:02:03"],
    )
    proposal: bool = Field(
        False,
        title="Guest Investigator programme",
        description="Whether it counts against the triggers of a GI programme",
    )
    proposal_id: TextOrNumber | None = Field(
        None,
        title="GI proposal",
        min_length=1,
        max_length=50,
        description="Number of the programme; required with `proposal`",
    )
    proposal_pi: Line | None = Field(
        None,
        title="GI investigator",
        min_length=1,
        max_length=200,
        description="Investigator of the programme; required with `proposal`",
    )
    proposal_trigger_just: Prose | None = Field(
        None,
        title="GI trigger justification",
        description="How the programme's criteria are met; required with `proposal`",
    )
    tiling: bool = Field(False, title="Tiling", description="Whether to cover more than one field")
    number_of_tiles: Tiles | None = Field(
        None, title="Tiles", description="Number of fields; absent: the position error decides"
    )
    exposure_time_per_tile: WholeSeconds | None = Field(
        None,
        title="Exposure time per tile",
        gt=0,
        description="Seconds per field, a whole number; absent: the exposure is divided",
        json_schema_extra={"unit": "s"},
    )
    tiling_justification: Prose | None = Field(
        None, title="Tiling justification", description="Why tiled; required with `tiling`"
    )
    slew_in_place: bool | None = Field(
        None,
        title="Slew in place",
        description="Place the source more exactly, for a grism; protocol v1.2 only",
    )
    debug: bool = Field(
        False,
        title="Debug",
        description="Full run at Swift, emails are sent, but no TOO is made: the request ends as complete",
    )
    validate_only: bool = Field(
        False,
        title="Validate only",
        description="Only check it: no TOO is made, the request ends as complete",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_justifications(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        broken = [
            (name, f"Missing required field: {name}")
            for name in ("exp_time_just", "science_just")
            if data.get(name) is None
        ]
        # Left out they have a default; null takes it away.
        broken += [(name, text) for name, text in _PER_VISIT.items() if data.get(name, text) is None]
        if broken:
            raise refusal(broken)
        return data

    @model_validator(mode="after")
    def _goes_together(self) -> TooPayload:
        broken = [(field, text) for field, text, holds in self._rules() if not holds]
        if broken:
            raise refusal(broken)
        return self

    def _rules(self) -> tuple[tuple[str, str, bool], ...]:
        """Field, Swift's own words, and whether the rule is kept (card: Cross-field rules)."""
        optical = self.opt_mag is not None and self.opt_filt is not None
        others = (self.xrt_countrate, self.bat_countrate, self.other_brightness)
        bright = optical or (self.opt_mag is None and any(each is not None for each in others))
        gi = not self.proposal
        return (
            (
                "opt_mag" if self.opt_mag is None else "opt_filt",
                "Must specify at least one brightness value. "
                "If specifying optical brightness, ensure filter is set.",
                bright,
            ),
            (
                "grb_triggertime" if self.grb_triggertime is None else "grb_detector",
                "Must specify GRB trigger time and detector if source type is GRB.",
                self.source_type != "GRB" or bool(self.grb_triggertime and self.grb_detector),
            ),
            (
                "uvot_just",
                "Must specify UVOT justification if UVOT mode is not filter of the day (0x9999).",
                self.uvot_mode == FILTER_OF_THE_DAY or self.uvot_just is not None,
            ),
            (
                "proposal_pi" if self.proposal_id else "proposal_id",
                "Must specify proposal ID and PI if GI proposal.",
                gi or bool(self.proposal_id and self.proposal_pi),
            ),
            (
                "proposal_trigger_just",
                "Must specify proposal trigger justification if GI TOO.",
                gi or self.proposal_trigger_just is not None,
            ),
            (
                "tiling_justification",
                "Must specify tiling justification if tiling is True.",
                not self.tiling or self.tiling_justification is not None,
            ),
        )
