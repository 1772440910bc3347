"""Measurements of a target's brightness, as every facility's files are turned into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OTHER_FILTER = "other_filter"
"""Flag of a row whose filter has no name that others know."""

DERIVED = "derived"
"""Flag of a row whose flux has been computed from something else."""
UPPER_LIMIT = "upper_limit"
"""Flag of a row that is none but a limit."""
DESCRIPTIONS = frozenset({DERIVED, UPPER_LIMIT})
"""Flags that say what a row is; each of the others is a reason not to want it."""
_REASONS = 3


@dataclass(frozen=True)
class Row:
    """One measurement.

    - `mjd`: time (UTC), days; `filter`: bandpass, in sncosmo's names where it has one.
    - `flux`, `flux_err`: in units such that `mag = -2.5 log10(flux) + zp`; microjansky have `zp` 23.9.
    - `magsys`: `ab` or `vega`; `limiting_mag`: at the facility's significance, magnitudes.
    - `flags`: what it is (`DESCRIPTIONS`) or why one may not want it, in the facility's terms; no row
      is left out.
    - `extra`: the facility's further columns; plain JSON values. `ra`, `dec` (degrees) and `origin` (`fp` of
      forced photometry) have these names.
    """

    mjd: float
    filter: str
    flux: float | None = None
    flux_err: float | None = None
    zp: float | None = None
    magsys: str = "ab"
    mag: float | None = None
    mag_err: float | None = None
    limiting_mag: float | None = None
    snr: float | None = None
    flags: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


class PartlyRead(ValueError):
    """Some of a file's measurements cannot be read; the text says how many, and why. `rows`: the others."""

    def __init__(self, rows: Sequence[Row], faults: Sequence[str]) -> None:
        reasons = "; ".join([*faults[:_REASONS], *(["..."] if len(faults) > _REASONS else [])])
        super().__init__(f"{len(faults)} of its lines cannot be read: {reasons}")
        self.rows = tuple(rows)


def readable(rows: Sequence[Row], faults: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a file. `faults`: why each other line cannot be read.

    Raises PartlyRead where there are some, ValueError where nothing else is there.
    """
    if faults:
        raise PartlyRead(rows, faults) if rows else ValueError(faults[0])
    return tuple(rows)
