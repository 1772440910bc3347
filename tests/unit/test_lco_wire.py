"""What LCO puts on the wire: SkyPortal's requests for SkyPortal's inputs, always what a portal can take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from lco.models import CHANNELS, FilterCode
from slew import portal_listing
from slew.errors import Invalid
from slew.status import Status
from tests.lco_orders import FACILITY, Script, body_of, link, order, scripted

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
RECORDED: list[JSON] = json.loads((Path(__file__).parent.parent / "data/peer/lco.json").read_text())
LISTING = {
    "1M0-SCICAM-SINISTRO": {
        "modes": {
            "readout": {"modes": [{"code": "full_frame"}]},
            "guiding": {"modes": [{"code": "ON"}, {"code": "OFF"}]},
            "acquisition": {"modes": [{"code": "OFF"}]},
        },
        "optical_elements": {"filters": [{"code": "gp"}, {"code": "rp"}]},
    }
}
NEW_MUSCAT = {
    "2M0-SCICAM-MUSCAT": {
        "modes": {"readout": {"modes": [{"code": "MUSCAT_NEW"}]}},
        "optical_elements": {},
    }
}


@pytest.fixture(autouse=True)
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    portal_listing.forget()
    with scripted() as script:
        monkeypatch.setenv("SLEW_LCO_URL", script.url)
        yield script
    portal_listing.forget()


def prepared_body(*arguments: Any, **named: Any) -> JSON:
    return body_of(FACILITY.prepare(order(*arguments, **named), link()))


def prepared_exposures(instrument: str, payload: JSON) -> list[JSON]:
    configurations = prepared_body(instrument, payload)["requests"][0]["configurations"]
    return [each for configuration in configurations for each in configuration["instrument_configs"]]


@pytest.mark.parametrize(
    "recorded", [each for each in RECORDED if each["operation"] == "submit"], ids=lambda each: each["name"]
)
def test_the_peers_submission(portal: Script, recorded: JSON) -> None:
    answered = recorded["answered"][0]
    portal.answers[f"POST {GROUPS}"] = (answered["status"], answered["body"])
    wanted = order(
        recorded["instrument"], recorded["payload"], target=recorded["target"], altdata=recorded["altdata"]
    )
    way = link(recorded["altdata"]["API_TOKEN"])
    submission = FACILITY.submit(wanted, FACILITY.prepare(wanted, way), way)
    (posted,) = [each for each in portal.seen if each[0] == "POST"]
    _, path, headers, content = posted
    assert path == recorded["sent"]["path"]
    assert headers["Authorization"] == recorded["sent"]["authorization"]
    assert headers["Content-Type"] == "application/json"
    sent = json.loads(content)
    # The one difference: our id, by which an unanswered submission is found again (card, Duplicates).
    assert sent["requests"][0].pop("observation_note") == wanted.request_id
    assert sent == recorded["sent"]["json"]
    assert submission.facility_request_id == str(answered["body"]["id"])
    assert submission.data == {"request_ids": [child["id"] for child in answered["body"]["requests"]]}
    assert recorded["altdata"]["API_TOKEN"] not in repr(way.http.exchanges)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "recorded", [each for each in RECORDED if each["operation"] == "cancel"], ids=lambda each: each["name"]
)
def test_the_peers_cancellation(portal: Script, recorded: JSON) -> None:
    group_id = str(recorded["earlier"]["id"])
    cancelled = {"id": int(group_id), "state": "CANCELED", "requests": []}
    portal.answers[f"POST {recorded['sent']['path']}"] = (200, cancelled)
    portal.answers[f"GET {GROUPS}{group_id}/"] = (200, cancelled)
    wanted = order(
        recorded["instrument"],
        recorded["payload"],
        target=recorded["target"],
        altdata=recorded["altdata"],
        facility_request_id=group_id,
    )
    assert FACILITY.cancel(wanted, link()).status is Status.CANCELLED
    (posted,) = [each for each in portal.seen if each[0] == "POST"]
    assert (posted[1], posted[3]) == (recorded["sent"]["path"], b"")
    assert posted[2]["Authorization"] == recorded["sent"]["authorization"]


def test_every_recording_is_looked_at() -> None:
    assert {each["operation"] for each in RECORDED} == {"submit", "cancel"}


def test_the_cards_muscat_body() -> None:
    """SkyPortal's diffusers were removed; this is the body that works (card, Submit)."""
    request = prepared_body("muscat")["requests"][0]
    assert request["location"] == {"telescope_class": "2m0"}
    (configuration,) = request["configurations"]
    assert configuration == {
        "type": "EXPOSE",
        "instrument_type": "2M0-SCICAM-MUSCAT",
        "constraints": {"max_airmass": 2.0, "min_lunar_distance": 30.0},
        "target": {"name": "ZTF26aaaaaaa", "type": "ICRS", "ra": 62.4641, "dec": -20.0, "epoch": 2000},
        "acquisition_config": {"mode": "OFF"},
        "guiding_config": {"mode": "ON", "optional": True},
        "instrument_configs": [
            {
                "exposure_time": 300.0,
                "exposure_count": 1,
                "mode": "MUSCAT_FAST",
                "optical_elements": {f"narrowband_{channel}_position": "out" for channel in CHANNELS},
                "extra_params": {
                    "exposure_mode": "SYNCHRONOUS",
                    **{f"exposure_time_{channel}": 300.0 for channel in CHANNELS},
                },
            }
        ],
    }


