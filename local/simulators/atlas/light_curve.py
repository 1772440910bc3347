"""What ATLAS saw at a position: the exposures, the fluxes, and the result file (card, "Data products").

Everything follows from the position, the time and the filter, so that two tasks for one exposure agree. SN
2023ixf is where it was; every other position is a quiet field of pure noise.
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
FIRST_MJD = 57230  # the survey's first regular nights; before them there are no data
SOUTH_MJD = 59600  # Sutherland and El Sauce joined
TEMPLATE_CHANGES = (58417, 58882)
MAX_NIGHTS = 6000
HEAD = (
    "###MJD          m      dm   uJy   duJy F err chi/N     RA       Dec        "
    "x        y     maj  min   phi  apfit mag5sig Sky   Obs"
)

# Days since explosion and AB magnitude of SN 2023ixf in o, and what c is fainter by: a type II-P with a
# fast rise, a plateau of some 80 days, a drop, and the decline of radioactive cobalt.
_ORANGE = (
    (0.9, 14.9),
    (2.0, 12.5),
    (3.5, 11.4),
    (6.0, 11.0),
    (15.0, 10.95),
    (30.0, 11.1),
    (50.0, 11.3),
    (75.0, 11.7),
    (82.0, 12.1),
    (90.0, 13.2),
    (96.0, 13.6),
    (150.0, 14.2),
    (250.0, 15.3),
    (400.0, 17.1),
    (700.0, 19.6),
    (1200.0, 22.0),
)
_COLOUR = ((0.9, 0.0), (10.0, 0.0), (40.0, 0.35), (80.0, 0.6), (150.0, 0.7), (400.0, 0.4))

_BLEMISHES = {2: "duplicate", 3: "error", 4: "no_solution"}  # by the night, so that any week shows each kind

# Start and length of the night at each site, fractions of the UTC day, cut to the hours dark in every season.
_SITES = {1: (0.24, 0.34), 2: (0.24, 0.34), 3: (0.75, 0.32), 4: (0.02, 0.34)}


@dataclass(frozen=True)
class Exposure:
    """One 30 s exposure of the field."""

    mjd: float
    site: int
    number: int
    filter: str
    blemish: str | None = None

    @property
    def name(self) -> str:
        """ATLAS's id of the exposure, e.g. `02a61084o0213o`."""
        return f"{self.site:02d}a{int(self.mjd)}o{self.number:04d}{self.filter}"


@dataclass(frozen=True)
class Aim:
    """Where the fit is made: degrees, and degrees a day (of coordinate) for what moves; AB magnitude of a
    Solar-System object.
    """

    ra: float
    dec: float
    ra_rate: float = 0.0
    dec_rate: float = 0.0
    epoch_mjd: float = 51544.5
    magnitude: float | None = None

    def at(self, mjd: float) -> tuple[float, float]:
        """RA and Dec at a time, degrees."""
        days = mjd - self.epoch_mjd
        return (self.ra + self.ra_rate * days) % 360, self.dec + self.dec_rate * days


def result_file(aim: Aim, mjd_min: float, mjd_max: float, *, reduced: bool) -> str | None:
    """The table for an MJD range; None if there is no exposure in it."""
    rows: list[str] = []
    for exposure in exposures(aim, mjd_min, mjd_max):
        row = _row(aim, exposure, reduced=reduced)
        rows.append(row)
        if exposure.blemish == "duplicate":
            rows.append(row)
    return head_only() + "".join(f"{row}\n" for row in rows) if rows else None


def head_only() -> str:
    """A file without rows."""
    return f"{HEAD}\n"


def exposures(aim: Aim, mjd_min: float, mjd_max: float) -> Iterator[Exposure]:
    """The exposures whose start lies in the range, in order of time."""
    first, last = max(FIRST_MJD, math.floor(mjd_min)), math.floor(mjd_max)
    for night in range(first, min(last, first + MAX_NIGHTS) + 1):
        for exposure in _night(aim, night):
            if mjd_min <= exposure.mjd <= mjd_max:
                yield exposure


def _night(aim: Aim, night: int) -> list[Exposure]:
    """Four exposures within an hour, on a clear night, from a site that sees the field."""
    ra, dec = aim.at(night)
    draw = _random("night", round(ra), round(dec), night)
    clear = (
        night % 7 in (2, 3, 4, 5) or draw.random() < 0.2
    )  # the nights with a blemish are never clouded out
    if not clear or (abs(dec) < 50 and _sun_distance(ra, night) < 45):
        return []
    sites = [site for site in _SITES if _visible(site, dec, night)]
    if not sites:
        return []
    site = sites[night % len(sites)]
    start, length = _SITES[site]
    begin = night + start + draw.uniform(0.0, length - 0.05)
    phase = ((night - 51549.76) / 29.530588) % 1.0
    colour = "c" if min(phase, 1 - phase) < 0.14 else "o"  # cyan about new Moon
    if night % 7 == 5 and night % 2:
        colour = "w"
    number = draw.randrange(60, 800)
    blemish = _BLEMISHES.get(night % 7)
    return [
        Exposure(round(begin + 0.0135 * i, 6), site, number + 18 * i, colour, blemish if i == 2 else None)
        for i in range(4)
    ]


