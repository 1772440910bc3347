"""What NICER's models refuse and doubt, and that whatever they accept is a form the simulator verifies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.nicer import checks
from nicer.facility import Nicer
from nicer.form import EXPECTED, form
from nicer.models import NicerAltdata, NicerPayload
from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink, Prepared
from slew.wire import HttpRequest
from tests.nicer_orders import JSON, NOW, RANGE, WHOLE, order_of

FACILITY = Nicer()
LINK = Link(cast(HttpLink, None), cast(MailLink, None))
FLAGS = list(EXPECTED)


def prepared(**parts: JSON) -> Prepared:
    return FACILITY.prepare(order_of(**parts), LINK)


def verification(**parts: JSON) -> JSON:
    _, verify, _ = prepared(**parts).exchanges
    assert isinstance(verify, HttpRequest)
    return dict(parse_qsl(verify.body.decode(), keep_blank_values=True, strict_parsing=True))


def notes_of(**payload: Any) -> tuple[str, ...]:
    return form(order_of(payload)).notes


def refused(**parts: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        prepared(**parts)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Urgency", "Now"),
        ("Urgency", None),
        ("TargetCategory", "Kilonovae"),
        ("JustificationToO", ...),
        ("JustificationToO", " "),
        ("JustificationToO", "None"),
        ("JustificationToO", "bell\x07"),
        ("JustificationToO", "x" * 20_001),
        ("JustificationExposure", ...),
        ("JustificationExposure", ""),
        ("ObservationTime", 0),
        ("ObservationTime", "10"),
        ("ObservationTime", float("nan")),
        ("ObservationTime", 100_001),
        ("ExpectedCountRate", ...),
        ("ExpectedCountRate", -0.1),
        ("ExpectedCountRate", float("inf")),
        ("ExpectedCountRate", True),
        ("MonitoringProgram", "yes"),
        ("MonitoringProgram", True),
        ("MonitoringCriteria", "a\x00b"),
        ("PhaseDependentPeriod", 0),
        ("PhaseMinimum", "0.2"),
        ("exposure_time", 300),
    ],
)
def test_bounds(field: str, value: Any) -> None:
    assert list(refused(payload={field: value})) == [f"payload.{field}"]


@pytest.mark.parametrize("end", ["2026-12-01 12:00:00", "2026-11-30"])
def test_a_reversed_time_range_is_refused_where_it_would_be_sent(end: str) -> None:
    found = refused(payload={**RANGE, "TimeRangeEnd": end})
    assert found == {"payload.TimeRangeEnd": "must be later than TimeRangeStart"}
    assert form(order_of({**RANGE, "TimeRangeEnd": end, "SpecificTimeRangeObservation": "N"}))
    found = refused(payload={**RANGE, "TimeRangeStart": ..., "TimeRangeEnd": "2026-11-01"})
    assert found == {"payload.TimeRangeEnd": "must be later than TimeRangeStart, which is now"}


def test_a_time_range_that_is_over_is_doubted() -> None:
    dates = {"TimeRangeStart": "2026-08-21", "TimeRangeEnd": "2026-08-28"}
    assert notes_of(**{**RANGE, **dates}) == ("the time range is over",)


def test_phases_in_days_are_doubted() -> None:
    [note] = notes_of(**{**WHOLE, "PhaseMaximum": 1.1})
    assert "not days" in note


def test_text_of_several_lines_goes_as_it_is() -> None:
    text = "Two reasons:\n\t1. α Cen\n\t2. 50% & more"
    sent = verification(payload={"JustificationToO": text})
    assert sent["Justification for Target of Opportunity"] == text


def test_the_name_none_is_refused() -> None:
    assert refused(target={"name": "None"}) == {"target.name": "must not be the word None"}


def test_the_window_is_the_time_range() -> None:
    window = FACILITY.window(order_of(RANGE).payload)
    assert window == (datetime(2026, 12, 1, 12, tzinfo=UTC), datetime(2026, 12, 8, 12, tzinfo=UTC))
    start_alone = order_of({**RANGE, "TimeRangeEnd": ...}).payload
    assert FACILITY.window(start_alone) == window
    assert FACILITY.window(order_of().payload) is None


@pytest.mark.parametrize("confirm", [{}, {"ConfirmNoWithdrawal": False}])
def test_an_allocation_may_require_a_confirmation(confirm: JSON) -> None:
    found = refused(payload=confirm, altdata={"require_confirmation": True})
    assert "neither changed nor withdrawn" in found["payload.ConfirmNoWithdrawal"]
    assert prepared(payload={"ConfirmNoWithdrawal": True}, altdata={"require_confirmation": True})
    assert "ConfirmNoWithdrawal" not in form(order_of({"ConfirmNoWithdrawal": True})).fields


@pytest.mark.parametrize("password", ["", "abc", "x" * 201, None, 7])
def test_a_password_that_could_not_be_masked_is_refused(password: Any) -> None:
    assert list(refused(altdata={"password": password})) == ["altdata.password"]


def test_what_the_schemas_say() -> None:
    schema = NicerPayload.model_json_schema()
    assert schema["required"] == ["JustificationToO", "JustificationExposure", "ExpectedCountRate"]
    properties = schema["properties"]
    assert all({"title", "description"} <= set(field) for field in properties.values())
    assert properties["Urgency"]["default"] == "Next Day"
    assert properties["ObservationTime"]["default"] == 10
    assert len(properties["TargetCategory"]["enum"]) == 11
    assert NicerAltdata.model_json_schema()["properties"]["password"]["writeOnly"] is True


# -- whatever is accepted

TEXTS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30).filter(
    lambda text: text.strip() not in ("", "None")
)
MOMENTS = st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2090-01-01")).map(
    lambda moment: moment.isoformat(" ")
)
FLAG = st.sampled_from("YN")
PAYLOADS = st.fixed_dictionaries(
    {
        "JustificationToO": TEXTS,
        "JustificationExposure": TEXTS,
        "ExpectedCountRate": st.floats(0, 1e7),
        **dict.fromkeys(FLAGS, FLAG),
    },
    optional={
        "Urgency": st.sampled_from(checks.ENUMS["Urgency"]),
        "TargetCategory": st.sampled_from(checks.ENUMS["Target Category"]),
        "ObservationTime": st.floats(0, 1e5, exclude_min=True),
        "ProposalNumber": TEXTS,
        "PhaseDependentEpoch": MOMENTS,
        "PhaseDependentPeriod": st.floats(0, 1e6, exclude_min=True),
        "PhaseMinimum": st.floats(-1, 2),
        "PhaseMaximum": st.floats(-1, 2) | st.none(),
        "TimeRangeStart": MOMENTS,
        "TimeRangeEnd": MOMENTS,
        **dict.fromkeys(
            ("MonitoringCriteria", "CoordinatingObservatory", "UninterruptedObservationJustification"),
            TEXTS | st.none() | st.just("None"),
        ),
    },
)


@given(PAYLOADS, st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
@settings(max_examples=50)
def test_whatever_is_accepted_the_simulator_verifies(payload: JSON, ra: float, dec: float) -> None:
    start, end = payload.get("TimeRangeStart"), payload.get("TimeRangeEnd")
    if end and (start or str(NOW)) >= end:
        payload = {**payload, "TimeRangeStart": end, "TimeRangeEnd": start if start and start > end else None}
    data = verification(payload=payload, target={"ra": ra, "dec": dec})
    assert checks.problems(data) == []
    assert float(data["Right Ascension"]) == ra
    assert set(data.values()) & {"None", "nan", "inf"} == set()
