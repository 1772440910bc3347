"""Observation plans: what a plan may be, and the exact form that it leaves in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mma import plan as plans
from slew import guard
from slew.errors import Invalid
from slew.facility import Link
from slew.wire import Upload
from tests.mma_bench import API, FACILITY, NOW, PLAN, SCP, many, order_of, without

JSON = dict[str, Any]
LINK = Link(None, None)  # type: ignore[arg-type]
# As the card shows it, whatever a receiver's library does to the order of keys.
CARD_BODY = {
    "targets": [
        {
            "request_id": 1,
            "field_id": 247,
            "ra": 15.94654,
            "dec": -24.25,
            "filter": "ztfg",
            "exposure_time": 300,
            "program_pi": "observer1",
        },
        {
            "request_id": 2,
            "field_id": 246,
            "ra": 8.55346,
            "dec": -24.25,
            "filter": "ztfr",
            "exposure_time": 300,
            "program_pi": "observer1",
        },
    ],
    "queue_name": "ToO_S260821ab_tiling_1",
    "validity_window_mjd": [61274.083333333336, 61274.4375],
    "queue_type": "list",
    "user": "observer1",
}
CARD_FILE = b"""{
    "queue_name": "ToO_S260821ab_tiling_1",
    "queue_type": "list",
    "targets": [
        {
            "dec": -24.25,
            "exposure_time": 300,
            "field_id": 247,
            "filter": "ztfg",
            "program_pi": "observer1",
            "ra": 15.94654,
            "request_id": 1
        }
    ],
    "user": "observer1",
    "validity_window_mjd": [
        61274.083333333336,
        61274.4375
    ]
}"""


@pytest.fixture(autouse=True)
def _no_names_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts of the examples are nobody's; the guard's own tests look at addresses."""
    found = guard.Destination("too.example-observatory.org", 443, ("192.0.2.1",))
    monkeypatch.setattr(guard, "resolve_host", lambda host, port: found)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")


def body_of(payload: JSON | None = None, **order: Any) -> JSON:
    given = FACILITY.prepare(order_of(API, payload, **order), LINK)
    body: JSON = json.loads(given.http().body)
    return body


