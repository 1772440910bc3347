"""What goes wrong under load: facilities refuse, hang or hang up, processes are killed, AWS throttles."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from benchmarks.system import post
from local.stack import Stack

GATEWAY_LIMIT_S = 10.0
"""API Gateway gives up on a function after 30 s; here sooner, so that it does so more often."""
_FAULTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (3, {"kind": "status", "status": 429, "headers": {"Retry-After": "2"}}),
    (3, {"kind": "status", "status": 503}),
    (2, {"kind": "refuse"}),
    (2, {"kind": "cut"}),
    (2, {"kind": "reset"}),
    (1, {"kind": "hang", "seconds": 1.5}),
    (0.5, {"kind": "hang", "seconds": GATEWAY_LIMIT_S + 2}),
)


class Faults:
    """A context manager; while it lasts, things go wrong at the given rates (a second; of AWS, a share)."""

    def __init__(
        self, stack: Stack, functions: list[str], simulators: list[str], *, seed: int, throttled: float
    ) -> None:
        self.seen: Counter[str] = Counter()
        self._stack = stack
        self._functions, self._simulators = functions, simulators
        self._throttled, self._seed = throttled, seed
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=each)
            for each in ((self._kill, 0.25, seed + 1), (self._disturb, 1.0, seed + 2))
        ]

    def __enter__(self) -> Faults:
        self._throttle(self._throttled)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._throttle(0)
        for name in self._simulators:
            self._set(name, "DELETE")

    def _repeat(self, act: Callable[[random.Random], None], rate: float, seed: int) -> None:
        chance = random.Random(seed)
        while not self._ending.wait(chance.expovariate(rate)):
            with suppress(OSError):
                act(chance)

    def _kill(self, chance: random.Random) -> None:
        function = chance.choice(self._functions)
        pids = self._stack.runtime.pids(function)
        if pids:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
                self.seen["process killed"] += 1

    def _disturb(self, chance: random.Random) -> None:
        weights = [weight for weight, _ in _FAULTS]
        ((_, fault),) = chance.choices(_FAULTS, weights)
        self._set(chance.choice(self._simulators), "POST", {**fault, "method": "POST"})
        self.seen[str(fault.get("status") or fault["kind"])] += 1

    def _set(self, simulator: str, method: str, body: dict[str, Any] | None = None) -> None:
        post(f"{self._stack.simulators[simulator].url}/_fault", body or {}, method)

    def _throttle(self, rate: float) -> None:
        post(f"{self._stack.aws_endpoint}/_aws/throttle", {"rate": rate, "seed": self._seed})
