"""ATLAS forced photometry: what is accepted, and the exact task that follows from it; no server involved."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from atlas_forced_photometry.facility import AtlasForcedPhotometry, AtlasOrder
from atlas_forced_photometry.models import AtlasAltdata, AtlasPayload
from atlas_forced_photometry.task import Task
from slew.errors import Invalid, NotSent, Rejected, SlewError, Unanswered
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order, Submission
from slew.models import Requester, Target
from slew.status import Status
from slew.validation import parse
from slew.wire import Answer, HttpRequest

JSON = dict[str, Any]
RECORDINGS: list[JSON] = json.loads(
    (Path(__file__).parents[1] / "data" / "peer" / "atlas_forced_photometry.json").read_text()
)
BASE = "https://fallingstar-data.com/forcedphot"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST, LAST = datetime.fromisoformat("1859-01-01"), datetime.fromisoformat("2100-01-01")
DATES = {"start_date": "2026-11-01 00:00:00", "end_date": "2026-11-20 12:00:00"}
FACILITY = AtlasForcedPhotometry()


class Scripted:
    """An HTTP link that gives one prepared answer and keeps what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        self.sent.append(request)
        return self.answer

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        return self.send(request)


def link_to(http: Scripted) -> Link:
    return Link(cast(HttpLink, http), cast(MailLink, None))


def payload_of(**fields: Any) -> AtlasPayload:
    return parse(AtlasPayload, {**DATES, **fields}, ["payload"])


def order_of(
    payload: Mapping[str, Any] | None = None, target: Mapping[str, Any] | None = None, token: str = "t" * 40
) -> AtlasOrder:
    return Order(
        request_id="101",
        instrument=None,
        target=Target(**{"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651, **(target or {})}),
        payload=payload_of(**(payload or {})),
        altdata=AtlasAltdata(api_token=SecretStr(token)),
        allocation=AllocationFacts("atlas", "J. Doe", "transients"),
        requester=Requester(),
        now=NOW,
        created_at=NOW,
    )


def body_of(order: AtlasOrder) -> JSON:
    [request] = FACILITY.prepare(order, link_to(Scripted(Answer(500, {}, b"")))).exchanges
    assert isinstance(request, HttpRequest)
    body: JSON = json.loads(request.body)
    return body


def submit(order: AtlasOrder, answer: Answer) -> tuple[Submission, Scripted]:
    http = Scripted(answer)
    link = link_to(http)
    return FACILITY.submit(order, FACILITY.prepare(order, link), link), http


def errors_of(**fields: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(AtlasPayload, {name: value for name, value in fields.items() if value != "absent"}, ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- credentials


@pytest.mark.parametrize("token", ["atlas-token", "0123456789abcdef0123456789abcdef01234567", " padded "])
def test_any_token_without_blanks_is_taken(token: str) -> None:
    altdata = parse(AtlasAltdata, {"api_token": token})
    assert altdata.api_token.get_secret_value() == token.strip()
    assert token.strip() not in repr(altdata)


@pytest.mark.parametrize("token", ["", "   ", "two words", "line\nbreak", "tökén", "x" * 201, None, 7])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: Any) -> None:
    with pytest.raises(Invalid) as caught:
        parse(AtlasAltdata, {"api_token": token}, ["altdata"])
    assert caught.value.errors[0].loc == ("altdata", "api_token")
    assert not isinstance(token, str) or len(token) < 5 or token not in caught.value.detail


def test_the_token_is_required_and_marked_secret() -> None:
    schema = AtlasAltdata.model_json_schema()
    assert schema["required"] == ["api_token"]
    assert schema["properties"]["api_token"]["writeOnly"] is True


# -- payload


def test_missing_dates_are_named_in_the_known_words() -> None:
    assert errors_of() == {
        "payload.start_date": "start_date is a required parameter",
        "payload.end_date": "end_date is a required parameter",
    }
    assert errors_of(start_date="2026-11-01", open_ended=False) == {
        "payload.end_date": "end_date is a required parameter"
    }
    assert errors_of(start_date="2026-11-01", open_ended="false") == {
        "payload.open_ended": "must be true or false"
    }
    assert errors_of(start_date=None, open_ended=True) == {
        "payload.start_date": "start_date is a required parameter"
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-20", "2026-11-01"),
        ("2026-11-01", "2026-11-01 00:00:00"),
        ("2026-11-01T00:00:00.1", "2026-11-01"),
    ],
)
def test_reversed_and_equal_dates_are_refused(start: str, end: str) -> None:
    [(field, text)] = errors_of(start_date=start, end_date=end).items()
    assert field == "payload.end_date"
    assert text.startswith("mjd_min must be smaller than mjd_max")


@pytest.mark.parametrize(
    "value",
    [
        "20261101",
        "2026-W45-1",
        "2026-11-01 00",
        "2026-11-01 00:00:00+02:00",
        "2026-02-30",
        "now",
        "",
        61345,
        1.5,
        True,
    ],
)
def test_a_date_in_another_form_is_refused(value: Any) -> None:
    assert list(errors_of(start_date=value, end_date="2026-11-20")) == ["payload.start_date"]


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"mpc_name": "a;b"}, "mpc_name", "quotes or semicolons"),
        ({"mpc_name": "Ma'kemake"}, "mpc_name", "quotes or semicolons"),
        ({"mpc_name": "x" * 301}, "mpc_name", "300"),
        ({"mpc_name": "Makemake", "propermotion_ra": 3.0}, "propermotion_ra", "not with mpc_name"),
        ({"comment": "x" * 301}, "comment", "300"),
        ({"comment": "two\nlines"}, "comment", "control"),
        ({"radec_epoch_year": 2015.55}, "radec_epoch_year", "1 decimal"),
        ({"radec_epoch_year": 1799.9}, "radec_epoch_year", "1800"),
        ({"propermotion_dec": 20000.5}, "propermotion_dec", "20000"),
        ({"propermotion_dec": float("nan")}, "propermotion_dec", ""),
        ({"use_reduced": "maybe"}, "use_reduced", ""),
        ({"exposure_time": 30}, "exposure_time", "not a field"),
        ({"start_date": "1850-01-01", "end_date": "1858-11-17"}, "end_date", "1858-11-17"),
    ],
)
def test_every_other_limit_is_named(fields: JSON, field: str, text: str) -> None:
    found = errors_of(**{**DATES, **fields})
    assert list(found) == [f"payload.{field}"]
    assert text in found[f"payload.{field}"]


