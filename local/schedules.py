"""When a schedule is due: EventBridge Scheduler's `rate(...)`, `cron(...)` and `at(...)` expressions, in UTC.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
WEEKDAYS = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
}
YEARS = range(1970, 2200)


def next_after(expression: str, moment: datetime) -> datetime | None:
    """The first time after `moment` that the schedule fires; a rate counts from `moment`. None: never again.

    Raises ValueError for an expression that is none.
    """
    if rate := RATE.fullmatch(expression):
        return moment + timedelta(**{rate[2] + "s": int(rate[1])})
    if at := AT.fullmatch(expression):
        due = datetime.fromisoformat(at[1]).replace(tzinfo=UTC)
        return due if due > moment else None
    if cron := CRON.fullmatch(expression):
        return _Cron.parse(*cron.groups()).next_after(moment)
    raise ValueError(f"not a schedule expression: {expression!r}")


@dataclass(frozen=True)
class _Cron:
    """The six fields: minutes, hours, day of month, month, day of week, year."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: tuple[int, ...]
    weekdays: str
    years: tuple[int, ...]

    @classmethod
    def parse(cls, minutes: str, hours: str, days: str, months: str, weekdays: str, years: str) -> _Cron:
        if (days == "?") == (weekdays == "?"):
            raise ValueError("cron(): either the day of the month or the day of the week is '?'")
        return cls(
            minutes=_values(minutes, range(60)),
            hours=_values(hours, range(24)),
            days=days,
            months=_values(months, range(1, 13), MONTHS),
            weekdays=weekdays,
            years=_values(years, YEARS),
        )

    def next_after(self, moment: datetime) -> datetime | None:
        for day in self._dates(moment):
            for hour in self.hours:
                for minute in self.minutes:
                    due = day.replace(hour=hour, minute=minute)
                    if due > moment:
                        return due
        return None

    def _dates(self, moment: datetime) -> Iterator[datetime]:
        """Midnights of the days that match, from the moment's own day."""
        for year in self.years:
            for month in self.months:
                if (year, month) < (moment.year, moment.month):
                    continue
                for day in sorted(self._days(year, month)):
                    yield datetime(year, month, day, tzinfo=UTC)

    def _days(self, year: int, month: int) -> set[int]:
        last = calendar.monthrange(year, month)[1]
        if self.weekdays == "?":
            return {day for part in self.days.split(",") for day in _days_of_month(part, year, month, last)}
        return {day for part in self.weekdays.split(",") for day in _days_of_week(part, year, month, last)}


def _days_of_month(part: str, year: int, month: int, last: int) -> Iterator[int]:
    if part == "L":
        yield last
    elif part.endswith("W"):
        # The weekday nearest to that day, within the month.
        wanted = min(int(part[:-1]), last)
        near = (day for day in (wanted, wanted - 1, wanted + 1, wanted - 2, wanted + 2) if 1 <= day <= last)
        yield next(day for day in near if calendar.weekday(year, month, day) < 5)
    else:
        yield from (day for day in _values(part, range(1, 32)) if day <= last)


def _days_of_week(part: str, year: int, month: int, last: int) -> Iterator[int]:
    weekday_of = {day: (calendar.weekday(year, month, day) + 1) % 7 + 1 for day in range(1, last + 1)}
    if "#" in part:
        name, _, nth = part.partition("#")
        wanted = _number(name, WEEKDAYS)
        yield from [day for day, weekday in weekday_of.items() if weekday == wanted][int(nth) - 1 : int(nth)]
    elif part.endswith("L"):
        wanted = _number(part[:-1], WEEKDAYS) if part != "L" else 7
        yield max(day for day, weekday in weekday_of.items() if weekday == wanted)
    else:
        wanted_days = _values(part, range(1, 8), WEEKDAYS)
        yield from (day for day, weekday in weekday_of.items() if weekday in wanted_days)


def _values(field: str, allowed: range, names: dict[str, int] | None = None) -> tuple[int, ...]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, stop = allowed[0], allowed[-1]
        else:
            start = _number(first, names)
            stop = _number(last, names) if dash else (allowed[-1] if step else start)
        if start not in allowed or stop not in allowed or start > stop:
            raise ValueError(f"cron(): {part!r} is outside {allowed[0]}-{allowed[-1]}")
        values.update(range(start, stop + 1, int(step or 1)))
    return tuple(sorted(values))


def _number(text: str, names: dict[str, int] | None) -> int:
    return (names or {}).get(text.upper()) or int(text)
