"""A request's measurements as others read them: cut as asked for, as CSV, ECSV, or SkyPortal's photometry.

Rows are `slew.photometry.Row` as JSON objects. Nothing is cut unless a cut is named.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slew import http_api
from slew.errors import Invalid
from slew.photometry import DESCRIPTIONS, OTHER_FILTER

Rows = Sequence[Mapping[str, Any]]

MICROJANSKY_ZP = 23.9
CUTS = ("min_snr", "since", "until", "filters", "unflagged")
"""The query parameters that cut."""
COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "mjd": ("float64", "d", "Time, MJD (UTC)"),
    "filter": ("string", "", "Bandpass"),
    "flux": ("float64", "", "Flux, of which mag = -2.5 log10(flux) + zp"),
    "flux_err": ("float64", "", "Its error (1 sigma)"),
    "zp": ("float64", "mag", "Zero point of the flux"),
    "magsys": ("string", "", "Magnitude system"),
    "mag": ("float64", "mag", "Magnitude of a detection"),
    "mag_err": ("float64", "mag", "Its error (1 sigma)"),
    "limiting_mag": ("float64", "mag", "Limiting magnitude"),
    "snr": ("float64", "", "Flux over its error"),
    "flags": (
        "string",
        "",
        "What it is, or why one may not want it, in the facility's terms, joined by commas",
    ),
}
"""Type, unit and meaning of each column."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
"""Python's own would take `1_0` too."""
_UNITS = {"_ct_s": "ct / s", "_ct": "ct", "_s": "s", "_d": "d", "_kev": "keV", "_ra": "deg", "_dec": "deg"}
"""Of further columns whose names end in theirs."""
_NO_VALUE = frozenset({"", "none", "null", "nan"})
"""What facilities write in a further column for a value that there is none of."""


@dataclass(frozen=True)
class Cuts:
    """What to leave out; each None, empty or false leaves out nothing.

    `min_snr`: rows of a smaller signal-to-noise ratio, or of none. `since`, `until`: MJD (UTC), days.
    `filters`: all others. `unflagged`: rows with a flag that does not only say what they are.
    """

    min_snr: float | None = None
    since: float | None = None
    until: float | None = None
    filters: tuple[str, ...] = ()
    unflagged: bool = False

    def keeps(self, row: Mapping[str, Any]) -> bool:
        """Whether a row stays."""
        snr, mjd = row.get("snr"), row["mjd"]
        return not (
            (self.min_snr is not None and (snr is None or snr < self.min_snr))
            or (self.since is not None and mjd < self.since)
            or (self.until is not None and mjd > self.until)
            or (self.filters and row["filter"] not in self.filters)
            or (self.unflagged and not DESCRIPTIONS.issuperset(row.get("flags") or ()))
        )


def cuts_of(parameters: Mapping[str, str]) -> Cuts:
    """The cuts that a query names. Raises Invalid."""
    filters = tuple(each.strip() for each in parameters.get("filters", "").split(",") if each.strip())
    if "filters" in parameters and not filters:
        raise Invalid.field(["query", "filters"], "must name filters, separated by commas")
    since, until = _number(parameters, "since"), _number(parameters, "until")
    if since is not None and until is not None and until < since:
        raise Invalid.field(["query", "until"], "must not be before since")
    return Cuts(
        min_snr=_number(parameters, "min_snr"),
        since=since,
        until=until,
        filters=filters,
        unflagged=http_api.flag(parameters, "unflagged"),
    )


def select(rows: Rows, cuts: Cuts) -> list[Mapping[str, Any]]:
    """The rows that the cuts leave."""
    return [row for row in rows if cuts.keeps(row)]


def as_csv(rows: Rows) -> str:
    """Comma-separated, a header line first, the facility's further columns last; absent values are empty."""
    further = _further(rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *further])
    writer.writerows([*_cells(row), *_further_cells(row, further)] for row in rows)
    return text.getvalue()


def units(rows: Rows, own: Mapping[str, str]) -> dict[str, str]:
    """The unit of each column of these rows that has one, the facility's further columns last.

    `own`: those that the facility declares.
    """
    known = {name: unit for name, (_, unit, _) in COLUMNS.items() if unit}
    zero_points = {row.get("zp") for row in rows if row.get("flux") is not None}
    if zero_points == {MICROJANSKY_ZP}:
        known |= {"flux": "uJy", "flux_err": "uJy"}
    numbers = [name for name, kind in _further(rows).items() if kind in ("int64", "float64")]
    return known | {name: unit for name in numbers if (unit := own.get(name) or _unit(name))}


