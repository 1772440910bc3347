"""What SOAR puts on the wire: SkyPortal's requests for its inputs, the card's bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from slew import portal_listing
from slew.errors import Invalid
from slew.status import Status
from tests.lco_orders import Script, body_of, link, scripted
from tests.soar_orders import FACILITY, NEEDED, WINDOW, order

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
RECORDED: list[JSON] = json.loads((Path(__file__).parent.parent / "data/peer/soar.json").read_text())
SKY_0 = {"offset_ra": 0, "offset_dec": 0, "rotator_angle": 0}


@pytest.fixture(autouse=True)
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    portal_listing.forget()
    with scripted() as script:
        monkeypatch.setenv("SLEW_SOAR_URL", script.url)
        yield script
    portal_listing.forget()


def prepared_body(*arguments: Any, **named: Any) -> JSON:
    return body_of(FACILITY.prepare(order(*arguments, **named), link()))


def configurations(*arguments: Any, **named: Any) -> list[JSON]:
    found: list[JSON] = prepared_body(*arguments, **named)["requests"][0]["configurations"]
    return found


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: each["name"])
def test_the_peers_submission(portal: Script, recorded: JSON) -> None:
    ((_, _, status, answered),) = recorded["facility_answered"]
    portal.answers[f"POST {GROUPS}"] = (status, json.loads(answered))
    imaging = recorded["peer_class"] == "SOARGHTSIMAGERAPI"
    wanted = order(
        "ghts_imager" if imaging else "ghts",
        recorded["payload"],
        target={"name": recorded["target"]["id"], **{key: recorded["target"][key] for key in ("ra", "dec")}},
        altdata=recorded["altdata"],
    )
    way = link(recorded["altdata"]["API_TOKEN"])
    submission = FACILITY.submit(wanted, FACILITY.prepare(wanted, way), way)
    (posted,) = [each for each in portal.seen if each[0] == "POST"]
    (peer,) = deepcopy(recorded["peer"]["sent"])
    assert posted[1] == peer["url"].removeprefix("https://observe.lco.global:443")
    assert posted[2]["Authorization"] == peer["headers"]["Authorization"]
    sent, expected = json.loads(posted[3]), peer["json"]
    # By our id an unanswered submission is found again (card, Submit: Duplicates).
    assert sent["requests"][0].pop("observation_note") == wanted.request_id
    # The same moments, with their offset (card, Request payload: normalise the dates as for LCO).
    (window,) = expected["requests"][0]["windows"]
    expected["requests"][0]["windows"] = [{edge: f"{window[edge]}.000000+00:00" for edge in ("start", "end")}]
    for configuration in sent["requests"][0]["configurations"] if imaging else ():
        # SkyPortal leaves it out and the portal fills it in (card, Submit).
        assert configuration["instrument_configs"][0].pop("rotator_mode") == "SKY"
    assert sent == expected
    assert (submission.facility_request_id, submission.status) == ("9001", Status.SUBMITTED)
    assert submission.data == {"request_ids": [7001]}
    assert recorded["altdata"]["API_TOKEN"] not in repr(way.http.exchanges)  # type: ignore[attr-defined]


def test_the_cards_envelope_and_image() -> None:
    body = prepared_body(
        "ghts_imager",
        {
            "instrument_type": "SOAR_GHTS_BLUECAM_IMAGER",
            "observation_choices": ["g-SDSS"],
            "exposure_time": 120,
        }
        | {"start_date": "2026-11-22T15:00:00Z", "end_date": "2026-11-29 00:00:00"},
    )
    assert body == {
        "name": "ZTF26abcdefg",
        "proposal": "SOAR2026B-004",
        "ipp_value": 1.0,
        "operator": "SINGLE",
        "observation_type": "NORMAL",
        "requests": [
            {
                "configurations": [
                    {
                        "type": "EXPOSE",
                        "instrument_type": "SOAR_GHTS_BLUECAM_IMAGER",
                        "constraints": {"max_airmass": 2.0, "min_lunar_distance": 30.0},
                        "target": {
                            "name": "ZTF26abcdefg",
                            "type": "ICRS",
                            "ra": 62.4641,
                            "dec": -20.0,
                            "proper_motion_ra": 0,
                            "proper_motion_dec": 0,
                            "parallax": 0,
                            "epoch": 2000,
                        },
                        "acquisition_config": {"mode": "MANUAL", "extra_params": {}},
                        "guiding_config": {"mode": "ON", "optional": True, "extra_params": {}},
                        "instrument_configs": [
                            {
                                "exposure_time": 120.0,
                                "exposure_count": 1,
                                "mode": "GHTS_B_Image_2x2",
                                "rotator_mode": "SKY",
                                "extra_params": {**SKY_0, "defocus": 0},
                                "optical_elements": {"filter": "g-SDSS"},
                            }
                        ],
                    }
                ],
                "windows": [
                    {"start": "2026-11-22T15:00:00.000000+00:00", "end": "2026-11-29T00:00:00.000000+00:00"}
                ],
                "location": {"telescope_class": "4m0"},
                "observation_note": "a1b2c3d4e5f6a7b8c9d0e1f2",
            }
        ],
    }


@pytest.mark.parametrize(
    ("instrument_type", "mode"),
    [("SOAR_GHTS_REDCAM", "GHTS_R_400m1_2x2"), ("SOAR_GHTS_BLUECAM", "GHTS_B_400m1_2x2")],
)
def test_the_cards_spectrum(instrument_type: str, mode: str) -> None:
    payload = {"instrument_type": instrument_type, "exposure_time": 900, "exposure_counts": 2}
    (spectrum,) = configurations("ghts", payload)
    assert spectrum.pop("target")["proper_motion_ra"] == 0
    assert spectrum == {
        "type": "SPECTRUM",
        "instrument_type": instrument_type,
        "constraints": {"max_airmass": 2.0, "min_lunar_distance": 30.0},
        "acquisition_config": {"mode": "MANUAL"},
        "guiding_config": {"mode": "ON", "optional": False},
        "instrument_configs": [
            {
                "exposure_time": 900.0,
                "exposure_count": 2,
                "mode": mode,
                "rotator_mode": "SKY",
                "extra_params": SKY_0,
                "optical_elements": {},
            }
        ],
    }


def test_the_cards_triplespec() -> None:
    (spectrum,) = configurations("triplespec", {"exposure_time": 200, "exposure_counts": 6})
    assert spectrum["instrument_type"] == "SOAR_TRIPLESPEC"
    assert spectrum["guiding_config"] == {"mode": "ON", "optional": False}
    assert spectrum["instrument_configs"] == [
        {
            "exposure_time": 200.0,
            "exposure_count": 6,
            "mode": "fowler16_coadds1",
            "rotator_mode": "SKY",
            "extra_params": {"offset_ra": 0, "offset_dec": 0, "rotator_angle": 90},
            "optical_elements": {},
        }
    ]


def test_calibrations_take_the_modes_of_the_spectrum_at_twice_its_airmass() -> None:
    modes = ["GHTS_R_400m1_2x2_slit1p5", "GHTS_R_400m2_2x2"]
    made = configurations(
        "ghts",
        {"instrument_mode": modes, "include_calibrations": True, "include_lamp_flats": True}
        | {"maximum_airmass": 3, "max_lunar_phase": 0.4, "rotator_angle": 45},
    )
    assert [each["type"] for each in made] == ["ARC", "SPECTRUM", "ARC", "LAMP_FLAT"]
    assert [[one["mode"] for one in each["instrument_configs"]] for each in made] == [modes] * 4
    assert [each["constraints"]["max_airmass"] for each in made] == [6, 3, 6, 6]
    assert {each["constraints"]["max_lunar_phase"] for each in made} == {0.4}
    assert {one["extra_params"]["rotator_angle"] for each in made for one in each["instrument_configs"]} == {
        45
    }
    for lamp in (made[0], made[2], made[3]):
        assert (lamp["acquisition_config"], lamp["guiding_config"]) == (
            {"mode": "OFF", "extra_params": {}},
            {},
        )
        assert {(one["exposure_count"], one["exposure_time"]) for one in lamp["instrument_configs"]} == {
            (3, 0.5)
        }


def test_extras() -> None:
    body = prepared_body(
        "ghts_imager",
        {"observation_choices": ["z-SDSS"], "defocus": -1.5, "rotator_angle": 360, "priority": 0.5}
        | {"acceptability_threshold": 80, "configuration_repeats": 3, "optimization_type": "AIRMASS"}
        | {"observation_note": "for the meeting", "observation_mode": "TIME_CRITICAL"},
    )
    assert (body["ipp_value"], body["observation_type"]) == (0.5, "TIME_CRITICAL")
    (request,) = body["requests"]
    assert request["observation_note"] == "a1b2c3d4e5f6a7b8c9d0e1f2 for the meeting"
    assert (request["acceptability_threshold"], request["configuration_repeats"]) == (80, 3)
    assert request["optimization_type"] == "AIRMASS"
    (exposure,) = request["configurations"][0]["instrument_configs"]
    assert exposure["extra_params"] == {
        "offset_ra": 0,
        "offset_dec": 0,
        "defocus": -1.5,
        "rotator_angle": 360,
    }


@pytest.mark.parametrize("instrument", NEEDED)
def test_a_moving_target(instrument: str) -> None:
    star = {
        "name": "HD 1",
        "ra": 1.5,
        "dec": -30.0,
        "proper_motion_ra": -801.6,
        "parallax": 5.0,
        "epoch": 2015.5,
    }
    for each in configurations(instrument, target=star):
        assert each["target"] == {**star, "proper_motion_dec": 0, "type": "ICRS"}
    with pytest.raises(Invalid, match="50 characters"):
        prepared_body(instrument, target={"name": "Z" * 51, "ra": 1, "dec": 1})


def test_a_window_begins_now_by_default() -> None:
    (window,) = prepared_body()["requests"][0]["windows"]
    assert window == {"start": "2026-11-22T14:22:00.000000+00:00", "end": "2026-11-29T14:22:00.000000+00:00"}
    (window,) = prepared_body(payload={"start_date": "2026-11-20"})["requests"][0]["windows"]
    assert window == {"start": "2026-11-20T00:00:00.000000+00:00", "end": "2026-11-29T14:22:00.000000+00:00"}


def test_a_rapid_response_ends_within_a_day_and_says_so() -> None:
    rapid = {"observation_mode": "RAPID_RESPONSE"}
    prepared = FACILITY.prepare(order(payload=rapid), link())
    assert (
        "RAPID_RESPONSE: the window ends 2026-11-23T14:22:00.000000+00:00, 24 hours from now"
        in prepared.notes
    )
    (window,) = body_of(prepared)["requests"][0]["windows"]
    assert window["end"] == "2026-11-23T14:22:00.000000+00:00"
    with pytest.raises(Invalid, match="start_date: must not be in the future for RAPID_RESPONSE"):
        prepared_body("ghts", {**rapid, **WINDOW})


def test_instruments() -> None:
    assert [FACILITY.choose_instrument(each) for each in NEEDED] == list(NEEDED)
    with pytest.raises(Invalid, match="ghts, ghts_imager, triplespec"):
        FACILITY.choose_instrument("goodman")


@pytest.mark.parametrize(
    ("reason", "hinted"),
    [
        ("the target will not be visible within the time window. Check", True),
        ("the target will only be visible for a maximum of 8.25 hours", False),
        ("requestgroups ipp_value must be >= 0.5, <= 2.0", False),
    ],
)
def test_a_target_that_is_not_up_may_be_a_night_without_the_queue(
    portal: Script, reason: str, hinted: bool
) -> None:
    errors = {"requests": [{"non_field_errors": [reason]}]}
    portal.answers[f"POST {GROUPS}validate/"] = (200, {"request_durations": {}, "errors": errors})
    wanted, way = order(), link()
    verdict = FACILITY.validate(wanted, FACILITY.prepare(wanted, way), way)
    assert verdict.reason.startswith(f"requests[0]: {reason}")
    assert verdict.reason.endswith("(or no SOAR queue night in the window)") is hinted
