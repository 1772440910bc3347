"""SOAR's modes and filters are those that the portal lists now, where its list can be had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slew import portal_listing
from slew.errors import Invalid
from slew.portal_facility import UNCHECKED
from tests.lco_orders import Script, body_of, link, scripted
from tests.soar_orders import FACILITY, order

JSON = dict[str, Any]


def listing(code: str, readouts: list[str], filters: list[str] | None = None) -> tuple[int, JSON]:
    """What the portal lists of one instrument."""
    modes = {
        "readout": readouts,
        "acquisition": ["MANUAL"],
        "guiding": ["ON", "OFF"],
        "rotator": ["SKY"],
    }
    return 200, {
        code: {
            "modes": {kind: {"modes": [{"code": mode} for mode in of]} for kind, of in modes.items()},
            "optical_elements": {"filters": [{"code": each} for each in filters]} if filters else {},
        }
    }


@pytest.fixture(autouse=True)
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    portal_listing.forget()
    with scripted() as script:
        monkeypatch.setenv("SLEW_SOAR_URL", script.url)
        yield script
    portal_listing.forget()


def configurations(instrument: str, payload: JSON) -> list[JSON]:
    body = body_of(FACILITY.prepare(order(instrument, payload), link()))
    found: list[JSON] = body["requests"][0]["configurations"]
    return found


def refusal(instrument: str, payload: JSON) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(Invalid) as caught:
        configurations(instrument, payload)
    (error,) = caught.value.errors
    return error.loc, error.msg


def test_modes_are_those_that_the_portal_lists_now(portal: Script) -> None:
    portal.answers["GET /api/instruments/"] = listing(
        "SOAR_GHTS_REDCAM", ["GHTS_R_400m1_2x2", "GHTS_R_930_M9_1x1"]
    )
    prepared = FACILITY.prepare(order(), link())
    assert prepared.notes == ()
    # A mode that came with this semester, unknown to this code.
    (new,) = configurations("ghts", {"instrument_mode": "GHTS_R_930_M9_1x1"})
    assert new["instrument_configs"][0]["mode"] == "GHTS_R_930_M9_1x1"
    for gone in ("GHTS_R_1200_CaNIR_1x2_slit0p8", "GHTS_B_400m1_2x2"):
        assert refusal("ghts", {"instrument_mode": ["GHTS_R_400m1_2x2", gone]}) == (
            ("payload", "instrument_mode"),
            f"rejected: mode {gone} is not offered by SOAR_GHTS_REDCAM now;"
            " offered: GHTS_R_400m1_2x2, GHTS_R_930_M9_1x1",
        )
    # Asked once in a quarter of an hour, by the type, and without the token.
    asked = [each for each in portal.seen if each[1].startswith("/api/instruments/")]
    assert [each[1] for each in asked] == ["/api/instruments/?instrument_type=SOAR_GHTS_REDCAM"]
    assert "Authorization" not in asked[0][2]


def test_filters_are_those_that_the_portal_lists_now(portal: Script) -> None:
    blue = {"instrument_type": "SOAR_GHTS_BLUECAM_IMAGER"}
    portal.answers["GET /api/instruments/"] = listing(
        "SOAR_GHTS_BLUECAM_IMAGER", ["GHTS_B_Image_1x1"], ["u-SDSS", "OIII"]
    )
    made = configurations("ghts_imager", {**blue, "observation_choices": ["u-SDSS", "OIII"]})
    assert [each["instrument_configs"][0]["optical_elements"] for each in made] == [
        {"filter": "u-SDSS"},
        {"filter": "OIII"},
    ]
    # The imager leaves no choice of a mode: the one that is listed has taken the place of the usual one.
    assert {each["instrument_configs"][0]["mode"] for each in made} == {"GHTS_B_Image_1x1"}
    assert refusal("ghts_imager", {**blue, "observation_choices": ["u-SDSS", "cn"]}) == (
        ("payload", "observation_choices"),
        "rejected: filter cn is not offered by SOAR_GHTS_BLUECAM_IMAGER now; offered: OIII, u-SDSS",
    )


def test_fowler_modes_are_those_that_the_portal_lists_now(portal: Script) -> None:
    portal.answers["GET /api/instruments/"] = listing("SOAR_TRIPLESPEC", ["fowler1_coadds1"])
    assert configurations("triplespec", {"instrument_mode": "fowler1_coadds1"})
    loc, told = refusal("triplespec", {})
    assert loc == ("payload", "instrument_mode")
    assert told.startswith("rejected: mode fowler16_coadds1 is not offered by SOAR_TRIPLESPEC now")


@pytest.mark.parametrize(
    "answer",
    [(200, {}), (500, b"<html>"), (200, b"<html>"), (403, {"detail": "Invalid token."}), (200, [1])],
)
def test_an_outage_of_the_list_leaves_the_judgement_to_the_portal(portal: Script, answer: Any) -> None:
    portal.answers["GET /api/instruments/"] = answer
    wanted = order("ghts", {"instrument_mode": "GHTS_R_1200_CaNIR_1x2_slit0p8"})
    prepared = FACILITY.prepare(wanted, link())
    assert prepared.notes == (UNCHECKED,)
    (spectrum,) = body_of(prepared)["requests"][0]["configurations"]
    assert spectrum["instrument_configs"][0]["mode"] == "GHTS_R_1200_CaNIR_1x2_slit0p8"
