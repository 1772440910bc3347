"""Angles and times: sexagesimal text, MJD, galactic coordinates, separations.

Held to astropy by the tests (1 mas, 1 ms).
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_DAY = timedelta(days=1)

_SEXAGESIMAL = re.compile(
    r"^\s*(?P<sign>[+\-\u2212])?\s*(?P<whole>\d{1,3})\s*[:hHdD\u00b0\s]\s*(?P<minutes>\d{1,2})"
    r"(?:\s*[:mM'\u2032\s]\s*(?P<seconds>\d{1,2}(?:\.\d*)?)\s*[sS\"\u2033]?)?\s*[mM'\u2032]?\s*$"
)
_DECIMAL = re.compile(r"^\s*[+\-]?(\d+(\.\d*)?|\.\d+)\s*$")

# From ICRS to galactic coordinates by way of FK5 J2000, whose frame bias (some 20 mas) is part of it: the
# galactic pole of the IAU (1958) carried to J2000, ra 192.859481 deg, dec +27.128251 deg.
_TO_GALACTIC = (
    (-0.05487565771259163, -0.8734370519556159, -0.48383507361671546),
    (0.4941094371927268, -0.44482972122329517, 0.7469821839866676),
    (-0.8676661375596576, -0.19807633727300059, 0.45598381368730156),
)


def parse_ra(text: str) -> float:
    """Right ascension in degrees from `HH:MM:SS.s` (hours; `h m s` or blanks do too) or from degrees.

    Raises ValueError, naming the limit.
    """
    if _DECIMAL.match(_short(text)):
        return float(text)
    return float(_sexagesimal(text, "hours", 24) * 15)


def parse_dec(text: str) -> float:
    """Declination in degrees from `+DD:MM:SS.s` (`d m s` or blanks do as well) or from decimal degrees.

    Raises ValueError, naming the limit.
    """
    if _DECIMAL.match(_short(text)):
        return float(text)
    return float(_sexagesimal(text, "degrees", 91))


def format_ra(ra_deg: float, decimals: int = 4) -> str:
    """`HH:MM:SS.ssss`, in hours, from degrees; carries, so that seconds never read 60."""
    return _format(ra_deg % 360 / 15, decimals, wrap=24)


def format_dec(dec_deg: float, decimals: int = 3) -> str:
    """`+DD:MM:SS.sss` from degrees, the sign always shown."""
    return ("-" if math.copysign(1, dec_deg) < 0 else "+") + _format(abs(dec_deg), decimals)


def to_galactic(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Galactic l (0 to 360) and b, both in degrees, of an ICRS position in degrees."""
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    vector = (math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec))
    x, y, z = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in _TO_GALACTIC)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def separation_arcsec(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """Great-circle separation, arcsec, of two positions in degrees.

    Vincenty's formula for the sphere (Survey Review 23, 88, 1975), which is good from nothing to 180 degrees.
    """
    ra = math.radians(ra2_deg - ra1_deg)
    dec1, dec2 = math.radians(dec1_deg), math.radians(dec2_deg)
    across = math.cos(dec2) * math.sin(ra)
    along = math.cos(dec1) * math.sin(dec2) - math.sin(dec1) * math.cos(dec2) * math.cos(ra)
    towards = math.sin(dec1) * math.sin(dec2) + math.cos(dec1) * math.cos(dec2) * math.cos(ra)
    return math.degrees(math.atan2(math.hypot(across, along), towards)) * 3600


def to_mjd(moment: datetime) -> float:
    """MJD (UTC, days) of an aware datetime."""
    return (moment - _MJD_ZERO) / _DAY


def from_mjd(mjd: float) -> datetime:
    """The UTC datetime of an MJD (UTC, days), to the microsecond."""
    return _MJD_ZERO + timedelta(days=mjd)


def parse_utc(text: str) -> datetime:
    """An ISO date or datetime as an aware UTC datetime: no offset means UTC, a bare date 00:00 of that day.

    `T` or a blank may separate date and time, fractions of a second may be given. Raises ValueError.
    """
    moment = datetime.fromisoformat(_short(text.strip()))
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def _short(text: str) -> str:
    # Longer text is no angle or date, and blanks without end would keep the patterns busy for minutes.
    if len(text) > 64:
        raise ValueError("is longer than 64 characters")
    return text


def _sexagesimal(text: str, unit: str, limit: int) -> Fraction:
    match = _SEXAGESIMAL.match(text)
    if not match:
        raise ValueError(f"is neither decimal degrees nor sexagesimal {unit}")
    whole, minutes, seconds = (Fraction(match[part] or 0) for part in ("whole", "minutes", "seconds"))
    if minutes >= 60 or seconds >= 60:
        raise ValueError("has minutes or seconds that are not below 60")
    if whole >= limit:
        raise ValueError(f"must have fewer than {limit} {unit}")
    value = whole + minutes / 60 + seconds / 3600
    return -value if match["sign"] in ("-", "\u2212") else value


def _format(value: float, decimals: int, wrap: int | None = None) -> str:
    scale = 10**decimals
    total = round(Fraction(value) * 3600 * scale)
    whole, rest = divmod(total, 3600 * scale)
    minutes, seconds = divmod(rest, 60 * scale)
    if wrap:
        whole %= wrap
    text = f"{whole:02d}:{minutes:02d}:{seconds // scale:02d}"
    return f"{text}.{seconds % scale:0{decimals}d}" if decimals else text
