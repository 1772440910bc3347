"""Nautical twilight at Palomar, for the default end of a plan (card ztf.md: mode `observation_plan`)."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from slew import astro

_LATITUDE = math.radians(33.3563)
_EAST_DEG = -116.8650
_NAUTICAL = math.sin(math.radians(-12.0))
_J2000_MJD = 51544.5
_STEP = timedelta(minutes=5)


def next_morning(after: datetime) -> datetime:
    """The next time, UTC to the minute, at which the Sun rises through 12 deg below the horizon."""
    moment = after
    while not (_sine_of_altitude(moment) < _NAUTICAL <= _sine_of_altitude(moment + _STEP)):
        moment += _STEP
    while _sine_of_altitude(moment) < _NAUTICAL:
        moment += timedelta(minutes=1)
    return moment.replace(second=0, microsecond=0)


def _sine_of_altitude(moment: datetime) -> float:
    """Of the Sun at Palomar; the low-precision formulae of the Astronomical Almanac, good to 0.01 deg."""
    days = astro.to_mjd(moment) - _J2000_MJD
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(
        280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)
    )
    obliquity = math.radians(23.439 - 4e-7 * days)
    ra = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    sine_dec = math.sin(obliquity) * math.sin(longitude)
    sidereal = math.radians(280.46062 + 360.98564737 * days + _EAST_DEG)
    cosine_dec = math.sqrt(1 - sine_dec**2)
    return math.sin(_LATITUDE) * sine_dec + math.cos(_LATITUDE) * cosine_dec * math.cos(sidereal - ra)
