"""ZTF: what is accepted, and the exact body that leaves; no server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink
from slew.validation import parse
from tests.ztf_orders import FIELDS, JSON, NOW, PLAN, SKYMAP, TRIGGERED, order_of, without
from ztf import twilight
from ztf.facility import Ztf
from ztf.kept import Kept
from ztf.payload import ZtfPayload

FACILITY = Ztf()
RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "ztf.json").read_text())
NO_HTTP = Link(cast(HttpLink, None), cast(MailLink, None))
GRID = {699: (45.9756, 40.55), 700: (54.52367, 40.55), 550: (210.5, 4.55), 551: (217.7, 4.55)}
WITH_GRID = Link(cast(HttpLink, None), cast(MailLink, None), field_grid={"ztf": GRID}.get)


def sent(payload: JSON, link: Link = NO_HTTP, **fields: Any) -> JSON:
    """The body that leaves."""
    body: JSON = json.loads(FACILITY.prepare(order_of(payload, **fields), link).http().body)
    return body


def refused(payload: JSON, link: Link = NO_HTTP, **fields: Any) -> dict[str, str]:
    """The errors, by the field's place."""
    with pytest.raises(Invalid) as caught:
        sent(payload, link, **fields)
    return {".".join(map(str, each.loc)): each.msg for each in caught.value.errors}


# -- the wire


def test_the_card_s_example() -> None:
    request = FACILITY.prepare(order_of(TRIGGERED), NO_HTTP).http()
    assert (request.method, request.url) == ("PUT", "https://kowalski.caltech.edu:443/api/triggers/ztf")
    assert request.headers == {
        "Authorization": "Bearer kowalski-token",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    rows = [(1, 699, 45.9756, 1), (2, 700, 54.52367, 1), (3, 699, 45.9756, 2), (4, 700, 54.52367, 2)]
    assert json.loads(request.body) == {
        "queue_name": "ToO_GRB260311A",
        "validity_window_mjd": [61110.125, 61110.5],
        "queue_type": "list",
        "user": "observer1",
        "targets": [
            {
                "request_id": number,
                "program_id": 2,
                "field_id": field_id,
                "ra": ra,
                "dec": 40.55,
                "filter_id": filter_id,
                "exposure_time": 300.0,
                "program_pi": "Kulkarni/observer1",
                "subprogram_name": "ToO_GRB",
            }
            for number, field_id, ra, filter_id in rows
        ],
    }


@pytest.mark.parametrize("recorded", RECORDINGS, ids=lambda entry: entry["name"])
def test_the_same_as_the_peer(recorded: JSON) -> None:
    """The peer's recording was made with a table of fields that gave every row another centre: 213 + n, 54.

    Such a table is no grid, so each field has one centre here and `ra` is compared by the centres given.
    """
    (peer,) = recorded["peer"]["sent"]
    centres = [{"field_id": 699, "ra": 213.0, "dec": 54.0}, {"field_id": 700, "ra": 214.0, "dec": 54.0}]
    order = order_of(
        {**recorded["payload"], "fields": centres},
        recorded["altdata"],
        recorded["requester"]["username"],
    )
    request = FACILITY.prepare(order, NO_HTTP).http()
    assert (request.method, request.url) == (peer["method"], peer["url"])
    assert request.headers["Authorization"] == peer["headers"]["Authorization"]
    expected = peer["json"]
    for target in expected["targets"]:
        target["ra"] = 213.0 if target["field_id"] == 699 else 214.0
    assert json.loads(request.body) == expected


def test_a_plan_in_its_order_with_the_doubled_prefix() -> None:
    body = sent({**PLAN, "queue_name": "ToO_S260311ab"})
    assert body["queue_name"] == "ToO_ToO_S260311ab"
    shown = [
        (each["field_id"], each["filter_id"], each["exposure_time"], each["ra"]) for each in body["targets"]
    ]
    assert shown == [(550, 1, 180.0, 210.5), (551, 2, 180.0, 217.7), (550, 1, 180.0, 210.5)]
    assert [each["request_id"] for each in body["targets"]] == [1, 2, 3]
    assert {each["subprogram_name"] for each in body["targets"]} == {"ToO_GW"}


def test_what_steers_the_planner_is_taken_and_not_sent() -> None:
    planner = {
        "filters": "ztfg,ztfr,ztfg",
        "filter_strategy": "block",
        "schedule_type": "greedy_slew",
        "schedule_strategy": "tiling",
        "exposure_time": 300,
        "maximum_airmass": 2,
        "integrated_probability": 90,
        "minimum_time_difference": 30,
        "galactic_plane": False,
        "galactic_latitude": 10,
        "max_tiles": True,
        "max_nb_tiles": 100,
        "balance_exposure": True,
        "ra_slice": False,
        "ra_slice_min": 0,
        "ra_slice_max": 360,
        "use_primary": True,
        "use_secondary": False,
        "use_references": True,
        "galaxy_catalog": "CLU",
        "galaxy_sorting": "mstar",
    }
    assert sent({**PLAN, **planner}) == sent(PLAN)


def test_a_sky_map_trigger() -> None:
    request = FACILITY.prepare(order_of(SKYMAP), NO_HTTP).http()
    assert (request.method, request.url) == ("PUT", "https://kowalski.caltech.edu:443/api/triggers/ztfmma")
    assert json.loads(request.body) == {
        "trigger_name": "S260311ab",
        "trigger_time": 61110.131,
        "user": "observer1",
        "fields": [{"field_id": 550, "probability": 0.42}, {"field_id": 551, "probability": 0.17}],
    }


def test_a_sky_map_without_a_time_has_that_of_the_submission_and_says_so() -> None:
    prepared = FACILITY.prepare(order_of(without(SKYMAP, "trigger_time")), NO_HTTP)
    assert json.loads(prepared.http().body)["trigger_time"] == pytest.approx(61110 + 1 / 24)
    assert "moves the whole public" in prepared.notes[0]
    assert "not that of the event" in prepared.notes[1]


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ({"program_id": "Caltech"}, "program_id", 3),
        ({"subprogram_name": "Neutrino"}, "subprogram_name", "ToO_Neutrino"),
        ({"exposure_time": "30"}, "exposure_time", 30.0),
        ({"exposure_time": 45.5}, "exposure_time", 45.5),
        ({"filters": " ztfi "}, "filter_id", 3),
        ({"max_airmass": 1.8}, "max_airmass", 1.8),
        ({"n_repeats": 3.0}, "n_repeats", 3),
    ],
)
def test_what_every_target_gets(change: JSON, key: str, value: Any) -> None:
    targets = sent({**TRIGGERED, **change})["targets"]
    assert {json.dumps(each[key]) for each in targets} == {json.dumps(value)}


