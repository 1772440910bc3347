"""More ways to spoil a requestgroup, by place in the body: each is one value that somebody might send.

No verdicts here: `test_simulator_equals_portal` takes them from the real portal at the moment.
"""

from __future__ import annotations

from typing import Any

from tests.contract.bodies import Base
from tests.contract.spoiling import FIRST, FIRST_EXPOSURE, REQUEST_PATH, Spoil, drop, put, together

GONE = object()
ONE: dict[str, Any] = {"exposure_time": 10, "exposure_count": 1, "optical_elements": {"filter": "rp"}}
TIMES: dict[str, Any] = {f"exposure_time_{channel}": 5 for channel in "griz"}
SPECTRUM = f"{REQUEST_PATH}.configurations.2"

# path -> values that stand there in turn
SINISTRO: dict[str, tuple[Any, ...]] = {
    "name": (None, 5, "", "  ", ["a"], GONE),
    "proposal": (None, "", 5, GONE),
    "operator": (None, "FOO", GONE),
    "observation_type": (None, "URGENT", GONE),
    "ipp_value": (None, "x", -1, "1.0", [], 0.49, 2.01),
    "requests": (None, [], {}, "x", [1], GONE),
    f"{REQUEST_PATH}.configurations": (None, {}, [5], GONE),
    f"{REQUEST_PATH}.windows": (None, "x", [{}], [5], [{"start": "2026-13-24", "end": 5}], GONE),
    f"{REQUEST_PATH}.location": (
        None,
        {},
        [],
        {"telescope_class": ""},
        {"telescope_class": "1m0", "site": "lsc"},
        {"telescope_class": "1m0", "site": "xyz"},
        {"telescope_class": "1m0", "site": "ogg"},
        {"telescope_class": "1m0", "enclosure": "doma"},
        {"telescope_class": "1m0", "site": "lsc", "telescope": "1m0a"},
        {"telescope_class": "1m0", "site": "lsc", "enclosure": "doma", "telescope": "2m0a"},
        {"telescope_class": "2m0"},
        GONE,
    ),
    f"{REQUEST_PATH}.acceptability_threshold": (-1, 101, "x", None, 75),
    f"{REQUEST_PATH}.configuration_repeats": (0, 1.5, 3),
    f"{REQUEST_PATH}.optimization_type": ("FOO", "AIRMASS", None),
    f"{REQUEST_PATH}.observation_note": ("x" * 256, "x" * 255, None, " hi "),
    f"{REQUEST_PATH}.extra_params": (5, {"a": 1}, None),
    f"{FIRST}.type": (None, "FOO", "SCRIPT", "STANDARD", "REPEAT_EXPOSE", "DARK", GONE),
    f"{FIRST}.instrument_type": (None, 5, "", "1m0-scicam-sinistro", "2M0-SCICAM-MUSCAT", GONE),
    f"{FIRST}.constraints": (None, {}, [], {"max_lunar_phase": 2}, {"max_seeing": -1}, GONE),
    f"{FIRST}.target": (None, {}, [], {"name": "x", "type": "HOUR_ANGLE"}, GONE),
    f"{FIRST}.target.type": ("icrs", None),
    f"{FIRST}.target.epoch": (2200, None, "x"),
    f"{FIRST}.target.proper_motion_ra": (30000, None, 5.5),
    f"{FIRST}.target.parallax": (3000, None),
    f"{FIRST}.target.extra_params": (5, {"v_magnitude": 5}),
    f"{FIRST}.acquisition_config": (None, [], {"mode": ""}, {"mode": "off"}, {"exposure_time": 61}, GONE),
    f"{FIRST}.guiding_config": (None, [], {"mode": ""}, {"mode": "off"}, {"optional": "x"}, GONE),
    f"{FIRST}.guiding_config.exposure_time": (-1, 121, 10),
    f"{FIRST}.instrument_configs": (None, [], {}, [5], [ONE, ONE], [ONE, ONE | {"exposure_time": -1}], GONE),
    f"{FIRST}.repeat_duration": (100, -1, "x"),
    f"{FIRST}.extra_params": ({"x": 1}, 5),
    f"{FIRST_EXPOSURE}.exposure_time": ("300", "x", [], GONE),
    f"{FIRST_EXPOSURE}.exposure_count": ("1", None, "x", True, GONE),
    f"{FIRST_EXPOSURE}.mode": (None, "", "FULL_FRAME", "central_2k_2x2", 5),
    f"{FIRST_EXPOSURE}.rotator_mode": ("SKY", None),
    f"{FIRST_EXPOSURE}.optical_elements": (
        None,
        {"filter": ""},
        {"filters": "gp"},
        {"filter": "gp", "slit": "x"},
        GONE,
    ),
    f"{FIRST_EXPOSURE}.extra_params": (
        None,
        {"bin_x": 2},
        {"bin_x": "1"},
        {"bin_x": "q", "bin_y": 5},
        {"defocus": "1"},
        {"defocus": None},
        {"offset_ra": 5, "offset_dec": 5},
    ),
    f"{FIRST_EXPOSURE}.rois": ([], [{"x1": 1}]),
}
MUSCAT: dict[str, tuple[Any, ...]] = {
    f"{FIRST_EXPOSURE}.mode": ("MUSCAT_SLOW", GONE),
    f"{FIRST_EXPOSURE}.optical_elements": ({}, {"narrowband_g_position": "up"}, {"filter": "gp"}),
    f"{FIRST_EXPOSURE}.extra_params": (
        {},
        TIMES,
        {"exposure_mode": "SYNC", **TIMES},
        {"exposure_mode": "ASYNCHRONOUS", **TIMES, "exposure_time_g": -1, "exposure_time_r": "x"},
        {"defocus": 9},
    ),
}
FLOYDS: dict[str, tuple[Any, ...]] = {
    f"{SPECTRUM}.acquisition_config": (
        {},
        {"mode": "OFF"},
        {"mode": "BRIGHTEST", "extra_params": {"acquire_radius": 20}},
        {"mode": "BRIGHTEST", "extra_params": {"foo": 5}},
        {"mode": "WCS", "exposure_time": 20},
    ),
    f"{SPECTRUM}.guiding_config": ({}, {"mode": "OFF"}),
    f"{SPECTRUM}.type": ("EXPOSE", "REPEAT_SPECTRUM"),
    f"{SPECTRUM}.instrument_configs.0.rotator_mode": ("SKY", "", GONE),
    f"{SPECTRUM}.instrument_configs.0.optical_elements": ({}, {"slit": "SLIT_2.0AS"}),
    f"{REQUEST_PATH}.configurations.0.acquisition_config": ({"mode": "LUCKY"},),
    f"{REQUEST_PATH}.configuration_repeats": (2,),
}
SOAR: dict[str, tuple[Any, ...]] = {
    f"{FIRST_EXPOSURE}.mode": (GONE, "GHTS_R_400m1_2x2_slit1p5"),
    f"{FIRST}.type": ("ARC", "LAMP_FLAT", "STANDARD"),
    f"{FIRST}.guiding_config": ({"mode": "OFF"}, {}),
    f"{FIRST}.acquisition_config": ({"mode": "OFF"}, {}),
    # Not {}: the simulator takes it (card soar, Simulator), the real portal with this listing does not.
    f"{FIRST_EXPOSURE}.extra_params": (
        GONE,
        {"offset_ra": 1},
        {"rotator_angle": 361},
        {"rotator_angle": "x"},
    ),
    f"{FIRST_EXPOSURE}.optical_elements": ({"slit": "x"},),
}