def test_muscats_exposure_time_is_its_longest_channels() -> None:
    (exposure,) = prepared_exposures(
        "muscat", {"exposure_time": 30, "exposure_time_z": 90, "exposure_time_g": 0}
    )
    assert exposure["exposure_time"] == 90
    times = {key: value for key, value in exposure["extra_params"].items() if key.startswith("exposure_time")}
    assert times == {
        "exposure_time_g": 0,
        "exposure_time_r": 30,
        "exposure_time_i": 30,
        "exposure_time_z": 90,
    }


def test_muscat_without_its_usual_readout_mode(portal: Script) -> None:
    portal.answers["GET /api/instruments/"] = (200, NEW_MUSCAT)
    (exposure,) = prepared_exposures("muscat", {})
    assert "mode" not in exposure


def test_a_dithered_spectrum_keeps_its_calibrations_on_the_target() -> None:
    offsets = [{"ra": 0, "dec": 0}, {"ra": 0, "dec": 10}]
    turned = {"rotator_mode": "SKY", "rotator_angle": 90}
    body = prepared_body("floyds", {"dither_offsets": offsets, "defocus": 1, **turned})
    extras = [
        [each["extra_params"] for each in configuration["instrument_configs"]]
        for configuration in body["requests"][0]["configurations"]
    ]
    alone = [{"rotator_angle": 90}]
    spectra = [{"rotator_angle": 90, "offset_ra": 0, "offset_dec": dec, "defocus": 1} for dec in (0, 10)]
    assert extras == [alone, alone, spectra, alone, alone]


def test_extras_of_the_imagers() -> None:
    body = prepared_body(
        "sinistro",
        {
            "observation_choices": ["GP", "zs"],
            "readout_mode": "central_2k_2x2",
            "guiding_mode": "OFF",
            "defocus": -2.5,
            "dither_offsets": [{"ra": 0, "dec": 0}, {"ra": 10, "dec": -5}],
            "max_lunar_phase": 0.5,
            "acceptability_threshold": 80,
            "configuration_repeats": 3,
            "optimization_type": "AIRMASS",
            "observation_note": "for the meeting",
        },
    )
    (request,) = body["requests"]
    assert request["acceptability_threshold"] == 80
    assert request["configuration_repeats"] == 3
    assert request["optimization_type"] == "AIRMASS"
    assert request["observation_note"] == "a1b2c3d4e5f6a7b8c9d0e1f2 for the meeting"
    first, second = request["configurations"]
    assert first["constraints"]["max_lunar_phase"] == 0.5
    assert first["guiding_config"] == {"mode": "OFF"}
    assert [
        each["optical_elements"] for each in (*first["instrument_configs"], *second["instrument_configs"])
    ] == [
        {"filter": "gp"},
        {"filter": "gp"},
        {"filter": "zs"},
        {"filter": "zs"},
    ]
    assert [each["extra_params"] for each in first["instrument_configs"]] == [
        {"offset_ra": 0, "offset_dec": 0, "defocus": -2.5},
        {"offset_ra": 10, "offset_dec": -5, "defocus": -2.5},
    ]
    assert {each["mode"] for each in first["instrument_configs"]} == {"central_2k_2x2"}


