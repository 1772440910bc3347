"""What a request to ZTF takes, in its three modes (card ztf.md: Request payload)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, RootModel, ValidatorFunctionWrapHandler, model_validator

from slew.facility import Payload
from slew.validation import refusal
from ztf.pieces import SOME, GridField, Observation, SkymapField
from ztf.planner import Planner
from ztf.values import (
    MOST_FIELDS,
    Centres,
    Exposure,
    FieldNumbers,
    Filters,
    Program,
    QueueName,
    Repeats,
    Subprogram,
    UtcTime,
)

MOST_OBSERVATIONS = 10_000
_CENTRES_TEXT = (
    "`lookup`: centres from `fields` or the observations, else from the deployment's grid; `scheduler`: none "
    "are sent, and the scheduler fills them in from its own grid and checks the numbers. Slew's own"
)


class _Queue(Payload):
    """What single-object triggers and plans have in common."""

    program_id: Program = Field(
        "Partnership", title="Programme", description="`Partnership` (2 on the wire) or `Caltech` (3)"
    )
    queue_name: QueueName | None = Field(
        None,
        title="Queue name",
        description="Unique among live queues, 1 to 100 characters, no `?`; leaves as `ToO_<queue_name>`. "
        "Default: one of this request's own",
        examples=["GRB260311A"],
    )
    fields: Annotated[tuple[GridField, ...], SOME, Field(max_length=MOST_FIELDS)] | None = Field(
        None, title="Fields", description="Centres of fields. An extension of Slew's"
    )
    field_centres: Centres = Field("lookup", title="Field centres", description=_CENTRES_TEXT)

    @model_validator(mode="after")
    def _fields_once(self) -> _Queue:
        if self.fields is not None:
            if self.field_centres == "scheduler":
                raise refusal(
                    [("fields", "excludes field_centres scheduler: these centres would not be sent")]
                )
            if len({each.field_id for each in self.fields}) != len(self.fields):
                raise refusal([("fields", "must name a field once")])
        return self


class Triggered(_Queue):
    """SkyPortal's trigger for a single object: every field in every filter."""

    request_type: Literal["triggered"] = Field("triggered", title="Mode", description="Single-object trigger")
    start_date: UtcTime = Field(
        title="Start",
        description="Begin of the queue's validity, UTC, `YYYY-MM-DD HH:MM:SS` or a date",
        examples=["2026-03-11 03:00:00"],
    )
    end_date: UtcTime = Field(
        title="End",
        description="End of validity, UTC, after `start_date`. Customary: a day later",
        examples=["2026-03-11 12:00:00"],
    )
    subprogram_name: Subprogram = Field(
        "GRB", title="Subprogramme", description="Leaves as `ToO_<subprogram_name>`, which makes it a ToO"
    )
    exposure_time: Exposure = Field(
        "300",
        validate_default=True,
        title="Exposure time",
        description="Seconds, over 0 and at most 86400, as text (SkyPortal) or as a number",
        json_schema_extra={"unit": "s"},
    )
    filters: Filters = Field(
        "g,r,i",
        title="Filters",
        description="Of `g`, `r`, `i` (or `ztfg`, ...), separated by commas, in this order",
    )
    field_ids: FieldNumbers | None = Field(
        None,
        title="Fields",
        description="Numbers in the ZTF grid, separated by commas. Absent: those of `fields`",
        examples=["699,700"],
    )
    max_airmass: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)] | None = Field(
        None,
        title="Maximum airmass",
        description="1 to 10; the scheduler's default is 2.5. An extension of Slew's",
    )
    n_repeats: Repeats | None = Field(
        None,
        title="Repeats",
        description="Exposures of a target, 1 to 100; the scheduler's default is 1. An extension of Slew's",
    )

    @model_validator(mode="after")
    def _complete(self) -> Triggered:
        if self.end_date <= self.start_date:
            raise refusal([("end_date", "must be after start_date")])
        if self.field_ids is None and self.fields is None:
            raise refusal([("field_ids", "Field required (or fields, with centres)")])
        return self


