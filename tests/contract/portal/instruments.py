"""The instruments that the contract tests' portal judges by, as a compact table.

Sources: the instrument codes, modes and optical elements are those of LCO's instrument listing of August 2026
(facility cards ``lco`` and ``soar``). Overheads and paddings are assumed: durations follow from them, error
texts do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Elements:
    """One wheel of optical elements; ``default`` is put in where a body names none (empty: must be named)."""

    name: str
    codes: tuple[str, ...]
    default: str = ""
    change_s: float = 2.0


@dataclass(frozen=True)
class Modes:
    """One kind of mode (readout, guiding, ...): mode code to (overhead in s, rules for its parameters)."""

    modes: Mapping[str, tuple[float, Schema]]
    default: str | None


@dataclass(frozen=True)
class Instrument:
    """An instrument type; times in s, ``defocus_mm`` the limit either way (None: not offered)."""

    code: str
    name: str
    pixels: tuple[int, int]
    arcsec_per_pixel: float
    configuration_types: tuple[str, ...]
    modes: Mapping[str, Modes]
    elements: tuple[Elements, ...] = ()
    spectrograph: bool = False
    exposure_overhead: float = 1.0
    padding: float = 240.0
    self_guiding: bool = False
    defocus_mm: float | None = None
    extra_rules: Schema = field(default_factory=dict)
    extra_config_rules: Schema = field(default_factory=dict)
    camera_suffixes: tuple[str, ...] = ("",)


def _codes(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


def _dictionary(rules: Schema) -> Schema:
    return {"extra_params": {"type": "dict", "schema": rules}}


def _binned(factor: int = 1) -> Schema:
    axis = {"type": "integer", "allowed": [factor], "default": factor}
    return {
        "extra_params": {
            "type": "dict",
            "schema": {"bin_x": axis, "bin_y": axis},
            "default": {},
            "required": True,
        }
    }


def _muscat_exposure(mode: str) -> tuple[float, Schema]:
    rules: Schema = {
        f"exposure_time_{channel}": {"type": "float", "min": 0, "required": True} for channel in "griz"
    }
    rules["exposure_mode"] = {"type": "string", "allowed": [mode], "required": True}
    return 0.0, _dictionary(rules)


def _plain(*codes: str, overhead: float = 0.0, default: str | None = None) -> Modes:
    return Modes({code: (overhead, {}) for code in codes}, default)


_GUIDING = _plain("OFF", "ON", default="ON")
_ALWAYS_GUIDED = _plain("ON", default="ON")
_NO_ACQUISITION = _plain("OFF", default="OFF")
_BY_HAND = _plain("MANUAL", overhead=120.0, default="MANUAL")
_ANGLE = (0.0, _dictionary({"rotator_angle": {"type": "float", "min": 0, "max": 360}}))
_ANGLE_NEEDED = (
    0.0,
    _dictionary({"rotator_angle": {"type": "float", "min": 0, "max": 360, "required": True}}),
)
_ACQUIRE_RADIUS = _dictionary({"acquire_radius": {"type": "float", "min": 0, "max": 15, "required": True}})

# code: (needs optical elements, acquisition forced off, open to users, change overhead in s)
CONFIGURATION_TYPES: Mapping[str, tuple[bool, bool, bool, float]] = {
    "EXPOSE": (True, False, True, 0.0),
    "REPEAT_EXPOSE": (True, False, True, 0.0),
    "SPECTRUM": (True, False, True, 0.0),
    "REPEAT_SPECTRUM": (True, False, True, 0.0),
    "STANDARD": (True, False, True, 0.0),
    "SKY": (True, False, True, 0.0),
    "SCRIPT": (False, True, True, 0.0),
    "ARC": (True, True, True, 30.0),
    "LAMP_FLAT": (True, True, True, 30.0),
    "BIAS": (False, True, False, 0.0),
    "DARK": (False, True, False, 0.0),
    "AUTO_FOCUS": (True, True, False, 0.0),
    "ENGINEERING": (True, False, False, 0.0),
    "SKY_FLAT": (True, False, False, 0.0),
}
_IMAGER = _codes("EXPOSE REPEAT_EXPOSE BIAS DARK STANDARD SCRIPT AUTO_FOCUS ENGINEERING SKY_FLAT")


def _soar(
    code: str,
    name: str,
    configuration_types: tuple[str, ...],
    readouts: tuple[str, ...],
    filters: tuple[str, ...] = (),
    defocus_mm: float | None = None,
) -> Instrument:
    """An imager if it has filters, else a spectrograph: those have no default readout and always guide.

    Overheads are card ``soar``'s; with a spectrograph's 30 s exposure its acquisition takes 300 s.
    """
    return Instrument(
        code,
        name,
        (4096, 4112),
        0.15,
        configuration_types,
        {
            "readout": _plain(*readouts, overhead=10.0, default=readouts[0] if filters else None),
            "acquisition": _plain("MANUAL", overhead=60.0 if filters else 270.0, default="MANUAL"),
            "guiding": _GUIDING if filters else _ALWAYS_GUIDED,
            "rotator": Modes({"SKY": _ANGLE_NEEDED}, "SKY"),
        },
        (Elements("filter", filters),) if filters else (),
        spectrograph=not filters,
        padding=120.0,
        defocus_mm=defocus_mm,
    )


# By the letters of an instrument's code: fa08 is a Sinistro.
INSTRUMENTS: Mapping[str, Instrument] = {
    "fa": Instrument(
        "1M0-SCICAM-SINISTRO",
        "1.0 meter Sinistro",
        (4096, 4096),
        0.389,
        _IMAGER,
        {
            "readout": Modes(
                {"full_frame": (27.0, _binned()), "central_2k_2x2": (8.0, _binned(2))}, "full_frame"
            ),
            "acquisition": _NO_ACQUISITION,
            "guiding": _GUIDING,
        },
        (Elements("filter", _codes("I R U w Y up rp ip gp zs V B 400um-Pinhole 150um-Pinhole CN")),),
        padding=90.0,
        defocus_mm=5.0,
    ),
    "en": Instrument(
        "2M0-FLOYDS-SCICAM",
        "2.0 meter FLOYDS",
        (2048, 512),
        0.337,
        ("SPECTRUM", "REPEAT_SPECTRUM", "ARC", "ENGINEERING", "SCRIPT", "LAMP_FLAT"),
        {
            "readout": Modes({"default": (25.0, _binned())}, "default"),
            "acquisition": Modes({"BRIGHTEST": (90.0, _ACQUIRE_RADIUS), "WCS": (90.0, {})}, "WCS"),
            "guiding": _GUIDING,
            "rotator": Modes({"VFLOAT": (0.0, {}), "SKY": _ANGLE}, "VFLOAT"),
        },
        (Elements("slit", ("slit_6.0as", "slit_1.6as", "slit_2.0as", "slit_1.2as"), "slit_1.6as", 0.0),),
        spectrograph=True,
        exposure_overhead=0.5,
        defocus_mm=5.0,
    ),
    "mc": Instrument(
        "2M0-SCICAM-MUSCAT",
        "2.0 meter Muscat",
        (2048, 2048),
        0.27,
        _IMAGER,
        {
            "readout": Modes(
                {"MUSCAT_SLOW": (46.0, _binned()), "MUSCAT_FAST": (6.0, _binned())}, "MUSCAT_FAST"
            ),
            "acquisition": _NO_ACQUISITION,
            "guiding": _plain("ON", "OFF", default="ON"),
            "exposure": Modes(
                {mode: _muscat_exposure(mode) for mode in ("SYNCHRONOUS", "ASYNCHRONOUS")}, "SYNCHRONOUS"
            ),
        },
        tuple(Elements(f"narrowband_{channel}_position", ("out", "in"), "out", 0.0) for channel in "griz"),
        padding=90.0,
        self_guiding=True,
        defocus_mm=8.0,
        camera_suffixes=("g", "r", "i", "z"),
    ),
    "sq": Instrument(
        "0M4-SCICAM-QHY600",
        "0.4 meter QHY600",
        (9600, 6422),
        0.37,
        _codes("EXPOSE REPEAT_EXPOSE AUTO_FOCUS BIAS DARK STANDARD SKY_FLAT"),
        {
            "readout": Modes(
                {"central30x30": (5.0, _binned()), "full_frame": (27.0, _binned())}, "central30x30"
            ),
            "acquisition": _NO_ACQUISITION,
            "guiding": _GUIDING,
        },
        (Elements("filter", _codes("OIII SII Astrodon-Exo w opaque up rp ip gp zs V B H-Alpha")),),
        padding=90.0,
        self_guiding=True,
        defocus_mm=0.5,
        extra_rules={
            "sub_expose": {"type": "boolean", "default": False},
            "sub_exposure_time": {"type": "float", "min": 15.0},
        },
    ),
    "ghtsblue": _soar(
        "SOAR_GHTS_BLUECAM",
        "Goodman Spectrograph BlueCam",
        ("SPECTRUM", "ENGINEERING", "SCRIPT", "LAMP_FLAT", "ARC"),
        ("GHTS_B_400m1_2x2", "GHTS_B_400m1_2x2_slit1p5"),
        defocus_mm=5.0,
    ),
    "ghtsblueimg": _soar(
        "SOAR_GHTS_BLUECAM_IMAGER",
        "Goodman Spectrograph BlueCam Imager",
        ("EXPOSE",),
        ("GHTS_B_Image_2x2",),
        filters=("u-SDSS", "g-SDSS", "r-SDSS", "i-SDSS"),
        defocus_mm=5.0,
    ),
    "ghtsred": _soar(
        "SOAR_GHTS_REDCAM",
        "Goodman Spectrograph RedCam",
        ("SPECTRUM", "ENGINEERING", "SCRIPT", "ARC", "LAMP_FLAT"),
        (
            "GHTS_R_2100_5000A_1x2_slit1p0",
            "GHTS_R_400m1_2x2",
            "GHTS_R_400m2_2x2",
            "GHTS_R_400m1_2x2_slit1p5",
        ),
        defocus_mm=5.0,
    ),
    "ghtsredimg": _soar(
        "SOAR_GHTS_REDCAM_IMAGER",
        "Goodman Spectrograph RedCam Imager",
        ("EXPOSE",),
        ("GHTS_R_Image_2x2",),
        filters=("g-SDSS", "r-SDSS", "i-SDSS", "z-SDSS"),
        defocus_mm=5.0,
    ),
    "tspec": _soar(
        "SOAR_TRIPLESPEC",
        "TripleSpec",
        ("SPECTRUM", "STANDARD", "ARC", "LAMP_FLAT", "BIAS"),
        (
            "fowler1_coadds2",
            "fowler4_coadds1",
            "fowler8_coadds1",
            "fowler16_coadds1",
            "fowler1_coadds1",
        ),
    ),
    "decam": Instrument(
        "BLANCO_DECAM",
        "Blanco DECam",
        (4096, 4112),
        0.15,
        ("EXPOSE",),
        {
            "readout": _plain("default", overhead=25.0, default="default"),
            "acquisition": _NO_ACQUISITION,
            "guiding": _ALWAYS_GUIDED,
        },
        (Elements("filter", ("r", "g", "i", "z")),),
        extra_rules={
            "detector_centering": {
                "type": "string",
                "allowed": ["central_gap", "N4", "S4"],
                "default": "central_gap",
            }
        },
    ),
    "newfirm": Instrument(
        "BLANCO_NEWFIRM",
        "Blanco NEWFIRM",
        (4096, 4112),
        0.15,
        ("EXPOSE", "SKY_FLAT", "STANDARD", "SKY", "DARK"),
        {
            "readout": _plain("fowler1", "fowler2", overhead=20.0, default="fowler1"),
            "acquisition": _BY_HAND,
            "guiding": _ALWAYS_GUIDED,
        },
        (Elements("filter", ("JX", "HX", "KXs")),),
        extra_rules={
            "dither_value": {"type": "integer", "min": 0, "max": 1600, "default": 80},
            "dither_sequence": {
                "type": "string",
                "allowed": ["2x2", "3x3", "4x4", "5-point"],
                "default": "2x2",
            },
            "detector_centering": {
                "type": "string",
                "allowed": ["none", "det_1", "det_2", "det_3", "det_4"],
                "default": "det_1",
            },
            "dither_sequence_random_offset": {"type": "boolean", "default": True},
        },
        extra_config_rules={
            "coadds": {"type": "integer", "min": 1, "max": 100, "default": 1},
            "sequence_repeats": {"type": "integer", "min": 1, "max": 500, "default": 1},
        },
    ),
}
