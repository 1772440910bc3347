"""Swift XRT light curves: count rates as photometry rows, and flux densities from a power law."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swift_xrt import flux, light_curve
from swift_xrt.light_curve import points

JSON = dict[str, Any]
COLUMNS = [
    "Time",
    "TimePos",
    "TimeNeg",
    "Rate",
    "RatePos",
    "RateNeg",
    "FracExp",
    "BGrate",
    "BGerr",
    "CorrFact",
]
COLUMNS += ["CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR"]
BIN = ["61254.14", "0.009", "-0.010", "0.0182", "0.0041", "-0.0041", "0.43", "0.00012", "0.00001", "1.21"]
BIN += ["21", "0.6", "1180.2", "31.2", "4.5"]
LIMIT = ["61270.80", "0.2", "-0.2", "0.0018", "0", "0", "0.04", "0.000125", "0.000005", "1.68", "3", "1.2"]
LIMIT += ["2811.0", "1.4", "inf"]
LIMIT_COLUMNS = ["UpperLimit" if column == "Rate" else column for column in COLUMNS]
CARD: JSON = {
    "OK": 1,
    "APIVersion": "1.12",
    "Datasets": ["PC", "PCUL"],
    "Binning": "Counts",
    "TimeFormat": "MJD",
    "T0": 807278405.0,
    "PCData": {"URL": "https://www.swift.ac.uk/x/PCCURVE.qdp", "columns": COLUMNS, "data": [BIN]},
    "PCULData": {"columns": LIMIT_COLUMNS, "data": [LIMIT]},
}


def rows(answer: JSON, t0: float | None = None) -> list[Any]:
    return [point.row for point in points(json.dumps(answer).encode(), t0)]


def test_the_cards_example() -> None:
    detection, limit = rows(CARD)
    assert (detection.mjd, detection.filter, detection.snr, detection.flags) == (
        61254.14,
        "swiftxrt",
        4.5,
        (),
    )
    assert (detection.flux, detection.flux_err, detection.zp, detection.mag) == (None, None, None, None)
    assert detection.extra == {
        "mode": "PC",
        "band_kev": "0.3-10",
        "time_pos_d": 0.009,
        "time_neg_d": -0.010,
        "rate_ct_s": 0.0182,
        "rate_err_pos_ct_s": 0.0041,
        "rate_err_neg_ct_s": -0.0041,
        "fractional_exposure": 0.43,
        "background_ct_s": 0.00012,
        "background_err_ct_s": 0.00001,
        "correction_factor": 1.21,
        "counts_ct": 21.0,
        "background_counts_ct": 0.6,
        "exposure_s": 1180.2,
        "significance_sigma": 31.2,
    }
    assert (limit.mjd, limit.snr, limit.flags) == (61270.80, None, ("upper_limit",))
    assert limit.extra["upper_limit_ct_s"] == 0.0018
    assert "rate_ct_s" not in limit.extra
    json.dumps([dict(detection.extra), dict(limit.extra)], allow_nan=False)


def test_a_limit_may_be_called_rate() -> None:
    limit = rows({**CARD, "PCULData": {"columns": COLUMNS, "data": [LIMIT]}})[1]
    assert limit.extra["upper_limit_ct_s"] == 0.0018
    assert "rate_ct_s" not in limit.extra


@pytest.mark.parametrize(
    ("changes", "t0", "mjd"),
    [
        ({"TimeFormat": "MET"}, None, 51910 + (807278405.0 + 100 - 24.888) / 86400),
        ({"TimeFormat": "MET", "T0": None}, 8e8, 51910 + (8e8 + 100 - 24.888) / 86400),
        ({"TimeFormat": None, "T0": "807278405"}, None, 51910 + (807278405.0 + 100 - 24.888) / 86400),
        ({"TimeFormat": "TDB"}, None, 100 - 64.184 / 86400),
    ],
)
def test_other_time_axes_are_converted_and_flagged(changes: JSON, t0: float | None, mjd: float) -> None:
    data = {"PCData": {"columns": COLUMNS, "data": [["100", *BIN[1:]]]}, "Datasets": ["PC"]}
    [row] = rows({**CARD, **data, **changes}, t0)
    assert row.mjd == pytest.approx(mjd, abs=1e-9)
    assert row.flags == ("mjd_approximate",)


def test_widths_are_days_on_every_axis() -> None:
    data = {"PCData": {"columns": COLUMNS, "data": [["100", "864", "-432", *BIN[3:]]]}, "Datasets": ["PC"]}
    [row] = rows({**CARD, **data, "TimeFormat": "MET"})
    assert (row.extra["time_pos_d"], row.extra["time_neg_d"]) == (pytest.approx(0.01), pytest.approx(-0.005))


def test_bands_ratios_and_variants_are_no_rows_of_their_own() -> None:
    curve = CARD["PCData"]
    others = ["PCHard", "PCSoft", "PCHR", "PC_incbad", "PC_nosys", "PCUL_incbad"]
    answer = {**CARD, "Datasets": [*others, "PC"], **{f"{name}Data": curve for name in others}}
    found = rows(answer)
    assert len(found) == 2  # the plain PC, and the limits of which there is but the variant
    assert sorted(row.flags for row in found) == [(), ("incbad", "upper_limit")]


def test_a_bin_that_cannot_be_read_is_kept_and_flagged() -> None:
    [row] = rows(
        {**CARD, "Datasets": ["PC"], "PCData": {"columns": COLUMNS, "data": [[*BIN[:3], "nan", *BIN[4:]]]}}
    )
    assert row.flags == ("unreadable",)
    assert row.extra["rate_ct_s"] == "nan"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"OK": 0, "ERROR": "no"}, "names no data sets"),
        ({**CARD, "Datasets": ["WT"]}, "WT is missing"),
        ({**CARD, "PCData": {"columns": COLUMNS, "data": [BIN[:4]]}}, "as many values"),
        ({**CARD, "PCData": {"columns": COLUMNS, "data": [["", *BIN[1:]]]}}, "no time"),
        ({**CARD, "TimeFormat": "JD"}, "'JD' is not known"),
        ({**CARD, "TimeFormat": "MET", "T0": None}, "does not name"),
        ([], "names no data sets"),
    ],
)
def test_what_is_no_light_curve_is_refused(answer: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        points(json.dumps(answer).encode(), None)


def test_html_is_no_light_curve() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        points(b"<html>", None)


@settings(max_examples=50)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=8)
        | st.sampled_from(["inf", "1e400", "PC", "WTUL"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=12,
    )
)
def test_nonsense_is_rows_or_a_refusal(value: Any) -> None:
    for answer in (
        value,
        {"Datasets": value},
        {**CARD, "PCData": value},
        {**CARD, "PCData": {"columns": ["Time", "Rate"], "data": value}},
    ):
        try:
            found = points(json.dumps(answer).encode(), None)
        except ValueError:
            continue
        assert all(math.isfinite(point.row.mjd) for point in found)


# -- flux densities


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (2.0, 662.6 * 1e-12 / 1.602e-9 / 3.507),
        (2.0000001, 0.118),
        (1.0, 662.6 * 1e-12 / 1.602e-9 / 9.7),
        (3.0, None),
    ],
)
def test_a_flux_spread_over_the_band(gamma: float, expected: float | None) -> None:
    found = flux.density(1e-12, gamma)
    if expected is None:
        expected = 662.6 * 1e-12 / 1.602e-9 / (1 / 0.3 - 1 / 10)
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_power_law_against_its_integral() -> None:
    """The density at 1 keV, spread as E**(1 - gamma), must give the flux back."""
    gamma, total = 1.7, 5e-12
    steps = 20000
    width = (10 - 0.3) / steps
    shape = sum((0.3 + (n + 0.5) * width) ** (1 - gamma) * width for n in range(steps))
    per_kev = flux.density(total, gamma) * 1.602e-9 / 662.6
    assert per_kev * shape == pytest.approx(total, rel=1e-4)


SPECTRUM: JSON = {
    "T0": 807278405.0,
    "rnames": ["interval0", "late", "none"],
    "interval0": {
        "Start": 0,
        "Stop": 1e6,
        "Modes": ["PC", "WT"],
        "PC": {"PowerLaw": {"Gamma": 2.0, "ObsFlux": 1e-12}},
        "WT": {"NOFIT": 1, "Models": []},
    },
    "late": {"NOSPEC": 1},
    "none": {"Start": 0, "Stop": 1, "Modes": ["PC"], "PC": {"PowerLaw": {"NOFIT": 1}}},
}


def test_only_usable_fits_count() -> None:
    assert flux.power_laws(SPECTRUM) == [
        {
            "slice": "interval0",
            "mode": "PC",
            "start": 807278405.0,
            "stop": 808278405.0,
            "gamma": 2.0,
            "flux": 1e-12,
        }
    ]
    assert flux.power_laws({"NoSpectrum": 1}) == []
    assert flux.power_laws({**SPECTRUM, "T0": "unknown"}) == []


@pytest.mark.parametrize("rate", [-0.01, 0.0])
def test_a_flux_that_is_not_positive_has_a_limit(rate: float) -> None:
    found = points(json.dumps(CARD).encode(), None)
    law = {**flux.power_laws(SPECTRUM)[0], "start": found[0].met_s - 10, "stop": found[0].met_s + 10}
    factor = flux.density(1e-12, 2.0) / 0.0182
    faint = replace(found[0], rate=rate, error=0.02)
    row = flux.with_densities([found[0], replace(faint, met_s=found[0].met_s + 100)], [law])[1]
    assert row.flux == pytest.approx(rate * factor)
    assert row.flux_err == pytest.approx(0.02 * factor)
    assert (row.mag, row.extra["limiting_mag_nsigma"]) == (None, 3.0)
    assert row.limiting_mag == pytest.approx(23.9 - 2.5 * math.log10(0.06 * factor))
    row = flux.with_densities([found[0], replace(faint, met_s=found[0].met_s + 100, error=None)], [law])[1]
    assert (row.limiting_mag, row.flux_err) == (None, None)


def test_rates_become_flux_densities() -> None:
    start = light_curve.points(json.dumps(CARD).encode(), None)[0].met_s
    law = {**flux.power_laws(SPECTRUM)[0], "start": start - 10, "stop": start + 10}
    detection, limit = flux.with_densities(points(json.dumps(CARD).encode(), None), [law])
    factor = flux.density(1e-12, 2.0) / 0.0182
    assert detection.flux == pytest.approx(flux.density(1e-12, 2.0))
    assert detection.flux_err == pytest.approx(0.0041 * factor)
    assert detection.flux is not None
    assert detection.mag == pytest.approx(23.9 - 2.5 * math.log10(detection.flux))
    assert detection.mag_err == pytest.approx(1.0857 * 0.0041 / 0.0182, rel=1e-4)
    assert detection.flags == ("derived",)
    assert detection.extra["rate_ct_s"] == 0.0182
    assert (limit.flux, limit.flags) == (None, ("upper_limit", "derived"))
    assert limit.limiting_mag == pytest.approx(23.9 - 2.5 * math.log10(0.0018 * factor))


def test_without_counts_in_the_fits_time_there_is_no_flux() -> None:
    law = {**flux.power_laws(SPECTRUM)[0], "start": 0.0, "stop": 1.0}
    assert all(
        row.flux is None and row.zp is None
        for row in flux.with_densities(points(json.dumps(CARD).encode(), None), [law])
    )
