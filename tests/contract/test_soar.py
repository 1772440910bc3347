"""SOAR against the real Observation Portal: every instrument and mode it lists, followed to every end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from slew.errors import Rejected
from slew.facility import Absent, Order, Submission
from slew.observation_portal import SETTLING
from slew.status import Status
from tests.contract.bodies import Scene
from tests.contract.portal.server import Portal, Scheduled
from tests.contract.soar_at_portal import OURS, PREFIX, TELESCOPES, listed, order_at, point_at
from tests.lco_orders import body_of, link
from tests.soar_orders import FACILITY, NEEDED

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

JSON = dict[str, Any]
Make = Callable[..., Order[Any, Any]]
RAPID = {"observation_mode": "RAPID_RESPONSE", "start_date": None, "end_date": None}
LISTED = list(listed())
OPTIONS: list[tuple[str, JSON]] = [
    ("ghts", {"include_calibrations": True}),
    ("ghts", {"include_calibrations": True, "include_lamp_flats": True, "maximum_airmass": 3}),
    ("ghts", {"include_calibrations": True, "instrument_type": "SOAR_GHTS_BLUECAM"}),
    ("ghts", {"instrument_mode": ["GHTS_R_400m1_2x2", "GHTS_R_400m2_2x2"], "include_calibrations": True}),
    *((name, {"rotator_angle": angle}) for name in NEEDED for angle in (0, 360)),
    *(("ghts_imager", {"defocus": edge}) for edge in (-5, 5)),
    *((name, {"observation_mode": "TIME_CRITICAL"}) for name in NEEDED),
    *((name, RAPID) for name in NEEDED),
    *((name, {"start_date": None, "end_date": None}) for name in NEEDED),
    ("triplespec", {"exposure_time": 0, "exposure_counts": 2, "maximum_airmass": 3, "priority": 0.5}),
    ("ghts", {"priority": 2.0, "minimum_lunar_distance": 0}),
    (
        "ghts_imager",
        {"max_lunar_phase": 1.0, "acceptability_threshold": 80, "optimization_type": "AIRMASS"}
        | {"configuration_repeats": 2, "observation_note": "Cerro Pachón"},
    ),
]


def _label(case: Any) -> str:
    return json.dumps(case) if isinstance(case, dict) else str(case)


@pytest.fixture(autouse=True)
def at_portal(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(portal, monkeypatch)


@pytest.fixture
def make(portal: Portal, scene: Scene) -> Make:
    """Makes orders that the portal accepts now."""
    return partial(order_at, portal, scene)


def submitted(wanted: Order[Any, Any]) -> tuple[Order[Any, Any], Submission]:
    """Prepare and submit; the order as it is from then on."""
    way = link()
    submission = FACILITY.submit(wanted, FACILITY.prepare(wanted, way), way)
    known = replace(
        wanted,
        facility_request_id=submission.facility_request_id,
        facility_data=submission.data,
        status=submission.status,
    )
    return known, submission


def group_of(portal: Portal, wanted: Order[Any, Any]) -> JSON:
    """The group as the portal has it."""
    return portal.group(int(wanted.facility_request_id or 0))


def scheduled(portal: Portal, wanted: Order[Any, Any]) -> Scheduled:
    """Placed by the scheduler."""
    return portal.schedule_group(group_of(portal, wanted), TELESCOPES[wanted.payload.instrument_type])


def test_all_that_the_portal_lists_is_tried(portal: Portal) -> None:
    rows = portal.call("GET", "/api/instruments/").json()
    there = {
        (code, "") if row["optical_elements"] else (code, mode["code"])
        for code, row in rows.items()
        if code.startswith(PREFIX)
        for mode in row["modes"]["readout"]["modes"]
    }
    tried = {
        (payload.get("instrument_type", "SOAR_TRIPLESPEC"), payload.get("instrument_mode", ""))
        for _, payload in LISTED
    }
    assert tried == there
    assert {code for code, _ in there} == set(OURS) == set(TELESCOPES)


@pytest.mark.parametrize(("instrument", "payload"), [*LISTED, *OPTIONS], ids=_label)
def test_every_instrument_and_mode_is_accepted(
    make: Make, portal: Portal, instrument: str, payload: JSON
) -> None:
    wanted, way = make(instrument, payload), link()
    prepared = FACILITY.prepare(wanted, way)
    verdict = FACILITY.validate(wanted, prepared, way)
    assert verdict.accepted, verdict.reason
    assert verdict.details["request_durations"]["duration"] > 0
    submission = FACILITY.submit(wanted, prepared, way)
    assert submission.status is Status.SUBMITTED
    group = portal.group(int(submission.facility_request_id or 0))
    assert submission.data == {"request_ids": [group["requests"][0]["id"]]}
    assert group["requests"][0]["observation_note"].split(" ")[0] == wanted.request_id
    kept = group["requests"][0]["configurations"]
    for sent, stored in zip(body_of(prepared)["requests"][0]["configurations"], kept, strict=True):
        assert _within(sent, stored), (sent, stored)


def _within(sent: Any, stored: Any) -> bool:
    """Whether the portal has kept all that was sent (it drops what it does not know without a word)."""
    if isinstance(sent, dict):
        return all(key in stored and _within(value, stored[key]) for key, value in sent.items())
    if isinstance(sent, list):
        return len(sent) == len(stored) and all(map(_within, sent, stored))
    return bool(sent == stored)


@pytest.mark.parametrize("instrument", NEEDED)
def test_a_moving_target_is_accepted(make: Make, portal: Portal, instrument: str) -> None:
    motion = {"proper_motion_ra": -801.6, "proper_motion_dec": 10362.4, "parallax": 547.5, "epoch": 2015.5}
    wanted, _ = submitted(make(instrument, motion=motion))
    for configuration in group_of(portal, wanted)["requests"][0]["configurations"]:
        assert _within(motion, configuration["target"])


@pytest.mark.parametrize("instrument_type", OURS)
def test_followed_to_completion(make: Make, portal: Portal, instrument_type: str) -> None:
    instrument = OURS[instrument_type]
    camera = {} if instrument == "triplespec" else {"instrument_type": instrument_type}
    filters = {"observation_choices": ["g-SDSS"]} if instrument == "ghts_imager" else {}
    wanted, _ = submitted(make(instrument, {**camera, **filters}))
    assert FACILITY.poll(wanted, link()).text == "PENDING"
    observation = scheduled(portal, wanted)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.IN_PROGRESS
    assert "PENDING; scheduled at sor.doma.4m0a" in progress.text
    portal.begin(observation)
    progress = FACILITY.poll(wanted, link())
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 1800)
    assert "in progress at sor" in progress.text
    portal.complete(observation, exposed_s=60.0)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.COMPLETE
    assert progress.text.startswith("COMPLETED")
    cancellation = FACILITY.cancel(wanted, link())
    assert (cancellation.status, cancellation.text) == (Status.COMPLETE, "COMPLETED")
    assert "Cannot transition" in cancellation.reason


def test_completed_is_taken_back_when_the_data_are_bad(make: Make, portal: Portal) -> None:
    wanted, _ = submitted(make("triplespec"))
    observation = scheduled(portal, wanted)
    portal.begin(observation)
    portal.complete(observation, exposed_s=60.0)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.COMPLETE
    portal.set_configuration_status(observation.status_ids[0], "BAD_DATA")
    progress = FACILITY.poll(replace(wanted, facility_data=progress.data), link())
    assert (progress.status, progress.data["ended"]) == (Status.SUBMITTED, None)
    assert progress.text.startswith("PENDING; 1 failed attempt")
    assert FACILITY.cancel(wanted, link()).status is Status.CANCELLED


def test_a_failed_night_is_followed_by_another_until_the_limit(make: Make, portal: Portal) -> None:
    wanted, _ = submitted(make(payload={"include_calibrations": True}))
    for attempt in range(1, 20):
        portal.fail(scheduled(portal, wanted), "Telescope: clouds")
        progress = FACILITY.poll(wanted, link())
        assert progress.data["failed_attempts"] == attempt
        if progress.status is not Status.SUBMITTED:
            break
        assert "Telescope: clouds" in progress.text
    assert (progress.status, progress.text) == (Status.FAILED, "FAILURE_LIMIT_REACHED")
    assert progress.reason == "Telescope: clouds"
    assert FACILITY.cancel(wanted, link()).status is Status.FAILED


def test_a_window_without_a_queue_night_expires(make: Make, portal: Portal) -> None:
    wanted, _ = submitted(make("ghts_imager"))
    telescope = TELESCOPES[wanted.payload.instrument_type]
    portal.expire_window(group_of(portal, wanted), telescope)
    progress = FACILITY.poll(wanted, link())
    assert (progress.status, progress.text) == (Status.EXPIRED, "WINDOW_EXPIRED")
    assert FACILITY.cancel(wanted, link()).status is Status.EXPIRED


def test_cancelled_while_waiting_scheduled_and_twice(make: Make, portal: Portal) -> None:
    waiting, _ = submitted(make("triplespec"))
    assert FACILITY.cancel(waiting, link()).status is Status.CANCELLED
    wanted, _ = submitted(make("triplespec"))
    scheduled(portal, wanted)
    for _ in range(2):
        cancellation = FACILITY.cancel(wanted, link())
        assert (cancellation.status, cancellation.text) == (Status.CANCELLED, "CANCELED")
    assert FACILITY.poll(wanted, link()).status is Status.CANCELLED


def test_cancelled_while_observed_can_still_complete(make: Make, portal: Portal) -> None:
    wanted, _ = submitted(make())
    observation = scheduled(portal, wanted)
    portal.begin(observation)
    assert FACILITY.cancel(wanted, link()).status is Status.CANCELLED
    progress = FACILITY.poll(wanted, link())
    assert (progress.status, progress.next_poll_s) == (Status.CANCELLED, 1800)
    portal.complete(observation, exposed_s=60.0)
    assert FACILITY.poll(replace(wanted, facility_data=progress.data), link()).status is Status.COMPLETE


def test_update_is_cancel_and_submit(make: Make, portal: Portal) -> None:
    wanted, submission = submitted(make())
    changed = make(
        payload={"instrument_mode": "GHTS_R_400m2_2x2"},
        request_id=wanted.request_id,
        facility_request_id=submission.facility_request_id,
    )
    way = link()
    second = FACILITY.update(changed, FACILITY.prepare(changed, way), way)
    assert second.facility_request_id != submission.facility_request_id
    assert group_of(portal, wanted)["state"] == "CANCELED"
    assert FACILITY.reconcile(changed, link()) == second
    hopeless = make(payload={"maximum_airmass": 1.0}, facility_request_id=second.facility_request_id)
    with pytest.raises(Rejected, match=r"no SOAR queue night in the window\) \(nothing was changed\)"):
        FACILITY.update(hopeless, FACILITY.prepare(hopeless, way), way)
    assert portal.group(int(second.facility_request_id or 0))["state"] == "PENDING"


def test_reconciled_by_our_id(make: Make) -> None:
    wanted, submission = submitted(make(payload={"observation_note": "with a note"}))
    assert FACILITY.reconcile(replace(wanted, facility_request_id=None), link()) == submission
    absent = make()
    assert FACILITY.reconcile(absent, link()) is None
    assert FACILITY.reconcile(replace(absent, now=absent.now + SETTLING), link()) == Absent()


def test_verified_by_the_profile(make: Make) -> None:
    verification = FACILITY.verify(make().altdata, link())
    assert verification.valid
    assert verification.details["username"] == "contract"
    foreign = FACILITY.verify(make(altdata={"PROPOSAL_ID": "TEST_FOREIGN"}).altdata, link())
    assert not foreign.valid
    refused = FACILITY.verify(make(altdata={"API_TOKEN": "0" * 40}).altdata, link())
    assert (refused.valid, refused.text) == (False, "facility refused the credentials (Invalid token.)")
