"""A light curve's JSON turned into photometry rows (card: Data products).

Count rates are no flux densities: a row keeps them in `extra`, with the unit in the name, and has a flux
only where one is derived from the spectrum (see `flux`). Rows come from the data sets of a mode's detections
and of its upper limits; hardness ratios and sub-bands are no measurements of their own, and the variants
`_nosys` and `_incbad` repeat the same bins, so they count only where the plain set is missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slew.pages import for_people
from slew.photometry import UPPER_LIMIT, Row
from swift_xrt import met

FILTER = "swiftxrt"
_DAY_S = 86400.0
_ABSOLUTE_MET_S = 1e8
_SET = re.compile(r"^(WT|PC)(UL)?((?:_[a-z]+)*)$")
_NAMES = {
    "Rate": "rate_ct_s",
    "RatePos": "rate_err_pos_ct_s",
    "RateNeg": "rate_err_neg_ct_s",
    "UpperLimit": "upper_limit_ct_s",
    "FracExp": "fractional_exposure",
    "BGrate": "background_ct_s",
    "BGerr": "background_err_ct_s",
    "CorrFact": "correction_factor",
    "CtsInSrc": "counts_ct",
    "BGInSrc": "background_counts_ct",
    "Exposure": "exposure_s",
    "Sigma": "significance_sigma",
    "ObsID": "obsid",
}


@dataclass(frozen=True)
class Point:
    """One bin: its row, and what a conversion to flux needs of it (s of mission time; ct/s)."""

    row: Row
    mode: str
    met_s: float
    rate: float | None
    error: float | None
    limit: float | None
    exposure_s: float


def points(content: bytes, t0: float | None, band: str = "0.3-10") -> list[Point]:
    """All bins, by time. `t0`: the job's reference time (MET, s), for answers that have none.

    Raises ValueError where the content is no light curve.
    """
    answer = _answer(content)
    told = number(answer.get("T0"))
    clock = _Clock(str(answer.get("TimeFormat") or "MET").upper(), told if told is not None else t0)
    found = [_point(values, name, clock, band) for name in _chosen(answer) for values in _rows(answer, name)]
    return sorted(found, key=lambda point: point.row.mjd)


@dataclass(frozen=True)
class _Clock:
    """How an answer tells time: MJD or TDB in days, MET in seconds, since T0 if it has one."""

    form: str
    t0: float | None

    def met_s(self, time: float) -> float:
        if self.form != "MET":
            return (self.mjd(time) - met.EPOCH_MJD) * _DAY_S - met.UTCF_S
        if self.t0 is None and time < _ABSOLUTE_MET_S:
            raise ValueError("the light curve counts its times from a T0 that it does not name")
        return time + (self.t0 or 0.0)

    def mjd(self, time: float) -> float:
        if self.form == "MJD":
            return time
        if self.form == "TDB":
            return met.tdb_to_mjd(time)
        if self.form != "MET":
            raise ValueError(f"the light curve's time format {for_people(self.form, 20)!r} is not known")
        return met.to_mjd(self.met_s(time))

    @property
    def flags(self) -> tuple[str, ...]:
        return () if self.form == "MJD" else ("mjd_approximate",)

    @property
    def days(self) -> float:
        """Days of one unit."""
        return 1 / _DAY_S if self.form == "MET" else 1.0


def _answer(content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("the light curve is not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("Datasets"), list):
        raise ValueError("the light curve names no data sets")
    return answer


def _chosen(answer: Mapping[str, Any]) -> list[str]:
    """The data sets that are read: one of each mode's detections and of its limits, the plain one first."""
    best: dict[tuple[str, bool], str] = {}
    for name in sorted(map(str, answer["Datasets"]), key=len):
        if match := _SET.match(name):
            best.setdefault((match[1], bool(match[2])), name)
    return list(best.values())


def _rows(answer: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    found = answer.get(f"{name}Data")
    columns = found.get("columns") if isinstance(found, Mapping) else None
    data = found.get("data") if isinstance(found, Mapping) else None
    if not isinstance(columns, list) or not isinstance(data, list):
        raise ValueError(f"the light curve's data set {name} is missing")
    for values in data:
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != len(columns):
            raise ValueError(f"a row of {name} has not as many values as there are columns")
        yield dict(zip(map(str, columns), values, strict=True))


def _point(values: dict[str, Any], name: str, clock: _Clock, band: str) -> Point:
    match = _SET.match(name)
    if match is None:
        raise ValueError(f"{name} is no light curve")
    mode, is_limit, variant = match[1], bool(match[2]), match[3]
    time = number(values.get("Time"))
    if time is None:
        raise ValueError(f"a row of {name} has no time")
    if is_limit and "UpperLimit" not in values:
        values = {**values, "UpperLimit": values.get("Rate")}
    if is_limit:
        values = {key: value for key, value in values.items() if key != "Rate"}
    rate = None if is_limit else number(values.get("Rate"))
    limit = number(values.get("UpperLimit")) if is_limit else None
    errors = [abs(each) for each in map(number, (values.get("RatePos"), values.get("RateNeg"))) if each]
    flags = [*clock.flags, *variant.split("_")[1:]]
    if is_limit:
        flags.append(UPPER_LIMIT)
    if rate is None and limit is None:
        flags.append("unreadable")
    row = Row(
        mjd=clock.mjd(time),
        filter=FILTER,
        snr=None if is_limit else number(values.get("SNR")),
        flags=tuple(flags),
        extra={"mode": mode, "band_kev": band, **_extra(values, clock.days)},
    )
    error = sum(errors) / len(errors) if errors and not is_limit else None
    return Point(row, mode, clock.met_s(time), rate, error, limit, number(values.get("Exposure")) or 0.0)


def _extra(values: Mapping[str, Any], days: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, name in (("TimePos", "time_pos_d"), ("TimeNeg", "time_neg_d")):
        width = number(values.get(column))
        if width is not None:
            found[name] = width * days
    for column, name in _NAMES.items():
        if column in values:
            value = number(values[column]) if column != "ObsID" else None
            found[name] = value if value is not None else str(values[column])[:50]
    return found


def number(value: Any) -> float | None:
    """A finite number, which may come as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
