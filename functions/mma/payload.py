"""What a plan's request takes: the finished plan, and how it was made (card mma.md, Request payload)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mma.pointings import MOST, NumberedField, PlannedObservation, PlanTarget
from slew import astro
from slew.facility import Payload
from slew.imaging import WholeNumber
from slew.models import Line, Number
from slew.validation import refusal

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2}(\.\d{1,6})?)?Z?")
_DAY = timedelta(days=1)


def _moment(text: str) -> str:
    if not _MOMENT.fullmatch(text):
        raise ValueError("must be a UTC time, YYYY-MM-DD HH:MM:SS[.ffffff] (a blank, not T), or a date")
    if not 2000 <= utc(text).year <= 2099:
        raise ValueError("must be of the years 2000 to 2099")
    return text


def utc(text: str) -> datetime:
    """The moment of a payload's `start_date` or `end_date`. Raises ValueError where there is none such."""
    return astro.parse_utc(text.rstrip("Z"))


UtcText = Annotated[str, AfterValidator(_moment)]
"""`YYYY-MM-DD HH:MM:SS[.ffffff]`, UTC, as SkyPortal takes it; a date alone and a final `Z` do too."""


class MmaPayload(Payload):
    """A finished plan: `planned_observations` or `targets`. What says how it was made is kept, not read."""

    queue_name: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None,
        title="Plan name",
        description="Unique over all plans; leaves as `ToO_<queue_name>`. Default: `ToO_` and the time",
        examples=["S260821ab_tiling_1"],
    )
    start_date: UtcText | None = Field(
        None,
        title="Start",
        description="Begin of validity, UTC, `YYYY-MM-DD HH:MM:SS`. Default: now",
        examples=["2026-08-22 02:00:00"],
    )
    end_date: UtcText | None = Field(
        None,
        title="End",
        description="End of validity, UTC, after `start_date`, not past. Default: a day after start or now",
        examples=["2026-08-22 10:30:00"],
    )
    planned_observations: tuple[PlannedObservation, ...] | None = Field(
        None,
        title="Planned observations",
        min_length=1,
        max_length=MOST,
        description="The plan as SkyPortal gives it; sent in this order. This or `targets`",
    )
    targets: tuple[PlanTarget, ...] | None = Field(
        None,
        title="Targets",
        min_length=1,
        max_length=MOST,
        description="The plan as the receiver takes it; sent in this order. This or `planned_observations`",
    )
    fields: tuple[NumberedField, ...] | None = Field(
        None,
        title="Fields",
        max_length=MOST,
        description="Centres of fields, for planned observations that come without",
    )
    filter_strategy: Literal["block", "integrated"] | None = Field(
        None, title="Filter strategy", description="Blocks of one filter, or alternating. Customary: `block`"
    )
    minimum_time_difference: Number | None = Field(
        None,
        ge=0,
        le=180,
        title="Minimum time difference",
        description="Minutes between visits; needed for `integrated`. Customary: 30",
        json_schema_extra={"unit": "min"},
    )
    schedule_type: Literal["greedy", "greedy_slew", "sear", "airmass_weighted"] | None = Field(
        None, title="Scheduler", description="How the plan was scheduled. Customary: `greedy`"
    )
    schedule_strategy: Literal["tiling", "galaxy"] | None = Field(
        None, title="Schedule strategy", description="Fields or galaxies. Customary: `tiling`"
    )
    galaxy_catalog: Line | None = Field(
        None, max_length=200, title="Galaxy catalogue", description="Where the strategy is `galaxy`"
    )
    galaxy_sorting: Literal["mstar_prob_weighted", "equal", "sfr_fuv", "mstar", "magb", "magk"] | None = (
        Field(
            None,
            title="Galaxy sorting",
            description="Where the strategy is `galaxy`. Customary: `mstar_prob_weighted`",
        )
    )
    exposure_time: Number | None = Field(
        None,
        ge=1,
        title="Exposure time",
        description="Seconds that the plan was made for; each pointing has its own. Customary: 300",
        json_schema_extra={"unit": "s"},
    )
    filters: Annotated[Line, Field(min_length=1, max_length=1000)] | None = Field(
        None, title="Filters", description="Joined by commas", examples=["ztfg,ztfr,ztfi"]
    )
    maximum_airmass: Number | None = Field(
        None, ge=1, le=3, title="Maximum airmass", description="Airmass limit. Customary: 2"
    )
    integrated_probability: Number | None = Field(
        None,
        ge=0,
        le=100,
        title="Integrated probability",
        description="Percent of the sky map. Customary: 90",
        json_schema_extra={"unit": "%"},
    )
    galactic_plane: bool | None = Field(
        None, title="Avoid the Galactic plane", description="Whether it was avoided"
    )
    galactic_latitude: Number | None = Field(
        None,
        ge=0,
        le=90,
        title="Galactic latitude",
        description="Degrees from the plane that were avoided. Customary: 10",
        json_schema_extra={"unit": "deg"},
    )
    max_tiles: bool | None = Field(None, title="Cap on fields", description="Whether there is one")
    max_nb_tiles: WholeNumber | None = Field(
        None, ge=0, le=1000, title="Most fields", description="The cap. Customary: 100"
    )
    ra_slice: bool | None = Field(None, title="RA range", description="Whether there is one")
    ra_slice_min: Number | None = Field(
        None,
        ge=0,
        le=360,
        title="RA from",
        description="Degrees. Customary: 0",
        json_schema_extra={"unit": "deg"},
    )
    ra_slice_max: Number | None = Field(
        None,
        ge=0,
        le=360,
        title="RA to",
        description="Degrees. Customary: 360",
        json_schema_extra={"unit": "deg"},
    )
    balance_exposure: bool | None = Field(
        None, title="Balance exposure", description="Whether exposures were balanced"
    )
    use_references: bool | None = Field(
        None, title="Use references", description="Whether only fields with reference images were taken"
    )
    field_ids: Annotated[tuple[int, ...], Field(max_length=MOST)] | None = Field(
        None, title="Field numbers", description="Fields that the plan was restricted to"
    )

    @model_validator(mode="after")
    def _one_plan(self) -> MmaPayload:
        if self.planned_observations is None and self.targets is None:
            told = "or targets is required: Cannot submit observing plan with no observations."
            raise refusal([("planned_observations", told)])
        if self.planned_observations is not None and self.targets is not None:
            told = "excludes planned_observations: Should be one observation plan for this request."
            raise refusal([("targets", told)])
        if self.filter_strategy == "integrated" and self.minimum_time_difference is None:
            raise refusal([("minimum_time_difference", "must be defined for integrated scheduling")])
        if self.start_date and self.end_date and utc(self.end_date) <= utc(self.start_date):
            raise refusal([("end_date", "must be after start_date")])
        return self

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """Begin and end of validity, UTC; `now` stands in where there is no `start_date`."""
        start = utc(self.start_date) if self.start_date else now
        return start, utc(self.end_date) if self.end_date else max(start, now) + _DAY