class ObservationPlan(_Queue, Planner):
    """A finished plan, one exposure after another. How it was made is taken, and not sent."""

    request_type: Literal["observation_plan"] = Field(
        "observation_plan", title="Mode", description="Finished plan"
    )
    observations: Annotated[tuple[Observation, ...], Field(max_length=MOST_OBSERVATIONS)] = Field(
        title="Observations",
        description=f"Exposures in the order of the plan, 1 to {MOST_OBSERVATIONS} (the gateway takes 1 MiB)",
    )
    start_date: UtcTime | None = Field(
        None, title="Start", description="Begin of the queue's validity, UTC. Default: now"
    )
    end_date: UtcTime | None = Field(
        None,
        title="End",
        description="End of validity, UTC, after `start_date`. Default: nautical twilight at Palomar on the "
        "next morning",
    )
    subprogram_name: Subprogram = Field(
        "GW", title="Subprogramme", description="Leaves as `ToO_<subprogram_name>`, which makes it a ToO"
    )

    @model_validator(mode="after")
    def _plan(self) -> ObservationPlan:
        if not self.observations:
            raise refusal([("observations", "Cannot submit observing plan with no observations.")])
        if self.start_date and self.end_date and self.end_date <= self.start_date:
            raise refusal([("end_date", "must be after start_date")])
        if self.field_centres == "scheduler" and any(each.ra is not None for each in self.observations):
            raise refusal(
                [("observations", "with field_centres scheduler none may have ra and dec: all or none")]
            )
        return self


class Skymap(Payload):
    """Fields of a sky map, from which the scheduler makes plans of its own. A heavy action: see `opt_in`."""

    request_type: Literal["skymap"] = Field("skymap", title="Mode", description="Sky map trigger")
    opt_in: bool = Field(
        title="Opt-in",
        description="Must be true: the scheduler fills the night with a greedy queue of its own and moves "
        "the whole public programme to `missed`. Slew's own",
    )
    trigger_name: QueueName = Field(
        title="Trigger name",
        description="Unique, 1 to 100 characters, no `?`; customary is the GraceDB id",
        examples=["S260311ab"],
    )
    trigger_time: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=50_000, le=100_000)] | None = (
        Field(
            None,
            title="Trigger time",
            description="MJD (UTC) of the event, days; the scheduler keeps it. Default: that of submission",
            examples=[61110.131],
            json_schema_extra={"unit": "d"},
        )
    )
    fields: Annotated[tuple[SkymapField, ...], SOME, Field(max_length=MOST_FIELDS)] = Field(
        title="Fields", description="Fields with the probability in each, every field once"
    )

    @model_validator(mode="after")
    def _meant(self) -> Skymap:
        if not self.opt_in:
            raise refusal(
                [("opt_in", "must be true: a sky map trigger moves the whole public programme to missed")]
            )
        if len({each.field_id for each in self.fields}) != len(self.fields):
            raise refusal([("fields", "must name a field once")])
        return self


Mode = Triggered | ObservationPlan | Skymap
MODES: dict[str, type[Mode]] = {
    "triggered": Triggered,
    "observation_plan": ObservationPlan,
    "skymap": Skymap,
}


class ZtfPayload(RootModel[Any]):
    """Observing parameters of one mode: `triggered`, `observation_plan` or `skymap`.

    Without `request_type`: with `observations` a plan, with `trigger_name` or with probabilities in `fields`
    a sky map, else triggered. Errors are those of the mode alone.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    root: Mode  # RootModel[Mode] would build the validators of all modes as the function starts

    @model_validator(mode="wrap")
    @classmethod
    def _by_mode(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> ZtfPayload:
        if isinstance(data, cls):
            return data
        if isinstance(data, tuple(MODES.values())):
            return cls.model_construct(root=cast(Mode, data))
        if not isinstance(data, Mapping):
            raise ValueError("must be an object")
        mode = data.get("request_type") or _inferred(data)
        if not isinstance(mode, str) or mode not in MODES:
            raise refusal([("request_type", f"must be one of {', '.join(MODES)}")])
        return cls.model_construct(root=MODES[mode].model_validate({**data, "request_type": mode}))


def _inferred(data: Mapping[str, Any]) -> str:
    if "observations" in data:
        return "observation_plan"
    fields = data.get("fields")
    told = isinstance(fields, list | tuple) and any(
        isinstance(each, Mapping) and "probability" in each for each in fields
    )
    return "skymap" if told or "trigger_name" in data else "triggered"
