"""What ZTF observed at a position and what was there: epochs, images, fluxes.

Everything follows from position, time and filter, so that two jobs for one epoch agree. SN 2023ixf is where
it was; every other position is a quiet field of pure noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

SN_2023IXF = (210.910674637, 54.311651)
SN_RADIUS_DEG = 0.01
EXPLOSION_MJD = 60082.75
SURVEY_START_MJD = 58194.0
SOUTHERN_LIMIT_DEG = -31.0
MAX_NIGHTS = 6000
JD_OF_MJD_0 = 2400000.5
FILTERS = {"ZTF_g": 1, "ZTF_r": 2, "ZTF_i": 3}

# Days since explosion and AB magnitude in r, and what g and i differ from it by: a type II-P.
_RED = (
    (0.9, 14.7),
    (2.0, 12.6),
    (4.0, 11.3),
    (8.0, 10.9),
    (40.0, 11.1),
    (75.0, 11.7),
    (90.0, 13.3),
    (150.0, 14.2),
    (400.0, 17.0),
    (1200.0, 22.0),
)
_COLOUR = {"ZTF_g": 0.5, "ZTF_r": 0.0, "ZTF_i": -0.1}
# By the night, so that any nine nights in a row show each kind.
_STATES = {1: "bad_calibration", 3: "59", 5: "56,57", 6: "duplicate", 7: "57,61", 8: "bad_difference"}


@dataclass(frozen=True)
class Exposure:
    """One 30 s exposure; `state` is a blemish, a `procstatus`, or empty."""

    mjd: float
    field: int
    ccd: int
    quadrant: int
    filter: str
    state: str

    @property
    def pid(self) -> int:
        """The processed image: days since 2017, fraction, CCD and quadrant, as in ZTF's own numbers."""
        days = self.mjd - 57754.0
        return int(days) * 10**9 + int(days % 1 * 10**4) * 10**5 + self.ccd * 100 + self.quadrant * 10


@dataclass(frozen=True)
class Measurement:
    """The fit on one exposure: DN of the difference image, and its AB zero point."""

    flux: float
    unc: float
    zp: float
    chi_square: float


def exposures(ra: float, dec: float, jd_start: float, jd_end: float, until_jd: float) -> Iterator[Exposure]:
    """The archived exposures whose start lies in a range, in order of time."""
    if dec < SOUTHERN_LIMIT_DEG:
        return
    first = max(SURVEY_START_MJD, math.floor(jd_start - JD_OF_MJD_0))
    last = math.floor(min(jd_end, until_jd) - JD_OF_MJD_0)
    for night in range(int(first), int(min(last, first + MAX_NIGHTS)) + 1):
        for exposure in _night(ra, dec, night):
            if jd_start <= exposure.mjd + JD_OF_MJD_0 <= min(jd_end, until_jd):
                yield exposure


def measure(ra: float, dec: float, exposure: Exposure) -> Measurement:
    """What the fit at a position gives on an exposure."""
    draw = _random("fit", f"{ra:.4f}", f"{dec:.4f}", exposure.pid, exposure.filter)
    zp = 26.2 + draw.gauss(0, 0.08)
    limit = draw.uniform(20.1, 20.9)
    group = _random("zero", f"{ra:.3f}", f"{dec:.3f}", exposure.field, exposure.filter)
    truth = group.uniform(-25, 25) + _transient(ra, dec, exposure, zp)
    sky_noise = 10 ** (0.4 * (zp - limit)) / 5
    noise = math.hypot(sky_noise, 0.008 * max(truth, 0))
    chi_square = max(0.5, draw.gauss(1.02, 0.06)) + 0.02 * max(truth, 0) / sky_noise / 50
    return Measurement(draw.gauss(truth, noise), noise, zp, chi_square)


def has_reference_source(ra: float, dec: float, exposure: Exposure) -> bool:
    """Whether the reference image's catalogue has a source near: in the first of a position's two fields."""
    return exposure.field == _fields(ra, dec)[0]


def _night(ra: float, dec: float, night: int) -> list[Exposure]:
    """g and r on a clear night, i on every fourth, forty minutes apart."""
    draw = _random("night", round(ra), round(dec), night)
    if night % 9 in (0, 4) and draw.random() < 0.6:  # the nights with a blemish are never clouded out
        return []
    if abs(dec) < 50 and _sun_distance(ra, night) < 50:
        return []
    first, second = _fields(ra, dec)
    field = second if night % 5 == 2 else first
    begin = night + draw.uniform(0.12, 0.42)
    filters = ("ZTF_g", "ZTF_r", "ZTF_i") if night % 4 == 0 else ("ZTF_g", "ZTF_r")
    return [
        Exposure(
            round(begin + 0.028 * i, 6),
            field,
            1 + (first + field) % 16,
            field % 4,
            name,
            _STATES.get(night % 9, "") if i == 0 else "",
        )
        for i, name in enumerate(filters)
    ]


def _fields(ra: float, dec: float) -> tuple[int, int]:
    """The main grid's field and the overlapping one of the second grid."""
    number = 245 + int((dec + 31) / 121 * 500) + int(ra / 360 * 12)
    return number, number + 1000


def _transient(ra: float, dec: float, exposure: Exposure, zp: float) -> float:
    east = ((ra - SN_2023IXF[0] + 180) % 360 - 180) * math.cos(math.radians(SN_2023IXF[1]))
    days = exposure.mjd - EXPLOSION_MJD
    if math.hypot(east, dec - SN_2023IXF[1]) > SN_RADIUS_DEG or days < _RED[0][0]:
        return 0.0
    magnitude = _interpolate(_RED, days) + _COLOUR[exposure.filter] * min(1.0, days / 60)
    return float(10 ** (0.4 * (zp - magnitude)))


def _interpolate(points: Sequence[tuple[float, float]], x: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def _sun_distance(ra: float, night: int) -> float:
    """Degrees along the ecliptic, roughly: enough for a season."""
    return abs((280.46 + 0.9856474 * (night - 51544.5) - ra + 180) % 360 - 180)


def _random(*key: object) -> Random:
    """The same numbers for the same key, in every process."""
    return Random("/".join(map(str, key)))
