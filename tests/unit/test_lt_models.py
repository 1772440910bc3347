"""Liverpool Telescope: which credentials and parameters are taken, and how others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from lt.models import LtAltdata
from slew.errors import Invalid
from slew.validation import parse
from tests.lt_orders import ALTDATA, FACILITY, NEEDED, payload

JSON = dict[str, Any]


def refusal(instrument: str, fields: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(FACILITY.payloads[instrument], {**NEEDED[instrument], **fields}, ["payload"])
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


def test_defaults_are_skyportals() -> None:
    found = payload("ioo")
    assert (found.exposure_time, found.exposure_counts) == (300.0, 1)
    assert (found.maximum_airmass, found.maximum_seeing, found.sky_brightness) == (2.0, 1.2, 2.0)
    assert found.photometric is False
    assert (found.start_date, found.end_date) == (None, None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"exposure_time": 0.5}, "payload.exposure_time"),
        ({"exposure_time": "300"}, "payload.exposure_time"),
        ({"exposure_counts": 0}, "payload.exposure_counts"),
        ({"exposure_counts": 1.5}, "payload.exposure_counts"),
        ({"maximum_airmass": 0.9}, "payload.maximum_airmass"),
        ({"maximum_airmass": 3.1}, "payload.maximum_airmass"),
        ({"maximum_seeing": 0}, "payload.maximum_seeing"),
        ({"maximum_seeing": 5.1}, "payload.maximum_seeing"),
        ({"sky_brightness": -0.1}, "payload.sky_brightness"),
        ({"sky_brightness": 5.1}, "payload.sky_brightness"),
        ({"photometric": "yes"}, "payload.photometric"),
        ({"photometric": 1}, "payload.photometric"),
        ({"start_date": "tomorrow"}, "payload.start_date"),
        ({"start_date": "1999-12-31"}, "payload.start_date"),
        ({"start_date": 2026}, "payload.start_date"),
        ({"start_date": "2026-12-02", "end_date": "2026-12-01"}, "payload.end_date"),
        ({"priority": 6}, "payload.priority"),
        ({"exposure": 300}, "payload.exposure"),
    ],
)
@pytest.mark.parametrize("instrument", ["ioo", "sprat", "frodo"])
def test_common_bounds(instrument: str, fields: JSON, field: str) -> None:
    assert list(refusal(instrument, fields)) == [field]


@pytest.mark.parametrize(
    ("instrument", "fields", "field"),
    [
        ("ioo", {"observation_choices": []}, "payload.observation_choices"),
        ("ioo", {"observation_choices": ["g", "g"]}, "payload.observation_choices"),
        ("ioo", {"observation_choices": ["g", "G"]}, "payload.observation_choices"),
        ("ioo", {"observation_choices": ["y"]}, "payload.observation_choices.0"),
        ("ioo", {"binning": "3x3"}, "payload.binning"),
        ("ioo", {"exposure_time_by_filter": {"z": 10}}, "payload.exposure_time_by_filter"),
        ("ioo", {"exposure_time_by_filter": {"g": 0.1}}, "payload.exposure_time_by_filter.g"),
        ("ioo", {"exposure_counts_by_filter": {"g": 0}}, "payload.exposure_counts_by_filter.g"),
        ("liric", {"observation_choices": ["K"]}, "payload.observation_choices.0"),
        ("liric", {"binning": "1x1"}, "payload.binning"),
        ("loci", {"observation_choices": ["B"]}, "payload.observation_choices.0"),
        ("moptop", {"observation_choices": ["U"]}, "payload.observation_choices.0"),
        ("moptop", {"rot_speed": "medium"}, "payload.rot_speed"),
        ("moptop", {"exposure_counts": 2}, "payload.exposure_counts"),
        ("moptop", {"exposure_counts": True}, "payload.exposure_counts"),
        ("sprat", {"observation_type": "green"}, "payload.observation_type"),
        ("frodo", {"res_blue": "medium"}, "payload.res_blue"),
        ("frodo", {"exp_count_red": 0}, "payload.exp_count_red"),
        ("frodo", {"exp_time_blue": 0.5}, "payload.exp_time_blue"),
    ],
)
def test_bounds_of_an_instrument(instrument: str, fields: JSON, field: str) -> None:
    assert list(refusal(instrument, fields)) == [field]


def test_filters_are_required() -> None:
    with pytest.raises(Invalid, match="observation_choices"):
        parse(FACILITY.payloads["ioo"], {}, ["payload"])


@pytest.mark.parametrize(
    ("instrument", "given", "taken"),
    [
        ("ioo", ["G", "halpha6566", "b", "cn"], ("g", "Halpha6566", "B", "CN")),
        ("liric", ["h", "felh1500"], ("H", "FELH1500")),
        ("moptop", ["r"], ("R",)),
    ],
)
def test_filters_in_another_case(instrument: str, given: list[str], taken: tuple[str, ...]) -> None:
    assert payload(instrument, {"observation_choices": given}).model_dump()["observation_choices"] == taken


def test_liric_dithers_by_default() -> None:
    assert payload("liric").exposure_counts == 9


def test_a_whole_count_may_be_written_with_a_point() -> None:
    assert payload("sprat", {"exposure_counts": 2.0}).exposure_counts == 2


def test_ioi_is_refused_with_advice() -> None:
    with pytest.raises(Invalid, match="liric") as caught:
        FACILITY.choose_instrument("ioi")
    assert caught.value.errors[0].loc == ("instrument",)
    assert "decommissioned" in caught.value.detail


def test_the_instrument_must_be_known() -> None:
    with pytest.raises(Invalid, match="frodo, ioo, liric, loci, moptop, sprat"):
        FACILITY.choose_instrument("rise")
    assert FACILITY.choose_instrument(None, "sprat") == "sprat"


# -- credentials


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": ""}, "altdata.password"),
        ({"password": "line\nbreak"}, "altdata.password"),
        ({"password": "pässword"}, "altdata.password"),
        ({"password": "x" * 201}, "altdata.password"),
        ({"username": "a\r\nX: y"}, "altdata.username"),
        ({"username": None}, "altdata.username"),
        ({"LT_proposalID": "../PL26A99"}, "altdata.LT_proposalID"),
        ({"LT_proposalID": ""}, "altdata.LT_proposalID"),
        ({"data_password": " "}, "altdata.data_password"),
        ({"host": "http://lt.example.org"}, "altdata.host"),
        ({"host": "lt.example.org/x"}, "altdata.host"),
        ({"host": "lt.example.org", "port": 0}, "altdata.port"),
        ({"host": "lt.example.org", "scheme": "ftp"}, "altdata.scheme"),
        ({"port": 8080}, "altdata.host"),
    ],
)
def test_unusable_credentials(changes: JSON, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(LtAltdata, {**ALTDATA, **changes}, ["altdata"])
    assert [".".join(map(str, error.loc)) for error in caught.value.errors] == [field]
    for value in changes.values():
        assert not isinstance(value, str) or len(value) < 5 or value not in caught.value.detail


@pytest.mark.parametrize("key", ["username", "password", "LT_proposalID"])
def test_what_is_required(key: str) -> None:
    with pytest.raises(Invalid, match=key):
        parse(LtAltdata, {name: value for name, value in ALTDATA.items() if name != key}, ["altdata"])


def test_passwords_are_secret() -> None:
    altdata = parse(LtAltdata, {**ALTDATA, "data_password": "of the data"}, ["altdata"])
    assert "correct-horse" not in repr(altdata)
    assert "of the data" not in repr(altdata)
    schema = LtAltdata.model_json_schema()
    assert schema["required"] == ["username", "password", "LT_proposalID"]
    assert schema["properties"]["password"]["writeOnly"] is True
