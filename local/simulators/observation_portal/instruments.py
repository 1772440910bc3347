"""The instrument types of the portal (the card's table; `soar.md` for SOAR's). Data only: a facility served
by the same portal is a row here."""

from __future__ import annotations

from typing import Any

from local.simulators.observation_portal.sites import FLOYDS, MUSCAT, QHY, SINISTRO
from local.simulators.observation_portal.tables import (
    Camera,
    ConfigurationType,
    Elements,
    Instrument,
    Mode,
    Modes,
)

TYPES = {
    kind.code: kind
    for kind in (
        ConfigurationType("EXPOSE", "Expose"),
        ConfigurationType("REPEAT_EXPOSE", "Repeat Expose"),
        ConfigurationType("SPECTRUM", "Spectrum"),
        ConfigurationType("REPEAT_SPECTRUM", "Repeat Spectrum"),
        ConfigurationType("STANDARD", "Standard"),
        ConfigurationType("SKY", "Sky"),
        ConfigurationType("ARC", "Arc", 30.0, acquisition_off=True),
        ConfigurationType("LAMP_FLAT", "Lamp Flat", 30.0, acquisition_off=True),
        ConfigurationType("SCRIPT", "Script", needs_elements=False, acquisition_off=True),
        ConfigurationType("BIAS", "Bias", needs_elements=False, acquisition_off=True, schedulable=False),
        ConfigurationType("DARK", "Dark", needs_elements=False, acquisition_off=True, schedulable=False),
        ConfigurationType("AUTO_FOCUS", "Auto Focus", acquisition_off=True, schedulable=False),
        ConfigurationType("ENGINEERING", "Engineering", schedulable=False),
        ConfigurationType("SKY_FLAT", "Sky Flat", schedulable=False),
    )
}
GUIDING = Modes("ON", (Mode("OFF"), Mode("ON")))
GUIDING_ON = Modes("ON", (Mode("ON"),))
NO_ACQUISITION = Modes("OFF", (Mode("OFF"),))
MANUAL = Modes("MANUAL", (Mode("MANUAL", 120.0),))
ANGLE: dict[str, Any] = {"type": "float", "min": 0, "max": 360}
SKY = Mode("SKY", schema={"rotator_angle": ANGLE})
SKY_ONLY = Modes("SKY", (Mode("SKY", schema={"rotator_angle": {**ANGLE, "required": True}}),))
CHANNELS = "griz"


def _types(codes: str) -> tuple[ConfigurationType, ...]:
    return tuple(TYPES[code] for code in codes.split())


def _binned(code: str, overhead: float, binning: int = 1) -> Mode:
    one = {"type": "integer", "allowed": [binning], "default": binning}
    return Mode(code, overhead, {"bin_x": one, "bin_y": one}, filled_in=True)


def _channel_times(code: str) -> Mode:
    times: dict[str, Any] = {
        f"exposure_time_{channel}": {"type": "float", "min": 0, "required": True} for channel in CHANNELS
    }
    return Mode(
        code, schema=times | {"exposure_mode": {"type": "string", "allowed": [code], "required": True}}
    )


def _filters(codes: str) -> tuple[Elements, ...]:
    return (Elements("filter", tuple(codes.split()), 2.0),)


IMAGER_TYPES = "EXPOSE REPEAT_EXPOSE BIAS DARK STANDARD SCRIPT AUTO_FOCUS ENGINEERING SKY_FLAT"

