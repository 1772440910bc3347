"""What callers send, as pydantic models shared by all facilities.

Target, requester, submission, allocation.
"""

from __future__ import annotations

from math import nan
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from slew.fields import (
    RA,
    Address,
    Dec,
    HeaderSecret,
    HookPart,
    Identifier,
    LastMoment,
    Line,
    Model,
    Moment,
    Number,
    Truthy,
)
from slew.status import Status
from slew.terms import Constraints, Limits

__all__ = [
    "RA",
    "Address",
    "Dec",
    "HeaderSecret",
    "HookPart",
    "Identifier",
    "Line",
    "Model",
    "Moment",
    "Number",
    "Truthy",
]


class PhotometryPoint(Model):
    """One recent measurement of the target, for facilities that choose exposures or positions by it."""

    mjd: Number = Field(
        ge=15000, le=100000, description="Time, MJD (UTC), days", json_schema_extra={"unit": "d"}
    )
    filter: Line | None = Field(None, max_length=50, description="Bandpass, e.g. `sdssr`")
    mag: Number | None = Field(
        None, ge=-30, le=40, description="Magnitude", json_schema_extra={"unit": "mag"}
    )
    mag_err: Number | None = Field(
        None, ge=0, le=10, description="Its error (1 sigma)", json_schema_extra={"unit": "mag"}
    )
    mag_sys: Line = Field("ab", max_length=20, description="Magnitude system, `ab` or `vega`")
    ra: RA | None = Field(None, description="Where, ICRS", json_schema_extra={"unit": "deg"})
    dec: Dec | None = Field(
        None, description="Where it was measured, ICRS", json_schema_extra={"unit": "deg"}
    )
    flux: Number | None = Field(None, description="Flux", json_schema_extra={"unit": "that of fluxerr"})
    fluxerr: Number | None = Field(
        None, ge=0, description="Its error (1 sigma)", json_schema_extra={"unit": "that of flux"}
    )
    instrument: Line | None = Field(None, max_length=100, description="Name of the instrument")
    origin: Line | None = Field(None, max_length=200, description="Where it is from; `fp` in it: forced")
    stream: Line | None = Field(None, max_length=200, description="Alert stream that it came by")


class Target(Model):
    """Where to look."""

    name: Line = Field(min_length=1, max_length=200, description="Name of the object, e.g. `SN 2023ixf`")
    ra: RA = Field(
        description="Right ascension, ICRS, degrees; sexagesimal text is taken as hours",
        examples=[210.910674637, "14:03:38.562"],
    )
    dec: Dec = Field(
        description="Declination, ICRS, degrees; sexagesimal text as degrees",
        examples=[54.311651, "+54:18:41.94"],
    )
    redshift: Number | None = Field(None, gt=-1, le=20, allow_inf_nan=False, description="Redshift")
    magnitudes: dict[Annotated[Line, Field(max_length=50)], Number] | None = Field(
        None, description="Magnitudes by filter, AB", examples=[{"sdssr": 17.2}], max_length=50
    )
    photometry: tuple[PhotometryPoint, ...] | None = Field(
        None, max_length=1000, description="Recent detections; some facilities choose exposure times by them"
    )
    proper_motion_ra: Number | None = Field(
        None, ge=-20000, le=20000, description="Proper motion in right ascension (times cos dec), mas/yr"
    )
    proper_motion_dec: Number | None = Field(
        None, ge=-20000, le=20000, description="Proper motion in declination, mas/yr"
    )
    parallax: Number | None = Field(None, ge=0, le=2000, description="Parallax, mas")
    epoch: Number | None = Field(
        None, ge=1800, le=2100, description="Epoch of the position, Julian year; default 2000"
    )


def nowhere(name: str) -> Target:
    """What stands for the target of an observation plan: its name; the coordinates are not numbers."""
    return Target.model_construct(name=name, ra=nan, dec=nan)


class Requester(Model):
    """Who asks; where it is absent, the token's principal."""

    username: Line = Field("", max_length=100, description="Account name at the caller's side")
    name: Line = Field("", max_length=200, description="Name to show")
    email: Address = Field("", description="Email address")
    affiliation: Line = Field("", max_length=200, description="Institution")


UploadId = Annotated[str, Field(pattern=r"^[a-f0-9]{32}$")]


class SubmitBody(Model):
    """Body of `POST /facilities/{facility}/requests`."""

    allocation_id: Identifier = Field(description="The allocation whose credentials and time are used")
    instrument: str | None = Field(None, description="Where the facility has several; else the allocation's")
    target: Target | None = Field(None, description="Needed unless the facility is given a plan of its own")
    payload: dict[str, Any] | None = Field(
        None, description="The facility's observing parameters: `GET /facilities/{facility}`"
    )
    payload_upload: UploadId | None = Field(
        None,
        description="In place of `payload`: the id of an upload that holds it, where a facility takes plans",
    )
    requester: Requester | None = None
    comment: str | None = Field(
        None, max_length=2000, description="A free note; goes to people, not to the telescope"
    )
    constraints: Constraints | None = Field(
        None, description="What must hold for it to be sent; else it is refused, and nothing is stored"
    )


