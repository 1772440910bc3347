"""One visit to HEASARC: its cookies, and redirects on the same host (card nicer.md: Operations, step 1)."""

from __future__ import annotations

from email.message import Message
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import cast
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

from slew.errors import NoAnswer
from slew.facility import Link
from slew.wire import Answer, HttpRequest

READ_TIMEOUT_S = 60.0
MOST_REDIRECTS = 5
_AS_A_READ = (301, 302, 303)
_AS_IT_WAS = (307, 308)


class Session:
    """Keeps the cookies of one call, and no longer: made anew for each, none serves another account."""

    def __init__(self, link: Link) -> None:
        self._http = link.http
        self._jar = CookieJar()

    @property
    def has_cookies(self) -> bool:
        """Whether the host has given any that still hold."""
        return len(self._jar) > 0

    def read(self, request: HttpRequest) -> Answer:
        """A harmless request, redirects followed on the same host.

        Raises NoAnswer, also for 5xx and throttling, and where it is sent to another host.
        """
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._read(request)
            following = _following(request, answer)
            if following is None:
                return answer
            request = following
        raise NoAnswer(f"HEASARC redirected more than {MOST_REDIRECTS} times")

    def send(self, request: HttpRequest) -> Answer:
        """The request that triggers, once. A redirect after it is followed by reading, never by sending.

        Raises NotSent (nothing left), Unanswered, and NoAnswer where only the page after it could not be had.
        """
        answer = self._http.send(self._with_cookies(request), read_timeout=READ_TIMEOUT_S)
        self._take_cookies(request, answer)
        if answer.status in _AS_IT_WAS:
            raise NoAnswer(f"HTTP {answer.status}: it wants the form elsewhere")
        following = _following(request, answer)
        return self.read(following) if following else answer

    def _read(self, request: HttpRequest) -> Answer:
        try:
            answer = self._http.read(self._with_cookies(request), read_timeout=READ_TIMEOUT_S)
        except NoAnswer as error:
            raise NoAnswer(f"HEASARC unreachable: {error.reason}", error.retry_after) from None
        self._take_cookies(request, answer)
        if answer.status == 429:
            raise NoAnswer("HEASARC throttles: HTTP 429", answer.retry_after)
        if answer.status >= 500:
            raise NoAnswer(f"HEASARC unreachable: HTTP {answer.status}", answer.retry_after)
        return answer

    def _with_cookies(self, request: HttpRequest) -> HttpRequest:
        asking = Request(request.url)  # noqa: S310 (only to ask the jar; nothing is opened)
        self._jar.add_cookie_header(asking)
        cookies = asking.get_header("Cookie")
        headers = {**request.headers, **({"Cookie": cookies} if cookies else {})}
        return HttpRequest(request.method, request.url, headers, request.body)

    def _take_cookies(self, request: HttpRequest, answer: Answer) -> None:
        self._jar.extract_cookies(cast(HTTPResponse, _Headers(answer)), Request(request.url))  # noqa: S310


class _Headers:
    """An answer as the cookie jar looks at it."""

    def __init__(self, answer: Answer) -> None:
        self._message = Message()
        for line in answer.set_cookies:
            self._message["Set-Cookie"] = line

    def info(self) -> Message:
        """The headers."""
        return self._message


def _following(request: HttpRequest, answer: Answer) -> HttpRequest | None:
    """Where a redirect leads; None where it is none. Raises NoAnswer where that is another host."""
    location = answer.headers.get("location")
    if answer.status not in (*_AS_A_READ, *_AS_IT_WAS) or not location:
        return None
    url = urljoin(request.url, location)
    if _origin(url) != _origin(request.url):
        raise NoAnswer(f"HEASARC redirected to another host, {urlsplit(url).hostname}: not followed")
    if answer.status in _AS_IT_WAS:
        return HttpRequest(request.method, url, request.headers, request.body)
    headers = {name: value for name, value in request.headers.items() if name != "Content-Type"}
    return HttpRequest("GET", url, headers)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
