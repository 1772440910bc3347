"""The requests that the Swift simulator took, and what becomes of them as time goes by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local.simulators.swift_too import sky

FIRST_TOO, FIRST_JOB, FIRST_TARGET = 22682, 23472401, 18001
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
APPROVAL = {"0": HOUR / 2, "1": HOUR, "2": 4 * HOUR, "3": DAY, "4": 2 * DAY}
TIMELINE_LAG = HOUR
WINDOW = 12 * HOUR
ORBIT, SETTLE, LONGEST = timedelta(seconds=5700), timedelta(seconds=150), 1800.0
UNITS = {
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "orbit": 5700.0,
    "day": 86400.0,
    "week": 7 * 86400.0,
    "month": 30 * 86400.0,
    "year": 365 * 86400.0,
}


@dataclass(frozen=True)
class Snapshot:
    """A pointing: times as the spacecraft has them, place, target and segment."""

    begin: datetime
    settle: datetime
    end: datetime
    name: str
    place: tuple[float, float]
    target_id: int
    segment: int
    xrt_mode: int = 7
    uvot_mode: int = 0x9999

    @property
    def obs_id(self) -> str:
        """Eight digits of the target and three of the segment."""
        return f"{self.target_id:08d}{self.segment:03d}"


@dataclass(frozen=True)
class Too:
    """A request as taken: the form's fields, when (UTC), and by whom."""

    too_id: int
    username: str
    fields: dict[str, str]
    at: datetime
    target_id: int
    first_segment: int
    approval: timedelta

    @property
    def place(self) -> tuple[float, float]:
        """Right ascension and declination, degrees."""
        return float(self.fields["ra"]), float(self.fields["dec"])

    @property
    def visits(self) -> int:
        """Number of visits."""
        return int(self.fields["num_of_visits"])

    @property
    def approved_at(self) -> datetime:
        """When people have agreed to it."""
        return self.at + self.approval

    def listed(self, now: datetime) -> bool:
        """Whether it is in the list; a refused one never is."""
        return now >= self.approved_at and not sky.near(self.place, sky.REFUSED)

    def windows(self) -> list[tuple[datetime, datetime]]:
        """One for each visit."""
        match = re.match(r"([\d.]+)\s+([a-z]+?)s?$", self.fields["monitoring_freq"])
        assert match
        step = timedelta(seconds=float(match[1]) * UNITS[match[2]])
        begins = [self.approved_at + 2 * HOUR + count * step for count in range(self.visits)]
        return [(_second(begin), _second(begin + WINDOW)) for begin in begins]

    def flown(self, until: datetime) -> list[Snapshot]:
        """The snapshots that have ended by then."""
        return [each for each in self._all() if each.end <= until]

    def done(self, until: datetime) -> bool:
        """Whether every snapshot of every visit has been flown."""
        planned = list(self._all(script=False))
        return bool(planned) and self.flown(until) == planned

    def _all(self, *, script: bool = True) -> Iterator[Snapshot]:
        for count, (begin, _) in enumerate(self.windows()):
            if script and sky.near(self.place, sky.NOT_OBSERVED):
                return
            if script and count and sky.near(self.place, sky.PARTLY_OBSERVED):
                return
            yield from self._visit(begin + HOUR, self.first_segment + count)

    def _visit(self, start: datetime, segment: int) -> Iterator[Snapshot]:
        left = float(self.fields["exp_time_per_visit"])
        while left > 0:
            settle = start + SETTLE
            on_target = min(left, LONGEST)
            yield Snapshot(
                start,
                settle,
                settle + timedelta(seconds=on_target),
                self.fields["target_name"],
                self.place,
                self.target_id,
                segment,
                int(self.fields["xrt_mode"]),
                int(self.fields["uvot_mode"], 16),
            )
            left -= on_target
            start += ORBIT


@dataclass
class Book:
    """All requests, in the order in which they came."""

    toos: list[Too] = field(default_factory=list)
    given: int = 0
    approval: timedelta | None = None
    guard: timedelta = timedelta(minutes=10)

    def duplicate(self, username: str, fields: dict[str, str], now: datetime) -> Too | None:
        """A recent request of the same user for the same target."""
        place = float(fields["ra"]), float(fields["dec"])
        for too in self.toos:
            same = too.fields["target_name"] == fields["target_name"] or sky.apart(too.place, place) < 1 / 60
            if too.username == username and same and now - too.at < self.guard:
                return too
        return None

    def add(self, username: str, fields: dict[str, str], now: datetime, *, debug: bool) -> tuple[int, int]:
        """Take a request; its number and that of its job. A debug run's number belongs to nothing."""
        self.given += 1
        too_id, job = FIRST_TOO + self.given - 1, FIRST_JOB + self.given - 1
        if not debug:
            place = float(fields["ra"]), float(fields["dec"])
            target_id, segment = self._target(place)
            approval = self.approval if self.approval is not None else APPROVAL[fields["urgency"]]
            self.toos.append(Too(too_id, username, dict(fields), now, target_id, segment, approval))
        return too_id, job

    def snapshots(self, now: datetime) -> list[Snapshot]:
        """All that the as-flown timeline has by now, the oldest first."""
        until = now - TIMELINE_LAG
        flown = [each for too in self.toos if too.listed(now) for each in too.flown(until)]
        return sorted([*past(), *flown], key=lambda each: each.begin)

    def _target(self, place: tuple[float, float]) -> tuple[int, int]:
        """The number of the target at a place, and the first segment that is free."""
        known = [(each.place, each.target_id, each.segment) for each in past()]
        known += [(too.place, too.target_id, too.first_segment + too.visits - 1) for too in self.toos]
        here = [(number, segment) for where, number, segment in known if sky.apart(where, place) < 1 / 60]
        if here:
            return here[-1][0], max(segment for _, segment in here) + 1
        return FIRST_TARGET + len({too.target_id for too in self.toos}), 1


def past() -> list[Snapshot]:
    """The seeded observations."""
    found = []
    for each in sky.PAST:
        begin = datetime.fromisoformat(each.begin).replace(tzinfo=UTC)
        settle = begin + SETTLE
        end = settle + timedelta(seconds=each.exposure_s)
        found.append(Snapshot(begin, settle, end, each.name, each.place, each.target_id, each.segment))
    return found


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
