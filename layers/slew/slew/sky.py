"""A grid on the sky, by which what lies near a position is found without looking at everything.

Rows of 2 arcmin in declination, each cut into as many equal cells in right ascension as leave every one of
them at least 2 arcmin wide: some 46 million, twice as wide as the widest search has radius, so that such a
search meets one cell as a rule, four at a corner, and seven around a pole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

CELL_ARCSEC = 120
_A_DEGREE = 3600 // CELL_ARCSEC
_ROWS = 180 * _A_DEGREE
_MARGIN_ARCSEC = 0.01  # far more than the rounding of a position, far less than anybody's radius


def cell_of(ra_deg: float, dec_deg: float) -> str:
    """The cell that holds an ICRS position in degrees."""
    row = _row(dec_deg)
    return _name(row, math.floor(ra_deg % 360 / 360 * _cells(row)) % _cells(row))


def cells_within(ra_deg: float, dec_deg: float, radius_arcsec: float) -> list[str]:
    """All cells that hold any position within a radius, arcsec (60 at most), of one in degrees."""
    return list(dict.fromkeys(_within(ra_deg, dec_deg, (radius_arcsec + _MARGIN_ARCSEC) / 3600)))


def _within(ra: float, dec: float, radius: float) -> Iterator[str]:
    # The widest reach in right ascension of a circle that has no pole inside: asin(sin radius / cos dec).
    polar = abs(dec) + radius >= 90
    reach = (
        180.0
        if polar
        else math.degrees(math.asin(math.sin(math.radians(radius)) / math.cos(math.radians(dec))))
    )
    for row in range(_row(max(dec - radius, -90)), _row(min(dec + radius, 90)) + 1):
        count = _cells(row)
        first = math.floor((ra - reach) / 360 * count)
        last = math.floor((ra + reach) / 360 * count)
        yield from (_name(row, cell % count) for cell in range(first, min(last, first + count - 1) + 1))


def _row(dec: float) -> int:
    return min(math.floor((dec + 90) * _A_DEGREE), _ROWS - 1)


def _cells(row: int) -> int:
    """How many cells a row has, by the shorter of its two edges."""
    edge = max(abs(row / _A_DEGREE - 90), abs((row + 1) / _A_DEGREE - 90))
    return max(1, math.floor(round(360 * _A_DEGREE * math.cos(math.radians(edge)), 6)))


def _name(row: int, cell: int) -> str:
    return f"{row:04d}-{cell:05d}"
