"""Gemini not reached, not answering, or answering something else; over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gemini import facility as module
from local.simulators.gemini import EMAIL, NORTH
from local.simulators.gemini.server import error_page
from slew import http
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.wire import HttpRequest
from tests.integration.gemini_bench import FACILITY, HTML, JSON, SECRETS, Bench, benched
from tests.integration.test_tls import certificate
from tests.support.waiting import LONG_S, until


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


def failure(bench: Bench, templates: str = "21", **fields: Any) -> FacilityError:
    with pytest.raises(FacilityError) as caught:
        bench.submit(bench.order(templates, **fields))
    assert not any(secret in caught.value.reason for secret in SECRETS)
    return caught.value


def test_a_database_that_is_down_has_made_nothing(bench: Bench) -> None:
    bench.server.config.database_down = True
    error = failure(bench, "21,22")
    assert (type(error), error.reason) == (NotSent, "Gemini: Database unavailable.")
    assert len(bench.triggers()) == 1
    assert bench.clones() == {}


def test_a_server_that_is_not_there(bench: Bench) -> None:
    bench.server.vanish()
    assert isinstance(failure(bench), NotSent)
    bench.server.start()


def test_a_database_that_goes_down_half_way(bench: Bench) -> None:
    page = error_page(503, "Database unavailable.", "/too").get_data(as_text=True)
    order = bench.order("21,22,23")
    prepared = FACILITY.prepare(order, bench.link)
    sends = iter(["first", "second"])

    class Watching:
        """Makes the second trigger fail."""

        def send(self, request: HttpRequest, *, read_timeout: float = 1) -> Any:
            if next(sends) == "second":
                bench.fail("status", status=503, body=page, path="/north/too")
            return bench.http.send(request, read_timeout=read_timeout)

        def read(self, request: HttpRequest, *, read_timeout: float = 1) -> Any:
            return bench.http.read(request, read_timeout=read_timeout)

    submission = FACILITY.submit(order, prepared, replace(bench.link, http=Watching()))
    assert submission.left == ("22", "23")
    assert submission.notes == (
        "template 22: not sent: Gemini: Database unavailable.",
        "template 23: not sent",
    )
    again = bench.submit(bench.after(order, submission))
    assert (again.left, len(bench.clones())) == ((), 3)


@pytest.mark.parametrize("kind", ["cut", "reset", "hang"])
def test_no_answer_is_never_followed_by_another_trigger(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    bench.fail(kind, path="/north/too", seconds=LONG_S)
    if kind == "hang":
        monkeypatch.setattr(module, "TIMEOUT_S", 0.4)
    error = failure(bench, "21,22")
    assert isinstance(error, Unanswered)
    assert error.reason.startswith("template 21, outcome unknown: no answer from 127.0.0.1")
    until(bench.clones)
    assert len(bench.triggers()) == 1
    assert len(bench.clones()) == 1
    assert bench.kept["asking"]["template"] == "21"


def test_no_answer_half_way_keeps_what_was_taken(bench: Bench) -> None:
    order = bench.submitted(bench.order("21,99"))
    bench.fail("cut", path="/north/too")
    with pytest.raises(Unanswered) as caught:
        bench.submit(order)
    assert caught.value.reason.endswith("taken before: template 21: GN-2026B-Q-110-40")
    assert bench.kept["observations"] == {"21": "GN-2026B-Q-110-40"}


def test_a_fault_in_the_middle_settles_nothing(bench: Bench) -> None:
    bench.server.config.breaks_after_cloning = True
    error = failure(bench)
    assert isinstance(error, Unanswered)
    assert error.reason == "template 21, outcome unknown: HTTP 500: java.lang.NullPointerException"
    assert len(bench.clones()) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 502, "body": HTML}, Unanswered),
        ({"status": 503, "body": HTML}, Unanswered),
        ({"status": 200, "body": HTML}, Unanswered),
        ({"status": 200, "body": "Template observation is not 'on hold'."}, Unanswered),
        ({"status": 200, "body": ""}, Unanswered),
        ({"status": 200, "body": '{"ok": true}', "content_type": "application/json"}, Unanswered),
        ({"status": 404, "body": HTML}, Rejected),
        ({"status": 302, "headers": {"Location": "https://example.org/"}}, Rejected),
        ({"status": 429, "body": "slow down", "headers": {"Retry-After": "120"}}, NotSent),
    ],
)
def test_answers_of_something_in_between(bench: Bench, fault: JSON, kind: type[FacilityError]) -> None:
    bench.fail("status", path="/north/too", **fault)
    error = failure(bench)
    assert type(error) is kind
    assert "<" not in error.reason
    if kind is NotSent:
        assert error.retry_after == 120
    assert len(bench.triggers()) == 1


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 500}, {"kind": "hang"}, {"kind": "cut"}])
def test_a_look_before_that_fails_does_not_hold_up_the_trigger(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: JSON
) -> None:
    bench.fail(**fault, path="/north/odbbrowser", seconds=LONG_S)
    if fault["kind"] == "hang":
        monkeypatch.setattr(module, "BASELINE_TIMEOUT_S", 0.2)
    order = bench.order("21,99")
    assert bench.submit(order).facility_request_id == "GN-2026B-Q-110-40"


def test_a_certificate_of_nobody_known_is_refused_and_nothing_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    pem, key = certificate(tmp_path, "gemini", "127.0.0.1")
    url = bench.server.present_certificate(pem, key)
    monkeypatch.setenv("SLEW_GEMINI_NORTH_URL", f"{url}/north")
    http._tls.cache_clear()
    error = failure(bench)
    assert isinstance(error, NotSent)
    assert "certificate verify failed" in error.reason
    assert bench.server.journal == []


def test_nothing_that_is_recorded_holds_the_key(bench: Bench) -> None:
    bench.altdata["user_key"] = odd = "k&y+ é/#"
    bench.http.redactor = type(bench.http.redactor)([odd])
    bench.server.sites["north"].keys[EMAIL] = odd
    submission = bench.submit(bench.order("21,99"))
    prepared = FACILITY.prepare(bench.order(), bench.link)
    [trigger, refused] = [each for each in bench.http.exchanges if each.method == "POST"]
    assert bench.triggers()[0]["password"] == odd
    for text in (trigger.url, refused.url):
        assert "password=********&" in text
    everything = f"{bench.http.exchanges!r}{submission!r}{bench.kept!r}{prepared.notes!r}"
    for form in (odd, "k%26y%2B+%C3%A9%2F%23", "k%26y"):
        assert form not in everything
    assert NORTH in everything