def as_ecsv(rows: Rows, about: Mapping[str, str], own: Mapping[str, str]) -> str:
    """Enhanced CSV (astropy's text table with units); `about` becomes the table's metadata.

    `own`: units, as of `units`.
    """
    known = {name: {"datatype": kind, "description": meaning} for name, (kind, _, meaning) in COLUMNS.items()}
    further = {name: {"datatype": kind} for name, kind in _further(rows).items()}
    unit = units(rows, own)
    columns = [
        {"name": name, **({"unit": unit[name]} if name in unit else {}), **column}
        for name, column in {**known, **further}.items()
    ]
    lines = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
    lines += [f"- {json.dumps(column)}" for column in columns]
    lines.append(f"meta: {json.dumps(dict(about))}")
    lines.append("schema: astropy-2.0")
    return "".join(f"# {line}\n" for line in lines) + as_csv(rows)


def as_skyportal(
    rows: Rows, obj_id: str, instrument_id: int | None = None, group_ids: Sequence[int] = ()
) -> dict[str, Any]:
    """The body of SkyPortal's `POST /api/photometry`, in flux space, of the rows that it takes.

    One that it does not take would have it refuse them all. `instrument_id` and `group_ids` are the numbers
    of that SkyPortal.
    """
    told = for_skyportal(rows)
    extras = [row.get("extra") or {} for row in told]
    columns = {
        name: [row.get(ours) for row in told]
        for name, ours in (
            ("mjd", "mjd"),
            ("filter", "filter"),
            ("flux", "flux"),
            ("fluxerr", "flux_err"),
            ("zp", "zp"),
            ("magsys", "magsys"),
        )
    }
    for name in ("ra", "dec", "origin"):
        if told and all(extra.get(name) is not None for extra in extras):
            columns[name] = [extra[name] for extra in extras]
    flagged = [{"flags": list(row["flags"])} if row.get("flags") else {} for row in told]
    return {
        "obj_id": obj_id,
        **({} if instrument_id is None else {"instrument_id": instrument_id}),
        **({"group_ids": list(group_ids)} if group_ids else {}),
        **columns,
        "altdata": flagged,
    }


def for_skyportal(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows that SkyPortal takes: measured, with an error and a zero point, in a known filter, each once.

    A flux that is missing it would take for a non-detection.
    """
    taken: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        measured = row.get("flux") is not None and (row.get("flux_err") or 0) > 0
        if measured and row.get("zp") is not None and OTHER_FILTER not in (row.get("flags") or ()):
            taken.setdefault((row["mjd"], row["flux"], row["flux_err"], row["zp"]), row)
    return list(taken.values())


def _cells(row: Mapping[str, Any]) -> list[Any]:
    cells = {**row, "flags": ",".join(row.get("flags") or ())}
    return ["" if cells.get(name) is None else cells[name] for name in COLUMNS]


def _further(rows: Rows) -> dict[str, str]:
    """The names of the facility's further columns, as they come first, and the type of each."""
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in (row.get("extra") or {}).items():
            if name not in COLUMNS:
                values.setdefault(name, []).append(value)
    return {name: _type_of([each for each in found if _is_value(each)]) for name, found in values.items()}


def _type_of(values: Sequence[Any]) -> str:
    if values and all(isinstance(each, bool) for each in values):
        return "bool"
    if any(isinstance(each, bool) for each in values):
        return "string"
    if values and all(isinstance(each, int) and abs(each) < 2**63 for each in values):
        return "int64"
    return "float64" if values and all(isinstance(each, int | float) for each in values) else "string"


def _further_cells(row: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    extra = row.get("extra") or {}
    return [_cell(extra.get(name)) for name in names]


def _cell(value: Any) -> Any:
    if not _is_value(value):
        return ""
    if isinstance(value, int | float):
        return value
    return " ".join((value if isinstance(value, str) else json.dumps(value)).split())


def _is_value(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and value.strip().lower() in _NO_VALUE)


def _unit(name: str) -> str:
    """The unit of a further column, which its name ends in."""
    return next((unit for ending, unit in _UNITS.items() if f"_{name}".endswith(ending)), "")


def _number(parameters: Mapping[str, str], name: str) -> float | None:
    if name not in parameters:
        return None
    value = float(parameters[name]) if _NUMBER.fullmatch(parameters[name]) else float("nan")
    if not abs(value) < 1e9:
        raise Invalid.field(["query", name], "must be a number")
    return value
