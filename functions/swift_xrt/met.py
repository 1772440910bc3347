"""Swift's mission elapsed time (card: SkyPortal's fields, Data products).

Seconds since 2001-01-01 00:00:00 UTC by the spacecraft's clock. UTC follows from it by a correction (UTCF)
that holds the leap seconds and the drift of that clock; only the leap seconds are known beforehand.
"""

from __future__ import annotations

from datetime import UTC, datetime

from slew import astro

EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
EPOCH_MJD = 51910.0
UTCF_S = -24.888
"""The total correction of 2020-05-05, s: the one value the card has; drift makes it wrong by some seconds."""

_DAY_S = 86400.0
_LEAP_SECONDS = tuple(
    datetime(year, month, 1, tzinfo=UTC)
    for year, month in ((2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1))
)


def of_utc(moment: datetime) -> float:
    """Seconds since 2001 with the leap seconds, without the clock's drift, as SkyPortal computes them."""
    return (moment - EPOCH).total_seconds() + sum(moment >= leap for leap in _LEAP_SECONDS)


def to_mjd(met_s: float) -> float:
    """MJD (UTC, days) of a mission elapsed time, to some ten seconds."""
    return EPOCH_MJD + (met_s + UTCF_S) / _DAY_S


def tdb_to_mjd(tdb_mjd: float) -> float:
    """MJD (UTC, days) of a barycentric dynamical one (days), the light's way to the barycentre neglected."""
    moment = astro.from_mjd(tdb_mjd)
    leap_s = 64.184 + sum(moment >= leap for leap in _LEAP_SECONDS)
    return tdb_mjd - leap_s / _DAY_S
