"""Flux densities at 1 keV from count rates, by the spectrum's power-law fit (card: Data products).

The fit's observed flux over the mean rate of the same time gives the flux of one count; the photon index
spreads it over the band. It takes the spectrum's shape as constant and leaves the fit's own error out, so
every row that gets a flux here is flagged `derived`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from slew.photometry import DERIVED, Row
from swift_xrt.light_curve import Point, number

ZP = 23.9
"""Of microjansky."""
LIMIT_SIGMAS = 3.0
"""Of a bin that has no more than the background."""

_BAND_KEV = (0.3, 10.0)
_UJY_KEV = 662.6
"""Flux density, uJy, of 1 keV/cm2/s/keV: one keV over Planck's constant is a band of 2.418e17 Hz."""
_ERG_PER_KEV = 1.602e-9


def density(flux: float, gamma: float) -> float:
    """Flux density at 1 keV, uJy, of a power law of photon index `gamma`.

    `flux` in erg/cm2/s, 0.3-10 keV.
    """
    low, high = _BAND_KEV
    index = 2 - gamma
    span = math.log(high / low) if abs(index) < 1e-6 else (high**index - low**index) / index
    return _UJY_KEV * flux / _ERG_PER_KEV / span


def power_laws(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The usable power-law fits of an answer of the service: slice, mode, span (MET, s), index, flux."""
    t0, names = number(content.get("T0")), content.get("rnames")
    if t0 is None or not isinstance(names, list):
        return []
    found = []
    for name in map(str, names):
        part = content.get(name)
        if isinstance(part, Mapping) and isinstance(part.get("Modes"), list):
            for mode in map(str, part["Modes"]):
                if law := _power_law(part, mode, t0):
                    found.append({"slice": name, "mode": mode, **law})
    return found


def _power_law(part: Mapping[str, Any], mode: str, t0: float) -> dict[str, float] | None:
    fit = part.get(mode)
    law = fit.get("PowerLaw") if isinstance(fit, Mapping) else None
    if not isinstance(law, Mapping) or "NOFIT" in law:
        return None
    start, stop = number(part.get("Start")), number(part.get("Stop"))
    gamma, flux = number(law.get("Gamma")), number(law.get("ObsFlux"))
    if start is None or stop is None or gamma is None or flux is None or flux <= 0:
        return None
    return {"start": t0 + start, "stop": t0 + stop, "gamma": gamma, "flux": flux}


def with_densities(points: Sequence[Point], laws: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows, with flux densities where a fit gives them."""
    factors = [(law, factor) for law in laws if (factor := _per_count(points, law)) is not None]
    return [_derived(point, factors) for point in points]


def _per_count(points: Sequence[Point], law: Mapping[str, Any]) -> float | None:
    """uJy of one ct/s: the fit's flux over the mean rate, weighted by exposure, of the same mode and time."""
    inside = [
        point
        for point in points
        if point.mode == law["mode"] and point.rate is not None and law["start"] <= point.met_s <= law["stop"]
    ]
    weights = [point.exposure_s or 1.0 for point in inside]
    counts = sum(weight * (point.rate or 0.0) for weight, point in zip(weights, inside, strict=True))
    if counts <= 0:
        return None
    return density(law["flux"], law["gamma"]) * sum(weights) / counts


def _derived(point: Point, factors: Sequence[tuple[Mapping[str, Any], float]]) -> Row:
    if not factors:
        return point.row
    law, factor = max(factors, key=lambda each: _fitness(point, each[0]))
    about = {"ujy_per_ct_s": factor, "photon_index": law["gamma"], "spectrum": law["slice"]}
    extra = {**point.row.extra, **about}
    row = replace(point.row, zp=ZP, flags=(*point.row.flags, DERIVED), extra=extra)
    if point.limit is not None:
        bright = point.limit * factor
        return replace(row, limiting_mag=ZP - 2.5 * math.log10(bright)) if bright > 0 else row
    if point.rate is None:
        return point.row
    flux = point.rate * factor
    error = point.error * factor if point.error is not None else None
    if flux <= 0:
        row = replace(row, flux=flux, flux_err=error)
        if not error:
            return row
        limiting_mag = ZP - 2.5 * math.log10(LIMIT_SIGMAS * error)
        return replace(row, limiting_mag=limiting_mag, extra={**extra, "limiting_mag_nsigma": LIMIT_SIGMAS})
    mag_err = 2.5 / math.log(10) * error / flux if error is not None else None
    return replace(row, flux=flux, flux_err=error, mag=ZP - 2.5 * math.log10(flux), mag_err=mag_err)


def _fitness(point: Point, law: Mapping[str, Any]) -> tuple[bool, bool]:
    """Its own mode's fit first, then one of its own time."""
    return point.mode == law["mode"], law["start"] <= point.met_s <= law["stop"]
