"""What the real Observation Portal refuses of SOAR's, in its own words; through the whole handler too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from slew.handler import facility_handler
from slew import portal_listing
from slew.errors import Invalid, Rejected
from slew.facility import Order
from slew.portal_facility import UNCHECKED
from soar.facility import SOAR
from tests.contract.bodies import Scene
from tests.contract.portal.server import Portal
from tests.contract.soar_at_portal import order_at, point_at
from tests.lco_orders import link
from tests.soar_orders import FACILITY, NEEDED
from tests.support.calls import Client

pytestmark = [pytest.mark.contract, pytest.mark.xdist_group("portal")]

JSON = dict[str, Any]
Make = Callable[..., Order[Any, Any]]
URL = "/facilities/soar"
HINT = "(or no SOAR queue night in the window)"
FIRST = "requests[0].configurations[0]: "


@pytest.fixture(autouse=True)
def at_portal(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(portal, monkeypatch)


@pytest.fixture
def make(portal: Portal, scene: Scene) -> Make:
    """Makes orders that the portal accepts now, but for what is changed."""
    return partial(order_at, portal, scene)


@pytest.mark.parametrize("instrument", NEEDED)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"altdata": {"API_TOKEN": "0" * 40}}, "facility refused the credentials (Invalid token.)"),
        ({"altdata": {"PROPOSAL_ID": "NO_SUCH"}}, 'proposal: Invalid pk "NO_SUCH" - object does not exist.'),
        ({"altdata": {"PROPOSAL_ID": "TEST_FOREIGN"}}, "You do not belong to the proposal"),
        (
            {"altdata": {"PROPOSAL_ID": "TEST_INACTIVE"}},
            "proposal you are trying to submit with is currently",
        ),
        ({"altdata": {"PROPOSAL_ID": "TEST_NOTIME"}}, "You do not have sufficient NORMAL time allocated"),
        (
            {
                "altdata": {"PROPOSAL_ID": "TEST_SMALL"},
                "payload": {"exposure_time": 300, "exposure_counts": 12},
            },
            "Proposal TEST_SMALL does not have enough NORMAL time allocated in semester",
        ),
        (
            {"altdata": {"PROPOSAL_ID": "TEST_SMALL"}, "payload": {"priority": 2}},
            "An IPP Value of 2.0 requires more IPP time than you have available",
        ),
        ({"motion": {"dec": 60.0}}, HINT),
        ({"payload": {"maximum_airmass": 1.0}}, HINT),
        ({"payload": {"exposure_time": 43200}}, "the target will only be visible for a maximum of"),
        (
            {"payload": {"start_date": "2098-01-01", "end_date": "2098-01-05"}},
            "fit within any defined semester",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_in_the_portals_words(make: Make, instrument: str, changes: JSON, words: str) -> None:
    wanted, way = make(instrument, **changes), link()
    prepared = FACILITY.prepare(wanted, way)
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(wanted, prepared, way)
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("instrument", "payload", "word", "told"),
    [
        (
            "ghts",
            {"instrument_mode": "GHTS_R_1200_CaNIR_1x2_slit0p8"},
            "mode GHTS_R_1200_CaNIR_1x2_slit0p8 is not offered by SOAR_GHTS_REDCAM now; offered: GHTS_R",
            f"{FIRST}Readout mode GHTS_R_1200_CaNIR_1x2_slit0p8 is not available for instrument type"
            " SOAR_GHTS_REDCAM",
        ),
        (
            "ghts",
            {"instrument_type": "SOAR_GHTS_BLUECAM", "instrument_mode": "GHTS_R_400m1_2x2"},
            "mode GHTS_R_400m1_2x2 is not offered by SOAR_GHTS_BLUECAM now",
            f"{FIRST}Readout mode GHTS_R_400m1_2x2 is not available for instrument type SOAR_GHTS_BLUECAM",
        ),
        (
            "ghts_imager",
            {"instrument_type": "SOAR_GHTS_BLUECAM_IMAGER", "observation_choices": ["cn"]},
            "filter cn is not offered by SOAR_GHTS_BLUECAM_IMAGER now",
            f"{FIRST}optical element cn of type filter is not available",
        ),
        (
            "triplespec",
            {"instrument_mode": "fowler32_coadds1"},
            "mode fowler32_coadds1 is not offered by SOAR_TRIPLESPEC now",
            f"{FIRST}Readout mode fowler32_coadds1 is not available for instrument type SOAR_TRIPLESPEC",
        ),
    ],
)
def test_what_is_not_listed_is_refused_here_and_by_the_portal(
    make: Make, monkeypatch: pytest.MonkeyPatch, instrument: str, payload: JSON, word: str, told: str
) -> None:
    wanted, way = make(instrument, payload), link()
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(wanted, way)
    assert caught.value.errors[0].msg.startswith(f"rejected: {word}")
    monkeypatch.setattr(portal_listing, "offer", lambda *_: None)  # as in an outage of the list
    prepared = FACILITY.prepare(wanted, way)
    assert prepared.notes == (UNCHECKED,)
    with pytest.raises(Rejected) as refused:
        FACILITY.submit(wanted, prepared, way)
    assert refused.value.reason == told


@pytest.mark.parametrize("instrument", NEEDED)
def test_the_whole_handler(embedded_aws: Any, portal: Portal, scene: Scene, instrument: str) -> None:
    call = Client(facility_handler(SOAR()), remaining_s=90.0)  # visibility takes the portal seconds
    altdata = {"PROPOSAL_ID": portal.proposal, "API_TOKEN": portal.token}
    made = call("POST", f"{URL}/allocations", {"pi": "PI", "group": "transients", "altdata": altdata})
    assert made.status == 201, made.text
    assert call("POST", f"{URL}/allocations/{made.json['id']}/verify").json["valid"] is True
    body = {
        "allocation_id": made.json["id"],
        "instrument": instrument,
        "target": {"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec},
        "payload": {
            "start_date": scene.start.isoformat(),
            "end_date": scene.end.isoformat(),
            **NEEDED[instrument],
        },
    }
    asked = call("POST", f"{URL}/requests?dry_run=facility", body)
    assert asked.status == 200, asked.text
    assert asked.json["facility_verdict"]["accepted"] is True
    reply = call("POST", f"{URL}/requests", body)
    assert reply.status == 201, reply.text
    assert (reply.json["status"], reply.json["status_text"]) == ("submitted", "submitted: PENDING")
    assert portal.token not in reply.text
    group_id = int(reply.json["facility_request_id"])
    assert portal.group(group_id)["requests"][0]["observation_note"] == reply.json["id"]
    gone = call("DELETE", f"{URL}/requests/{reply.json['id']}")
    assert (gone.status, gone.json["status"]) == (200, "cancelled")
    assert portal.group(group_id)["state"] == "CANCELED"
    hopeless = {**body, "target": {**body["target"], "dec": 60.0}}
    refused = call("POST", f"{URL}/requests", hopeless).json
    assert refused["status"] == "rejected"
    assert refused["reason"].endswith(HINT)
