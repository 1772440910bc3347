"""Which position is sent (card: Request payload, Centroid algorithm)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from slew.errors import Invalid
from slew.models import Target
from ztf_forced_photometry import models
from ztf_forced_photometry.models import Point, ZtfForcedPhotometryPayload

NO_POINT = "No photometry found that meets the criteria for flux weighted centroid calculation."
ALL_FAINT = NO_POINT[:-1] + " (all snr < 3)."
NOT_COMPUTED = "Could not compute the flux weighted centroid for the object."
LEAST_SNR = 3.0
_CAMERAS = ("ZTF", "CFH12k")


def position(target: Target, payload: ZtfForcedPhotometryPayload) -> tuple[float, float]:
    """RA and Dec to send, degrees. Raises Invalid where the centroid asked for cannot be had."""
    if payload.position == models.SOURCE:
        return target.ra, target.dec
    try:
        return centroid(_points(target, payload), payload.position, target.ra)
    except ValueError as error:
        raise Invalid.field(["payload", "position"], str(error)) from None


def centroid(points: Iterable[Point], mode: str, near_ra: float) -> tuple[float, float]:
    """Mean of the measured positions, weighted by signal to noise; degrees.

    RA is averaged as a difference to `near_ra`, so that 0 and 360 are neighbours. Raises ValueError.
    """
    measured = [
        (p.ra, p.dec, p.flux / p.fluxerr)
        for p in points
        if p.ra is not None and p.dec is not None and p.flux is not None and p.fluxerr and p.fluxerr > 0
        if _is_wanted(p, mode)
    ]
    if not measured:
        raise ValueError(NO_POINT)
    bright = [(ra, dec, snr) for ra, dec, snr in measured if snr > LEAST_SNR]
    if not bright:
        raise ValueError(ALL_FAINT)
    total = sum(snr for _, _, snr in bright)
    offset = sum(((ra - near_ra + 180) % 360 - 180) * snr for ra, _, snr in bright) / total
    dec = sum(dec * snr for _, dec, snr in bright) / total
    if not math.isfinite(offset) or not math.isfinite(dec):
        raise ValueError(NOT_COMPUTED)
    return (near_ra + offset) % 360, max(-90.0, min(90.0, dec))


def _is_wanted(point: Point, mode: str) -> bool:
    if "fp" in (point.origin or "").lower():
        return False
    if mode in (models.ALERT_CENTROID, models.ZTF_ALERT_CENTROID) and not point.stream:
        return False
    return mode != models.ZTF_ALERT_CENTROID or point.instrument in _CAMERAS


def _points(target: Target, payload: ZtfForcedPhotometryPayload) -> Sequence[Point]:
    """The payload's points, else those of the target that say where they were measured."""
    if payload.photometry is not None:
        return payload.photometry
    known = set(Point.model_fields)
    return [
        Point(**{name: value for name, value in each.model_dump().items() if name in known})
        for each in target.photometry or ()
    ]
