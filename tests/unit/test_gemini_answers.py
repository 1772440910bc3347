"""Gemini: what answers mean, what is kept of a submission, and reading XML; no server involved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gemini import answers, xml_reader
from gemini.ledger import Asking, Ledger, from_ranges, number_of, ranges
from gemini.models import GeminiAltdata
from local.simulators.gemini.server import error_page
from slew import redact
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.wire import Answer

KEY = "a1b2c3d4"
ALTDATA = GeminiAltdata(
    user_email="too-robot@example.org", user_key=SecretStr(KEY), programid="GN-2026B-Q-110"
)
HTML = {"content-type": "text/html"}


def page(status: int, reason: str) -> Answer:
    response = error_page(status, reason, "/too")
    return Answer(status, {"content-type": response.content_type or ""}, response.get_data())


def outcome(answer: Answer) -> FacilityError:
    with pytest.raises(FacilityError) as caught:
        answers.observation_id(answer, ALTDATA)
    return caught.value


@pytest.mark.parametrize("body", ["GN-2026B-Q-110-40", "GN-2026B-Q-110-40\n", "  GN-2026B-Q-110-1234\r\n"])
def test_the_whole_id_is_kept(body: str) -> None:
    assert answers.observation_id(Answer(200, HTML, body.encode()), ALTDATA) == body.strip()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "40",
        "OK",
        "Template observation GN-2026B-Q-110-99 not found",
        "GN-2026B-Q-111-40",
        "GS-2026B-Q-203-4",
        "GN-2026B-Q-110-",
        "GN-2026B-Q-110-40\nGN-2026B-Q-110-41",
        "<html><body>GN-2026B-Q-110-40</body></html>",
        '{"id": "GN-2026B-Q-110-40"}',
    ],
)
def test_200_with_anything_else_settles_nothing(body: str) -> None:
    error = outcome(Answer(200, HTML, body.encode()))
    assert type(error) is Unanswered
    assert error.reason.startswith("in place of an observation's id Gemini answered: ")


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (400, "missing 'target'", Rejected),
        (400, 'cannot parse the ra "12:00:60.0000"', Rejected),
        (400, "cannot parse exptime value `1.4` as an integer number of seconds", Rejected),
        (404, "Insufficient privileges.", Rejected),
        (403, "Program is not active.", Rejected),
        (404, "Template observation is not 'on hold'.", Rejected),
        (404, 'Template observation "ToÖ <1> & 2" not found', Rejected),
        (503, "Database unavailable.", NotSent),
        (429, "slow down", NotSent),
        (500, "java.lang.NullPointerException", Unanswered),
        (502, "Bad Gateway", Unanswered),
        (503, "Service Unavailable", Unanswered),
    ],
)
def test_a_reason_comes_out_of_jettys_page(status: int, reason: str, kind: type[FacilityError]) -> None:
    error = outcome(page(status, reason))
    assert type(error) is kind
    assert error.reason.endswith(reason)
    assert "<pre>" not in error.reason


def test_bad_credentials_are_told_as_such() -> None:
    error = outcome(page(404, "Incorrect program ID, email address, or password"))
    assert isinstance(error, Rejected)
    assert error.reason == (
        "bad credentials: Incorrect program ID, email address, or password "
        "(user keys of North and South differ)"
    )


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, "missing 'ra'", "missing 'ra'"),
        (404, "<html><head><title>x</title></head><body><h1>Not&nbsp;Found</h1></body></html>", "Not Found"),
        (404, "", "HTTP 404 without a reason"),
        (400, "x" * 2000, "x" * 500 + "…"),
    ],
)
def test_other_pages_are_readable(status: int, body: str, reason: str) -> None:
    assert outcome(Answer(status, HTML, body.encode())).reason == reason


def test_a_redirect_is_refused_without_its_address() -> None:
    moved = Answer(302, {**HTML, "location": f"https://example.org/too?password={KEY}"}, b"")
    error = outcome(moved)
    assert isinstance(error, Rejected)
    assert KEY not in error.reason


@pytest.mark.parametrize("status", [200, 400, 404, 500, 503])
def test_a_key_that_the_server_repeats_is_masked(status: int) -> None:
    redact.use(redact.Redactor([KEY]))
    error = outcome(page(status, f"Problem accessing /too?password={KEY}&obsnum=21"))
    assert KEY not in error.reason
    assert "********" in error.reason


@given(st.binary(max_size=500), st.sampled_from([200, 204, 301, 400, 404, 500, 503]))
@settings(max_examples=50)
def test_any_answer_ends_in_one_of_three_ways(body: bytes, status: int) -> None:
    assert isinstance(outcome(Answer(status, HTML, body)), Rejected | NotSent | Unanswered)


# -- what is kept


@given(st.frozensets(st.integers(1, 3000)))
@settings(max_examples=50)
def test_numbers_come_back(numbers: frozenset[int]) -> None:
    assert from_ranges(ranges(numbers)) == numbers


def test_numbers_are_kept_short() -> None:
    assert ranges([3, 1, 2, 41, 7, 8]) == "1-3,7-8,41"
    assert ranges([]) == ""
    assert (number_of("GN-2026B-Q-110-40"), number_of("GN-x"), number_of("")) == (40, None, None)


def test_the_ledger_comes_back() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    ledger = Ledger.of({})
    assert not ledger.known
    ledger.asking = Asking("21", at, frozenset({1, 2, 3}))
    again = Ledger.of(ledger.as_data())
    assert again.known
    assert again.asking == ledger.asking
    again.refuse("21", "no")
    assert (again.refused, again.left(["21", "22"])) == ({"21": "no"}, ("21", "22"))
    assert again.as_data()["asking"] is None
    again.took("21", "GN-2026B-Q-110-40")
    assert (again.refused, again.left(["21", "22"])) == ({}, ("22",))
    ledger.asking = Asking("21", at, None)
    assert Ledger.of(ledger.as_data()).asking == ledger.asking


# -- XML


def test_namespaces_and_blanks_do_not_matter() -> None:
    root = xml_reader.parse(b'<a xmlns:x="u"><x:b> one\n two </x:b></a>')
    assert (root.tag, xml_reader.text(root, "b"), xml_reader.text(root, "c")) == ("a", "one two", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no XML",
        b"<a><b></a>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
        b"<a>" * 101 + b"</a>" * 101,
        b'<?xml version="1.0" encoding="no-such"?><a/>',
    ],
)
def test_what_is_not_read(content: bytes) -> None:
    with pytest.raises(xml_reader.Unreadable):
        xml_reader.parse(content)
