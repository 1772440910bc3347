"""The configurations of each instrument: what is exposed, through what (card, Submit)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lco.models import CHANNELS, Floyds, LCOPayload, Muscat, Offset, Sinistro
from slew.models import Target
from slew.portal_listing import Offer
from slew.requestgroup import Body, constraints, target

SINISTRO, MUSCAT, FLOYDS = "1M0-SCICAM-SINISTRO", "2M0-SCICAM-MUSCAT", "2M0-FLOYDS-SCICAM"
# Seconds; the sequence around a spectrum is SkyPortal's.
LAMP_FLAT_S, ARC_S = 50, 60


@dataclass(frozen=True)
class Instrument:
    """An instrument at the portal, and in the archive: which reduction levels its products have."""

    type: str
    telescope_class: str
    configurations: Callable[[Any, Target, Offer | None], list[Body]]
    configuration_type: str
    levels: tuple[int, ...]


def sinistro(payload: Sinistro, at: Target, offer: Offer | None) -> list[Body]:
    """One EXPOSE configuration a filter."""
    mode = {"mode": payload.readout_mode} if payload.readout_mode else {}
    return [
        {
            **_common("EXPOSE", SINISTRO, payload, at),
            "acquisition_config": {},
            "guiding_config": {"mode": payload.guiding_mode} if payload.guiding_mode else {},
            "instrument_configs": [
                {
                    "exposure_time": payload.exposure_time,
                    "exposure_count": payload.exposure_counts,
                    **mode,
                    "optical_elements": {"filter": name},
                    **_extra({**_offset(position), **_defocus(payload)}),
                }
                for position in payload.positions
            ],
        }
        for name in payload.observation_choices
    ]


def muscat(payload: Muscat, at: Target, offer: Offer | None) -> list[Body]:
    """One EXPOSE configuration of the four channels: the card's, for SkyPortal's diffusers are no more."""
    readouts = offer.get("readout") if offer else None
    mode = payload.readout_mode or ("MUSCAT_FAST" if not readouts or "MUSCAT_FAST" in readouts else None)
    times = payload.channel_times
    exposure = {
        # The duration is computed from this one, so it must be the longest.
        "exposure_time": max(times.values()),
        "exposure_count": payload.exposure_counts,
        **({"mode": mode} if mode else {}),
        "optical_elements": {
            key: getattr(payload, key) for key in (f"narrowband_{channel}_position" for channel in CHANNELS)
        },
    }
    common = {
        "exposure_mode": payload.exposure_mode,
        **{f"exposure_time_{channel}": time for channel, time in times.items()},
        **_defocus(payload),
    }
    return [
        {
            **_common("EXPOSE", MUSCAT, payload, at),
            "acquisition_config": {"mode": "OFF"},
            "guiding_config": {"mode": payload.guiding_mode or "ON", "optional": True},
            "instrument_configs": [
                {**exposure, "extra_params": {**common, **_offset(position)}}
                for position in payload.positions
            ],
        }
    ]


def floyds(payload: Floyds, at: Target, offer: Offer | None) -> list[Body]:
    """Lamp flat, arc, spectrum, arc, lamp flat."""
    acquisition: Body = {"mode": payload.acquisition_mode}
    if payload.acquire_radius is not None:
        acquisition["extra_params"] = {"acquire_radius": payload.acquire_radius}
    spectrum = _floyds(
        "SPECTRUM",
        payload,
        at,
        exposure_s=payload.exposure_time,
        count=payload.exposure_counts,
        acquisition=acquisition,
        guiding=payload.guiding_mode or "ON",
        extras=[{**_offset(position), **_defocus(payload)} for position in payload.positions],
    )
    flat = _floyds("LAMP_FLAT", payload, at, exposure_s=LAMP_FLAT_S)
    arc = _floyds("ARC", payload, at, exposure_s=ARC_S)
    return [flat, arc, spectrum, arc, flat]


def _floyds(
    kind: str,
    payload: Floyds,
    at: Target,
    *,
    exposure_s: float,
    count: int = 1,
    acquisition: Mapping[str, Any] | None = None,
    guiding: str = "OFF",
    extras: Sequence[Body] = ({},),
) -> Body:
    angle = {} if payload.rotator_angle is None else {"rotator_angle": payload.rotator_angle}
    return {
        **_common(kind, FLOYDS, payload, at),
        "acquisition_config": dict(acquisition or {}),
        "guiding_config": {"mode": guiding, "optional": False},
        "instrument_configs": [
            {
                "exposure_time": exposure_s,
                "exposure_count": count,
                "rotator_mode": payload.rotator_mode,
                "optical_elements": {"slit": payload.slit},
                **_extra({**angle, **extra}),
            }
            for extra in extras
        ],
    }


def _common(kind: str, instrument_type: str, payload: LCOPayload, at: Target) -> Body:
    return {
        "type": kind,
        "instrument_type": instrument_type,
        "constraints": constraints(payload),
        "target": target(at),
    }


def _defocus(payload: LCOPayload) -> Body:
    return {} if payload.defocus is None else {"defocus": payload.defocus}


def _offset(position: Offset | None) -> Body:
    return {} if position is None else {"offset_ra": position.ra, "offset_dec": position.dec}


def _extra(parameters: Body) -> Body:
    return {"extra_params": parameters} if parameters else {}


INSTRUMENTS: Mapping[str, Instrument] = {
    "sinistro": Instrument(SINISTRO, "1m0", sinistro, "EXPOSE", (91,)),
    "muscat": Instrument(MUSCAT, "2m0", muscat, "EXPOSE", (91,)),
    # 90 is the archive of the night's spectra; a newer pipeline gives 91 (card, Retrieve).
    "floyds": Instrument(FLOYDS, "2m0", floyds, "SPECTRUM", (90, 91)),
}
