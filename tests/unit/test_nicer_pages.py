"""NICER's pages and the visit to its site: what a text means, where a cookie goes, what is followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nicer import pages
from nicer.session import MOST_REDIRECTS, Session
from slew.errors import FacilityError, NoAnswer
from slew.facility import HttpLink, Link, MailLink
from slew.wire import Answer, HttpRequest

BASE = "https://heasarc.example"
REFUSED = (
    '<html><body> ... <span class="error">Attempted verification detected 2 problem(s):<br>\n'
    "<b>Total Observation Time</b> must be a number.<br>\n"
    "Field &quot;Justification for Exposure&quot; is empty.<br></span> ... </body></html>"
)
VERIFIED = (
    '<html><body> ... <span class="ok">Form verified successfully.</span> ... '
    '<input type="image" name="RPS_SUBMIT"> ... </body></html>'
)


class Scripted:
    """An HTTP link that gives prepared answers by URL and keeps what it was sent."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.sent: list[tuple[str, HttpRequest]] = []

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        return self._answer("send", request)

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        return self._answer("read", request)

    def _answer(self, how: str, request: HttpRequest) -> Answer:
        self.sent.append((how, request))
        return self.answers[request.url]

    def cookies(self) -> list[str | None]:
        return [request.headers.get("Cookie") for _, request in self.sent]

    def trace(self) -> list[tuple[str, str, str]]:
        return [(how, request.method, request.url.removeprefix(BASE)) for how, request in self.sent]


def visit(answers: Mapping[str, Answer]) -> tuple[Session, Scripted]:
    http = Scripted({f"{BASE}{path}": answer for path, answer in answers.items()})
    return Session(Link(cast(HttpLink, http), cast(MailLink, None))), http


def page(body: str = "", *cookies: str) -> Answer:
    return Answer(200, {}, body.encode(), set_cookies=cookies)


def to(location: str, *cookies: str, status: int = 302) -> Answer:
    return Answer(status, {"location": location}, b"", set_cookies=cookies)


POST = HttpRequest("POST", f"{BASE}/form", {"Content-Type": "text/plain", "Accept": "text/html"}, b"x=1")


# -- texts


def test_a_refusal_in_the_facilitys_words() -> None:
    assert pages.refusal(REFUSED) == (
        '2 problem(s): Total Observation Time must be a number. Field "Justification for Exposure" is empty.'
    )
    assert not pages.is_verified(REFUSED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Attempted verification detected</span>", "refused without a reason"),
        (
            "Attempted verification detected 1: &amp;&nbsp;&#946; &Eacute;\n\n x</span> more",
            "1: & β É x",
        ),
        ("ATTEMPTED VERIFICATION DETECTED one</SPAN> two", "one"),
        ("Attempted verification detected no end", "no end"),
        ("<span>Attempted verification detected a</span> Form verified successfully", "a"),
    ],
)
def test_other_shapes_of_a_refusal(text: str, reason: str) -> None:
    assert pages.refusal(text) == reason


def test_a_verified_form_shows_its_button() -> None:
    assert pages.refusal(VERIFIED) is None
    assert pages.is_verified(VERIFIED)
    assert pages.is_form(VERIFIED)


def test_neither() -> None:
    other = '<form><input name="credential_0"><input name="credential_1"></form>'
    assert pages.refusal(other) is None
    assert not pages.is_verified(other)
    assert pages.is_login_form(other)
    assert not pages.is_form(other)
    assert not pages.is_form('<p>Received</p><input type="hidden" name="RPS_VERIFIED">')


@given(st.text(max_size=3000))
@settings(max_examples=50)
def test_any_page_is_no_crash(text: str) -> None:
    shown = pages.refusal(f"Attempted verification detected{text}")
    assert shown
    assert len(shown) <= pages.WORDS + 1


# -- cookies and redirects


