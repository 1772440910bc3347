"""Small FITS files made by hand: header cards, a tiny image, a table of sources (FITS standard 4.0,
sections 3, 4, 7).

Enough of BANZAI's `e91` (facility card, "Data products") for a reader of headers and source tables; a few
kilobytes instead of tens of megabytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

BLOCK = 2880
Value = str | float | int | bool
Cards = dict[str, Value]


def card(key: str, value: Value) -> str:
    """One header card of 80 characters, fixed format."""
    if isinstance(value, bool):
        field = f"{'T' if value else 'F':>20}"
    elif isinstance(value, str):
        field = "'" + value.replace("'", "''").ljust(8) + "'"
    elif isinstance(value, int):
        field = f"{value:>20d}"
    else:
        field = f"{value!r:>20}".replace("e", "E")
    return f"{key:<8}= {field}"[:80].ljust(80)


def header(cards: Cards) -> bytes:
    """A header, padded to whole blocks."""
    text = "".join(card(key, value) for key, value in cards.items()) + "END".ljust(80)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii", "replace")


def primary(cards: Cards) -> bytes:
    """A primary unit without data."""
    return header({"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True, **cards})


def image(name: str, rows: Sequence[Sequence[float]], cards: Cards) -> bytes:
    """An image extension of 32-bit floats; one row makes a spectrum."""
    width, height = len(rows[0]), len(rows)
    data = b"".join(struct.pack(f">{width}f", *row) for row in rows)
    shape: Cards = {"NAXIS": 2, "NAXIS1": width, "NAXIS2": height}
    structure: Cards = {
        "XTENSION": "IMAGE",
        "BITPIX": -32,
        **shape,
        "PCOUNT": 0,
        "GCOUNT": 1,
        "EXTNAME": name,
    }
    return header({**structure, **cards}) + _padded(data)


def table(name: str, columns: dict[str, tuple[str, str]], rows: Sequence[dict[str, float]]) -> bytes:
    """A binary table; `columns` are name -> (format `D`, `E` or `J`, unit)."""
    codes = {"D": "d", "E": "f", "J": "i"}
    layout = ">" + "".join(codes[kind] for kind, _ in columns.values())
    integers = {column for column, (kind, _) in columns.items() if kind == "J"}
    data = b"".join(
        struct.pack(layout, *(int(row[c]) if c in integers else row[c] for c in columns)) for row in rows
    )
    structure: Cards = {
        "XTENSION": "BINTABLE",
        "BITPIX": 8,
        "NAXIS": 2,
        "NAXIS1": struct.calcsize(layout),
        "NAXIS2": len(rows),
        "PCOUNT": 0,
        "GCOUNT": 1,
        "TFIELDS": len(columns),
        "EXTNAME": name,
    }
    for number, (column, (kind, unit)) in enumerate(columns.items(), start=1):
        structure |= {f"TTYPE{number}": column, f"TFORM{number}": f"1{kind}", f"TUNIT{number}": unit}
    return header(structure) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0")
