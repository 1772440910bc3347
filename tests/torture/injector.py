"""Counts the external effects of an invocation, and kills its process before or after one of them.

An effect is one exchange: a call of AWS at botocore's lowest level, an HTTP exchange with a facility, a
transfer by another protocol. The kill is SIGKILL: no handler, no `finally`, nothing is flushed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from botocore.httpsession import URLLib3Session

import slew.http
from slew.transfers import Transfers

When = Literal["before", "after"]


@dataclass(frozen=True)
class Kill:
    """Kill before or after the `at`-th effect, counted from 1."""

    at: int
    when: When

    def __str__(self) -> str:
        return f"{self.when} effect {self.at}"


class Injector:
    """Notes every effect of this process in `effects`, and kills it where `kill` says."""

    def __init__(self, kill: Kill | None = None) -> None:
        self.kill = kill
        self.effects: list[str] = []
        self._lock = threading.Lock()

    def arm(self) -> None:
        """Patch this process, for good: it is a forked one."""
        aws, http, transfer = URLLib3Session.send, slew.http._asked, Transfers._recorded

        def aws_send(session: Any, request: Any) -> Any:
            return self._around(_of_aws(request), lambda: aws(session, request))

        def http_asked(session: Any, request: Any, timeout: float) -> Any:
            return self._around(_of_http(request), lambda: http(session, request, timeout))

        def recorded(transfers: Any, method: str, url: str, body: bytes, act: Callable[[], str]) -> str:
            return transfer(transfers, method, url, body, lambda: self._around(f"{method} {url}", act))

        vars(slew.http).update(_asked=http_asked)
        setattr(URLLib3Session, "send", aws_send)  # noqa: B010 - of a class that mypy knows
        setattr(Transfers, "_recorded", recorded)  # noqa: B010

    def _around(self, name: str, act: Callable[[], Any]) -> Any:
        with self._lock:
            self.effects.append(name)
            number = len(self.effects)
        self._perhaps(number, "before")
        result = act()
        self._perhaps(number, "after")
        return result

    def _perhaps(self, number: int, when: When) -> None:
        if self.kill == Kill(number, when):
            os.kill(os.getpid(), signal.SIGKILL)


def _of_aws(request: Any) -> str:
    target = request.headers.get("X-Amz-Target", b"")
    name = target.decode() if isinstance(target, bytes) else str(target)
    return name.rpartition(".")[2] or f"aws {request.method} {request.url.partition('?')[0][-60:]}"


def _of_http(request: Any) -> str:
    return f"{request.method} {request.url.partition('://')[2].partition('?')[0]}"
