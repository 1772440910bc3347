"""What SEDM posts: credentials, numbers, status texts, spectra, and the answers that its client reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedm import answers
from slew.errors import (
    FacilityError,
    Failed,
    Invalid,
    NotFound,
    NotSent,
    Problem,
    Rejected,
    Unanswered,
    Unauthorized,
    Unavailable,
)
from slew.facility import Message
from slew.status import Status
from slew.wire import Answer
from tests.sedm_orders import FACILITY, JSON, TOKEN, order_of

ASCII = "# EXPTIME: 2250.0\n# QUALITY: 0\n# OTHER: x\n4000.0 1.0e-15 1.0e-32\n4025.0 2.0e-15 4.0e-32\n"


def message(body: Any = None, path: str = "api/facility", token: str = f"token {TOKEN}") -> Message:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Message(path, {"authorization": token}, raw)


def said(text: Any, number: Any = 900123) -> Message:
    return message({"new_status": text, "followup_request_id": number})


def spectrum(**changes: Any) -> Message:
    content = {"followup_request_id": 900123, "filename": "spec_x.txt", "ascii": ASCII, **changes}
    return message(content, "api/spectrum/ascii")


# ---- answers to what we send


def titled(title: str, status: int = 200) -> Answer:
    page = f"Content-type: text/html\n <title>{title}</title>"
    return Answer(status, {}, page.encode())


def test_only_the_exact_title_is_a_success() -> None:
    assert answers.accepted(titled("Accepted Request"), "Accepted Request") == "Accepted Request"
    for title in ("accepted request", "Accepted Requests", "Not Accepted Request", "Accepted Edit"):
        with pytest.raises(Rejected):
            answers.accepted(titled(title), "Accepted Request")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (titled("Rejected Deletion, ACTIVE"), answers.Active, "cannot delete: being observed or unknown to"),
        (titled("Rejected Edit Deletion, ACTIVE"), answers.Active, "cannot edit: being observed or unknown"),
        (titled("Rejected Request"), Rejected, "Rejected Request"),
        (titled("Invalid Formatting of Request"), Rejected, "Invalid Formatting of Request"),
        (titled("'requestid'"), answers.Broken, "'requestid'"),
        (titled("could not convert string to float: &#39;x&#39;"), answers.Broken, "could not convert"),
        (titled("Accepted Fritz CGI"), Failed, "test sink"),
        (Answer(200, {}, b"ERROR"), Failed, "test sink got nothing"),
        (Answer(200, {}, b'{"id": 4242}'), answers.Broken, '{"id": 4242}'),
        (Answer(200, {}, b""), Unanswered, "without a title"),
        (Answer(200, {}, b"<html><body><p>Down &amp; out</p></body></html>"), Rejected, "Down & out"),
        (titled("500 Internal Server Error", 500), Unanswered, "HTTP 500 500 Internal Server Error"),
        (titled("Bad Gateway", 502), Unanswered, "HTTP 502"),
        (titled("Not Found", 404), Rejected, "HTTP 404 Not Found"),
        (titled("moved", 302), Rejected, "HTTP 302"),
        (titled("slow down", 429), NotSent, "throttled"),
    ],
)
def test_every_other_answer(answer: Answer, kind: type[FacilityError], reason: str) -> None:
    with pytest.raises(kind) as caught:
        answers.accepted(answer, "Accepted Request")
    assert type(caught.value) in (kind, answers.Broken)
    assert reason in caught.value.reason


# ---- who and which


@pytest.mark.parametrize("token", ["", "token", f"token {TOKEN}x", f"token {TOKEN[:-1]}", TOKEN, "token ü"])
def test_another_credential(token: str) -> None:
    assert FACILITY.accepts(message(token=f"token {TOKEN}"), order_of().altdata)
    assert not FACILITY.accepts(message(token=token), order_of().altdata)


def test_without_a_token_in_the_altdata_nothing_is_taken() -> None:
    altdata = order_of(altdata={"programname": "EM+GW"}).altdata
    assert not FACILITY.accepts(message(token="token "), altdata)
    assert not FACILITY.accepts(message(token="token None"), altdata)


@pytest.mark.parametrize("number", [900123, "900123", " 900123 "])
@pytest.mark.parametrize("path", ["", "facility", "api/facility", "/api/facility/"])
def test_numbers(number: Any, path: str) -> None:
    content = {"new_status": "x", "followup_request_id": number, "extra": [1]}
    assert FACILITY.message_number(message(content, path)) == 900123


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"new_status": "x"}, 'Missing required key "followup_request_id".'),
        ({"followup_request_id": "12a"}, "Invalid followup_request_id: 12a"),
        ({"followup_request_id": True}, "Invalid followup_request_id: True"),
        ({"followup_request_id": 1.5}, "Invalid followup_request_id: 1.5"),
        ({"followup_request_id": -1}, "Invalid followup_request_id: -1"),
        ({"followup_request_id": None}, "Invalid followup_request_id: None"),
        ({"followup_request_id": 10**18}, "Invalid followup_request_id: 1000000000000000000"),
        (b"not json", "The body is not JSON."),
        (b"[1]", "The body is not a JSON object."),
    ],
)
def test_bad_numbers_are_answered_with_400(body: Any, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        FACILITY.message_number(message(body))
    answer = FACILITY.reply(message(body), caught.value)
    assert answer == (400, {"status": "error", "message": text})


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists))
@settings(max_examples=50)
def test_no_body_breaks_it(body: Any) -> None:
    given = message({"new_status": "x", "followup_request_id": body} if not isinstance(body, bytes) else body)
    refusal: Problem | None = None
    try:
        number = FACILITY.message_number(given)
    except Problem as error:
        number, refusal = None, error
    assert (number is None) is (refusal is not None)
    assert FACILITY.reply(given, refusal)[0] == (400 if refusal else 200)


def test_what_belongs_to_a_spectrum_comes_under_its_id() -> None:
    for path in ("api/spectra/900123/annotations", "api/spectra/900123/comments"):
        assert FACILITY.message_number(message({}, path)) == 900123
    assert FACILITY.message_number(message({"obj_id": "x"}, "api/classification")) is None
    for path in ("api/other", "api/spectra/x/comments", "api/spectra/1/other", "api/spectrum"):
        with pytest.raises(NotFound):
            FACILITY.message_number(message({}, path))


def test_answers() -> None:
    status = said("Expired")
    assert FACILITY.reply(status, None) == (200, {"status": "success", "message": "", "data": {}})
    assert FACILITY.reply(spectrum(), None) == (200, {"status": "success", "data": {"id": 900123}})
    refusals: list[tuple[Problem, int, str]] = [
        (Unauthorized("x"), 400, "Insufficient permissions."),
        (NotFound("x"), 400, "Cannot find FollowupRequest with ID: 900123"),
        (Unavailable("it is being worked on"), 503, "it is being worked on"),
    ]
    for error, code, text in refusals:
        assert FACILITY.reply(status, error) == (code, {"status": "error", "message": text})
    unknown = FACILITY.reply(message({}, "api/other"), NotFound("there is no such path"))
    assert unknown == (400, {"status": "error", "message": "there is no such path"})


# ---- status texts


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Complete 20261202 01_31_44", Status.COMPLETE),
        ("Completed Automatically 20261202T093144", Status.COMPLETE),
        ("Completed Manually 20261202T093144", Status.COMPLETE),
        ("COMPLETED", Status.COMPLETE),
        ("Failed 20261202T093144", Status.FAILED),
        ("Expired", Status.EXPIRED),
        ("ACCEPTED", Status.SUBMITTED),
        ("IFU: Complete 20261202 01_31_44", None),
        ("Not Completed", None),
        ("clouds", None),
        ("", None),
    ],
)
def test_texts(text: str, status: Status | None) -> None:
    progress = FACILITY.receive(order_of(status=Status.SUBMITTED), said(text))
    assert (progress.status, progress.text) == (status, text)
    assert progress.data["said"] == text


@pytest.mark.parametrize("final", [Status.COMPLETE, Status.EXPIRED, Status.CANCELLED, Status.REJECTED])
@pytest.mark.parametrize("text", ["ACCEPTED", "Failed 20261202T093144", "Expired", "COMPLETED"])
def test_a_final_status_stays(final: Status, text: str) -> None:
    assert FACILITY.receive(order_of(status=final), said(text)).status is None


def test_failed_may_become_complete_and_so_may_our_own_expiry() -> None:
    assert FACILITY.receive(order_of(status=Status.FAILED), said("COMPLETED")).status is Status.COMPLETE
    assert FACILITY.receive(order_of(status=Status.FAILED), said("ACCEPTED")).status is None
    ours = order_of(status=Status.EXPIRED, facility_data={"expired_here": True})
    assert FACILITY.receive(ours, said("COMPLETED")).status is Status.COMPLETE
    assert FACILITY.receive(ours, said("ACCEPTED")).status is None


def test_a_message_settles_an_unknown_outcome() -> None:
    assert FACILITY.receive(order_of(status=Status.UNKNOWN), said("ACCEPTED")).status is Status.SUBMITTED


@pytest.mark.parametrize("content", [{}, {"new_status": 5}, {"new_status": None}])
def test_a_text_must_be_one(content: JSON) -> None:
    with pytest.raises(Invalid, match="new_status"):
        FACILITY.receive(order_of(), message({"followup_request_id": 900123, **content}))


def test_kitt_peak_has_no_listener() -> None:
    with pytest.raises(Invalid, match="does not have a Listener API"):
        FACILITY.receive(order_of(instrument="sedmv2"), said("COMPLETED"))
