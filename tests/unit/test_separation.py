"""Separations on the sky, held to astropy, and the grid by which neighbours are found."""

from __future__ import annotations

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import assume, example, given
from hypothesis import strategies as st

from slew import astro, sky
from slew.terms import WIDEST_ARCSEC

MAS = 0.001
RA, DEC = st.floats(0, 360, exclude_max=True), st.floats(-90, 90)
ARCSEC = st.floats(0, 2 * WIDEST_ARCSEC)
ANGLE = st.floats(0, 360)


def expected(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    first, second = (SkyCoord(ra * u.deg, dec * u.deg) for ra, dec in ((ra1, dec1), (ra2, dec2)))
    return float(first.separation(second).arcsec)


def offset(ra: float, dec: float, angle: float, arcsec: float) -> tuple[float, float]:
    """Where one comes to from a position along a great circle, degrees."""
    moved = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(angle * u.deg, arcsec * u.arcsec)
    return float(moved.ra.deg) % 360, float(moved.dec.deg)


@given(RA, DEC, RA, DEC)
@example(0, 90, 180, 90)
@example(0, 0, 180, 0)
@example(12, 45, 192, -45)
def test_anywhere(ra1: float, dec1: float, ra2: float, dec2: float) -> None:
    assert astro.separation_arcsec(ra1, dec1, ra2, dec2) == pytest.approx(
        expected(ra1, dec1, ra2, dec2), abs=MAS
    )


@given(RA, DEC, ANGLE, ARCSEC)
@example(0, 89.99999, 180, 60)
@example(359.9999, 0, 90, 1)
@example(0.0001, -60, 270, 0.5)
def test_nearby(ra: float, dec: float, angle: float, arcsec: float) -> None:
    there = offset(ra, dec, angle, arcsec)
    assert astro.separation_arcsec(ra, dec, *there) == pytest.approx(expected(ra, dec, *there), abs=MAS)
    assert astro.separation_arcsec(ra, dec, *there) == pytest.approx(arcsec, abs=MAS)


def test_over_right_ascension_zero_and_at_the_poles() -> None:
    assert astro.separation_arcsec(359.9999, 0, 0.0001, 0) == pytest.approx(0.72, abs=MAS)
    assert astro.separation_arcsec(10, 90, 250, 90) == pytest.approx(0, abs=MAS)
    assert astro.separation_arcsec(0, -89.9999, 180, -89.9999) == pytest.approx(0.72, abs=MAS)
    assert astro.separation_arcsec(100, 60, 100.0002, 60) == pytest.approx(0.36, abs=MAS)


NEAR_POLE = st.floats(89.9, 90) | st.floats(-90, -89.9)


@given(RA, DEC | NEAR_POLE, ANGLE, st.floats(0, 1), st.floats(0.001, WIDEST_ARCSEC))
@example(0, 0, 270, 1, 60)
@example(359.99999, 89.9833333, 0, 1, 60)
@example(10, 90, 77, 1, 60)
@example(180, -89.9999, 180, 1, 60)
def test_whatever_is_within_the_radius_is_in_a_cell_that_is_looked_at(
    ra: float, dec: float, angle: float, share: float, radius: float
) -> None:
    there = offset(ra, dec, angle, share * radius)
    assume(astro.separation_arcsec(ra, dec, *there) <= radius)
    cells = sky.cells_within(ra, dec, radius)
    assert sky.cell_of(*there) in cells
    assert sky.cell_of(ra, dec) in cells
    assert len(cells) == len(set(cells)) <= 7


@given(RA, DEC)
def test_a_cell_is_wider_than_the_widest_circle(ra: float, dec: float) -> None:
    row, cell = map(int, sky.cell_of(ra, dec).split("-"))
    assert 0 <= row < sky._ROWS
    assert 0 <= cell < sky._cells(row)
    edge = max(abs(row / 30 - 90), abs((row + 1) / 30 - 90))
    width = astro.separation_arcsec(0, edge, 360 / sky._cells(row), edge)
    assert sky._cells(row) == 1 or width > 1.9 * WIDEST_ARCSEC


def test_the_cells_of_a_usual_radius_are_few() -> None:
    assert sky.cells_within(210.910674637, 54.311651, 0.5) == [sky.cell_of(210.910674637, 54.311651)]
    assert len(sky.cells_within(0, 0, 0.5)) == 4
