"""Measurements in others' forms: what a hostile name or an odd row does to them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import pytest
from astropy.table import Table

from slew import light_curve

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
    text = light_curve.as_ecsv([ROW, limit], {"target": name})
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
    table = Table.read(light_curve.as_ecsv([ROW, {**ROW, "zp": 26.3}], {}), format="ascii.ecsv")
    assert table["flux"].unit is None


def test_an_empty_table_is_one() -> None:
    table = Table.read(light_curve.as_ecsv([], {"target": "SN"}), format="ascii.ecsv")
    assert (len(table), table.colnames) == (0, list(light_curve.COLUMNS))
