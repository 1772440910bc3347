"""`python -m local.serve`: the commands that it prints work as they stand, and it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.waiting import until

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.e2e


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process, and the lines that it printed once it was ready."""
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "local.serve"],
        cwd=ROOT,
        env={
            **os.environ,
            "SLEW_PORT": "0",
            "SLEW_WORKDIR": str(tmp_path / "work"),
            "TMPDIR": str(tmp_path / "tmp"),
        },
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "stderr").open("w"),
        text=True,
    )
    assert process.stdout
    lines: list[str] = []
    try:
        while line := process.stdout.readline():
            lines.append(line.rstrip("\n"))
            if line.startswith("The message"):
                break
        else:
            pytest.fail(f"it did not serve: {(tmp_path / 'stderr').read_text()}")
        yield process, lines
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        process.stdout.close()


def run(command: str) -> Any:
    """Run a command in a shell as it stands; the JSON that it prints."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def descendants(pid: int) -> set[int]:
    """All processes below that one."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(child): int(parent) for child, parent in map(str.split, listed.splitlines())}
    found, seen = {pid}, 0
    while len(found) > seen:
        seen = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    """Those of them that still run."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    running = {int(pid) for pid, state in map(str.split, listed.splitlines()) if not state.startswith("Z")}
    return pids & running


def test_the_three_commands_work_verbatim(served: tuple[subprocess.Popen[str], list[str]]) -> None:
    _, lines = served
    commands = [line for line in lines if line.startswith("curl ")]
    assert len(commands) == 3
    catalogue, allocation, request = map(run, commands)
    assert {"lco", "atlas_forced_photometry", "generic", "slack"} <= {
        each["id"] for each in catalogue["facilities"]
    }
    assert allocation["id"] == "first"
    assert allocation["altdata"]["slack_token"] == "********"
    assert request["status"] == "submitted"
    (message,) = requests.get(lines[-1].split()[-1], timeout=30).json()
    assert "SN 2023ixf" in message["rendered"]["text"]
    assert request["id"] in message["rendered"]["text"]


def test_the_state_lasts_until_it_is_stopped(
    served: tuple[subprocess.Popen[str], list[str]], tmp_path: Path
) -> None:
    process, lines = served
    described = tmp_path / "work" / "serve.json"
    assert stat.S_IMODE(described.stat().st_mode) == 0o600
    where = json.loads(described.read_text())
    assert where["url"] in lines[0]
    assert {"lco", "slack"} <= set(where["simulators"])
    run(next(line for line in lines if "/slack/allocations" in line))
    headers = {"Authorization": f"Bearer {where['token']}"}
    listed = requests.get(f"{where['url']}/allocations", headers=headers, timeout=30).json()
    assert [each["id"] for each in listed["allocations"]] == ["first"]

    below = descendants(process.pid)
    assert len(below) >= 4  # the embedded AWS, the simulators, the reaper, a function
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert not described.exists()
    assert list((tmp_path / "tmp").iterdir()) == []
    until(lambda: not alive(below))
    with pytest.raises(requests.ConnectionError):
        requests.get(where["url"], timeout=5)
