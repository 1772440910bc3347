"""IPAC's nightly depot: which exposures of a queue have been made (card ztf.md: Data products)."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from slew.errors import Failed, NoAnswer
from slew.facility import Link
from slew.wire import Answer, HttpRequest
from ztf.kept import Kept, Pair
from ztf.models import ZtfAltdata

MJD_TO_JD = 2400000.5
QUADRANTS = 64
NIGHTS = 7
KEPT = 200
LARGEST = 128 * 1024 * 1024
_FILTERS = {1: "ztfg", 2: "ztfr", 3: "ztfi"}
_COLUMNS = {
    "jd": "obsjd",
    "field": "field_id",
    "fid": "filter_id",
    "expid": "exposure_id",
    "exptime": "exposure_time",
}
_COLUMNS |= {"diffmaglim": "maglim", "difffwhm": "fwhm", "subtractionstatus": "status"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Executed:
    """What the depot has of a queue: `done` of its exposures, in time order; `read` is the nights it had.

    `trouble`: why a night could not be read.
    """

    done: int
    exposures: tuple[Mapping[str, Any], ...]
    read: tuple[str, ...]
    trouble: str = ""

    def data(self) -> dict[str, Any]:
        """The facility data; of very many exposures the first ones only."""
        return {"executed": self.done, "exposures_executed": list(self.exposures[:KEPT])}


def executed(kept: Kept, altdata: ZtfAltdata, link: Link, now: datetime) -> Executed:
    """Look through the nights of a queue's window. What cannot be read is told, not raised."""
    found: list[Mapping[str, Any]] = []
    read, troubles = [], []
    for night in nights(kept.start, min(kept.end, now)):
        try:
            rows = _night(night, altdata, link)
        except (NoAnswer, Failed) as error:
            troubles.append(f"{night}: {error.reason}")
            continue
        if rows is not None:
            read.append(night)
            found += exposures(rows)
    mine, done = _matching(kept, found)
    return Executed(done, mine, tuple(read), "; ".join(troubles))


def nights(start: datetime, end: datetime) -> tuple[str, ...]:
    """UT dates from start to end, `YYYYMMDD`; of a long window the last ones.

    A file is named by the UT date of its exposures, not by that of the evening before.
    """
    days = max(0, (end.date() - start.date()).days) + 1
    all_of_them = [f"{start.date() + timedelta(days=number):%Y%m%d}" for number in range(days)]
    return tuple(all_of_them[-NIGHTS:])


def exposures(rows: Iterable[Row]) -> list[Mapping[str, Any]]:
    """One entry an exposure from one a CCD quadrant: medians over the good ones, and how many those are."""
    grouped: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["exposure_id"]].append(row)
    return [_exposure(exposure_id, group) for exposure_id, group in grouped.items()]


def table(content: bytes) -> list[Row]:
    """The rows of `ztf_recentproc_<night>.json`, a list of records or columns. Raises ValueError."""
    found = json.loads(content)
    if isinstance(found, dict):
        columns = {name: _cells(cells) for name, cells in found.items()}
        found = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return [_row(row, good=0) for row in found]


def goodsubs(content: bytes) -> list[Row]:
    """The rows of `goodsubs_<night>.txt`: columns between bars, second line skipped. Raises ValueError."""
    lines = content.decode("utf-8", "replace").splitlines()
    header = [name.strip() for name in lines[0].strip().strip("|").split("|")] if lines else []
    rows = []
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells != [""]:
            named = dict(zip(header, cells, strict=True))
            rows.append(_row({_COLUMNS.get(name, name): cell for name, cell in named.items()}, good=1))
    return rows


def _cells(cells: Any) -> list[Any]:
    if isinstance(cells, dict):
        return list(cells.values())
    if isinstance(cells, list):
        return cells
    raise ValueError("a column is neither a list nor an object")


