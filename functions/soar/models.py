"""What SOAR takes: credentials, and observing parameters of each instrument (card, Request payload).

Modes and filters change between semesters: any code is accepted here, and compared with what the portal
lists at the time of the request. The known ones are the schema's examples.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from slew.portal_models import Moment, PortalAltdata, PortalPayload, Token

CONFIGURATIONS_LIMIT = 20
ARC_EXPOSURES, ARC_TIME_S = 3, 0.5
RED_MODES = (
    "GHTS_R_400m1_2x2",
    "GHTS_R_400m2_2x2",
    "GHTS_R_400m1_2x2_slit1p5",
    "GHTS_R_2100_5000A_1x2_slit1p0",
    "GHTS_R_2100_6507A_1x2_slit0p45",
    "GHTS_R_1200_CaNIR_1x2_slit0p8",
)
BLUE_MODES = (
    "GHTS_B_400m1_2x2",
    "GHTS_B_400m1_2x2_slit1p5",
    "GHTS_B_600UV_2x2_slit1p0",
    "GHTS_B_600UV_2x2_slit1p5",
    "GHTS_B_930m2_1x2_slit0p45",
)
FOWLER_MODES = (
    "fowler1_coadds1",
    "fowler1_coadds2",
    "fowler4_coadds1",
    "fowler8_coadds1",
    "fowler16_coadds1",
)
FILTERS = ("u-SDSS", "g-SDSS", "r-SDSS", "i-SDSS", "z-SDSS", "cn")
_T = TypeVar("_T")

Code = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]
"""A code of the portal's list."""


def _not_empty(items: tuple[_T, ...]) -> tuple[_T, ...]:
    """Pydantic's `min_length` would count what is left without the bad items, and blame it as well."""
    if not items:
        raise ValueError("must have at least 1 item")
    return items


def _each_once(chosen: tuple[str, ...]) -> tuple[str, ...]:
    if len({each.lower() for each in chosen}) != len(chosen):
        raise ValueError("must not name a filter twice")
    return chosen


def _angle(default: float) -> Any:
    return Field(
        default,
        ge=0,
        le=360,
        allow_inf_nan=False,
        title="Rotator angle",
        description="Position angle on the sky, deg",
        json_schema_extra={"unit": "deg"},
    )


class SOARAltdata(PortalAltdata):
    """Credentials of a SOAR allocation (card, Credentials)."""

    API_TOKEN: Token = Field(
        title="API Token for SOAR",
        description="Token of an account at the portal, from its profile page; 40 hexadecimal digits",
    )


class SOARPayload(PortalPayload):
    """Parameters that all of SOAR's instruments share."""

    start_date: Moment | None = Field(
        None,
        title="Start",
        description="Start of the window, UTC; a bare date is 00:00; default now",
        examples=["2026-12-01T00:00:00"],
    )
    end_date: Moment | None = Field(
        None,
        title="End",
        description="End of the window, UTC; a bare date is 00:00; default 7 days after the start, within"
        " the semester. Observed is only on the nights that SOAR gives to the queue: allow for several",
        examples=["2026-12-08T00:00:00"],
    )


class GHTSImager(SOARPayload):
    """Images with a Goodman camera, one filter after another (card, `soar_ghts_imager`)."""

    instrument_type: Literal["SOAR_GHTS_REDCAM_IMAGER", "SOAR_GHTS_BLUECAM_IMAGER"] = Field(
        "SOAR_GHTS_REDCAM_IMAGER", title="Camera", description="Time is allocated for each camera apart"
    )
    observation_choices: Annotated[
        tuple[Code, ...],
        Field(max_length=CONFIGURATIONS_LIMIT),
        AfterValidator(_not_empty),
        AfterValidator(_each_once),
    ] = Field(
        title="Filters",
        description="One configuration a filter, in this order; those the camera has now are in the portal's"
        f" list. Known: {', '.join(FILTERS)}",
        examples=[["g-SDSS", "r-SDSS"]],
        json_schema_extra={"minItems": 1, "uniqueItems": True},
    )
    rotator_angle: float = _angle(0)
    defocus: float = Field(
        0,
        ge=-5,
        le=5,
        allow_inf_nan=False,
        title="Defocus",
        description="mm",
        json_schema_extra={"unit": "mm"},
    )

    @property
    def frames(self) -> int:
        """How many frames to expect."""
        return len(self.observation_choices) * self.exposure_counts * (self.configuration_repeats or 1)

    @property
    def exposure_s(self) -> float:
        """Open-shutter time of all filters together, s."""
        return super().exposure_s * len(self.observation_choices)


class GHTS(SOARPayload):
    """A long-slit spectrum with a Goodman camera (card, `soar_ghts`)."""

    instrument_type: Literal["SOAR_GHTS_REDCAM", "SOAR_GHTS_BLUECAM"] = Field(
        "SOAR_GHTS_REDCAM", title="Camera", description="Time is allocated for each camera apart"
    )
    instrument_mode: (
        Annotated[
            tuple[Code, ...],
            Field(max_length=CONFIGURATIONS_LIMIT, json_schema_extra={"minItems": 1}),
            BeforeValidator(
                lambda value: (value,) if isinstance(value, str) else value,
                json_schema_input_type=Code | tuple[Code, ...],
            ),
            AfterValidator(_not_empty),
        ]
        | None
    ) = Field(
        None,
        title="Modes",
        description="Camera, grating, binning and slit, one exposure or series a mode; what is offered now is"
        f" in the portal's list. Default {RED_MODES[0]} or {BLUE_MODES[0]}, by the camera."
        f" Known: {', '.join((*RED_MODES, *BLUE_MODES))}",
        examples=[[RED_MODES[0]], RED_MODES[2]],
    )
    include_calibrations: bool = Field(
        False,
        title="Arcs",
        description=f"{ARC_EXPOSURES} arc lamp exposures of {ARC_TIME_S} s a mode before and after the"
        " spectrum, at up to twice the airmass",
    )
    include_lamp_flats: bool = Field(
        False,
        title="Lamp flats",
        description=f"{ARC_EXPOSURES} lamp flats of {ARC_TIME_S} s a mode at the end, at up to twice the"
        " airmass",
    )
    rotator_angle: float = _angle(0)

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes to expose in."""
        usual = RED_MODES if self.instrument_type == "SOAR_GHTS_REDCAM" else BLUE_MODES
        return self.instrument_mode or usual[:1]

    @property
    def frames(self) -> int:
        """How many frames to expect, those of the lamps with them."""
        lamps = ARC_EXPOSURES * (2 * self.include_calibrations + self.include_lamp_flats)
        return len(self.modes) * (self.exposure_counts + lamps) * (self.configuration_repeats or 1)

    @property
    def exposure_s(self) -> float:
        """Open-shutter time of all modes together, s."""
        return super().exposure_s * len(self.modes)


class TripleSpec(SOARPayload):
    """A near-infrared spectrum (card, `soar_triplespec`)."""

    instrument_type: ClassVar[str] = "SOAR_TRIPLESPEC"
    instrument_mode: Code = Field(
        "fowler16_coadds1",
        title="Mode",
        description="Fowler samples and co-adds; what is offered now is in the portal's list."
        f" Known: {', '.join(FOWLER_MODES)}",
        examples=list(FOWLER_MODES),
    )
    rotator_angle: float = _angle(90)

    @property
    def frames(self) -> int:
        """How many frames to expect."""
        return self.exposure_counts * (self.configuration_repeats or 1)
