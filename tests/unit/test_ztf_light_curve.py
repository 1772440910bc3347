"""From IPAC's light curve files to photometry: the card's numbers, and what is flagged and corrected."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slew.photometry import PartlyRead, Row
from slew.validation import parse
from ztf_forced_photometry import light_curve, light_curve_file
from ztf_forced_photometry.magnitudes import Flux, combined, total
from ztf_forced_photometry.models import ZtfForcedPhotometryPayload

COLUMNS = (
    "index, field, ccdid, qid, filter, pid, infobitssci, sciinpseeing, scibckgnd, scisigpix, zpmaginpsci, "
    "zpmaginpsciunc, zpmaginpscirms, clrcoeff, clrcoeffunc, ncalmatches, exptime, adpctdif1, adpctdif2, "
    "diffmaglim, zpdiff, programid, jd, rfid, forcediffimflux, forcediffimfluxunc, forcediffimsnr, "
    "forcediffimchisq, forcediffimfluxap, forcediffimfluxuncap, forcediffimsnrap, aperturecorr, "
    "dnearestrefsrc, nearestrefmag, nearestrefmagunc, nearestrefchi, nearestrefsharp, refjdstart, refjdend, "
    "procstatus"
)
_DETECTION_ROW = """
0 427 12 2 ZTF_g 3330230114615 0 2.1034 148.702 8.1442 26.3021 1.8421e-05 0.0331 -0.0584
2.1e-05 842 30. 0.061 0.058 20.412 26.3000 1 2461084.730115 427120146 1500.0000 75.0000 22.2477
1.0310 1521.7700 118.2000 14.3210 1.0391 0.21840 18.900 0.045 1.204 0.031 2458203.671400
2458455.961200 0
"""
DETECTION = dict(
    zip(
        COLUMNS.split(", "),
        _DETECTION_ROW.split(),
        strict=True,
    )
)
LIMIT = {
    **DETECTION,
    "index": "1",
    "pid": "3333210224615",
    "zpdiff": "26.3250",
    "jd": "2461087.710224",
    "forcediffimflux": "-42.5000",
    "forcediffimfluxunc": "31.0000",
    "procstatus": "57",
    "dnearestrefsrc": "null",
    "nearestrefmag": "null",
    "nearestrefmagunc": "null",
}
OFF_IMAGE = {
    **DETECTION,
    "index": "2",
    "filter": "ZTF_r",
    "pid": "3333269014615",
    "infobitssci": "33554432",
    "sciinpseeing": "4.912",
    "scisigpix": "31.2",
    "forcediffimflux": "null",
    "forcediffimfluxunc": "null",
    "procstatus": "57,61",
}
HEAD = "# Requested input R.A. = 150.123456 degrees\n# Requested input Dec. = 2.345678 degrees\n"


def file_of(*rows: dict[str, str], columns: str = COLUMNS) -> bytes:
    lines = "".join(f" {' '.join(row[name] for name in columns.split(', '))}\n" for row in rows)
    return f"{HEAD} {columns}\n#\n{lines}".encode()


def rows_of(*rows: dict[str, str], columns: str = COLUMNS, **payload: Any) -> tuple[Row, ...]:
    dates = {"start_date": "2026-02-10", "end_date": "2026-03-12"}
    wanted = parse(ZtfForcedPhotometryPayload, {**dates, **payload})
    return light_curve.rows(file_of(*rows, columns=columns), wanted)


# -- the card's test vectors


def test_the_cards_detection() -> None:
    [row] = rows_of(DETECTION)
    assert (row.mjd, row.filter, row.magsys) == (61084.230115, "ztfg", "ab")
    assert (row.flux, row.flux_err, row.zp, row.snr) == (1500.0, 75.0, 26.3, 20.0)
    assert row.mag == pytest.approx(18.35977, abs=5e-6)
    assert row.mag_err == pytest.approx(0.054285, abs=5e-7)
    assert row.extra["flux_uJy"] == pytest.approx(164.472, abs=5e-4)
    assert row.extra["flux_uJy_err"] == pytest.approx(8.224, abs=5e-4)
    assert (row.limiting_mag, row.flags) == (None, ())
    assert (row.extra["ra"], row.extra["dec"], row.extra["origin"]) == (150.123456, 2.345678, "fp")
    assert row.extra["programid"] == 1
    assert row.extra["pid"] == 3330230114615


def test_the_cards_limit_is_kept_without_a_reference_source() -> None:
    [row] = rows_of(LIMIT)
    assert (row.mag, row.mag_err, row.flags) == (None, None, ())
    assert row.limiting_mag == pytest.approx(20.84917, abs=5e-6)
    assert row.extra["limiting_mag_nsigma"] == 5.0
    assert row.extra["flux_uJy"] == pytest.approx(-4.554, abs=5e-4)
    assert row.extra["flux_uJy_err"] == pytest.approx(3.322, abs=5e-4)
    assert row.extra["procstatus"] == "57"


def test_the_cards_weak_flux_has_a_limit() -> None:
    weak = Flux(120, 60, 26.177)
    assert (weak.snr, weak.magnitude) == (2.0, None)
    assert weak.limit == pytest.approx(19.98420, abs=5e-6)


def test_the_cards_total_flux() -> None:
    flux = total(Flux(1500, 75, 26.3), 18.9, 0.045)
    assert flux.value == pytest.approx(2412.0108, abs=5e-5)
    assert flux.error == pytest.approx(83.9876, abs=5e-5)
    [row] = rows_of(DETECTION, total_flux=True)
    assert row.flux == pytest.approx(2412.0108, abs=5e-5)
    assert row.mag == pytest.approx(17.84405, abs=5e-6)
    assert row.mag_err == pytest.approx(0.03780, abs=5e-6)
    assert row.extra["total_flux"] is True


def test_the_cards_combination() -> None:
    flux = combined([Flux(1500, 75, 26.3), Flux(1450, 70, 26.25)])
    assert flux.zp == pytest.approx(26.275)
    assert flux.value == pytest.approx(1475.0208, abs=5e-5)
    assert flux.error == pytest.approx(51.2280, abs=5e-5)
    second = {
        **DETECTION,
        "pid": "2",
        "forcediffimflux": "1450",
        "forcediffimfluxunc": "70",
        "zpdiff": "26.25",
    }
    [row] = rows_of(DETECTION, second, combine_nights=True)
    assert row.mag == pytest.approx(18.35300, abs=5e-6)
    assert row.mag_err == pytest.approx(0.03771, abs=5e-6)
    assert row.extra["epochs"] == 2
    assert row.extra["programid"] == 1
    assert row.extra["baseline"] == "none"
    assert row.extra["error_scale"] == 1.0
    assert row.extra["reference_may_hold_transient"] is False


def test_public_epochs_are_not_mixed_with_proprietary_ones() -> None:
    second = {**DETECTION, "index": "1", "jd": "2461084.790115", "pid": "3330230114616", "programid": "2"}
    third = {**second, "index": "2", "pid": "3330230114617", "programid": "1"}
    rows = rows_of(DETECTION, second, third, combine_nights=True)
    assert {(row.extra["programid"], row.extra["epochs"]) for row in rows} == {(1, 2), (2, 1)}


# -- what is flagged


def test_the_cards_bad_row_is_kept_and_says_why() -> None:
    rows = rows_of(DETECTION, LIMIT, OFF_IMAGE)
    assert len(rows) == 3
    assert rows[2].flags == ("procstatus_61", "no_flux", "infobitssci", "scisigpix", "sciinpseeing")
    assert (rows[2].flux, rows[2].mag, rows[2].limiting_mag, rows[2].filter) == (None, None, None, "ztfr")
    assert [row.extra["drop"] for row in rows] == [False, False, True]


@pytest.mark.parametrize(
    ("cells", "payload", "flags", "drop"),
    [
        ({"procstatus": "57"}, {}, (), False),
        ({"procstatus": "58"}, {}, (), False),
        ({"procstatus": "56,57"}, {}, ("procstatus_56",), True),
        ({"procstatus": "60"}, {}, ("procstatus_60",), True),
        ({"procstatus": "59"}, {}, ("procstatus_59",), False),
        (
            {"procstatus": "56,59,60"},
            {"procstatus_drop": []},
            ("procstatus_56", "procstatus_59", "procstatus_60"),
            False,
        ),
        ({"procstatus": "61"}, {"procstatus_drop": []}, ("procstatus_61",), True),
        ({"procstatus": "57"}, {"procstatus_drop": [57]}, ("procstatus_57",), True),
        ({"infobitssci": "4"}, {}, (), False),
        ({"infobitssci": "4"}, {"strict_quality": True}, ("infobitssci",), True),
        ({"infobitssci": "33554431"}, {}, (), False),
        ({"infobitssci": "33554432"}, {}, ("infobitssci",), True),
        ({"scisigpix": "25.0"}, {}, (), False),
        ({"scisigpix": "25.1"}, {}, ("scisigpix",), True),
        ({"sciinpseeing": "4.0"}, {}, (), False),
        ({"sciinpseeing": "4.1"}, {}, ("sciinpseeing",), True),
        ({"forcediffimflux": "-99999"}, {}, ("no_flux",), True),
        ({"forcediffimfluxunc": "0"}, {}, ("no_flux",), True),
        ({"forcediffimfluxunc": "-3"}, {}, ("no_flux",), True),
        ({"zpdiff": "null"}, {}, ("no_zeropoint",), True),
        ({"programid": "2"}, {}, (), False),
        ({"programid": "2"}, {"public_only": True}, ("not_public",), True),
        ({"filter": "ZTF_z"}, {}, ("other_filter",), False),
    ],
)
def test_every_cut_is_a_flag(
    cells: dict[str, str], payload: dict[str, Any], flags: tuple[str, ...], drop: bool
) -> None:
    [row] = rows_of({**DETECTION, **cells}, **payload)
    assert row.flags == flags
    assert row.extra["drop"] is drop


def test_rows_that_repeat_an_image_are_flagged() -> None:
    other_flux = {**DETECTION, "forcediffimflux": "1501"}
    rows = rows_of(DETECTION, {**DETECTION, "index": "1"}, other_flux)
    assert [row.flags for row in rows] == [(), ("duplicate",), ()]


@pytest.mark.parametrize(("distance", "added"), [("0.99", True), ("1.0", False), ("null", False)])
def test_a_total_flux_needs_a_near_reference_source(distance: str, added: bool) -> None:
    [row] = rows_of({**DETECTION, "dnearestrefsrc": distance}, total_flux=True)
    assert row.extra["total_flux"] is added
    assert row.flags == (() if added else ("no_reference_source",))
    assert (row.flux == 1500.0) is not added


def test_three_sigma_exactly_is_no_detection() -> None:
    [row] = rows_of({**DETECTION, "forcediffimflux": "225"})
    assert (row.snr, row.mag) == (3.0, None)
    assert row.limiting_mag is not None


# -- other files


def test_a_batch_file_is_read_by_its_names() -> None:
    columns = COLUMNS.replace("index", "sindex").replace("rfid", "rfid, diffimgstatus")
    batch = {**DETECTION, "sindex": "7", "diffimgstatus": "1"}
    missing = {**batch, "forcediffimflux": "-99999", "forcediffimfluxunc": "-99999.0", "diffimgstatus": "0"}
    good, bad = rows_of(batch, missing, columns=columns)
    assert (good.extra["sindex"], good.flags) == (7, ())
    assert bad.flags == ("no_flux", "diffimgstatus")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"jd": "null"}, "line 6: jd is missing"),
        ({"procstatus": "0.0"}, "line 6: procstatus is no list of codes: '0.0'"),
        ({"pid": "1 2"}, "line 6: 41 values for 40 columns"),
    ],
)
def test_a_line_that_cannot_be_read_spoils_no_other(damage: dict[str, str], reason: str) -> None:
    with pytest.raises(PartlyRead) as caught:
        rows_of(DETECTION, {**DETECTION, **damage}, LIMIT)
    assert caught.value.rows == rows_of(DETECTION, LIMIT)
    assert str(caught.value) == f"1 of its lines cannot be read: {reason}"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no line of columns"),
        (b"# only a head\n", "no line of columns"),
        (b"<html><body>404 Not Found</body></html>", "line 1: no light curve"),
        (file_of(DETECTION)[:-30], "line 5: 38 values for 40 columns"),
        (file_of({**DETECTION, "jd": "null"}), "line 5: jd is missing"),
        (file_of({**DETECTION, "forcediffimflux": "abc"}), "line 5: forcediffimflux is no number"),
        (file_of({**DETECTION, "procstatus": "x"}), "line 5"),
    ],
)
def test_what_is_no_light_curve_is_refused_by_its_line(content: bytes, text: str) -> None:
    payload = parse(ZtfForcedPhotometryPayload, {"start_date": "2026-02-10", "end_date": "2026-03-12"})
    with pytest.raises(ValueError, match=text):
        light_curve.rows(content, payload)


@pytest.mark.parametrize("text", ["null", "None", "-", "nan", "*****"])
def test_whatever_stands_for_nothing_is_missing(text: str) -> None:
    first, second = rows_of({**DETECTION, "forcediffimflux": text}, LIMIT)
    assert (first.flux, first.mag, first.flags) == (None, None, ("no_flux",))
    assert second.flux == -42.5


def test_comments_line_ends_and_unknown_columns_are_no_rows() -> None:
    content = file_of({**DETECTION, "newcol": "abc"}, columns=f"{COLUMNS}, newcol")
    payload = parse(ZtfForcedPhotometryPayload, {"start_date": "2026-02-10", "end_date": "2026-03-12"})
    odd = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"# the end\r\n\r\n"
    assert light_curve.rows(odd, payload) == light_curve.rows(content, payload)
    assert [row.flux for row in light_curve.rows(odd, payload)] == [1500.0]


def test_a_file_without_rows_has_no_points() -> None:
    assert rows_of() == ()
    assert light_curve_file.read(file_of()).ra == 150.123456


CELLS = st.sampled_from(
    ["null", "-99999", "0", "nan", "inf", "-inf", "1e308", "-1e308", "1e-300", "57,61", "3.5", "-42", "1"]
)


@settings(max_examples=50)
@given(
    st.lists(st.dictionaries(st.sampled_from(COLUMNS.split(", ")), CELLS, max_size=8), max_size=6),
    st.booleans(),
)
def test_no_number_breaks_the_reduction_or_json(changes: list[dict[str, str]], flag: bool) -> None:
    try:
        rows = rows_of(*({**DETECTION, **each} for each in changes), total_flux=flag)
        assert len(rows) == len(changes)
    except PartlyRead as error:
        rows = error.rows
    except ValueError as error:
        assert str(error).startswith("line ")  # noqa: PT017 - either outcome is right
        return
    json.dumps([asdict(row) for row in rows], allow_nan=False)


# -- baseline and errors


def season(level: float, scatter: float, chi_square: float = 1.0, number: int = 40) -> list[dict[str, str]]:
    """Epochs before the transient, around a level, with a scatter in units of the quoted error of 50."""
    return [
        {
            **DETECTION,
            "pid": str(i),
            "jd": f"{2460000.5 + i:.6f}",
            "forcediffimflux": f"{level + 50 * scatter * math.sin(2.4 * i) * math.sqrt(2):.4f}",
            "forcediffimfluxunc": "50.0",
            "forcediffimchisq": str(chi_square),
        }
        for i in range(number)
    ]


def test_without_a_baseline_nothing_is_subtracted() -> None:
    row = rows_of(*season(80, 1), DETECTION)[-1]
    assert (row.flux, row.extra["baseline"]) == (1500.0, "none")


def test_the_level_of_each_reference_is_subtracted() -> None:
    other = [{**each, "field": "1428", "pid": f"9{each['pid']}"} for each in season(-120, 0.1)]
    rows = rows_of(
        *season(80, 0.1), *other, DETECTION, {**DETECTION, "field": "1428"}, baseline_before="2025-01-01"
    )
    assert rows[-2].flux == pytest.approx(1420, abs=2)
    assert rows[-1].flux == pytest.approx(1620, abs=2)
    assert rows[-2].extra["baseline_epochs"] == 40
    assert rows[-2].extra["forcediffimflux"] == 1500.0
    assert rows[-2].flux_err == 75.0  # a scatter below the errors does not shrink them


def test_too_few_epochs_are_no_baseline() -> None:
    row = rows_of(*season(80, 1, number=9), DETECTION, baseline_before="2025-01-01")[-1]
    assert (row.flux, row.extra["baseline"], row.extra["baseline_epochs"]) == (1500.0, "none", 9)


def test_the_baseline_may_be_after_the_transient() -> None:
    row = rows_of(*season(80, 0.1), DETECTION, baseline_after="2020-01-01")[-1]
    assert row.extra["baseline_epochs"] == 41
    assert rows_of(*season(80, 0.1), DETECTION, baseline_after="2026-06-01")[-1].flux == 1500.0


def test_errors_grow_with_the_scatter_of_the_baseline() -> None:
    row = rows_of(*season(0, 3), DETECTION, baseline_before="2025-01-01")[-1]
    assert row.extra["error_scale"] == pytest.approx(3.9, abs=0.5)  # a sine is wider than a Gaussian there
    assert row.flux_err == pytest.approx(75 * row.extra["error_scale"])


def test_errors_are_scaled_by_chi_square() -> None:
    row = rows_of(*season(0, 1, chi_square=4.0), DETECTION)[-1]
    assert (row.flux_err, row.extra["error_scale"]) == (150.0, 2.0)
    near_one = rows_of(*season(0, 1, chi_square=1.08), DETECTION)[-1]
    assert near_one.flux_err == 75.0


def test_bad_epochs_make_no_baseline() -> None:
    spoilt = [{**each, "scisigpix": "99"} for each in season(80, 1)]
    assert rows_of(*spoilt, DETECTION, baseline_before="2025-01-01")[-1].extra["baseline"] == "none"


@pytest.mark.parametrize(("before", "warned"), [("2018-06-01", True), ("2025-01-01", False)])
def test_a_reference_that_may_hold_the_transient_is_told(before: str, warned: bool) -> None:
    [row] = rows_of(DETECTION, baseline_before=before)
    assert row.extra["reference_may_hold_transient"] is warned


def test_combined_nights_keep_the_dropped_rows_apart() -> None:
    red = {**DETECTION, "filter": "ZTF_r", "pid": "5"}
    later = {**DETECTION, "pid": "6", "jd": "2461085.730115"}
    rows = rows_of(DETECTION, red, later, OFF_IMAGE, {**DETECTION, "index": "9"}, combine_nights=True)
    assert sorted((row.filter, row.extra.get("epochs", 0), row.extra["drop"]) for row in rows) == [
        ("ztfg", 0, True),
        ("ztfg", 1, False),
        ("ztfg", 1, False),
        ("ztfr", 0, True),
        ("ztfr", 1, False),
    ]
    assert len(rows) == 5
    assert [row.mjd for row in rows] == sorted(row.mjd for row in rows)
