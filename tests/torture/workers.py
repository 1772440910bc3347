"""Function processes: a warm one, and one for a single invocation that may be killed in the middle.

Both are forks of the test's process, which has imported every function and made its AWS clients, but never
connected one: a cold start without its second.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.calls import Context
from tests.torture.injector import Injector, Kill

_LONGEST_S = 120.0


class Killed(Exception):
    """The process ended without an answer, as it was to."""


class Broken(Exception):
    """The handler raised; the text is its traceback."""


@dataclass(frozen=True)
class Job:
    """One invocation: a function's folder, its event, its environment and its time.

    `prepare` runs in the process before the handler does, by `module:function`; it begins `delay_s` late.
    """

    function: str
    event: Mapping[str, Any]
    environment: Mapping[str, str]
    remaining_s: float
    prepare: str = ""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Done:
    """What an invocation answered, what effects it had, its peak memory (KiB) and its time."""

    answer: Any
    effects: list[str] = field(default_factory=list)
    peak_kib: int = 0
    grown_kib: int = 0
    seconds: float = 0.0


def once(job: Job, log: Path, kill: Kill | None = None) -> Done:
    """Invoke in a process of its own. Raises Killed if it was killed, Broken if the handler raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _quiet(log)
        injector = Injector(kill)
        injector.arm()
        _send(writer, _run(job, injector))
        os._exit(0)
    os.close(writer)
    try:
        content = _receive(reader, _LONGEST_S)
    finally:
        os.close(reader)
        if not _ended(child):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if content is None:
        raise Killed(f"{job.function}: {kill}")
    return _opened(content)


def together(jobs: Sequence[Job], log: Path) -> list[Done | str]:
    """Invoke all at once, each in a process of its own: they wait at a gate until all are there.

    What each answered, or the traceback of what it raised.
    """
    gate, opener = os.pipe()
    children = [_at_the_gate(job, gate, opener, log) for job in jobs]
    os.close(gate)
    os.close(opener)
    found: list[Done | str] = []
    for child, reader in children:
        content = _receive(reader, _LONGEST_S)
        os.close(reader)
        os.waitpid(child, 0)
        found.append("killed" if content is None else content)
    return found


def _at_the_gate(job: Job, gate: int, opener: int, log: Path) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.close(opener)
        _quiet(log)
        os.read(gate, 1)  # the end of the pipe: the parent has closed it
        _send(writer, _run(job, None))
        os._exit(0)
    os.close(writer)
    return child, reader


class Warm:
    """One process for many invocations, one after the other, as a warm function is."""

    def __init__(self, log: Path) -> None:
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(from_parent)
            os.close(to_parent)
            _quiet(log)
            _serve(to_child, from_child)
        os.close(to_child)
        os.close(from_child)
        self._writer, self._reader = from_parent, to_parent

    def __call__(self, job: Job) -> Done:
        """Invoke. Raises Broken if the handler raised, Killed if the process is gone."""
        _send(self._writer, job)
        content = _receive(self._reader, _LONGEST_S)
        if content is None:
            raise Killed(f"{job.function}: the warm process is gone")
        return _opened(content)

    def close(self) -> None:
        """End it."""
        os.close(self._writer)
        os.close(self._reader)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _serve(reader: int, writer: int) -> None:
    while True:
        job = _receive(reader, None)
        if job is None:
            os._exit(0)
        _send(writer, _run(job, None))


def _run(job: Job, injector: Injector | None) -> Done | str:
    os.environ.update(job.environment)
    time.sleep(job.delay_s)
    before, began = _peak(), time.monotonic()
    try:
        if job.prepare:
            module, _, name = job.prepare.partition(":")
            prepare: Callable[[], None] = getattr(import_module(module), name)
            prepare()
        handler = import_module(f"{job.function}.app").handler
        answer = handler(dict(job.event), Context(job.remaining_s))
    except BaseException:
        return traceback.format_exc()
    peak = _peak()
    effects = injector.effects if injector else []
    return Done(answer, effects, peak, peak - before, time.monotonic() - began)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _opened(content: Any) -> Done:
    if isinstance(content, str):
        raise Broken(content)
    assert isinstance(content, Done)
    return content


def _quiet(log: Path) -> None:
    """Nothing of the test's: neither its signals nor its output."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


def _send(writer: int, what: Any) -> None:
    content = pickle.dumps(what)
    left = struct.pack("!Q", len(content)) + content
    while left:
        left = left[os.write(writer, left) :]


def _receive(reader: int, timeout_s: float | None) -> Any:
    """What was sent; None at the end of the pipe. Raises TimeoutError."""
    read = partial(_read, reader, None if timeout_s is None else time.monotonic() + timeout_s)
    head = read(8)
    content = read(struct.unpack("!Q", head)[0]) if head else None
    return pickle.loads(content) if content else None


def _read(reader: int, until: float | None, count: int) -> bytes | None:
    content = b""
    while len(content) < count:
        wait = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([reader], [], [], wait)[0]:
            raise TimeoutError("no answer from the function's process")
        piece = os.read(reader, min(count - len(content), 1 << 20))
        if not piece:
            return None
        content += piece
    return content


def _ended(child: int) -> bool:
    for _ in range(200):
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.001)
    return False
