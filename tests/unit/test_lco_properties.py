"""Whatever payload is accepted makes a body that is JSON and within the portal's bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lco.models import CHANNELS, FilterCode
from slew import portal_listing
from tests.lco_orders import FACILITY, NOW, TOKEN, Script, exchange_of, link, order, scripted

JSON = dict[str, Any]


@pytest.fixture(autouse=True)
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    portal_listing.forget()
    with scripted() as script:
        monkeypatch.setenv("SLEW_LCO_URL", script.url)
        yield script
    portal_listing.forget()


common: dict[str, st.SearchStrategy[Any]] = {
    "observation_mode": st.sampled_from(["NORMAL", "TIME_CRITICAL", "RAPID_RESPONSE"]),
    "exposure_time": st.floats(0, 86400) | st.integers(0, 86400),
    "exposure_counts": st.integers(1, 86400) | st.sampled_from([1.0, 7.0]),
    "maximum_airmass": st.floats(1, 3),
    "minimum_lunar_distance": st.floats(0, 180),
    "priority": st.floats(0.5, 2),
    "start_date": st.sampled_from(["2026-11-22", "2026-11-20 10:00:00", "2026-11-22T14:00:00+02:00"])
    | st.none(),
    "end_date": st.sampled_from(["2026-11-23", "2026-11-29T06:00:00.5Z"]) | st.none(),
    "max_lunar_phase": st.floats(0, 1) | st.none(),
    "acceptability_threshold": st.floats(0, 100) | st.none(),
    "configuration_repeats": st.integers(1, 50) | st.none(),
    "optimization_type": st.sampled_from(["TIME", "AIRMASS", None]),
    "observation_note": st.text(
        st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=200
    ),
    "guiding_mode": st.sampled_from(["ON", "OFF", None]),
    "defocus": st.floats(-5, 5) | st.none(),
}
offsets = st.none() | st.lists(
    st.fixed_dictionaries({"ra": st.floats(-60, 60), "dec": st.floats(-60, 60)}), min_size=1, max_size=4
)
payloads = st.one_of(
    st.tuples(
        st.just("sinistro"),
        st.fixed_dictionaries(
            {"observation_choices": st.lists(st.sampled_from(get_args(FilterCode)), min_size=1, unique=True)},
            optional={
                **common,
                "dither_offsets": offsets,
                "readout_mode": st.sampled_from(["full_frame", None]),
            },
        ),
    ),
    st.tuples(
        st.just("muscat"),
        st.fixed_dictionaries(
            {},
            optional={
                **common,
                "dither_offsets": offsets,
                **{f"exposure_time_{channel}": st.floats(0, 3600) | st.none() for channel in CHANNELS},
                **{f"narrowband_{channel}_position": st.sampled_from(["in", "out"]) for channel in CHANNELS},
            },
        ),
    ),
    st.tuples(
        st.just("floyds"),
        st.fixed_dictionaries({}, optional={**common, "slit": st.sampled_from(["slit_1.2as", "slit_6.0as"])}),
    ),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(payloads)
def test_any_accepted_payload_makes_a_body_within_the_portals_bounds(chosen: tuple[str, JSON]) -> None:
    instrument, payload = chosen
    exchange = exchange_of(FACILITY.prepare(order(instrument, payload), link()))
    assert exchange.headers["Authorization"] == f"Token {TOKEN}"
    body = json.loads(exchange.body, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert 0.5 <= body["ipp_value"] <= 2
    assert 0 < len(body["name"]) <= 50
    (request,) = body["requests"]
    assert len(request["observation_note"]) <= 255
    (window,) = request["windows"]
    assert window["end"] > max(window["start"], NOW.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"))
    assert request["configurations"]
    for configuration in request["configurations"]:
        assert 1 <= configuration["constraints"]["max_airmass"] <= 25
        assert 0 <= configuration["constraints"]["min_lunar_distance"] <= 180
        for exposure in configuration["instrument_configs"]:
            assert exposure["exposure_time"] >= 0
            assert isinstance(exposure["exposure_count"], int)
            assert exposure["exposure_count"] >= 1
            assert exposure["optical_elements"]
            if instrument == "muscat":
                channels = [exposure["extra_params"][f"exposure_time_{channel}"] for channel in CHANNELS]
                assert exposure["exposure_time"] == max(channels)
