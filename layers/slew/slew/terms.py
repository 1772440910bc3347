"""Constraints of a submission and limits of an allocation, as callers give them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from slew.fields import Identifier, Model, Number

MOST_ALLOCATIONS = 10  # with the request's own and the cells of each, within DynamoDB's 100 actions
WIDEST_ARCSEC = 60


class Constraints(Model):
    """Constraints on a submission, by SkyPortal's names (followup-lifecycle card, Constraints).

    An unknown one is refused, for a misspelt constraint is a lost constraint.
    """

    not_if_duplicates: bool = Field(
        False,
        strict=True,
        description="Refuse (409) where a request of this allocation lies within `radius` that is not "
        "rejected, failed, expired or cancelled; one that waits or is being sent this very moment counts too",
    )
    ignore_allocation_ids: tuple[Identifier, ...] = Field(
        (),
        max_length=MOST_ALLOCATIONS,
        description="Further allocations, of any facility, whose requests count for `not_if_duplicates` too; "
        "the name is SkyPortal's. Each must be readable. Alone it does nothing",
    )
    radius: Number = Field(
        0.5,
        gt=0,
        le=WIDEST_ARCSEC,
        description="How near a request must be to count, arcsec along the great circle between the ICRS "
        "coordinates as given. Alone it does nothing",
        json_schema_extra={"unit": "arcsec"},
    )


class Limits(Model):
    """How much may be asked of an allocation; at least one of the two."""

    requests_per_night: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = Field(
        None,
        description="Requests in the 24 hours from noon to noon UTC. Rejected and failed ones do not count",
    )
    exposure_hours: Annotated[Number, Field(ge=0, le=1_000_000)] | None = Field(
        None,
        description="Exposure time of all its requests together, h, where the facility's payload tells it. "
        "Requests that are rejected, failed, expired or cancelled give theirs back",
        json_schema_extra={"unit": "h"},
    )

    @model_validator(mode="after")
    def _one_at_least(self) -> Limits:
        if self.requests_per_night is None and self.exposure_hours is None:
            raise ValueError("must name requests_per_night, exposure_hours or both")
        return self
