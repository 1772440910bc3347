"""Constraints and limits on the running system: many processes, one sky."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.conftest import SLACK_ALTDATA, TARGET, System

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("constraints")]

PATH = "/facilities/slack/requests"
PAYLOAD = {"observation_choices": ["sdssr"], "exposure_time": 30, "exposure_counts": 2}


@pytest.fixture(scope="module", autouse=True)
def allocations(system: System) -> None:
    system.allocate("slack", "free", SLACK_ALTDATA)
    system.allocate("slack", "limited", SLACK_ALTDATA, limits={"requests_per_night": 4, "exposure_hours": 1})
    system.simulator("slack", "POST", "/_config", {"rate": 100, "burst": 100})


def at_once(system: System, bodies: list[dict[str, Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: system.call("POST", PATH, body), bodies))


def body(allocation: str, dec: float, **more: Any) -> dict[str, Any]:
    return {"allocation_id": allocation, "target": {**TARGET, "dec": dec}, "payload": PAYLOAD, **more}


def test_of_many_clients_with_one_target_one_triggers(system: System) -> None:
    before = len(system.arrivals("slack"))
    constraints = {"not_if_duplicates": True, "radius": 2}
    replies = at_once(system, [body("free", 0.0001 * i, constraints=constraints) for i in range(5)] * 4)
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 19
    assert len(system.arrivals("slack")) == before + 1


def test_a_night_has_no_more_than_its_limit(system: System) -> None:
    before = len(system.arrivals("slack"))
    replies = at_once(system, [body("limited", dec) for dec in range(16)])
    assert sorted(reply.status_code for reply in replies) == [201] * 4 + [409] * 12
    assert len(system.arrivals("slack")) == before + 4
    shown = system.call("GET", "/facilities/slack/allocations/limited").json()
    assert shown["usage"]["requests_tonight"] == 4
    assert shown["usage"]["exposure_hours"] == pytest.approx(4 * 60 / 3600, abs=1e-4)
