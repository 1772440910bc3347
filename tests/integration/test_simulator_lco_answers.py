"""The simulator judges requestgroups as the real portal did: recorded answers, and the table of refusals."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from local.simulators.base import SimulatedClock
from local.simulators.observation_portal.accounts import CONTRACT_TOKEN
from tests.contract.answers import in_one, in_request, too_short, whole
from tests.contract.bodies import Body, Scene, body, sinistro
from tests.contract.refusal import Acceptance, Refusal, WireRefusal
from tests.contract.refusals import ACCEPTANCES, REFUSALS, WIRE_REFUSALS
from tests.contract.spoiling import FIRST_EXPOSURE, Spoil, day, put, together, unchanged, window
from tests.integration.lco_simulator import RECORDED_SCENE, Client, running

JSON = dict[str, Any]
SUBMIT, VALIDATE = "/api/requestgroups/", "/api/requestgroups/validate/"


@pytest.fixture(scope="module")
def recorded() -> Iterator[Client]:
    """A portal at the moment of the recording, in semester 2026B."""
    with running() as client:
        yield client


@pytest.fixture(scope="module")
def today() -> Iterator[tuple[Client, Scene]]:
    """A portal of the present in one wide semester, and what can be observed a week hence."""
    clock = SimulatedClock()
    with running(clock, semesters="wide") as client:
        now = clock.now()
        yield client, Scene.at(now, client.simulator.accounts.semesters(now)[-1].end)


@dataclass(frozen=True)
class Accepted:
    """A body that was accepted: its duration and longest visible stretch in seconds."""

    name: str
    spoil: Spoil
    duration: int
    largest_interval: float
    base: str = "sinistro"
    filters: tuple[str, ...] = ("gp", "rp")


@dataclass(frozen=True)
class Refused:
    """A body that was refused, with its error."""

    name: str
    spoil: Spoil
    error: Any
    filters: tuple[str, ...] = ("gp", "rp")


def today_to(days: int) -> Spoil:
    """The form's default window: from today's midnight."""
    return window(lambda s: day(s, 0), lambda s: day(s, days))


RAPID = put("observation_type", "RAPID_RESPONSE")
TIME_CRITICAL = put("observation_type", "TIME_CRITICAL")
NO_FLOYDS_RADIUS = put("requests.0.configurations.2.acquisition_config", {"mode": "BRIGHTEST"})

ACCEPTED = (
    Accepted("SINISTRO, gp+rp", unchanged, 784, 27444),
    Accepted("SINISTRO, every filter", unchanged, 1822, 27444, filters=("gp", "rp", "ip", "zs", "Y")),
    Accepted("SINISTRO, the form's default dates", today_to(7), 438, 29167, filters=("gp",)),
    Accepted("MUSCAT with narrowband positions", unchanged, 415, 27071, "muscat"),
    Accepted("FLOYDS", unchanged, 1210, 27071, "floyds"),
    Accepted("RAPID_RESPONSE to tomorrow", together(RAPID, today_to(1)), 438, 29167, filters=("gp",)),
    Accepted("TIME_CRITICAL", TIME_CRITICAL, 438, 27444, filters=("gp",)),
    Accepted("priority 0.5", put("ipp_value", 0.5), 438, 27444, filters=("gp",)),
    Accepted("priority 2, 300 s", put("ipp_value", 2), 438, 27444, filters=("gp",)),
    Accepted(
        "maximum airmass 3",
        put("requests.0.configurations.*.constraints.max_airmass", 3),
        438,
        29410,
        filters=("gp",),
    ),
    Accepted(
        "exposure_counts 2.0, exposure_time 0",
        together(put(f"{FIRST_EXPOSURE}.exposure_count", 2.0), put(f"{FIRST_EXPOSURE}.exposure_time", 0)),
        166,
        27444,
        filters=("gp",),
    ),
    Accepted("window started in the past", today_to(7), 784, 29167),
    Accepted("filter in the wrong case", put(f"{FIRST_EXPOSURE}.optical_elements.filter", "RP"), 782, 27444),
    Accepted("BRIGHTEST without acquire_radius", NO_FLOYDS_RADIUS, 1210, 27071, "floyds"),
)

IPP_TOO_HIGH = (
    "TimeAllocationError(\"An IPP Value of 2.0 requires more IPP time than you have available for 'NORMAL' "
    'Observation with the 1M0-SCICAM-SINISTRO . Please lower your IPP Value to <= 1.459 and submit again.")'
)
REFUSED = (
    Refused(
        "RAPID_RESPONSE with the form's default dates",
        together(RAPID, today_to(7)),
        whole(
            "A Rapid Response observation must start within the next 24 hours, so the window end time must "
            "be within the next (24 hours + the observation duration)"
        ),
    ),
    Refused(
        "RAPID_RESPONSE next week",
        RAPID,
        whole("The Rapid Response observation window start time cannot be in the future."),
    ),
    Refused("priority 0", put("ipp_value", 0), whole("requestgroups ipp_value must be >= 0.5, <= 2.0")),
    Refused(
        "start date = end date",
        window(lambda s: s.start, lambda s: s.start),
        in_request(
            {
                "windows": [
                    whole(
                        "Window end '2026-11-29 00:00:00+00:00' cannot be earlier than window start "
                        "'2026-11-29 00:00:00+00:00'"
                    )
                ]
            }
        ),
    ),
    Refused(
        "no observation choices",
        put("requests.0.configurations", []),
        in_request({"configurations": ["You must specify at least 1 configuration"]}),
    ),
    Refused(
        "12 h in one exposure",
        put(f"{FIRST_EXPOSURE}.exposure_time", 43200),
        too_short(r"12\.13"),
    ),
    Refused(
        "300 s x 500",
        put(f"{FIRST_EXPOSURE}.exposure_count", 500),
        too_short(r"45\.68"),
    ),
    Refused(
        "over-allocation",
        together(put("proposal", "TEST_SMALL"), put(f"{FIRST_EXPOSURE}.exposure_time", 7000)),
        whole("Proposal TEST_SMALL does not have enough NORMAL time allocated in semester 2026B"),
    ),
    Refused(
        "IPP 2 with too little IPP time",
        together(put("proposal", "TEST_SMALL"), put("ipp_value", 2.0)),
        whole(IPP_TOO_HIGH),
    ),
    Refused(
        "window across the semester's end",
        window(lambda s: day(s, 60), lambda s: day(s, 80)),
        in_request({"windows": [whole("The observation window does not fit within any defined semester.")]}),
    ),
    Refused(
        "MUSCAT's removed diffusers on SINISTRO",
        put(f"{FIRST_EXPOSURE}.optical_elements", {"diffuser_g_position": "out"}),
        in_one(
            whole(
                "optical_element of type diffuser_g_position is not available on 1M0-SCICAM-SINISTRO "
                "instruments"
            )
        ),
    ),
)


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_recorded_acceptance(recorded: Client, case: Accepted) -> None:
    wanted = sinistro(RECORDED_SCENE, case.filters) if case.base == "sinistro" else _body(case.base)
    case.spoil(wanted, RECORDED_SCENE)
    judged = recorded.validate(wanted)
    assert judged["errors"] == {}
    assert judged["request_durations"]["duration"] == case.duration
    # Two ephemerides: some seconds at each twilight.
    largest = judged["request_durations"]["requests"][0]["largest_interval"]
    assert largest == pytest.approx(case.largest_interval, abs=60)
    stored = recorded.submit(wanted)
    assert stored["state"] == "PENDING"
    assert stored["requests"][0]["duration"] == case.duration


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_recorded_refusal(recorded: Client, case: Refused) -> None:
    wanted = sinistro(RECORDED_SCENE, case.filters)
    case.spoil(wanted, RECORDED_SCENE)
    answer = recorded.call("POST", SUBMIT, json=wanted)
    assert (answer.status_code, answer.json()) == (400, case.error)
    assert recorded.validate(wanted) == {"request_durations": {}, "errors": case.error}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_table_of_refusals(today: tuple[Client, Scene], refusal: Refusal) -> None:
    client, scene = today
    spoilt = body(refusal.base, scene)
    refusal.spoil(spoilt, scene)
    submitted, validated = (_post(client, path, refusal, spoilt) for path in (SUBMIT, VALIDATE))
    assert (submitted.status_code, submitted.json()) == (refusal.status, refusal.error)
    if refusal.status == 400:
        assert validated.status_code == 200
        assert validated.json() == {"request_durations": {}, "errors": refusal.error}
    else:
        assert (validated.status_code, validated.json()) == (refusal.status, refusal.error)


@pytest.mark.parametrize("acceptance", ACCEPTANCES, ids=lambda acceptance: acceptance.name)
def test_table_of_acceptances(today: tuple[Client, Scene], acceptance: Acceptance) -> None:
    client, scene = today
    odd = body(acceptance.base, scene)
    acceptance.spoil(odd, scene)
    assert client.validate(odd)["errors"] == {}
    client.submit(odd)


@pytest.mark.parametrize("refusal", WIRE_REFUSALS, ids=lambda refusal: refusal.name)
def test_table_of_wrong_calls(today: tuple[Client, Scene], refusal: WireRefusal) -> None:
    client, scene = today
    content: JSON = (
        {"json": body("sinistro", scene)} if refusal.content is None else {"data": refusal.content}
    )
    headers = {"Content-Type": refusal.content_type}
    answer = client.call(refusal.method, refusal.path, headers=headers, **content)
    assert answer.status_code == refusal.status
    if refusal.error is None:
        assert answer.headers["Location"] == f"{refusal.path}/"
        assert answer.headers["Content-Type"].startswith("text/html")
    else:
        assert answer.json() == refusal.error


def test_a_missing_slash_loses_the_post(recorded: Client) -> None:
    followed = requests.post(
        f"{recorded.url}/api/requestgroups?limit=1",
        json=_body("sinistro"),
        headers={"Authorization": f"Token {CONTRACT_TOKEN}"},
        timeout=20,
    )
    assert followed.status_code == 200
    assert {"count", "next", "previous", "results"} == set(followed.json())


def test_identical_bodies_are_two_groups(recorded: Client) -> None:
    first, second = (recorded.submit(_body("sinistro")) for _ in range(2))
    assert second["id"] == first["id"] + 1
    assert second["requests"][0]["id"] == first["requests"][0]["id"] + 1


def test_defaults_are_filled_in(recorded: Client) -> None:
    [child] = recorded.submit(_body("sinistro"))["requests"]
    first, second = child["configurations"]
    assert first["instrument_configs"][0]["mode"] == "full_frame"
    assert first["instrument_configs"][0]["extra_params"] == {"bin_x": 1, "bin_y": 1}
    assert first["acquisition_config"] == {"mode": "OFF", "exposure_time": None, "extra_params": {}}
    assert first["guiding_config"]["mode"] == "ON"
    assert first["guiding_config"]["optional"] is True
    assert (first["priority"], second["priority"]) == (1, 2)
    assert child["acceptability_threshold"] == 90.0
    assert child["windows"] == [{"start": "2026-11-29T00:00:00Z", "end": "2026-12-06T00:00:00Z"}]


def test_floyds_calibrations_have_no_acquisition(recorded: Client) -> None:
    [child] = recorded.submit(_body("floyds"))["requests"]
    modes = [member["acquisition_config"]["mode"] for member in child["configurations"]]
    assert modes == ["OFF", "OFF", "WCS", "OFF", "OFF"]
    assert child["acceptability_threshold"] == 100.0


def test_a_closed_site_sees_nothing(recorded: Client) -> None:
    recorded.config(closed_sites=["ogg", "coj"])
    try:
        errors = recorded.validate(_body("muscat"))["errors"]
        assert "will not be visible" in errors["requests"][0]["non_field_errors"][0]
        assert recorded.validate(_body("sinistro"))["errors"] == {}
    finally:
        recorded.config(closed_sites=[])


def test_without_its_instrument_table_the_portal_refuses_everything(recorded: Client) -> None:
    recorded.config(configdb=False)
    try:
        [errors] = recorded.validate(_body("sinistro"))["errors"]["requests"]
        assert errors["location"] == {"telescope_class": ['"1m0" is not a valid choice.']}
        text = "Invalid instrument type 1M0-SCICAM-SINISTRO. Valid instruments may include: "
        assert errors["configurations"] == [{"instrument_type": [text]}] * 2
        assert recorded.call("GET", "/api/instruments/", None).json() == {}
    finally:
        recorded.config(configdb=True)


def _body(base: Any) -> Body:
    return deepcopy(body(base, RECORDED_SCENE))


def _post(client: Client, path: str, refusal: Refusal, spoilt: Body) -> requests.Response:
    headers = {}
    if refusal.authorization:
        headers["Authorization"] = refusal.authorization.format(token=CONTRACT_TOKEN)
    return client.call("POST", path, None, json=spoilt, headers=headers)
