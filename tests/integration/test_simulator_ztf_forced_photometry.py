"""The IPAC simulator keeps the rules of ztf_forced_photometry.md: login, forms, the hourly table, files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulators.base import SimulatedClock
from local.simulators.ztf_forced_photometry import (
    DEMO_EMAIL,
    DEMO_USERPASS,
    HTTP_PASSWORD,
    HTTP_USER,
    OTHER_EMAIL,
    OTHER_USERPASS,
    ZtfForcedPhotometryServer,
)
from local.simulators.ztf_forced_photometry.exposures import SN_2023IXF
from local.simulators.ztf_forced_photometry.files import BATCH_COLUMNS, COLUMNS
from local.simulators.ztf_forced_photometry.pages import HEADINGS

JSON = dict[str, Any]
LOGIN = (HTTP_USER, HTTP_PASSWORD)
PAIR = {"email": DEMO_EMAIL, "userpass": DEMO_USERPASS}
SUBMIT, LIST = "/cgi-bin/requestForcedPhotometry.cgi", "/cgi-bin/getForcedPhotometryRequests.cgi"
BATCH, BATCH_LIST = "/cgi-bin/batchfp.py/submit", "/cgi-bin/getBatchForcedPhotometryRequests.cgi"
PLACE: JSON = {"ra": "150.123456", "dec": "2.345678", "jdstart": "2460281.500000", "jdend": "2460411.500000"}
HOUR, DAY = 3600.0, 86400.0


class FixedClock(SimulatedClock):
    """2026-03-12 17:40 UTC, until a test moves it."""

    def time(self) -> float:
        return datetime(2026, 3, 12, 17, 40, tzinfo=UTC).timestamp() + self._offset


@pytest.fixture(scope="module")
def served() -> Iterator[ZtfForcedPhotometryServer]:
    server = ZtfForcedPhotometryServer(FixedClock())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def ipac(served: ZtfForcedPhotometryServer) -> ZtfForcedPhotometryServer:
    with served.lock:
        served.clock = FixedClock()
        served.reset()
    return served


def get(ipac: ZtfForcedPhotometryServer, path: str, **query: Any) -> requests.Response:
    return requests.get(ipac.url + path, params=query, auth=LOGIN, timeout=10)


def submit(ipac: ZtfForcedPhotometryServer, **changes: Any) -> requests.Response:
    return get(ipac, SUBMIT, **{**PLACE, **PAIR, **changes})


def configure(ipac: ZtfForcedPhotometryServer, **settings: Any) -> requests.Response:
    return requests.post(f"{ipac.url}/_config", json=settings, timeout=10)


def listed(ipac: ZtfForcedPhotometryServer, option: str = "All recent jobs", **pair: str) -> list[JSON]:
    answer = get(ipac, LIST, **{**PAIR, **pair}, option=option, action="Query Database")
    if "Zero records returned" in answer.text:
        assert answer.status_code == 400
        return []
    cells = [re.findall("<td>(.*?)</td>", line) for line in answer.text.splitlines() if "<td>" in line]
    return [dict(zip(HEADINGS, row, strict=True)) for row in cells]


def new(ipac: ZtfForcedPhotometryServer) -> list[JSON]:
    """The rows after those seeded."""
    return [row for row in listed(ipac) if int(row["reqId"]) > 315276]


@pytest.mark.parametrize("path", [SUBMIT, LIST, BATCH_LIST, "/ztf/ops/forcedphot/lc/0/x", "/nowhere", "/"])
@pytest.mark.parametrize("auth", [None, (HTTP_USER, "wrong"), ("somebody", HTTP_PASSWORD)])
def test_every_path_wants_the_login(ipac: ZtfForcedPhotometryServer, path: str, auth: Any) -> None:
    answer = requests.get(ipac.url + path, auth=auth, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
    assert "401 Unauthorized" in answer.text


def test_a_request_is_echoed_without_a_number(ipac: ZtfForcedPhotometryServer) -> None:
    answer = submit(ipac)
    assert answer.headers["Content-Type"] == "text/html; charset=ISO-8859-1"
    heads = "<tr><th>ra</th> <th>dec</th> <th>jdstart</th> <th>jdend</th> <th>email</th></tr>"
    cells = "<td> 150.123456</td> <td>   2.345678</td> <td>2460281.500000</td> <td>2460411.500000</td>"
    assert heads in answer.text
    assert cells in answer.text
    assert "3152" not in answer.text
    assert DEMO_USERPASS not in answer.text
    form = requests.post(ipac.url + SUBMIT, data={**PLACE, **PAIR}, auth=LOGIN, timeout=10)
    assert cells in form.text
    assert len(ipac.single.jobs) == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ra": "x"}, "ra is not a number"),
        ({"ra": "nan"}, "ra is not a number"),
        ({"dec": None}, "dec is missing"),
        ({"ra": "360.0"}, "out of range"),
        ({"dec": "-90.1"}, "out of range"),
        ({"jdend": "2460281.5"}, "jdend must be later"),
        ({"userpass": "wrong"}, "not recognized"),
        ({"email": DEMO_EMAIL.upper()}, "not recognized"),
        ({"email": OTHER_EMAIL}, "not recognized"),
    ],
)
def test_what_is_not_taken_is_not_echoed(ipac: ZtfForcedPhotometryServer, changes: JSON, words: str) -> None:
    answer = submit(ipac, **changes)
    assert answer.status_code == 200
    assert words in answer.text
    assert "<table" not in answer.text
    assert len(ipac.single.jobs) == 3


def test_a_wrong_pair_may_be_echoed_and_lead_to_nothing(ipac: ZtfForcedPhotometryServer) -> None:
    configure(ipac, wrong_pair="echo")
    assert "150.123456" in submit(ipac, userpass="wrong").text
    assert listed(ipac, userpass="wrong") == []
    assert len(ipac.single.jobs) == 3


def test_the_table_is_of_the_last_full_hour(ipac: ZtfForcedPhotometryServer) -> None:
    configure(ipac, start_s=1800.0, run_s=HOUR)
    submit(ipac)
    assert new(ipac) == []
    ipac.clock.advance(20 * 60 - 1)  # 17:59:59
    assert new(ipac) == []
    ipac.clock.advance(1)  # 18:00:00
    [row] = new(ipac)
    assert row["created"] == "2026-03-12 17:40:00"
    empty = ("started", "ended", "machine", "exitcode", "lightcurve")
    assert [row[name] for name in empty] == [""] * 5
    ipac.clock.advance(HOUR)
    [row] = new(ipac)
    assert (row["started"], row["ended"], row["lightcurve"]) == ("2026-03-12 18:10:00", "", "")
    assert len(listed(ipac, "Pending jobs")) == 1
    ipac.clock.advance(HOUR)
    [row] = new(ipac)
    assert (row["ended"], row["exitcode"]) == ("2026-03-12 19:10:00", "0")
    form = r"/ztf/ops/forcedphot/lc/0/315/req315277/cksum[0-9a-f]{32}/forcedphotometry_req00315277_lc\.txt"
    assert re.fullmatch(form, row["lightcurve"])
    assert (row["ra"], row["dec"]) == ("150.123456", "2.345678")
    assert (row["startJD"], row["endJD"]) == ("2460281.5", "2460411.5")
    assert listed(ipac, "Pending jobs") == []
    ipac.clock.advance(30 * DAY)
    assert new(ipac) == []


def test_users_see_their_own_jobs_only(ipac: ZtfForcedPhotometryServer) -> None:
    assert len(listed(ipac)) == 3
    assert listed(ipac, email=OTHER_EMAIL, userpass=OTHER_USERPASS) == []


def test_the_seeds_are_neighbours_and_other_dates(ipac: ZtfForcedPhotometryServer) -> None:
    earlier, *neighbours = listed(ipac)
    assert (earlier["ra"], earlier["dec"]) == ("210.910675", "54.311651")
    assert (earlier["startJD"], earlier["endJD"]) == ("2460094.5", "2460126.0")
    assert [(row["startJD"], row["endJD"]) for row in neighbours] == [("2460084.5", "2460116.0")] * 2
    assert all(row["lightcurve"] for row in (earlier, *neighbours))


@pytest.mark.parametrize(
    ("query", "words"), [({"option": "All"}, "unknown option"), ({"action": "Query"}, "unknown option")]
)
def test_the_table_wants_its_two_constants(ipac: ZtfForcedPhotometryServer, query: JSON, words: str) -> None:
    asked = {**PAIR, "option": "All recent jobs", "action": "Query Database", **query}
    answer = get(ipac, LIST, **asked)
    assert (answer.status_code, words in answer.text) == (400, True)


def test_a_busy_database(ipac: ZtfForcedPhotometryServer) -> None:
    configure(ipac, busy=True)
    for answer in (submit(ipac), get(ipac, LIST, **PAIR)):
        assert answer.status_code != 200
        assert "Error: database is busy; try again a minute later." in answer.text


@pytest.mark.parametrize(
    ("changes", "code", "start", "has_file"),
    [
        ({}, "0", "2460281.5", True),
        ({"jdstart": "2458000.5"}, "62", "2458194.5", True),
        ({"jdstart": "2457000.5", "jdend": "2458100.5"}, "65", "2457000.5", False),
        ({"dec": "-60"}, "63", "2460281.5", False),
        ({"jdstart": "2460281.500001", "jdend": "2460281.500002"}, "63", "2460281.500001", False),
    ],
)
def test_exit_codes_that_follow_from_the_request(
    ipac: ZtfForcedPhotometryServer, changes: JSON, code: str, start: str, has_file: bool
) -> None:
    submit(ipac, **changes)
    ipac.clock.advance(2 * HOUR)
    [row] = new(ipac)
    assert (row["exitcode"], row["startJD"], bool(row["lightcurve"])) == (code, start, has_file)


@pytest.mark.parametrize(
    ("code", "has_file"), [(57, True), (61, True), (64, False), (255, False), (99, True)]
)
def test_exit_codes_by_position(ipac: ZtfForcedPhotometryServer, code: int, has_file: bool) -> None:
    configure(ipac, spots=[{"ra": 150.123456, "dec": 2.345678, "exitcode": code}])
    submit(ipac)
    ipac.clock.advance(2 * HOUR)
    [row] = new(ipac)
    assert (row["exitcode"], bool(row["lightcurve"])) == (str(code), has_file)


def test_a_hundred_open_requests_are_the_limit(ipac: ZtfForcedPhotometryServer) -> None:
    configure(ipac, max_open=2)
    assert "<table" in submit(ipac).text
    assert "<table" in submit(ipac, ra="11").text
    assert "more than 2 requests pending" in submit(ipac, ra="12").text
    ipac.clock.advance(HOUR)
    assert "<table" in submit(ipac, ra="12").text


def test_identical_jobs_may_be_answered_by_the_first(ipac: ZtfForcedPhotometryServer) -> None:
    configure(ipac, deduplicate=True)
    submit(ipac)
    submit(ipac)
    submit(ipac, jdend="2460412.5")
    assert len(ipac.single.jobs) == 5


# -- files


def fetch(ipac: ZtfForcedPhotometryServer, path: str) -> list[str]:
    answer = get(ipac, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain")
    return answer.text.splitlines()


def curve(ipac: ZtfForcedPhotometryServer) -> tuple[str, list[str]]:
    ra, dec = (f"{each:.6f}" for each in SN_2023IXF)
    submit(ipac, ra=ra, dec=dec, jdstart="2460000.5", jdend="2460400.5")
    ipac.clock.advance(2 * HOUR)
    path: str = new(ipac)[0]["lightcurve"]
    return path, fetch(ipac, path)


def test_a_light_curve_has_the_cards_form(ipac: ZtfForcedPhotometryServer) -> None:
    path, lines = curve(ipac)
    assert lines[3] == "# Requested input R.A. = 210.910675 degrees"
    head = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    assert 50 <= head <= 60  # about 57: a client must not count on it
    assert lines[head] == f" {', '.join(COLUMNS)}"
    assert lines[head + 1] == "#"
    rows = [dict(zip(COLUMNS, line.split(), strict=True)) for line in lines[head + 2 :]]
    assert len(rows) > 300
    assert all(line.startswith(" ") for line in lines[head + 2 :])
    assert {row["filter"] for row in rows} == {"ZTF_g", "ZTF_r", "ZTF_i"}
    assert {"0", "57", "56,57", "57,61", "59"} <= {row["procstatus"] for row in rows}
    assert len({row["field"] for row in rows}) == 2
    assert any(row["forcediffimflux"] == "null" for row in rows)
    assert any(int(row["infobitssci"]) >= 33554432 for row in rows)
    assert any(float(row["forcediffimflux"]) < 0 for row in rows if row["forcediffimflux"] != "null")
    keys = [(row["pid"], row["forcediffimflux"], row["forcediffimfluxunc"]) for row in rows]
    assert len(set(keys)) < len(keys)
    measured = [row for row in rows if row["forcediffimflux"] != "null"]
    ratio = float(measured[0]["forcediffimflux"]) / float(measured[0]["forcediffimfluxunc"])
    assert float(measured[0]["forcediffimsnr"]) == pytest.approx(ratio / 0.89897, rel=1e-3, abs=1e-3)
    assert all(2460000.5 <= float(row["jd"]) <= 2460400.5 for row in rows)
    assert fetch(ipac, path) == lines


def test_the_log_is_beside_it_and_no_other_path_leads_anywhere(ipac: ZtfForcedPhotometryServer) -> None:
    path, _ = curve(ipac)
    assert "request 315277" in fetch(ipac, path.replace("_lc.txt", "_log.txt"))[0]
    assert get(ipac, path.replace("cksum", "cksum0")).status_code == 404
    assert requests.head(ipac.url + path, auth=LOGIN, timeout=10).status_code == 200
    configure(ipac, files_missing=True)
    assert get(ipac, path).status_code == 404


# -- batch


def post(ipac: ZtfForcedPhotometryServer, **changes: str) -> requests.Response:
    form = {"ra": "[150.1234567, 210.7654321]", "dec": "[2.3456789, 54.3210987]", **PAIR, **changes}
    return requests.post(ipac.url + BATCH, data=form, auth=LOGIN, timeout=10)


def test_a_batch_has_files_of_its_own(ipac: ZtfForcedPhotometryServer) -> None:
    assert post(ipac, jdstart="2460281.5", jdend="2460411.5").status_code == 200
    ipac.clock.advance(2 * HOUR)
    answer = get(ipac, BATCH_LIST, **PAIR, option="All recent jobs", action="Query Database")
    paths = re.findall(r"/ztf/[^<]*batchfp_req[0-9]{10}_lc\.txt", answer.text)
    assert len(paths) == 2
    lines = fetch(ipac, paths[0])
    assert f" {', '.join(BATCH_COLUMNS)}" in lines
    assert next(iter(BATCH_COLUMNS)) == "sindex"
    rows = [line.split() for line in lines if line[1:2].isdigit()]
    status = list(BATCH_COLUMNS).index("diffimgstatus")
    assert {row[status] for row in rows} == {"0", "1"}
    assert any("-99999" in row for row in rows)
    assert new(ipac) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ra": "150.1"}, "ra is not a list"),
        ({"ra": "[1, 2, 3]"}, "same length"),
        ({"ra": "[true, 2]"}, "not a list of numbers"),
        ({"ra": json.dumps([1.0] * 1501), "dec": json.dumps([1.0] * 1501)}, "more than 1500"),
        ({"userpass": "wrong"}, "not recognized"),
    ],
)
def test_a_batch_that_is_not_taken(ipac: ZtfForcedPhotometryServer, changes: JSON, words: str) -> None:
    answer = post(ipac, **changes)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert ipac.batch.jobs == []


# -- control


def test_settings_that_make_no_sense_are_refused(ipac: ZtfForcedPhotometryServer) -> None:
    for settings in ({"speed": 3}, {"wrong_pair": "shrug"}, {"spots": [{"ra": 1}]}):
        assert configure(ipac, **settings).status_code == 400


def test_an_earlier_job_can_be_made(ipac: ZtfForcedPhotometryServer) -> None:
    job = {"email": DEMO_EMAIL, "ra": 1.0, "dec": 2.0, "start": 2460281.5, "end": 2460411.5, "age_s": DAY}
    made = requests.post(f"{ipac.url}/_jobs", json=job, timeout=10).json()
    assert new(ipac)[0]["reqId"] == str(made["req_id"])


def test_the_example_events_are_taken(ipac: ZtfForcedPhotometryServer) -> None:
    events = Path(__file__).parents[2] / "events"
    bodies = [
        json.loads(json.loads((events / f"ztf_forced_photometry-{kind}.json").read_text())["body"])
        for kind in ("allocation", "submit")
    ]
    altdata, target = bodies[0]["altdata"], bodies[1]["target"]
    answer = requests.get(
        ipac.url + SUBMIT,
        params={
            **PLACE,
            "ra": target["ra"],
            "dec": target["dec"],
            "email": altdata["ipac_email"],
            "userpass": altdata["ipac_userpass"],
        },
        auth=(altdata["ipac_http_user"], altdata["ipac_http_password"]),
        timeout=10,
    )
    assert "<table" in answer.text
