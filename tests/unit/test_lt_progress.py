"""Liverpool Telescope: from a group's history to our status, when to look again, and file names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lt import progress
from lt.archive import File
from lt.reply import Entry, Reply
from slew.astro import parse_utc
from slew.status import Status

END = datetime(2026, 1, 27, 20, tzinfo=UTC)
OPEN, PAST = END - timedelta(days=1), END
AT = "2026-01-21T00:05:31+00:00"


def tea(description: str, error: str = "", at: str = AT) -> Entry:
    return Entry(at, "TEA:LT_TEA", description, error)


COMPLETED = tea("Completed in 12M 5S")
FAILED = tea("Failed after 3M 20S due to [600101] Acquisition failed", "Acquisition failed")
PARTLY = tea("Unknown status code: 2")
ALIAS = Entry(AT, "LT_NodeAgent", "Completed in nothing: rewritten contact to LT/ltuser01", "")


@pytest.mark.parametrize(
    ("entries", "now", "status", "text", "reason"),
    [
        ([], OPEN, Status.SUBMITTED, "waiting", ""),
        ([ALIAS], OPEN, Status.SUBMITTED, "waiting", ""),
        ([], PAST, Status.EXPIRED, "window has ended", ""),
        ([FAILED], OPEN, Status.SUBMITTED, "1 failed attempt, the last: Acquisition failed", ""),
        (
            [FAILED, tea("Failed after 1S due to [1] Wind")],
            OPEN,
            Status.SUBMITTED,
            "2 failed attempts, the last: Wind",
            "",
        ),
        ([FAILED], PAST, Status.FAILED, "Failed after 3M 20S", "Acquisition failed"),
        ([FAILED, COMPLETED], OPEN, Status.COMPLETE, "Completed in 12M 5S", ""),
        ([COMPLETED, FAILED], PAST, Status.COMPLETE, "Completed in 12M 5S", ""),
        ([PARTLY], OPEN, Status.IN_PROGRESS, "partially executed", ""),
        ([PARTLY, FAILED], PAST, Status.COMPLETE, "warning: partially executed", ""),
        ([PARTLY, COMPLETED], OPEN, Status.COMPLETE, "Completed in", ""),
    ],
)
def test_standings(entries: list[Entry], now: datetime, status: Status, text: str, reason: str) -> None:
    found = progress.standing(Reply("update", entries=tuple(entries)), now, END)
    assert (found.status, found.reason) == (status, reason)
    assert text in found.text


def test_nights_begin_in_the_evening() -> None:
    entries = (tea("Completed in 1S", at="2026-01-20T23:00:00+00:00"), COMPLETED, tea("Completed", at="?"))
    assert progress.standing(Reply("update", entries=entries), OPEN, END).nights == ("20260120",)


def wait(now: str, start: str = "2026-01-01", end: str = "2026-02-01") -> float:
    return progress.next_look_s(parse_utc(now), (parse_utc(start), parse_utc(end)))


def test_a_deployment_may_set_another_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_POLL_EVERY_S", "900")
    assert wait("2026-01-20T22:00") == 900


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        ("2026-01-20T22:00", 0.5),
        ("2026-01-21T03:00", 0.5),
        ("2026-01-21T10:15", 0.5),
        ("2026-01-21T10:45", 7.25),
        ("2026-01-21T12:00", 6),
        ("2026-01-21T17:55", 0.5),
    ],
)
def test_the_lt_is_asked_at_night_and_in_the_morning(now: str, hours: float) -> None:
    assert wait(now) == hours * 3600


def test_nothing_is_asked_before_the_window_and_at_its_end_once() -> None:
    assert wait("2026-01-20T22:00", start="2026-01-25T21:00") == 119 * 3600
    assert wait("2026-01-20T22:00", start="2026-01-25T13:00") == 116 * 3600
    assert wait("2026-01-21T12:00", end="2026-01-21T14:00") == 2 * 3600
    assert wait("2026-01-21T22:00", end="2026-01-21T14:00") == 1800
    window = (OPEN, END)
    assert progress.last_look_s(END + timedelta(hours=1), window) == 3600
    assert progress.last_look_s(END + timedelta(hours=2), window) is None


@pytest.mark.parametrize(
    ("name", "kind", "frame", "content_type"),
    [
        ("h_e_20260120_15_1_1_1.fits", "image", "science", "application/fits"),
        ("v_e_20260120_15_1_1_2.fits.gz", "spectrum", "science", "application/gzip"),
        ("v_q_20260120_15_1_1_1.fits", "image", "acquisition", "application/fits"),
        ("b_a_20260120_15_1_1_2.fits", "spectrum", "arc", "application/fits"),
        ("3_e_20260120_15_1_1_1.fits", "image", "science", "application/fits"),
    ],
)
def test_file_names(name: str, kind: str, frame: str, content_type: str) -> None:
    file = File.read(name)
    assert file is not None
    product = file.product("PL/26", "20260120", "reduced")
    assert (product["kind"], product["frame"], product["content_type"]) == (kind, frame, content_type)
    assert product["url"].endswith(f"/DataProd/RecentData/PL%2F26/20260120/{name}")
    assert file.exposure == name.rpartition("_")[0]


@pytest.mark.parametrize(
    "name", ["", "..", "PL26A99_20260120.tgz", "h_e_20260120_15_1_1_1.fits.exe", "h_e_2026_15_1_1_1.fits"]
)
def test_other_names_are_no_files(name: str) -> None:
    assert File.read(name) is None
