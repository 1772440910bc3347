"""Runs functions as real Lambda runtime processes (`awslambdaric`), each with one invocation at a time.

A function's idle processes are kept and used again, last used first; when none is idle, one is started (a
cold start). Time-outs, exits and errors end as on Lambda, with Lambda's own error objects. Two things differ:
initialisation may take 10 s plus the function's time-out (Lambda, after 10 s, begins it anew inside the
invocation), and an invocation beyond `MAX_WORKERS` waits for a process instead of being scaled out.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.processes import Children
from local.runtime_api import Done, Exited, Invocation, RuntimeApi
from local.system import ACCOUNT, REGION, Function

INIT_S = 10.0
MAX_WORKERS = 32
MAX_PAYLOAD = 6 * 1024 * 1024
MAX_RESPONSE = MAX_PAYLOAD + 100  # what Lambda's own error message names: 6291556
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True)
class Result:
    """How an invocation ended: the handler's JSON, or Lambda's error object (`errorType`, `errorMessage`)."""

    payload: bytes
    failed: bool = False

    def json(self) -> Any:
        """The payload, decoded."""
        return json.loads(self.payload)


class FunctionError(Exception):
    """An invocation failed; `error` is Lambda's error object."""

    def __init__(self, function: str, error: dict[str, Any]) -> None:
        super().__init__(f"{function}: {error.get('errorType')}: {error.get('errorMessage')}")
        self.error = error


class PayloadTooLarge(Exception):
    """The event exceeds what Lambda takes."""


class Throttled(Exception):
    """The function's reserved concurrency is in use."""


class Runtime:
    """The functions of one stack."""

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        children: Children,
        environment: Mapping[str, str],
        logs: Path,
        python: str = sys.executable,
    ) -> None:
        """`environment` goes to every function beside its own and Lambda's; `logs` is a directory.

        Until a function's first process starts, the attribute `environment` may be added to.
        """
        self.environment = dict(environment)
        logs.mkdir(parents=True, exist_ok=True)
        self._pools = {
            function.name: _Pool(function, children, self.environment, logs / f"{function.name}.log", python)
            for function in functions
        }

    def invoke(self, name: str, event: bytes) -> Result:
        """Invoke a function with a JSON text and wait for its end.

        Raises KeyError for an unknown function, Throttled beyond its reserved concurrency, PayloadTooLarge
        beyond 6 MiB.
        """
        return self._pools[name].invoke(event)

    def call(self, name: str, event: Any) -> Any:
        """Invoke a function with a JSON value and return its answer. Raises FunctionError if it failed."""
        result = self.invoke(name, json.dumps(event).encode())
        if result.failed:
            raise FunctionError(name, result.json())
        return result.json()

    def warm(self, name: str) -> None:
        """Have a process of the function ready."""
        self._pools[name].warm()

    def pids(self, name: str) -> list[int]:
        """Process ids of the function's processes, busy and idle."""
        return self._pools[name].pids()

    def cold_starts(self, name: str) -> int:
        """How many processes have been started for the function."""
        return self._pools[name].started

    def recycle(self, name: str) -> None:
        """End the function's idle processes, so that the next invocation is a cold start."""
        self._pools[name].recycle()

    def close(self) -> None:
        """End all processes."""
        for pool in self._pools.values():
            pool.close()


