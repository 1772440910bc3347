"""IPAC's nightly depot: one file a night, as JSON or in the older form between bars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from local.simulators.base import JSON
from local.simulators.ztf.scheduler import UNIX_MJD, Exposure

QUADRANTS = 64
MJD_TO_JD = 2400000.5
_OLD_NIGHT = "20260309"
_NEW_NIGHT = "20260311"
_OLD_COLUMNS = ("jd", "field", "fid", "expid", "diffmaglim", "difffwhm", "exptime", "subtractionstatus")


def night_of(mjd: float) -> str:
    """UT date of an MJD, `YYYYMMDD`."""
    return f"{datetime.fromtimestamp((mjd - UNIX_MJD) * 86400, UTC):%Y%m%d}"


def seeded() -> dict[str, list[JSON]]:
    """Two nights of the past, by date: one as JSON, one that has the older form only."""
    fields = [(699, 1), (700, 1), (699, 2), (700, 2)]
    found: dict[str, list[JSON]] = {}
    for night, mjd in ((_NEW_NIGHT, 61110.15), (_OLD_NIGHT, 61108.15)):
        found[night] = [
            row
            for place, (field_id, band) in enumerate(fields)
            for row in rows(int(mjd * 1000) + place, field_id, band, mjd + place * 0.005, 300.0)
        ]
    return found


def rows(number: int, field_id: int, filter_id: int, mjd: float, exposure_s: float) -> list[JSON]:
    """One row a CCD quadrant; the last two could not be processed."""
    return [
        {
            "exposure_id": number,
            "field_id": field_id,
            "filter_id": filter_id,
            "obsjd": mjd + MJD_TO_JD,
            "exposure_time": exposure_s,
            "maglim": round(20.5 + 0.002 * quadrant, 3),
            "fwhm": round(2.0 + 0.005 * quadrant, 3),
            "status": 0 if quadrant < QUADRANTS - 2 else 1,
        }
        for quadrant in range(QUADRANTS)
    ]


def executed(exposures: Sequence[Exposure], night: str) -> list[JSON]:
    """The rows of what the scheduler has exposed in a night."""
    return [
        row
        for each in exposures
        if night_of(each.mjd) == night
        for row in rows(
            900_000 + each.number,
            each.target["field_id"],
            each.target["filter_id"],
            each.mjd,
            each.target["exposure_time"],
        )
    ]


def as_json(found: Sequence[JSON], form: str) -> str:
    """`ztf_recentproc`: a list of `records`, or `columns` by row number."""
    if form == "records":
        return json.dumps(list(found))
    names = list(found[0]) if found else []
    return json.dumps({name: {str(i): row[name] for i, row in enumerate(found)} for name in names})


def as_text(found: Sequence[JSON]) -> str:
    """`goodsubs`: fixed width between bars; only what could be subtracted has status 1."""
    lines = ["|" + "|".join(f"{name:>18}" for name in _OLD_COLUMNS) + "|"]
    lines.append("|" + "|".join("-" * 18 for _ in _OLD_COLUMNS) + "|")
    for row in found:
        cells = (
            f"{row['obsjd']:.7f}",
            row["field_id"],
            row["filter_id"],
            row["exposure_id"],
            row["maglim"],
            row["fwhm"],
            row["exposure_time"],
            1 if row["status"] == 0 else 0,
        )
        lines.append("|" + "|".join(f"{cell!s:>18}" for cell in cells) + "|")
    return "\n".join(lines) + "\n"


def has_json(night: str) -> bool:
    """Whether a night has the newer form: the seeded old one has not."""
    return night != _OLD_NIGHT
