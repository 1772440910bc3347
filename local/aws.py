"""The embedded AWS: moto, in a process of its own. `python -m local.aws PORT CLOCK_FILE` (port 0: any).

One request at a time: moto's stores are not atomic, so that of a hundred concurrent conditional writes more
than one may win. Queues keep the stack's time, so that a message comes back when the *stack's* clock says so.
Emails are judged by a strict gate before moto sees them. Once it is ready, it prints `{"url": ...}`.

Beside AWS's own API, `GET /_aws/changes?of=streams&since=N&wait_s=S` (or `of=queues`) answers
`{"changes": M}` as soon as M, the number of requests that may have filled a stream or a queue, differs from
N, or after S seconds. `POST /_aws/throttle` `{"rate": 0.02, "seed": 1}` has that share of the calls of
DynamoDB, Secrets Manager and S3 refused as AWS refuses when it throttles. `GET /_aws/load` answers what the
one lock costs: `{"requests", "waited_s", "held_s", "throttled", "operations": {name: [requests, held_s]}}`.
`/_ses/...` is the gate's.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import moto.sqs.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from local import dynamodb
from local.clock import Clock
from local.processes import announce
from local.simulators.base import SimulatedClock
from local.simulators.ses import SesGate
from local.throttle import Throttle

SES_PATHS = ("/v2/email/", "/_ses/")
# Which source of functions an operation may have given something. SNS, which fills queues, speaks the query
# protocol, without a target.
CHANGES = {
    "": "queues",
    "BatchWriteItem": "streams",
    "ChangeMessageVisibility": "queues",
    "ChangeMessageVisibilityBatch": "queues",
    "DeleteItem": "streams",
    "PutItem": "streams",
    "SendMessage": "queues",
    "SendMessageBatch": "queues",
    "TransactWriteItems": "streams",
    "UpdateItem": "streams",
}


class StackClock(SimulatedClock):
    """The stack's clock, as simulators take one."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def time(self) -> float:
        """Unix seconds."""
        return self._clock.time()


class SerialApplication:
    """Passes one request at a time to moto."""

    def __init__(self) -> None:
        self._moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.waited_s = 0.0
        self.operations: dict[str, tuple[int, float]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        came = time.monotonic()
        with self._lock:
            began = time.monotonic()
            try:
                return list(self._moto(environ, start_response))
            finally:
                operation = _operation(environ) or environ["REQUEST_METHOD"]
                count, held_s = self.operations.get(operation, (0, 0.0))
                self.operations[operation] = (count + 1, held_s + time.monotonic() - began)
                self.waited_s += began - came


class EmbeddedAws:
    """The whole WSGI application: changes, the email gate, moto."""

    def __init__(self, clock: Clock) -> None:
        self._aws = SerialApplication()
        self._throttle = Throttle(self._aws)
        self._email = SesGate(self._aws, StackClock(clock))
        self._changes = dict.fromkeys(CHANGES.values(), 0)
        self._changed = threading.Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/_aws/changes":
            return self._wait_for_changes(environ, start_response)
        if path == "/_aws/throttle":
            self._throttle.set(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
            return _answer(start_response, {})
        if path == "/_aws/load":
            return _answer(start_response, self._load())
        if path.startswith(SES_PATHS):
            return self._email(environ, start_response)
        answer = self._throttle(environ, start_response)
        source = CHANGES.get(_operation(environ)) if environ["REQUEST_METHOD"] == "POST" else None
        if source:
            with self._changed:
                self._changes[source] += 1
                self._changed.notify_all()
        return answer

    def _wait_for_changes(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = parse_qs(environ["QUERY_STRING"])
        source, since, wait_s = query["of"][0], int(query["since"][0]), float(query["wait_s"][0])
        with self._changed:
            self._changed.wait_for(lambda: self._changes[source] != since, wait_s)
            changes = self._changes[source]
        return _answer(start_response, {"changes": changes})

    def _load(self) -> dict[str, Any]:
        operations = dict(self._aws.operations)
        return {
            "requests": sum(count for count, _ in operations.values()),
            "waited_s": self._aws.waited_s,
            "held_s": sum(held_s for _, held_s in operations.values()),
            "throttled": self._throttle.refused,
            "operations": operations,
        }


def _answer(start_response: StartResponse, content: dict[str, Any]) -> Iterable[bytes]:
    body = json.dumps(content).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _operation(environ: WSGIEnvironment) -> str:
    return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]


def keep_time(clock: Clock) -> None:
    """Have queues go by the stack's clock."""
    vars(moto.sqs.models).update(unix_time=clock.time, unix_time_millis=lambda: clock.time() * 1000)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for a delayed ACK

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not logged."""


def main(port: int, clock: Clock) -> None:
    """Serve until killed."""
    keep_time(clock)
    dynamodb.hasten()
    server = make_server("127.0.0.1", port, EmbeddedAws(clock), threaded=True, request_handler=_Handler)
    announce({"url": f"http://127.0.0.1:{server.server_port}"})
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Clock(Path(sys.argv[2])))