def _visible(site: int, dec: float, night: int) -> bool:
    return dec > -50 if site in (1, 2) else dec < 45 and night >= SOUTH_MJD


def _sun_distance(ra: float, night: int) -> float:
    """Degrees along the ecliptic, roughly: enough for a season."""
    return abs((280.46 + 0.9856474 * (night - 51544.5) - ra + 180) % 360 - 180)


def _random(*key: object) -> Random:
    """The same numbers for the same key, in every process."""
    return Random("/".join(map(str, key)))


# -- one row


def _row(aim: Aim, exposure: Exposure, *, reduced: bool) -> str:
    ra, dec = aim.at(exposure.mjd)
    draw = _random("row", f"{ra:.4f}", f"{dec:.4f}", exposure.name)
    sky_noise = draw.uniform(11, 17) if exposure.filter == "c" else draw.uniform(14, 28)
    error, chi = 0, max(0.3, draw.gauss(1.05, 0.12))
    if exposure.blemish == "no_solution":
        sky_noise = draw.uniform(8e4, 1.6e5)
    if exposure.blemish == "error":
        error, chi = 1, 240.0
    truth = _true_flux(aim, exposure, reduced=reduced)
    chi += draw.uniform(40, 80) * (1 - math.exp(-max(0.0, truth) / 1700))  # bright points fit badly
    noise = math.hypot(sky_noise, 0.004 * truth)
    flux = round(draw.gauss(truth, noise))
    minor = draw.uniform(1.9, 2.6)
    major, angle = minor + draw.uniform(0.05, 0.4), draw.uniform(-90, 90)
    magnitude, error_mag = _printed_magnitude(flux), min(99.999, 1.0857 * noise / max(abs(flux), 1))
    limit = 23.9 - 2.5 * math.log10(5 * sky_noise)
    columns = [
        f"{exposure.mjd:.6f} {magnitude:7.3f} {error_mag:6.3f}",
        f"{flux:6d} {max(1, round(noise)):4d} {exposure.filter} {error:2d} {chi:6.2f}",
        f"{ra:9.5f} {dec:9.5f} {draw.uniform(150, 10400):8.2f} {draw.uniform(150, 10400):8.2f}",
        f"{major:.2f} {minor:.2f} {angle:5.1f}",
        f"{draw.gauss(-0.40, 0.02):.3f} {limit:5.2f} {draw.uniform(19.2, 21.2):5.2f}",
        exposure.name,
    ]
    return " ".join(columns)


def _printed_magnitude(flux: int) -> float:
    """ATLAS prints the magnitude of a negative flux with a minus sign."""
    magnitude = 23.9 - 2.5 * math.log10(max(abs(flux), 1))
    return -magnitude if flux < 0 else magnitude


def _true_flux(aim: Aim, exposure: Exposure, *, reduced: bool) -> float:
    """Micro-Jansky: the transient, and the host (reduced) or what the template got wrong (difference)."""
    field = _random("field", f"{aim.ra:.3f}", f"{aim.dec:.3f}")
    host = field.uniform(50, 400)
    steps = {name: (field.uniform(20, 60), -field.uniform(20, 60)) for name in "cow"}
    flux = 0.0
    if aim.magnitude is not None:
        flux = _flux(aim.magnitude)
    elif _is_sn(aim):
        magnitude = _sn_magnitude(exposure)
        flux = _flux(magnitude) if magnitude is not None else 0.0
    era = sum(exposure.mjd >= change for change in TEMPLATE_CHANGES)
    offset = (*steps[exposure.filter], 0.0)[era]  # the present template is the one that fits
    return flux + (host if reduced else offset)


def _is_sn(aim: Aim) -> bool:
    d_ra = ((aim.ra - SN_2023IXF[0] + 180) % 360 - 180) * math.cos(math.radians(SN_2023IXF[1]))
    return math.hypot(d_ra, aim.dec - SN_2023IXF[1]) < SN_RADIUS_DEG


def _sn_magnitude(exposure: Exposure) -> float | None:
    days = exposure.mjd - EXPLOSION_MJD
    if days < _ORANGE[0][0]:
        return None
    colour = {"o": 0.0, "c": 1.0}.get(exposure.filter, 0.5)
    return _interpolate(_ORANGE, days) + colour * _interpolate(_COLOUR, days)


def _interpolate(points: Sequence[tuple[float, float]], x: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


def _flux(magnitude: float) -> float:
    return float(10 ** ((23.9 - magnitude) / 2.5))
