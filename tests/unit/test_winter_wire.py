"""WINTER: the exact request that follows from an order; the peer's recordings; no server involved."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.winter import checks, requests_model, sky
from local.simulators.winter.programmes import Programme
from slew.errors import Invalid, NoAnswer
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order
from slew.models import Requester, Target
from slew.validation import parse
from slew.wire import Answer, HttpRequest
from winter import targets
from winter.facility import Winter
from winter.targets import WinterOrder

JSON = dict[str, Any]
RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "winter.json").read_text())
BASE = "http://winter.caltech.edu:82"
NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
DATES = {"start_date": "2026-12-01 03:00:00", "end_date": "2026-12-08 03:00:00"}
ALTDATA = {
    "username": "observer@example.org",
    "password": "s3cr3t",
    "program_name": "2026B001",
    "program_api_key": "9f3c2b7e",
}
FACILITY = Winter()
AMPLE = Programme("2026B001", "9f3c2b7e", hours_allocated=1e12, maxpriority=1e308)


class Silent:
    """An HTTP link on which nothing can be read, as where the service is down; nothing may be sent."""

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        raise NoAnswer("down")

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        raise AssertionError("nothing may be sent")


LINK = Link(cast(HttpLink, Silent()), cast(MailLink, None))


def order_of(
    payload: Mapping[str, Any],
    instrument: str = "winter",
    target: Mapping[str, Any] | None = None,
    altdata: Mapping[str, Any] = ALTDATA,
    now: datetime = NOW,
) -> WinterOrder:
    return Order(
        request_id="101",
        instrument=instrument,
        target=Target(**{"name": "ZTF26aaabcde", "ra": 48.3986122, "dec": -2.1517241, **(target or {})}),
        payload=parse(FACILITY.payloads[instrument], payload, ["payload"]),
        altdata=parse(FACILITY.Altdata, altdata),
        allocation=AllocationFacts("winter", "PI of the programme", "transients"),
        requester=Requester(),
        now=now,
        created_at=now,
    )


def body_of(order: WinterOrder) -> list[JSON]:
    body: list[JSON] = json.loads(FACILITY.prepare(order, LINK).http().body)
    return body


def test_the_cards_example_for_winter() -> None:
    request = FACILITY.prepare(order_of({"filter": "J", **DATES}), LINK).http()
    assert (request.method, urlsplit(request.url).path) == ("POST", "/too/winter")
    assert dict(parse_qsl(urlsplit(request.url).query)) == {
        "program_name": "2026B001",
        "program_api_key": "9f3c2b7e",
        "submit_trigger": "True",
    }
    assert request.headers == {
        "Authorization": "Basic b2JzZXJ2ZXJAZXhhbXBsZS5vcmc6czNjcjN0",
        "Content-Type": "application/json",
    }
    assert json.loads(request.body) == [
        {
            "ra_deg": 48.3986122,
            "dec_deg": -2.1517241,
            "use_field_grid": False,
            "filters": ["J"],
            "target_priority": 50,
            "target_name": "ZTF26aaabcde",
            "total_exposure_time": 960,
            "n_repetitions": 1,
            "n_dither": 8,
            "dither_distance": 90.0,
            "start_time_mjd": 61375.125,
            "end_time_mjd": 61382.125,
            "max_airmass": 2.0,
        }
    ]


def test_the_cards_example_for_spring() -> None:
    payload = {"filter": "Y", "start_date": DATES["start_date"], "end_date": "2026-12-02T03:00:00"}
    target = {"name": "AT2026xyz", "ra": 210.910674637, "dec": 54.3116510708}
    order = order_of(payload, "spring", target)
    assert urlsplit(FACILITY.prepare(order, LINK).http().url).path == "/too/spring"
    assert body_of(order) == [
        {
            "ra_deg": 210.910674637,
            "dec_deg": 54.3116510708,
            "use_field_grid": False,
            "filters": ["Y"],
            "target_priority": 50,
            "target_name": "AT2026xyz",
            "total_exposure_time": 900,
            "n_repetitions": 1,
            "n_dither": 30,
            "dither_distance": 60.0,
            "start_time_mjd": 61375.125,
            "end_time_mjd": 61376.125,
            "max_airmass": 2.0,
        }
    ]


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_request_as_the_peers_but_really_triggered(
    recording: JSON, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one exception: the peer's `submit_trigger` is False, which triggers nothing (card, Pitfalls)."""
    monkeypatch.delenv("SLEW_WINTER_URL", raising=False)
    position = recording["target"]
    target = {"name": position["id"], "ra": position["ra"], "dec": position["dec"]}
    order = order_of(recording["payload"], "winter", target, recording["altdata"])
    ours = FACILITY.prepare(order, LINK).http()
    [theirs] = recording["peer"]["sent"]
    assert (ours.method, ours.url.partition("?")[0]) == (theirs["method"], theirs["url"])
    params = dict(parse_qsl(urlsplit(ours.url).query))
    assert theirs["params"].pop("submit_trigger") == "False"
    assert params.pop("submit_trigger") == "True"
    assert params == theirs["params"]
    assert json.loads(ours.body) == theirs["json"]
    scheme, _, credentials = ours.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(credentials).decode().split(":") == theirs["auth"]["basic"]


def test_every_extra() -> None:
    payload = {
        "filters": ["J", "Hs", "Y"],
        "exposure_time": 30,
        "n_dither": 4,
        "n_dither_hs": 9,
        "n_repetitions": 3,
        "priority": 62.5,
        "dither_distance": 15,
        "maximum_airmass": 1.5,
        "use_best_detector": False,
        "advanced": True,
        **DATES,
    }
    first, second = body_of(order_of(payload))
    common = {
        "n_repetitions": 3,
        "target_priority": 62.5,
        "dither_distance": 15,
        "max_airmass": 1.5,
        "use_best_detector": False,
    }
    assert {
        **common,
        "filters": ["J", "Y"],
        "total_exposure_time": 120,
        "n_dither": 4,
    }.items() <= first.items()
    assert {**common, "filters": ["Hs"], "total_exposure_time": 270, "n_dither": 9}.items() <= second.items()
    assert "advanced" not in first