def test_mjd_is_exact() -> None:
    assert (payload_of().mjd_min, payload_of().mjd_max) == (61345.0, 61364.5)
    assert payload_of(start_date="2026-11-01T06:00").mjd_min == 61345.25


@given(
    st.datetimes(FIRST, LAST),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=40000)),
    st.sampled_from("T "),
)
def test_any_two_moments_in_order_keep_their_order_and_value(
    start: datetime, length: timedelta, separator: str
) -> None:
    end = start + length
    fields = {"start_date": start.isoformat(separator), "end_date": end.isoformat(separator)}
    payload = parse(AtlasPayload, fields)
    assert payload.start_date == start.replace(tzinfo=UTC)
    mjd_max = payload.mjd_max
    assert mjd_max is not None
    assert abs((mjd_max - payload.mjd_min) * 86400 - length.total_seconds()) < 1e-4
    assert parse(AtlasPayload, payload.model_dump(mode="json")) == payload


@given(st.datetimes(FIRST, LAST), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_no_two_moments_out_of_order_pass(end: datetime, early: timedelta) -> None:
    found = errors_of(start_date=(end + early).isoformat(), end_date=end.isoformat())
    assert list(found) == ["payload.end_date"]


@given(st.text(max_size=30))
def test_no_text_breaks_the_dates(text: str) -> None:
    with contextlib.suppress(Invalid):
        parse(AtlasPayload, {"start_date": text, "end_date": text})
        pytest.fail("equal dates are never accepted")


def test_the_schema_says_when_the_end_is_needed() -> None:
    schema = AtlasPayload.model_json_schema()
    assert schema["required"] == ["start_date"]
    assert {"required": ["end_date"]} in schema["anyOf"]
    assert schema["additionalProperties"] is False
    assert all({"title", "description"} <= set(field) for field in schema["properties"].values())


# -- the task


def test_the_task_of_a_position() -> None:
    assert body_of(order_of()) == {
        "ra": 210.910674637,
        "dec": 54.311651,
        "mjd_min": 61345.0,
        "mjd_max": 61364.5,
        "use_reduced": False,
        "comment": "101",
        "send_email": False,
    }


def test_the_task_with_every_extension() -> None:
    fields = {
        "use_reduced": True,
        "comment": "plateau?",
        "radec_epoch_year": 2015.5,
        "propermotion_ra": -12.5,
        "propermotion_dec": 3,
        "open_ended": True,
    }
    body = body_of(order_of(fields))
    assert body == {
        "ra": 210.910674637,
        "dec": 54.311651,
        "mjd_min": 61345.0,
        "radec_epoch_year": 2015.5,
        "propermotion_ra": -12.5,
        "propermotion_dec": 3.0,
        "use_reduced": True,
        "comment": "101 plateau?",
        "send_email": False,
    }


def test_a_named_object_goes_without_coordinates_and_that_is_noted() -> None:
    order = order_of({"mpc_name": "(12267)"})
    assert not {"ra", "dec"} & set(body_of(order))
    assert body_of(order)["mpc_name"] == "(12267)"
    notes = FACILITY.prepare(order, link_to(Scripted(Answer(500, {}, b"")))).notes
    assert notes == ("mpc_name is sent in place of the target's coordinates",)


def test_the_targets_proper_motion_is_sent_only_when_asked_for() -> None:
    target = {"proper_motion_ra": 10.0, "proper_motion_dec": -4.0, "epoch": 2016.0}
    order = order_of(target=target)
    assert not [name for name in body_of(order) if "motion" in name or "epoch" in name]
    link = link_to(Scripted(Answer(500, {}, b"")))
    assert "proper motion is not sent" in FACILITY.prepare(order, link).notes[0]
    assert FACILITY.prepare(order_of({"propermotion_ra": 10.0}, target), link).notes == ()


def test_the_comment_has_room_for_our_id() -> None:
    assert len(body_of(order_of({"comment": "x" * 296}))["comment"]) == 300
    with pytest.raises(Invalid) as caught:
        body_of(order_of({"comment": "x" * 297}))
    assert caught.value.errors[0].loc == ("payload", "comment")
    assert "at most 296" in caught.value.detail


# -- the peer's recordings


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_facts_are_sent_as_the_peer_sends(recording: JSON) -> None:
    position = recording["target"]
    order = order_of(
        recording["payload"],
        {"name": position["id"], "ra": position["ra"], "dec": position["dec"]},
        recording["altdata"]["api_token"],
    )
    [theirs] = recording["peer"]["sent"]
    [answered] = recording["facility_answered"]
    answer = Answer(answered[2], {}, answered[3].encode())
    http = Scripted(answer)
    link = link_to(http)
    prepared = FACILITY.prepare(order, link)
    if answer.status == 201:
        submission = FACILITY.submit(order, prepared, link)
        assert submission.facility_request_id == "4242"
        assert submission.status.value == recording["peer"]["status"]
        assert submission.data["url"] == f"{BASE}/queue/4242/"
    else:  # the peer keeps `throttled: ...` for ever; ours waits and sends again
        with pytest.raises(NotSent, match=r"^throttled: .*6 seconds") as caught:
            FACILITY.submit(order, prepared, link)
        assert caught.value.retry_after == 6.0
    [ours] = http.sent
    assert (ours.method, ours.url) == (theirs["method"], theirs["url"])
    assert theirs["headers"].items() <= ours.headers.items()
    body = json.loads(ours.body)
    assert theirs["data"].items() <= body.items()
    assert {name: body[name] for name in set(body) - set(theirs["data"])} == {
        "comment": "101",
        "use_reduced": False,
    }


# -- what an answer means


@pytest.mark.parametrize(
    ("headers", "body", "number"),
    [
        ({}, {"id": 7}, "7"),
        ({"location": f"{BASE}/queue/8/"}, {}, "8"),
        ({"location": "/forcedphot/queue/9/"}, {"url": "https://elsewhere.example/forcedphot/queue/5/"}, "9"),
    ],
)
def test_the_number_is_read_wherever_it_is(headers: dict[str, str], body: JSON, number: str) -> None:
    submission, _ = submit(order_of(), Answer(201, headers, json.dumps(body).encode()))
    assert submission.facility_request_id == number
    assert submission.data["url"] == f"{BASE}/queue/{number}/"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (
            Answer(201, {}, b'{"url": "https://elsewhere.example/forcedphot/queue/5/"}'),
            Unanswered,
            "task number",
        ),
        (Answer(201, {}, b'{"id": true}'), Unanswered, "task number"),
        (Answer(201, {"content-type": "text/html"}, b"<html>"), Unanswered, "task number"),
        (Answer(200, {}, b'{"id": 5}'), Unanswered, "HTTP 200"),
        (Answer(302, {"location": "/login/"}, b""), Unanswered, "HTTP 302"),
        (Answer(301, {"location": "https://x.example/queue/"}, b""), Rejected, "x.example/queue/.*base URL"),
        (Answer(502, {}, b"<html>"), Unanswered, "HTTP 502"),
        (Answer(504, {}, b""), Unanswered, "HTTP 504"),
        (Answer(400, {}, b'{"ra": ["A valid number is required."]}'), Rejected, r"^ra: A valid number"),
        (
            Answer(400, {}, b'{"mpc_name": {"mpc_name": "Invalid mpc_name."}}'),
            Rejected,
            "mpc_name: Invalid mpc_name",
        ),
        (Answer(400, {}, b'{"radeclist": "Error on line 1"}'), Rejected, "radeclist: Error on line 1"),
        (Answer(401, {}, b'{"detail": "Invalid token."}'), Rejected, r"^credentials: Invalid token\.$"),
        (Answer(403, {"content-type": "text/html"}, b"<html>"), Rejected, "HTTP 403"),
    ],
)
def test_every_other_answer_ends_in_its_own_way(answer: Answer, error: type[SlewError], text: str) -> None:
    with pytest.raises(error, match=text):
        submit(order_of(), answer)