def test_cookies_go_with_what_follows() -> None:
    session, http = visit(
        {"/form": to("/ark/", "a=1; path=/", "b=2; Path=/ark; HttpOnly"), "/ark/": page("in")}
    )
    assert not session.has_cookies
    assert session.read(POST).text == "in"
    assert session.has_cookies
    assert http.trace() == [("read", "POST", "/form"), ("read", "GET", "/ark/")]
    assert http.cookies()[0] is None
    assert set((http.cookies()[1] or "").split("; ")) == {"a=1", "b=2"}
    _, second = http.sent[1]
    assert (second.body, dict(second.headers).keys()) == (b"", {"Accept", "Cookie"})
    session.read(POST)
    assert http.cookies()[2] == "a=1", "each only below its path"


@pytest.mark.parametrize(
    "cookie", ["a=1; Max-Age=0; path=/", "a=1; domain=elsewhere.example; path=/", "a=; Max-Age=0"]
)
def test_a_cookie_that_holds_nothing(cookie: str) -> None:
    session, _ = visit({"/form": page("", cookie)})
    session.read(POST)
    assert not session.has_cookies


def test_sessions_share_nothing() -> None:
    first, http = visit({"/form": page("", "a=1; path=/")})
    first.read(POST)
    second = Session(Link(cast(HttpLink, http), cast(MailLink, None)))
    second.read(POST)
    assert http.cookies() == [None, None]
    assert not hasattr(Session, "_jar")


@pytest.mark.parametrize("status", [307, 308])
def test_a_harmless_request_goes_again_as_it_was(status: int) -> None:
    session, http = visit({"/form": to("form2", status=status), "/form2": page("in")})
    assert session.read(POST).text == "in"
    assert http.sent[1][1].method == "POST"
    assert http.sent[1][1].body == POST.body


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/form",
        "//elsewhere.example/",
        "http://heasarc.example/form",
        "https://heasarc.example:444/",
        "https://heasarc.example@elsewhere.example/",
        "https://heasarc.example\\@elsewhere.example/",
        "javascript:alert(1)",
    ],
)
def test_no_other_host_is_gone_to(location: str) -> None:
    session, http = visit({"/form": to(location, "a=1; path=/")})
    with pytest.raises(NoAnswer, match="another host"):
        session.read(POST)
    with pytest.raises(NoAnswer, match="another host"):
        session.send(POST)
    assert len(http.sent) == 2


def test_circles_end() -> None:
    session, http = visit({"/form": to("/form")})
    with pytest.raises(NoAnswer, match="redirected more than"):
        session.read(POST)
    assert len(http.sent) == MOST_REDIRECTS + 1


def test_a_redirect_without_a_place_is_an_answer() -> None:
    session, _ = visit({"/form": Answer(302, {}, b"?")})
    assert session.read(POST).status == 302


def test_what_triggers_is_sent_once_and_only_its_page_is_read() -> None:
    session, http = visit({"/form": to("/receipt", "a=2; path=/", status=303), "/receipt": page("thanks")})
    assert session.send(POST).text == "thanks"
    assert http.trace() == [("send", "POST", "/form"), ("read", "GET", "/receipt")]
    assert http.cookies() == [None, "a=2"]


@pytest.mark.parametrize("status", [307, 308])
def test_what_triggers_is_never_sent_elsewhere(status: int) -> None:
    session, http = visit({"/form": to("/form2", status=status), "/form2": page("thanks")})
    with pytest.raises(NoAnswer, match="elsewhere"):
        session.send(POST)
    assert len(http.sent) == 1


@pytest.mark.parametrize(
    ("answer", "text", "retry_after"),
    [
        (Answer(500, {}, b"<html>"), "HEASARC unreachable: HTTP 500", None),
        (Answer(503, {"retry-after": "90"}, b""), "HEASARC unreachable: HTTP 503", 90),
        (Answer(429, {"retry-after": "7"}, b""), "HEASARC throttles: HTTP 429", 7),
    ],
)
def test_a_harmless_request_may_be_repeated(answer: Answer, text: str, retry_after: float | None) -> None:
    session, _ = visit({"/form": answer})
    with pytest.raises(FacilityError) as caught:
        session.read(POST)
    assert (caught.value.reason, caught.value.retry_after) == (text, retry_after)
    assert session.send(POST).status == answer.status, "of what triggers, the caller has to judge"
