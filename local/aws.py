"""The embedded AWS: moto, in a process of its own. `python -m local.aws PORT CLOCK_FILE` (port 0: any).

One request at a time: moto's stores are not atomic, so that of a hundred concurrent conditional writes more
than one may win. Queues keep the stack's time, so that a message comes back when the *stack's* clock says so.
Emails are judged by a strict gate before moto sees them. Once it is ready, it prints `{"url": ...}`.

Beside AWS's own API, `GET /_aws/changes?of=streams&since=N&wait_s=S` (or `of=queues`) answers
`{"changes": M}` as soon as M, the number of requests that may have filled a stream or a queue, differs from
N, or after S seconds. `/_ses/...` is the gate's.
"""

from __future__ import annotations

import copy
import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import moto.sqs.models
from moto.dynamodb.models.table import StreamShard
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from local.clock import Clock
from local.processes import announce
from local.simulators.base import SimulatedClock
from local.simulators.ses import SesGate

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

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            return list(self._moto(environ, start_response))


class EmbeddedAws:
    """The whole WSGI application: changes, the email gate, moto."""

    def __init__(self, clock: Clock) -> None:
        self._aws = SerialApplication()
        self._email = SesGate(self._aws, StackClock(clock))
        self._changes = dict.fromkeys(CHANGES.values(), 0)
        self._changed = threading.Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/_aws/changes":
            return self._wait_for_changes(environ, start_response)
        if path.startswith(SES_PATHS):
            return self._email(environ, start_response)
        answer = self._aws(environ, start_response)
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
            body = json.dumps({"changes": self._changes[source]}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _operation(environ: WSGIEnvironment) -> str:
    return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]


def keep_time(clock: Clock) -> None:
    """Have queues go by the stack's clock."""
    vars(moto.sqs.models).update(unix_time=clock.time, unix_time_millis=lambda: clock.time() * 1000)


def copy_streams_shallowly() -> None:
    """Spare each transaction a deep copy of all stream records of the table: they do not change."""

    def deep_copy(shard: StreamShard, memo: dict[int, Any]) -> StreamShard:
        clone = copy.copy(shard)
        memo[id(shard)] = clone
        clone.items = list(shard.items)
        clone.table = copy.deepcopy(shard.table, memo)
        return clone

    setattr(StreamShard, "__deepcopy__", deep_copy)  # noqa: B010  # moto does not declare it


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits some 40 ms for a delayed ACK

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not logged."""


def main(port: int, clock: Clock) -> None:
    """Serve until killed."""
    keep_time(clock)
    copy_streams_shallowly()
    server = make_server("127.0.0.1", port, EmbeddedAws(clock), threaded=True, request_handler=_Handler)
    announce({"url": f"http://127.0.0.1:{server.server_port}"})
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Clock(Path(sys.argv[2])))
