"""ZTF: which payloads and credentials are accepted, and that the scheduler takes whatever is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.ztf import shape
from local.simulators.ztf.scheduler import Refused, Scheduler
from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink
from slew.validation import parse
from tests.ztf_orders import ALTDATA, FIELDS, JSON, PLAN, SKYMAP, TRIGGERED, order_of, without
from ztf.facility import Ztf
from ztf.models import ZtfAltdata
from ztf.payload import ZtfPayload

FACILITY = Ztf()
SINGLE: JSON = {"field_id": 1, "filt": "g", "exposure_time": 30, "ra": 3.0, "dec": 4.0}
NO_HTTP = Link(cast(HttpLink, None), cast(MailLink, None))


def sent(payload: JSON, **fields: Any) -> JSON:
    """The body that leaves."""
    body: JSON = json.loads(FACILITY.prepare(order_of(payload, **fields), NO_HTTP).http().body)
    return body


def refused(payload: JSON, **fields: Any) -> dict[str, str]:
    """The errors, by the field's place."""
    with pytest.raises(Invalid) as caught:
        sent(payload, **fields)
    return {".".join(map(str, each.loc)): each.msg for each in caught.value.errors}


# -- what is refused


@pytest.mark.parametrize(
    ("payload", "places"),
    [
        ({}, ["payload.start_date", "payload.end_date"]),
        ({"request_type": "single"}, ["payload.request_type"]),
        ({"request_type": 1}, ["payload.request_type"]),
        (without(TRIGGERED, "field_ids", "fields"), ["payload.field_ids"]),
        ({**TRIGGERED, "start_date": "yesterday"}, ["payload.start_date"]),
        ({**TRIGGERED, "start_date": 61110.1}, ["payload.start_date"]),
        ({**TRIGGERED, "start_date": "2026-03-11 12:00:00"}, ["payload.end_date"]),
        ({**TRIGGERED, "end_date": "2126-03-11"}, ["payload.end_date"]),
        ({**TRIGGERED, "program_id": "MSIP"}, ["payload.program_id"]),
        ({**TRIGGERED, "subprogram_name": "ToO_GRB"}, ["payload.subprogram_name"]),
        ({**TRIGGERED, "exposure_time": "0"}, ["payload.exposure_time"]),
        ({**TRIGGERED, "exposure_time": "long"}, ["payload.exposure_time"]),
        ({**TRIGGERED, "exposure_time": True}, ["payload.exposure_time"]),
        ({**TRIGGERED, "filters": "g,z"}, ["payload.filters"]),
        ({**TRIGGERED, "filters": "g,,r"}, ["payload.filters"]),
        ({**TRIGGERED, "field_ids": "699,882"}, ["payload.field_ids"]),
        ({**TRIGGERED, "field_ids": "699;700"}, ["payload.field_ids"]),
        ({**TRIGGERED, "fields": [*FIELDS, FIELDS[0]]}, ["payload.fields"]),
        ({**TRIGGERED, "fields": [{"field_id": 699, "ra": 361.0, "dec": 0.0}]}, ["payload.fields.0.ra"]),
        ({**TRIGGERED, "n_repeats": 0}, ["payload.n_repeats"]),
        ({**TRIGGERED, "priority": 1}, ["payload.priority"]),
        ({**PLAN, "observations": []}, ["payload.observations"]),
        ({**PLAN, "observations": [{**SINGLE, "field_id": 1898}]}, ["payload.observations.0.field_id"]),
        ({**PLAN, "observations": [{**SINGLE, "filt": "z"}]}, ["payload.observations.0.filt"]),
        ({**PLAN, "observations": [without(SINGLE, "dec")]}, ["payload.observations.0.dec"]),
        (
            {**PLAN, "observations": [without(SINGLE, "exposure_time")]},
            ["payload.observations.0.exposure_time"],
        ),
        ({**PLAN, "maximum_airmass": 4}, ["payload.maximum_airmass"]),
        (without(SKYMAP, "opt_in"), ["payload.opt_in"]),
        ({**SKYMAP, "opt_in": False}, ["payload.opt_in"]),
        ({**SKYMAP, "fields": []}, ["payload.fields"]),
        ({**SKYMAP, "fields": [{"field_id": 1, "probability": 1.1}]}, ["payload.fields.0.probability"]),
        ({**SKYMAP, "fields": [*SKYMAP["fields"], *SKYMAP["fields"]]}, ["payload.fields"]),
        ({**SKYMAP, "trigger_time": 2461110.6}, ["payload.trigger_time"]),
    ],
)
def test_bad_payloads_name_the_field_of_their_mode_alone(payload: JSON, places: list[str]) -> None:
    assert sorted(refused(payload)) == sorted(places)


