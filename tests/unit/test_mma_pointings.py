"""Observation plans: centres of fields, and that every plan that is accepted is one the receiver takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.mma import plans as simulated
from mma import plan as plans
from mma.payload import MmaPayload
from slew import guard
from slew.errors import Invalid, Problem
from slew.facility import Link
from slew.validation import parse
from slew.wire import HttpRequest, Upload
from tests.mma_bench import API, FACILITY, PLAN, SCP, many, order_of, without

JSON = dict[str, Any]
LINK = Link(None, None)  # type: ignore[arg-type]


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


# -- centres of fields


def planned(*numbers: int, **centre: Any) -> JSON:
    return {
        **PLAN,
        "planned_observations": [
            {"field_id": number, "filt": "ztfg", "exposure_time": 30, **centre} for number in numbers
        ],
    }


def test_centres_of_the_payload() -> None:
    payload = {**planned(7), "fields": [{"field_id": 7, "ra": 1.5, "dec": 2, "contour": {}}]}
    (target,) = body_of(payload)["targets"]
    assert (target["ra"], target["dec"]) == (1.5, 2.0)


def test_centres_of_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def grid(instrument: str) -> dict[int, tuple[float, float]]:
        asked.append(instrument)
        return {7: (10.0, 20.0), 8: (11.0, 21.0)}

    order = order_of(
        {**API, "instrument_name": "ZTF"}, {**planned(7, 8), "fields": [{"field_id": 7, "ra": 1, "dec": 2}]}
    )
    built = plans.build(order, Link(None, None, field_grid=grid))  # type: ignore[arg-type]
    assert [(target["ra"], target["dec"]) for target in built.targets] == [(1.0, 2.0), (11.0, 21.0)]
    assert asked == ["ZTF"]


def test_fields_that_are_nowhere_are_named() -> None:
    said = bad_payload(planned(*range(1, 31)))["payload.planned_observations"]
    assert "are not known: 1, 2, 3, " in said
    assert "20 and 10 more" in said
    assert "SLEW_FIELD_GRID_MMA" in said


def test_what_skyportal_shows_of_a_plan_is_taken_as_it_is() -> None:
    payload = planned(
        247,
        field={"id": 1, "ra": 15.0, "dec": -24.25, "contour": None, "field_id": 247},
        id=12,
        weight=0.12,
        obstime="2026-08-22T02:00:00.000",
        overhead_per_exposure=10,
        planned_observation_id=1,
    )
    (target,) = body_of(payload)["targets"]
    assert set(target) == set(simulated.TARGET_KEYS)


# -- every plan that is accepted is one that the receiver takes

_positions = st.tuples(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
_filters = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
_targets = st.builds(
    lambda field_id, position, bandpass, seconds: {
        "field_id": field_id,
        "ra": position[0],
        "dec": position[1],
        "filter": bandpass,
        "exposure_time": seconds,
    },
    st.integers(-(2**63), 2**63 - 1),
    _positions,
    _filters,
    st.integers(1, 86_400),
)
_names = st.none() | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=60
)


@settings(max_examples=50)
@given(
    st.lists(_targets, min_size=1, max_size=5),
    _names,
    st.sampled_from([None, "2026-08-22", "2026-08-22 02:00:00.5"]),
)
def test_any_accepted_plan_is_taken(targets: list[JSON], name: str | None, start: str | None) -> None:
    payload = {
        key: value
        for key, value in {"targets": targets, "queue_name": name, "start_date": start}.items()
        if value
    }
    try:
        model = parse(MmaPayload, payload, ["payload"])
    except Problem:
        assert name is not None
        assert not name.strip() or "\x85" in name
        return
    body = body_of(payload)
    assert simulated.fault(body) == ""
    assert len(body["targets"]) == len(model.targets or ())


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_no_name_escapes_its_directory(name: str) -> None:
    try:
        (upload,) = FACILITY.prepare(order_of(SCP, {**PLAN, "queue_name": name}), LINK).exchanges
    except Problem:
        return
    assert isinstance(upload, Upload)
    assert upload.url.rpartition("/")[0] == "sftp://127.0.0.1:22/data/too/incoming"
    assert not upload.url.rpartition("/")[2].startswith(".")


def test_ten_thousand_pointings() -> None:
    order = order_of(API, {**without("planned_observations", PLAN), "targets": many(10_000)})
    (request,) = FACILITY.prepare(order, LINK).exchanges
    assert isinstance(request, HttpRequest)
    assert simulated.fault(json.loads(request.body)) == ""
