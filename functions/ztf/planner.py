"""How a plan was made: SkyPortal's fields of the planner, taken with a plan and never sent (card ztf.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slew.facility import Payload
from slew.models import Line, Number
from ztf.values import Filters


class Planner(Payload):
    """Fields that only steer SkyPortal's planner. The customary values are its defaults."""

    filters: Filters | None = Field(
        None, title="Filters", description="Of the planner; separated by commas. Customary: `ztfg,ztfr,ztfg`"
    )
    filter_strategy: Literal["block", "integrated"] | None = Field(
        None, title="Filter strategy", description="Blocks of one filter, or alternating. Customary: `block`"
    )
    schedule_type: Literal["greedy", "greedy_slew", "sear", "airmass_weighted"] | None = Field(
        None, title="Scheduler", description="How the plan was scheduled"
    )
    schedule_strategy: Literal["tiling", "galaxy"] | None = Field(
        None, title="Schedule strategy", description="Fields or galaxies"
    )
    exposure_time: Annotated[Number, Field(ge=1)] | None = Field(
        None,
        title="Exposure time",
        description="Seconds that the plan was made for; each observation has its own. Customary: 300",
        json_schema_extra={"unit": "s"},
    )
    maximum_airmass: Annotated[Number, Field(ge=1, le=3)] | None = Field(
        None, title="Maximum airmass", description="1 to 3. Customary: 2"
    )
    integrated_probability: Annotated[Number, Field(ge=0, le=100)] | None = Field(
        None,
        title="Integrated probability",
        description="Percent of the sky map. Customary: 90",
        json_schema_extra={"unit": "%"},
    )
    minimum_time_difference: Annotated[Number, Field(ge=0, le=180)] | None = Field(
        None,
        title="Minimum time difference",
        description="Minutes between visits. Customary: 30",
        json_schema_extra={"unit": "min"},
    )
    galactic_plane: bool | None = Field(
        None, title="Avoid the Galactic plane", description="Whether it was avoided"
    )
    galactic_latitude: Annotated[Number, Field(ge=0, le=90)] | None = Field(
        None,
        title="Galactic latitude",
        description="Degrees from the plane that were avoided. Customary: 10",
        json_schema_extra={"unit": "deg"},
    )
    max_tiles: bool | None = Field(None, title="Cap on fields", description="Whether there is one")
    max_nb_tiles: Annotated[Number, Field(ge=0, le=1000)] | None = Field(
        None, title="Most fields", description="The cap. Customary: 100"
    )
    balance_exposure: bool | None = Field(
        None, title="Balance exposure", description="Whether exposures were balanced. Customary: true"
    )
    ra_slice: bool | None = Field(None, title="RA range", description="Whether there is one")
    ra_slice_min: Annotated[Number, Field(ge=0, le=360)] | None = Field(
        None, title="RA from", description="Degrees", json_schema_extra={"unit": "deg"}
    )
    ra_slice_max: Annotated[Number, Field(ge=0, le=360)] | None = Field(
        None, title="RA to", description="Degrees", json_schema_extra={"unit": "deg"}
    )
    use_primary: bool | None = Field(
        None, title="Primary grid", description="Whether it was used. Customary: true"
    )
    use_secondary: bool | None = Field(
        None, title="Secondary grid", description="Whether it was used. Customary: false"
    )
    use_references: bool | None = Field(
        None, title="Use references", description="Whether only fields with reference images were taken"
    )
    galaxy_catalog: Annotated[Line, Field(max_length=200)] | None = Field(
        None, title="Galaxy catalogue", description="Where the strategy is `galaxy`"
    )
    galaxy_sorting: Annotated[Line, Field(max_length=200)] | None = Field(
        None, title="Galaxy sorting", description="Where the strategy is `galaxy`"
    )
