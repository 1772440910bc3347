"""`python -m local.demo` as a user runs it: it shows every step, and fails where a facility does."""

from __future__ import annotations

import base64
import math
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.demo_script import night, plans, secrets, up_tonight
from local.simulators.observation_portal import sky

ROOT = Path(__file__).parent.parent.parent
LABELS = {
    "lco": "cancelled",
    "atlas_forced_photometry": "complete",
    "generic (API)": "submitted",
    "generic (slack)": "submitted",
    "generic (email)": "submitted",
    "slack": "submitted",
    "gemini": "submitted",
    "kait": "submitted",
    "lt": "submitted",
    "mma": "submitted",
    "nicer": "submitted",
    "sedm": "submitted",
    "soar": "submitted",
    "swift_too": "submitted",
    "swift_xrt": "complete",
    "winter": "submitted",
    "ztf": "submitted",
    "ztf_forced_photometry": "submitted",
}


def demo(temporary: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with its temporary files under `temporary`."""
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )


@pytest.fixture
def closed_port() -> Iterator[str]:
    """A URL at which nothing listens, and which nobody else takes."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.e2e
def test_every_step_is_shown_and_all_is_well(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line for line in lines if len(line) > 100] == []
    assert "\x1b" not in done.stdout
    assert _steps(lines) == list(range(1, 14))
    table = lines[
        next(i for i, line in enumerate(lines) if line.split()[:2] == ["facility", "request"]) + 1 :
    ]
    rows = [re.split(r" {2,}", line.strip()) for line in table[: len(LABELS)]]
    assert {row[0]: row[3] for row in rows} == LABELS
    assert all(re.fullmatch(r"[0-9a-f]{24}", row[1]) and row[4].isdigit() for row in rows)
    without_id = {row[0] for row in rows if row[2] == "-"}
    assert without_id == {"generic (slack)", "generic (email)", "slack", "kait", "nicer"}
    assert "Idempotency-Key has been used with another body" in done.stdout
    assert re.search(r"^ +SN 2023ixf +(accepted|refused: \S)", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []  # nothing is left behind
    _check_secrets(done.stdout)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("variable", "failure"),
    [
        ("SLEW_SLACK_URL", "POST /facilities/generic/requests: expected HTTP 201, came HTTP 202: pending"),
        (
            "SLEW_LCO_URL",
            "POST /facilities/lco/allocations/lco-2026b/verify: expected HTTP 200, came HTTP 503",
        ),
    ],
)
def test_it_fails_where_a_facility_is_down(
    variable: str, failure: str, closed_port: str, tmp_path: Path
) -> None:
    done = demo(tmp_path, **{variable: closed_port})
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert f"FAILED: {failure}" in said
    assert "In short" not in said
    (left,) = tmp_path.glob("slew-demo-*")
    assert f"The logs are in\n{left}/logs\n" in done.stdout
    assert list((left / "logs").glob("*Function.log"))
    assert done.stderr == ""


@pytest.mark.e2e
def test_it_fails_clearly_where_the_stack_does_not_start(tmp_path: Path) -> None:
    done = demo(tmp_path, SLEW_LCO_URL="not a url")
    assert done.returncode == 1
    assert "FAILED: " in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("day", range(0, 360, 7))
def test_the_target_is_opposite_the_sun_and_clear_of_the_moon(day: int) -> None:
    now = datetime(2026, 1, 3, 5, tzinfo=UTC) + timedelta(days=day)
    target = up_tonight(now)
    sun, moon = sky.sun(now.timestamp())[0], sky.moon(now.timestamp())[0]
    here = sky.Direction(math.radians(target["ra"]), math.radians(target["dec"]))
    assert sun.separation(here) > 2.0  # rad: 115 deg
    assert moon.separation(here) > 0.7  # rad: 40 deg


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (datetime(2026, 11, 22, 17, tzinfo=UTC), "2026-11-22T19:00:00"),
        (datetime(2026, 7, 31, 12, tzinfo=UTC), "2026-08-01T00:00:00"),
        (datetime(2027, 1, 31, 21, 59, 59, tzinfo=UTC), "2027-02-01T00:00:00"),
        (datetime(2027, 1, 31, 22, 0, 1, tzinfo=UTC), "2027-02-01T00:00:01"),
    ],
)
def test_the_window_lies_in_one_semester(now: datetime, begins: str) -> None:
    start, end = night(now)
    assert start == begins
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    assert last - first == timedelta(days=1)
    assert (first.month - 2) // 6 == (last.month - 2) // 6


def _check_secrets(text: str) -> None:
    known = {secret for plan in plans(datetime.now(UTC), "http://x") for secret in secrets(plan.allocation)}
    assert len(known) >= 10
    for secret in known:
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode() not in text
    assert "********" in text
    assert not re.search(r"slew_[A-Za-z0-9_-]{20}", text)


def _steps(lines: list[str]) -> list[int]:
    return [int(found[1]) for line in lines if (found := re.match(r" ?(\d+) [A-Z]", line))]
