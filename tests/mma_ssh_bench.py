"""What the tests of MMA's plans by SSH share: the simulated server, and what it has seen."""

from __future__ import annotations

from typing import Any

import requests

from slew.wire import Upload
from tests.mma_bench import FACILITY, NAME, Bench

PATH = f"/data/too/incoming/{NAME}.json"


def change(bench: Bench, **settings: Any) -> None:
    answer = requests.post(f"{bench.server.url}/_ssh", json=settings, timeout=10)
    assert answer.status_code == 200, answer.text


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
