"""The HTTP session against a server that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import Fault, Simulator
from slew import http
from slew.errors import NoAnswer, NotSent, Unanswered
from slew.http import Http
from slew.redact import Redactor
from slew.wire import HttpRequest
from tests.support.waiting import LONG_S

SECRET = "a-secret-value"


class Server(Simulator):
    """Answers, redirects, sets cookies, and can say a lot."""

    def rules(self) -> list[Rule]:
        """Routes."""
        return [
            Rule("/ok", endpoint="ok"),
            Rule("/elsewhere", endpoint="elsewhere"),
            Rule("/junk", endpoint="junk"),
        ]

    def ok(self, request: Request) -> Response:
        """Echo, with a cookie."""
        return Response(request.get_data(), 200, {"Set-Cookie": f"session={SECRET}"})

    def elsewhere(self, request: Request) -> Response:
        """Redirect."""
        return Response("", 307, {"Location": "/ok"})

    def junk(self, request: Request) -> Response:
        """Ten megabytes."""
        return Response(b"x" * 10_000_000)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


def post(server: Server, path: str = "/ok") -> HttpRequest:
    return HttpRequest.of_json("POST", server.url + path, {"k": SECRET}, {"Authorization": f"Token {SECRET}"})


def session(**given: Any) -> Http:
    return Http(Redactor([SECRET]), **given)


def test_an_answer_is_recorded_without_secrets(server: Server) -> None:
    link = session()
    assert link.send(post(server)).json() == {"k": SECRET}
    assert link.exchanges[0].status == 200
    assert SECRET not in str(link.exchanges)


def test_redirects_are_not_followed_and_cookies_not_kept(server: Server) -> None:
    link = session()
    assert link.send(post(server, "/elsewhere")).status == 307
    link.send(post(server))
    link.send(post(server))
    assert [each["path"] for each in server.journal] == ["/elsewhere", "/ok", "/ok"]
    assert all("Cookie" not in each["headers"] for each in server.journal)


def test_an_endless_answer_is_cut(server: Server) -> None:
    link = session()
    answer = link.send(post(server, "/junk"))
    assert answer.truncated
    assert len(answer.body) == http.ANSWER_LIMIT
    assert len(link.exchanges[0].answer_body) < http.RECORD_LIMIT + 100


@pytest.mark.parametrize("kind", ["refuse", "cut", "reset"])
def test_sent_without_an_answer(server: Server, kind: str) -> None:
    server.faults.append(Fault(kind))
    link = session()
    with pytest.raises(Unanswered) as caught:
        link.send(post(server))
    assert link.exchanges[0].outcome == "no_answer"
    assert SECRET not in str(caught.value)


def test_a_slow_answer_is_given_up(server: Server) -> None:
    server.faults.append(Fault("hang", seconds=LONG_S))
    with pytest.raises(Unanswered, match="timed out"):
        session().send(post(server), read_timeout=0.2)


def test_a_dribbling_answer_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT", 0.3)
    server.faults.append(Fault("drip", seconds=0.1))
    with pytest.raises(Unanswered):
        session().send(post(server), read_timeout=0.3)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/"])
def test_certainly_not_sent(url: str) -> None:
    link = session()
    with pytest.raises(NotSent):
        link.send(HttpRequest("POST", url))
    assert link.exchanges[0].outcome == "not_sent"


def test_a_failed_handshake_is_not_sent(server: Server) -> None:
    with pytest.raises(NotSent, match="SSL"):
        session().send(HttpRequest("POST", server.url.replace("http:", "https:")))


def test_the_mark_is_made_once_before_the_first_unsafe_request(server: Server) -> None:
    marks: list[int] = []
    link = session(before_send=lambda: marks.append(len(server.journal)))
    link.read(HttpRequest("GET", server.url + "/ok"))
    link.send(post(server))
    link.send(post(server))
    assert marks == [1]


def test_a_read_without_an_answer_is_harmless(server: Server) -> None:
    server.faults.append(Fault("cut"))
    with pytest.raises(NoAnswer):
        session().read(HttpRequest("GET", server.url + "/ok"))


def test_the_environments_proxy_is_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert session().send(post(server)).status == 200


@pytest.mark.parametrize("token", ["☃", "a\r\nX: 1"])
def test_a_header_that_cannot_be_sent_is_not_sent(token: str) -> None:
    link = Http(Redactor([token]))
    with pytest.raises(NotSent) as caught:
        link.send(HttpRequest("POST", "http://127.0.0.1:9/", {"Authorization": f"token {token}"}))
    assert token not in str(caught.value)
    assert [each.outcome for each in link.exchanges] == ["not_sent"]
