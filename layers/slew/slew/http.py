"""The one HTTP session: it never sends twice, and it knows whether a request may have left.

An unsafe request (one that can trigger something) ends in exactly one of three ways: an `Answer`; `NotSent`,
certainly not received (name not resolved, connection or TLS refused: no byte of it was handed to the
network); or `Unanswered`. Redirects are never followed, nothing is retried below us, TLS is always verified,
answers are cut at a limit, and a watchdog ends an exchange that dribbles on past its time.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from slew import __version__, clock, config, guard
from slew.errors import Failed, NoAnswer, NotSent, Unanswered
from slew.redact import Redactor
from slew.wire import Answer, Exchange, HttpRequest

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
ANSWER_LIMIT = 8 * 1024 * 1024
RECORD_LIMIT = 24 * 1024
_USER_AGENT = f"slew/{__version__}"


@dataclass
class _Attempt:
    """What is known of the exchange going on, shared with the connection underneath."""

    pinned: tuple[str, ...] = ()
    bytes_left: bool = False
    sock: socket.socket | None = None


@dataclass(frozen=True)
class Stream:
    """An answer whose body is still to be read; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]


class Http:
    """Sends requests for one piece of work and keeps the record of each exchange.

    `before_send` is called once, before the first unsafe request leaves: the place to write down that the
    facility may know of the request from now on.
    """

    def __init__(self, redactor: Redactor, before_send: Callable[[], None] | None = None) -> None:
        self.redactor = redactor
        self.exchanges: list[Exchange] = []
        self.before_send = before_send

    def send(self, request: HttpRequest, *, read_timeout: float = READ_TIMEOUT) -> Answer:
        """Send an unsafe request, once.

        Raises NotSent or Unanswered; Failed where the guard refuses the URL.
        """
        destination = _checked(request) if request.untrusted else None
        if self.before_send:
            self.before_send()
            self.before_send = None
        attempt = _Attempt(pinned=destination.addresses if destination else ())
        started = time.monotonic()
        try:
            answer = _exchange(request, attempt, read_timeout)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            reason = f"{_host(request)}: {_explain(error)}"
            outcome: Literal["no_answer", "not_sent"] = "no_answer" if attempt.bytes_left else "not_sent"
            self._record(request, started, outcome, error=reason)
            if attempt.bytes_left:
                raise Unanswered(self.redactor.text(f"no answer from {reason}")) from None
            raise NotSent(self.redactor.text(f"could not reach {reason}")) from None
        self._record(request, started, "answered", answer)
        return answer

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        """Send a harmless request (one that only reads).

        Raises NoAnswer; Failed where the guard refuses the URL.
        """
        before_send, self.before_send = self.before_send, None
        try:
            return self.send(request, read_timeout=read_timeout)
        except (NotSent, Unanswered) as error:
            raise NoAnswer(error.reason) from None
        finally:
            self.before_send = before_send

    @contextmanager
    def stream(
        self, request: HttpRequest, *, read_timeout: float = 30.0, limit_s: float = 900.0
    ) -> Iterator[Stream]:
        """A file's download, its body read piece by piece; after `limit_s` seconds it is broken off.

        `read_timeout`: seconds without a byte.
        URLs are recorded without their query, which may be a signature. Raises NoAnswer, also while reading;
        Failed where the guard refuses the URL.
        """
        destination = _checked(request) if request.untrusted else None
        attempt = _Attempt(pinned=destination.addresses if destination else ())
        plain = replace(request, url=request.url.partition("?")[0])
        started = time.monotonic()
        watchdog = threading.Timer(limit_s, _hang_up, [attempt])
        watchdog.daemon = True
        watchdog.start()
        try:
            with _session(request, attempt) as session:
                response = _asked(session, request, read_timeout)
                headers = {name.lower(): value for name, value in response.headers.items()}
                kept = {
                    name: value.partition("?")[0] if name == "location" else value
                    for name, value in headers.items()
                }
                self._record(plain, started, "answered", Answer(response.status_code, kept, b""))
                yield Stream(response.status_code, headers, response.iter_content(256 * 1024))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
            reason = f"{_host(request)}: {_explain(error)}"
            self._record(plain, started, "no_answer", error=reason)
            raise NoAnswer(self.redactor.text(f"no answer from {reason}")) from None
        finally:
            watchdog.cancel()

    def _record(
        self,
        request: HttpRequest,
        started: float,
        outcome: Literal["answered", "not_sent", "no_answer"],
        answer: Answer | None = None,
        error: str = "",
    ) -> None:
        elapsed = time.monotonic() - started
        self.exchanges.append(
            Exchange(
                at=clock.isoformat(clock.timestamp() - elapsed),
                method=request.method,
                url=self.redactor.text(request.url),
                request_headers=self.redactor.headers(request.headers),
                request_body=shown(self.redactor, request.body),
                outcome=outcome,
                elapsed_ms=round(elapsed * 1000),
                status=answer.status if answer else None,
                answer_headers=_few(self.redactor.headers(answer.headers)) if answer else {},
                answer_body=shown(self.redactor, answer.body) if answer else "",
                error=self.redactor.text(error),
            )
        )


