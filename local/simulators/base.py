"""What every simulator shares: an HTTP server on loopback with a movable clock, a journal and faults.

Control routes, on every simulator beside its facility's own:

- `GET /_journal`: every request seen, raw: `[{method, path, query, headers, body, at}]`.
- `POST /_fault` `{"kind": ..., "method"?, "path"?, "times"?, ...}`: fail the next `times` (default 1)
  matching requests; `path` is a prefix. Kinds: `status` (`status`, `body`, `headers`, `content_type`:
  answered in place of the facility), `refuse` (connection closed before the request is handled), `cut`
  (handled, then closed without an answer), `reset` (the same with a TCP reset), `hang` (`seconds` before
  the answer), `drip` (`seconds` between two bytes of the answer). The last two end when the server does.
- `DELETE /_fault`: no more faults.
- `POST /_clock` `{"advance_s": n}`: move this simulator's time.
- `POST /_reset`: forget everything but the seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

JSON = dict[str, Any]


_BIND_ATTEMPTS = 100


class SimulatedClock:
    """Wall time plus an offset that only grows; shared by the simulators of one stack."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> datetime:
        """The simulated time, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def time(self) -> float:
        """The simulated time in Unix seconds."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._offset += seconds


@dataclass
class Fault:
    """One failure to come: see the module's documentation for the kinds."""

    kind: str
    method: str | None = None
    path: str = "/"
    times: int = 1
    status: int = 500
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/html"
    seconds: float = 1.0

    KINDS = ("status", "refuse", "cut", "reset", "hang", "drip")

    def matches(self, request: Request) -> bool:
        """Whether this fault is for that request."""
        return (self.method in (None, request.method)) and request.path.startswith(self.path)


