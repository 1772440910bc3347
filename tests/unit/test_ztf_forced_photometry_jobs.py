"""IPAC's pages and job table: read by heading, matched absolutely, asked for once an hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from slew.validation import parse
from slew.wire import Answer
from ztf_forced_photometry import account, pages
from ztf_forced_photometry.job import Job, JobTable
from ztf_forced_photometry.models import ZtfForcedPhotometryAltdata

JSON = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALTDATA = {
    "ipac_http_user": "ztffps",
    "ipac_http_password": "shared-word",
    "ipac_email": "observer1@example.org",
    "ipac_userpass": "a+b&c=d e",
}


# -- jobs and tables


ROW = {
    "reqId": "5",
    "ra": "0.000001",
    "dec": "2.0",
    "startJD": "2461081.5",
    "endJD": "2461111.5",
    "ended": "",
    "exitcode": "",
    "lightcurve": "",
}


def table_of(*changes: Mapping[str, str]) -> JobTable:
    rows = [{**ROW, **each} for each in changes]
    return JobTable.read(pages.Table(tuple(ROW), tuple(tuple(row.values()) for row in rows)))


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"ra": "359.999995"}, True),
        ({"ra": "359.999985"}, False),
        ({"ra": "0.000012"}, False),
        ({"dec": "2.00001"}, True),
        ({"dec": "1.99998"}, False),
        ({"startJD": "2461081.50001"}, True),
        ({"startJD": "2461081.50002"}, False),
        ({"endJD": "2461101.5"}, False),
    ],
)
def test_rows_are_matched_absolutely(change: JSON, fits: bool) -> None:
    job = Job.of(0.0, 2.0, 2461081.5, 2461111.5)
    assert (table_of(change).newest_of(job) is not None) is fits


def test_a_reset_start_fits_and_only_for_a_start_before_the_survey() -> None:
    reset = table_of({"startJD": "2458194.5"})
    assert reset.newest_of(Job.of(0.0, 2.0, 2457000.5, 2461111.5))
    assert reset.newest_of(Job.of(0.0, 2.0, 2458200.5, 2461111.5)) is None


def test_the_highest_number_wins_that_is_new_and_nobodys() -> None:
    jobs = table_of({"reqId": "7"}, {"reqId": "9"}, {"reqId": "8"}, {"reqId": "10", "dec": "3"})
    job = Job.of(0.0, 2.0, 2461081.5, 2461111.5)
    assert jobs.newest == 10

    def number(above: int = 0, taken: tuple[int, ...] = ()) -> int | None:
        row = jobs.newest_of(job, above, taken)
        return row.req_id if row else None

    assert number() == 9
    assert number(taken=(9,)) == 8
    assert number(above=9) is None
    assert number(above=7, taken=(9, 8)) is None


def test_rows_that_cannot_be_read_are_counted() -> None:
    jobs = table_of({"ra": "?"}, {"reqId": ""}, {"exitcode": "zero"}, {"exitcode": "57", "ended": "x"})
    assert (jobs.unreadable, [row.exitcode for row in jobs.rows], jobs.pending) == (3, [57], 0)


def test_tables_are_read_by_heading_whatever_stands_around_them() -> None:
    page = (
        "<table><tr><td>menu</td></tr></table><TABLE border=1><caption><b>x</b></caption>"
        "<tr><th> dec<th>reqId </th><th>extra</th></TR>\n<tr><td> 2.0 <td><a href='#'>5</a></td></tr>"
        "<tr><td>&#45;3.0</td></tr></table>"
    )
    table = pages.table_with(page, ["reqId", "dec"])
    assert table is not None
    assert table.records() == [
        {"dec": "2.0", "reqId": "5", "extra": ""},
        {"dec": "-3.0", "reqId": "", "extra": ""},
    ]
    assert pages.table_with(page, ["ra"]) is None


@given(st.text(alphabet="<>/tabletrhd reqId=\"'&;!-0", max_size=120))
def test_no_page_breaks_the_reader(page: str) -> None:
    pages.tables(page)
    assert len(pages.words(page).split("\n")) == 1


def test_a_page_in_latin_1_is_read() -> None:
    assert pages.source(Answer(200, {}, "é".encode("iso-8859-1"))) == "é"


# -- the hourly rhythm


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-22T{text}+00:00")


@pytest.mark.parametrize(
    ("now", "due"),
    [("12:00:00", "12:05"), ("12:04:59", "12:05"), ("12:05:00", "13:05"), ("12:59:59", "13:05")],
)
def test_the_next_look_is_past_the_hour_whatever_the_jitter(now: str, due: str) -> None:
    wait_s = account.next_look_s(at(now))
    assert at(now) + timedelta(seconds=wait_s * 0.9) == at(f"{due}:00")
    assert at(now) + timedelta(seconds=wait_s * 1.1) < at(f"{due}:00") + timedelta(minutes=14)


@pytest.mark.parametrize(
    ("since", "now", "number"),
    [
        ("12:10:00", "12:59:59", 0),
        ("12:10:00", "13:04:59", 0),
        ("12:10:00", "13:05:00", 1),
        ("12:59:59", "14:06:00", 2),
        ("12:02:00", "12:50:00", 0),
    ],
)
def test_how_often_the_table_was_renewed(since: str, now: str, number: int) -> None:
    assert account.refreshes(at(since), at(now)) == number


def test_two_accounts_share_nothing() -> None:
    accounts = account.Accounts()
    altdata = parse(ZtfForcedPhotometryAltdata, ALTDATA)
    other = altdata.model_copy(update={"ipac_userpass": SecretStr("another-word")})
    accounts.sent(altdata, NOW)
    assert accounts.pending(altdata, JobTable(), NOW) == 1
    assert accounts.pending(other, JobTable(), NOW) == 0
    assert accounts.pending(altdata, JobTable(), NOW + timedelta(hours=1)) == 0
    for i in range(200):
        accounts.sent(altdata.model_copy(update={"ipac_email": f"observer{i}@example.org"}), NOW)
    assert len(accounts._known) == 50