def test_a_field_in_place_of_a_position() -> None:
    [body] = body_of(order_of({"filter": "J", "field_id": 3944, **DATES}))
    assert body["field_id"] == 3944
    assert not {"ra_deg", "dec_deg", "use_field_grid"} & set(body)


@pytest.mark.parametrize(("best", "sent"), [(None, False), (False, False)])
def test_the_grid_excludes_the_best_detector(best: bool | None, sent: bool) -> None:
    extra = {} if best is None else {"use_best_detector": best}
    [body] = body_of(order_of({"filter": "J", "use_field_grid": True, **extra, **DATES}))
    assert (body["use_field_grid"], body["use_best_detector"]) == (True, sent)


def test_the_window_is_a_week_from_now() -> None:
    [body] = body_of(order_of({"filter": "J"}))
    assert (body["start_time_mjd"], body["end_time_mjd"]) == (61374 + 5 / 24, 61381 + 5 / 24)


@pytest.mark.parametrize(
    ("dates", "field", "text"),
    [
        (
            {"end_date": "2026-11-30 04:59:59"},
            "end_date",
            "is in the past, (time now is 2026-11-30 05:00:00)",
        ),
        ({"start_date": "2026-12-07 05:00:00"}, "end_date", "7 days from now"),
    ],
)
def test_windows_that_are_none(dates: JSON, field: str, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        body_of(order_of({"filter": "J", **dates}))
    assert caught.value.errors[0].loc == ("payload", field)
    assert text in caught.value.detail


def test_the_window_for_the_allocations_validity() -> None:
    payloads = FACILITY.payloads["winter"]
    start, end = datetime(2026, 12, 1, 3, tzinfo=UTC), datetime(2026, 12, 8, 3, tzinfo=UTC)
    assert FACILITY.window(payloads.model_validate({"filter": "J", **DATES})) == (start, end)
    only_end = payloads.model_validate({"filter": "J", "end_date": DATES["end_date"]})
    assert FACILITY.window(only_end) == (start, end)
    assert FACILITY.window(payloads.model_validate({"filter": "J"})) is None


def test_what_the_caller_is_told() -> None:
    order = order_of({"filter": "Hs", "n_dither_j": 3}, "spring", {"name": "x" * 31})
    unused, cut, wheel = FACILITY.prepare(order, LINK).notes
    assert unused == "n_dither_j is not used: the filter is Hs"
    assert cut.endswith("x" * 30)
    assert "SPRING's wheel holds no Hs" in wheel
    assert body_of(order)[0]["target_name"] == "x" * 30
    field = order_of({"filter": "Hs", "field_id": 7})
    assert FACILITY.prepare(field, LINK).notes == ("field 7 is sent in place of the target's position",)


# -- any accepted payload is accepted by the simulator

FILTER = st.sampled_from(["Y", "J", "Hs", "dark"])
NUMBERS = {
    **{f"exposure_time{suffix}": st.integers(1, 300) for suffix in ("", "_y", "_j", "_hs", "_dark")},
    **{f"n_dither{suffix}": st.integers(1, 10000) for suffix in ("", "_y", "_j", "_hs", "_dark")},
    "n_repetitions": st.integers(1, 3),
    "priority": st.one_of(st.integers(0, 10**6), st.floats(0, 1e300)),
    "maximum_airmass": st.floats(1, 5),
    "dither_distance": st.floats(0, 1e300),
    "advanced": st.booleans(),
    "use_best_detector": st.booleans(),
}
CHOICE = st.one_of(
    st.fixed_dictionaries({"filter": FILTER}),
    st.fixed_dictionaries({"filters": st.lists(FILTER, min_size=1, unique=True)}),
)
PLACE: st.SearchStrategy[JSON] = st.one_of(
    st.just({}),
    st.just({"use_field_grid": True, "use_best_detector": False}),
    st.fixed_dictionaries({"field_id": st.integers(1, 700).filter(lambda n: n not in sky.UNUSED_FIELDS)}),
)


@settings(max_examples=50)
@given(
    st.sampled_from(["winter", "spring"]),
    CHOICE,
    st.fixed_dictionaries({}, optional=NUMBERS),
    PLACE,
    st.datetimes(datetime.fromisoformat("2026-12-01"), datetime.fromisoformat("2126-01-01")),
    st.timedeltas(timedelta(seconds=1), timedelta(days=400)),
    st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable() and text.strip() != ""),
)
def test_the_simulator_takes_whatever_is_accepted(
    camera: str, choice: JSON, numbers: JSON, place: JSON, start: datetime, length: timedelta, name: str
) -> None:
    dates = {"start_date": str(start), "end_date": str(start + length)}
    payload = {**choice, **numbers, **dates, **(place if camera == "winter" else {})}
    # Near the pole star's height: up in every night, wherever in the window.
    order = order_of(payload, camera, {"name": name, "ra": 37.9, "dec": 89.2})
    body = body_of(order)
    read = requests_model.targets(body, camera)
    rows = checks.rows_of(read, AMPLE, NOW.timestamp())
    assert {row["filter"] for row in rows} == set(order.payload.wanted)
    assert len(rows) == sum(targets.rows(body).values())
    assert sum(row["visitExpTime"] for row in rows) == pytest.approx(targets.seconds(body))
    assert all(1 <= row["singleExpTime"] <= 300 for row in rows)
