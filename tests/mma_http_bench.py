"""What the tests of MMA's plans by HTTP share: the simulated receiver, its faults and its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from local.simulators.base import Fault
from local.simulators.mma import MmaServer
from slew.errors import FacilityError
from tests.mma_bench import API, NOW, Bench

PATH = "/api/obsplans"


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A receiver of which nothing is known but that it takes plans; no secret is in what was shown."""
    server = MmaServer()
    server.clock.advance(NOW.timestamp() - server.clock.time())
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", server.start().partition("://")[2])
    bench = Bench(server, {**API, "port": server.url.rpartition(":")[2]})
    yield bench
    bench.check_no_secret()
    server.stop()


def failure(bench: Bench, kind: type[FacilityError]) -> FacilityError:
    with pytest.raises(kind) as caught:
        bench.submit()
    assert type(caught.value) is kind
    bench.shown.append((caught.value, caught.value.reason))
    return caught.value


def configure(bench: Bench, **settings: Any) -> None:
    assert requests.post(f"{bench.server.url}/_config", json=settings, timeout=10).status_code == 200


def fail(bench: Bench, kind: str, method: str = "PUT", **fields: Any) -> None:
    bench.server.faults.append(Fault(kind, method=method, path=PATH, **fields))


def puts(bench: Bench) -> int:
    return sum(entry["method"] == "PUT" for entry in bench.server.journal)
