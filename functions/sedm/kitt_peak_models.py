"""What SEDMv2 at Kitt Peak takes (card sedm.md: SEDMv2)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from slew.facility import Payload
from slew.models import Moment

FRAME_TIMES_S = (1, 2, 3, 5, 10, 15, 20, 25, 30)
FRAME_TIME_S = 10
_TEXTS = {
    "observation_choice": "Filter configuration unknown",
    "observation_type": "observation_type must be either transient or variable",
    "exposure_time": "exposure_time must be positive",
    "frame_exposure_time": f"frame_exposure_time must be {list(FRAME_TIMES_S)}",
    "maximum_airmass": "maximum_airmass must be at least 1",
    "minimum_lunar_distance": "minimum lunar distance must be within 0-180",
    "priority": "priority must be within 0-5",
    "too": "too must be boolean",
}


class Sedmv2Payload(Payload):
    """Observing parameters of SEDMv2; the position is that of its server's own source of that name."""

    observation_choice: Literal["g", "r", "i", "z", "IFU"] = Field(
        "IFU", title="Filter or IFU", description="One camera filter, or the spectrograph"
    )
    observation_type: Literal["transient", "variable"] = Field(
        "transient", title="Kind of target", description="`variable` takes many short frames"
    )
    exposure_time: float = Field(
        300,
        title="Exposure time",
        description="Seconds in all, at least 0",
        ge=0,
        allow_inf_nan=False,
        json_schema_extra={"unit": "s"},
    )
    frame_exposure_time: float | None = Field(
        None,
        title="Frame's exposure time",
        description="Seconds a frame, for `variable` alone: 1, 2, 3, 5, 10, 15, 20, 25 or 30. Default: 10",
        json_schema_extra={"unit": "s", "default": FRAME_TIME_S, "enum": [*FRAME_TIMES_S, None]},
    )
    maximum_airmass: float = Field(
        2.0, title="Maximum airmass", description="1 to 3", ge=1, le=3, allow_inf_nan=False
    )
    minimum_lunar_distance: float = Field(
        30,
        title="Minimum Moon distance",
        description="Degrees, 0 to 180",
        ge=0,
        le=180,
        allow_inf_nan=False,
        json_schema_extra={"unit": "deg"},
    )
    priority: float = Field(
        1.0,
        title="Priority",
        description="0 to 5; the higher, the sooner",
        ge=0,
        le=5,
        allow_inf_nan=False,
    )
    start_date: Moment | None = Field(
        None,
        title="Start",
        description="Begin of the window, UTC, `YYYY-MM-DDTHH:MM:SS.sss`. Default: now",
        examples=["2026-12-01T03:00:00.000"],
    )
    end_date: Moment | None = Field(
        None,
        title="End",
        description="End of the window, UTC, after `start_date`, not in the past. Default: 7 days after now, "
        "or after `start_date` if that is later",
        examples=["2026-12-08T03:00:00.000"],
    )
    too: bool = Field(
        False, title="Target of opportunity", description="Whether it is one: true or false, nothing else"
    )

    @field_validator("frame_exposure_time", mode="after")
    @classmethod
    def _known(cls, value: float | None) -> float | None:
        if value is not None and value not in FRAME_TIMES_S:
            raise ValueError("is none of these")
        return value

    @field_validator("end_date", mode="after")
    @classmethod
    def _in_order(cls, value: Any, info: ValidationInfo) -> Any:
        start = info.data.get("start_date")
        if start and value and value <= start:
            raise ValueError("must be after start_date")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _in_the_peers_words(
        cls, data: Any, handler: ModelWrapValidatorHandler[Sedmv2Payload]
    ) -> Sedmv2Payload:
        """A bad value is refused in the words that SkyPortal's users know, and then with the limit."""
        try:
            return handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__, [_line(each) for each in error.errors()]
            ) from None


def _line(error: Any) -> InitErrorDetails:
    told = error["msg"].removeprefix("Value error, ")
    text = _TEXTS.get(str(error["loc"][0])) if error["loc"] else None
    message = f"{text}: {told}" if text else told
    # The text goes in as a value: braces in it would be taken for places to fill.
    kind = PydanticCustomError(error["type"], "{message}", {"message": message})
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"])
