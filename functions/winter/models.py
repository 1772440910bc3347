"""What WINTER and its SPRING camera take (card: Credentials, Request payload)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from slew.facility import Altdata, Payload
from slew.models import Line, Moment
from slew.validation import refusal
from winter.fields import (
    FILTERS,
    FilterName,
    Priority,
    dithers_field,
    exposure_field,
    no_colon,
    no_grid,
    printable,
    programme_key,
    unique,
)

LAST_FIELD = 41169
_REQUIRED = ("username", "password", "program_name", "program_api_key")


class WinterAltdata(Altdata):
    """Credentials: an account of the service, and a programme with its key. The same for both cameras."""

    username: Annotated[Line, AfterValidator(no_colon)] = Field(
        title="User",
        description="Account at the service, an e-mail address",
        min_length=1,
        max_length=254,
        examples=["observer1@example.org"],
    )
    password: Annotated[SecretStr, AfterValidator(printable)] = Field(
        title="Password", description="The account's password"
    )
    program_name: Line = Field(
        title="Programme",
        description="Name of the programme, exactly 8 characters",
        min_length=8,
        max_length=8,
        examples=["2026B001"],
    )
    program_api_key: Annotated[SecretStr, AfterValidator(programme_key)] = Field(
        title="Programme key", description="The programme's key, shared by its members"
    )

    @model_validator(mode="before")
    @classmethod
    def _has_all(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        missing = [name for name in _REQUIRED if not data.get(name)]
        if missing:
            text = f"Missing allocation information: {', '.join(missing)}"
            raise refusal([(name, text) for name in missing])
        return data


@dataclass(frozen=True)
class Block:
    """Filters that are observed alike: seconds a dither, and number of dithers."""

    filters: tuple[str, ...]
    exposure_s: int
    n_dither: int


class CameraPayload(Payload):
    """What both cameras take. Each filter has an exposure time and a number of dithers of its own."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["filter"]}, {"required": ["filters"]}]}
    )

    camera: ClassVar[str]
    overhead: ClassVar[float]
    """By which the service multiplies the exposure time (card: time left)."""
    defaults: ClassVar[Mapping[str, tuple[int, int]]]
    """Seconds a dither and number of dithers by filter."""

    filter: FilterName | None = Field(
        None, title="Filter", description="The filter; this or `filters` must be given", examples=["J"]
    )
    filters: Annotated[tuple[FilterName, ...], AfterValidator(unique)] | None = Field(
        None,
        title="Filters",
        description="Several filters in place of `filter`, observed as one schedule",
        min_length=1,
        examples=[["J", "Hs"]],
    )
    exposure_time: int | None = exposure_field("filters without a time of their own", None)
    n_dither: int | None = dithers_field("filters without a number of their own", None)
    n_repetitions: int = Field(
        1,
        title="Repetitions",
        description="How often the whole dither set is observed",
        ge=1,
        le=1000,
    )
    start_date: Moment | None = Field(
        None,
        title="Start",
        description="Begin of the window, UTC, `YYYY-MM-DD HH:MM:SS`. Default: now",
        examples=["2026-12-01 03:00:00"],
    )
    end_date: Moment | None = Field(
        None,
        title="End",
        description="End of the window, UTC, after `start_date` and not in the past. Default: in 7 days",
        examples=["2026-12-08 03:00:00"],
    )
    advanced: bool = Field(
        False, title="Advanced options", description="A switch of SkyPortal's form; not used"
    )
    priority: Priority = Field(
        50, title="Priority", description="From 0 to the programme's `maxpriority`; the highest is next"
    )
    maximum_airmass: float = Field(
        2.0, title="Maximum airmass", description="1 to 5", ge=1, le=5, allow_inf_nan=False
    )
    dither_distance: float = Field(
        title="Dither distance",
        description="Arcseconds between dithers",
        ge=0,
        allow_inf_nan=False,
        json_schema_extra={"unit": "arcsec"},
    )
    use_field_grid: bool = Field(False, title="Field grid")
    use_best_detector: bool | None = Field(
        None,
        title="Best detector",
        description="true: the target in the middle of the best detector; false: in the middle of the "
        "mosaic. Default: the service's own, true",
    )

    @model_validator(mode="after")
    def _goes_together(self) -> CameraPayload:
        if self.filter is None and self.filters is None:
            raise refusal([("filter", f"is required: one of {list(FILTERS)}, or several as `filters`")])
        if self.filter is not None and self.filters not in (None, (self.filter,)):
            raise refusal([("filters", "is another choice than `filter`; give one of the two")])
        if self.start_date and self.end_date and self.end_date <= self.start_date:
            text = f"must be after start_date: Start time ({self.start_date:%F %T}) is after end time "
            raise refusal([("end_date", f"{text}({self.end_date:%F %T})")])
        return self

    @property
    def wanted(self) -> tuple[str, ...]:
        """The filters, in the caller's order."""
        return self.filters if self.filters is not None else (str(self.filter),)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The filters grouped by what they share: one target object on the wire can hold only those."""
        settings: dict[tuple[int, int], list[str]] = {}
        for name in self.wanted:
            settings.setdefault((self._of("exposure_time", name), self._of("n_dither", name)), []).append(
                name
            )
        return tuple(Block(tuple(names), *setting) for setting, names in settings.items())

    @property
    def unused(self) -> tuple[str, ...]:
        """Keys that were given for filters that are not asked for."""
        keys = [f"{key}_{name.lower()}" for name in FILTERS for key in ("exposure_time", "n_dither")]
        wanted = {name.lower() for name in self.wanted}
        return tuple(k for k in keys if getattr(self, k) is not None and k.rpartition("_")[2] not in wanted)

    def _of(self, key: str, name: str) -> int:
        """The filter's own value first, then the plain one, then the filter's default."""
        for spelling in (f"{key}_{name.lower()}", key):
            value: int | None = getattr(self, spelling)
            if value is not None:
                return value
        return self.defaults[name][key == "n_dither"]


class WinterPayload(CameraPayload):
    """Observing parameters of the WINTER camera."""

    camera: ClassVar[str] = "winter"
    overhead: ClassVar[float] = 1.125
    defaults: ClassVar[Mapping[str, tuple[int, int]]] = {
        "Y": (120, 8),
        "J": (120, 8),
        "Hs": (60, 15),
        "dark": (120, 5),
    }

    exposure_time_y: int | None = exposure_field("Y", 120)
    exposure_time_j: int | None = exposure_field("J", 120)
    exposure_time_hs: int | None = exposure_field("Hs", 60)
    exposure_time_dark: int | None = exposure_field("dark", 120)
    n_dither_y: int | None = dithers_field("Y", 8)
    n_dither_j: int | None = dithers_field("J", 8)
    n_dither_hs: int | None = dithers_field("Hs", 15)
    n_dither_dark: int | None = dithers_field("dark", 5)
    dither_distance: float = Field(
        90.0,
        title="Dither distance",
        description="Arcseconds between dithers",
        ge=0,
        allow_inf_nan=False,
        json_schema_extra={"unit": "arcsec"},
    )
    use_field_grid: bool = Field(
        False,
        title="Field grid",
        description="true: move to the centre of the nearest field of WINTER's grid; not with "
        "the best detector",
    )
    field_id: int | None = Field(
        None,
        title="Field",
        description="A field of WINTER's grid, observed in place of the target's position; not every "
        "number is used",
        ge=1,
        le=LAST_FIELD,
    )

    @model_validator(mode="after")
    def _one_place(self) -> WinterPayload:
        if self.use_field_grid and self.use_best_detector:
            raise refusal([("use_field_grid", "Cannot use both use_best_detector and use_field_grid")])
        if self.field_id is not None and self.use_field_grid:
            raise refusal([("field_id", "names a field already; leave use_field_grid out")])
        return self


class SpringPayload(CameraPayload):
    """Observing parameters of the SPRING camera."""

    camera: ClassVar[str] = "spring"
    overhead: ClassVar[float] = 1.4
    defaults: ClassVar[Mapping[str, tuple[int, int]]] = dict.fromkeys(FILTERS, (30, 30))

    exposure_time_y: int | None = exposure_field("Y", 30)
    exposure_time_j: int | None = exposure_field("J", 30)
    exposure_time_hs: int | None = exposure_field("Hs", 30)
    exposure_time_dark: int | None = exposure_field("dark", 30)
    n_dither_y: int | None = dithers_field("Y", 30)
    n_dither_j: int | None = dithers_field("J", 30)
    n_dither_hs: int | None = dithers_field("Hs", 30)
    n_dither_dark: int | None = dithers_field("dark", 30)
    dither_distance: float = Field(
        60.0,
        title="Dither distance",
        description="Arcseconds between dithers. The default is the camera's own, not SkyPortal's 90",
        ge=0,
        allow_inf_nan=False,
        json_schema_extra={"unit": "arcsec"},
    )
    use_field_grid: Annotated[bool, AfterValidator(no_grid)] = Field(
        False, title="Field grid", description="Must be false: SPRING requests cannot use the field grid"
    )
