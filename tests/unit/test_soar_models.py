"""SOAR's payloads and credentials: bounds, spellings, what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from slew.errors import Invalid
from slew.validation import parse
from soar.facility import SOAR
from soar.models import BLUE_MODES, FOWLER_MODES, RED_MODES, GHTSImager, SOARAltdata
from tests.soar_orders import FACILITY, NEEDED

JSON = dict[str, Any]
INSTRUMENTS = sorted(NEEDED)


def errors_of(instrument: str, payload: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(SOAR.payloads[instrument], payload, ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


@pytest.mark.parametrize(
    ("instrument", "field", "value", "limit"),
    [
        ("ghts", "observation_mode", "TOO", "RAPID_RESPONSE"),
        ("ghts", "exposure_time", -0.1, "greater than or equal to 0"),
        ("ghts", "exposure_counts", 0, "greater than or equal to 1"),
        ("ghts", "exposure_counts", 1.5, "integer"),
        ("ghts", "maximum_airmass", 3.01, "less than or equal to 3"),
        ("ghts", "minimum_lunar_distance", -1, "greater than or equal to 0"),
        ("ghts", "priority", 0.49, "greater than or equal to 0.5"),
        ("ghts", "priority", 2.01, "less than or equal to 2"),
        ("ghts", "instrument_type", "SOAR_TRIPLESPEC", "SOAR_GHTS_BLUECAM"),
        ("ghts", "instrument_mode", [], "at least 1"),
        ("ghts", "instrument_mode", ["GHTS R"], "pattern"),
        ("ghts", "instrument_mode", ["a" * 51], "50"),
        ("ghts", "instrument_mode", 5, "tuple"),
        ("ghts", "instrument_mode", ["x"] * 21, "20"),
        ("ghts", "include_calibrations", "yes", "true or false"),
        ("ghts", "include_lamp_flats", 1, "true or false"),
        ("ghts", "rotator_angle", 361, "less than or equal to 360"),
        ("ghts", "rotator_angle", float("inf"), "finite"),
        ("ghts", "observation_choices", ["r-SDSS"], "not a field"),
        ("ghts_imager", "instrument_type", "SOAR_GHTS_REDCAM", "SOAR_GHTS_REDCAM_IMAGER"),
        ("ghts_imager", "observation_choices", [], "at least 1"),
        ("ghts_imager", "observation_choices", ["r-SDSS", "R-sdss"], "twice"),
        ("ghts_imager", "observation_choices", "r-SDSS", "tuple"),
        ("ghts_imager", "defocus", 5.1, "less than or equal to 5"),
        ("ghts_imager", "include_calibrations", True, "not a field"),
        ("triplespec", "instrument_mode", ["fowler1_coadds1"], "string"),
        ("triplespec", "instrument_mode", "", "at least 1"),
        ("triplespec", "instrument_type", "SOAR_TRIPLESPEC", "not a field"),
        ("triplespec", "end_date", "9999-12-31", "2000 to 2099"),
        ("triplespec", "start_date", "tonight", "ISO date"),
    ],
)
def test_a_bad_field_is_named_with_its_limit(instrument: str, field: str, value: Any, limit: str) -> None:
    ((where, told),) = errors_of(instrument, {**NEEDED[instrument], field: value}).items()
    assert field in where
    assert limit in told


def test_filters_are_required() -> None:
    assert errors_of("ghts_imager", {}) == {"payload.observation_choices": "Field required"}


def test_a_single_mode_needs_no_list() -> None:
    one = SOAR.payloads["ghts"].model_validate({"instrument_mode": RED_MODES[2]})
    assert one.modes == (RED_MODES[2],)  # type: ignore[attr-defined]


def test_every_mode_of_the_card_is_taken() -> None:
    for mode in (*RED_MODES, *BLUE_MODES):
        assert parse(SOAR.payloads["ghts"], {"instrument_mode": [mode]})
    for mode in FOWLER_MODES:
        assert parse(SOAR.payloads["triplespec"], {"instrument_mode": mode})


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_payload_survives_being_stored(instrument: str) -> None:
    given = {**NEEDED[instrument], "start_date": "2026-12-01 06:00:00", "end_date": "2026-12-02"}
    model = SOAR.payloads[instrument]
    payload = model.model_validate(given)
    assert model.model_validate(payload.model_dump(mode="json")) == payload


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_the_schema_tells_titles_defaults_and_units(instrument: str) -> None:
    schema = SOAR.payloads[instrument].model_json_schema()["properties"]
    assert all(field.get("title") and field.get("description") for field in schema.values())
    assert (schema["exposure_time"]["default"], schema["exposure_time"]["unit"]) == (300.0, "s")
    assert schema["rotator_angle"]["unit"] == "deg"
    assert "default now" in schema["start_date"]["description"]


@pytest.mark.parametrize(
    ("instrument", "payload", "frames"),
    [
        ("ghts", {"exposure_counts": 2}, 2),
        ("ghts", {"exposure_counts": 2, "include_calibrations": True}, 8),
        (
            "ghts",
            {"instrument_mode": ["a", "b"], "include_calibrations": True, "include_lamp_flats": True},
            20,
        ),
        ("ghts_imager", {"exposure_counts": 3, "configuration_repeats": 2}, 12),
        ("triplespec", {"exposure_counts": 6}, 6),
    ],
)
def test_how_many_frames_to_expect(instrument: str, payload: JSON, frames: int) -> None:
    model = SOAR.payloads[instrument].model_validate({**NEEDED[instrument], **payload})
    assert model.frames == frames  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, ["PROPOSAL_ID", "API_TOKEN"]),
        ({"API_TOKEN": "t"}, ["PROPOSAL_ID"]),
        ({"PROPOSAL_ID": "p", "API_TOKEN": ""}, ["API_TOKEN"]),
    ],
)
def test_missing_credentials_are_named(given: JSON, lacking: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        parse(SOARAltdata, given, ["altdata"])
    assert [(error.loc, error.msg) for error in caught.value.errors] == [
        (("altdata", key), f"rejected: allocation lacks {key}") for key in lacking
    ]


def test_credentials() -> None:
    altdata = parse(SOARAltdata, {"PROPOSAL_ID": "p", "API_TOKEN": " secret-one\n"})
    assert altdata.archive_token.get_secret_value() == "secret-one"
    both = parse(SOARAltdata, {"PROPOSAL_ID": "p", "API_TOKEN": "one", "API_ARCHIVE_TOKEN": "two"})
    assert both.archive_token.get_secret_value() == "two"
    assert "secret-one" not in repr(altdata)
    schema = SOARAltdata.model_json_schema()
    assert sorted(schema["required"]) == ["API_TOKEN", "PROPOSAL_ID"]
    assert schema["properties"]["API_TOKEN"]["title"] == "API Token for SOAR"
    assert schema["properties"]["API_TOKEN"]["writeOnly"] is True


def test_the_window_for_the_validity_of_the_allocation() -> None:
    dates = {"start_date": "2026-12-01", "end_date": "2026-12-03"}
    asked = parse(GHTSImager, {**NEEDED["ghts_imager"], **dates})
    assert FACILITY.window(asked) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 3, tzinfo=UTC))
    assert FACILITY.window(parse(GHTSImager, NEEDED["ghts_imager"])) is None
