"""Measurements in others' forms: what a hostile name or an odd row does to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import pytest
from astropy.table import Table

from atlas_forced_photometry.facility import AtlasForcedPhotometry
from queries import catalogue
from slew import light_curve
from slew.errors import Invalid
from slew.facility import Facility
from swift_xrt.facility import SwiftXrt
from winter.facility import Winter
from ztf_forced_photometry.facility import ZtfForcedPhotometry

ROW: Mapping[str, Any] = {
    "mjd": 61084.41231,
    "filter": "atlaso",
    "flux": 477.0,
    "flux_err": 14.0,
    "zp": 23.9,
    "magsys": "ab",
    "mag": 17.2037,
    "mag_err": 0.03187,
    "limiting_mag": None,
    "snr": 34.07,
    "flags": [],
    "extra": {"ra": 150.12346, "dec": 2.34568, "origin": "fp"},
}


def test_skyportal_gets_position_and_origin() -> None:
    body = light_curve.as_skyportal([ROW], "SN", 3, [1])
    assert (body["ra"], body["dec"], body["origin"]) == ([150.12346], [2.34568], ["fp"])
    assert (body["fluxerr"], body["group_ids"], body["altdata"]) == ([14.0], [1], [{}])
    assert "ra" not in light_curve.as_skyportal([ROW, {**ROW, "mjd": 1.0, "extra": {}}], "SN")


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "mjd": 1.0, "flux_err": 0.0},
        {**ROW, "mjd": 1.0, "flux_err": -3.0},
        {**ROW, "mjd": 1.0, "flux_err": None},
        {**ROW, "mjd": 1.0, "flux": None},
        {**ROW, "mjd": 1.0, "zp": None},
        {**ROW, "mjd": 1.0, "filter": "w", "flags": ["other_filter"]},
        {**ROW, "flags": ["duplicate"]},
    ],
)
def test_a_row_that_skyportal_would_refuse_all_others_for_is_left_out(row: Mapping[str, Any]) -> None:
    body = light_curve.as_skyportal([ROW, row], "SN", 3)
    assert body["mjd"] == [ROW["mjd"]]
    assert len({len(body[name]) for name in ("filter", "flux", "fluxerr", "zp", "magsys", "altdata")}) == 1


def test_flagged_rows_and_negative_fluxes_are_skyportals_too() -> None:
    negative = {**ROW, "mjd": 1.0, "flux": -42.0, "mag": None, "flags": ["err"]}
    body = light_curve.as_skyportal([ROW, negative], "SN", 3)
    assert body["flux"] == [477.0, -42.0]
    assert body["altdata"] == [{}, {"flags": ["err"]}]


@pytest.mark.parametrize("name", ["SN 2023ixf", "a: 'b' \"c\" # d", "- é\n\t☄", "%ECSV, {x}: [y]", "null"])
def test_astropy_reads_every_table(name: str) -> None:
    limit = {**ROW, "mag": None, "mag_err": None, "limiting_mag": 19.4, "flags": ["err", "x"]}
    text = light_curve.as_ecsv([ROW, limit], {"target": name}, {})
    table = Table.read(text, format="ascii.ecsv")
    assert table.meta["target"] == name
    assert [str(table[column].unit) for column in ("mjd", "flux", "flux_err", "zp", "mag")] == [
        "d",
        "uJy",
        "uJy",
        "mag",
        "mag",
    ]
    assert list(table["limiting_mag"].filled(0)) == [0, 19.4]
    (row,) = csv.DictReader(io.StringIO(light_curve.as_csv([limit])))
    assert row["flags"] == "err,x"


def test_fluxes_of_other_zero_points_claim_no_unit() -> None:
    table = Table.read(light_curve.as_ecsv([ROW, {**ROW, "zp": 26.3}], {}, {}), format="ascii.ecsv")
    assert table["flux"].unit is None


@pytest.mark.parametrize(
    ("zp", "zps", "unit"),
    [(23.9, (None, 23.9), "uJy"), (None, (None, None), None), (23.9, (None,), None), (26.3, (), None)],
)
def test_fluxes_without_a_zero_point_claim_no_unit(
    zp: float | None, zps: tuple[float | None, ...], unit: str | None
) -> None:
    others = [{**ROW, "zp": each, "flux": None if unit else 120.5} for each in zps]
    rows = [{**ROW, "zp": zp}, *others]
    table = Table.read(light_curve.as_ecsv(rows, {}, {}), format="ascii.ecsv")
    assert [table[name].unit and str(table[name].unit) for name in ("flux", "flux_err")] == [unit, unit]
    assert [light_curve.units(rows, {}).get(name) for name in ("flux", "flux_err")] == [unit, unit]


@pytest.mark.parametrize(
    ("facility", "name", "unit"),
    [
        (SwiftXrt, "ujy_per_ct_s", "uJy s / ct"),
        (SwiftXrt, "rate_ct_s", "ct / s"),
        (ZtfForcedPhotometry, "flux_uJy", "uJy"),
        (ZtfForcedPhotometry, "flux_uJy_err", "uJy"),
        (ZtfForcedPhotometry, "exptime", "s"),
        (ZtfForcedPhotometry, "dnearestrefsrc", "arcsec"),
        (AtlasForcedPhotometry, "m", "mag"),
        (AtlasForcedPhotometry, "dm", "mag"),
        (AtlasForcedPhotometry, "mag5sig", "mag"),
        (ZtfForcedPhotometry, "baseline", "DN"),
        (Winter, "magzpsci", "mag"),
        (AtlasForcedPhotometry, "ra", "deg"),
    ],
)
def test_further_columns_have_their_units(facility: type[Facility], name: str, unit: str) -> None:
    rows = [{**ROW, "extra": {name: 1.5}}]
    own = (catalogue.entry(facility.id) or {})["units"]
    table = Table.read(light_curve.as_ecsv(rows, {}, own), format="ascii.ecsv")
    assert table[name].unit == unit
    assert light_curve.units(rows, own)[name] == unit


@pytest.mark.parametrize("word", ["none", "None", "nan", "null", ""])
def test_a_word_for_no_value_spoils_no_column_of_numbers(word: str) -> None:
    rows = [{**ROW, "extra": {"baseline": value}} for value in (12.5, word, None)]
    table = Table.read(light_curve.as_ecsv(rows, {}, {}), format="ascii.ecsv")
    assert table["baseline"].dtype.kind == "f"
    assert list(table["baseline"].mask) == [False, True, True]
    assert [row["baseline"] for row in csv.DictReader(io.StringIO(light_curve.as_csv(rows)))] == [
        "12.5",
        "",
        "",
    ]


def test_an_empty_table_is_one() -> None:
    table = Table.read(light_curve.as_ecsv([], {"target": "SN"}, {}), format="ascii.ecsv")
    assert (len(table), table.colnames) == (0, list(light_curve.COLUMNS))


def test_the_facilitys_further_columns_follow() -> None:
    rate = {
        "mjd": 61254.14,
        "filter": "swiftxrt",
        "flags": [],
        "extra": {"rate_ct_s": 0.0182, "exposure_s": 1180, "mode": "PC", "drop": False, "flux": 3, "era": 2},
    }
    limit = {**rate, "extra": {"upper_limit_ct_s": 0.0018, "mode": 'a, "b"\nc', "obsid": [1]}}
    table = Table.read(light_curve.as_ecsv([rate, limit], {}, {}), format="ascii.ecsv")
    assert table.colnames == [
        *light_curve.COLUMNS,
        *("rate_ct_s", "exposure_s", "mode", "drop", "era", "upper_limit_ct_s", "obsid"),
    ]
    assert str(table["rate_ct_s"].unit) == str(table["upper_limit_ct_s"].unit) == "ct / s"
    assert (str(table["exposure_s"].unit), table["exposure_s"].dtype.kind) == ("s", "i")
    assert table["era"].unit is None
    assert (table["rate_ct_s"][0], table["rate_ct_s"].mask[1], table["mode"][1]) == (0.0182, True, 'a, "b" c')
    first, second = csv.DictReader(io.StringIO(light_curve.as_csv([rate, limit])))
    assert (first["rate_ct_s"], first["flux"], second["obsid"]) == ("0.0182", "", "[1]")


@pytest.mark.parametrize("values", [(1, True), (2**70,), ("x", 1.5), (None,), ({"a": 1}, 2), (1.5, 1)])
def test_astropy_reads_whatever_stands_in_a_further_column(values: tuple[Any, ...]) -> None:
    rows = [{**ROW, "extra": {"odd": value}} for value in values]
    assert len(Table.read(light_curve.as_ecsv(rows, {}, {}), format="ascii.ecsv")) == len(rows)


@pytest.mark.parametrize(
    "text", ["", "x", "nan", "inf", "-inf", "1e400", "1_0", " 5", "5 ", "0x1", "\u0665", "1,2"]
)
@pytest.mark.parametrize("name", ["min_snr", "since", "until"])
def test_a_cut_takes_plain_numbers_only(name: str, text: str) -> None:
    with pytest.raises(Invalid):
        light_curve.cuts_of({name: text})


@pytest.mark.parametrize(
    ("text", "value"), [("60000", 60000.0), ("-5.25", -5.25), ("+.5", 0.5), ("6e4", 6e4), ("7.", 7.0)]
)
def test_numbers_of_every_form_cut(text: str, value: float) -> None:
    assert light_curve.cuts_of({"since": text}).since == value


@pytest.mark.parametrize(
    ("flags", "stays"),
    [
        ([], True),
        (["derived"], True),
        (["upper_limit", "derived"], True),
        (["derived", "incbad"], False),
        (["faint"], False),
    ],
)
def test_what_a_row_is_makes_it_no_flagged_one(flags: list[str], stays: bool) -> None:
    cuts = light_curve.cuts_of({"unflagged": "true"})
    assert light_curve.select([{**ROW, "flags": flags}], cuts) == ([{**ROW, "flags": flags}] if stays else [])


@pytest.mark.parametrize("text", ["", ",", " , "])
def test_a_list_of_no_filters_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        light_curve.cuts_of({"filters": text})


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(Invalid):
        light_curve.cuts_of({"since": "2", "until": "1"})
    assert light_curve.cuts_of({"since": "2", "until": "2"}).until == 2.0
