"""LCO against the real Observation Portal: what we build is accepted, what it says is understood."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, get_args

import pytest

from lco.models import CHANNELS, FilterCode
from slew import portal_listing
from slew.errors import Rejected
from slew.facility import Absent, Link, Order, Submission
from slew.observation_portal import SETTLING
from slew.status import Status
from tests.contract.bodies import Scene
from tests.contract.lco_at_portal import NEEDED, TELESCOPES, order_at, point_at
from tests.contract.portal.server import Portal
from tests.lco_orders import FACILITY, body_of, link, order

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

JSON = dict[str, Any]
MODES: list[tuple[str, JSON]] = [
    *(("sinistro", {"observation_choices": [code]}) for code in get_args(FilterCode)),
    ("sinistro", {"observation_choices": ["gp", "rp", "ip", "zs", "Y"]}),
    *(("sinistro", {"readout_mode": mode}) for mode in ("full_frame", "central_2k_2x2")),
    *(("muscat", {"readout_mode": mode}) for mode in ("MUSCAT_FAST", "MUSCAT_SLOW")),
    *(("muscat", {"exposure_mode": mode}) for mode in ("SYNCHRONOUS", "ASYNCHRONOUS")),
    *(("muscat", {f"narrowband_{channel}_position": "in"}) for channel in CHANNELS),
    ("muscat", {f"exposure_time_{channel}": 10.0 * n for n, channel in enumerate(CHANNELS, 1)}),
    *(("floyds", {"slit": f"slit_{width}as"}) for width in ("1.2", "1.6", "2.0", "6.0")),
    ("floyds", {"acquisition_mode": "WCS"}),
    ("floyds", {"acquisition_mode": "BRIGHTEST", "acquire_radius": 5.0}),
    ("floyds", {"rotator_mode": "VFLOAT"}),
    ("floyds", {"rotator_mode": "SKY", "rotator_angle": 45.0}),
    *((instrument, {"guiding_mode": mode}) for instrument, mode in itertools.product(NEEDED, ("ON", "OFF"))),
    *(
        (name, {"defocus": edge})
        for name, limit in (("sinistro", 5), ("floyds", 5), ("muscat", 8))
        for edge in (-limit, limit)
    ),
    *((name, {"dither_offsets": [{"ra": 0, "dec": 0}, {"ra": -20, "dec": 15}]}) for name in NEEDED),
    (
        "floyds",
        {
            "dither_offsets": [{"ra": 0, "dec": 0}, {"ra": 0, "dec": 10}],
            "rotator_mode": "SKY",
            "rotator_angle": 90,
            "defocus": 1,
        },
    ),
    *((name, {"observation_mode": "TIME_CRITICAL"}) for name in NEEDED),
    *(
        (name, {"observation_mode": "RAPID_RESPONSE", "start_date": None, "end_date": None})
        for name in NEEDED
    ),
    ("sinistro", {"start_date": None, "end_date": None}),
    ("sinistro", {"exposure_time": 0, "exposure_counts": 2, "maximum_airmass": 3, "priority": 0.5}),
    ("sinistro", {"priority": 2.0, "minimum_lunar_distance": 0}),
    (
        "sinistro",
        {
            "max_lunar_phase": 1.0,
            "acceptability_threshold": 80,
            "optimization_type": "AIRMASS",
            "configuration_repeats": 2,
            "observation_note": "héliométrie: α Cen? no",
        },
    ),
]


def _label(case: Any) -> str:
    return json.dumps(case, ensure_ascii=True) if isinstance(case, dict) else str(case)


@pytest.fixture(autouse=True)
def at_portal(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(portal, monkeypatch)


@pytest.fixture
def make(portal: Portal, scene: Scene) -> Callable[..., Order[Any, Any]]:
    """Makes orders that the portal accepts now."""
    return partial(order_at, portal, scene)


def submitted(wanted: Order[Any, Any], way: Link | None = None) -> tuple[Order[Any, Any], Submission]:
    """Prepare and submit; the order as it is from then on."""
    way = way or link()
    submission = FACILITY.submit(wanted, FACILITY.prepare(wanted, way), way)
    known = replace(
        wanted,
        facility_request_id=submission.facility_request_id,
        facility_data=submission.data,
        status=submission.status,
    )
    return known, submission


@pytest.mark.parametrize(("instrument", "payload"), MODES, ids=_label)
def test_every_mode_is_accepted(
    make: Callable[..., Order[Any, Any]], portal: Portal, instrument: str, payload: JSON
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


@pytest.mark.parametrize("instrument", NEEDED)
@pytest.mark.parametrize(
    "motion",
    [
        {"proper_motion_ra": -801.6, "proper_motion_dec": 10362.4, "parallax": 547.5, "epoch": 2015.5},
        {"proper_motion_ra": 20000, "proper_motion_dec": -20000, "parallax": 2000, "epoch": 2100},
        {"proper_motion_ra": 0, "proper_motion_dec": 0, "parallax": 0, "epoch": 1950},
    ],
    ids=_label,
)
def test_a_moving_target_is_accepted(
    make: Callable[..., Order[Any, Any]], portal: Portal, instrument: str, motion: JSON
) -> None:
    _, submission = submitted(make(instrument, motion=motion))
    group = portal.group(int(submission.facility_request_id or 0))
    for configuration in group["requests"][0]["configurations"]:
        assert _within(motion, configuration["target"])


def _within(sent: Any, stored: Any) -> bool:
    """Whether the portal has kept all that was sent (it drops what it does not know without a word)."""
    if isinstance(sent, dict):
        return all(key in stored and _within(value, stored[key]) for key, value in sent.items())
    if isinstance(sent, list):
        return len(sent) == len(stored) and all(map(_within, sent, stored))
    return bool(sent == stored)


@pytest.mark.parametrize("instrument", TELESCOPES)
def test_followed_to_completion(
    make: Callable[..., Order[Any, Any]], portal: Portal, instrument: str
) -> None:
    wanted, submission = submitted(make(instrument))
    progress = FACILITY.poll(wanted, link())
    assert (progress.status, progress.text) == (Status.SUBMITTED, "PENDING")
    group = portal.group(int(submission.facility_request_id or 0))
    telescope = TELESCOPES[instrument]
    observation = portal.schedule_group(group, telescope)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.IN_PROGRESS
    assert f"scheduled at {telescope.site}.{telescope.enclosure}.{telescope.telescope}" in progress.text
    portal.begin(observation)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.IN_PROGRESS
    assert "in progress at" in progress.text
    portal.complete(observation, exposed_s=60.0)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.COMPLETE
    assert progress.text.startswith("COMPLETED")
    assert progress.next_poll_s is not None
    cancellation = FACILITY.cancel(wanted, link())
    assert (cancellation.status, cancellation.text) == (Status.COMPLETE, "COMPLETED")
    assert "Cannot transition" in cancellation.reason


def test_completed_is_taken_back_when_the_data_are_bad(
    make: Callable[..., Order[Any, Any]], portal: Portal
) -> None:
    wanted, submission = submitted(make())
    observation = portal.schedule_group(portal.group(int(submission.facility_request_id or 0)))
    portal.begin(observation)
    portal.complete(observation, exposed_s=60.0)
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.COMPLETE
    assert progress.data["ended"]
    portal.set_configuration_status(observation.status_ids[0], "BAD_DATA")
    progress = FACILITY.poll(replace(wanted, facility_data=progress.data), link())
    assert progress.status is Status.SUBMITTED
    assert progress.text.startswith("PENDING; 1 failed attempt")
    assert (progress.data["failed_attempts"], progress.data["ended"]) == (1, None)
    assert FACILITY.cancel(wanted, link()).status is Status.CANCELLED


def test_failed_attempts_and_the_failure_limit(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    wanted, submission = submitted(make())
    group = portal.group(int(submission.facility_request_id or 0))
    for attempt in range(1, 20):
        portal.fail(portal.schedule_group(group), "Telescope: weather")
        progress = FACILITY.poll(wanted, link())
        assert progress.data["failed_attempts"] == attempt
        if progress.status is not Status.SUBMITTED:
            break
        assert "Telescope: weather" in progress.text
    assert progress.status is Status.FAILED
    assert (progress.text, progress.reason) == ("FAILURE_LIMIT_REACHED", "Telescope: weather")
    assert FACILITY.cancel(wanted, link()).status is Status.FAILED


def test_expired_window(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    wanted, submission = submitted(make())
    portal.expire_window(portal.group(int(submission.facility_request_id or 0)))
    progress = FACILITY.poll(wanted, link())
    assert (progress.status, progress.text) == (Status.EXPIRED, "WINDOW_EXPIRED")
    cancellation = FACILITY.cancel(wanted, link())
    assert (cancellation.status, cancellation.text) == (Status.EXPIRED, "WINDOW_EXPIRED")


def test_cancelled_while_waiting_scheduled_and_twice(
    make: Callable[..., Order[Any, Any]], portal: Portal
) -> None:
    wanted, submission = submitted(make())
    portal.schedule_group(portal.group(int(submission.facility_request_id or 0)))
    for _ in range(2):
        cancellation = FACILITY.cancel(wanted, link())
        assert (cancellation.status, cancellation.text) == (Status.CANCELLED, "CANCELED")
    assert FACILITY.poll(wanted, link()).status is Status.CANCELLED


def test_cancelled_while_observed_can_still_complete(
    make: Callable[..., Order[Any, Any]], portal: Portal
) -> None:
    wanted, submission = submitted(make())
    observation = portal.schedule_group(portal.group(int(submission.facility_request_id or 0)))
    portal.begin(observation)
    assert FACILITY.cancel(wanted, link()).status is Status.CANCELLED
    progress = FACILITY.poll(wanted, link())
    assert progress.status is Status.CANCELLED
    assert progress.next_poll_s is not None
    assert progress.next_poll_s <= 600
    portal.complete(observation, exposed_s=60.0)
    assert FACILITY.poll(replace(wanted, facility_data=progress.data), link()).status is Status.COMPLETE


def test_update_is_cancel_and_submit(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    wanted, submission = submitted(make())
    changed = replace(make(payload={"observation_choices": ["ip"]}), request_id=wanted.request_id)
    changed = replace(changed, facility_request_id=submission.facility_request_id)
    way = link()
    second = FACILITY.update(changed, FACILITY.prepare(changed, way), way)
    assert second.facility_request_id != submission.facility_request_id
    assert portal.group(int(submission.facility_request_id or 0))["state"] == "CANCELED"
    (kept,) = portal.group(int(second.facility_request_id or 0))["requests"][0]["configurations"]
    assert kept["instrument_configs"][0]["optical_elements"] == {"filter": "ip"}
    # Both carry our id: reconciliation finds the new one.
    assert FACILITY.reconcile(changed, link()) == second


def test_update_that_is_refused_changes_nothing(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    wanted, submission = submitted(make())
    hopeless = replace(
        make(payload={"maximum_airmass": 1.0}), facility_request_id=submission.facility_request_id
    )
    way = link()
    with pytest.raises(Rejected, match="will not be visible"):
        FACILITY.update(hopeless, FACILITY.prepare(hopeless, way), way)
    assert portal.group(int(submission.facility_request_id or 0))["state"] == "PENDING"
    assert FACILITY.poll(wanted, link()).status is Status.SUBMITTED


def test_reconciled_by_our_id(make: Callable[..., Order[Any, Any]]) -> None:
    wanted, submission = submitted(make(payload={"observation_note": "with a note"}))
    assert FACILITY.reconcile(replace(wanted, facility_request_id=None), link()) == submission
    absent = make()
    assert FACILITY.reconcile(absent, link()) is None
    assert FACILITY.reconcile(replace(absent, now=absent.now + SETTLING), link()) == Absent()


def test_verified_by_the_profile(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    good = make().altdata
    verification = FACILITY.verify(good, link())
    assert verification.valid
    assert verification.details["username"] == "contract"
    foreign = FACILITY.verify(good.model_copy(update={"PROPOSAL_ID": "TEST_FOREIGN"}), link())
    assert not foreign.valid
    assert "not a member of proposal TEST_FOREIGN" in foreign.text
    unknown = order(altdata={"PROPOSAL_ID": portal.proposal, "API_TOKEN": "0" * 40}).altdata
    refused = FACILITY.verify(unknown, link())
    assert (refused.valid, refused.text) == (False, "facility refused the credentials (Invalid token.)")


def test_status_of_what_cannot_be_seen_is_kept(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    wanted, submission = submitted(make())
    child = submission.data["request_ids"][0]
    progress = FACILITY.poll(replace(wanted, facility_request_id=str(child)), link())
    assert progress.status is None
    assert "No RequestGroup matches the given query." in progress.text
    with pytest.raises(Rejected, match="No RequestGroup matches"):
        FACILITY.cancel(replace(wanted, facility_request_id=str(child)), link())


def test_what_the_listing_does_not_offer_is_not_sent(
    make: Callable[..., Order[Any, Any]], portal: Portal
) -> None:
    offer = portal_listing.offer(portal.url, "2M0-SCICAM-MUSCAT", link().http)
    assert offer is not None
    assert offer["exposure"] == {"SYNCHRONOUS", "ASYNCHRONOUS"}
    assert offer["narrowband_g_position"] == {"in", "out"}
    sinistro = portal_listing.offer(portal.url, "1M0-SCICAM-SINISTRO", link().http)
    assert sinistro is not None
    assert sinistro["filter"] == set(get_args(FilterCode))
    assert portal_listing.offer(portal.url, "2M0-SCICAM-SPECTRAL", link().http) is None


def test_the_portals_clock_and_ours(make: Callable[..., Order[Any, Any]], portal: Portal) -> None:
    """`created_after` is understood: nothing from before the order is looked at."""
    wanted, submission = submitted(make())
    later = replace(wanted, facility_request_id=None, created_at=wanted.created_at + timedelta(minutes=10))
    assert FACILITY.reconcile(later, link()) is None
    assert FACILITY.reconcile(replace(wanted, facility_request_id=None), link()) == submission