LCO_INSTRUMENTS = (
    Instrument(
        SINISTRO, "1.0 meter Sinistro", "IMAGE", "1m0",
        _types(IMAGER_TYPES),
        {
            "readout": Modes("full_frame", (_binned("full_frame", 27.0), _binned("central_2k_2x2", 8.0, 2))),
            "acquisition": NO_ACQUISITION,
            "guiding": GUIDING,
        },
        _filters("I R U w Y up rp ip gp zs V B 400um-Pinhole 150um-Pinhole CN"),
        Camera(4096, 4096, 0.389), front_padding=90.0, default_threshold=90.0,
    ),
    Instrument(
        MUSCAT, "2.0 meter Muscat", "IMAGE", "2m0",
        _types(IMAGER_TYPES),
        {
            "readout": Modes("MUSCAT_FAST", (_binned("MUSCAT_SLOW", 46.0), _binned("MUSCAT_FAST", 6.0))),
            "acquisition": NO_ACQUISITION,
            "guiding": GUIDING,
            "exposure": Modes("SYNCHRONOUS", tuple(map(_channel_times, ("SYNCHRONOUS", "ASYNCHRONOUS")))),
        },
        tuple(Elements(f"narrowband_{channel}_position", ("out", "in"), default="out") for channel in "griz"),
        Camera(2048, 2048, 0.27), front_padding=90.0, default_threshold=90.0, defocus=8.0,
    ),
    Instrument(
        FLOYDS, "2.0 meter FLOYDS", "SPECTRA", "2m0",
        _types("SPECTRUM REPEAT_SPECTRUM ARC ENGINEERING SCRIPT LAMP_FLAT"),
        {
            "readout": Modes("default", (_binned("default", 25.0),)),
            "acquisition": Modes(
                "WCS",
                (
                    Mode(
                        "BRIGHTEST", 90.0,
                        {"acquire_radius": {"type": "float", "min": 0, "max": 15, "required": True}},
                    ),
                    Mode("WCS", 90.0),
                ),
            ),
            "guiding": GUIDING,
            "rotator": Modes("VFLOAT", (Mode("VFLOAT"), SKY)),
        },
        (Elements("slit", ("slit_6.0as", "slit_1.6as", "slit_2.0as", "slit_1.2as"), default="slit_1.6as"),),
        Camera(2048, 512, 0.337), front_padding=240.0, default_threshold=100.0,
        per_exposure=0.5, acquire_exposure_time=30.0,
    ),
    Instrument(
        QHY, "0.4 meter QHY600", "IMAGE", "0m4",
        _types("EXPOSE REPEAT_EXPOSE AUTO_FOCUS BIAS DARK STANDARD SKY_FLAT"),
        {
            "readout": Modes("central30x30", (_binned("central30x30", 5.0), _binned("full_frame", 27.0))),
            "acquisition": NO_ACQUISITION,
            "guiding": GUIDING,
        },
        _filters("OIII SII Astrodon-Exo w opaque up rp ip gp zs V B H-Alpha"),
        Camera(9600, 6422, 0.37), front_padding=90.0, default_threshold=90.0, defocus=0.5,
        schema={
            "sub_expose": {"type": "boolean", "default": False},
            "sub_exposure_time": {"type": "float", "min": 15.0},
        },
    ),
)  # fmt: skip


# Seconds (soar.md, "Simulator", point 4); with a spectrograph's acquisition exposure of 30 s it is 300.
SOAR_READOUT_S, SOAR_PADDING_S = 10.0, 120.0
SOAR_SLIT, SOAR_FIELD = (Modes("MANUAL", (Mode("MANUAL", seconds),)) for seconds in (270.0, 60.0))


def _goodman(camera: str, modes: str) -> tuple[Instrument, Instrument]:
    """A Goodman camera as spectrograph (no default mode: one has to be named) and as imager."""
    letter = camera[0]
    filters = "g-SDSS r-SDSS i-SDSS z-SDSS" if letter == "R" else "u-SDSS g-SDSS r-SDSS i-SDSS"
    pixels = Camera(4096, 4112, 0.15)
    name = f"Goodman Spectrograph {camera.title().replace('cam', 'Cam')}"
    spectrograph = Instrument(
        f"SOAR_GHTS_{camera}", name, "SPECTRA", "4m0",
        _types("SPECTRUM ENGINEERING SCRIPT ARC LAMP_FLAT"),
        {
            "readout": Modes(None, tuple(Mode(code, SOAR_READOUT_S) for code in modes.split())),
            "acquisition": SOAR_SLIT, "guiding": GUIDING_ON, "rotator": SKY_ONLY,
        },
        (), pixels, front_padding=SOAR_PADDING_S, default_threshold=100.0, acquire_exposure_time=30.0,
    )  # fmt: skip
    imager = Instrument(
        f"SOAR_GHTS_{camera}_IMAGER", f"{name} Imager", "IMAGE", "4m0",
        _types("EXPOSE"),
        {
            "readout": Modes(f"GHTS_{letter}_Image_2x2", (Mode(f"GHTS_{letter}_Image_2x2", SOAR_READOUT_S),)),
            "acquisition": SOAR_FIELD, "guiding": GUIDING, "rotator": SKY_ONLY,
        },
        _filters(filters), pixels, front_padding=SOAR_PADDING_S, default_threshold=90.0,
    )  # fmt: skip
    return spectrograph, imager


