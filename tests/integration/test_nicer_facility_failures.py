"""What a failure of each of NICER's steps becomes: sent again before the last one, never after it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.wire import Answer, HttpRequest
from tests.integration.nicer_bench import FORM, LOGIN, Bench, serving
from tests.nicer_orders import JSON
from tests.support.waiting import LONG_S


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch) as bench:
        yield bench


# -- failures before the last step: nothing has been triggered


@pytest.mark.parametrize("path", [LOGIN, "/ark/user/", FORM])
@pytest.mark.parametrize("kind", ["refuse", "cut", "reset", "status"])
def test_failures_before_the_submission_are_not_sent(bench: Bench, path: str, kind: str) -> None:
    fields: JSON = {"status": 503, "body": "<html>down</html>"} if kind == "status" else {}
    bench.fail(kind, path, **fields)
    assert bench.failure(NotSent).reason.startswith("HEASARC unreachable: ")
    assert bench.submissions == []
    assert bench.marked == 0
    bench.submit()
    assert len(bench.submissions) == 1, "the steps before may be repeated freely"


def test_throttled(bench: Bench) -> None:
    bench.fail("status", FORM, status=429, headers={"Retry-After": "120"})
    error = bench.failure(NotSent)
    assert (error.reason, error.retry_after) == ("HEASARC throttles: HTTP 429", 120)


def test_nobody_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("SLEW_NICER_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert bench.failure(NotSent).reason.startswith("HEASARC unreachable: ")
        for ask in (bench.verify, bench.validate):
            with pytest.raises(NoAnswer, match="HEASARC unreachable"):
                ask()
    assert bench.marked == 0


@pytest.mark.parametrize("path", [LOGIN, FORM])
def test_no_other_host_gets_the_credentials(bench: Bench, path: str) -> None:
    bench.fail("status", path, status=307, headers={"Location": "https://elsewhere.invalid/ark/LOGIN"})
    assert "another host, elsewhere.invalid" in bench.failure(NotSent).reason


# -- failures of the last step: it may have been taken


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_taken_and_not_answered_is_unknown(bench: Bench, kind: str) -> None:
    bench.fail_submission(kind)
    error = bench.failure(Unanswered)
    assert error.reason.startswith("outcome unknown: no answer from ")
    assert "Recent Activity" in error.reason
    assert len(bench.submissions) == 1
    assert bench.marked == 1


def test_a_time_out_after_storing_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    send = bench.http.send

    def impatient(request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        last = b"RPS_SUBMIT" in request.body
        return send(request, read_timeout=0.2 if last else read_timeout)

    monkeypatch.setattr(bench.http, "send", impatient)
    bench.fail_submission("hang", seconds=LONG_S)
    assert "timed out" in bench.failure(Unanswered).reason
    assert len(bench.submissions) <= 1, "not sent again"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (500, {}),
        (503, {}),
        (404, {}),
        (429, {}),
        (307, {"Location": "/ark/nicertoo/form.html"}),
        (302, {"Location": "https://elsewhere.invalid/"}),
        (302, {"Location": "/ark/nowhere"}),
    ],
)
def test_any_other_status_of_the_submission_is_unknown(
    bench: Bench, status: int, headers: dict[str, str]
) -> None:
    bench.fail_submission("status", status=status, headers=headers, body="<html>?</html>")
    assert bench.failure(Unanswered).reason.startswith("outcome unknown: ")
    assert len(bench.sent(FORM)) == 2, "one verification, one submission"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('<form><input name="credential_1"></form>', "the login form"),
        ('<span>Form verified successfully</span><input name="RPS_SUBMIT">', "the form again"),
        ('<input type="image" name="RPS_VERIFY">', "the form again"),
    ],
)
def test_a_submission_answered_by_a_form_is_unknown(bench: Bench, body: str, shown: str) -> None:
    bench.fail_submission("status", status=200, body=body)
    assert shown in bench.failure(Unanswered).reason


def test_the_verified_form_again_is_unknown(bench: Bench) -> None:
    bench.configure(after_submit="form")
    assert "the form again" in bench.failure(Unanswered).reason


def test_a_refusal_of_the_submission(bench: Bench) -> None:
    body = "<span>Attempted verification detected too late</span>"
    bench.fail_submission("status", status=200, body=body)
    assert bench.failure(Rejected).reason == "too late"


def test_a_receipt_that_cannot_be_fetched_is_unknown(bench: Bench) -> None:
    bench.configure(after_submit="redirect")
    bench.fail("cut", "/ark/nicertoo/receipt.html")
    assert bench.failure(Unanswered).reason.startswith("outcome unknown: HEASARC unreachable: ")
    assert len(bench.submissions) == 1