def test_a_requester_without_a_name() -> None:
    assert list(refused(TRIGGERED, username="")) == ["requester.username"]


def test_a_plan_over_the_gateway_s_limit_is_refused_with_both_sizes() -> None:
    observations = PLAN["observations"] * 2000
    text = refused({**PLAN, "observations": observations})["payload"]
    assert "1048576" in text


@pytest.mark.parametrize(
    ("payload", "mode"),
    [
        (without(TRIGGERED, "request_type"), "triggered"),
        (without(PLAN, "request_type"), "observation_plan"),
        (without(SKYMAP, "request_type"), "skymap"),
        (without(SKYMAP, "request_type", "trigger_name") | {"trigger_name": "x"}, "skymap"),
    ],
)
def test_the_mode_is_inferred(payload: JSON, mode: str) -> None:
    assert parse(ZtfPayload, payload).root.request_type == mode


def test_a_sky_map_without_its_name_is_still_told_as_one() -> None:
    assert list(refused(without(SKYMAP, "request_type", "trigger_name"))) == ["payload.trigger_name"]


# -- credentials


@pytest.mark.parametrize(
    ("altdata", "place"),
    [
        ({}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "Bearer abc"}, "access_token"),
        ({**ALTDATA, "depot": "ftp://example.org"}, "depot"),
        ({**ALTDATA, "depot": "https://example.org/depot"}, "depot_username"),
        ({**ALTDATA, "depot_username": "x", "depot_password": "word"}, "depot"),
    ],
)
def test_bad_credentials_name_the_key(altdata: JSON, place: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(ZtfAltdata, altdata)
    assert ".".join(map(str, caught.value.errors[0].loc)) == place


def test_keys_of_forced_photometry_are_taken_and_not_used() -> None:
    ipac = {
        "ipac_http_user": "u",
        "ipac_http_password": "pass",
        "ipac_email": "a@example.org",
        "ipac_userpass": "p",
    }
    altdata = parse(ZtfAltdata, {**ALTDATA, **ipac})
    secrets = ("access_token", "depot_password", "ipac_http_password", "ipac_userpass")
    properties = ZtfAltdata.model_json_schema()["properties"]
    for name in secrets:
        assert "writeOnly" in json.dumps(properties[name])
    assert "word1" not in repr(altdata)
    assert "word2" not in repr(altdata)


def test_a_depot_s_address_is_checked_when_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"depot_username": "x", "depot_password": "word"}
    monkeypatch.delenv("SLEW_ENDPOINT_ALLOW_LIST", raising=False)
    with pytest.raises(Invalid, match="https"):
        FACILITY.check_altdata(parse(ZtfAltdata, {**ALTDATA, "depot": "http://192.0.2.1/depot", **login}))
    FACILITY.check_altdata(parse(ZtfAltdata, {**ALTDATA, "depot": "https://example.org/depot", **login}))


# -- any accepted payload is taken by the scheduler

