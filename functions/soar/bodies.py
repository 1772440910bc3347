"""The configurations of each instrument: what is exposed, through what (card, Submit)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slew.models import Target
from slew.portal_listing import Offer
from slew.requestgroup import Body, constraints, target
from soar.models import ARC_EXPOSURES, ARC_TIME_S, GHTS, GHTSImager, SOARPayload, TripleSpec

LAMP_AIRMASS_FACTOR = 2
_AT_REST = {"proper_motion_ra": 0, "proper_motion_dec": 0, "parallax": 0}
_IMAGING_READOUT = {
    "SOAR_GHTS_REDCAM_IMAGER": "GHTS_R_Image_2x2",
    "SOAR_GHTS_BLUECAM_IMAGER": "GHTS_B_Image_2x2",
}


def ghts_imager(payload: GHTSImager, at: Target, offer: Offer | None) -> list[Body]:
    """One EXPOSE configuration a filter."""
    extra = {"offset_ra": 0, "offset_dec": 0, "defocus": payload.defocus}
    readout = _only_one(offer, _IMAGING_READOUT[payload.instrument_type])
    return [
        {
            **_common("EXPOSE", payload.instrument_type, payload, at),
            "acquisition_config": {"mode": "MANUAL", "extra_params": {}},
            "guiding_config": {"mode": "ON", "optional": True, "extra_params": {}},
            "instrument_configs": [
                {
                    "exposure_time": payload.exposure_time,
                    "exposure_count": payload.exposure_counts,
                    "mode": readout,
                    "rotator_mode": "SKY",
                    "extra_params": {**extra, "rotator_angle": payload.rotator_angle},
                    "optical_elements": {"filter": name},
                }
            ],
        }
        for name in payload.observation_choices
    ]


def ghts(payload: GHTS, at: Target, offer: Offer | None) -> list[Body]:
    """The spectrum, in every mode; arcs around it and lamp flats behind it where they are asked for."""
    spectrum = _spectrum(payload, at, payload.modes)
    arcs = [_lamp("ARC", payload, at)] if payload.include_calibrations else []
    flats = [_lamp("LAMP_FLAT", payload, at)] if payload.include_lamp_flats else []
    return [*arcs, spectrum, *arcs, *flats]


def triplespec(payload: TripleSpec, at: Target, offer: Offer | None) -> list[Body]:
    """The spectrum alone: its wavelengths come from the sky's OH lines."""
    return [_spectrum(payload, at, (payload.instrument_mode,))]


def _only_one(offer: Offer | None, usual: str) -> str:
    """The readout mode of an instrument that leaves no choice: the usual one, or what took its place."""
    listed = offer.get("readout", frozenset()) if offer else frozenset()
    return next(iter(listed)) if len(listed) == 1 else usual


def _spectrum(payload: GHTS | TripleSpec, at: Target, modes: tuple[str, ...]) -> Body:
    return {
        **_common("SPECTRUM", payload.instrument_type, payload, at),
        "acquisition_config": {"mode": "MANUAL"},
        "guiding_config": {"mode": "ON", "optional": False},
        "instrument_configs": [
            _exposure(payload, mode, payload.exposure_time, payload.exposure_counts) for mode in modes
        ],
    }


def _lamp(kind: str, payload: GHTS, at: Target) -> Body:
    common = _common(kind, payload.instrument_type, payload, at)
    airmass = LAMP_AIRMASS_FACTOR * payload.maximum_airmass
    return {
        **common,
        "constraints": {**common["constraints"], "max_airmass": airmass},
        "acquisition_config": {"mode": "OFF", "extra_params": {}},
        "guiding_config": {},
        "instrument_configs": [_exposure(payload, mode, ARC_TIME_S, ARC_EXPOSURES) for mode in payload.modes],
    }


def _exposure(payload: GHTS | TripleSpec, mode: str, exposure_s: float, count: int) -> Body:
    return {
        "exposure_time": exposure_s,
        "exposure_count": count,
        "mode": mode,
        "rotator_mode": "SKY",
        "extra_params": {"offset_ra": 0, "offset_dec": 0, "rotator_angle": payload.rotator_angle},
        "optical_elements": {},
    }


def _common(kind: str, instrument_type: str, payload: SOARPayload, at: Target) -> Body:
    return {
        "type": kind,
        "instrument_type": instrument_type,
        "constraints": constraints(payload),
        "target": {**_AT_REST, **target(at)},
    }


CONFIGURATIONS: Mapping[str, Callable[[Any, Target, Offer | None], list[Body]]] = {
    "ghts": ghts,
    "ghts_imager": ghts_imager,
    "triplespec": triplespec,
}