# Of two faults in one configuration the portal tells the first of its order.
FAULTS: dict[str, Spoil] = {
    "guiding": put(f"{FIRST}.guiding_config", {"mode": "MAYBE"}),
    "type": put(f"{FIRST}.type", "BIAS"),
    "acquisition": put(f"{FIRST}.acquisition_config", {"mode": "WCS"}),
    "schema": put(f"{FIRST_EXPOSURE}.extra_params", {"defocus": 9}),
    "readout": put(f"{FIRST_EXPOSURE}.mode", "turbo"),
    "element": put(f"{FIRST_EXPOSURE}.optical_elements", {"filter": "purple"}),
    "regions": put(f"{FIRST_EXPOSURE}.rois", [{}]),
    "repeat": put(f"{FIRST}.repeat_duration", 100.0),
    "window": put(f"{REQUEST_PATH}.windows", []),
    "location": put(f"{REQUEST_PATH}.location", {"telescope_class": "9m9"}),
    "proposal": put("proposal", "TEST_FOREIGN"),
    "operator": put("operator", "MANY"),
    "ipp": put("ipp_value", 2.5),
    "limit": put("proposal", "TEST_LIMITED"),
    "rapid": put("observation_type", "RAPID_RESPONSE"),
}


def _single(base: Base, table: dict[str, tuple[Any, ...]]) -> list[tuple[str, Base, Spoil]]:
    rows: list[tuple[str, Base, Spoil]] = []
    for path, values in table.items():
        for number, value in enumerate(values):
            short = path.removeprefix(f"{REQUEST_PATH}.")
            name = f"{base} {short} {number} {'gone' if value is GONE else repr(value)[:30]}"
            rows.append((name, base, drop(path) if value is GONE else put(path, value)))
    return rows


def _pairs() -> list[tuple[str, Base, Spoil]]:
    names = list(FAULTS)
    return [
        (f"{one} and {other}", "sinistro", together(FAULTS[one], FAULTS[other]))
        for position, one in enumerate(names)
        for other in names[position + 1 :]
    ]


ODD_BODIES: list[tuple[str, Base, Spoil]] = [
    *_single("sinistro", SINISTRO),
    *_single("muscat", MUSCAT),
    *_single("floyds", FLOYDS),
    *_single("soar", SOAR),
    *_pairs(),
]
