"""SOAR's example events through its whole handler, at the simulator: what a first user tries works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import SimulatedClock
from local.simulators.observation_portal.app import SoarPortal
from slew import portal_listing
from soar.facility import SOAR
from tests.contract.portal.sky import opposition_target
from tests.support.calls import Context

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoarPortal]:
    running = SoarPortal(SimulatedClock(), semesters="wide", auto_progress=False)
    monkeypatch.setenv("SLEW_SOAR_URL", running.start())
    monkeypatch.setenv("SLEW_SOAR_ARCHIVE_URL", running.extra_urls()["archive"])
    portal_listing.forget()
    yield running
    running.stop()


def example(kind: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"soar-{kind}.json").read_text())
    return event


def test_the_examples_are_accepted(embedded_aws: Any, server: SoarPortal) -> None:
    handler = facility_handler(SOAR())
    made = handler(example("allocation"), Context(60))
    assert made["statusCode"] == 201, made["body"]
    submission = example("submit")
    # The example's supernova is behind the Sun for some weeks of the year.
    body = json.loads(submission["body"])
    body["target"]["ra"], body["target"]["dec"] = opposition_target(datetime.now(UTC))
    reply = handler({**submission, "body": json.dumps(body)}, Context(60))
    assert reply["statusCode"] == 201, reply["body"]
    view = json.loads(reply["body"])
    assert (view["status"], view["reason"]) == ("submitted", None), view
    assert json.loads(made["body"])["altdata"]["API_TOKEN"] == "********"
    assert set(handler(example("poll"), Context(60))) == {"looked_at", "failed"}
