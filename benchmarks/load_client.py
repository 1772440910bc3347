"""Clients of the API as they should be: each call under a key, and again under it until it is known.

`python -m benchmarks.load_client`: a JSON object on standard input (`url`, `token`, `clients`, `seed`, and
`calls`, each a key, a path and a body); on standard output the outcome of each call, one JSON line each.
"""

from __future__ import annotations

import json
import queue
import random
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 35.0  # API Gateway answers within 30 s
TRIES = 40
LONGEST_PAUSE_S = 20.0
KNOWN = (200, 201, 202)

Json = dict[str, Any]


class Client:
    """One connection, one call at a time."""

    def __init__(self, url: str, token: str, seed: int) -> None:
        self._host = urlsplit(url).netloc
        self._token = token
        self._random = random.Random(seed)
        self._connection: HTTPConnection | None = None

    def make(self, call: Mapping[str, Any]) -> Json:
        """Call until the request is known; how often it took, and how long."""
        began, seen = time.monotonic(), []
        outcome: Json = {"key": call["key"], "id": None, "status": None}
        for attempt in range(TRIES):
            started = time.monotonic()
            status, headers, body = self._post(call)
            taken = time.monotonic() - started
            seen.append([_kind(status, headers, body), taken])
            if status in KNOWN:
                outcome |= {"id": body["id"], "status": body.get("status"), "answer_s": taken}
                break
            if status is not None and status < 500 and status != 429:
                outcome["refusal"] = body
                break
            time.sleep(self._pause(attempt, headers))
        return {**outcome, "known_s": time.monotonic() - began, "at": began, "seen": seen}

    def _pause(self, attempt: int, headers: Mapping[str, str]) -> float:
        """What the server asks for, else twice as long as before; with jitter."""
        asked = headers.get("Retry-After", "")
        if asked.isdigit():
            return int(asked) * self._random.uniform(1.0, 1.5)
        return min(0.25 * 2.0**attempt, LONGEST_PAUSE_S) * self._random.uniform(0.5, 1.0)

    def _post(self, call: Mapping[str, Any]) -> tuple[int | None, Mapping[str, str], Any]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": call["key"],
        }
        connection = self._connection or HTTPConnection(self._host, timeout=PATIENCE_S)
        self._connection = connection
        try:
            connection.request("POST", call["path"], json.dumps(call["body"]), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            connection.close()
            self._connection = None
            return None, {}, {}
        try:
            return answer.status, dict(answer.getheaders()), json.loads(content)
        except ValueError:
            return answer.status, dict(answer.getheaders()), {}


def _kind(status: int | None, headers: Mapping[str, str], body: Any) -> str:
    """An answer in a few words: who gave it, and whether it says when to come back."""
    if status is None:
        return "no answer"
    if status in KNOWN:
        return f"{status} {body.get('status', '')}".strip()
    by = "problem" if "problem+json" in headers.get("Content-Type", "") else "gateway"
    return f"{status} {by}{', Retry-After' if 'Retry-After' in headers else ''}"


def main() -> None:
    """Make all calls, as many at once as there are clients."""
    given = json.load(sys.stdin)
    calls: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
    for call in [*given["calls"], *[None] * given["clients"]]:
        calls.put(call)
    writing = threading.Lock()

    def work(number: int) -> None:
        client = Client(given["url"], given["token"], given["seed"] * 1000 + number)
        while (call := calls.get()) is not None:
            line = json.dumps(client.make(call))
            with writing:
                print(line, flush=True)

    with ThreadPoolExecutor(given["clients"]) as pool:
        list(pool.map(work, range(given["clients"])))


if __name__ == "__main__":
    main()