def test_defaults_are_the_card_s() -> None:
    body = sent({"start_date": "2026-03-11", "end_date": "2026-03-12 06:00", "fields": FIELDS})
    assert body["validity_window_mjd"] == [61110.0, 61111.25]
    assert [(each["field_id"], each["filter_id"]) for each in body["targets"]] == [
        (field, band) for band in (1, 2, 3) for field in (699, 700)
    ]
    first = body["targets"][0]
    assert (first["program_id"], first["subprogram_name"], first["exposure_time"]) == (2, "ToO_GRB", 300.0)
    assert not {"max_airmass", "n_repeats"} & set(first)


def test_blanks_around_names_are_no_part_of_them() -> None:
    assert sent({**TRIGGERED, "filters": "ztfg , r", "field_ids": " 699 ,700"}) == sent(TRIGGERED)


def test_open_shutter_time() -> None:
    def total(payload: JSON) -> float | None:
        return FACILITY.exposure_s(parse(ZtfPayload, payload))

    assert total(TRIGGERED) == 4 * 300
    assert total({**TRIGGERED, "n_repeats": 2, "exposure_time": "30"}) == 4 * 2 * 30
    assert total(PLAN) == 3 * 180
    assert total(SKYMAP) is None


# -- names


def test_a_queue_without_a_name_gets_one_that_a_retry_keeps_and_others_have_not() -> None:
    payload = without(TRIGGERED, "queue_name")
    name = sent(payload)["queue_name"]
    assert name.startswith("ToO_slew_")
    assert sent(payload, now=NOW + timedelta(hours=1))["queue_name"] == name
    assert sent(payload, request_id="another")["queue_name"] != name
    assert sent({**payload, "filters": "g"})["queue_name"] != name
    assert (
        FACILITY.prepare(order_of(payload), NO_HTTP).notes[0] == f"no queue_name given: the queue is {name}"
    )


@pytest.mark.parametrize("name", ["default", "Fallback", "a?mode_num=1", "", " ", "x" * 101, "a\nb"])
@pytest.mark.parametrize(("payload", "key"), [(TRIGGERED, "queue_name"), (SKYMAP, "trigger_name")])
def test_names_that_are_refused(payload: JSON, key: str, name: str) -> None:
    assert list(refused({**payload, key: name})) == [f"payload.{key}"]


def test_what_a_request_is_called() -> None:
    def name(payload: JSON) -> str:
        return FACILITY.plan_name(parse(ZtfPayload, payload))

    assert name(TRIGGERED) == "GRB260311A"
    assert name(SKYMAP) == "S260311ab"
    assert name(without(TRIGGERED, "queue_name")) == "queue"
    assert name(without(PLAN, "queue_name")) == "plan"


# -- windows


def test_a_plan_s_default_window_is_from_now_to_the_morning_and_is_told() -> None:
    prepared = FACILITY.prepare(order_of(without(PLAN, "start_date", "end_date")), NO_HTTP)
    start, end = json.loads(prepared.http().body)["validity_window_mjd"]
    assert start == pytest.approx(61110 + 1 / 24)
    assert 61110.5 < end < 61110.55
    assert prepared.notes == ("window 2026-03-11T01:00:00.000Z to 2026-03-11T13:10:00.000Z",)


@pytest.mark.parametrize(
    ("after", "morning"),
    [
        # astropy 8.0, the Sun at -12 deg seen from 33.3563 N, 116.8650 W, without refraction
        ("2026-03-11 01:00", "2026-03-11 13:10"),
        ("2026-06-21 20:00", "2026-06-22 11:35"),
        ("2026-12-21 14:00", "2026-12-22 13:50"),
    ],
)
def test_nautical_twilight_at_palomar(after: str, morning: str) -> None:
    found = twilight.next_morning(datetime.fromisoformat(after).replace(tzinfo=UTC))
    expected = datetime.fromisoformat(morning).replace(tzinfo=UTC)
    assert abs((found - expected).total_seconds()) <= 60


def test_a_window_in_the_past_is_not_sent() -> None:
    assert list(refused(TRIGGERED, now=NOW + timedelta(days=1))) == ["payload.end_date"]


def test_a_retry_keeps_the_window_that_was_chosen() -> None:
    payload = without(PLAN, "start_date", "end_date")
    first = FACILITY.prepare(order_of(payload), NO_HTTP)
    kept = Kept.of(json.loads(first.http().body)).data()
    later = order_of(payload, now=NOW + timedelta(hours=2), facility_data=kept)
    assert FACILITY.prepare(later, NO_HTTP).http().body == first.http().body
