"""LCO's payloads and credentials: bounds, spellings, and the window that follows from the dates and now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lco.facility import LCO
from lco.models import LCOAltdata, Sinistro
from slew import requestgroup
from slew.errors import Invalid
from slew.portal_models import stamp
from slew.validation import parse
from tests.lco_orders import FACILITY, NOW

JSON = dict[str, Any]
GP: JSON = {"observation_choices": ["gp"]}
MIDNIGHT = NOW.replace(hour=0, minute=0)


def errors_of(instrument: str, payload: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(LCO.payloads[instrument], payload, ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


@pytest.mark.parametrize(
    ("instrument", "field", "value", "limit"),
    [
        ("sinistro", "observation_mode", "DIRECT", "RAPID_RESPONSE"),
        ("sinistro", "exposure_time", -1, "greater than or equal to 0"),
        ("sinistro", "exposure_time", float("nan"), "finite"),
        ("sinistro", "exposure_time", True, "true or false"),
        ("sinistro", "exposure_time", None, "valid number"),
        ("sinistro", "exposure_counts", 0, "greater than or equal to 1"),
        ("sinistro", "exposure_counts", 1.5, "integer"),
        ("sinistro", "exposure_counts", 10**30, "less than or equal to 86400"),
        ("sinistro", "maximum_airmass", 0.99, "greater than or equal to 1"),
        ("sinistro", "maximum_airmass", 3.01, "less than or equal to 3"),
        ("sinistro", "minimum_lunar_distance", 181, "less than or equal to 180"),
        ("sinistro", "priority", 0.49, "greater than or equal to 0.5"),
        ("sinistro", "priority", 2.01, "less than or equal to 2"),
        ("sinistro", "max_lunar_phase", 1.1, "less than or equal to 1"),
        ("sinistro", "acceptability_threshold", 101, "less than or equal to 100"),
        ("sinistro", "configuration_repeats", 0, "greater than or equal to 1"),
        ("sinistro", "optimization_type", "LUCK", "TIME"),
        ("sinistro", "observation_note", "a\nb", "control characters"),
        ("sinistro", "observation_note", "x" * 201, "200"),
        ("sinistro", "observation_choices", [], "at least 1"),
        ("sinistro", "observation_choices", ["zz"], "observation_choices.0 Input should be 'gp', 'rp'"),
        ("sinistro", "observation_choices", ["gp", "zz"], "observation_choices.1 Input should be 'gp', 'rp'"),
        ("sinistro", "observation_choices", ["gp", "GP"], "twice"),
        ("sinistro", "observation_choices", "gp", "tuple"),
        ("sinistro", "readout_mode", "turbo", "full_frame"),
        ("sinistro", "defocus", 5.1, "less than or equal to 5"),
        ("sinistro", "dither_offsets", [], "at least 1"),
        ("sinistro", "dither_offsets", [{"ra": 4000, "dec": 0}], "less than or equal to 3600"),
        ("sinistro", "dither_offsets", [{"ra": 0, "dec": 0}] * 101, "at most 100"),
        ("sinistro", "start_date", "tonight", "ISO date"),
        ("sinistro", "start_date", 60000, "ISO date"),
        ("sinistro", "start_date", "0001-01-01T00:00:00+14:00", "ISO date"),
        ("sinistro", "end_date", "9999-12-31", "2000 to 2099"),
        ("muscat", "defocus", -8.1, "greater than or equal to -8"),
        ("muscat", "exposure_time_z", -1, "greater than or equal to 0"),
        ("muscat", "exposure_mode", "SYNC", "SYNCHRONOUS"),
        ("muscat", "readout_mode", "full_frame", "MUSCAT_FAST"),
        ("muscat", "narrowband_g_position", "half", "'in' or 'out'"),
        ("muscat", "observation_choices", ["gp"], "not a field"),
        ("floyds", "slit", "slit_9as", "slit_1.2as"),
        ("floyds", "acquisition_mode", "LUCKY", "WCS"),
        ("floyds", "acquisition_mode", "BRIGHTEST", "acquire_radius"),
        ("floyds", "acquire_radius", 3, "only goes with"),
        ("floyds", "rotator_mode", "SPIN", "VFLOAT"),
        ("floyds", "rotator_angle", 10, "only goes with"),
        ("floyds", "defocus", 8, "less than or equal to 5"),
        ("floyds", "dither_offsets", [], "at least 1"),
        ("floyds", "diffuser_g_position", "in", "not a field"),
    ],
)
def test_a_bad_field_is_named_with_its_limit(instrument: str, field: str, value: Any, limit: str) -> None:
    errors = errors_of(instrument, {**(GP if instrument == "sinistro" else {}), field: value})
    (where, told), *others = errors.items()
    assert not others
    assert field in where or field in ("acquisition_mode",)
    assert limit in f"{where} {told}"


def test_filters_are_required_in_any_case_of_letters() -> None:
    assert errors_of("sinistro", {}) == {"payload.observation_choices": "Field required"}
    payload = parse(Sinistro, {"observation_choices": ["GP", "400um-pinhole", "y", "cn", "I", "IP"]})
    assert payload.observation_choices == ("gp", "400um-Pinhole", "Y", "CN", "I", "ip")
    assert "observation_choices.0" in next(iter(errors_of("sinistro", {"observation_choices": ["purple"]})))


@pytest.mark.parametrize("count", [2, 2.0])
def test_a_count_may_be_a_whole_float(count: Any) -> None:
    payload = parse(Sinistro, {**GP, "exposure_counts": count})
    assert (payload.exposure_counts, type(payload.exposure_counts)) == (2, int)


@pytest.mark.parametrize("instrument", sorted(filter(None, LCO.payloads)))
def test_a_payload_survives_being_stored(instrument: str) -> None:
    given = {
        **(GP if instrument == "sinistro" else {}),
        "start_date": "2026-12-01 06:00:00",
        "end_date": "2026-12-02",
    }
    payload = LCO.payloads[instrument].model_validate(given)
    assert LCO.payloads[instrument].model_validate(payload.model_dump(mode="json")) == payload


@pytest.mark.parametrize("instrument", sorted(filter(None, LCO.payloads)))
def test_the_schema_tells_titles_defaults_and_units(instrument: str) -> None:
    schema = LCO.payloads[instrument].model_json_schema()["properties"]
    assert all(field.get("title") and field.get("description") for field in schema.values())
    assert (schema["exposure_time"]["default"], schema["exposure_time"]["unit"]) == (300.0, "s")
    assert (schema["priority"]["minimum"], schema["priority"]["maximum"]) == (0.5, 2)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, ["PROPOSAL_ID", "API_TOKEN"]),
        ({"API_TOKEN": "t"}, ["PROPOSAL_ID"]),
        ({"PROPOSAL_ID": "p"}, ["API_TOKEN"]),
        ({"PROPOSAL_ID": "", "API_TOKEN": None}, ["PROPOSAL_ID", "API_TOKEN"]),
    ],
)
def test_missing_credentials_are_named(given: JSON, lacking: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        parse(LCOAltdata, given, ["altdata"])
    assert [(error.loc, error.msg) for error in caught.value.errors] == [
        (("altdata", key), f"rejected: allocation lacks {key}") for key in lacking
    ]


def test_credentials() -> None:
    altdata = parse(LCOAltdata, {"PROPOSAL_ID": "p", "API_TOKEN": " secret-one\n", "API_ARCHIVE_TOKEN": ""})
    assert altdata.API_TOKEN.get_secret_value() == "secret-one"
    assert altdata.archive_token == altdata.API_TOKEN
    both = parse(LCOAltdata, {"PROPOSAL_ID": "p", "API_TOKEN": "one", "API_ARCHIVE_TOKEN": "two"})
    assert both.archive_token.get_secret_value() == "two"
    assert "secret-one" not in repr(altdata)
    schema = LCOAltdata.model_json_schema()
    assert schema["required"] == ["PROPOSAL_ID", "API_TOKEN"]
    assert schema["properties"]["API_TOKEN"]["writeOnly"] is True


@pytest.mark.parametrize("key", ["API_TOKEN", "API_ARCHIVE_TOKEN"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_and_not_repeated(key: str) -> None:
    given = {"PROPOSAL_ID": "p", "API_TOKEN": "fine", key: "se cret\r\nX: 1"}
    with pytest.raises(Invalid) as caught:
        parse(LCOAltdata, given, ["altdata"])
    assert [error.loc for error in caught.value.errors] == [("altdata", key)]
    assert "cret" not in str(caught.value)


def window(payload: JSON, now: datetime = NOW, semester_end: datetime | None = None) -> requestgroup.Window:
    return requestgroup.window(parse(Sinistro, {**GP, **payload}), now, lambda start: semester_end)


def test_the_window_by_default_is_skyportals() -> None:
    assert window({}) == requestgroup.Window(MIDNIGHT, MIDNIGHT + timedelta(days=7))
    assert window({"start_date": "2026-12-24T06:00:00"}).end == datetime(2026, 12, 31, 6, tzinfo=UTC)
    # A start in the past is allowed; the week still begins today.
    assert window({"start_date": "2026-11-01"}).end == MIDNIGHT + timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01", "2026-12-01T00:00:00.000000+00:00"),
        ("2026-12-01T06:30:00", "2026-12-01T06:30:00.000000+00:00"),
        ("2026-12-01 06:30:00.25", "2026-12-01T06:30:00.250000+00:00"),
        ("2026-12-01T06:30:00+02:00", "2026-12-01T04:30:00.000000+00:00"),
        ("2026-12-01T06:30:00Z", "2026-12-01T06:30:00.000000+00:00"),
    ],
)
def test_dates_are_utc(text: str, moment: str) -> None:
    assert stamp(window({"end_date": text}).end) == moment


def test_a_default_end_is_clipped_to_the_semester_and_told() -> None:
    end = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)
    clipped = window({}, semester_end=end)
    assert clipped.end == end
    assert "2026-11-25T23:59:59" in clipped.notes[0]
    assert window({"end_date": "2026-11-28"}, semester_end=end).end == datetime(2026, 11, 28, tzinfo=UTC)
    assert window({}, semester_end=NOW + timedelta(days=60)).notes == ()
    # Nothing is gained by a window that has ended.
    assert window({"start_date": "2026-11-01"}, semester_end=datetime(2026, 11, 10, tzinfo=UTC)).end > NOW


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"end_date": "2026-11-22"}, "end_date"),
        ({"end_date": "2026-11-22T14:22:00"}, "end_date"),
        ({"observation_mode": "RAPID_RESPONSE", "start_date": "2026-11-23"}, "start_date"),
    ],
)
def test_dates_that_do_not_do_now(payload: JSON, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        window(payload)
    (error,) = caught.value.errors
    assert error.loc == ("payload", field)
    assert "2026-11-22T14:22:00" in error.msg


def test_reversed_dates_do_not_do_at_any_time() -> None:
    (told,) = errors_of("floyds", {"start_date": "2026-12-01", "end_date": "2026-12-01"}).items()
    assert told[0] == "payload.end_date"
    assert "2026-12-01T00:00:00" in told[1]


def test_a_rapid_response_ends_within_a_day() -> None:
    for payload in ({}, {"end_date": "2026-12-08"}):
        rapid = window({"observation_mode": "RAPID_RESPONSE", **payload})
        assert rapid.end == NOW + timedelta(hours=24)
        assert "2026-11-23T14:22:00" in rapid.notes[0]
    short = window({"observation_mode": "RAPID_RESPONSE", "end_date": "2026-11-23"})
    assert (short.end, short.notes) == (datetime(2026, 11, 23, tzinfo=UTC), ())


def test_the_window_for_the_validity_of_the_allocation() -> None:
    asked = parse(Sinistro, {**GP, "start_date": "2026-12-01", "end_date": "2026-12-03"})
    assert FACILITY.window(asked) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 3, tzinfo=UTC))
    assert FACILITY.window(parse(Sinistro, GP)) is None


@pytest.mark.parametrize(
    ("instrument", "payload", "frames"),
    [
        ("sinistro", {"observation_choices": ["gp", "rp"], "exposure_counts": 3}, 6),
        ("sinistro", {**GP, "dither_offsets": [{"ra": 0, "dec": 0}] * 2, "configuration_repeats": 2}, 4),
        ("muscat", {"exposure_counts": 2}, 8),
        ("floyds", {"exposure_counts": 2}, 1),
    ],
)
def test_how_many_frames_to_expect(instrument: str, payload: JSON, frames: int) -> None:
    assert LCO.payloads[instrument].model_validate(payload).frames == frames  # type: ignore[attr-defined]
