"""The demonstration's client: shows each call as it is made, and checks and keeps every answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from local.console import Console
from local.demo_script import JSON

TIMEOUT_S = 40.0
PATIENCE_S = 15.0
Found = TypeVar("Found")


class Failure(Exception):
    """Something is not as it should be; the text says what was expected and what came."""


class Checks:
    """Compares, counts, and stops at the first that does not hold."""

    def __init__(self) -> None:
        self.count = 0

    def equal(self, what: str, came: Any, expected: Any) -> None:
        """Raises Failure unless both are equal."""
        self.that(what, came == expected, f"expected {expected!r}, came {came!r}")

    def that(self, what: str, holds: object, otherwise: str) -> None:
        """Raises Failure with `otherwise` unless it holds."""
        self.count += 1
        if not holds:
            raise Failure(f"{what}: {otherwise}")


@dataclass(frozen=True)
class Answer:
    """What came back; `ms` from the call to its end."""

    status: int
    body: JSON
    ms: float


class Api:
    """Slew's HTTP API."""

    def __init__(self, url: str, token: str, console: Console, checks: Checks) -> None:
        self._url = url
        self._console = console
        self._checks = checks
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"
        self.answers: list[str] = []

    def shown(self, method: str, path: str, expected: int, body: JSON | None = None, key: str = "") -> Answer:
        """A call that the reader sees. Raises Failure for a status other than `expected`."""
        self._console.begin(f"{method} {path}")
        try:
            answer = self._send(method, path, body, key)
        except requests.RequestException as error:
            self._console.abandon()
            raise Failure(f"{method} {path}: expected HTTP {expected}, came {error}") from None
        right = answer.status == expected
        self._console.end(f"{answer.status} {answer.ms:6.0f} ms", "green" if right else "red")
        self._checks.that(
            f"{method} {path}", right, f"expected HTTP {expected}, came HTTP {answer.status}: {_gist(answer)}"
        )
        return answer

    def quiet(self, method: str, path: str, body: JSON | None = None) -> JSON:
        """A call that only looks. Raises Failure unless it succeeds."""
        try:
            answer = self._send(method, path, body, "")
        except requests.RequestException as error:
            raise Failure(f"{method} {path}: expected an answer, came {error}") from None
        self._checks.that(
            f"{method} {path}",
            answer.status == 200,
            f"expected HTTP 200, came HTTP {answer.status}: {_gist(answer)}",
        )
        return answer.body

    def _send(self, method: str, path: str, body: JSON | None, key: str) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        begun = time.perf_counter()
        answer = self._session.request(
            method, self._url + path, json=body, headers=headers, timeout=TIMEOUT_S
        )
        ms = (time.perf_counter() - begun) * 1000
        self.answers.append(f"{answer.text}\n{dict(answer.headers)}")
        try:
            content = answer.json()
        except ValueError:
            content = {"text": answer.text}
        return Answer(answer.status_code, content, ms)


def control(url: str) -> Any:
    """Read a control route of a simulator or of the embedded AWS. Raises Failure."""
    try:
        answer = requests.get(url, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()
    except (requests.RequestException, ValueError) as error:
        raise Failure(f"GET {url}: expected the simulator's record, came {error}") from None


def await_that(look: Callable[[], Found], enough: Callable[[Found], bool]) -> Found:
    """What is found once it is enough, or after 15 s: notices come by topic, queue and notifier."""
    ends = time.monotonic() + PATIENCE_S
    while not enough(found := look()) and time.monotonic() < ends:
        time.sleep(0.1)
    return found


def _gist(answer: Answer) -> str:
    body = answer.body
    for key in ("status_text", "detail"):
        if isinstance(body, dict) and body.get(key):
            return str(body[key])
    return json.dumps(body)[:300]
