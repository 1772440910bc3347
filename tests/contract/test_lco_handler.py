"""LCO's whole handler against the real Observation Portal: one call in, the portal's word in the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slew.handler import facility_handler
from lco.facility import LCO
from tests.contract.bodies import Scene
from tests.contract.lco_at_portal import NEEDED, point_at
from tests.contract.portal.server import CREATE_THROTTLE, Portal
from tests.support.calls import Client, Reply

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

JSON = dict[str, Any]
Trigger = Callable[..., Reply]
URL = "/facilities/lco"
BAD_TOKEN = "0" * 40
UNSEEN = "requests[0]: According to the constraints of the request, the target will not be visible"
TOO_SHORT = "requests[0]: According to the constraints of the request, the target will only be visible for"
NO_SEMESTER = "requests[0].windows[0]: The observation window does not fit within any defined semester."
BEHIND_THE_SUN = {"shift": 180}
NOW = {"start_date": None, "end_date": None}
RAPID = {"observation_mode": "RAPID_RESPONSE", **NOW}

REFUSED: list[tuple[str, JSON, str]] = [
    (
        "unknown proposal",
        {"proposal": "NO_SUCH"},
        'proposal: Invalid pk "NO_SUCH" - object does not exist.',
    ),
    (
        "somebody else's proposal",
        {"proposal": "TEST_FOREIGN"},
        "You do not belong to the proposal you are trying to submit with",
    ),
    (
        "inactive proposal",
        {"proposal": "TEST_INACTIVE"},
        "The proposal you are trying to submit with is currently inactive",
    ),
    (
        "no time on the instrument",
        {"proposal": "TEST_NOTIME"},
        "You do not have sufficient NORMAL time allocated on the instrument you're requesting",
    ),
    (
        "no RAPID_RESPONSE time",
        {"proposal": "TEST_NOTIME", "payload": RAPID},
        "You do not have sufficient RAPID_RESPONSE time allocated",
    ),
    (
        "no TIME_CRITICAL time",
        {"proposal": "TEST_NOTIME", "payload": {"observation_mode": "TIME_CRITICAL"}},
        "You do not have sufficient TIME_CRITICAL time allocated",
    ),
    (
        "too little time",
        {"proposal": "TEST_SMALL", "payload": {"exposure_time": 300, "exposure_counts": 12}},
        "Proposal TEST_SMALL does not have enough NORMAL time allocated in semester",
    ),
    (
        "too little IPP time",
        {"proposal": "TEST_SMALL", "payload": {"exposure_time": 300, "priority": 2}},
        "An IPP Value of 2.0 requires more IPP time than you have available",
    ),
    (
        "the member's own limit",
        {"proposal": "TEST_LIMITED", "payload": {"exposure_time": 300}},
        "This request's duration will exceed the time limit set for your account on this proposal.",
    ),
    ("bad token", {"token": BAD_TOKEN}, "facility refused the credentials (Invalid token.)"),
    ("behind the Sun", {"target": BEHIND_THE_SUN}, UNSEEN),
    ("behind the Sun, MuSCAT", {"instrument": "muscat", "target": BEHIND_THE_SUN}, UNSEEN),
    ("behind the Sun, FLOYDS", {"instrument": "floyds", "target": BEHIND_THE_SUN}, UNSEEN),
    ("behind the Sun, at once", {"target": BEHIND_THE_SUN, "payload": RAPID}, UNSEEN),
    ("beyond the sites' reach", {"instrument": "muscat", "target": {"dec": 89.0}}, UNSEEN),
    ("airmass 1", {"payload": {"maximum_airmass": 1}}, UNSEEN),
    ("180 deg from the Moon", {"payload": {"minimum_lunar_distance": 180}}, UNSEEN),
    ("one exposure of 12 h", {"payload": {"exposure_time": 43200}}, TOO_SHORT),
    ("500 exposures", {"payload": {"exposure_time": 300, "exposure_counts": 500}}, TOO_SHORT),
    (
        "a channel of 12 h",
        {"instrument": "muscat", "payload": {"exposure_time_z": 43200}},
        TOO_SHORT,
    ),
    ("beyond every semester", {"window": "late"}, NO_SEMESTER),
    ("across the semester's end", {"window": "across"}, NO_SEMESTER),
]


@pytest.fixture
def call(embedded_aws: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Client:
    point_at(portal, monkeypatch)
    # Visibility takes the portal seconds.
    return Client(facility_handler(LCO()), remaining_s=90.0)


@pytest.fixture
def trigger(call: Client, portal: Portal, scene: Scene) -> Trigger:
    """Submits at the shared portal; see `_trigger`."""

    def submit(*, proposal: str = portal.proposal, token: str = portal.token, **case: Any) -> Reply:
        return _trigger(call, scene, proposal, token, **case)

    return submit


def _trigger(
    call: Client,
    scene: Scene,
    proposal: str,
    token: str,
    *,
    instrument: str = "sinistro",
    payload: JSON | None = None,
    target: JSON | None = None,
    window: str = "",
    query: str = "",
) -> Reply:
    """Submit with an allocation of its own; `shift` is added to the target's right ascension, deg."""
    altdata = {"PROPOSAL_ID": proposal, "API_TOKEN": token}
    made = call("POST", f"{URL}/allocations", {"pi": "PI", "group": "transients", "altdata": altdata})
    assert made.status == 201, made.text
    where = {"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec, **(target or {})}
    where["ra"] = (where["ra"] + where.pop("shift", 0)) % 360
    start, end = _window(scene, window)
    dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    body = {
        "allocation_id": made.json["id"],
        "instrument": instrument,
        "target": where,
        "payload": {"exposure_time": 60.0, **dates, **NEEDED[instrument], **(payload or {})},
    }
    return call("POST", f"{URL}/requests{query}", body)


def _window(scene: Scene, kind: str) -> tuple[datetime, datetime]:
    if kind == "across":
        return scene.semester_end - timedelta(days=3), scene.semester_end + timedelta(days=3)
    if kind == "late":
        return scene.start + timedelta(days=3650), scene.end + timedelta(days=3650)
    return scene.start, scene.end


@pytest.mark.parametrize(("case", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_refusal_is_told_in_the_portals_words(
    call: Client, trigger: Trigger, case: JSON, words: str
) -> None:
    reply = trigger(**case)
    assert reply.status == 201, reply.text
    view = reply.json
    assert view["status"] == "rejected"
    assert view["status_text"].startswith("rejected: ")
    assert words in view["status_text"]
    assert view["status_text"] == f"rejected: {view['reason']}"
    assert view["facility_request_id"] is None
    assert [event["to"] for event in view["history"] if event["kind"] == "status"] == [
        "submitting",
        "rejected",
    ]
    assert case.get("token", Portal.token) not in reply.text
    assert call("GET", f"{URL}/requests/{view['id']}").json["status_text"] == view["status_text"]


@pytest.mark.parametrize("instrument", NEEDED)
@pytest.mark.parametrize("payload", [{}, RAPID], ids=["queued", "at once"])
def test_accepted_and_cancelled(
    call: Client, trigger: Trigger, portal: Portal, instrument: str, payload: JSON
) -> None:
    reply = trigger(instrument=instrument, payload=payload)
    assert reply.status == 201, reply.text
    view = reply.json
    assert (view["status"], view["status_text"]) == ("submitted", "submitted: PENDING")
    group_id = int(view["facility_request_id"])
    group = portal.group(group_id)
    assert group["state"] == "PENDING"
    assert group["requests"][0]["observation_note"] == view["id"]
    assert view["facility_data"]["request_ids"] == [group["requests"][0]["id"]]
    gone = call("DELETE", f"{URL}/requests/{view['id']}")
    assert (gone.status, gone.json["status"]) == (200, "cancelled")
    assert portal.group(group_id)["state"] == "CANCELED"


def test_updated(call: Client, trigger: Trigger, portal: Portal) -> None:
    before = trigger().json
    body = {"payload": {**before["payload"], "observation_choices": ["ip"]}}
    reply = call("PUT", f"{URL}/requests/{before['id']}", body)
    assert reply.status == 200, reply.text
    assert reply.json["status"] == "submitted"
    assert portal.group(int(before["facility_request_id"]))["state"] == "CANCELED"
    (kept,) = portal.group(int(reply.json["facility_request_id"]))["requests"][0]["configurations"]
    assert kept["instrument_configs"][0]["optical_elements"] == {"filter": "ip"}
    hopeless = {"payload": {**before["payload"], "maximum_airmass": 1}}
    refused = call("PUT", f"{URL}/requests/{before['id']}", hopeless)
    assert refused.status == 409
    assert "the target will not be visible" in refused.json["detail"]
    assert portal.group(int(reply.json["facility_request_id"]))["state"] == "PENDING"


def test_an_update_that_is_throttled_at_its_last_step_waits(
    call: Client, start_portal: Callable[..., Portal], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = start_portal({CREATE_THROTTLE: "1/day"})
    point_at(own, monkeypatch)
    before = _trigger(call, scene, own.proposal, own.token).json
    assert before["status"] == "submitted"
    body = {"payload": {**before["payload"], "observation_choices": ["ip"]}}
    reply = call("PUT", f"{URL}/requests/{before['id']}", body)
    view = reply.json
    assert view["status"] == "pending", view
    assert "throttled" in view["reason"]
    assert f"the former requestgroup {before['facility_request_id']} is cancelled" in view["reason"]
    assert view["payload"]["observation_choices"] == ["ip"]
    assert view["facility_request_id"] is None
    wait = datetime.fromisoformat(view["next_attempt_at"]) - datetime.now(UTC)
    assert timedelta(hours=20) < wait <= timedelta(hours=24)
    assert own.group(int(before["facility_request_id"]))["state"] == "CANCELED"


def test_a_dry_run_asks_the_portal(trigger: Trigger, portal: Portal) -> None:
    def stored() -> int:
        since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        count: int = portal.call("GET", f"/api/requestgroups/?created_after={since}").json()["count"]
        return count

    before = stored()
    accepted = trigger(query="?dry_run=facility")
    assert accepted.status == 200, accepted.text
    verdict = accepted.json["facility_verdict"]
    assert (verdict["accepted"], verdict["reason"]) == (True, None)
    assert verdict["details"]["request_durations"]["duration"] > 0
    assert accepted.json["requests"][0]["body"]["proposal"] == portal.proposal
    assert portal.token not in accepted.text
    refused = trigger(payload={"maximum_airmass": 1}, query="?dry_run=facility")
    assert refused.status == 200, refused.text
    assert refused.json["facility_verdict"]["accepted"] is False
    assert UNSEEN in refused.json["facility_verdict"]["reason"]
    assert stored() == before