class _Pool:
    """The processes of one function."""

    def __init__(
        self, function: Function, children: Children, environment: dict[str, str], log: Path, python: str
    ) -> None:
        self.function = function
        self.started = 0
        self._children = children
        self._environment = environment
        self._log = log
        self._python = python
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        reserved = function.reserved_concurrency
        self._slots = threading.BoundedSemaphore(reserved or MAX_WORKERS)
        self._closed_for_all = reserved == 0

    def invoke(self, event: bytes) -> Result:
        if len(event) > MAX_PAYLOAD:
            raise PayloadTooLarge(f"{len(event)} bytes, of at most {MAX_PAYLOAD}")
        reserved = self.function.reserved_concurrency is not None
        if self._closed_for_all or not self._slots.acquire(blocking=not reserved):
            raise Throttled(self.function.name)
        try:
            worker = self._take()
            result = worker.invoke(event)
            self._give_back(worker)
            return result
        finally:
            self._slots.release()

    def warm(self) -> None:
        with self._lock:
            if self._idle:
                return
        worker = self._start()
        with self._lock:
            self._idle.append(worker)

    def pids(self) -> list[int]:
        with self._lock:
            return [worker.process.pid for worker in self._all if worker.process.poll() is None]

    def recycle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            self._all.difference_update(idle)
        for worker in idle:
            worker.close()

    def close(self) -> None:
        with self._lock:
            workers, self._all, self._idle = list(self._all), set(), []
        for worker in workers:
            worker.close()

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return self._start()
            if worker.process.poll() is None:
                return worker
            self._drop(worker)  # it ended while idle: somebody killed it

    def _give_back(self, worker: _Worker) -> None:
        if worker.broken:
            self._drop(worker)
            return
        with self._lock:
            if worker in self._all:
                self._idle.append(worker)

    def _start(self) -> _Worker:
        worker = _Worker(self.function, self._children, self._environment, self._log, self._python)
        with self._lock:
            self.started += 1
            self._all.add(worker)
        return worker

    def _drop(self, worker: _Worker) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.close()


class _Worker:
    """One runtime process and its Runtime API."""

    def __init__(
        self, function: Function, children: Children, environment: dict[str, str], log: Path, python: str
    ) -> None:
        self.function = function
        self.broken = False
        self._children = children
        self._api = RuntimeApi()
        with log.open("ab") as output:
            self.process = children.start(
                [python, "-m", "awslambdaric", function.handler],
                env=_environment(function, environment, self._api.address),
                cwd=function.code,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        threading.Thread(target=self._watch, name=f"watch-{function.name}", daemon=True).start()

    def invoke(self, event: bytes) -> Result:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function.name}"
        invocation = Invocation(str(uuid.uuid4()), event, self.function.timeout_s, arn)
        self._api.submit(invocation)
        done = self._wait(invocation)
        if isinstance(done, Done):
            self.broken = done.initialisation
            if len(done.payload) > MAX_RESPONSE and not done.failed:
                return _error(
                    "Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).",
                )
            return Result(done.payload, done.failed)
        self.broken = True
        prefix = f"RequestId: {invocation.id} Error: "
        if isinstance(done, Exited):
            return _error("Runtime.ExitError", prefix + _ending(done.status))
        return _error(
            "Sandbox.Timedout", prefix + f"Task timed out after {self.function.timeout_s:.2f} seconds"
        )

    def close(self) -> None:
        self._children.kill(self.process)
        self._api.close()

    def _wait(self, invocation: Invocation) -> Done | Exited | None:
        """The end of the invocation; None once it has timed out, and been killed."""
        limit = time.monotonic() + INIT_S + self.function.timeout_s
        try:
            if not invocation.begun.wait(limit - time.monotonic()):
                raise queue.Empty
            return self._api.done.get(timeout=self.function.timeout_s)
        except queue.Empty:
            self._children.kill(self.process)
            return None

    def _watch(self) -> None:
        status = self.process.wait()
        self._children.forget(self.process)
        self._api.exited(status)


def _environment(function: Function, environment: Mapping[str, str], api: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        "TZ": ":UTC",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **function.environment,
        **environment,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_LAMBDA_RUNTIME_API": api,
        "LAMBDA_TASK_ROOT": str(function.code),
        "_HANDLER": function.handler,
        "PYTHONPATH": os.pathsep.join(str(path) for path in (function.code, *function.layers)),
    }


def _error(kind: str, message: str) -> Result:
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


def _ending(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    name = str(-status)
    with contextlib.suppress(ValueError):
        name = signal.strsignal(-status) or name
    return f"Runtime exited with error: signal: {name.lower()}"
