"""Plans of thousands of pointings: through the limits of API, Lambda and DynamoDB to the receiver, once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from local.examples import examples
from tests.e2e.conftest import System

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("large-plans")]

URL = "/facilities/mma"


def observations(number: int) -> list[dict[str, Any]]:
    return [
        {
            "field_id": 1 + index,
            "field": {"ra": round(index * 0.0357 % 360, 5), "dec": round(-30 + index % 1000 * 0.09, 5)},
            "filt": "sdssr" if index % 2 else "sdssg",
            "exposure_time": 30,
            "weight": 1 / (1 + index),
            "obstime": "2030-03-11T05:30:00.000",
            "overhead_per_exposure": 10,
            "planned_observation_id": index,
        }
        for index in range(number)
    ]


@pytest.fixture
def allocation(system: System) -> str:
    example = examples(system.stack.simulators)["mma"]
    if system.call("GET", f"{URL}/allocations/large-plans").status_code == 404:
        system.allocate("mma", "large-plans", example.allocation["altdata"])
    return "large-plans"


def payload(name: str, number: int) -> dict[str, Any]:
    window = {"start_date": "2030-03-11 00:00:00", "end_date": "2030-03-12 00:00:00"}
    return {"queue_name": name, **window, "planned_observations": observations(number)}


def taken(system: System, name: str) -> list[dict[str, Any]]:
    """The plans of that name that came to the receiver."""
    bodies = [json.loads(each["body"]) for each in system.arrivals("mma", "PUT")]
    return [body for body in bodies if body["queue_name"] == f"ToO_{name}"]


@pytest.mark.parametrize("number", [1000, 10_000])
def test_a_plan_in_the_body(system: System, allocation: str, number: int) -> None:
    name = f"body-{number}"
    body = {"allocation_id": allocation, "payload": payload(name, number)}
    reply = system.call("POST", f"{URL}/plans", body, key=name)
    assert reply.status_code == 201, reply.text[:500]
    made = reply.json()
    assert made["status"] == "submitted"
    assert len(reply.content) < 50_000
    (plan,) = taken(system, name)
    assert len(plan["targets"]) == number
    again = system.call("POST", f"{URL}/plans", body, key=name)
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert len(taken(system, name)) == 1
    whole = system.call("GET", f"{URL}/plans/{made['id']}/payload")
    assert len(whole.json()["planned_observations"]) == number


def test_a_plan_by_reference(system: System, allocation: str) -> None:
    upload = system.call("POST", f"{URL}/uploads").json()
    content = json.dumps(payload("by-reference", 10_000))
    put = requests.put(upload["url"], content, headers=upload["headers"], timeout=30)
    assert put.status_code == 200
    body = {"allocation_id": allocation, "payload_upload": upload["id"]}
    assert system.call("POST", f"{URL}/plans", body).json()["status"] == "submitted"
    (plan,) = taken(system, "by-reference")
    assert len(plan["targets"]) == 10_000


def test_a_body_over_the_limit_is_told_so(system: System, allocation: str) -> None:
    body = {"allocation_id": allocation, "payload": {**payload("too-large", 10), "note": "n" * 4_300_000}}
    reply = system.call("POST", f"{URL}/plans", body)
    assert reply.status_code == 413
    assert "4096 KiB" in reply.json()["detail"]
    assert taken(system, "too-large") == []
