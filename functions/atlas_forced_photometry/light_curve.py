"""From the server's result file to photometry (card: Data products, Our reduction).

No row is left out: what the server's own advice drops carries the reasons in `flags`, and `drop` in `extra`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slew.pages import for_people
from slew.photometry import OTHER_FILTER, Row, readable

ZP = 23.9
DETECTION_SNR = 3.0
LIMIT_SIGMAS = 3.0
POGSON = 1.0857
FILTERS = {"c": "atlasc", "o": "atlaso"}
TEMPLATE_CHANGES = (58417.0, 58882.0)

_MARK = "###"
_NEEDED = ("MJD", "uJy", "duJy", "F")
_LARGEST = 1e30  # no column holds a number as large; JSON could not carry an infinite magnitude
_NO_SOLUTION_MAG5SIG = 10.0
# The FAQ's cuts: a good value lies between the two, ends excluded (card: The server's own advice).
_CUTS = {
    "duJy": (-math.inf, 10000.0),
    "x": (100.0, 10460.0),
    "y": (100.0, 10460.0),
    "maj": (1.6, 5.0),
    "min": (1.6, 5.0),
    "apfit": (-1.0, -0.1),
    "mag5sig": (17.0, math.inf),
    "Sky": (17.0, math.inf),
}
_EXTRA = {
    "chi/N": "chi_n",
    "RA": "ra",
    "Dec": "dec",
    "m": "m",
    "dm": "dm",
    "mag5sig": "mag5sig",
    "err": "err",
}


@dataclass(frozen=True)
class _Line:
    """What a line of the file says, and why the FAQ drops it. `exposure`: the file's `Obs`."""

    mjd: float
    letter: str
    exposure: str | None
    values: Mapping[str, float | None]
    faults: tuple[str, ...]


def rows(content: bytes, *, reduced: bool = False) -> tuple[Row, ...]:
    """Every row of a result file, in its order; none of a file with a head line only.

    `reduced`: of the reduced images, so that the fluxes are total ones. Raises ValueError, naming the line,
    for what is not such a file, PartlyRead where lines of it cannot be read.
    """
    columns: list[str] = []
    lines: list[_Line] = []
    unread: list[str] = []
    for number, text in enumerate(content.decode("utf-8-sig", "replace").splitlines(), 1):
        if text.startswith(_MARK):
            columns = text.removeprefix(_MARK).split()
            if absent := [name for name in _NEEDED if name not in columns]:
                raise ValueError(f"line {number}: no result file: column {', '.join(absent)} is missing")
            continue
        if not text.strip() or text.startswith("#"):
            continue
        if not columns:
            raise ValueError("no result file: the head line is missing")
        try:
            lines.append(_line(columns, text.split()))
        except ValueError as error:
            unread.append(f"line {number}: {error}")
    if not columns:
        raise ValueError("no result file: the head line is missing")
    counting = _counting(lines)
    found = [
        _row(line, reduced=reduced, is_repeated=counting.get(line.exposure, line) is not line)
        for line in lines
    ]
    return readable(found, unread)


def _line(columns: Sequence[str], cells: Sequence[str]) -> _Line:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} values for {len(columns)} columns")
    row = dict(zip(columns, cells, strict=True))
    values = {name: _number(row, name) for name in row if name not in ("F", "Obs")}
    mjd = values["MJD"]
    if mjd is None:
        raise ValueError("MJD is missing")
    return _Line(mjd, row["F"], row.get("Obs"), values, _faults(values))


def _counting(lines: Iterable[_Line]) -> dict[str | None, _Line]:
    """The line that counts of each exposure: the first good one, or the first."""
    counting: dict[str | None, _Line] = {}
    for line in lines:
        if line.exposure:
            known = counting.setdefault(line.exposure, line)
            if known.faults and not line.faults:
                counting[line.exposure] = line
    return counting


def _row(line: _Line, *, reduced: bool, is_repeated: bool) -> Row:
    values, mjd = line.values, line.mjd
    flux, unc = values["uJy"], values["duJy"]
    faults = (*line.faults, *(("duplicate",) if is_repeated else ()))
    letter = line.letter
    extra: dict[str, Any] = {name: values[column] for column, name in _EXTRA.items() if column in values}
    extra |= {
        "obs": line.exposure,
        "origin": "fp",
        "mjd_of": "start of exposure",
        "images": "reduced" if reduced else "difference",
        "template_era": None if reduced else sum(mjd >= change for change in TEMPLATE_CHANGES),
        "drop": bool(faults),
    }
    flags = (*faults, *((OTHER_FILTER,) if letter not in FILTERS else ()))
    name = FILTERS.get(letter, letter)
    if flux is None or unc is None or unc <= 0:
        return Row(mjd, name, flux, unc, ZP, flags=flags, extra=extra)
    snr = flux / unc
    detected = snr >= DETECTION_SNR
    return Row(
        mjd,
        name,
        flux,
        unc,
        ZP,
        "ab",
        ZP - 2.5 * math.log10(flux) if detected else None,
        POGSON / snr if detected else None,
        None if detected else ZP - 2.5 * math.log10(LIMIT_SIGMAS * unc),
        snr,
        flags,
        {**extra, "limiting_mag_nsigma": LIMIT_SIGMAS},
    )


def _faults(values: Mapping[str, float | None]) -> tuple[str, ...]:
    """Why the FAQ drops a row; a column that is not there is not held against it."""
    flux, unc, limit = values["uJy"], values["duJy"], values.get("mag5sig")
    found = ["no_flux"] if flux is None or unc is None or unc <= 0 else []
    if values.get("err", 0.0) != 0:
        found.append("err")
    for name, (low, high) in _CUTS.items():
        value = values.get(name)
        if name in values and (value is None or not low < value < high):
            found.append(name)
    if limit is not None and limit < _NO_SOLUTION_MAG5SIG:
        found.append("no_photometric_solution")
    return tuple(found)


def _number(cells: Mapping[str, str], column: str) -> float | None:
    """A cell's number; None where there is none, as in `nan`. Raises ValueError for other text."""
    text = cells[column]
    try:
        value = float(text)
    except ValueError:
        if text.lower() in ("null", "none", "-", "--") or not text.strip("*"):
            return None  # asterisks: the number is wider than its column
        if column in _NEEDED or column in _CUTS or column in _EXTRA:
            raise ValueError(f"{column} is no number: {for_people(text, 20)!r}") from None
        return None  # a column that we do not know
    return value if abs(value) < _LARGEST else None
