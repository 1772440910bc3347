"""The simulated receivers by themselves: what they take, what they refuse, and how a plan fares."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from local.simulators.mma import DEMO_TOKEN, MmaServer
from local.simulators.mma.server import BAD, EXISTS, PATH

JSON = dict[str, Any]
GOOD: JSON = {
    "targets": [
        {
            "request_id": number,
            "field_id": 247,
            "ra": 15.94654,
            "dec": -24.25,
            "filter": "ztfg",
            "exposure_time": 300,
            "program_pi": "observer1",
        }
        for number in (1, 2)
    ],
    "queue_name": "ToO_one",
    "validity_window_mjd": [61274.083333333336, 61274.4375],
    "queue_type": "list",
    "user": "observer1",
}
TOKEN = {"Authorization": f"token {DEMO_TOKEN}"}


@pytest.fixture
def mma() -> Iterator[MmaServer]:
    server = MmaServer()
    server.clock.advance(datetime(2026, 8, 21, 20, tzinfo=UTC).timestamp() - server.clock.time())
    server.start()
    yield server
    server.stop()


def call(mma: MmaServer, method: str, path: str = "", **options: Any) -> requests.Response:
    return requests.request(method, f"{mma.url}{PATH}{path}", **{"headers": TOKEN, "timeout": 10, **options})


def put(mma: MmaServer, **changes: Any) -> requests.Response:
    return call(mma, "PUT", json={**GOOD, **changes})


def configure(mma: MmaServer, route: str = "_config", **settings: Any) -> requests.Response:
    return requests.post(f"{mma.url}/{route}", json=settings, timeout=10)


# -- HTTP


def test_the_newer_answers(mma: MmaServer) -> None:
    assert put(mma).json() == {"status": "success", "data": {"id": 1}}
    assert put(mma, queue_name="ToO_two").json()["data"]["id"] == 2
    again = put(mma)
    assert (again.status_code, again.json()) == (400, {"status": "error", "message": EXISTS, "data": {}})
    assert [plan["queue_name"] for plan in requests.get(f"{mma.url}/_plans", timeout=10).json()] == [
        "ToO_one",
        "ToO_two",
    ]


def test_the_older_answers(mma: MmaServer) -> None:
    configure(mma, style="old")
    assert (put(mma).status_code, put(mma).status_code) == (200, 400)
    assert put(mma, queue_name="ToO_two").content == b""
    assert call(mma, "GET").json()["queued"][0] == GOOD
    assert call(mma, "GET", "/1").status_code == 405
    assert call(mma, "DELETE", "?queue_name=ToO_one").status_code == 200
    assert call(mma, "DELETE", "?queue_name=ToO_one").status_code == 400
    assert len(mma.plans) == 1


@pytest.mark.parametrize("header", ["", "Bearer " + DEMO_TOKEN, "token wrong", DEMO_TOKEN])
def test_the_token_is_checked(mma: MmaServer, header: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        assert call(mma, method, json=GOOD, headers={"Authorization": header}).status_code == 401
    configure(mma, check_token=False)
    assert call(mma, "PUT", json=GOOD, headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": []},
        {"targets": {}},
        {"queue_name": 1},
        {"queue_name": "one"},
        {"queue_type": "stack"},
        {"user": ""},
        {"validity_window_mjd": [61274.4, 61274.1]},
        {"validity_window_mjd": [61274.4]},
        {"validity_window_mjd": ["61274.1", 61274.4]},
        {"validity_window_mjd": [2461274.5, 2461274.9]},
        {"more": 1},
    ],
)
def test_plans_that_are_refused(mma: MmaServer, changes: JSON) -> None:
    answer = put(mma, **changes)
    assert (answer.status_code, answer.json()["message"]) == (400, BAD)
    assert mma.plans == []
    assert len(requests.get(f"{mma.url}/_refusals", timeout=10).json()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"ra": 360.0},
        {"ra": "15"},
        {"dec": -91},
        {"request_id": 3},
        {"field_id": 247.0},
        {"exposure_time": 0},
        {"exposure_time": 1.5},
        {"exposure_time": True},
        {"filter": ""},
        {"program_pi": "somebody"},
        {"weight": 0.5},
    ],
)
def test_targets_that_are_refused(mma: MmaServer, changes: JSON) -> None:
    targets = copy.deepcopy(GOOD["targets"])
    targets[1] |= changes
    assert put(mma, targets=targets).status_code == 400


def test_a_body_that_is_no_json(mma: MmaServer) -> None:
    for body in (b"", b"{", b"[]"):
        assert call(mma, "PUT", data=body).status_code == 400


def test_a_plan_in_time(mma: MmaServer) -> None:
    put(mma)

    def status() -> tuple[str, list[str]]:
        plan = call(mma, "GET", "/1").json()["data"]
        return plan["status"], [each["status"] for each in plan["observations"]]

    assert status() == ("pending", ["pending", "pending"])
    mma.clock.advance(6 * 3600 + 400)
    assert status() == ("processing", ["done", "processing"])
    mma.clock.advance(300)
    assert status() == ("done", ["done", "done"])


def test_a_plan_that_nobody_observes_is_missed(mma: MmaServer) -> None:
    configure(mma, observing=False)
    put(mma)
    mma.clock.advance(86400)
    assert call(mma, "GET", "/1").json()["data"]["status"] == "missed"


def test_a_plan_that_comes_too_late_is_missed(mma: MmaServer) -> None:
    mma.clock.advance(86400)
    put(mma)
    assert call(mma, "GET", "/1").json()["data"]["status"] == "missed"


def test_lists(mma: MmaServer) -> None:
    put(mma)
    put(mma, queue_name="ToO_two")
    configure(mma, force={"ToO_two": "failed"})
    assert len(call(mma, "GET").json()["data"]) == 2
    [failed] = call(mma, "GET", "?status=FAILED").json()["data"]
    assert (failed["queue_name"], failed["payload"]["queue_type"]) == ("ToO_two", "list")
    wrong = call(mma, "GET", "?status=lost")
    assert wrong.status_code == 400
    assert wrong.json()["message"] == "Status must be one of pending, processing, done, or failed"
    assert call(mma, "GET", "/9").json()["message"] == "Could not find observation plan with ID 9"
    both = call(mma, "GET", "/1?status=done").json()["message"]
    assert both == "Cannot specify both status and observation plan ID"


def test_settings_that_are_unknown(mma: MmaServer) -> None:
    assert configure(mma, speed=1).status_code == 400
    assert configure(mma, "_ssh", speed=1).status_code == 400


def test_other_paths_are_a_page(mma: MmaServer) -> None:
    answer = requests.get(f"{mma.url}/api/other", timeout=10)
    assert (answer.status_code, "404: Not Found" in answer.text) == (404, True)


def test_reset_forgets(mma: MmaServer) -> None:
    put(mma)
    configure(mma, style="old")
    requests.post(f"{mma.url}/_reset", timeout=10)
    assert mma.plans == []
    assert put(mma).json()["data"] == {"id": 1}