class Simulator:
    """A facility on loopback. Subclasses give `name` and `rules()`; an endpoint is a method of its name."""

    name = "simulator"
    strict_slashes = True

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.clock = clock or SimulatedClock()
        self.lock = threading.RLock()
        self.journal: list[JSON] = []
        self.faults: list[Fault] = []
        self.url = ""
        self.stopped = threading.Event()
        self._server: BaseWSGIServer | None = None
        self._placeholder: socket.socket | None = None
        control = [
            Rule("/_journal", methods=["GET"], endpoint="control_journal"),
            Rule("/_fault", methods=["POST", "DELETE"], endpoint="control_fault"),
            Rule("/_clock", methods=["POST"], endpoint="control_clock"),
            Rule("/_reset", methods=["POST"], endpoint="control_reset"),
        ]
        self._map = Map(
            [*control, *self.rules()], strict_slashes=self.strict_slashes, redirect_defaults=False
        )
        self.reset()

    # -- for subclasses

    def rules(self) -> list[Rule]:
        """The facility's routes."""
        return []

    def reset(self) -> None:
        """Back to the seed. Subclasses extend it."""
        self.journal = []
        self.faults = []

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """The facility's own answer to an unknown path or a wrong method."""
        return Response(
            f"<html><body><h1>{error.code} {error.name}</h1></body></html>", error.code, mimetype="text/html"
        )

    # -- serving

    def start(self, port: int = 0) -> str:
        """Serve on loopback in a thread; returns the base URL."""
        self._free_port()
        self.stopped.clear()
        self._server = make_server("127.0.0.1", port, self, threaded=True, request_handler=_Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever,
            args=[0.02],  # seconds between two looks for the end: half a second a test adds up
            name=f"simulator-{self.name}",
            daemon=True,
        ).start()
        return self.url

    def stop(self) -> None:
        """Stop serving."""
        self.stopped.set()
        self._free_port()
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def vanish(self) -> None:
        """Stop serving and keep the port from others: connections are refused until `start` or `stop`."""
        self.stop()
        assert self._server
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for attempt in range(_BIND_ATTEMPTS):
            try:
                self._placeholder.bind(("127.0.0.1", self._server.server_port))
                return
            except OSError:
                # A client of another process may have been given the port for a moment, as its own end.
                if attempt == _BIND_ATTEMPTS - 1:
                    raise
                time.sleep(0.02)

    def _free_port(self) -> None:
        if self._placeholder:
            self._placeholder.close()
            self._placeholder = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        adapter = self._map.bind_to_environ(environ)
        if request.path.startswith("/_"):
            return self._dispatch(adapter, request)(environ, start_response)
        fault = self._take_fault(request)
        if fault and fault.kind == "refuse":
            return self._hang_up(environ, start_response, reset=False)
        body = request.get_data(cache=True)
        self._note(request, body)
        if fault and fault.kind == "status":
            answer = Response(fault.body, fault.status, fault.headers, content_type=fault.content_type)
            return answer(environ, start_response)
        with self.lock:
            response = self._dispatch(adapter, request)
        if fault and fault.kind in ("cut", "reset"):
            return self._hang_up(environ, start_response, reset=fault.kind == "reset")
        if fault and fault.kind == "hang":
            self.stopped.wait(fault.seconds)
        if fault and fault.kind == "drip":
            return self._drip(response, fault.seconds, environ, start_response)
        return response(environ, start_response)

    def _dispatch(self, adapter: Any, request: Request) -> Response:
        try:
            endpoint, arguments = adapter.match()
            handler: Callable[..., Response] = getattr(self, endpoint)
            return handler(request, **arguments)
        except HTTPException as error:
            if error.response is not None:
                return error.response  # type: ignore[return-value]
            return self.on_http_error(request, error)

    def _take_fault(self, request: Request) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.matches(request):
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
        return None

    def _note(self, request: Request, body: bytes) -> None:
        entry = {
            "method": request.method,
            "path": request.path,
            "query": request.query_string.decode("latin-1"),
            "headers": dict(request.headers),
            "body": body.decode("utf-8", "backslashreplace"),
            "at": self.clock.time(),
        }
        with self.lock:
            self.journal.append(entry)

    def _hang_up(
        self, environ: WSGIEnvironment, start_response: StartResponse, *, reset: bool
    ) -> Iterable[bytes]:
        connection: socket.socket = environ["werkzeug.socket"]
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.detach())  # close() alone waits for the server's own file objects
        else:
            connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError("fault: the simulator hung up")

    def _drip(
        self, response: Response, seconds: float, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        body = response.get_data()

        def bytes_slowly() -> Iterator[bytes]:
            for value in body:
                if self.stopped.wait(seconds):
                    return
                yield bytes([value])

        headers = [*response.headers.items()]
        start_response(response.status, headers)
        return bytes_slowly()

    # -- control routes

    def control_journal(self, request: Request) -> Response:
        """`GET /_journal`."""
        with self.lock:
            return json_response(list(self.journal))

    def control_fault(self, request: Request) -> Response:
        """`POST /_fault`, `DELETE /_fault`."""
        with self.lock:
            if request.method == "DELETE":
                self.faults.clear()
                return json_response({"faults": 0})
            wanted = request.get_json()
            if wanted.get("kind") not in Fault.KINDS:
                return json_response({"error": f"kind must be one of {', '.join(Fault.KINDS)}"}, 400)
            self.faults.append(Fault(**wanted))
            return json_response({"faults": len(self.faults)})

    def control_clock(self, request: Request) -> Response:
        """`POST /_clock`."""
        self.clock.advance(float(request.get_json()["advance_s"]))
        return json_response({"now": self.clock.now().isoformat()})

    def control_reset(self, request: Request) -> Response:
        """`POST /_reset`."""
        with self.lock:
            self.reset()
        return json_response({"reset": True})


def json_response(
    body: Any,
    status: int = 200,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body), status, headers, content_type=content_type)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for a delayed ACK

    def make_environ(self) -> WSGIEnvironment:
        """Keep the target as it was sent: http.server takes a doubled slash at its start for one."""
        environ = super().make_environ()
        environ["simulator.target"] = [*self.requestline.split(" "), "", ""][1]
        return environ

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The journal is the log."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """A hang-up on purpose is no error."""

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        """Clients that give up are part of the tests."""

    def handle(self) -> None:
        """Serve the connection; a fault may have taken its socket away."""
        with contextlib.suppress(OSError):
            super().handle()