names = st.text("ABCabc0123456789_-.: ", min_size=1, max_size=20).filter(lambda name: name.strip())
fields = st.one_of(st.integers(1, 881), st.integers(1001, 1897))
moments = st.integers(0, 29 * 86_400_000_000).map(
    lambda us: f"{datetime(2026, 4, 1, tzinfo=UTC) + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S.%f}"
)
bands = st.sampled_from(["g", "ztfg", "r", "ztfr", "i", "ztfi"])
seconds = st.one_of(st.integers(1, 900), st.sampled_from(["300", "30.5", 12.5]))
ras, decs = st.floats(0, 360), st.floats(-90, 90)


@st.composite
def triggers(draw: st.DrawFn) -> JSON:
    numbers = draw(st.lists(fields, min_size=1, max_size=5, unique=True))
    payload: JSON = {
        "start_date": "2026-03-31",
        "end_date": draw(moments),
        "exposure_time": draw(seconds),
        "filters": ",".join(draw(st.lists(bands, min_size=1, max_size=4))),
        "field_ids": ", ".join(map(str, numbers)),
        "program_id": draw(st.sampled_from(["Partnership", "Caltech"])),
    }
    if draw(st.booleans()):
        payload["fields"] = [{"field_id": number, "ra": draw(ras), "dec": draw(decs)} for number in numbers]
    else:
        payload["field_centres"] = "scheduler"
    if draw(st.booleans()):
        payload["queue_name"] = draw(names)
    return payload


@st.composite
def plans(draw: st.DrawFn) -> JSON:
    rows = draw(st.lists(st.tuples(fields, bands, seconds, ras, decs), min_size=1, max_size=6))
    centres = draw(st.booleans())
    observations = [
        {
            "field_id": field,
            "filt": band,
            "exposure_time": exposure,
            **({"ra": ra, "dec": dec} if centres else {}),
        }
        for field, band, exposure, ra, dec in rows
    ]
    return {
        "observations": observations,
        **({} if centres else {"field_centres": "scheduler"}),
        **({"end_date": draw(moments)} if draw(st.booleans()) else {}),
    }


@st.composite
def skymaps(draw: st.DrawFn) -> JSON:
    numbers = draw(st.lists(fields, min_size=1, max_size=8, unique=True))
    found = [{"field_id": number, "probability": draw(st.floats(0, 1))} for number in numbers]
    return {"trigger_name": draw(names), "opt_in": True, "fields": found}


@given(st.one_of(triggers(), plans(), skymaps()))
@settings(max_examples=50)
def test_what_is_accepted_is_taken(payload: JSON) -> None:
    body = sent(payload)
    scheduler = Scheduler()
    if "trigger_name" in body:
        assert shape.problems("ztfmma", "PUT", body) is None
        scheduler.put_trigger(body, 61110.0)
        return
    assert shape.problems("ztf", "PUT", body) is None
    scheduler.put(body)
    (queue,) = (each for each in scheduler.listed(61110.0) if each["queue_name"] == body["queue_name"])
    assert queue["is_TOO"]
    assert len(json.loads(queue["queue"])) == len(body["targets"])


def test_the_scheduler_of_that_test_does_refuse() -> None:
    body = sent(TRIGGERED)
    with pytest.raises(Refused):
        Scheduler().put({**body, "validity_window_mjd": [2.0, 1.0]})


odd = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.none(), max_size=2))


@given(st.dictionaries(st.sampled_from([*TRIGGERED, *PLAN, *SKYMAP]), odd))
@settings(max_examples=50)
def test_no_payload_ends_in_anything_but_an_answer(payload: JSON) -> None:
    with pytest.raises(Invalid) as caught:  # none of these is whole: texts are too short for dates
        parse(ZtfPayload, payload, ["payload"])
    assert all(each.loc[0] == "payload" and each.msg for each in caught.value.errors)


def test_what_it_can_do() -> None:
    assert FACILITY.operations == (
        "submit", "dry_run", "validate", "update", "cancel", "poll", "reconcile", "verify", "queues",
    )  # fmt: skip
    assert FACILITY.collections == ("requests", "plans")
    schema = ZtfPayload.model_json_schema()
    assert set(schema["$defs"]) >= {"Triggered", "ObservationPlan", "Skymap"}
