"""What the tests of MMA's plans by HTTP share: the simulated receiver, its faults and its settings."""

from __future__ import annotations

from typing import Any

import requests

from local.simulators.base import Fault
from tests.mma_bench import Bench

PATH = "/api/obsplans"
PAGE = "<html><head><title>Sorry</title></head><body><p>Down for &amp; maintenance</p></body></html>"


def configure(bench: Bench, **settings: Any) -> None:
    assert requests.post(f"{bench.server.url}/_config", json=settings, timeout=10).status_code == 200


def fail(bench: Bench, kind: str, method: str = "PUT", **fields: Any) -> None:
    bench.server.faults.append(Fault(kind, method=method, path=PATH, **fields))


def puts(bench: Bench) -> int:
    return sum(entry["method"] == "PUT" for entry in bench.server.journal)