FOWLER = "fowler1_coadds2 fowler4_coadds1 fowler8_coadds1 fowler16_coadds1 fowler1_coadds1"

SOAR_INSTRUMENTS = (
    *_goodman(
        "REDCAM", "GHTS_R_2100_5000A_1x2_slit1p0 GHTS_R_400m1_2x2 GHTS_R_400m2_2x2 GHTS_R_400m1_2x2_slit1p5"
    ),
    *_goodman("BLUECAM", "GHTS_B_400m1_2x2 GHTS_B_400m1_2x2_slit1p5"),
    Instrument(
        "SOAR_TRIPLESPEC", "TripleSpec", "SPECTRA", "4m0",
        _types("SPECTRUM STANDARD ARC LAMP_FLAT BIAS"),
        {
            "readout": Modes(None, tuple(Mode(code, SOAR_READOUT_S) for code in FOWLER.split())),
            "acquisition": SOAR_SLIT, "guiding": GUIDING_ON, "rotator": SKY_ONLY,
        },
        (), Camera(4096, 4112, 0.15), front_padding=SOAR_PADDING_S, default_threshold=100.0,
        acquire_exposure_time=30.0, defocus=None,
    ),
)  # fmt: skip

BLANCO_INSTRUMENTS = (
    Instrument(
        "BLANCO_DECAM", "Blanco DECam", "IMAGE", "4m0",
        _types("EXPOSE"),
        {
            "readout": Modes("default", (Mode("default", 25.0),)),
            "acquisition": NO_ACQUISITION, "guiding": GUIDING_ON,
        },
        _filters("r g i z"), Camera(4096, 4112, 0.15),
        front_padding=240.0, default_threshold=90.0, defocus=None,
        schema={
            "detector_centering": {
                "type": "string", "allowed": ["central_gap", "N4", "S4"], "default": "central_gap",
            }
        },
    ),
    Instrument(
        "BLANCO_NEWFIRM", "Blanco NEWFIRM", "IMAGE", "4m0",
        _types("EXPOSE SKY_FLAT STANDARD SKY DARK"),
        {
            "readout": Modes("fowler1", (Mode("fowler1", 20.0), Mode("fowler2", 20.0))),
            "acquisition": MANUAL, "guiding": GUIDING_ON,
        },
        _filters("JX HX KXs"), Camera(4096, 4112, 0.15),
        front_padding=240.0, default_threshold=90.0, defocus=None,
        schema={
            "dither_value": {"type": "integer", "min": 0, "max": 1600, "default": 80},
            "dither_sequence": {
                "type": "string", "allowed": ["2x2", "3x3", "4x4", "5-point"], "default": "2x2",
            },
            "detector_centering": {
                "type": "string", "allowed": ["none", "det_1", "det_2", "det_3", "det_4"], "default": "det_1",
            },
            "dither_sequence_random_offset": {"type": "boolean", "default": True},
        },
        config_schema={
            "coadds": {"type": "integer", "min": 1, "max": 100, "default": 1},
            "sequence_repeats": {"type": "integer", "min": 1, "max": 500, "default": 1},
        },
    ),
)  # fmt: skip

INSTRUMENTS: dict[str, Instrument] = {
    row.code: row for row in (*LCO_INSTRUMENTS, *SOAR_INSTRUMENTS, *BLANCO_INSTRUMENTS)
}
CONFIGURATION_TYPES = tuple(TYPES)
_BY_CODE = {code.lower(): instrument for code, instrument in INSTRUMENTS.items()}


def instrument_of(configuration: dict[str, Any]) -> Instrument:
    """The instrument of a cleaned configuration; the portal takes any case of its code."""
    return _BY_CODE[configuration["instrument_type"].lower()]
