"""What LCO takes: credentials, and observing parameters of each instrument (card, Request payload).

Defaults give SkyPortal's request. Codes are those of the card's table of what the portal lists now.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from slew.models import Model
from slew.portal_models import PortalAltdata, PortalPayload

CHANNELS = ("g", "r", "i", "z")
OFFSETS_LIMIT = 100
_T = TypeVar("_T")

# fmt: off
FilterCode = Literal[
    "gp", "rp", "ip", "zs", "Y", "up", "w", "U", "B", "V", "R", "I", "CN", "400um-Pinhole", "150um-Pinhole"
]
# fmt: on
_SPELLING = {code.lower(): code for code in get_args(FilterCode)}

Filter = Annotated[
    FilterCode,
    BeforeValidator(lambda value: _SPELLING.get(value.lower(), value) if isinstance(value, str) else value),
]
"""A filter in any case, as the portal takes it; the listing's spelling is sent."""


Position = Annotated[
    Literal["in", "out"], Field(description="in: the narrowband filter replaces the channel's broad band")
]
ChannelTime = Annotated[
    float | None,
    Field(
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="s; default: exposure_time",
        json_schema_extra={"unit": "s"},
    ),
]


def _not_empty(items: tuple[_T, ...]) -> tuple[_T, ...]:
    """Pydantic's `min_length` would count what is left without the bad items, and blame it as well."""
    if not items:
        raise ValueError("must have at least 1 item")
    return items


class LCOAltdata(PortalAltdata):
    """Credentials of an LCO allocation (card, Credentials)."""


class Offset(Model):
    """One position of a dither pattern, relative to the target."""

    ra: float = Field(
        ge=-3600,
        le=3600,
        allow_inf_nan=False,
        title="Offset in right ascension",
        description="arcsec",
        json_schema_extra={"unit": "arcsec"},
    )
    dec: float = Field(
        ge=-3600,
        le=3600,
        allow_inf_nan=False,
        title="Offset in declination",
        description="arcsec",
        json_schema_extra={"unit": "arcsec"},
    )


class LCOPayload(PortalPayload):
    """Parameters that all of LCO's instruments share."""

    guiding_mode: Literal["ON", "OFF"] | None = Field(
        None,
        title="Guiding",
        description="Of the science exposures; default ON, the imagers' where a star is found",
    )
    defocus: float | None = Field(
        None,
        ge=-5,
        le=5,
        allow_inf_nan=False,
        title="Defocus",
        description="Of the science exposures, mm",
        json_schema_extra={"unit": "mm"},
    )
    dither_offsets: (
        Annotated[
            tuple[Offset, ...],
            Field(max_length=OFFSETS_LIMIT, json_schema_extra={"minItems": 1}),
            AfterValidator(_not_empty),
        ]
        | None
    ) = Field(
        None,
        title="Dither pattern",
        description="The exposures are taken at each of these positions; default: at the target alone",
    )

    @property
    def positions(self) -> tuple[Offset | None, ...]:
        """The positions to expose at; None is the target itself, without an offset."""
        return self.dither_offsets or (None,)

    @property
    def exposure_s(self) -> float:
        """Open-shutter time together, s."""
        return super().exposure_s * len(self.positions)


class Sinistro(LCOPayload):
    """Images with a 1 m telescope, one filter after another (card, `sinistro`)."""

    observation_choices: Annotated[tuple[Filter, ...], AfterValidator(_not_empty)] = Field(
        title="Filters",
        description="One configuration a filter, in this order",
        examples=[["gp", "rp", "ip"]],
        json_schema_extra={"minItems": 1, "uniqueItems": True},
    )
    readout_mode: Literal["full_frame", "central_2k_2x2"] | None = Field(
        None, title="Readout mode", description="Default full_frame"
    )

    @field_validator("observation_choices")
    @classmethod
    def _each_once(cls, chosen: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(chosen)) != len(chosen):
            raise ValueError("must not name a filter twice")
        return chosen

    @property
    def frames(self) -> int:
        """How many reduced frames to expect."""
        exposures = len(self.observation_choices) * len(self.positions) * self.exposure_counts
        return exposures * (self.configuration_repeats or 1)

    @property
    def exposure_s(self) -> float:
        """Open-shutter time of all filters together, s."""
        return super().exposure_s * len(self.observation_choices)