def test_extras_of_the_spectrograph() -> None:
    configurations = prepared_body(
        "floyds",
        {
            "slit": "slit_2.0as",
            "acquisition_mode": "BRIGHTEST",
            "acquire_radius": 4,
            "rotator_mode": "SKY",
            "rotator_angle": 90,
            "exposure_counts": 2,
        },
    )["requests"][0]["configurations"]
    exposures = [each["instrument_configs"][0] for each in configurations]
    assert [each["type"] for each in configurations] == ["LAMP_FLAT", "ARC", "SPECTRUM", "ARC", "LAMP_FLAT"]
    assert [each["exposure_count"] for each in exposures] == [1, 1, 2, 1, 1]
    assert {each["optical_elements"]["slit"] for each in exposures} == {"slit_2.0as"}
    assert {(each["rotator_mode"], each["extra_params"]["rotator_angle"]) for each in exposures} == {
        ("SKY", 90)
    }
    assert [each["acquisition_config"] for each in configurations] == [
        {},
        {},
        {"mode": "BRIGHTEST", "extra_params": {"acquire_radius": 4}},
        {},
        {},
    ]


def test_a_moving_target() -> None:
    target = {
        "name": "Barnard",
        "ra": 269.45,
        "dec": 4.69,
        "proper_motion_ra": -801.6,
        "proper_motion_dec": 10362.4,
    }
    sent = prepared_body(target={**target, "parallax": 546.98, "epoch": 2015.5})["requests"][0][
        "configurations"
    ][0]
    assert sent["target"] == {**target, "parallax": 546.98, "epoch": 2015.5, "type": "ICRS"}


def test_a_name_that_is_too_long() -> None:
    with pytest.raises(Invalid) as caught:
        prepared_body(target={"name": "Z" * 51, "ra": 1, "dec": 1})
    assert [(error.loc, "50" in error.msg) for error in caught.value.errors] == [(("target", "name"), True)]


def test_what_is_not_offered_now_is_refused_before_it_leaves(portal: Script) -> None:
    portal.answers["GET /api/instruments/"] = (200, LISTING)
    prepared_body()
    with pytest.raises(Invalid) as caught:
        prepared_body("sinistro", {"observation_choices": ["gp", "Y"]})
    (error,) = caught.value.errors
    assert error.loc == ("payload", "observation_choices")
    assert error.msg == "rejected: filter Y is not offered by 1M0-SCICAM-SINISTRO now; offered: gp, rp"
    with pytest.raises(Invalid) as caught:
        prepared_body("sinistro", {"observation_choices": ["gp"], "readout_mode": "central_2k_2x2"})
    assert caught.value.errors[0].loc == ("payload", "readout_mode")
    # Asked once in a quarter of an hour, and without the token.
    asked = [each for each in portal.seen if each[1].startswith("/api/instruments/")]
    assert [each[1] for each in asked] == ["/api/instruments/?instrument_type=1M0-SCICAM-SINISTRO"]
    assert "Authorization" not in asked[0][2]


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}),
        (500, b"<html>"),
        (200, b"<html>"),
        (200, {"1M0-SCICAM-SINISTRO": {"modes": []}}),
        (200, [1]),
    ],
)
def test_without_a_listing_the_cards_table_holds(portal: Script, answer: Any) -> None:
    portal.answers["GET /api/instruments/"] = answer
    prepared_body("sinistro", {"observation_choices": list(get_args(FilterCode))})


@pytest.mark.parametrize("instrument", ["spectral", "nres", None])
def test_instruments_that_are_not_there(instrument: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        FACILITY.choose_instrument(instrument)
    (error,) = caught.value.errors
    assert error.loc == ("instrument",)
    if instrument == "spectral":
        assert error.msg == (
            "rejected: 2M0-SCICAM-SPECTRAL is retired; use muscat (g, r, i, z; there is no Y)"
        )
