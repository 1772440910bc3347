"""Requestgroups that the portal accepts, as the facility cards ``lco`` and ``soar`` print them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tests.contract.portal.sky import opposition_target

Body = dict[str, Any]
Base = Literal["sinistro", "muscat", "floyds", "soar"]


@dataclass(frozen=True)
class Scene:
    """When and where the tests observe: a target up all night, in the seven days from a week hence."""

    now: datetime
    ra: float
    dec: float
    start: datetime
    end: datetime
    semester_end: datetime
    proposal: str = "TEST_PROPOSAL"

    @classmethod
    def at(cls, now: datetime, semester_end: datetime) -> Scene:
        """The scene of a moment; ``semester_end`` is the end of the semester that holds the window."""
        ra, dec = opposition_target(now)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight + timedelta(days=7)
        return cls(now, ra, dec, start, start + timedelta(days=7), semester_end)


def body(base: Base, scene: Scene) -> Body:
    """A new body, accepted by validate and submit."""
    makers = {"sinistro": sinistro, "muscat": muscat, "floyds": floyds, "soar": soar}
    return makers[base](scene)


def sinistro(scene: Scene, filters: tuple[str, ...] = ("gp", "rp")) -> Body:
    """One EXPOSE of 300 s for each filter, with the 1 m telescopes."""
    exposures = [
        _configuration(
            scene,
            "EXPOSE",
            "1M0-SCICAM-SINISTRO",
            {"exposure_time": 300.0, "exposure_count": 1, "optical_elements": {"filter": name}},
        )
        for name in filters
    ]
    return _group(scene, "1m0", exposures)


def muscat(scene: Scene) -> Body:
    """300 s in the four channels at once, with the 2 m telescopes."""
    channels = ("g", "r", "i", "z")
    exposure = {
        "exposure_time": 300.0,
        "exposure_count": 1,
        "mode": "MUSCAT_FAST",
        "optical_elements": {f"narrowband_{channel}_position": "out" for channel in channels},
        "extra_params": {
            "exposure_mode": "SYNCHRONOUS",
            **{f"exposure_time_{channel}": 300.0 for channel in channels},
        },
    }
    configuration = _configuration(scene, "EXPOSE", "2M0-SCICAM-MUSCAT", exposure)
    configuration |= {
        "acquisition_config": {"mode": "OFF"},
        "guiding_config": {"mode": "ON", "optional": True},
    }
    return _group(scene, "2m0", [configuration])


def floyds(scene: Scene) -> Body:
    """Lamp flat, arc, spectrum of 300 s, arc, lamp flat: five configurations, the spectrum is the third."""
    calibration = {"LAMP_FLAT": 50, "ARC": 60}
    configurations = []
    for kind in ("LAMP_FLAT", "ARC", "SPECTRUM", "ARC", "LAMP_FLAT"):
        exposure = {
            "exposure_time": calibration.get(kind, 300.0),
            "exposure_count": 1,
            "rotator_mode": "VFLOAT",
            "optical_elements": {"slit": "slit_1.6as"},
        }
        configuration = _configuration(scene, kind, "2M0-FLOYDS-SCICAM", exposure)
        on_target = kind == "SPECTRUM"
        configuration["guiding_config"] = {"mode": "ON" if on_target else "OFF", "optional": False}
        if on_target:
            configuration["acquisition_config"] = {"mode": "WCS"}
        configurations.append(configuration)
    return _group(scene, "2m0", configurations)


def soar(scene: Scene) -> Body:
    """A spectrum of 300 s with Goodman's red camera."""
    exposure = {
        "exposure_time": 300.0,
        "exposure_count": 1,
        "mode": "GHTS_R_400m1_2x2",
        "rotator_mode": "SKY",
        "optical_elements": {},
        "extra_params": {"offset_ra": 0, "offset_dec": 0, "rotator_angle": 0},
    }
    configuration = _configuration(scene, "SPECTRUM", "SOAR_GHTS_REDCAM", exposure)
    configuration |= {
        "acquisition_config": {"mode": "MANUAL"},
        "guiding_config": {"mode": "ON", "optional": False},
    }
    return _group(scene, "4m0", [configuration])


def _group(scene: Scene, telescope_class: str, configurations: list[Body]) -> Body:
    return {
        "name": "ZTF26aaaaaaa",
        "proposal": scene.proposal,
        "ipp_value": 1.0,
        "operator": "SINGLE",
        "observation_type": "NORMAL",
        "requests": [
            {
                "configurations": configurations,
                "windows": [{"start": scene.start.isoformat(), "end": scene.end.isoformat()}],
                "location": {"telescope_class": telescope_class},
            }
        ],
    }


def _configuration(scene: Scene, kind: str, instrument: str, exposure: Body) -> Body:
    return {
        "type": kind,
        "instrument_type": instrument,
        "constraints": {"max_airmass": 2.0, "min_lunar_distance": 30.0},
        "target": {"name": "ZTF26aaaaaaa", "type": "ICRS", "ra": scene.ra, "dec": scene.dec, "epoch": 2000},
        "acquisition_config": {},
        "guiding_config": {},
        "instrument_configs": [deepcopy(exposure)],
    }
