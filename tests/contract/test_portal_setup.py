"""The contract tests' portal is what it is said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.bodies import Base, Scene, body, sinistro
from tests.contract.conftest import FAILURE_LIMIT
from tests.contract.portal.configdb import instrument_types
from tests.contract.portal.seed import FIRST_IDS, real_semesters
from tests.contract.portal.server import (
    CANCEL_THROTTLE,
    CREATE_THROTTLE,
    FLOYDS_AT_OGG,
    MUSCAT_AT_OGG,
    SINISTRO_AT_LSC,
    Portal,
    Telescope,
)

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]


def submitted(portal: Portal, scene: Scene, base: Base = "sinistro") -> dict[str, Any]:
    answer = portal.submit(body(base, scene))
    assert answer.status_code == 201, answer.text
    group: dict[str, Any] = answer.json()
    return group


def states(portal: Portal, group_id: int) -> tuple[str, str]:
    group = portal.group(group_id)
    return group["state"], group["requests"][0]["state"]


def test_lists_the_instruments(portal: Portal) -> None:
    listed = portal.call("GET", "/api/instruments/", None).json()
    assert set(listed) == set(instrument_types())
    assert len(listed) == 11
    sinistro_modes = listed["1M0-SCICAM-SINISTRO"]["modes"]["readout"]
    assert sinistro_modes["default"] == "full_frame"
    assert [mode["code"] for mode in sinistro_modes["modes"]] == ["full_frame", "central_2k_2x2"]
    assert "narrowband_g_positions" in listed["2M0-SCICAM-MUSCAT"]["optical_elements"]


@pytest.mark.parametrize("base", ["sinistro", "muscat", "floyds", "soar"])
def test_accepts_a_body_of_each_instrument(portal: Portal, scene: Scene, base: Base) -> None:
    validated = portal.validate(body(base, scene))
    assert validated.status_code == 200
    assert validated.json()["errors"] == {}
    group = submitted(portal, scene, base)
    assert group["state"] == "PENDING"
    assert validated.json()["request_durations"]["duration"] == group["requests"][0]["duration"]


def test_ids_are_of_series_far_apart(portal: Portal, scene: Scene) -> None:
    group = submitted(portal, scene)
    request = group["requests"][0]
    scheduled = portal.schedule_group(group)
    given = (group["id"], request["id"], request["configurations"][0]["id"], scheduled.observation_id)
    for identifier, first in zip(given, FIRST_IDS.values(), strict=True):
        assert first <= identifier < first + 100_000
    not_there = portal.call("GET", f"/api/requestgroups/{request['id']}/")
    assert not_there.status_code == 404


def test_reset_gives_the_first_ids_again(start_portal: Callable[..., Portal], scene: Scene) -> None:
    own = start_portal()
    assert submitted(own, scene)["id"] == FIRST_IDS["requestgroups_requestgroup"]
    assert submitted(own, scene)["id"] == FIRST_IDS["requestgroups_requestgroup"] + 1
    url = own.url
    own.reset()
    assert own.url == url
    assert submitted(own, scene)["id"] == FIRST_IDS["requestgroups_requestgroup"]


@pytest.mark.parametrize(
    ("proposal", "told"),
    [
        ("TEST_PROPOSAL", None),
        ("TEST_SMALL", None),
        ("TEST_FOREIGN", "You do not belong to the proposal"),
        ("TEST_INACTIVE", "is currently inactive"),
        ("TEST_NOTIME", "You do not have sufficient NORMAL time"),
        ("TEST_LIMITED", "will exceed the time limit set for your account"),
    ],
)
def test_each_proposal_behaves(portal: Portal, scene: Scene, proposal: str, told: str | None) -> None:
    answer = portal.submit(sinistro(replace(scene, proposal=proposal), filters=("gp",)))
    if told is None:
        assert answer.status_code == 201
        assert answer.json()["proposal"] == proposal
    else:
        assert answer.status_code == 400
        assert told in answer.json()["non_field_errors"][0]


def test_the_outsider_owns_the_foreign_proposal_and_sees_no_other(portal: Portal, scene: Scene) -> None:
    profile = portal.call("GET", "/api/profile/", portal.outsider_token).json()
    assert [proposal["id"] for proposal in profile["proposals"]] == ["TEST_FOREIGN"]
    group = submitted(portal, scene)
    path = f"/api/requestgroups/{group['id']}/"
    assert portal.call("GET", path, portal.outsider_token).status_code == 404
    assert portal.call("GET", path).status_code == 200


@pytest.mark.parametrize(
    ("base", "telescope"),
    [("sinistro", SINISTRO_AT_LSC), ("muscat", MUSCAT_AT_OGG), ("floyds", FLOYDS_AT_OGG)],
)
def test_pending_to_completed(portal: Portal, scene: Scene, base: Base, telescope: Telescope) -> None:
    group = submitted(portal, scene, base)
    request_id = group["requests"][0]["id"]
    assert portal.observations(request_id) == []
    observation = portal.schedule_group(group, telescope)
    assert [entry["state"] for entry in portal.observations(request_id)] == ["PENDING"]
    assert states(portal, group["id"]) == ("PENDING", "PENDING")
    portal.begin(observation)
    assert [entry["state"] for entry in portal.observations(request_id)] == ["IN_PROGRESS"]
    portal.complete(observation)
    assert [entry["state"] for entry in portal.observations(request_id)] == ["COMPLETED"]
    assert states(portal, group["id"]) == ("COMPLETED", "COMPLETED")
    refused = portal.cancel(group["id"])
    assert refused.status_code == 400
    assert refused.json() == {
        "errors": [f"Cannot transition from request state COMPLETED to CANCELED for {group['id']}"]
    }


def test_pending_to_window_expired(portal: Portal, scene: Scene) -> None:
    group = submitted(portal, scene)
    portal.expire_window(group)
    assert states(portal, group["id"]) == ("WINDOW_EXPIRED", "WINDOW_EXPIRED")
    assert portal.cancel(group["id"]).status_code == 400


def test_pending_until_the_failure_limit_is_reached(portal: Portal, scene: Scene) -> None:
    group = submitted(portal, scene)
    for failures in range(1, FAILURE_LIMIT + 1):
        assert states(portal, group["id"]) == ("PENDING", "PENDING")
        portal.fail(portal.schedule_group(group), "clouds")
        observed = portal.observations(group["requests"][0]["id"])
        assert [entry["state"] for entry in observed] == ["FAILED"] * failures
    assert states(portal, group["id"]) == ("FAILURE_LIMIT_REACHED", "FAILURE_LIMIT_REACHED")
    assert observed[-1]["configuration_statuses"][0]["summary"]["reason"] == "clouds"


def test_pending_to_canceled(portal: Portal, scene: Scene) -> None:
    group = submitted(portal, scene)
    observation = portal.schedule_group(group)
    answer = portal.cancel(group["id"])
    assert answer.status_code == 200
    assert answer.json()["state"] == "CANCELED"
    assert states(portal, group["id"]) == ("CANCELED", "CANCELED")
    # Scheduled more than 72 hours ahead, the observation is deleted rather than cancelled.
    assert observation.start > datetime.now(UTC) + timedelta(hours=72)
    assert portal.observations(group["requests"][0]["id"]) == []
    assert portal.cancel(group["id"]).status_code == 200


def test_throttles_submissions_and_cancellations(start_portal: Callable[..., Portal], scene: Scene) -> None:
    own = start_portal({CREATE_THROTTLE: "2/day", CANCEL_THROTTLE: "1/day"})
    group = submitted(own, scene)
    submitted(own, scene)
    throttled = own.submit(body("sinistro", scene))
    assert throttled.status_code == 429
    assert throttled.json()["detail"].startswith("Request was throttled. Expected available in ")
    assert 0 < int(throttled.headers["Retry-After"]) <= 86400
    assert own.cancel(group["id"]).status_code == 200
    assert own.cancel(group["id"]).status_code == 429
    assert own.group(group["id"])["state"] == "CANCELED"


def test_real_semesters(start_portal: Callable[..., Portal], scene: Scene) -> None:
    own = start_portal(semesters=real_semesters)
    current, following = own.semesters
    listed = own.call("GET", "/api/semesters/", None).json()["results"]
    assert {semester["id"] for semester in listed} == {current.id, following.id}
    across = replace(scene, start=current.end - timedelta(days=3), end=current.end + timedelta(days=3))
    refused = own.submit(body("sinistro", across))
    assert refused.status_code == 400
    assert "does not fit within any defined semester" in refused.text


def test_without_configdb_the_instrument_list_is_empty(
    start_portal: Callable[..., Portal], scene: Scene
) -> None:
    own = start_portal()
    own.configdb.unreachable = True
    own.restart(wait_for_instruments=False)
    assert own.call("GET", "/api/instruments/").json() == {}
    refused = own.submit(body("sinistro", scene))
    assert refused.status_code == 400
    assert 'Valid instruments may include: "]' in refused.text


def test_downtime_of_all_telescopes_hides_the_target(
    start_portal: Callable[..., Portal], scene: Scene
) -> None:
    own = start_portal()
    own.configdb.close_telescopes("1m0", scene.start - timedelta(days=1), scene.end + timedelta(days=1))
    own.restart()
    refused = own.submit(body("sinistro", scene))
    assert refused.status_code == 400
    assert "the target will not be visible within the time window" in refused.text
    assert own.submit(body("muscat", scene)).status_code == 201