class Muscat(LCOPayload):
    """Images in g, r, i and z at once with a 2 m telescope (card, `muscat`)."""

    exposure_time_g: ChannelTime = Field(None, title="Exposure time in g")
    exposure_time_r: ChannelTime = Field(None, title="Exposure time in r")
    exposure_time_i: ChannelTime = Field(None, title="Exposure time in i")
    exposure_time_z: ChannelTime = Field(None, title="Exposure time in z")
    exposure_mode: Literal["SYNCHRONOUS", "ASYNCHRONOUS"] = Field(
        "SYNCHRONOUS",
        title="Exposure mode",
        description="Whether the channels wait for each other between exposures",
    )
    readout_mode: Literal["MUSCAT_FAST", "MUSCAT_SLOW"] | None = Field(
        None, title="Readout mode", description="Default MUSCAT_FAST"
    )
    narrowband_g_position: Position = Field("out", title="Narrowband filter in g")
    narrowband_r_position: Position = Field("out", title="Narrowband filter in r")
    narrowband_i_position: Position = Field("out", title="Narrowband filter in i")
    narrowband_z_position: Position = Field("out", title="Narrowband filter in z")
    defocus: float | None = Field(
        None,
        ge=-8,
        le=8,
        allow_inf_nan=False,
        title="Defocus",
        description="mm",
        json_schema_extra={"unit": "mm"},
    )

    @property
    def channel_times(self) -> dict[str, float]:
        """Exposure time by channel, s; the common one where a channel has none of its own."""
        own = {channel: getattr(self, f"exposure_time_{channel}") for channel in CHANNELS}
        return {channel: self.exposure_time if time is None else time for channel, time in own.items()}

    @property
    def frames(self) -> int:
        """How many reduced frames to expect: each channel gives its own."""
        exposures = len(CHANNELS) * len(self.positions) * self.exposure_counts
        return exposures * (self.configuration_repeats or 1)

    @property
    def exposure_s(self) -> float:
        """Open-shutter time, s, of the channel that takes longest: they expose at once."""
        exposures = len(self.positions) * self.exposure_counts * (self.configuration_repeats or 1)
        return max(self.channel_times.values()) * exposures


class Floyds(LCOPayload):
    """A low-resolution spectrum, 320-1000 nm, with a 2 m telescope (card, `floyds`)."""

    slit: Literal["slit_1.2as", "slit_1.6as", "slit_2.0as", "slit_6.0as"] = Field(
        "slit_1.6as", title="Slit", description="By its width in arcsec"
    )
    acquisition_mode: Literal["WCS", "BRIGHTEST"] = Field(
        "WCS",
        title="Acquisition",
        description="WCS: by the coordinates; BRIGHTEST: on the brightest source within `acquire_radius`",
    )
    acquire_radius: float | None = Field(
        None,
        ge=0,
        le=15,
        allow_inf_nan=False,
        validate_default=True,
        title="Acquisition radius",
        description="arcsec; with BRIGHTEST, and only then",
        json_schema_extra={"unit": "arcsec"},
    )
    rotator_mode: Literal["VFLOAT", "SKY"] = Field(
        "VFLOAT",
        title="Rotator",
        description="VFLOAT: slit at the parallactic angle; SKY: at `rotator_angle`",
    )
    rotator_angle: float | None = Field(
        None,
        ge=0,
        le=360,
        allow_inf_nan=False,
        validate_default=True,
        title="Rotator angle",
        description="Position angle of the slit, deg; with SKY, and only then",
        json_schema_extra={"unit": "deg"},
    )
    frames: ClassVar[int] = 1
    """How many products to expect: one archive of spectra, made after the night."""

    @field_validator("acquire_radius")
    @classmethod
    def _radius_with_brightest(cls, radius: float | None, info: ValidationInfo) -> float | None:
        return _goes_with(radius, info, "acquisition_mode", "BRIGHTEST")

    @field_validator("rotator_angle")
    @classmethod
    def _angle_with_sky(cls, angle: float | None, info: ValidationInfo) -> float | None:
        return _goes_with(angle, info, "rotator_mode", "SKY")


def _goes_with(value: float | None, info: ValidationInfo, key: str, mode: str) -> float | None:
    chosen: Any = info.data.get(key)
    if chosen == mode and value is None:
        raise ValueError(f"is required where {key} is {mode}")
    if chosen not in (mode, None) and value is not None:
        raise ValueError(f"only goes with {key} {mode}")
    return value
