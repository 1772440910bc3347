"""A target of opportunity as it goes on the wire, in either protocol (card: Request payload, Operations).

Keys stand in the order in which the official client sends them, so that the bytes can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slew.models import Target
from swift_too.target_of_opportunity import TooPayload
from swift_too.values import XRT_MODES

Fields = dict[str, Any]


def of_v2(target: Target, payload: TooPayload, username: str, *, validate_only: bool = False) -> Fields:
    """The form of `POST /swift/too`, every value as text; what is unset is left out."""
    visits, time = payload.exposure_counts, payload.exposure_time
    trigger = payload.grb_triggertime
    return _spelt(
        {
            "target_name": target.name,
            "target_type": payload.source_type,
            "ra": target.ra,
            "dec": target.dec,
            "poserr": payload.poserr,
            "instrument": payload.instrument,
            "obs_type": payload.obs_type,
            "urgency": payload.urgency,
            "opt_mag": payload.opt_mag,
            "opt_filt": payload.opt_filt,
            "xrt_countrate": payload.xrt_countrate,
            "bat_countrate": payload.bat_countrate,
            "other_brightness": payload.other_brightness,
            "grb_detector": payload.grb_detector,
            "grb_triggertime": trigger.replace(tzinfo=None).isoformat() if trigger else None,
            "uvot_mode": payload.uvot_mode,
            "science_just": payload.science_just,
            "immediate_objective": payload.immediate_objective,
            "exposure": int(time) * visits,
            "proposal": payload.proposal,
            "proposal_id": payload.proposal_id,
            "proposal_trigger_just": payload.proposal_trigger_just,
            "proposal_pi": payload.proposal_pi,
            "uvot_just": payload.uvot_just or "",
            "xrt_mode": XRT_MODES[payload.xrt_mode],
            "tiling": payload.tiling,
            "number_of_tiles": payload.number_of_tiles,
            "exposure_time_per_tile": payload.exposure_time_per_tile,
            "tiling_justification": payload.tiling_justification,
            "exp_time_just": payload.exp_time_just,
            "exp_time_per_visit": time,
            "num_of_visits": visits,
            "monitoring_freq": payload.monitoring_freq,
            "username": username,
            "debug": payload.debug,
            "quiet": True,
            "validate_only": validate_only or payload.validate_only,
        }
    )


def of_v1(target: Target, payload: TooPayload, username: str, *, validate_only: bool = False) -> Fields:
    """The `api_data` of a `Swift_TOO_Request`; what is unset is left out."""
    visits, time = payload.exposure_counts, payload.exposure_time
    trigger, tiles, per_tile = (
        payload.grb_triggertime,
        payload.number_of_tiles,
        payload.exposure_time_per_tile,
    )
    fields = {
        "username": username,
        "source_name": target.name,
        "source_type": payload.source_type,
        "ra": target.ra,
        "dec": target.dec,
        "poserr": payload.poserr or 0.0,
        "instrument": payload.instrument,
        "urgency": int(payload.urgency),
        "opt_mag": payload.opt_mag,
        "opt_filt": payload.opt_filt,
        "xrt_countrate": payload.xrt_countrate,
        "bat_countrate": _number(payload.bat_countrate),
        "other_brightness": payload.other_brightness,
        "grb_detector": payload.grb_detector,
        "immediate_objective": payload.immediate_objective,
        "science_just": payload.science_just,
        "exposure": time * visits,
        "exp_time_just": payload.exp_time_just,
        "exp_time_per_visit": time,
        "num_of_visits": visits,
        "monitoring_freq": payload.monitoring_freq,
        "proposal": payload.proposal or None,
        "proposal_id": payload.proposal_id,
        "proposal_trigger_just": payload.proposal_trigger_just,
        "proposal_pi": payload.proposal_pi,
        "xrt_mode": payload.xrt_mode,
        "uvot_mode": payload.uvot_mode,
        "uvot_just": payload.uvot_just,
        "slew_in_place": payload.slew_in_place or None,  # `false` makes the server time out (card)
        "tiling": payload.tiling or None,
        "number_of_tiles": int(tiles) if tiles and tiles.isdigit() else tiles,
        "exposure_time_per_tile": None if per_tile is None else int(per_tile),
        "tiling_justification": payload.tiling_justification,
        "obs_n": "single" if visits == 1 else "multiple",
        "obs_type": payload.obs_type,
        "grb_triggertime": str(trigger.replace(tzinfo=None)) if trigger else None,
        "debug": payload.debug or None,
        "validate_only": validate_only or payload.validate_only or None,
        "quiet": False,
    }
    return {name: value for name, value in fields.items() if value is not None}


def of_query(fields: Mapping[str, Any]) -> Fields:
    """The parameters of a query in v2; flags are `true` and `false`, what is None is left out."""
    return _spelt(fields)


def _spelt(fields: Mapping[str, Any]) -> Fields:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in fields.items()
        if value is not None
    }


def _number(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
