"""Times and the sky over Palomar: what is up at night, the field grid, the local time."""

from __future__ import annotations

import calendar
import math
from datetime import UTC, datetime, timedelta
from functools import cache

LON_DEG, LAT_DEG = -116.863, 33.356
LOWEST_DEG = 20.0
LAST_FIELD = 41169
UNUSED_FIELDS = frozenset({13, 5000, 40000})
NO_FIELD = 999999999
_MJD_EPOCH = 40587
_NOON = 0.5 - LON_DEG / 360  # local noon, as a fraction of a day of UTC


def mjd(unix: float) -> float:
    """MJD (UTC) of a Unix time."""
    return unix / 86400 + _MJD_EPOCH


def unix(mjd_utc: float) -> float:
    """Unix time of an MJD (UTC)."""
    return (mjd_utc - _MJD_EPOCH) * 86400


def isot(mjd_utc: float) -> str:
    """As the service shows a time: `2026-12-01T03:00:00.000`."""
    moment = datetime.fromtimestamp(unix(mjd_utc), UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def local_name(unix_time: float) -> str:
    """The Pacific time that schedules are named by."""
    moment = datetime.fromtimestamp(unix_time, UTC)
    begin = datetime(moment.year, 3, _sunday(moment.year, 3, 2), 10, tzinfo=UTC)
    end = datetime(moment.year, 11, _sunday(moment.year, 11, 1), 9, tzinfo=UTC)
    local = moment - timedelta(hours=7 if begin <= moment < end else 8)
    return local.strftime("%Y_%m_%d_%H_%M_%S")


def _sunday(year: int, month: int, nth: int) -> int:
    days = [week[calendar.SUNDAY] for week in calendar.monthcalendar(year, month)]
    return [day for day in days if day][nth - 1]


def is_visible(ra_deg: float, dec_deg: float, when: float) -> bool:
    """Whether a position is above 20 deg at some time in the night that contains or follows an MJD."""
    noon = math.floor(when - _NOON) + _NOON
    if when - noon > 0.5 and _sun_altitude(when) > 0:  # the morning after
        noon += 1
    for step in range(145):
        moment = noon + step / 144
        if _sun_altitude(moment) < 0 and _altitude(ra_deg, dec_deg, moment) > LOWEST_DEG:
            return True
    return False


def _altitude(ra_deg: float, dec_deg: float, moment: float) -> float:
    sidereal = 280.46061837 + 360.98564736629 * (moment - 51544.5) + LON_DEG
    hour, dec, lat = (math.radians(x) for x in (sidereal - ra_deg, dec_deg, LAT_DEG))
    return math.degrees(
        math.asin(math.sin(lat) * math.sin(dec) + math.cos(lat) * math.cos(dec) * math.cos(hour))
    )


def _sun_altitude(moment: float) -> float:
    days = moment - 51544.5
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(
        280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)
    )
    tilt = math.radians(23.439)
    ra = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    dec = math.asin(math.sin(tilt) * math.sin(ecliptic))
    return _altitude(math.degrees(ra), math.degrees(dec), moment)


@cache
def _bands() -> tuple[tuple[int, float, int], ...]:
    """The grid by declination, from the north: first id, declination, number of 1 deg fields."""
    bands, first = [], 1
    for dec in range(90, -91, -1):
        count = max(1, round(360 * math.cos(math.radians(dec))))
        bands.append((first, float(dec), count))
        first += count
    return tuple(bands)


def field_centre(field_id: int) -> tuple[float, float] | None:
    """Right ascension and declination of a field, degrees; None for a number that is not used."""
    if not 1 <= field_id <= LAST_FIELD or field_id in UNUSED_FIELDS:
        return None
    first, dec, count = [band for band in _bands() if band[0] <= field_id][-1]
    return (field_id - first) * 360 / count, dec


def nearest_field(ra_deg: float, dec_deg: float) -> int:
    """The field whose band and place in it are nearest."""
    first, _, count = min(_bands(), key=lambda band: abs(band[1] - dec_deg))
    field_id = first + round(ra_deg / 360 * count) % count
    while field_centre(field_id) is None:
        field_id -= 1
    return field_id