@pytest.mark.parametrize(
    ("headers", "text", "wait_s"),
    [
        ({"retry-after": "17"}, "Expected available in 60 seconds.", 17.0),
        ({}, "Expected available in 1 second.", 1.0),
        ({}, "Slow down.", 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:00 GMT"}, "Expected available in 6 seconds.", 6.0),
    ],
)
def test_the_wait_is_the_headers_else_the_texts_else_a_minute(
    headers: dict[str, str], text: str, wait_s: float
) -> None:
    with pytest.raises(NotSent) as caught:
        submit(order_of(), Answer(429, headers, json.dumps({"detail": text}).encode()))
    assert caught.value.retry_after == wait_s


QUEUED: JSON = {"id": 7, "timestamp": "2026-11-22T12:00:00Z", "queuepos": 3, "finished": False}
STARTED = {**QUEUED, "starttimestamp": "2026-11-22T12:01:00.5Z", "queuepos": 0}
ENDED = {**STARTED, "finished": True, "finishtimestamp": "2026-11-22T12:02:00Z", "queuepos": None}


@pytest.mark.parametrize(
    ("shown", "status", "text", "reason"),
    [
        (QUEUED, Status.SUBMITTED, "queued at 2026-11-22T12:00:00Z; position in the queue 3", ""),
        ({**QUEUED, "queuepos": None}, Status.SUBMITTED, "(queued at 2026-11-22T12:00:00Z)", ""),
        (STARTED, Status.IN_PROGRESS, "Job is running (started at 2026-11-22T12:01:00.5Z)", ""),
        (
            {**ENDED, "result_url": "https://a.b/job7.txt"},
            Status.COMPLETE,
            "available at https://a.b/job7.txt",
            "",
        ),
        ({**ENDED, "result_url": None, "error_msg": "No data returned"}, Status.COMPLETE, "zero points", ""),
        ({**ENDED, "error_msg": "Could not parse"}, Status.FAILED, "Could not parse", "Could not parse"),
        (ENDED, Status.FAILED, "", "without a reason"),
        ({**ENDED, "finished": None, "error_msg": "No data returned"}, Status.COMPLETE, "zero points", ""),
    ],
)
def test_the_states_of_a_task(shown: JSON, status: Status, text: str, reason: str) -> None:
    found = Task.read(shown).status
    assert found[0] is status
    assert text in found[1]
    assert reason in found[2]
    assert bool(reason) == bool(found[2])


def test_products_are_those_with_a_url() -> None:
    urls = {"result_url": "https://a.b/r.txt", "pdfplot_url": None, "previewimage_url": "file:///etc/passwd"}
    assert Task.read({**ENDED, **urls}).products == (
        {
            "name": "job00007.txt",
            "kind": "photometry",
            "url": "https://a.b/r.txt",
            "content_type": "text/plain",
        },
    )


@pytest.mark.parametrize(
    ("comment", "parent", "ours"),
    [
        ("101", None, True),
        ("101 plateau?", None, True),
        ("1012", None, False),
        ("see 101", None, False),
        (None, None, False),
        ("101", 6, False),
    ],
)
def test_a_task_is_ours_by_its_comment(comment: str | None, parent: int | None, ours: bool) -> None:
    assert Task.read({"id": 7, "comment": comment, "parent_task_id": parent}).is_for("101") is ours


def test_a_field_that_came_back_in_another_form_has_not_changed() -> None:
    task = Task.read({"id": 7, "radec_epoch_year": "2015.5", "ra": 10, "mjd_max": None, "comment": "101"})
    wanted = {"radec_epoch_year": 2015.5, "ra": 10.0, "mjd_max": None, "comment": "101"}
    assert task.changes(wanted) == {}
    assert task.changes({**wanted, "mjd_max": 61000.0, "radec_epoch_year": None}) == {
        "mjd_max": 61000.0,
        "radec_epoch_year": None,
    }
