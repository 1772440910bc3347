"""The HTTP API on loopback: does to requests what API Gateway does; with the stack's own controls.

`/_local/...` is the stack's, not the system's; see `local.stack`.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local import apigateway
from local.apigateway import Answer, Request, message
from local.clock import Clock
from local.runtime import PayloadTooLarge, Result, Runtime, Throttled
from local.system import Route

LOG = logging.getLogger(__name__)
INTEGRATION_LIMIT_S = 30.0
BODY_LIMIT = 10 * 1024 * 1024
CONTROL_PREFIX = "/_local/"
Control = Callable[[dict[str, Any]], Any]


class TooLarge(Exception):
    """The body exceeds API Gateway's limit."""


class Gateway:
    """Serves the routes of an HTTP API."""

    def __init__(
        self,
        routes: Sequence[Route],
        runtime: Runtime,
        clock: Clock,
        *,
        port: int = 0,
        controls: Mapping[tuple[str, str], Control] | None = None,
        integration_limit_s: float = INTEGRATION_LIMIT_S,
    ) -> None:
        """`controls` maps a method and a path below `/_local/` to what answers it with JSON."""
        self._routes = routes
        self._runtime = runtime
        self._clock = clock
        self._controls = dict(controls or {})
        self._limit_s = integration_limit_s
        # Invocations run in threads of their own: one that takes too long is answered, and goes on.
        self._invocations = ThreadPoolExecutor(128, thread_name_prefix="invocation")
        self._server = _Server(("127.0.0.1", port), self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gateway", daemon=True).start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._invocations.shutdown(wait=False, cancel_futures=True)

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(request)
        found = apigateway.match(self._routes, request.method, request.path)
        if found is None:
            return message(404, "Not Found")
        event = apigateway.event(request, found, self._clock.now())
        if found.route.authorizer:
            refusal = self._authorize(found.route.authorizer, event)
            if refusal:
                return refusal
        return self._integrate(found.route.function, event)

    def _authorize(self, authorizer: str, event: dict[str, Any]) -> Answer | None:
        """Ask the authorizer, and put its context into the event; the answer if it refuses."""
        try:
            result = self._invoke(authorizer, apigateway.authorizer_event(event))
            if result.failed:
                raise ValueError(result.payload.decode())
            allowed, context = apigateway.authorized(result.json())
        except (TimeoutError, Throttled, ValueError) as error:
            LOG.warning("authorizer %s: %s", authorizer, error)
            return message(500, "Internal Server Error")
        if not allowed:
            return message(403, "Forbidden")
        event["requestContext"]["authorizer"] = {"lambda": context}
        return None

    def _integrate(self, function: str, event: dict[str, Any]) -> Answer:
        try:
            result = self._invoke(function, event)
            if result.failed:
                raise ValueError(result.payload.decode())
            answer = apigateway.answer(result.json())
        except PayloadTooLarge:
            return message(413, "Request Entity Too Large")
        except (TimeoutError, Throttled):
            return message(503, "Service Unavailable")
        except ValueError as error:
            LOG.warning("%s: %s", function, str(error)[:1000])
            return message(500, "Internal Server Error")
        headers = (*answer.headers, ("Apigw-Requestid", event["requestContext"]["requestId"]))
        return Answer(answer.status, answer.body, headers)

    def _invoke(self, function: str, event: dict[str, Any]) -> Result:
        payload = json.dumps(event).encode()
        return self._invocations.submit(self._runtime.invoke, function, payload).result(self._limit_s)

    def _control(self, request: Request) -> Answer:
        control = self._controls.get((request.method, request.path.removeprefix(CONTROL_PREFIX)))
        if control is None:
            return message(404, "Not Found")
        try:
            return _json(200, control(json.loads(request.body or b"{}")))
        except (KeyError, TypeError, ValueError) as error:
            return message(400, f"{type(error).__name__}: {error}")


def _json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without asking DNS for the machine's name as HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours."""
        LOG.debug("connection from %s", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for a delayed ACK
    wbufsize = -1
    server: _Server

    def handle_any(self) -> None:
        """Answer one request, whatever its method."""
        try:
            body = self._read_body()
        except TooLarge:
            self.close_connection = True  # the rest of the body is not read
            return self._send(message(413, "Request Entity Too Large"))
        except ValueError:
            self.close_connection = True
            return self._send(message(400, "Bad Request"))
        request = Request(
            method=self.command,
            target=self.path,
            headers=self.headers.items(),
            body=body,
            source_ip=self.client_address[0],
            protocol=self.request_version,
        )
        try:
            answer = self.server.gateway.handle(request)
        except Exception:
            LOG.exception("%s %s", request.method, request.path)
            answer = message(500, "Internal Server Error")
        return self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT:
            raise TooLarge
        return self.rfile.read(length)

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            if len(body) + size > BODY_LIMIT:
                raise TooLarge
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return bytes(body)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in (204, 304) and answer.status >= 200:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Not logged."""
