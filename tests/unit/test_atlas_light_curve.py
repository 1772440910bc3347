"""From ATLAS's result files to photometry: the card's numbers, and what is flagged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from atlas_forced_photometry import light_curve
from atlas_forced_photometry.facility import AtlasForcedPhotometry, AtlasOrder
from atlas_forced_photometry.models import AtlasAltdata, AtlasPayload
from local.simulators.atlas.light_curve import SN_2023IXF, Aim, head_only, result_file
from slew.errors import Rejected
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order
from slew.models import Requester, Target
from slew.photometry import PartlyRead, Row

FACILITY = AtlasForcedPhotometry()
BASE = "https://fallingstar-data.com/forcedphot"
HEAD = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs"
_FIRST_ROW = """
61084.412310 17.204 0.032 477 14 o 0 1.21 150.12346 2.34568 4021.33 6120.87 2.61 2.40 -58.2
-0.402 19.28 20.31 02a61084o0213o
"""
FIRST = dict(
    zip(
        HEAD.removeprefix("###").split(),
        _FIRST_ROW.split(),
        strict=True,
    )
)
NEGATIVE = {
    **FIRST,
    "MJD": "61084.425818",
    "m": "-19.842",
    "dm": "0.543",
    "uJy": "-42",
    "duJy": "21",
    "Obs": "02a61084o0231o",
}
FAINT = {
    **FIRST,
    "MJD": "61086.398120",
    "m": "19.039",
    "uJy": "88",
    "duJy": "22",
    "F": "c",
    "mag5sig": "18.80",
    "Obs": "01a61086o0188c",
}


def file_of(*rows: dict[str, str]) -> bytes:
    return "\n".join([HEAD, *("  ".join(row.values()) for row in rows)]).encode()


def rows_of(*rows: dict[str, str]) -> tuple[Row, ...]:
    return light_curve.rows(file_of(*rows))


# -- the card's test vectors


def test_the_cards_rows() -> None:
    bright, negative, faint = rows_of(FIRST, NEGATIVE, FAINT)
    assert (bright.mjd, bright.filter, bright.magsys, bright.zp) == (61084.41231, "atlaso", "ab", 23.9)
    assert (bright.flux, bright.flux_err) == (477.0, 14.0)
    assert bright.snr == pytest.approx(34.1, abs=0.05)
    assert bright.mag == pytest.approx(17.20370, abs=5e-6)
    assert bright.mag_err == pytest.approx(0.03187, abs=5e-6)
    assert bright.limiting_mag is None
    assert (negative.mag, negative.mag_err, negative.snr) == (None, None, -2.0)
    assert negative.limiting_mag == pytest.approx(19.40165, abs=5e-6)
    assert negative.extra["limiting_mag_nsigma"] == 3.0
    assert (faint.filter, faint.snr) == ("atlasc", 4.0)
    assert faint.mag == pytest.approx(19.03879, abs=5e-6)  # fainter than mag5sig, and a detection
    assert faint.mag_err == pytest.approx(0.27143, abs=5e-6)
    assert [row.flags for row in (bright, negative, faint)] == [(), (), ()]
    assert (bright.extra["ra"], bright.extra["obs"]) == (150.12346, "02a61084o0213o")


# -- what is flagged


@pytest.mark.parametrize(
    ("cells", "flags", "drop"),
    [
        ({"duJy": "10000"}, ("duJy",), True),
        ({"duJy": "9999"}, (), False),
        ({"err": "1"}, ("err",), True),
        ({"x": "100"}, ("x",), True),
        ({"x": "10460"}, ("x",), True),
        ({"y": "99.9"}, ("y",), True),
        ({"maj": "1.6"}, ("maj",), True),
        ({"min": "5.0"}, ("min",), True),
        ({"apfit": "-0.1"}, ("apfit",), True),
        ({"apfit": "-1.0"}, ("apfit",), True),
        ({"mag5sig": "17.0"}, ("mag5sig",), True),
        ({"mag5sig": "9.99"}, ("mag5sig", "no_photometric_solution"), True),
        ({"Sky": "16.9"}, ("Sky",), True),
        ({"Sky": "nan"}, ("Sky",), True),
        ({"duJy": "0"}, ("no_flux",), True),
        ({"uJy": "nan"}, ("no_flux",), True),
        ({"F": "w"}, ("other_filter",), False),
        ({"chi/N": "240"}, (), False),
    ],
)
def test_every_cut_is_a_flag(cells: dict[str, str], flags: tuple[str, ...], drop: bool) -> None:
    [row] = rows_of({**FIRST, **cells})
    assert row.flags == flags
    assert row.extra["drop"] is drop


def test_a_repeated_exposure_is_flagged() -> None:
    rows = rows_of(FIRST, NEGATIVE, FIRST)
    assert [row.flags for row in rows] == [(), (), ("duplicate",)]


@pytest.mark.parametrize(
    ("faults", "flags"),
    [
        (["nan", "0", "0"], [("err", "duplicate"), (), ("duplicate",)]),
        (["1", "2", "0"], [("err", "duplicate"), ("err", "duplicate"), ()]),
        (["1", "2", "3"], [("err",), ("err", "duplicate"), ("err", "duplicate")]),
    ],
)
def test_of_a_repeated_exposure_the_first_good_row_counts(
    faults: list[str], flags: list[tuple[str, ...]]
) -> None:
    rows = rows_of(*({**FIRST, "err": err} for err in faults))
    assert [row.flags for row in rows] == flags
    assert [row.extra["drop"] for row in rows] == [bool(each) for each in flags]


def test_another_filter_keeps_its_letter() -> None:
    [row] = rows_of({**FIRST, "F": "H"})
    assert row.filter == "H"
    assert row.mag is not None


@pytest.mark.parametrize(("mjd", "era"), [("58416.9", 0), ("58417.0", 1), ("58882.0", 2)])
def test_the_era_of_the_template_is_told(mjd: str, era: int) -> None:
    assert rows_of({**FIRST, "MJD": mjd})[0].extra["template_era"] == era


# -- other files


def test_columns_are_read_by_name_and_unknown_ones_ignored() -> None:
    content = b"###MJD F duJy PA_DEG uJy\n61084.4 c 14 ? 477\n"
    [row] = light_curve.rows(content)
    assert (row.flux, row.filter, row.flags) == (477.0, "atlasc", ())


@pytest.mark.parametrize("mark", ["", "\ufeff", "# made by hand\n"])
def test_comments_and_line_ends_are_no_rows(mark: str) -> None:
    text = file_of(FIRST, NEGATIVE).decode().replace("\n", "\r\n# a comment\r\n\r\n")
    assert light_curve.rows(f"{mark}{text}\r\n".encode()) == rows_of(FIRST, NEGATIVE)


def test_a_number_too_wide_for_its_column_is_missing() -> None:
    first, second = rows_of({**FIRST, "uJy": "******"}, NEGATIVE)
    assert (first.flux, first.mag, first.flags) == (None, None, ("no_flux",))
    assert second.flux == -42.0


def test_total_fluxes_of_reduced_images_say_so() -> None:
    [row] = light_curve.rows(file_of(FIRST), reduced=True)
    assert (row.extra["images"], row.extra["template_era"]) == ("reduced", None)
    assert rows_of(FIRST)[0].extra["images"] == "difference"
    wanted = replace(order(), payload=order().payload.model_copy(update={"use_reduced": True}))
    [row] = FACILITY.photometry(wanted, {"kind": "photometry"}, file_of(FIRST))
    assert row.extra["images"] == "reduced"


def test_a_file_with_a_head_only_has_no_points() -> None:
    assert light_curve.rows(head_only().encode()) == ()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "head line is missing"),
        (b"<html><body>Not Found</body></html>", "head line is missing"),
        (b"###MJD m dm\n", "uJy, duJy, F is missing"),
        (file_of(FIRST)[:-20], "line 2: 18 values for 19 columns"),
        (file_of({**FIRST, "MJD": "nan"}), "line 2: MJD is missing"),
        (file_of({**FIRST, "uJy": "many"}), "line 2: uJy is no number"),
    ],
)
def test_what_is_no_result_file_is_refused_by_its_line(content: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        light_curve.rows(content)


def test_lines_that_cannot_be_read_spoil_no_others() -> None:
    short = file_of(FIRST, NEGATIVE, FAINT, FIRST, FIRST).decode().splitlines()
    for number, line in ((3, "61084.4 1 2"), (4, "garbage"), (5, "?"), (6, "nan")):
        short[number - 1] = line
    with pytest.raises(PartlyRead) as caught:
        light_curve.rows("\n".join(short).encode())
    assert caught.value.rows == rows_of(FIRST)
    assert str(caught.value) == (
        "4 of its lines cannot be read: line 3: 3 values for 19 columns; line 4: 1 values for 19 columns; "
        "line 5: 1 values for 19 columns; ..."
    )


@settings(max_examples=50)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([name for name in FIRST if name not in ("F", "Obs")]),
            st.sampled_from(["nan", "inf", "-1e308", "1e300", "0", "-5", "1e-300", "42"]),
            max_size=6,
        ),
        max_size=5,
    )
)
def test_no_number_breaks_the_reduction_or_json(changes: list[dict[str, str]]) -> None:
    try:
        rows = rows_of(*({**FIRST, **each} for each in changes))
        assert len(rows) == len(changes)
    except PartlyRead as error:
        rows = error.rows
        assert "MJD is missing" in str(error)  # noqa: PT017 - either outcome is right
    except ValueError as error:
        assert "MJD is missing" in str(error)  # noqa: PT017 - either outcome is right
        return
    json.dumps([asdict(row) for row in rows], allow_nan=False)


def test_a_simulated_file_is_read_whole() -> None:
    content = result_file(Aim(*SN_2023IXF), 60080.0, 60120.0, reduced=False)
    assert content is not None
    rows = light_curve.rows(content.encode())
    assert len(rows) == len(content.splitlines()) - 1
    flags = {flag for row in rows for flag in row.flags}
    assert {"duplicate", "err", "no_photometric_solution", "duJy", "other_filter"} <= flags
    assert min(row.mag for row in rows if row.mag is not None and not row.flags) < 11.5


# -- the facility


def order() -> AtlasOrder:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return Order(
        request_id="101",
        instrument=None,
        target=Target(name="SN 2023ixf", ra=210.9, dec=54.3),
        payload=AtlasPayload.model_validate({"start_date": "2026-11-01", "end_date": "2026-11-20"}),
        altdata=AtlasAltdata(api_token=SecretStr("t" * 40)),
        allocation=AllocationFacts("atlas", "PI of the proposal", "transients"),
        requester=Requester(),
        now=now,
        created_at=now,
    )


LINK = Link(cast(HttpLink, None), cast(MailLink, None))


def test_only_the_result_file_is_photometry() -> None:
    content = file_of(FIRST)
    assert len(FACILITY.photometry(order(), {"kind": "photometry"}, content)) == 1
    assert FACILITY.photometry(order(), {"kind": "image"}, content) == ()


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        (f"{BASE}/static/results/job7.txt", True),
        ("http://fallingstar-data.com/forcedphot/static/results/job7.txt", False),
        ("https://fallingstar-data.com.evil.example/job7.txt", False),
        ("https://elsewhere.example/job7.txt", False),
    ],
)
def test_the_token_goes_only_to_the_servers_own_host(url: str, ours: bool) -> None:
    request = FACILITY.download(order(), {"url": url}, LINK)
    assert (request.method, request.url) == ("GET", url)
    assert request.headers == ({"Authorization": f"Token {'t' * 40}"} if ours else {})
    assert request.untrusted is not ours


@pytest.mark.parametrize("product", [{}, {"url": None}, {"url": "file:///etc/passwd"}])
def test_a_product_without_an_address_is_refused(product: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        FACILITY.download(replace(order(), comment="any"), product, LINK)
