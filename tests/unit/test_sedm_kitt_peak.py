"""SEDMv2 at Kitt Peak: its parameters, and the exact request that follows from them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.sedm import kitt_peak as simulator
from sedm.kitt_peak_models import FRAME_TIMES_S, Sedmv2Payload
from slew.errors import Invalid
from slew.validation import parse
from tests.sedm_orders import FACILITY, JSON, LINK, NOW, V2_TOKEN, order_of

ADDRESS = "https://v2.example.org/api/followup_request"
DEFAULTS = {
    "observation_choice": "IFU",
    "observation_type": "transient",
    "exposure_time": 300,
    "maximum_airmass": 2.0,
    "minimum_lunar_distance": 30,
    "priority": 1.0,
    "start_date": "2026-11-22T18:00:00.000",
    "end_date": "2026-11-29T18:00:00.000",
    "too": False,
}


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SEDM_V2_URL", ADDRESS)


def sent(payload: JSON | None = None, **parts: Any) -> JSON:
    request = FACILITY.prepare(order_of(payload, instrument="sedmv2", **parts), LINK).http()
    assert (request.method, request.url) == ("POST", ADDRESS)
    assert request.headers["Authorization"] == f"token {V2_TOKEN}"
    content: JSON = json.loads(request.body)
    return content


def refused(payload: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(Sedmv2Payload, payload, ["payload"])
    return {str(error.loc[1]): error.msg for error in caught.value.errors}


def test_the_body() -> None:
    assert sent() == {"obj_id": "ZTF26aaabcde", "allocation_id": 7, "payload": DEFAULTS}


def test_a_variable_has_frames() -> None:
    assert sent({"observation_type": "variable"})["payload"]["frame_exposure_time"] == 10
    wanted = {"observation_type": "variable", "frame_exposure_time": 25}
    assert sent(wanted)["payload"]["frame_exposure_time"] == 25
    assert "frame_exposure_time" not in sent({"frame_exposure_time": 25})["payload"]


def test_dates() -> None:
    payload = sent({"start_date": "2026-12-01T03:00:00.5+01:00"})["payload"]
    assert payload["start_date"] == "2026-12-01T02:00:00.500"
    assert payload["end_date"] == "2026-12-08T02:00:00.500"
    with pytest.raises(Invalid, match=r"payload\.end_date: must not be in the past"):
        sent({"end_date": "2026-11-22T17:59:00"})


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"observation_choice": "u"}, "Filter configuration unknown"),
        ({"observation_type": "moving"}, "observation_type must be either transient or variable"),
        ({"exposure_time": -1}, "exposure_time must be positive"),
        ({"frame_exposure_time": 4}, "frame_exposure_time must be [1, 2, 3, 5, 10, 15, 20, 25, 30]"),
        ({"maximum_airmass": 0.9}, "maximum_airmass must be at least 1"),
        ({"maximum_airmass": 3.1}, "less than or equal to 3"),
        ({"minimum_lunar_distance": 181}, "minimum lunar distance must be within 0-180"),
        ({"priority": 6}, "priority must be within 0-5"),
        ({"too": "true"}, "too must be boolean"),
        ({"too": 1}, "too must be boolean"),
        ({"start_date": "soon"}, "ISO"),
        ({"colour": "red"}, "is not a field"),
    ],
)
def test_bad_fields_are_refused_in_skyportals_words(payload: JSON, text: str) -> None:
    (name,) = payload
    assert text.lower() in refused(payload)[name].lower()


def test_the_order_of_dates() -> None:
    dates = {"start_date": "2026-12-02T00:00:00", "end_date": "2026-12-02T00:00:00"}
    assert refused(dates) == {"end_date": "must be after start_date"}


@pytest.mark.parametrize("missing", ["api_token", "allocation_id"])
def test_what_its_server_needs_is_asked_for(missing: str) -> None:
    altdata = {"api_token": V2_TOKEN, "allocation_id": 7}
    del altdata[missing]
    with pytest.raises(Invalid, match=rf"altdata\.{missing}: is required for sedmv2"):
        sent(altdata=altdata)


def test_nothing_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_SEDM_V2_URL")
    with pytest.raises(Invalid, match=r"no address of SEDMv2 is configured .* Nothing was sent"):
        sent()


def test_the_window() -> None:
    payload = parse(Sedmv2Payload, {"end_date": "2026-12-08T00:00:00"})
    window = FACILITY.window(payload)
    assert window is not None
    assert window[1] - window[0] == timedelta(days=7)
    assert FACILITY.window(Sedmv2Payload()) is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "observation_choice": st.sampled_from(["g", "r", "i", "z", "IFU"]),
            "observation_type": st.sampled_from(["transient", "variable"]),
            "exposure_time": st.floats(0, 1e5),
            "frame_exposure_time": st.sampled_from(FRAME_TIMES_S),
            "maximum_airmass": st.floats(1, 3),
            "minimum_lunar_distance": st.floats(0, 180),
            "priority": st.floats(0, 5),
            "start_date": st.datetimes(NOW.replace(tzinfo=None)).filter(lambda m: m.year < 9999).map(str),
            "too": st.booleans(),
        },
    )
)
@settings(max_examples=50)
def test_every_accepted_request_is_taken(payload: JSON) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLEW_SEDM_V2_URL", ADDRESS)
        assert simulator.check(sent(payload)["payload"]) is None
