"""Angles and times, held to astropy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import astropy.units as u
import pytest
from astropy.coordinates import Angle, SkyCoord
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from slew import astro

MAS = 1 / 3_600_000
EARLIEST, LATEST = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2060-01-01")


@given(st.integers(0, 23), st.integers(0, 59), st.decimals(0, "59.9999", places=4), st.sampled_from(": hms"))
def test_right_ascension_is_taken_as_hours(hours: int, minutes: int, seconds: object, style: str) -> None:
    text = f"{hours}h{minutes}m{seconds}s" if style in "hms" else f"{hours}{style}{minutes}{style}{seconds}"
    expected = Angle(f"{hours}h{minutes}m{seconds}s").degree
    assert astro.parse_ra(text) == pytest.approx(expected, abs=MAS / 10)


@given(
    st.sampled_from(["", "+", "-", "\u2212"]),
    st.integers(0, 89),
    st.integers(0, 59),
    st.decimals(0, "59.999", places=3),
)
def test_declination_keeps_its_sign_also_at_zero(
    sign: str, whole: int, minutes: int, seconds: object
) -> None:
    expected = Angle(f"{whole}d{minutes}m{seconds}s").degree * (-1 if sign in ("-", "\u2212") else 1)
    assert astro.parse_dec(f"{sign}{whole}:{minutes}:{seconds}") == pytest.approx(expected, abs=MAS / 10)


def test_conversion_is_exact_to_the_nearest_float() -> None:
    assert astro.parse_ra("14:03:38.562") == 210.910675
    assert astro.parse_dec("-00:00:00.36") == -0.0001
    assert astro.parse_dec("54d18m41.94s") == 54.31165


@pytest.mark.parametrize(
    "text", ["24:00:00", "12:60:00", "12:00:60", "abc", "", "1:2:3:4", "12", "-1:00:00x", "nan"]
)
def test_what_is_no_right_ascension(text: str) -> None:
    if text == "12":
        assert astro.parse_ra(text) == 12.0
        return
    with pytest.raises(ValueError, match=r"neither|below 60|fewer"):
        astro.parse_ra(text)


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_formatting_can_be_read_back_and_never_shows_sixty(ra: float, dec: float) -> None:
    ra_text, dec_text = astro.format_ra(ra), astro.format_dec(dec)
    assert "60" not in (
        ra_text.split(":")[1],
        ra_text.split(":")[2][:2],
        dec_text.split(":")[1],
        dec_text.split(":")[2][:2],
    )
    assert (astro.parse_ra(ra_text) - ra + 180) % 360 - 180 == pytest.approx(0, abs=15 * 0.00006 / 3600)
    assert astro.parse_dec(dec_text) == pytest.approx(dec, abs=0.0006 / 3600)
    assert dec_text[0] in "+-"


@given(st.floats(0, 360, exclude_max=True), st.floats(-89.9, 89.9))
def test_galactic_coordinates(ra: float, dec: float) -> None:
    theirs = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs").galactic
    ours = SkyCoord(*astro.to_galactic(ra, dec), unit="deg", frame="galactic")
    assert ours.separation(theirs).mas < 1


@pytest.mark.filterwarnings("ignore::erfa.ErfaWarning")
@given(st.datetimes(EARLIEST, LATEST))
def test_mjd(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    if aware.year >= 2017:  # on the days of earlier leap seconds astropy stretches the day, and we do not
        assert abs(Time(moment, scale="utc").mjd - astro.to_mjd(aware)) < 1e-3 / 86400 + 1e-9
    assert abs(astro.from_mjd(astro.to_mjd(aware)) - aware) < timedelta(milliseconds=1)


def test_utc_texts() -> None:
    noon = datetime(2026, 12, 1, 12, tzinfo=UTC)
    for text in (
        "2026-12-01 12:00",
        "2026-12-01T12:00:00Z",
        "2026-12-01T13:00:00+01:00",
        " 2026-12-01 12:00:00.000 ",
    ):
        assert astro.parse_utc(text) == noon
    assert astro.parse_utc("2026-12-01") == noon - timedelta(hours=12)
    with pytest.raises(ValueError, match="soon"):
        astro.parse_utc("soon")
