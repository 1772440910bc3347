"""The text file of a light curve, single or batch, read by the names of its columns (card: File format)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from slew.pages import for_people

_NOTHING = frozenset({"null", "none", "-", "--", "nan", "-nan", "inf", "-inf"})
_MISSING = -99998.0  # batch files print -99999 for what is missing
_LARGEST = 1e30  # no column holds a number as large; JSON could not carry an infinite magnitude
_LEAST_ERROR = 1e-12
_ZERO_POINTS = (0.0, 60.0)
WHOLE = ("index", "sindex", "field", "ccdid", "qid", "pid", "infobitssci", "programid", "rfid")
MEASURED = (
    *("exptime", "sciinpseeing", "scisigpix", "diffmaglim", "forcediffimflux", "forcediffimfluxunc"),
    *("forcediffimchisq", "dnearestrefsrc", "nearestrefmag", "nearestrefmagunc", "nearestrefsharp"),
    *("refjdstart", "refjdend"),
)
_NUMBERS = frozenset({*WHOLE, *MEASURED, "diffimgstatus"})
_HEAD = re.compile(r"^#\s*Requested input (R\.A\.|Dec\.)\s*=\s*(\S+)\s+degrees")
_NEEDED = ("filter", "jd", "zpdiff", "forcediffimflux", "forcediffimfluxunc", "procstatus")


@dataclass(frozen=True)
class Epoch:
    """One row: its cells by column, and what the reduction computes with; None for what is missing.

    `numbers` are those of the columns that we know, in the units of the card. `flux` and `unc` are in
    DN of the difference image, `zp` is its AB zero point, `jd` the start of the exposure (UTC).
    `key` names the reference image: field, CCD, quadrant and filter.
    """

    cells: Mapping[str, str]
    numbers: Mapping[str, float | None]
    jd: float
    filter: str
    flux: float | None
    unc: float | None
    zp: float | None
    codes: frozenset[int]

    @property
    def mjd(self) -> float:
        """MJD (UTC) of the start of the exposure; the file's six decimals without the noise of a float."""
        return round(self.jd - 2400000.5, 8)

    @property
    def is_measured(self) -> bool:
        """Whether it has a flux with an error."""
        return self.flux is not None and self.unc is not None and self.unc > _LEAST_ERROR

    @property
    def key(self) -> tuple[str, ...]:
        """The reference image that the flux is a difference to."""
        return tuple(self.cells.get(name, "") for name in ("field", "ccdid", "qid", "filter"))

    def number(self, column: str) -> float | None:
        """A column's number; None where it is absent or missing."""
        return self.numbers.get(column)


@dataclass(frozen=True)
class LightCurveFile:
    """A file: the requested position in degrees where the head tells it, and every row.

    `unread`: why each line that is none cannot be read.
    """

    ra: float | None
    dec: float | None
    epochs: tuple[Epoch, ...]
    unread: tuple[str, ...]


def read(content: bytes) -> LightCurveFile:
    """The file. Raises ValueError, naming the line, for what is not one."""
    position: dict[str, float] = {}
    columns: list[str] = []
    epochs: list[Epoch] = []
    unread: list[str] = []
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), 1):
        if found := _HEAD.match(line):
            position[found[1]] = _required(found[2], f"line {number}: the requested position")
        if line.startswith("#") or not line.strip():
            continue
        if not columns:
            columns = [name.strip() for name in line.split(",")]
            if absent := [name for name in _NEEDED if name not in columns]:
                raise ValueError(f"line {number}: no light curve: column {', '.join(absent)} is missing")
            continue
        try:
            epochs.append(_epoch(columns, line.split()))
        except ValueError as error:
            unread.append(f"line {number}: {error}")
    if not columns:
        raise ValueError("no light curve: there is no line of columns")
    return LightCurveFile(position.get("R.A."), position.get("Dec."), tuple(epochs), tuple(unread))


def _epoch(columns: list[str], cells: list[str]) -> Epoch:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} values for {len(columns)} columns")
    row = dict(zip(columns, cells, strict=True))
    return Epoch(
        row,
        {name: _number(cell, name) for name, cell in row.items() if name in _NUMBERS},
        _required(row["jd"], "jd"),
        row["filter"].replace("_", "").lower(),
        _number(row["forcediffimflux"], "forcediffimflux"),
        _number(row["forcediffimfluxunc"], "forcediffimfluxunc"),
        _zero_point(row["zpdiff"]),
        _codes(row["procstatus"]),
    )


def _codes(text: str) -> frozenset[int]:
    try:
        return frozenset(int(code) for code in text.split(",") if code not in ("", "null"))
    except ValueError:
        raise ValueError(f"procstatus is no list of codes: {for_people(text, 20)!r}") from None


def _zero_point(text: str) -> float | None:
    value = _number(text, "zpdiff")
    return value if value is not None and _ZERO_POINTS[0] < value < _ZERO_POINTS[1] else None


def _required(text: str, column: str) -> float:
    value = _number(text, column)
    if value is None:
        raise ValueError(f"{column} is missing")
    return value


def _number(text: str, column: str) -> float | None:
    if text.lower() in _NOTHING or not text.strip("*"):
        return None  # asterisks: the number is wider than its column
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} is no number: {for_people(text, 20)!r}") from None
    return value if _MISSING < value < _LARGEST else None
