"""The IPAC facility against its simulator, over real HTTP: submission, credentials, cut lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from pydantic import SecretStr

from local.simulators.ztf_forced_photometry import DEMO_EMAIL, DEMO_USERPASS
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered
from slew.http import Http
from slew.status import Status
from tests.integration.ztf_forced_photometry_bench import (
    DAY,
    HOUR,
    LIST,
    MAINTENANCE,
    MINUTE,
    SUBMIT,
    Bench,
    running,
)
from tests.support.waiting import LONG_S

JSON = dict[str, Any]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with running(monkeypatch) as bench:
        yield bench


# -- submit


def test_a_position_is_submitted_as_the_card_says(bench: Bench) -> None:
    submission = bench.submit(bench.order())
    [sent] = bench.calls(SUBMIT)
    assert sent["method"] == "GET"
    assert parse_qs(sent["query"]) == {
        "ra": ["210.910675"],
        "dec": ["54.311651"],
        "jdstart": ["2460084.500000"],
        "jdend": ["2460116.000000"],
        "email": [DEMO_EMAIL],
        "userpass": [DEMO_USERPASS],
    }
    assert submission.status is Status.SUBMITTED
    assert submission.facility_request_id == "210.910675 54.311651 2460084.500000 2460116.000000"
    assert submission.data["newest_before"] == 315276
    assert bench.kept == submission.data  # written down before the request left
    assert submission.next_poll_s is not None
    # 25 minutes to 18:05, with room for the jitter of a tenth
    assert submission.next_poll_s * 0.9 == pytest.approx(25 * MINUTE)
    job = requests.get(f"{bench.server.url}/_jobs", timeout=10).json()[-1]
    assert (job["ra"], job["dec"], job["start"], job["end"]) == (210.910675, 54.311651, 2460084.5, 2460116.0)


@pytest.mark.parametrize("password", ["shared", "personal"])
def test_bad_credentials_are_told_apart(bench: Bench, password: str) -> None:
    if password == "shared":
        bench.wrong(ipac_http_password=SecretStr("wrong-secret"))
        assert bench.refused(Rejected).reason == "ipac_http_user / ipac_http_password refused"
        assert bench.calls(SUBMIT) == []  # the look at the table has told
    else:
        bench.wrong(ipac_userpass=SecretStr("wrong-secret"))
        assert bench.refused(Rejected).reason == "Error: email or userpass not recognized."


def test_the_shared_login_refused_at_the_form_itself(bench: Bench) -> None:
    bench.fail("status", path=LIST, status=503)
    bench.wrong(ipac_http_password=SecretStr("wrong-secret"))
    assert bench.refused(Rejected).reason == "ipac_http_user / ipac_http_password refused"


def test_the_letter_case_of_the_email_counts(bench: Bench) -> None:
    bench.wrong(ipac_email=DEMO_EMAIL.upper())
    assert "not recognized" in bench.refused(Rejected).reason


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (200, "<html><body>ok</body></html>", Rejected, "ok"),
        (200, "<html><body><p>Sorry &amp; good-bye</p><script>x()</script>", Rejected, "Sorry & good-bye"),
        (200, "", Unanswered, "empty page"),
        (200, "Error: database is busy; try again a minute later.", NotSent, "busy"),
        (503, "Error: database is busy; try again a minute later.", NotSent, "busy"),
        (429, "slow down", NotSent, "throttled"),
        (503, MAINTENANCE, Unanswered, "HTTP 503"),
        (500, "", Unanswered, "HTTP 500"),
        (204, "", Unanswered, "HTTP 204"),
        (400, "<html><body>Bad <b>request</b></body></html>", Rejected, "Bad request"),
        (403, "", Rejected, "HTTP 403"),
        (200, '{"status": "taken"}', Rejected, '{"status": "taken"}'),
        (200, f"<p>you sent userpass={DEMO_USERPASS} {'x' * 500}</p>", Rejected, "userpass=********"),
    ],
)
def test_every_other_answer(
    bench: Bench, status: int, body: str, error: type[FacilityError], text: str
) -> None:
    bench.fail("status", path=SUBMIT, status=status, body=body)
    refused = bench.refused(error)
    assert text in refused.reason
    assert len(refused.reason) <= 300
    assert error is not NotSent or refused.retry_after == 60.0
    assert len(bench.calls(SUBMIT)) == 1


def test_a_redirect_is_not_followed_and_its_query_not_told(bench: Bench) -> None:
    away = {"Location": f"https://elsewhere.example/?userpass={DEMO_USERPASS}"}
    bench.fail("status", path=SUBMIT, status=302, headers=away)
    assert "https://elsewhere.example/: is the base URL right?" in bench.refused(Rejected).reason


def test_an_echo_of_other_numbers_is_no_acceptance(bench: Bench) -> None:
    heads = "<tr><th>ra</th><th>dec</th><th>jdstart</th><th>jdend</th><th>email</th></tr>"
    for ra, taken in (("210.910665", True), ("210.910655", False)):
        cells = f"<tr><td> {ra}</td><td>54.311651<td>2460084.5</td><td>2460116</td><td>x</td></tr>"
        bench.fail("status", path=SUBMIT, status=200, body=f"<table>{heads}{cells}</table>")
        if taken:
            assert bench.submit(bench.order()).status is Status.SUBMITTED
        else:
            assert ra in bench.refused(Rejected).reason


@pytest.mark.parametrize("kind", ["refuse", "cut", "reset"])
def test_a_line_cut_after_the_request_left_is_unknown_and_nothing_goes_twice(bench: Bench, kind: str) -> None:
    bench.fail(kind, path=SUBMIT)
    bench.refused(Unanswered)
    assert len(bench.calls(SUBMIT)) == (0 if kind == "refuse" else 1)


def test_a_server_that_is_not_there_has_got_nothing(bench: Bench) -> None:
    bench.server.vanish()
    bench.refused(NotSent)


def test_a_hanging_answer_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Http.send
    monkeypatch.setattr(
        Http, "send", lambda self, request, *, read_timeout=0.0: send(self, request, read_timeout=0.3)
    )
    bench.fail("hang", path=SUBMIT, seconds=LONG_S)
    assert "timed out" in bench.refused(Unanswered).reason


def test_a_look_that_fails_holds_nothing_back(bench: Bench) -> None:
    bench.fail("status", path=LIST, status=503, body=MAINTENANCE)
    assert "newest_before" not in bench.submit(bench.order()).data


def test_a_hundred_open_requests_are_the_limit(bench: Bench) -> None:
    bench.configure(run_s=DAY)
    for i in range(98):
        bench.server.single.add(
            DEMO_EMAIL, 10.0 + i, 20.0, 2460084.5, 2460116.0, bench.server.clock.time() - HOUR
        )
    bench.submit(bench.order())
    bench.submit(bench.order("r2", ra=11.0))
    held = bench.refused(NotSent, bench.order("r3", ra=12.0))
    assert "100 requests" in held.reason
    assert held.retry_after is not None
    assert held.retry_after > 25 * MINUTE
    assert len(bench.calls(SUBMIT)) == 2


# -- verify, cancel


def test_credentials_are_checked_by_the_table(bench: Bench) -> None:
    good = bench.facility.verify(bench.altdata, bench.link)
    assert (good.valid, good.details) == (True, {"jobs": 3})
    bad = bench.altdata.model_copy(update={"ipac_http_user": "somebody"})
    assert bench.facility.verify(bad, bench.link).text == "ipac_http_user / ipac_http_password refused"
    pair = bench.altdata.model_copy(update={"ipac_userpass": SecretStr("wrong-secret")})
    refused = bench.facility.verify(pair, bench.link)
    assert (refused.valid, refused.text) == (False, "Error: email or userpass not recognized.")
    bench.configure(wrong_pair="echo")
    silent = bench.facility.verify(pair, bench.link)
    assert silent.valid
    assert "only a job would show" in silent.text
    bench.fail("status", path=LIST, status=500)
    with pytest.raises(NoAnswer):
        bench.facility.verify(bench.altdata, bench.link)


def test_cancelling_is_local_and_says_so(bench: Bench) -> None:
    order = bench.submitted()
    before = len(bench.http.exchanges)
    cancelled = bench.facility.cancel(order, bench.link)
    assert cancelled.status is Status.CANCELLED
    assert "the job runs on there" in cancelled.text
    assert len(bench.http.exchanges) == before
    bench.advance(2 * HOUR)
    after = bench.poll(replace(order, status=Status.CANCELLED))[1]
    assert (after.status, after.next_poll_s) == (None, None)
