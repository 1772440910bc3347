"""Fields and observations, of which requests to ZTF are made up (card ztf.md: Request payload)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from slew.facility import Payload
from slew.validation import refusal
from ztf.values import Bandpass, Declination, Exposure, FieldNumber, RightAscension


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    # pydantic's own bound counts the good entries only, and would call a list of one bad entry empty.
    if not value:
        raise ValueError("must not be empty")
    return value


SOME = AfterValidator(_some)
"""At least one entry."""


class GridField(Payload):
    """A field and its centre."""

    field_id: FieldNumber = Field(
        title="Field", description="Number in the ZTF grid, 1 to 881 or 1001 to 1897"
    )
    ra: RightAscension = Field(
        title="RA",
        description="Right ascension of the centre, J2000, degrees",
        json_schema_extra={"unit": "deg"},
    )
    dec: Declination = Field(
        title="Dec",
        description="Declination of the centre, J2000, degrees",
        json_schema_extra={"unit": "deg"},
    )


class Observation(Payload):
    """One exposure of a plan."""

    field_id: FieldNumber = Field(
        title="Field", description="Number in the ZTF grid, 1 to 881 or 1001 to 1897"
    )
    filt: Bandpass = Field(title="Filter", description="`ztfg`, `ztfr`, `ztfi`; or `g`, `r`, `i`")
    exposure_time: Exposure = Field(
        title="Exposure time",
        description="Seconds, over 0 and at most 86400, as a number or as text",
        examples=[30],
        json_schema_extra={"unit": "s"},
    )
    ra: RightAscension | None = Field(
        None,
        title="RA",
        description="Right ascension of the field's centre, J2000, degrees; goes with `dec`",
        json_schema_extra={"unit": "deg"},
    )
    dec: Declination | None = Field(
        None,
        title="Dec",
        description="Declination of the field's centre, J2000, degrees; goes with `ra`",
        json_schema_extra={"unit": "deg"},
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Observation:
        if (self.ra is None) != (self.dec is None):
            raise refusal([("dec" if self.dec is None else "ra", "ra and dec go together")])
        return self


class SkymapField(Payload):
    """A field, and how much of the sky map it holds."""

    field_id: FieldNumber = Field(
        title="Field", description="Number in the ZTF grid, 1 to 881 or 1001 to 1897"
    )
    probability: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)] = Field(
        title="Probability",
        description="Part of the sky map in this field, 0 to 1",
    )
