"""WINTER: which credentials and observing parameters are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from slew.errors import Invalid
from slew.validation import parse
from winter.facility import Winter
from winter.models import CameraPayload, SpringPayload, WinterAltdata, WinterPayload

JSON = dict[str, Any]
ALTDATA = {
    "username": "observer1@example.org",
    "password": "s3cr3t",
    "program_name": "2026B001",
    "program_api_key": "9f3c2b7e",
}
CAMERAS = [WinterPayload, SpringPayload]


def errors_of(model: Any, data: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(model, data)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- credentials


def test_credentials_keep_their_secrets() -> None:
    altdata = parse(WinterAltdata, ALTDATA)
    assert altdata.password.get_secret_value() == "s3cr3t"
    assert not [secret for secret in ("s3cr3t", "9f3c2b7e") if secret in repr(altdata)]
    properties = WinterAltdata.model_json_schema()["properties"]
    assert {name for name in ALTDATA if properties[name].get("writeOnly")} == {"password", "program_api_key"}


def test_missing_keys_are_named_in_the_known_words() -> None:
    found = errors_of(WinterAltdata, {**ALTDATA, "password": None, "program_api_key": ""})
    text = "Missing allocation information: password, program_api_key"
    assert found == {"password": text, "program_api_key": text}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"program_name": "2026B01"}, "program_name"),
        ({"program_name": "2026B0011"}, "program_name"),
        ({"username": "observer:1"}, "username"),
        ({"username": "observer\n1"}, "username"),
        ({"password": "two\nlines"}, "password"),
        ({"program_api_key": "abc"}, "program_api_key"),
        ({"program_api_key": 7}, "program_api_key"),
        ({"programme": "2026B001"}, "programme"),
    ],
)
def test_credentials_that_cannot_be_right(changes: JSON, field: str) -> None:
    assert list(errors_of(WinterAltdata, {**ALTDATA, **changes})) == [field]


# -- payload


@pytest.mark.parametrize(
    ("model", "name", "setting"),
    [
        (WinterPayload, "Y", (120, 8)),
        (WinterPayload, "J", (120, 8)),
        (WinterPayload, "Hs", (60, 15)),
        (WinterPayload, "dark", (120, 5)),
        *((SpringPayload, name, (30, 30)) for name in ("Y", "J", "Hs", "dark")),
    ],
)
def test_defaults_of_each_filter(model: type[CameraPayload], name: str, setting: tuple[int, int]) -> None:
    [block] = parse(model, {"filter": name}).blocks
    assert (block.filters, block.exposure_s, block.n_dither) == ((name,), *setting)
    described = model.model_json_schema()["properties"]
    keys = [f"exposure_time_{name.lower()}", f"n_dither_{name.lower()}"]
    assert tuple(described[key]["default"] for key in keys) == setting


@pytest.mark.parametrize("model", CAMERAS)
@pytest.mark.parametrize("name", ["Y", "J", "Hs", "dark"])
def test_the_filters_own_spelling_comes_first(model: type[CameraPayload], name: str) -> None:
    plain = {"filter": name, "exposure_time": 20, "n_dither": 3}
    own = {f"exposure_time_{name.lower()}": 40, f"n_dither_{name.lower()}": 6}
    [block] = parse(model, plain).blocks
    assert (block.exposure_s, block.n_dither) == (20, 3)
    [block] = parse(model, {**plain, **own}).blocks
    assert (block.exposure_s, block.n_dither) == (40, 6)


def test_filters_with_equal_settings_go_together() -> None:
    blocks = parse(WinterPayload, {"filters": ["Hs", "J", "Y"], "n_dither_y": 4}).blocks
    assert [block.filters for block in blocks] == [("Hs",), ("J",), ("Y",)]
    blocks = parse(WinterPayload, {"filters": ["Hs", "J", "Y"], "exposure_time": 60, "n_dither": 9}).blocks
    assert [(block.filters, block.exposure_s, block.n_dither) for block in blocks] == [
        (("Hs", "J", "Y"), 60, 9)
    ]


@pytest.mark.parametrize("model", CAMERAS)
@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"filter": None}, "filter", "is required"),
        ({"filter": "V"}, "filter", "Filter V not allowed, must be one of ['Y', 'J', 'Hs', 'dark']"),
        ({"filter": "j"}, "filter", "not allowed"),
        ({"filter": None, "filters": []}, "filters", "at least 1"),
        ({"filter": None, "filters": ["J", "J"]}, "filters", "twice"),
        ({"filter": None, "filters": ["J", "K"]}, "filters.1", "Filter K not allowed"),
        ({"filters": ["Y", "J"]}, "filters", "another choice"),
        ({"exposure_time_j": 0}, "exposure_time_j", "greater than or equal to 1"),
        ({"exposure_time_j": 301}, "exposure_time_j", "less than or equal to 300"),
        ({"exposure_time_j": 120.5}, "exposure_time_j", "valid integer"),
        ({"exposure_time": 301}, "exposure_time", "300"),
        ({"n_dither_j": 0}, "n_dither_j", "1"),
        ({"n_dither": 0}, "n_dither", "1"),
        ({"n_repetitions": 0}, "n_repetitions", "1"),
        ({"priority": -1}, "priority", "0"),
        ({"priority": float("nan")}, "priority", ""),
        ({"dither_distance": -0.1}, "dither_distance", "0"),
        ({"maximum_airmass": 0.9}, "maximum_airmass", "1"),
        ({"maximum_airmass": 5.1}, "maximum_airmass", "5"),
        ({"advanced": 1}, "advanced", "true or false"),
        ({"start_date": 61375.0}, "start_date", "ISO date"),
        ({"start_date": "tonight"}, "start_date", ""),
        (
            {"start_date": "2026-12-02", "end_date": "2026-12-01"},
            "end_date",
            "Start time (2026-12-02 00:00:00) is after end time (2026-12-01 00:00:00)",
        ),
        ({"start_date": "2026-12-02", "end_date": "2026-12-02 00:00:00"}, "end_date", "after"),
        ({"observation_choices": ["J"]}, "observation_choices", "not a field"),
    ],
)
def test_every_limit_is_named(model: type[CameraPayload], fields: JSON, field: str, text: str) -> None:
    wanted = {name: value for name, value in {"filter": "J", **fields}.items() if value is not None}
    found = errors_of(model, wanted)
    assert list(found) == [field]
    assert text in found[field]


@pytest.mark.parametrize(
    ("model", "fields", "field", "text"),
    [
        (
            WinterPayload,
            {"use_field_grid": True, "use_best_detector": True},
            "use_field_grid",
            "Cannot use both",
        ),
        (WinterPayload, {"use_field_grid": True, "field_id": 7}, "field_id", "leave use_field_grid out"),
        (WinterPayload, {"field_id": 41170}, "field_id", "41169"),
        (WinterPayload, {"field_id": 0}, "field_id", "1"),
        (
            SpringPayload,
            {"use_field_grid": True},
            "use_field_grid",
            "Spring ToO requests cannot use the field grid",
        ),
        (SpringPayload, {"field_id": 7}, "field_id", "not a field"),
    ],
)
def test_what_a_camera_has_not(model: type[CameraPayload], fields: JSON, field: str, text: str) -> None:
    found = errors_of(model, {"filter": "J", **fields})
    assert list(found) == [field]
    assert text in found[field]


@pytest.mark.parametrize("separator", ["T", " "])
@pytest.mark.parametrize("ending", ["", ".250000", ".250000Z", ".250000+00:00"])
def test_dates_in_either_form(separator: str, ending: str) -> None:
    payload = parse(WinterPayload, {"filter": "J", "start_date": f"2026-12-01{separator}03:00:00{ending}"})
    assert payload.start_date is not None
    assert payload.start_date.isoformat().startswith("2026-12-01T03:00:00")


def test_an_instrument_must_be_named() -> None:
    facility = Winter()
    assert facility.choose_instrument("spring", "winter") == "spring"
    assert facility.choose_instrument(None, "winter") == "winter"
    for wrong in (None, "summer"):
        with pytest.raises(Invalid, match="spring, winter"):
            facility.choose_instrument(wrong, None)


def test_what_the_facility_can_do() -> None:
    wanted = {"submit", "dry_run", "validate", "cancel", "poll", "reconcile", "verify"}
    assert wanted <= set(Winter().operations)
    assert "update" not in Winter().operations


@pytest.mark.parametrize("model", CAMERAS)
def test_the_schema_says_that_a_filter_is_needed(model: type[CameraPayload]) -> None:
    schema = model.model_json_schema()
    assert schema["anyOf"] == [{"required": ["filter"]}, {"required": ["filters"]}]
    assert schema["additionalProperties"] is False
    assert all({"title", "description"} <= set(each) for each in schema["properties"].values())
