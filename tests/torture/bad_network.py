"""What networks and broken servers do, as faults of the simulators; and short time-outs to bear it."""

from __future__ import annotations

import os
import random
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import slew.http
from slew.wire import HttpRequest
from tests.integration.test_tls import certificate
from tests.torture.bench import Bench, Case

JSON = dict[str, Any]
READ_S = 2.0
CONNECT_S = 0.5
JUNK_BYTES = 10 * 1024 * 1024
TRAP = "/services/TRAP/TRAP/TRAP"
_PAGE = "<html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"


def kinds(slack_url: str) -> dict[str, JSON]:
    """Faults by a name, as `POST /_fault` takes them; `elsewhere` ones are of the connection."""
    return {
        "refused": {"elsewhere": "closed"},
        "wrong certificate": {"elsewhere": "tls"},
        "hung up on": {"kind": "refuse"},
        "hang": {"kind": "hang", "seconds": READ_S + 1.0},
        "drip": {"kind": "drip", "seconds": 0.05},
        "cut": {"kind": "cut"},
        "reset": {"kind": "reset"},
        "500": _status(500),
        "502": _status(502),
        "503": _status(503),
        "503 with Retry-After": _status(503, headers={"Retry-After": "90"}),
        "429": _status(429, "slow down", "text/plain"),
        "429 with Retry-After": _status(429, "slow down", "text/plain", {"Retry-After": "90"}),
        "HTML": _status(200),
        "wrong JSON": _status(200, '{"surprise": [1, {"status": null}]}', "application/json"),
        "JSON null": _status(200, "null", "application/json"),
        "empty": _status(200, "", "application/json"),
        "junk": _status(200, _junk(), "application/json"),
        "redirect": _status(302, "", "text/html", {"Location": f"{slack_url}{TRAP}"}),
    }


HANDLED = {"hang", "drip", "cut", "reset"}
"""The facility has done what it was asked to, whatever became of its answer."""
NOT_REACHED = {"refused", "wrong certificate", "hung up on"}
THROTTLED = {"429", "429 with Retry-After"}


def _status(
    status: int, body: str = _PAGE, content_type: str = "text/html", headers: JSON | None = None
) -> JSON:
    return {
        "kind": "status",
        "status": status,
        "body": body,
        "content_type": content_type,
        "headers": headers or {},
    }


@cache
def _junk() -> str:
    return random.Random(1).randbytes(JUNK_BYTES // 2).hex()


@contextmanager
def fault(
    bench: Bench,
    ports: Mapping[str, int],
    case: Case,
    wanted: JSON,
    method: str = "",
    path: str = "/",
    setting: str = "",
) -> Iterator[Case]:
    """The case, on a bad network, with short time-outs."""
    elsewhere = wanted.get("elsewhere", "")
    if setting and not elsewhere:
        bench.simulate(case.arrives_at, "POST", "/_config", {setting: wanted})
    elif not elsewhere:
        where = {"path": path, "times": 100, **({"method": method} if method else {})}
        bench.simulate(case.arrives_at, "POST", "/_fault", {**wanted, **where})
    environment = {
        "TORTURE_ELSEWHERE": elsewhere,
        "TORTURE_PATH": path,
        "TORTURE_METHOD": method,
        "TORTURE_PORT": str(ports.get(elsewhere, 0)),
    }
    yield replace(case, environment=environment, prepare=f"{__name__}:shorten")
    bench.simulate(case.arrives_at, "DELETE", "/_fault")


def shorten() -> None:
    """In the function's process: short time-outs, and connections elsewhere."""
    asked, exchange, session = slew.http._asked, slew.http._exchange, slew.http._session

    def short_asked(session: Any, request: HttpRequest, timeout: float) -> Any:
        return asked(session, _moved(request), min(timeout, READ_S))

    def short_exchange(request: HttpRequest, attempt: Any, timeout: float) -> Any:
        return exchange(request, attempt, min(timeout, READ_S))

    def moved_session(request: HttpRequest, attempt: Any) -> Any:
        return session(_moved(request), attempt)

    vars(slew.http).update(
        CONNECT_TIMEOUT=CONNECT_S, _asked=short_asked, _exchange=short_exchange, _session=moved_session
    )


def _moved(request: HttpRequest) -> HttpRequest:
    elsewhere, port = os.environ.get("TORTURE_ELSEWHERE"), os.environ.get("TORTURE_PORT")
    parts = urlsplit(request.url)
    if not elsewhere or parts.port == int(port or 0) or not parts.path.startswith(os.environ["TORTURE_PATH"]):
        return request
    if os.environ["TORTURE_METHOD"] not in ("", request.method):
        return request
    scheme = "https" if elsewhere == "tls" else "http"
    return replace(request, url=parts._replace(scheme=scheme, netloc=f"127.0.0.1:{port}").geturl())


@contextmanager
def broken_ports(folder: Path) -> Iterator[dict[str, int]]:
    """A port that refuses connections, and one with a certificate that nobody has signed."""
    closed, tls = socket.socket(), socket.socket()
    closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
    tls.bind(("127.0.0.1", 0))
    tls.listen(16)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, "nobody", "127.0.0.1"))
    threading.Thread(target=_shake_hands, args=(tls, context), daemon=True).start()
    try:
        yield {"closed": closed.getsockname()[1], "tls": tls.getsockname()[1]}
    finally:
        closed.close()
        tls.close()


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connection.settimeout(2)
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                if secure.recv(1):  # a request over it: the certificate was believed
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            connection.close()
