"""What Swift's queries show, from either protocol: names, nulls and kinds differ (card: v2: status, v1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from slew import astro
from swift_too.answers import whole

Shown = Mapping[str, Any]
SEGMENT_BITS = 24


@dataclass(frozen=True)
class Entry:
    """A TOO in the list: only approved ones are there. Justifications are shown to their owner alone."""

    too_id: int | None
    target_name: str
    ra: float | None
    dec: float | None
    made_at: datetime | None
    decision: str
    done: bool
    target_id: int | None
    last_day: datetime | None
    visits: int | None
    science_just: str | None
    immediate_objective: str | None

    @classmethod
    def read(cls, shown: Shown) -> Entry:
        """From an entry's JSON; what cannot be read is None."""
        return cls(
            too_id=whole(shown.get("too_id")),
            target_name=str(_first(shown, "target_name", "source_name") or ""),
            ra=_number(shown.get("ra")),
            dec=_number(shown.get("dec")),
            made_at=moment(shown.get("timestamp")),
            decision=str(shown.get("decision") or ""),
            done=whole(shown.get("done")) == 1 or shown.get("done") is True,
            target_id=whole(_first(shown, "target_id", "targetid")),
            last_day=moment(shown.get("date_end")),
            visits=whole(shown.get("num_of_visits_approved")),
            science_just=_text(shown.get("science_just")),
            immediate_objective=_text(shown.get("immediate_objective")),
        )


@dataclass(frozen=True)
class Window:
    """A period of Swift's calendar in which a visit is to be made."""

    begin: datetime
    end: datetime

    @classmethod
    def read(cls, shown: Shown) -> Window | None:
        """From an entry's JSON; None without two readable times."""
        begin, end = moment(shown.get("begin")), moment(shown.get("end"))
        return cls(begin, end) if begin and end else None


@dataclass(frozen=True)
class Snapshot:
    """A pointing as flown. Times are spacecraft time, some 25 s from UTC; `exposure_s` is on target."""

    begin: datetime
    exposure_s: float
    obs_id: str

    @classmethod
    def read(cls, shown: Shown) -> Snapshot | None:
        """From an entry's JSON; None where begin, end or id cannot be read."""
        begin, end = moment(shown.get("begin")), moment(shown.get("end"))
        obs_id = _observation_id(shown)
        if begin is None or end is None or obs_id is None:
            return None
        settled = moment(shown.get("settle")) or begin
        return cls(begin, max(0.0, (end - settled).total_seconds()), obs_id)


@dataclass(frozen=True)
class Flown:
    """Snapshots, and the time up to which the as-flown timeline is known."""

    snapshots: tuple[Snapshot, ...]
    known_until: datetime | None = None

    @property
    def obs_ids(self) -> tuple[str, ...]:
        """The distinct observations, in the order in which they were begun."""
        ordered = sorted(self.snapshots, key=lambda each: each.begin)
        return tuple(dict.fromkeys(each.obs_id for each in ordered))


@dataclass(frozen=True)
class File:
    """A file of an observation. `path` is its folder in the archive."""

    name: str
    path: str
    url: str
    quicklook: bool
    description: str

    @classmethod
    def read(cls, shown: Shown) -> File | None:
        """From an entry's JSON; None without name and URL."""
        name, url = shown.get("filename"), shown.get("url")
        if not isinstance(name, str) or not isinstance(url, str) or not name:
            return None
        path, description = _text(shown.get("path")) or "", _text(shown.get("type")) or ""
        return cls(name, path, url, bool(shown.get("quicklook")), description)


def moment(value: Any) -> datetime | None:
    """A date or a time of Swift's, taken as UTC; None for anything else."""
    try:
        return astro.parse_utc(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _observation_id(shown: Shown) -> str | None:
    given = _first(shown, "obs_id", "obsid", "obsnum")
    if isinstance(given, str) and len(given) == 11 and given.isdigit():
        return given
    number = whole(given)
    target, segment = whole(_first(shown, "target_id", "targetid")), whole(_first(shown, "segment", "seg"))
    if number is not None and number >> SEGMENT_BITS:
        target, segment = number & (1 << SEGMENT_BITS) - 1, number >> SEGMENT_BITS
    if target is None or segment is None or target < 0 or segment < 0:
        return None
    return f"{target:08d}{segment:03d}"


def _first(shown: Shown, *names: str) -> Any:
    return next((shown[name] for name in names if shown.get(name) is not None), None)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
