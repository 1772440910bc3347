"""The target's recent photometry, from which SEDM chooses exposure times (card: Submit, Base URL)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from slew import astro
from slew.models import PhotometryPoint

MJD_TO_JD = 2400000.5
ASSUMED_MAG = 17.0
_BAND = re.compile(
    r"(?:(?:ztf|sdss|des|decam|ps1|panstarrs|lsst|atlas)?[:_-]{0,2})?([gri])(?:[:_-]?(?:ztf|sdss|ps1))?", re.I
)


@dataclass(frozen=True)
class ExposureTimes:
    """Seconds that SEDM takes by itself."""

    ifu: float
    gri: float
    u: float

    def of(self, band: str) -> float:
        """Of `IFU` or a filter."""
        return self.ifu if band == "IFU" else self.u if band == "u" else self.gri


LONGEST = ExposureTimes(2250, 180, 300)
"""Of every brightness (card: Submit): no target gets more unless an exposure time is given."""


def band(filter_name: str) -> str | None:
    """SEDM's letter of a bandpass, `g`, `r` or `i`; None for another one (`ztfg` is one, `atlaso` not)."""
    match = _BAND.fullmatch(filter_name.strip())
    return match[1].lower() if match else None


def newest(points: Iterable[PhotometryPoint]) -> list[tuple[str, float, float]]:
    """Band, MJD (d) and AB magnitude of each band's newest detection, by time: SEDM goes by the last one."""
    found: dict[str, tuple[float, float]] = {}
    for point in sorted(points, key=lambda each: each.mjd):
        letter = band(point.filter or "")
        if letter and point.mag is not None and point.mag_sys.lower() == "ab":
            found[letter] = (point.mjd, point.mag)
    return sorted(((letter, *point) for letter, point in found.items()), key=lambda each: each[1])


def prior_photometry(points: Iterable[tuple[str, float, float]]) -> dict[str, dict[str, float | str]]:
    """The wire's form: `{band: {jd, mag, obsdate}}`, in the given order."""
    return {
        letter: {"jd": mjd + MJD_TO_JD, "mag": mag, "obsdate": astro.from_mjd(mjd).date().isoformat()}
        for letter, mjd, mag in points
    }


def exposure_times(mag: float) -> ExposureTimes:
    """What SEDM takes for a target of that magnitude; bright ones get more, by a slip in its code."""
    if mag > 18:
        return ExposureTimes(2250, 180, 300)
    if mag < 15:
        return ExposureTimes(2000, 120, 300)
    return ExposureTimes(1800, 90, 270)
