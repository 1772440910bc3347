"""What the tests of MMA's plans by SSH share: the simulated server, and what it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from local.simulators.mma import MmaServer
from slew.errors import FacilityError
from slew.wire import Upload
from tests.mma_bench import FACILITY, NOW, SCP, Bench

NAME = "ToO_S260821ab_tiling_1"
PATH = f"/data/too/incoming/{NAME}.json"


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A server of this test's own, and one allocation's way to it; no secret is in what was shown."""
    server = MmaServer()
    server.clock.advance(NOW.timestamp() - server.clock.time())
    server.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", f"127.0.0.1:{server.ssh.port}")
    bench = Bench(server, {**SCP, "port": server.ssh.port})
    yield bench
    bench.check_no_secret()
    server.stop()


def change(bench: Bench, **settings: Any) -> None:
    answer = requests.post(f"{bench.server.url}/_ssh", json=settings, timeout=10)
    assert answer.status_code == 200, answer.text


def failure(bench: Bench, kind: type[FacilityError]) -> FacilityError:
    with pytest.raises(kind) as caught:
        bench.submit()
    assert type(caught.value) is kind
    bench.shown.append((caught.value, caught.value.reason))
    return caught.value


def files(bench: Bench) -> dict[str, str]:
    return {path: file.content.decode() for path, file in bench.server.ssh.disk.files.items()}


def commands(bench: Bench) -> list[str]:
    return [entry["command"] for entry in bench.server.ssh.journal if entry["what"] == "exec"]


def logins(bench: Bench) -> list[tuple[str, bool]]:
    return [(each["what"], each["accepted"]) for each in bench.server.ssh.journal if "accepted" in each]


def wanted(bench: Bench) -> str:
    (upload,) = FACILITY.prepare(bench.order(), bench.link).exchanges
    assert isinstance(upload, Upload)
    return upload.body.decode()
