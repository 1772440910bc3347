"""The service's local time, in which schedules are named: US Pacific, by the rule in force since 2007.

Lambda's runtime is not relied on for a time zone database.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta


def to_utc(local: datetime) -> datetime:
    """UTC of a naive Pacific time; the hour that comes twice in November is taken for the first."""
    hours = 7 if _summer_begins(local.year) <= local < _summer_ends(local.year) else 8
    return (local + timedelta(hours=hours)).replace(tzinfo=UTC)


def _summer_begins(year: int) -> datetime:
    return datetime.combine(_sunday(year, 3, 2), datetime.min.time()) + timedelta(hours=2)


def _summer_ends(year: int) -> datetime:
    return datetime.combine(_sunday(year, 11, 1), datetime.min.time()) + timedelta(hours=2)


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