def _few(headers: dict[str, str]) -> dict[str, str]:
    """Headers as they are kept: a server may send kilobytes of them."""
    return {name[:100]: value[:1000] for name, value in list(headers.items())[:50]}


def shown(redactor: Redactor, body: bytes, limit: int = RECORD_LIMIT) -> str:
    """A body as it is kept: redacted text, cut at the record's limit."""
    text = redactor.body(body.decode("utf-8", "replace"))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _checked(request: HttpRequest) -> guard.Destination:
    try:
        return guard.resolve(request.url)
    except guard.Refused as error:
        raise Failed(f"the endpoint {error}") from None


def _exchange(request: HttpRequest, attempt: _Attempt, read_timeout: float) -> Answer:
    # A session and so a connection of its own: no cookie or connection of one allocation can serve another,
    # and a kept connection that the server has dropped cannot turn a POST into one of unknown outcome.
    with _session(request, attempt) as session:
        watchdog = threading.Timer(CONNECT_TIMEOUT + read_timeout, _hang_up, [attempt])
        watchdog.daemon = True
        watchdog.start()
        try:
            response = _asked(session, request, read_timeout)
            body, truncated = _read(response)
        finally:
            watchdog.cancel()
    headers = {name.lower(): value for name, value in response.headers.items()}
    cookies = tuple(response.raw.headers.getlist("set-cookie"))
    return Answer(response.status_code, headers, body, truncated, cookies)


@contextmanager
def _session(request: HttpRequest, attempt: _Attempt) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # neither a proxy nor a .netrc of the environment
        tls = _tls() if request.url.lower().startswith("https:") else None
        adapter = _Adapter(attempt, {"ssl_context": tls} if tls else {})
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        yield session


def _asked(session: requests.Session, request: HttpRequest, read_timeout: float) -> requests.Response:
    return session.request(
        request.method,
        request.url,
        data=request.body or None,
        headers={"User-Agent": _USER_AGENT, **request.headers},
        timeout=(CONNECT_TIMEOUT, read_timeout),
        allow_redirects=False,
        stream=True,
    )


@cache
def _tls() -> ssl.SSLContext:
    """Verifies every server by certifi's authorities, and the deployment's.

    Reading them takes 20 ms, so it is done once. Raises OSError where the deployment's cannot be read.
    """
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(certifi.where())
    if bundle := config.ca_bundle():
        try:
            context.load_verify_locations(bundle)
        except OSError as error:  # of which ssl.SSLError is one
            raise OSError(f"the authorities of SLEW_CA_BUNDLE cannot be read: {error}") from None
    return context


def _read(response: requests.Response) -> tuple[bytes, bool]:
    parts, size = [], 0
    for part in response.iter_content(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > ANSWER_LIMIT:
            return b"".join(parts)[:ANSWER_LIMIT], True
    return b"".join(parts), False


def _hang_up(attempt: _Attempt) -> None:
    sock = attempt.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            sock.close()


def _host(request: HttpRequest) -> str:
    return request.url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _explain(error: BaseException) -> str:
    """The innermost cause in a few words: the libraries' wrappings repeat URLs and object addresses."""
    if isinstance(error, UnicodeError):  # its own text tells of the value
        return "the host's name or a header has characters that cannot be sent"
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _explain(reason)
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    if inner is not None:
        return _explain(inner)
    if isinstance(error, NewConnectionError):
        return str(error).rpartition(": ")[2] or "connection failed"
    text = str(error).strip()
    if "timed out" in text:
        return "timed out"
    return text or type(error).__name__


class _Adapter(HTTPAdapter):
    """Connections that note in `attempt` what they do; none is kept or tried twice, ours verifies TLS."""

    def __init__(self, attempt: _Attempt, tls: dict[str, Any]) -> None:
        self._attempt = attempt
        self._pool_settings = tls
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        settings: Any = {**kwargs, **self._pool_settings}
        super().init_poolmanager(*args, **settings)
        attempt = self._attempt

        class Http(_Tracked, HTTPConnection):
            tracked = attempt

        class Https(_Tracked, HTTPSConnection):
            tracked = attempt

        class HttpPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Https

        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, self._pool_settings

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the context verifies, and requests would have each new one read the authorities anew."""


class _Tracked:
    """Notes when the first byte is handed to the network, and connects only to pinned addresses."""

    tracked: _Attempt
    sock: socket.socket | None
    port: int
    timeout: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.tracked.sock = self.sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.tracked.bytes_left = True
        super().send(data)  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        if not self.tracked.pinned:
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        failure: OSError | None = None
        for address in self.tracked.pinned:
            try:
                sock = socket.create_connection((address, self.port), timeout=self.timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as error:
                failure = error
        raise NewConnectionError(self, f"connection failed: {failure}")  # type: ignore[arg-type]
