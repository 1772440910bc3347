"""Where the Sun, the Moon and a star stand: low-precision formulae of the Astronomical Almanac.

Good to about 0.01 deg for the Sun and 0.3 deg for the Moon, i.e. some seconds in the time of a twilight:
enough to accept a target that is up and to refuse one behind the Sun. Angles are in radians unless a name
says otherwise, times in Unix seconds (UTC taken for UT1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

J2000 = 946_728_000.0
DAY = 86_400.0
OBLIQUITY = math.radians(23.439)
STELLAR_DAY = 2 * math.pi * 1.00273790935


@dataclass(frozen=True)
class Direction:
    """A direction of the equator and equinox of date."""

    ra: float
    dec: float

    def separation(self, other: Direction) -> float:
        """The angle between two directions."""
        cosine = math.sin(self.dec) * math.sin(other.dec) + math.cos(self.dec) * math.cos(
            other.dec
        ) * math.cos(self.ra - other.ra)
        return math.acos(max(-1.0, min(1.0, cosine)))


def sidereal_time(at: float, longitude: float) -> float:
    """Local mean sidereal time, east longitude positive, 0 to 2 pi."""
    days = (at - J2000) / DAY
    return (math.radians(280.46062) + STELLAR_DAY * days + longitude) % (2 * math.pi)


def sun(at: float) -> tuple[Direction, float]:
    """The Sun's direction and its ecliptic longitude."""
    days = (at - J2000) / DAY
    mean = math.radians(280.460 + 0.9856474 * days)
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = mean + math.radians(1.915) * math.sin(anomaly) + math.radians(0.020) * math.sin(2 * anomaly)
    return _from_ecliptic(longitude, 0.0), longitude


def moon(at: float) -> tuple[Direction, float]:
    """The Moon's direction (geocentric) and the illuminated fraction of its disc, 0 to 1."""
    centuries = (at - J2000) / DAY / 36525
    longitude = 218.32 + 481267.881 * centuries
    for amplitude, phase, rate in (
        (6.29, 135.0, 477198.87),
        (-1.27, 259.3, -413335.36),
        (0.66, 235.7, 890534.22),
        (0.21, 269.9, 954397.74),
        (-0.19, 357.5, 35999.05),
        (-0.11, 186.5, 966404.03),
    ):
        longitude += amplitude * math.sin(math.radians(phase + rate * centuries))
    latitude = 0.0
    for amplitude, phase, rate in (
        (5.13, 93.3, 483202.02),
        (0.28, 228.2, 960400.89),
        (-0.28, 318.3, 6003.15),
        (-0.17, 217.6, -407332.21),
    ):
        latitude += amplitude * math.sin(math.radians(phase + rate * centuries))
    direction = _from_ecliptic(math.radians(longitude), math.radians(latitude))
    elongation = direction.separation(sun(at)[0])
    return direction, (1 - math.cos(elongation)) / 2


def of_date(ra_deg: float, dec_deg: float, at: float) -> Direction:
    """A J2000 place precessed to the date."""
    years = (at - J2000) / DAY / 365.25
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    m, n = math.radians(46.1244 / 3600), math.radians(20.0431 / 3600)
    tilt = math.tan(max(-1.55, min(1.55, dec)))  # the pole itself has no right ascension to correct
    return Direction(
        (ra + years * (m + n * math.sin(ra) * tilt)) % (2 * math.pi),
        max(-math.pi / 2, min(math.pi / 2, dec + years * n * math.cos(ra))),
    )


def hour_angle(direction: Direction, local_sidereal_time: float) -> float:
    """West positive, -pi to pi."""
    return (local_sidereal_time - direction.ra + math.pi) % (2 * math.pi) - math.pi


def altitude(direction: Direction, angle: float, latitude: float) -> float:
    """The true altitude of a direction at an hour angle."""
    sine = math.sin(latitude) * math.sin(direction.dec) + math.cos(latitude) * math.cos(
        direction.dec
    ) * math.cos(angle)
    return math.asin(max(-1.0, min(1.0, sine)))


def _from_ecliptic(longitude: float, latitude: float) -> Direction:
    x = math.cos(latitude) * math.cos(longitude)
    y = math.cos(latitude) * math.sin(longitude)
    z = math.sin(latitude)
    return Direction(
        math.atan2(y * math.cos(OBLIQUITY) - z * math.sin(OBLIQUITY), x) % (2 * math.pi),
        math.asin(y * math.sin(OBLIQUITY) + z * math.cos(OBLIQUITY)),
    )
