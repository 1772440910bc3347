"""A place in the sky that is up whenever the tests run."""

from __future__ import annotations

from datetime import UTC, datetime
from math import atan2, cos, degrees, radians, sin

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_ra(now: datetime) -> float:
    """The Sun's right ascension of date in degrees, to 0.01 deg: mean elements, equation of the centre."""
    days = (now - _J2000).total_seconds() / 86400
    anomaly = radians(357.529 + 0.98560028 * days)
    longitude = radians(280.459 + 0.98564736 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    obliquity = radians(23.439)
    return degrees(atan2(cos(obliquity) * sin(longitude), cos(longitude))) % 360


def opposition_target(now: datetime) -> tuple[float, float]:
    """(ra, dec) in degrees, opposite the Sun in right ascension: culminates at midnight at every site of LCO.

    The declination of -10 deg keeps it within airmass 2 for hours both in Hawaii (+21) and in Chile (-30).
    """
    return round((sun_ra(now) + 180) % 360, 4), -10.0
