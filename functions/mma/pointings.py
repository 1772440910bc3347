"""The pointings of a plan, in SkyPortal's form and in the receiver's (card mma.md, Request payload).

A plan has thousands: these models are strict, so that nothing of them is checked in Python.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST = 50_000
FieldNumber = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)]
Degrees = Annotated[float, Field(strict=True, allow_inf_nan=False)]
RightAscension = Annotated[Degrees, Field(ge=0, lt=360)]
Declination = Annotated[Degrees, Field(ge=-90, le=90)]
Bandpass = Annotated[str, Field(strict=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seconds = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int), Field(strict=True)]


class _Pointing(BaseModel):
    """Keys that are not known are ignored: a pointing is pasted from what SkyPortal or a receiver shows."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Centre(_Pointing):
    """Where a field is."""

    ra: RightAscension = Field(
        title="RA",
        description="Right ascension of the centre, ICRS, degrees",
        json_schema_extra={"unit": "deg"},
    )
    dec: Declination = Field(
        title="Dec", description="Declination of the centre, ICRS, degrees", json_schema_extra={"unit": "deg"}
    )


class NumberedField(Centre):
    """A field of the instrument's grid."""

    field_id: FieldNumber = Field(title="Field", description="The instrument's number of the field")


class PlannedObservation(_Pointing):
    """One exposure as SkyPortal's `GET /api/observation_plan/<id>` gives it."""

    field_id: FieldNumber = Field(title="Field", description="The instrument's number of the field")
    field: Centre | None = Field(
        None, title="Centre", description="The field's centre; else `fields` or the deployment's grid has it"
    )
    filt: Bandpass = Field(title="Filter", description="Bandpass", examples=["ztfg"])
    exposure_time: Annotated[Seconds, Field(ge=1, le=86_400)] = Field(
        title="Exposure time", description="Whole seconds", json_schema_extra={"unit": "s"}
    )


class PlanTarget(Centre):
    """One pointing as the receiver takes it; `request_id` and `program_pi` are made anew."""

    field_id: FieldNumber = Field(title="Field", description="The instrument's number of the field")
    filter: Bandpass = Field(title="Filter", description="Bandpass", examples=["ztfg"])
    exposure_time: Annotated[Seconds, Field(ge=1, le=86_400)] = Field(
        title="Exposure time", description="Whole seconds", json_schema_extra={"unit": "s"}
    )
