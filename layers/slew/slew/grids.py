"""Field grids of survey telescopes: the centre of each numbered field, from a table in the bucket."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import cache

from slew import config, objects
from slew.errors import Unavailable

_LIMIT = 8 * 1024 * 1024


def centres(instrument: str) -> Mapping[int, tuple[float, float]] | None:
    """Centres (RA, Dec; degrees, ICRS) by field number; None where the deployment has no such grid.

    `SLEW_FIELD_GRID_<INSTRUMENT>`: key in the bucket of a CSV table with the columns `field_id` (or `ID`),
    `ra` and `dec` (degrees), in any case. Raises Unavailable where it is named and cannot be read.
    """
    key = config.field_grid(instrument)
    return _read(key) if key else None


@cache
def _read(key: str) -> Mapping[int, tuple[float, float]]:
    content = objects.get(key, _LIMIT)
    if content is None:
        raise Unavailable(f"the field grid {key} is not in the bucket")
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), skipinitialspace=True)
        return dict(map(_centre, rows))
    except (KeyError, ValueError) as error:
        raise Unavailable(f"the field grid {key} cannot be read: {error}") from None


def _centre(row: Mapping[str, str]) -> tuple[int, tuple[float, float]]:
    cells = {(name or "").strip().lower(): cell for name, cell in row.items()}
    number = int(cells["field_id"] if "field_id" in cells else cells["id"])
    ra, dec = float(cells["ra"]), float(cells["dec"])
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise ValueError(f"field {number} is at no position of the sky")
    return number, (ra, dec)
