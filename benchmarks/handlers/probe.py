"""Stands before the handler named by `SLEW_BENCH_HANDLER`, and tells how long it waited for others.

What is counted is the time inside `connect` and `recv` on sockets: the embedded AWS and the simulators are at
work then, and the function is not. (awslambdaric's own wait for an event is in C and not counted.)
"""

from __future__ import annotations

import importlib
import os
import socket
import time
from collections.abc import Callable
from typing import Any

_waited = 0.0
_cpu = 0.0


def _timed(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        global _waited
        started = time.perf_counter()
        try:
            return method(*arguments)
        finally:
            _waited += time.perf_counter() - started

    return call


for _each in ("connect", "recv_into"):
    setattr(socket.socket, _each, _timed(getattr(socket.socket, _each)))
_module, _, _name = os.environ["SLEW_BENCH_HANDLER"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)
_ready_at = time.time()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The handler's own `answer`, and the probe's measurements.

    `waited_s` in this invocation; `cpu_s` spent by the process since the one before, or since its start;
    `ready_at`, when the handler's module was imported, in Unix seconds.
    """
    global _waited, _cpu
    _waited = 0.0
    answer = _handler(event, context)
    before, _cpu = _cpu, time.process_time()
    return {"answer": answer, "waited_s": _waited, "cpu_s": _cpu - before, "ready_at": _ready_at}