def _row(row: Any, *, good: int) -> Row:
    try:
        return {
            "exposure_id": str(row["exposure_id"]),
            "field_id": int(row["field_id"]),
            "filter_id": int(row["filter_id"]),
            "obsjd": float(row["obsjd"]),
            "exposure_time": _number(row.get("exposure_time")),
            "maglim": _number(row.get("maglim")),
            "fwhm": _number(row.get("fwhm")),
            "good": int(float(row["status"])) == good,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a row cannot be read: {error}") from None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e12 else None


def _exposure(exposure_id: str, rows: list[Row]) -> Mapping[str, Any]:
    good = [row for row in rows if row["good"]]
    first = rows[0]

    def middle(name: str) -> float | None:
        values = [row[name] for row in good if row[name] is not None]
        return round(median(values), 4) if values else None

    return {
        "exposure_id": exposure_id,
        "field_id": first["field_id"],
        "filter_id": first["filter_id"],
        "filter": _FILTERS.get(first["filter_id"], str(first["filter_id"])),
        "obsjd": first["obsjd"],
        "exposure_time": first["exposure_time"],
        "maglim": middle("maglim"),
        "fwhm": middle("fwhm"),
        "processed_fraction": round(len(good) / QUADRANTS, 4),
    }


def _matching(kept: Kept, found: Iterable[Mapping[str, Any]]) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """The exposures that may be of this queue, and how many of those it asked for they account for."""
    wanted = kept.pairs
    counts: Counter[Pair] = Counter()
    mine = []
    for each in sorted(found, key=lambda exposure: float(exposure["obsjd"])):
        key = (each["field_id"], each["filter_id"])
        if key in wanted and kept.window[0] <= each["obsjd"] - MJD_TO_JD <= kept.window[1]:
            counts[key] += 1
            mine.append(each)
    return tuple(mine), sum(min(number, wanted[key]) for key, number in counts.items())


def _night(night: str, altdata: ZtfAltdata, link: Link) -> list[Row] | None:
    """One night's rows, asked for once for all that share the link; None where the depot has it not (yet).

    Raises NoAnswer, Failed.
    """
    key = f"depot {night}"
    if key not in link.shared:
        try:
            link.shared[key] = _read(night, altdata, link)
        except NoAnswer as error:
            link.shared[key] = error
    found: list[Row] | NoAnswer | None = link.shared[key]
    if isinstance(found, NoAnswer):  # it says nothing of the night to anybody
        raise NoAnswer(found.reason, found.retry_after)
    return found


def _read(night: str, altdata: ZtfAltdata, link: Link) -> list[Row] | None:
    for name, read in ((f"ztf_recentproc_{night}.json", table), (f"goodsubs_{night}.txt", goodsubs)):
        content = _file(f"{altdata.depot}/{night}/{name}", altdata, link)
        if content is not None:
            try:
                return read(content)
            except (ValueError, RecursionError) as error:
                raise NoAnswer(f"{name} cannot be read: {error}") from None
    return None


def _file(url: str, altdata: ZtfAltdata, link: Link) -> bytes | None:
    """A file, in as many pieces as it takes; None where there is none. Raises NoAnswer, Failed."""
    headers = _login(altdata)
    asked = link.http.read(HttpRequest("HEAD", url, headers, untrusted=True))
    if asked.status == 404:
        return None
    _check(asked, 200)
    answer = _check(link.http.read(HttpRequest("GET", url, headers, untrusted=True)), 200)
    content = answer.body
    while answer.truncated:
        if len(content) > LARGEST:
            raise NoAnswer("the night's table is too large")
        onward = {**headers, "Range": f"bytes={len(content)}-"}
        answer = _check(link.http.read(HttpRequest("GET", url, onward, untrusted=True)), 206)
        content += answer.body
    return content


def _check(answer: Answer, status: int) -> Answer:
    if answer.status in (401, 403):
        raise NoAnswer("the depot refused the credentials")
    if answer.status != status:
        raise NoAnswer(f"the depot answered HTTP {answer.status}")
    return answer


def _login(altdata: ZtfAltdata) -> dict[str, str]:
    password = altdata.depot_password.get_secret_value() if altdata.depot_password else ""
    pair = base64.b64encode(f"{altdata.depot_username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
