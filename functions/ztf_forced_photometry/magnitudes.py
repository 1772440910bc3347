"""Magnitudes and limits from fluxes, total fluxes, combined epochs (card: stages 4, 5 and 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DETECTION_SNR = 3.0
LIMIT_SIGMAS = 5.0
MICROJANSKY_ZP = 23.9
POGSON = 1.0857


@dataclass(frozen=True)
class Flux:
    """A flux and its error (1 sigma), in units of which one has AB magnitude `zp`."""

    value: float
    error: float
    zp: float

    @property
    def snr(self) -> float:
        """Signal to noise; not the file's `forcediffimsnr`, which is 1.1124 times too large."""
        return self.value / self.error

    @property
    def magnitude(self) -> tuple[float, float] | None:
        """AB magnitude and its error; None without a detection."""
        if self.snr <= DETECTION_SNR:
            return None
        return self.zp - 2.5 * math.log10(self.value), POGSON / self.snr

    @property
    def limit(self) -> float:
        """The 5 sigma limit, AB magnitude, at the position."""
        return self.zp - 2.5 * math.log10(LIMIT_SIGMAS * self.error)

    def at(self, zp: float) -> Flux:
        """The same in units of another zero point; with 23.9 in microjansky."""
        scale = 10 ** (0.4 * (zp - self.zp))
        return Flux(self.value * scale, self.error * scale, zp)


def total(difference: Flux, reference_mag: float, reference_err: float) -> Flux:
    """The difference plus the reference source; the errors are added, which is the cautious way."""
    reference = 10 ** (0.4 * (difference.zp - reference_mag))
    error = reference_err * reference / POGSON
    return Flux(difference.value + reference, math.hypot(difference.error, error), difference.zp)


def combined(fluxes: Sequence[Flux]) -> Flux:
    """The mean of fluxes of one filter, weighted by inverse variance, at their mean zero point."""
    zp = sum(flux.zp for flux in fluxes) / len(fluxes)
    scaled = [flux.at(zp) for flux in fluxes]
    smallest = min(flux.error for flux in scaled)
    weights = [(smallest / flux.error) ** 2 for flux in scaled]
    mean = sum(w * flux.value for w, flux in zip(weights, scaled, strict=True)) / sum(weights)
    return Flux(mean, smallest * sum(weights) ** -0.5, zp)
