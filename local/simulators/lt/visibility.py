"""When a position can be seen from the LT: the scores of an inquiry (card, validate)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

LATITUDE_DEG, LONGITUDE_DEG = 28.7624, -17.8792
DOME_DEG = 30.0
SAMPLES = 100
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def scoring(ra_deg: float, dec_deg: float, start: datetime, end: datetime) -> tuple[str, float]:
    """The `Scoring` element of a window, and the score."""
    step = (end - start) / SAMPLES
    total, scores = 0.0, []
    for number in range(SAMPLES + 1):
        at = start + number * step
        value = probability(ra_deg, dec_deg, at)
        total += value / (SAMPLES + 1)
        delay = (at - start) / timedelta(seconds=1)
        scores.append(f'<Score cumulative="{total:.6f}" delay="PT{delay:.1f}S" probability="{value:.4f}"/>')
    return f"<Scoring>{''.join(scores)}</Scoring>", total


def probability(ra_deg: float, dec_deg: float, at: datetime) -> float:
    """(elevation - 20) / 70, and 0 with the Sun up or the target below the dome's limit."""
    days = (at - _J2000) / timedelta(days=1)
    elevation = _elevation(ra_deg, dec_deg, days)
    if elevation < DOME_DEG or _elevation(*_sun(days), days) > 0:
        return 0.0
    return (elevation - 20) / 70


def _elevation(ra_deg: float, dec_deg: float, days: float) -> float:
    sidereal = 280.46061837 + 360.98564736629 * days + LONGITUDE_DEG
    hour, dec, latitude = (math.radians(each) for each in (sidereal - ra_deg, dec_deg, LATITUDE_DEG))
    sine = math.sin(latitude) * math.sin(dec) + math.cos(latitude) * math.cos(dec) * math.cos(hour)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def _sun(days: float) -> tuple[float, float]:
    """The Sun's position in degrees, to a few hundredths."""
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(
        280.46 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.02 * math.sin(2 * anomaly)
    )
    tilt = math.radians(23.439)
    ra = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    return math.degrees(ra), math.degrees(math.asin(math.sin(tilt) * math.sin(longitude)))
