"""The stack's child processes: each in a process group of its own, none of which outlives the stack.

A reaper process holds the reading end of a pipe. When the stack ends in whatever way, SIGKILL included, the
pipe closes and the reaper kills the groups that are left. (PR_SET_PDEATHSIG would be Linux only, and fires
when the *thread* that started the child ends, which for a thread of the gateway is soon.)
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

REAPER = """
import os, signal, sys
left = set()
for line in sys.stdin:
    (left.add if line[0] == "+" else left.discard)(int(line[1:]))
for group in left:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Children:
    """Starts and ends child processes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: dict[int, subprocess.Popen[Any]] = {}
        self._closed = False
        self._reaper = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", REAPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
    ) -> subprocess.Popen[bytes]:
        """Start a process in a group of its own. Raises RuntimeError once the stack is ending."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the stack is ending")
            process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            self._processes[process.pid] = process
            self._tell("+", process.pid)
        return process

    def kill(self, process: subprocess.Popen[Any]) -> None:
        """Kill the process's group at once, and wait for the process."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.forget(process)

    def forget(self, process: subprocess.Popen[Any]) -> None:
        """The process has ended: its id may soon be another's."""
        with self._lock:
            if self._processes.pop(process.pid, None):
                self._tell("-", process.pid)

    def close(self) -> None:
        """End all of them."""
        with self._lock:
            self._closed = True
            processes = list(self._processes.values())
        for process in processes:
            self.kill(process)
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait()

    def _tell(self, sign: str, pid: int) -> None:
        assert self._reaper.stdin
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._reaper.stdin.write(f"{sign}{pid}\n")
            self._reaper.stdin.flush()


class Service:
    """A Python module of the project run as a child that serves; it says where by `announce()`."""

    def __init__(self, module: str, arguments: Sequence[str], children: Children, logs: Path) -> None:
        """Start it; its standard error goes to a file in `logs`."""
        self._module = module
        self._log = logs / f"{module}.log"
        root = Path(__file__).resolve().parent.parent
        with self._log.open("wb") as log:
            self._process = children.start(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, "PYTHONPATH": str(root)},
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def ready(self) -> dict[str, Any]:
        """What it announced. Raises RuntimeError if it ended instead."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} did not start:\n{self._log.read_text()[-4000:]}")
        announced: dict[str, Any] = json.loads(line)
        return announced

    def close(self) -> None:
        """Close our end of its output."""
        assert self._process.stdout
        self._process.stdout.close()


def announce(what: dict[str, Any]) -> None:
    """Tell the parent that this service is ready. Nothing more goes to standard output: nobody reads on."""
    print(json.dumps(what), flush=True)
    sys.stdout = sys.stderr
