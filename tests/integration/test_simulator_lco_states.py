"""What becomes of a submitted group: by itself as the clock moves, by the hook, by cancel, by the telescope's
reports (the card's "Cancel" and "Status"; the recorded life cycle)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.bodies import floyds, sinistro
from tests.contract.spoiling import day, put, window
from tests.integration.lco_simulator import RECORDED, RECORDED_SCENE, Client, running

JSON = dict[str, Any]
WEEK_S = 7 * 86_400


@pytest.fixture
def client() -> Iterator[Client]:
    with running() as started:
        yield started


@pytest.fixture
def living() -> Iterator[Client]:
    """A portal whose scheduler works by itself."""
    with running(auto_progress=True) as started:
        yield started


def a_body() -> JSON:
    """Acceptable, its window open from today."""
    made = sinistro(RECORDED_SCENE)
    window(lambda s: day(s, 0), lambda s: day(s, 6))(made, RECORDED_SCENE)
    return made


def two_requests() -> JSON:
    """A MANY of two."""
    made = a_body() | {"operator": "MANY"}
    made["requests"].append(deepcopy(made["requests"][0]))
    return made


def state_of(observation: JSON) -> tuple[str, list[str]]:
    """An observation's state and its configurations'."""
    return observation["state"], [status["state"] for status in observation["configuration_statuses"]]


# -- by itself


def test_a_group_lives_its_life_by_the_clock(living: Client) -> None:
    group = living.submit(a_body())
    assert living.observations(group) == []
    living.wait(400)
    [scheduled] = living.observations(group)
    assert state_of(scheduled) == ("PENDING", ["PENDING", "PENDING"])
    assert scheduled["configuration_statuses"][0]["summary"] == {}
    start, end = (datetime.fromisoformat(scheduled[edge]) for edge in ("start", "end"))
    assert (end - start).total_seconds() == group["requests"][0]["duration"]
    living.wait((start - RECORDED).total_seconds() - 400 + 1)
    [running_now] = living.observations(group)
    assert state_of(running_now) == ("IN_PROGRESS", ["ATTEMPTED", "ATTEMPTED"])
    assert living.states(group) == ("PENDING", ["PENDING"])
    living.wait((end - start).total_seconds())
    [done] = living.observations(group)
    assert state_of(done) == ("COMPLETED", ["COMPLETED", "COMPLETED"])
    assert done["configuration_statuses"][0]["summary"]["time_completed"] == 300.0
    assert living.states(group) == ("COMPLETED", ["COMPLETED"])


def test_it_is_scheduled_the_same_way_twice(living: Client) -> None:
    first, second = living.submit(a_body()), living.submit(a_body())
    living.wait(400)
    places = [
        {key: living.observations(group)[0][key] for key in ("site", "telescope", "start", "end")}
        for group in (first, second)
    ]
    assert places[0] == places[1]


def test_a_window_in_which_nobody_observes_expires(living: Client) -> None:
    living.config(idle_sites=["coj", "cpt", "elp", "lsc", "tfn"])
    group = living.submit(a_body())
    living.wait(5 * 86_400)
    assert living.states(group) == ("PENDING", ["PENDING"])
    living.wait(WEEK_S)
    assert living.states(group) == ("WINDOW_EXPIRED", ["WINDOW_EXPIRED"])
    assert living.observations(group) == []
    refused = living.cancel(group)
    assert refused.status_code == 400
    text = f"Cannot transition from request state WINDOW_EXPIRED to CANCELED for {group['id']}"
    assert refused.json() == {"errors": [text]}


def test_expiry_comes_some_minutes_late(client: Client) -> None:
    group = client.submit(a_body())
    client.wait((day(RECORDED_SCENE, 6) - RECORDED).total_seconds() + 60)
    assert client.states(group)[0] == "PENDING"
    client.wait(300)
    assert client.states(group)[0] == "WINDOW_EXPIRED"


def test_a_running_observation_outlives_the_cancel(living: Client) -> None:
    group = living.submit(a_body())
    living.wait(400)
    [scheduled] = living.observations(group)
    start = datetime.fromisoformat(scheduled["start"])
    living.wait((start - RECORDED).total_seconds() - 400 + 60)
    assert living.cancel(group).status_code == 200
    assert living.states(group) == ("CANCELED", ["CANCELED"])
    assert living.observations(group)[0]["state"] == "IN_PROGRESS"
    living.wait(3600)
    assert living.states(group) == ("COMPLETED", ["COMPLETED"])


# -- by the hook


def test_each_step_of_the_hook(client: Client) -> None:
    group = client.submit(a_body())
    for step, group_state, seen in (
        ("scheduled", "PENDING", ("PENDING", ["PENDING", "PENDING"])),
        ("in_progress", "PENDING", ("IN_PROGRESS", ["ATTEMPTED", "ATTEMPTED"])),
        ("failed_attempt", "PENDING", ("FAILED", ["FAILED", "NOT_ATTEMPTED"])),
        ("completed", "COMPLETED", ("COMPLETED", ["COMPLETED", "COMPLETED"])),
        ("back_to_pending", "PENDING", ("BAD_DATA", ["BAD_DATA", "BAD_DATA"])),
    ):
        assert client.advance(group, step).status_code == 200
        assert client.states(group) == (group_state, [group_state])
        assert state_of(client.observations(group)[-1]) == seen
    assert len(client.observations(group)) == 2
    [failed, _] = client.observations(group)
    summary = failed["configuration_statuses"][0]["summary"]
    assert (summary["reason"], summary["time_completed"]) == ("Telescope: weather", 0.0)


@pytest.mark.parametrize(
    ("step", "state"), [("expired", "WINDOW_EXPIRED"), ("failure_limit", "FAILURE_LIMIT_REACHED")]
)
def test_an_end_without_data_may_still_complete_late(client: Client, step: str, state: str) -> None:
    group = client.submit(a_body())
    client.advance(group, step)
    assert client.states(group) == (state, [state])
    assert client.cancel(group).json() == {
        "errors": [f"Cannot transition from request state {state} to CANCELED for {group['id']}"]
    }
    assert client.advance(group, "completed").status_code == 409
    assert client.advance(group, "late_completed").status_code == 200
    assert client.states(group) == ("COMPLETED", ["COMPLETED"])


def test_the_hook_refuses_what_cannot_follow(client: Client) -> None:
    group = client.submit(a_body())
    assert client.advance(group, "late_completed").status_code == 409
    assert client.advance(group, "back_to_pending").status_code == 409
    assert client.advance(group, "sideways").status_code == 400
    assert client.advance({"id": 7}, "completed").status_code == 404
    assert client.states(group) == ("PENDING", ["PENDING"])


def test_a_group_of_many_is_complete_when_all_are(client: Client) -> None:
    group = client.submit(two_requests())
    assert group["requests"][1]["id"] == group["requests"][0]["id"] + 1
    placed = client.place(group, RECORDED, RECORDED + timedelta(minutes=20))
    done = {
        "start": RECORDED.isoformat(),
        "end": (RECORDED + timedelta(minutes=9)).isoformat(),
        "state": "COMPLETED",
        "time_completed": 300.0,
    }
    for status in placed["configuration_statuses"]:
        client.report(status, "COMPLETED", done)
    assert client.states(group) == ("PENDING", ["COMPLETED", "PENDING"])
    assert client.cancel(group).status_code == 200
    assert client.states(group) == ("CANCELED", ["COMPLETED", "CANCELED"])


# -- cancel


def test_cancel_tells_stale_children_once_and_is_idempotent(client: Client) -> None:
    group = client.submit(a_body())
    first = client.cancel(group).json()
    assert (first["state"], first["requests"][0]["state"]) == ("CANCELED", "PENDING")
    assert client.states(group) == ("CANCELED", ["CANCELED"])
    again = client.cancel(group)
    assert again.status_code == 200
    assert again.json()["requests"][0]["state"] == "CANCELED"


def test_cancel_of_a_completed_group_is_refused(client: Client) -> None:
    group = client.submit(a_body())
    client.advance(group, "completed")
    refused = client.cancel(group)
    assert refused.status_code == 400
    assert refused.json() == {
        "errors": [f"Cannot transition from request state COMPLETED to CANCELED for {group['id']}"]
    }


@pytest.mark.parametrize(
    ("hours", "left"), [(-0.1, ["ABORTED"]), (2.0, ["CANCELED"]), (71.0, ["CANCELED"]), (80.0, [])]
)
def test_cancel_clears_the_schedule(client: Client, hours: float, left: list[str]) -> None:
    group = client.submit(a_body())
    start = RECORDED + timedelta(hours=hours)
    client.place(group, start, start + timedelta(minutes=20))
    client.cancel(group)
    assert [row["state"] for row in client.observations(group)] == left
    path = f"/api/requests/{group['requests'][0]['id']}/observations/?exclude_canceled=true"
    assert [row["state"] for row in client.call("GET", path).json()] == [s for s in left if s == "ABORTED"]


# -- the telescope's side, and the accounts


def test_the_recorded_life_cycle(client: Client) -> None:
    group = client.submit(a_body())
    placed = client.place(group, RECORDED + timedelta(minutes=30), RECORDED + timedelta(minutes=50))
    first, second = placed["configuration_statuses"]
    assert (first["instrument_name"], first["guide_camera_name"]) == ("fa08", "ag-fa08")
    client.report(first, "ATTEMPTED")
    assert state_of(client.observations(group)[0]) == ("IN_PROGRESS", ["ATTEMPTED", "PENDING"])
    failed = {
        "start": RECORDED.isoformat(),
        "end": RECORDED.isoformat(),
        "state": "FAILED",
        "time_completed": 0.0,
        "reason": "clouds",
    }
    client.report(first, "FAILED", failed)
    client.report(second, "NOT_ATTEMPTED")
    assert state_of(client.observations(group)[0]) == ("FAILED", ["FAILED", "NOT_ATTEMPTED"])
    assert client.states(group) == ("PENDING", ["PENDING"])
    again = client.place(group, RECORDED + timedelta(hours=2), RECORDED + timedelta(hours=3))
    done = failed | {"state": "COMPLETED", "time_completed": 300.0, "reason": ""}
    for status in again["configuration_statuses"]:
        client.report(status, "COMPLETED", done)
    assert client.states(group) == ("COMPLETED", ["COMPLETED"])
    found = client.call("GET", f"/api/observations/{client.observations(group)[1]['id']}/").json()
    assert (found["state"], found["request"]) == ("COMPLETED", group["requests"][0]["id"])


def test_enough_exposure_completes_a_request(client: Client) -> None:
    body = a_body()
    put("requests.0.acceptability_threshold", 50.0)(body, RECORDED_SCENE)
    group = client.submit(body)
    placed = client.place(group, RECORDED, RECORDED + timedelta(minutes=20))
    done = {
        "start": RECORDED.isoformat(),
        "end": (RECORDED + timedelta(minutes=9)).isoformat(),
        "state": "COMPLETED",
        "time_completed": 300.0,
    }
    client.report(placed["configuration_statuses"][0], "COMPLETED", done)
    assert client.states(group) == ("COMPLETED", ["COMPLETED"])


def test_time_is_charged_on_completion_only(client: Client) -> None:
    group = client.submit(floyds(RECORDED_SCENE))
    assert client.allocation(instrument="2M0-FLOYDS-SCICAM")["std_time_used"] == 0.0
    client.advance(group, "completed")
    used = client.allocation(instrument="2M0-FLOYDS-SCICAM")["std_time_used"]
    assert used == pytest.approx(group["requests"][0]["duration"] / 3600)


@pytest.mark.parametrize("step", ["expired", "failure_limit", "cancel"])
def test_ipp_time_is_debited_at_submission_and_given_back(client: Client, step: str) -> None:
    group = client.submit(a_body() | {"ipp_value": 1.5})
    hours = group["requests"][0]["duration"] / 3600
    assert client.allocation()["ipp_time_available"] == pytest.approx(5.0 - hours / 2)
    if step == "cancel":
        client.cancel(group)
    else:
        client.advance(group, step)
    assert client.allocation()["ipp_time_available"] == pytest.approx(5.0)


def test_a_low_ipp_value_is_credited_on_completion(client: Client) -> None:
    client.config(proposals={"TEST_PROPOSAL": {"ipp_limit": 6.0}})
    group = client.submit(a_body() | {"ipp_value": 0.5})
    assert client.allocation()["ipp_time_available"] == 3.0
    client.advance(group, "completed")
    assert client.allocation()["ipp_time_available"] == pytest.approx(
        3.0 + group["requests"][0]["duration"] / 7200
    )


def test_an_allocation_that_is_used_up(client: Client) -> None:
    client.config(proposals={"TEST_PROPOSAL": {"hours": 784 / 3600}})
    client.advance(client.submit(a_body()), "completed")
    refused = client.call("POST", "/api/requestgroups/", json=a_body())
    assert refused.status_code == 400
    assert refused.json() == {
        "non_field_errors": [
            "Proposal TEST_PROPOSAL does not have any NORMAL time left allocated in semester 2026B "
            "on 1M0-SCICAM-SINISTRO instruments"
        ]
    }
