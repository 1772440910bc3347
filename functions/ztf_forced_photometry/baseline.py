"""The zero level and the true scatter of each reference image's epochs (card: stages 2 and 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from ztf_forced_photometry.light_curve_file import Epoch

LEAST_EPOCHS = 10
"""Fewer tell nothing of a level or a scatter; the guide wants about 30."""
_NEAR_ONE = 0.1


@dataclass(frozen=True)
class Correction:
    """What is subtracted from a group's fluxes (DN; None: no baseline), and what its errors are scaled by."""

    level: float | None = None
    epochs: int = 0
    error_scale: float = 1.0


def corrections(good: Iterable[Epoch], is_free: Callable[[Epoch], bool]) -> dict[tuple[str, ...], Correction]:
    """The correction of each group, from its good epochs; `is_free` tells those free of the transient."""
    groups: dict[tuple[str, ...], list[Epoch]] = {}
    for epoch in good:
        groups.setdefault(epoch.key, []).append(epoch)
    return {key: _correction(epochs, is_free) for key, epochs in groups.items()}


def _correction(epochs: Sequence[Epoch], is_free: Callable[[Epoch], bool]) -> Correction:
    scale = _chi_square_scale(epochs)
    free = [(e.flux, e.unc) for e in epochs if e.flux is not None and e.unc is not None and is_free(e)]
    if len(free) < LEAST_EPOCHS:
        return Correction(None, len(free), scale)
    level = median(flux for flux, _ in free)
    cuts = quantiles([(flux - level) / (unc * scale) for flux, unc in free], n=100, method="inclusive")
    return Correction(level, len(free), scale * max(1.0, (cuts[83] - cuts[15]) / 2))


def _chi_square_scale(epochs: Sequence[Epoch]) -> float:
    found = [chi for chi in (e.number("forcediffimchisq") for e in epochs) if chi is not None and chi > 0]
    if len(found) < LEAST_EPOCHS:
        return 1.0
    typical = median(found)
    return 1.0 if abs(typical - 1) <= _NEAR_ONE else math.sqrt(typical)