def bad_payload(payload: JSON, altdata: JSON = API, **order: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(order_of(altdata, payload, **order), LINK)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- the wire form


def test_the_body_is_the_cards() -> None:
    request = FACILITY.prepare(order_of(API), LINK).http()
    assert (request.method, request.url) == ("PUT", "http://127.0.0.1:8080/api/obsplans")
    assert request.headers == {"Authorization": "token mma-demo-token", "Content-Type": "application/json"}
    assert request.untrusted
    assert request.body.decode() == json.dumps(CARD_BODY)


def test_the_file_is_the_cards() -> None:
    payload = {**PLAN, "planned_observations": PLAN["planned_observations"][:1]}
    (upload,) = FACILITY.prepare(order_of({**SCP, "port": 2222}, payload), LINK).exchanges
    assert isinstance(upload, Upload)
    assert upload.url == "sftp://127.0.0.1:2222/data/too/incoming/ToO_S260821ab_tiling_1.json"
    assert upload.body == CARD_FILE


@pytest.mark.parametrize(
    ("directory", "url"),
    [
        ("/", "sftp://127.0.0.1:22/ToO_x.json"),
        ("/data/", "sftp://127.0.0.1:22/data/ToO_x.json"),
        ("incoming", "sftp://127.0.0.1:22/./incoming/ToO_x.json"),
    ],
)
def test_directories_are_taken_as_they_are(directory: str, url: str) -> None:
    altdata = {**SCP, "directory": directory}
    (upload,) = FACILITY.prepare(order_of(altdata, {**PLAN, "queue_name": "x"}), LINK).exchanges
    assert isinstance(upload, Upload)
    assert upload.url == url


def test_targets_in_the_receivers_form_are_numbered_anew() -> None:
    targets = [{**target, "request_id": 99, "program_pi": "somebody"} for target in CARD_BODY["targets"]]  # type: ignore[dict-item]
    payload = {**without("planned_observations", PLAN), "targets": targets}
    assert body_of(payload) == CARD_BODY


def test_the_default_name_begins_twice() -> None:
    payload = without("queue_name", PLAN)
    name = body_of(payload)["queue_name"]
    assert name.startswith("ToO_ToO_2026-08-21T20:00:00.123")
    assert len(name) == len("ToO_ToO_2026-08-21T20:00:00.123456")
    assert body_of(payload)["queue_name"] == name
    assert body_of(payload, request_id="another")["queue_name"] != name


def test_what_was_chosen_is_chosen_again() -> None:
    payload = {"targets": many(1)}
    order = order_of(API, payload)
    first = plans.build(order, LINK)
    later = NOW.replace(hour=21)
    again = order_of(API, payload, data={plans.DRAFT: first.draft()}, now=later)
    assert plans.build(again, LINK) == first


def test_the_default_window_is_a_day_from_now() -> None:
    window = body_of({"targets": many(1)})["validity_window_mjd"]
    assert window[1] - window[0] == pytest.approx(1.0)
    past = body_of({"targets": many(1), "start_date": "2026-08-20 00:00:00"})["validity_window_mjd"]
    assert past[1] == window[1]


@pytest.mark.parametrize(
    ("text", "mjd"),
    [
        ("2026-08-22 02:00:00", 61274.083333333336),
        ("2026-08-22 02:00:00.000000", 61274.083333333336),
        ("2026-08-22 02:00:00Z", 61274.083333333336),
        ("2026-08-22", 61274.0),
    ],
)
def test_forms_of_a_date(text: str, mjd: float) -> None:
    assert body_of({**PLAN, "start_date": text})["validity_window_mjd"][0] == mjd


@pytest.mark.parametrize(
    "text", ["2026-08-22T02:00:00", "2026-08-22 02:00", "2026-13-01", "22.8.2026", "1999-01-01"]
)
def test_other_forms_are_refused(text: str) -> None:
    assert set(bad_payload({**PLAN, "start_date": text})) == {"payload.start_date"}


# -- what may be asked


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"end_date": "2026-08-22 02:00:00"}, "payload.end_date", "must be after start_date"),
        (
            {"start_date": "2026-08-20 00:00:00", "end_date": "2026-08-21 00:00:00"},
            "payload.end_date",
            "must not be past",
        ),
        (
            {"planned_observations": None},
            "payload.planned_observations",
            "or targets is required: Cannot submit observing plan with no observations.",
        ),
        ({"planned_observations": []}, "payload.planned_observations", "at least 1"),
        ({"targets": many(1)}, "payload.targets", "Should be one observation plan for this request."),
        ({"filter_strategy": "integrated"}, "payload.minimum_time_difference", "must be defined"),
        ({"filter_strategy": "blocks"}, "payload.filter_strategy", "'block' or 'integrated'"),
        ({"schedule_type": "lazy"}, "payload.schedule_type", "'greedy', 'greedy_slew', 'sear'"),
        ({"integrated_probability": 101}, "payload.integrated_probability", "less than or equal to 100"),
        ({"minimum_time_difference": 181}, "payload.minimum_time_difference", "less than or equal to 180"),
        ({"maximum_airmass": 0.9}, "payload.maximum_airmass", "greater than or equal to 1"),
        ({"max_nb_tiles": 1001}, "payload.max_nb_tiles", "less than or equal to 1000"),
        ({"max_nb_tiles": 1.5}, "payload.max_nb_tiles", "whole number"),
        ({"galactic_plane": "yes"}, "payload.galactic_plane", "true or false"),
        ({"queue_name": ""}, "payload.queue_name", "at least 1"),
        ({"queue_name": "a\nb"}, "payload.queue_name", "control characters"),
        ({"queue_nam": "a"}, "payload.queue_nam", "is not a field"),
    ],
)
def test_payloads_that_are_refused(changes: JSON, place: str, said: str) -> None:
    assert said in bad_payload({**PLAN, **changes})[place]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ra": 360.0}, "ra"),
        ({"ra": "12"}, "ra"),
        ({"dec": -90.1}, "dec"),
        ({"exposure_time": 0}, "exposure_time"),
        ({"exposure_time": 1.5}, "exposure_time"),
        ({"exposure_time": True}, "exposure_time"),
        ({"filter": ""}, "filter"),
        ({"field_id": 1.0}, "field_id"),
    ],
)
def test_a_bad_pointing_is_named(changes: JSON, said: str) -> None:
    targets = [*many(2), {**many(1)[0], **changes}]
    assert set(bad_payload({"targets": targets})) == {f"payload.targets.2.{said}"}


def test_a_whole_number_of_seconds_may_be_a_float() -> None:
    (target,) = body_of({"targets": [{**many(1)[0], "exposure_time": 30.0}]})["targets"]
    assert target["exposure_time"] == 30
    assert isinstance(target["exposure_time"], int)


def test_a_requester_without_a_username() -> None:
    assert set(bad_payload(PLAN, username="")) == {"requester.username"}


@pytest.mark.parametrize("name", ["../../x", "a/b", ".hidden", "a b", "ä", "a;b", "a\\b"])
def test_names_that_are_no_safe_file_names(name: str) -> None:
    assert set(bad_payload({**PLAN, "queue_name": name}, SCP)) == {"payload.queue_name"}
    assert body_of({**PLAN, "queue_name": name})["queue_name"] == f"ToO_{name}"


def test_filters_of_the_instrument() -> None:
    altdata = {**API, "filters": ["ztfg"]}
    found = bad_payload({**PLAN, "filters": "ztfg,ztfi"}, altdata)
    assert set(found) == {"payload.filters", "payload.planned_observations"}
    assert found["payload.filters"] == (
        "Filters in payload must be a subset of instrument filters: ['ztfg']; ztfi is not there"
    )


def test_an_http_host_is_refused_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_ENDPOINT_ALLOW_LIST")
    assert bad_payload(PLAN) == {"altdata.host": "must be https"}
