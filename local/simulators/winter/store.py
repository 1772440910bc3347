"""The saved schedules: one file each in reality, named by the second, so that a second one replaces it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.simulators.base import JSON
from local.simulators.winter import sky

FIRST_ROW = 2  # the service's row numbers need not start at 0


@dataclass
class Schedule:
    """One schedule. `attempted_at` holds the Unix time for each row that has been attempted."""

    name: str
    programme: str
    created: float
    rows: list[JSON]
    attempted_at: dict[int, float] = field(default_factory=dict)
    with_images: set[int] = field(default_factory=set)
    deleted: float | None = None

    @property
    def start(self) -> float:
        return float(min(row["validStart"] for row in self.rows))

    @property
    def end(self) -> float:
        return float(max(row["validStop"] for row in self.rows))

    def attempt(self, index: int, now: float, *, images: bool = True) -> None:
        """The telescope has tried this row."""
        self.attempted_at.setdefault(index, now)
        self.rows[index]["observed"] = True
        if images:
            self.with_images.add(index)

    def follow(self, now: float, every_s: float | None) -> None:
        """Let the telescope work: a row every so many seconds, inside the window."""
        if every_s is None or self.deleted is not None:
            return
        for index, row in enumerate(self.rows):
            due = max(self.created, sky.unix(row["validStart"])) + (index + 1) * every_s
            if due <= min(now, sky.unix(row["validStop"])):
                self.attempt(index, due)


class Store:
    """All schedules, in the order of their making."""

    def __init__(self) -> None:
        self.schedules: dict[str, Schedule] = {}
        self.removed: list[Schedule] = []

    def save(self, programme: str, rows: list[JSON], now: float) -> Schedule:
        """Save under the name of this second; what had that name is overwritten."""
        name = f"request_{programme}_{sky.local_name(now)}"
        self.schedules[name] = Schedule(name, programme, now, rows)
        return self.schedules[name]

    def visible(self, programme: str, now: float, delay_s: float) -> list[Schedule]:
        """The programme's schedules that the service knows of by now."""
        return [
            each
            for each in self.schedules.values()
            if each.programme == programme and now >= each.created + delay_s
        ]

    def delete(self, schedule: Schedule, now: float) -> None:
        """Remove a schedule; the queue shows it a little longer."""
        del self.schedules[schedule.name]
        schedule.deleted = now
        self.removed.append(schedule)


def columns(rows: list[JSON], *, first: int = 0) -> JSON:
    """A table by column, then row number as text."""
    names = rows[0] if rows else {}
    return {name: {str(first + i): row[name] for i, row in enumerate(rows)} for name in names}


def summary_row(schedule: Schedule) -> JSON:
    """A schedule as `/too/summary` shows it."""
    seconds = sum(row["visitExpTime"] for row in schedule.rows)
    return {
        "prog_name": schedule.programme,
        "attempted_frac": len(schedule.attempted_at) / len(schedule.rows),
        "too_schedule_name": schedule.name,
        "target_names": sorted({row["targName"] for row in schedule.rows}),
        "n_entries": len(schedule.rows),
        "total_time_hours": round(seconds / 3600, 6),
        "window_start": sky.isot(schedule.start).replace("T", " "),
        "window_end": sky.isot(schedule.end).replace("T", " "),
    }


def detail_row(row: JSON) -> dict[str, Any]:
    """A row as `/too/details` shows it: flags as numbers."""
    return {**row, "observed": int(row["observed"]), "bestDetector": int(row["bestDetector"])}
