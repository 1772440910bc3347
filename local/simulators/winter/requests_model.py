"""The models of request bodies: what FastAPI refuses with 422, in its shape."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.simulators.base import JSON

Filter = Literal["dark", "Y", "J", "Hs"]
ImageType = Literal["exposure", "raw", "science", "stack", "diff", "avro"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
MJD = Annotated[float, Field(ge=-600_000, lt=2_973_484)]  # years that can be shown
M = TypeVar("M", bound=BaseModel)


class Unprocessable(Exception):
    """Answered as 422 with these errors."""

    def __init__(self, errors: list[JSON]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Target(_Strict):
    """What both forms of a target object share."""

    filters: list[Filter] = ["Y", "J", "Hs"]
    use_best_detector: bool = True
    target_priority: Finite = Field(50.0, ge=0)
    target_name: str = Field(min_length=1, max_length=30)
    total_exposure_time: Finite = Field(960.0, ge=1)
    n_dither: int = Field(8, ge=1)
    n_repetitions: int = Field(1, ge=1)
    dither_distance: Finite = Field(90.0, ge=0)
    start_time_mjd: MJD | None = None
    end_time_mjd: MJD | None = None
    max_airmass: Finite | None = Field(2.0, ge=1, le=5)


class WinterPosition(Target):
    """A position for the WINTER camera."""

    ra_deg: Finite = Field(ge=0, le=360)
    dec_deg: Finite = Field(ge=-90, le=90)
    use_field_grid: bool = False
    camera: Literal["winter"] = "winter"


class WinterField(Target):
    """A field of the grid; it has neither a position nor a choice of the grid."""

    field_id: int = Field(ge=1)
    camera: Literal["winter"] = "winter"


class SpringPosition(Target):
    """A position for the SPRING camera."""

    ra_deg: Finite = Field(ge=0, le=360)
    dec_deg: Finite = Field(ge=-90, le=90)
    use_field_grid: bool = False
    total_exposure_time: Finite = Field(900.0, ge=1)
    n_dither: int = Field(30, ge=1)
    dither_distance: Finite = Field(60.0, ge=0)
    camera: Literal["spring"] = "spring"


class ImageQuery(_Strict):
    """One query of `/images/query`."""

    program_name: str = Field(min_length=8, max_length=8)
    start_date: int | None = Field(None, ge=20200101, le=99991231)
    end_date: int | None = Field(None, ge=20200101, le=99991231)
    image_type: ImageType = "stack"
    target_name: str | None = None
    ra: Finite | None = Field(None, ge=0, le=360)
    dec: Finite | None = Field(None, ge=-90, le=90)
    radius_deg: Finite = Field(1.0, ge=0, le=90)
    ra_min: Finite | None = None
    ra_max: Finite | None = None
    dec_min: Finite | None = None
    dec_max: Finite | None = None


class ImagePath(_Strict):
    """One image of `/images/download_list`."""

    path: str


def targets(body: Any, camera: str) -> list[Target]:
    """The target objects of a `/too/` body. Raises Unprocessable."""
    found, errors = [], []
    for index, item in enumerate(_list(body)):
        form: type[Target] = SpringPosition
        if camera == "winter":
            form = WinterField if isinstance(item, dict) and "field_id" in item else WinterPosition
        try:
            found.append(form.model_validate(item))
        except ValidationError as error:
            errors += _located(error, index)
    if errors:
        raise Unprocessable(errors)
    return found


def items(body: Any, model: type[M]) -> list[M]:
    """The elements of a body that is a list. Raises Unprocessable."""
    found = []
    for index, item in enumerate(_list(body)):
        try:
            found.append(model.model_validate(item))
        except ValidationError as error:
            raise Unprocessable(_located(error, index)) from None
    return found


def parsed(raw: bytes) -> Any:
    """JSON, whatever Content-Type it came with. Raises Unprocessable."""
    if not raw:
        missing = {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
        raise Unprocessable([missing])
    try:
        return json.loads(raw)
    except ValueError as error:
        at = getattr(error, "pos", 0)
        broken = {"type": "json_invalid", "loc": ["body", at], "msg": "JSON decode error", "input": {}}
        raise Unprocessable([{**broken, "ctx": {"error": getattr(error, "msg", "not UTF-8")}}]) from None


def _list(body: Any) -> list[Any]:
    if not isinstance(body, list):
        error = {"type": "list_type", "loc": ["body"], "msg": "Input should be a valid list", "input": body}
        raise Unprocessable([error])
    return body


def _located(error: ValidationError, index: int) -> list[JSON]:
    found = json.loads(error.json(include_url=False))
    return [{**each, "loc": ["body", index, *each["loc"]]} for each in found]
