"""The simulator as SOAR's users see it (card soar, "Simulator"): their instruments, nights, durations."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from local.simulators.observation_portal.app import SoarPortal
from tests.contract.bodies import soar
from tests.integration.lco_simulator import RECORDED_SCENE, Client, StoppedClock

JSON = dict[str, Any]


@pytest.fixture
def client() -> Iterator[Client]:
    simulator = SoarPortal(StoppedClock(), auto_progress=False)
    simulator.start()
    yield Client(simulator)
    simulator.stop()


def body(instrument_type: str = "SOAR_GHTS_REDCAM", **exposure: Any) -> JSON:
    """A body that is accepted for the instruments that need no filter."""
    made = soar(RECORDED_SCENE)
    (configuration,) = made["requests"][0]["configurations"]
    configuration["instrument_type"] = instrument_type
    configuration["instrument_configs"][0] |= exposure
    return made


def imaging(camera: str, name: str, **exposure: Any) -> JSON:
    """A body for an imager."""
    made = body(f"SOAR_GHTS_{camera}_IMAGER", optical_elements={"filter": name}, mode="", **exposure)
    made["requests"][0]["configurations"][0] |= {"type": "EXPOSE", "guiding_config": {}}
    return made


def faults(client: Client, wanted: JSON) -> str:
    """What validate says is wrong with the configuration; empty if nothing is."""
    errors = client.validate(wanted)["errors"]
    if not errors:
        return ""
    told: str = errors["requests"][0]["configurations"][0]["non_field_errors"][0]
    return told


def test_durations_are_the_cards(client: Client) -> None:
    spectra = body("SOAR_TRIPLESPEC", exposure_time=200, exposure_count=6, mode="fowler16_coadds1")
    told = client.validate(spectra)["request_durations"]
    assert told["duration"] == 1704
    (configuration,) = told["requests"][0]["configurations"]
    assert configuration == {"instrument_configs": [{"duration": 1266.0}], "duration": 1282.0}
    assert client.validate(imaging("REDCAM", "r-SDSS"))["request_durations"]["duration"] == 511


def test_the_answer_to_a_submission_has_the_defaults_filled_in(client: Client) -> None:
    group = client.submit(imaging("BLUECAM", "u-SDSS", extra_params={}))
    child = group["requests"][0]
    (configuration,) = child["configurations"]
    assert child["id"] != group["id"]
    assert child["acceptability_threshold"] == 90
    assert configuration["priority"] == 1
    assert configuration["acquisition_config"]["mode"] == "MANUAL"
    assert (configuration["guiding_config"]["mode"], configuration["guiding_config"]["optional"]) == (
        "ON",
        True,
    )
    (exposure,) = configuration["instrument_configs"]
    assert (exposure["mode"], exposure["rotator_mode"]) == ("GHTS_B_Image_2x2", "SKY")


def test_lamps_are_not_acquired(client: Client) -> None:
    for kind in ("ARC", "LAMP_FLAT"):
        made = body()
        made["requests"][0]["configurations"][0]["type"] = kind
        (configuration,) = client.submit(made)["requests"][0]["configurations"]
        assert configuration["acquisition_config"]["mode"] == "OFF"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (body(), ""),
        (
            body(mode="GHTS_R_1200_CaNIR_1x2_slit0p8"),
            "Readout mode GHTS_R_1200_CaNIR_1x2_slit0p8 is not available for instrument type"
            " SOAR_GHTS_REDCAM",
        ),
        (
            body("SOAR_GHTS_BLUECAM"),
            "Readout mode GHTS_R_400m1_2x2 is not available for instrument type SOAR_GHTS_BLUECAM",
        ),
        (imaging("BLUECAM", "cn"), "optical element cn of type filter is not available"),
        (imaging("BLUECAM", "z-SDSS"), "optical element z-SDSS of type filter is not available"),
        (
            body(optical_elements={"slit": "1.0"}),
            "optical_element of type slit is not available on SOAR_GHTS_REDCAM instruments",
        ),
        (
            body(rotator_mode="VFLOAT"),
            "Rotator mode VFLOAT is not available for instrument type SOAR_GHTS_REDCAM",
        ),
        (
            body(extra_params={"offset_ra": 0}),
            "Rotator mode SKY requirements are not met: extra_params{rotator_angle error: required field}",
        ),
        (
            body(extra_params={"rotator_angle": 361}),
            "Rotator mode SKY requirements are not met: extra_params{rotator_angle error: max value is 360}",
        ),
        (body(extra_params={}), ""),
        (
            body("SOAR_TRIPLESPEC", mode=""),
            "Must set a readout mode, choose from fowler1_coadds2, fowler4_coadds1, fowler8_coadds1,"
            " fowler16_coadds1, fowler1_coadds1",
        ),
    ],
)
def test_what_the_instruments_take(client: Client, wanted: JSON, told: str) -> None:
    assert faults(client, wanted) == told


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"acquisition_config": {"mode": "OFF"}}, "Acquisition mode OFF is not available"),
        ({"guiding_config": {"mode": "OFF"}}, "Guiding mode OFF is not available"),
    ],
)
def test_spectra_are_acquired_and_guided(client: Client, config: JSON, told: str) -> None:
    made = body()
    made["requests"][0]["configurations"][0] |= config
    assert faults(client, made) == f"{told} for instrument type SOAR_GHTS_REDCAM"


def test_other_lists_of_another_semester(client: Client) -> None:
    retired = body(mode="GHTS_R_2100_6507A_1x2_slit0p45")
    offered = {"readout": ["GHTS_R_2100_6507A_1x2_slit0p45"]}
    client.config(listing={"SOAR_GHTS_REDCAM": offered, "SOAR_GHTS_BLUECAM_IMAGER": {"filter": ["cn"]}})
    rows = client.call("GET", "/api/instruments/", None).json()
    (mode,) = rows["SOAR_GHTS_REDCAM"]["modes"]["readout"]["modes"]
    assert mode["code"] == "GHTS_R_2100_6507A_1x2_slit0p45"
    assert faults(client, retired) == ""
    assert faults(client, imaging("BLUECAM", "cn")) == ""
    assert "GHTS_R_400m1_2x2 is not available" in faults(client, body())
    client.call("POST", "/_reset")
    assert "is not available" in faults(client, retired)


def test_time_is_of_the_proposal_and_instrument(client: Client) -> None:
    profile = client.call("GET", "/api/profile/").json()
    assert "SOAR2026B-004" in {each["id"] for each in profile["proposals"]}
    made = body() | {"proposal": "SOAR2026B-004"}
    before = client.allocation("SOAR2026B-004", "SOAR_GHTS_REDCAM")
    group = client.submit(made)
    client.advance(group, "completed")
    after = client.allocation("SOAR2026B-004", "SOAR_GHTS_REDCAM")
    assert after["std_time_used"] > before["std_time_used"] == 0
    assert client.allocation("SOAR2026B-004", "SOAR_GHTS_BLUECAM")["std_time_used"] == 0


def test_states_as_of_any_requestgroup(client: Client) -> None:
    group = client.submit(body())
    for step, state in (
        ("scheduled", "PENDING"),
        ("in_progress", "PENDING"),
        ("failed_attempt", "PENDING"),
        ("completed", "COMPLETED"),
        ("back_to_pending", "PENDING"),
        ("expired", "WINDOW_EXPIRED"),
        ("late_completed", "COMPLETED"),
    ):
        assert client.advance(group, step).status_code == 200, step
        assert client.states(group) == (state, [state])
    assert {each["site"] for each in client.observations(group)} == {"sor"}


def test_raw_frames_alone_by_the_childs_id(client: Client) -> None:
    group = client.submit(body())
    client.advance(group, "completed")
    child = group["requests"][0]["id"]
    assert client.archive("/frames/", request_id=child).json()["count"] == 0
    client.wait(1000)
    (frame,) = client.archive("/frames/", request_id=child).json()["results"]
    assert (frame["reduction_level"], frame["site_id"]) == (0, "sor")
    assert client.archive("/frames/", request_id=child, reduction_level=91).json()["count"] == 0
    assert client.archive("/frames/", request_id=group["id"]).json()["count"] == 0
    assert client.archive("/frames/", "0" * 40, request_id=child).status_code == 401
    assert client.archive("/frames/", None, request_id=child).json()["count"] == 0  # public ones only


def test_idle_nights_leave_a_request_waiting(client: Client) -> None:
    client.config(auto_progress=True, idle_sites=["sor"])
    group = client.submit(deepcopy(body()))
    client.wait(86400 * 10)
    assert client.observations(group) == []
    client.wait(86400 * 5)
    assert client.states(group) == ("WINDOW_EXPIRED", ["WINDOW_EXPIRED"])
    client.config(closed_sites=["sor"])
    later = body()
    (window,) = later["requests"][0]["windows"]
    window |= {"start": "2026-12-10T00:00:00", "end": "2026-12-12T00:00:00"}
    assert "will not be visible" in client.validate(later)["errors"]["requests"][0]["non_field_errors"][0]