class UpdateBody(Model):
    """Body of `PUT /facilities/{facility}/requests/{id}`."""

    payload: dict[str, Any] | None = Field(None, description="The new observing parameters, whole")
    payload_upload: UploadId | None = Field(None, description="In place of `payload`, as in a submission")
    target: Target | None = Field(None, description="Default: the request's target")
    comment: str | None = Field(None, max_length=2000)


class ResubmitBody(Model):
    """Body of `POST /facilities/{facility}/requests/{id}/resubmit`."""

    confirm_not_at_facility: bool = Field(
        False,
        description="A person has looked: the facility has it not. Needed where the status is `unknown`",
    )


class CloseBody(Model):
    """Body of `POST /facilities/{facility}/requests/{id}/close`: what a person has found out."""

    status: Literal[Status.SUBMITTED, Status.COMPLETE, Status.FAILED, Status.EXPIRED, Status.CANCELLED] = (
        Field(description="How it ended; `submitted`: one of unknown outcome is at the facility after all")
    )
    facility_request_id: Line | None = Field(None, max_length=200, description="The facility's id, if found")
    comment: Line | None = Field(None, max_length=500, description="How one knows")


class ValidityRange(Model):
    """When requests may be made, UTC, both ends inclusive."""

    start_date: Moment = Field(description="ISO date or datetime; no offset means UTC")
    end_date: LastMoment = Field(
        description="ISO date or datetime; no offset means UTC, a bare date the end of that day; not before "
        "`start_date`"
    )

    @model_validator(mode="after")
    def _in_order(self) -> ValidityRange:
        if self.end_date < self.start_date:
            raise ValueError("end_date must not be before start_date")
        return self


class NotificationKeys(Model):
    """How people are told (notifications card, Credentials).

    Every facility's altdata takes these keys too.
    """

    notification_type: Literal["none", "slack", "email"] | None = Field(
        None, description="Channel on which changes of status are announced"
    )
    slack_workspace: HookPart | None = Field(None, description="First part of the webhook's path, `T...`")
    slack_channel: HookPart | None = Field(
        None, description="Second part of the webhook's path, `B...` (not a channel's `C...`)"
    )
    slack_token: HookPart | None = Field(None, description="Third part of the webhook's path")
    email: str | None = Field(None, max_length=4000, description="Recipients, separated by commas")
    include_comments: Truthy = Field(False, description="Add the request's comment to the message")


class Notify(NotificationKeys):
    """`notify` of an allocation.

    The same keys, where they are not to stand in altdata, and which statuses are told.
    """

    on: tuple[Status, ...] | None = Field(
        None,
        max_length=len(Status),
        description="Statuses to announce; default: all but `pending` and `submitting`",
    )


class AllocationBody(Model):
    """Body of `POST /facilities/{facility}/allocations`, and of `PUT` on one."""

    id: Identifier | None = Field(None, description="Unique in this deployment; made up if absent")
    instrument: str | None = Field(None, description="Default instrument of its requests")
    pi: Line = Field(min_length=1, max_length=200, description="Principal investigator")
    group: Identifier = Field(description="Group whose members may use it")
    proposal_id: Line | None = Field(None, max_length=100, description="The proposal's code")
    validity_ranges: tuple[ValidityRange, ...] | None = Field(
        None, max_length=100, description="When requests may be made; absent or empty: always"
    )
    limits: Limits | None = Field(None, description="How much may be asked of it; absent: no limit")
    altdata: dict[str, Any] = Field(description="The credentials: `GET /facilities/{facility}`")
    notify: Notify | None = None
    handover: dict[str, Any] | None = Field(
        None, description="Where to push what came of its requests: `webhook`, `skyportal`"
    )


class AllocationPatch(Model):
    """Body of `PATCH` on an allocation.

    What is given replaces, `altdata` and `notify` merge key by key, null removes a key.
    """

    instrument: str | None = None
    pi: Line | None = Field(None, min_length=1, max_length=200)
    group: Identifier | None = None
    proposal_id: Line | None = Field(None, max_length=100)
    validity_ranges: tuple[ValidityRange, ...] | None = Field(None, max_length=100)
    limits: Limits | None = Field(None, description="Replaces the whole; null ends them")
    altdata: dict[str, Any] | None = None
    notify: dict[str, Any] | None = None
    handover: dict[str, Any] | None = Field(None, description="Replaces the whole; null ends it")
