"""What goes wrong at ZTF's gateways, told for what it is: against the simulator in both personalities."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.ztf import OTHER_TOKEN
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from tests.integration.ztf_bench import Bench, serving
from tests.ztf_orders import JSON, NOW, SKYMAP, TRIGGERED, without
from ztf.gateway import BadToken

NAME = "ToO_GRB260311A"
UNNAMED = without(TRIGGERED, "queue_name")
UNKNOWN_FIELD = {**without(TRIGGERED, "fields"), "field_centres": "scheduler"}
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad &amp; broken</h1></body></html>"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


def reason(bench: Bench, kind: type[FacilityError], payload: JSON = TRIGGERED) -> str:
    """Why a submission fails, in exactly this way."""
    with bench.failing(kind) as caught:
        bench.submit(payload)
    assert type(caught.value) is kind or kind is Unanswered
    found: str = caught.value.reason
    return found


# -- credentials


@pytest.mark.parametrize(
    ("personality", "token", "said"),
    [
        ("kowalski", "unknown-token-0123", "credentials: token is invalid"),
        ("kowalski", OTHER_TOKEN, "credentials: Forbidden"),
        ("ztfpass", "unknown-token-0123", "credentials: invalid token"),
    ],
)
def test_bad_credentials(bench: Bench, personality: str, token: str, said: str) -> None:
    bench.configure(personality=personality)
    bench.altdata["access_token"] = token
    assert reason(bench, BadToken) == said
    assert (bench.verify().valid, bench.verify().text) == (False, said)
    verdict = bench.validate(TRIGGERED)
    assert (verdict.accepted, verdict.reason) == (False, said)
    assert bench.live == []


@pytest.mark.parametrize("message", ["token has expired", "Unauthorized"])
def test_other_words_about_the_token(bench: Bench, message: str) -> None:
    bench.answer("PUT", 401 if message == "Unauthorized" else 400, message)
    assert reason(bench, BadToken) == f"credentials: {message}"


def test_a_token_that_is_refused_on_a_poll_leaves_the_request_as_it_is(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.altdata["access_token"] = "unknown-token-0123"
    with bench.failing(NoAnswer) as caught:
        bench.poll(TRIGGERED)
    assert caught.value.reason == "credentials: token is invalid"


# -- names in use


@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_a_name_in_use_by_another_queue(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    bench.submit({**TRIGGERED, "filters": "i"})
    assert reason(bench, Rejected).startswith(f"queue name already in use: {NAME} (")
    assert len(bench.server.scheduler.queues[NAME].targets) == 2


@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_the_same_queue_again_is_taken_for_this_one(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    bench.submit(TRIGGERED)
    again = bench.submit(TRIGGERED)
    assert (again.status, again.facility_request_id) == (Status.SUBMITTED, NAME)
    assert "was there already" in again.notes[0]


@pytest.mark.parametrize(
    "change",
    [{"program_id": "Caltech"}, {"subprogram_name": "GW"}, {"exposure_time": 30}, {"end_date": "2026-03-12"}],
)
def test_what_makes_a_queue_another_one(bench: Bench, change: JSON) -> None:
    bench.submit({**TRIGGERED, **change})
    assert "already in use" in reason(bench, Rejected)


def test_a_name_in_use_and_the_list_not_to_be_read_is_not_known(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.fail("status", "GET", status=503)
    assert "could not be read" in reason(bench, Unanswered)


def test_a_trigger_name_in_use(bench: Bench) -> None:
    bench.submit(SKYMAP)
    assert "was there already" in bench.submit(SKYMAP).notes[0]
    other = {**SKYMAP, "fields": [{"field_id": 1, "probability": 0.5}]}
    assert reason(bench, Rejected, other).startswith("trigger name already in use: S260311ab (")


# -- refusals


@pytest.mark.parametrize(
    ("personality", "said"),
    [
        ("kowalski", "ZTF's scheduler refused it (HTTP 400); the gateway does not pass its reason on"),
        ("ztfpass", "ZTF's scheduler refused it; the gateway does not pass its reason on"),
    ],
)
def test_a_refusal_of_the_scheduler_s(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, personality: str, said: str
) -> None:
    monkeypatch.setattr("local.simulators.ztf.scheduler.FIELDS", frozenset({1}))
    bench.configure(personality=personality)
    assert reason(bench, Rejected, UNKNOWN_FIELD) == said
    assert bench.live == []


@pytest.mark.parametrize(
    ("status", "message", "kind", "said"),
    [
        (
            400,
            "ValidationError: 1 validation error\nuser\n  field required",
            Rejected,
            "1 validation error user field required",
        ),
        (400, "invalid trigger payload: user", Rejected, "invalid trigger payload: user"),
        (400, "JSONDecodeError: Expecting value", Rejected, "JSONDecodeError: Expecting value"),
        (
            400,
            "ClientConnectorError: Cannot connect to host",
            NotSent,
            "cannot reach ZTF's scheduler (ClientConn",
        ),
        (400, "BaseSSHTunnelForwarderError: no session", NotSent, "cannot reach ZTF's scheduler (BaseSSH"),
        (400, "TimeoutError", Unanswered, "no answer from ZTF's scheduler (TimeoutError)"),
        (400, "ServerDisconnectedError: gone", Unanswered, "no answer from ZTF's scheduler (ServerDis"),
        (
            400,
            "ZTF attempt rejected: <bound method x of <R [500 Oops]>>",
            Unanswered,
            "ZTF's scheduler failed (HTTP 500)",
        ),
        (404, "Not Found", Rejected, "no such path (HTTP 404: Not Found)"),
        (429, "slow down", NotSent, "throttled: slow down"),
        (500, "Internal Server Error", Unanswered, "facility unavailable: HTTP 500"),
        (503, "no upstream", Unanswered, "facility unavailable: HTTP 503"),
        (200, "ZTF trigger attempt rejected: None", Rejected, "ZTF's scheduler refused it"),
    ],
)
def test_what_the_gateway_says(
    bench: Bench, status: int, message: str, kind: type[FacilityError], said: str
) -> None:
    bench.answer("PUT", status, message)
    assert said in reason(bench, kind)
    assert len(bench.sent("PUT")) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ({"status": 502, "body": HTML}, Unanswered, "HTTP 502 502 Bad Gateway Bad & broken"),
        ({"status": 200, "body": HTML}, Unanswered, "cannot be read: 502 Bad Gateway Bad & broken"),
        ({"status": 200, "body": "[1, 2]", "content_type": "application/json"}, Unanswered, "cannot be read"),
        ({"status": 200, "body": ""}, Unanswered, "cannot be read"),
        ({"status": 302, "headers": {"Location": "http://192.0.2.1/"}}, Rejected, "redirected"),
        ({"status": 405, "body": "405: Method Not Allowed"}, Rejected, "405: Method Not Allowed"),
        (
            {"status": 413, "body": "Maximum request body size 1048576 exceeded, actual body size 2"},
            Rejected,
            "Maximum request body size",
        ),
    ],
)
def test_answers_that_are_not_the_gateway_s(
    bench: Bench, fault: JSON, kind: type[FacilityError], said: str
) -> None:
    bench.fail("status", "PUT", **fault)
    assert said in reason(bench, kind)


def test_a_gateway_that_is_down(bench: Bench) -> None:
    bench.server.vanish()
    assert "could not reach" in reason(bench, NotSent)


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_lost_answer_is_found_in_the_list(bench: Bench, kind: str) -> None:
    bench.fail(kind, "PUT")
    reason(bench, Unanswered)
    found = bench.reconcile(TRIGGERED)
    assert isinstance(found, Submission)
    assert (found.facility_request_id, found.text) == (NAME, "queue ToO_GRB260311A, 4 exposures")
    assert len(bench.sent("PUT")) == 1


@pytest.mark.parametrize("state", ["down", "tunnel"])
@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_the_scheduler_is_down(bench: Bench, personality: str, state: str) -> None:
    bench.configure(personality=personality, scheduler=state)
    reason(bench, NotSent if personality == "kowalski" else Unanswered)
    with bench.failing(NoAnswer):
        bench.verify()
    bench.configure(scheduler="up")
    assert isinstance(bench.reconcile(TRIGGERED), Absent)


# -- a slow scheduler


def test_a_timed_out_queue_that_is_listed_is_submitted(bench: Bench) -> None:
    bench.configure(scheduler="slow")
    submission = bench.submit(TRIGGERED)
    assert submission.facility_request_id == NAME
    assert "but the queue is listed" in submission.notes[0]
    assert len(bench.sent("PUT")) == 1


def test_a_timed_out_queue_that_is_not_listed_stays_unknown_until_it_is_looked_for(bench: Bench) -> None:
    bench.answer("PUT", 400, "TimeoutError")
    reason(bench, Unanswered)
    assert isinstance(bench.reconcile(TRIGGERED), Absent)


def test_a_timed_out_queue_may_have_been_done_meanwhile(bench: Bench) -> None:
    bench.configure(scheduler="slow")
    bench.fail("status", "GET", status=503)
    reason(bench, Unanswered, UNNAMED)
    bench.configure(scheduler="up")
    bench.at(hours=2.1)
    bench.observe(4)
    # Six minutes into the window 4 x 300 s cannot have passed, whatever this simulator has done.
    assert isinstance(bench.reconcile(UNNAMED), Absent)
    bench.at(hours=1)
    assert bench.reconcile(UNNAMED) is None
    bench.with_depot()
    found = bench.reconcile(UNNAMED)
    assert isinstance(found, Submission)
    assert bench.poll(UNNAMED).status is Status.COMPLETE


def test_a_name_that_another_has_is_sent_again_to_be_refused(bench: Bench) -> None:
    bench.submit({**TRIGGERED, "filters": "i"})
    bench.kept = {}
    bench.answer("PUT", 400, "TimeoutError")
    reason(bench, Unanswered)
    assert isinstance(bench.reconcile(TRIGGERED), Absent)
    assert "already in use" in reason(bench, Rejected)


def test_nothing_is_known_of_what_was_never_kept(bench: Bench) -> None:
    assert bench.reconcile(TRIGGERED) is None
    with bench.failing(NoAnswer):
        bench.poll(TRIGGERED)
    with bench.failing(Rejected):
        bench.cancel(TRIGGERED)


def test_a_timed_out_sky_map(bench: Bench) -> None:
    bench.configure(scheduler="slow")
    assert "but the trigger is listed" in bench.submit(SKYMAP).notes[0]
    bench.kept = {}
    bench.configure(scheduler="up")
    other = {**SKYMAP, "trigger_name": "S260312a"}
    bench.answer("PUT", 400, "TimeoutError")
    reason(bench, Unanswered, other)
    assert isinstance(bench.reconcile(other), Absent)
    bench.fail("cut", "PUT")
    reason(bench, Unanswered, other)
    assert isinstance(bench.reconcile(other), Submission)


def test_a_gateway_without_sky_maps_says_so(bench: Bench) -> None:
    bench.configure(personality="ztfpass")
    said = "this gateway takes no sky map triggers"
    assert said in reason(bench, Rejected, SKYMAP)
    verdict = bench.validate(SKYMAP)
    assert (verdict.accepted, "HTTP 404" in verdict.reason) == (False, True)
    with bench.failing(Rejected) as caught:
        bench.cancel(SKYMAP)
    assert said in caught.value.reason
