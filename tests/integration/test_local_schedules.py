"""When schedules are due, which events a filter lets through, and the stack's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import filters
from local.clock import Clock
from local.schedules import next_after

START = datetime(2026, 11, 22, 16, 30, 20, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", "2026-11-22T16:31:20"),
        ("rate(5 minutes)", "2026-11-22T16:35:20"),
        ("rate(2 hours)", "2026-11-22T18:30:20"),
        ("rate(1 day)", "2026-11-23T16:30:20"),
        ("at(2027-01-01T00:00:00)", "2027-01-01T00:00:00"),
        ("cron(0 3 * * ? *)", "2026-11-23T03:00:00"),
        ("cron(30 16 * * ? *)", "2026-11-23T16:30:00"),
        ("cron(31 16 * * ? *)", "2026-11-22T16:31:00"),
        ("cron(0/15 * * * ? *)", "2026-11-22T16:45:00"),
        ("cron(10-12,40 16 * * ? *)", "2026-11-22T16:40:00"),
        ("cron(0 12 ? * MON-FRI *)", "2026-11-23T12:00:00"),
        ("cron(0 12 ? * 7 *)", "2026-11-28T12:00:00"),
        ("cron(0 12 ? * 6#2 *)", "2026-12-11T12:00:00"),
        ("cron(0 12 ? * 6L *)", "2026-11-27T12:00:00"),
        ("cron(0 12 L * ? *)", "2026-11-30T12:00:00"),
        ("cron(0 12 31 * ? *)", "2026-12-31T12:00:00"),
        ("cron(0 12 28W * ? *)", "2026-11-27T12:00:00"),
        ("cron(0 12 1W 8 ? 2027)", "2027-08-02T12:00:00"),
        ("cron(0 0 29 FEB ? *)", "2028-02-29T00:00:00"),
    ],
)
def test_next_time(expression: str, due: str) -> None:
    assert next_after(expression, START) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", ["at(2026-01-01T00:00:00)", "cron(0 0 1 1 ? 2026)"])
def test_what_is_over_never_comes(expression: str) -> None:
    assert next_after(expression, START) is None


@pytest.mark.parametrize(
    "expression",
    [
        "every minute",
        "rate(minute)",
        "cron(0 3 * * *)",
        "cron(0 3 * * * *)",
        "cron(60 3 * * ? *)",
        "cron(0 24 * * ? *)",
    ],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"schedule expression|cron\(\)"):
        next_after(expression, START)


RECORD: dict[str, Any] = {
    "eventName": "INSERT",
    "dynamodb": {
        "Keys": {"pk": {"S": "REQUEST#1"}, "sk": {"S": "EVENT#7"}},
        "NewImage": {"status": {"S": "submitted"}, "tries": {"N": "3"}},
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVENT#"}]}}}}, True),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "LOCK#"}]}}}}, False),
        ({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#1"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": ["pending"]}]}}}}, True),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": ["submitted"]}]}}}}, False),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"anything-but": {"prefix": "sub"}}]}}}}, False),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"equals-ignore-case": "SUBMITTED"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"exists": True}]}}}}, True),
        ({"dynamodb": {"NewImage": {"reason": {"S": [{"exists": False}]}}}}, True),
        ({"dynamodb": {"OldImage": {"status": {"S": [{"exists": True}]}}}}, False),
        ({"dynamodb": {"NewImage": {"tries": {"N": [{"numeric": [">", 2, "<=", 3]}]}}}}, True),
        ({"dynamodb": {"NewImage": {"tries": {"N": [{"numeric": ["<", 3]}]}}}}, False),
        ({"dynamodb": {"NewImage": {"status": {"S": [{"numeric": ["=", 3]}]}}}}, False),
    ],
)
def test_filter_patterns(pattern: dict[str, Any], expected: bool) -> None:
    filters.check(pattern)
    assert filters.matches(pattern, RECORD) is expected


@pytest.mark.parametrize("pattern", [{"a": "text"}, {"a": []}, {"a": [{"cidr": "10.0.0.0/8"}]}])
def test_unknown_filter_patterns_are_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="filter"):
        filters.check(pattern)


def test_the_clock_is_wall_time_until_it_is_moved(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    before = time.time()
    assert before <= clock.time() <= time.time()
    clock.path.write_text("")
    assert clock.offset() == 0


def test_every_reader_of_the_file_sees_the_clock_move(tmp_path: Path) -> None:
    clock, other = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    clock.advance(90.5)
    assert other.offset() == 90.5
    other.advance(10)
    assert clock.offset() == float(clock.path.read_text()) == 100.5
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_the_clock_does_not_go_back(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="forward"):
        Clock(tmp_path / "clock").advance(seconds)
