"""The SEDM simulator by itself: it books what SEDM books, refuses in its words, and posts by its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import SimulatedClock, Simulator, json_response
from local.simulators.sedm import SedmServer
from local.simulators.sedm.bookings import ORDER_OF_USE
from local.simulators.sedm.server import USERS

JSON = dict[str, Any]
NEW: JSON = {
    "Filters": "u,g,r,i",
    "Followup": "IFU",
    "email": "observer@example.org",
    "enddate": "2096-12-05",
    "startdate": "2016-12-01",
    "prior_photometry": {},
    "priority": 1.0,
    "programname": "Infant Supernovae",
    "requestid": 81235,
    "sourceid": "AT2026xyz",
    "sourcename": "AT2026xyz",
    "status": "new",
    "username": "observer1",
    "ra": 210.910675,
    "dec": 54.311651,
    "exptime": -1,
    "maxairmass": 2.0,
    "max_fwhm": 5,
}


class StillClock(SimulatedClock):
    """Moves only when it is told to."""

    def time(self) -> float:
        """Noon of a day, and what has been added."""
        return 1795348800.0 + self._offset


class Marshal(Simulator):
    """What SEDM posts to: answers as it is told to, and keeps what came."""

    name = "marshal"

    def rules(self) -> list[Rule]:
        """One route."""
        return [Rule("/api/<path:path>", methods=["POST"], endpoint="take")]

    def reset(self) -> None:
        """Answers with success."""
        super().reset()
        self.answers: list[int] = []
        self.came: list[tuple[str, JSON]] = []

    def take(self, request: Request, path: str) -> Response:
        """Anything."""
        self.came.append((path, request.get_json()))
        status = self.answers.pop(0) if self.answers else 200
        good = {"status": "success", "data": {"id": 77}}
        return json_response(good if status == 200 else {"status": "error"}, status)


@pytest.fixture
def sedm() -> Iterator[SedmServer]:
    server = SedmServer(StillClock())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def marshal(sedm: SedmServer) -> Iterator[Marshal]:
    marshal = Marshal()
    configure(sedm, listener=marshal.start(), token="abc")
    yield marshal
    marshal.stop()


def configure(sedm: SedmServer, **settings: Any) -> requests.Response:
    return requests.post(f"{sedm.url}/_config", json=settings, timeout=10)


def send(sedm: SedmServer, content: Any, path: str = "/add_request") -> requests.Response:
    text = content if isinstance(content, str) else json.dumps(content)
    files = {"jsonfile": ("jsonfile", text, "text/plain; charset=utf-8")}
    return requests.post(f"{sedm.url}{path}", files=files, timeout=10)


def title(sedm: SedmServer, content: Any) -> str:
    answer = send(sedm, content)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    first, second = answer.text.split("\n")
    assert first == "Content-type: text/html"
    assert second.startswith(" <title>")
    return second[8:].removesuffix("</title>")


def test_new_edit_delete(sedm: SedmServer) -> None:
    assert title(sedm, NEW) == "Accepted Request"
    assert title(sedm, NEW) == "Accepted Request"
    assert title(sedm, {**NEW, "status": "EDIT", "Filters": "r"}) == "Accepted Edit"
    shown = requests.get(f"{sedm.url}/_bookings", timeout=10).json()
    assert [each["state"] for each in shown] == ["CANCELED", "CANCELED", "PENDING"]
    assert shown[-1]["sequence"] == ["1ifu", "1r"]
    assert title(sedm, {"status": "delete", "requestid": 81235}) == "Accepted Deletion"
    assert title(sedm, {**NEW, "status": "anything"}) == "Accepted Request"


def test_active_and_unknown_are_not_told_apart(sedm: SedmServer) -> None:
    assert title(sedm, {**NEW, "status": "delete"}) == "Rejected Deletion, ACTIVE"
    assert title(sedm, {**NEW, "status": "edit"}) == "Rejected Edit Deletion, ACTIVE"
    title(sedm, NEW)
    sedm.book.entries[0].state = "ACTIVE"
    assert title(sedm, {**NEW, "status": "delete"}) == "Rejected Deletion, ACTIVE"
    title(sedm, NEW)
    assert title(sedm, {**NEW, "status": "delete"}) == "Accepted Deletion"
    assert [each.state for each in sedm.book.entries] == ["ACTIVE", "CANCELED"]


@pytest.mark.parametrize("key", ORDER_OF_USE)
def test_a_missing_key_is_its_name_in_quotes(sedm: SedmServer, key: str) -> None:
    assert title(sedm, {name: value for name, value in NEW.items() if name != key}) == f"'{key}'"
    assert sedm.book.entries == []


def test_the_order_in_which_keys_are_missed(sedm: SedmServer) -> None:
    assert title(sedm, {}) == "'status'"
    assert title(sedm, {"status": "edit"}) == "'requestid'"
    assert title(sedm, {"status": "new"}) == "'sourcename'"
    assert (
        title(sedm, {key: NEW[key] for key in NEW if key not in ("username", "email")}) == "Accepted Request"
    )


def test_an_edit_that_breaks_off_has_cancelled(sedm: SedmServer) -> None:
    title(sedm, NEW)
    assert title(sedm, {**NEW, "status": "edit", "ra": "x"}) == "could not convert string to float: 'x'"
    assert [each.state for each in sedm.book.entries] == ["CANCELED"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"requestid": "81235-x"}, "invalid literal for int() with base 10: '81235-x'"),
        ({"exptime": [1, 2]}, "float() argument must be a string or a real number, not 'list'"),
        ({"dec": "north"}, "could not convert string to float: 'north'"),
    ],
)
def test_pythons_own_words(sedm: SedmServer, change: JSON, said: str) -> None:
    assert title(sedm, {**NEW, **change}) == said


def test_a_bad_date_is_accepted_and_not_booked(sedm: SedmServer) -> None:
    assert title(sedm, {**NEW, "enddate": "soon"}) == "Accepted Request"
    assert sedm.book.entries == []


def test_forms(sedm: SedmServer) -> None:
    assert send(sedm, "{not json").status_code == 500
    assert "Internal Server Error" in send(sedm, "{not json").text
    raw = requests.post(f"{sedm.url}/add_request", json=NEW, timeout=10)
    assert "Accepted Request" in raw.text
    for empty in ({"data": {"x": 1}}, {"files": {"other": "x"}}, {}):
        answer = requests.post(f"{sedm.url}/add_request", timeout=10, **empty)
        assert "<title>Invalid Formatting of Request</title>" in answer.text


def test_the_sink_books_nothing(sedm: SedmServer) -> None:
    assert "<title>Accepted Fritz CGI</title>" in send(sedm, NEW, "/add_fritz").text
    assert requests.post(f"{sedm.url}/add_fritz", timeout=10).text == "ERROR"
    assert sedm.book.entries == []


@pytest.mark.parametrize(
    ("photometry", "exposures"),
    [
        ({}, [1800, 270, 90, 90, 90]),
        ({"g": {"mag": 12}, "r": {"mag": 18.1}}, [2250, 300, 180, 180, 180]),
        ({"r": {"mag": 18.1}, "g": {"mag": 14.9}}, [2000, 300, 120, 120, 120]),
        ({"r": {"mag": 15}}, [1800, 270, 90, 90, 90]),
    ],
)
def test_exposure_times_go_by_the_last_band(sedm: SedmServer, photometry: JSON, exposures: list[int]) -> None:
    title(sedm, {**NEW, "prior_photometry": photometry})
    assert sedm.book.entries[0].exposures_s == exposures


def test_one_exposure_time_is_for_all(sedm: SedmServer) -> None:
    title(sedm, {**NEW, "exptime": 8, "Filters": "r", "programname": "Other"})
    assert sedm.book.entries[0].exposures_s == [8, 8]
    assert sedm.book.entries[0].programme == "general"


def test_an_observation_is_posted(sedm: SedmServer, marshal: Marshal) -> None:
    title(sedm, {**NEW, "Filters": ""})
    sedm.drive()
    assert sedm.book.entries[0].state == "PENDING"
    requests.post(f"{sedm.url}/_clock", json={"advance_s": 200}, timeout=10)
    assert sedm.book.entries[0].state == "ACTIVE"
    requests.post(f"{sedm.url}/_clock", json={"advance_s": 3600}, timeout=10)
    paths = [path for path, _ in marshal.came]
    below = ["spectra/77/annotations", "spectra/77/comments", "classification"]
    assert paths == ["spectrum/ascii", *below, "facility"]
    spectrum, said = marshal.came[0][1], marshal.came[-1][1]
    assert (spectrum["followup_request_id"], spectrum["fluxerr_column"]) == (81235, 2)
    assert set(said) == {"new_status", "followup_request_id"}
    assert marshal.journal[0]["headers"]["Authorization"] == "token abc"


def test_it_tries_again_by_its_rules(sedm: SedmServer, marshal: Marshal) -> None:
    title(sedm, {**NEW, "Followup": ""})
    marshal.answers = [503, 502]
    sedm.clock.advance(3600)
    sedm.drive()
    assert len(marshal.came) == 1
    for wait, count in ((1, 1), (1, 2), (3, 2), (1, 3)):
        sedm.clock.advance(wait)
        sedm.drive()
        assert len(marshal.came) == count
    (delivery,) = requests.get(f"{sedm.url}/_deliveries", timeout=10).json()
    assert (delivery["attempts"], delivery["outcome"]) == (3, "answered 200: success")


def test_it_gives_up_and_fails_what_could_not_be_uploaded(sedm: SedmServer, marshal: Marshal) -> None:
    title(sedm, {**NEW, "Filters": ""})
    marshal.answers = [500] * 6
    sedm.clock.advance(3600)
    for _ in range(8):
        sedm.drive()
        sedm.clock.advance(100)
    assert [path for path, _ in marshal.came] == ["spectrum/ascii"] * 6 + ["facility"]
    assert marshal.came[-1][1]["new_status"].startswith("Failed 20")


def test_a_refusal_is_not_tried_again(sedm: SedmServer, marshal: Marshal) -> None:
    title(sedm, {**NEW, "Followup": ""})
    marshal.answers = [400]
    sedm.clock.advance(3600)
    sedm.drive()
    sedm.clock.advance(3600)
    sedm.drive()
    assert len(marshal.came) == 1


def test_files_of_a_night(sedm: SedmServer) -> None:
    title(sedm, NEW)
    sedm.clock.advance(2 * 3600)
    sedm.drive()
    (night,) = sedm.archive
    query = {"username": "observer1", "password": USERS["observer1"], "obsdate": night}
    pages = f"{sedm.url}/get_user_observations"
    paths = requests.get(pages, query, timeout=10).json()["data"]
    assert len(paths) == 5
    content = requests.get(f"{sedm.url}{paths[-1]}", timeout=10)
    assert content.text.startswith("# EXPTIME: 1800.0\n")
    assert requests.get(f"{sedm.url}/data/{night}/other.txt", timeout=10).status_code == 404
    wrong = requests.get(pages, {**query, "password": "x"}, timeout=10).json()
    assert wrong == {"message": "User name and password do not match"}
    empty = requests.get(pages, {**query, "obsdate": "20200101"}, timeout=10).json()
    assert empty == {"message": "No data directory could be located for 20200101 UT", "obsdate": "20200101"}


def test_settings_that_make_no_sense(sedm: SedmServer) -> None:
    assert configure(sedm, colour="red").status_code == 400
    assert configure(sedm, listener="https://fritz.example.org").status_code == 400
    configure(sedm, refuse="Rejected Request")
    assert title(sedm, NEW) == "Rejected Request"
    assert title(sedm, NEW) == "Accepted Request"
    unknown = requests.post(f"{sedm.url}/_say", json={"requestid": 1, "new_status": "x"}, timeout=10)
    assert unknown.status_code == 404
