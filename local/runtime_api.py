"""The Lambda Runtime API of one runtime process: HTTP on a loopback port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. A port each, because the address has no room
for a path: awslambdaric gives it to `http.client` as a host when it reports a failed initialisation.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One event for the process. `begun` is set when the process has taken it: its time runs from there."""

    id: str
    event: bytes
    timeout_s: float
    function_arn: str
    begun: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Done:
    """The process answered: the handler's JSON, or an error object."""

    payload: bytes
    failed: bool = False
    initialisation: bool = False


@dataclass(frozen=True)
class Exited:
    """The process ended without an answer; `status` as of `subprocess.Popen`."""

    status: int


class RuntimeApi:
    """Hands out invocations and takes in answers."""

    def __init__(self) -> None:
        self.done: queue.SimpleQueue[Done | Exited] = queue.SimpleQueue()
        self.todo: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._pending: Invocation | None = None
        self._ended: Exited | None = None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"
        threading.Thread(target=self._accept, name=f"runtime-api-{port}", daemon=True).start()

    def submit(self, invocation: Invocation) -> None:
        """Queue an event for the process's next poll."""
        with self._lock:
            self._pending = invocation
            ended = self._ended
        if ended:
            self.finish(ended)
        else:
            self.todo.put(invocation)

    def finish(self, outcome: Done | Exited) -> None:
        """The pending invocation is over. A second outcome of the same invocation is dropped."""
        with self._lock:
            pending, self._pending = self._pending, None
        if pending:
            self.done.put(outcome)
            pending.begun.set()

    def exited(self, status: int) -> None:
        """The process has ended."""
        with self._lock:
            self._ended = Exited(status)
        self.finish(Exited(status))

    def close(self) -> None:
        """Stop listening."""
        self.todo.put(None)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone does not wake accept()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        with contextlib.suppress(OSError), connection:
            _Handler(connection, address, self)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for a delayed ACK
    wbufsize = -1

    def __init__(self, connection: socket.socket, address: Any, runtime: RuntimeApi) -> None:
        self.runtime = runtime
        super().__init__(connection, address, None)  # type: ignore[arg-type]  # no server behind it

    def do_GET(self) -> None:
        """The next invocation."""
        if self.path != f"{PREFIX}/invocation/next":
            return self._answer(404)
        invocation = self.runtime.todo.get()
        if invocation is None:
            self.close_connection = True
            return None
        deadline = time.time() + invocation.timeout_s
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{invocation.id};Sampled=0",
        }
        invocation.begun.set()
        return self._answer(200, invocation.event, headers)

    def do_POST(self) -> None:
        """An answer, or an error, or a failed initialisation."""
        body = self._body()
        _, _, kind = self.path.removeprefix(PREFIX).rpartition("/")
        if kind == "response":
            self.runtime.finish(Done(body))
        elif kind == "error":
            initialisation = self.path == f"{PREFIX}/init/error"
            self.runtime.finish(Done(body, failed=True, initialisation=initialisation))
        else:
            return self._answer(404)
        return self._answer(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Not logged."""
