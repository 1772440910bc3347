"""Gemini: the exact triggers that follow from an order; no server involved."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.gemini import seed
from tests.gemini_orders import JSON, STAR, prepared, query, refused


def test_the_whole_trigger_as_the_card_writes_it() -> None:
    payload = {
        "l_exptime": 600,
        "mags": "18.4/r/AB",
        "posangle": 143,
        "note_title": "Finding Chart",
        "note": "SN Ia candidate\r\nhttps://example.org/fc/ZTF26aaabcde.png",
        **STAR,
    }
    request = prepared(payload=payload).http()
    assert (request.method, request.body, dict(request.headers)) == ("POST", b"", {})
    assert request.url == (
        "https://gnodb.gemini.edu:8443/too?prog=GN-2026B-Q-110&email=too-robot%40example.org&password=a1b2c3d4"
        "&obsnum=21&target=ZTF26aaabcde&ra=12%3A22%3A54.8299&dec=%2B04%3A49%3A24.229&mags=18.4%2Fr%2FAB"
        "&posangle=143.0&noteTitle=Finding+Chart&note=SN+Ia+candidate%0Ahttps%3A%2F%2Fexample.org%2Ffc%2F"
        "ZTF26aaabcde.png&group=ZTF26aaabcde&ready=true&exptime=600&windowDate=2026-12-01&windowTime=04%3A00"
        "&windowDuration=48&elevationType=airmass&elevationMin=1.0&elevationMax=1.6&gstarget=Gaia-3713"
        "&gsra=12%3A22%3A49.1200&gsdec=%2B04%3A47%3A58.100&gsmags=13.2%2FUC%2FVega&gsprobe=OIWFS"
    )


def test_the_smallest_trigger() -> None:
    assert query() == {
        "prog": "GN-2026B-Q-110",
        "email": "too-robot@example.org",
        "password": "a1b2c3d4",
        "obsnum": "21",
        "target": "ZTF26aaabcde",
        "ra": "12:22:54.8299",
        "dec": "+04:49:24.229",
        "posangle": "0.0",
        "group": "ZTF26aaabcde",
        "ready": "true",
        "windowDate": "2026-12-01",
        "windowTime": "04:00",
        "windowDuration": "48",
        "elevationType": "airmass",
        "elevationMin": "1.0",
        "elevationMax": "1.6",
    }


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"ready": False}, {"ready": "false"}),
        ({"posangle": -30.5}, {"posangle": "-30.5"}),
        ({"l_exptime": 0.5}, {"exptime": "1"}),
        ({"l_exptime": 99.5}, {"exptime": "100"}),
        ({"l_exptime": 1200}, {"exptime": "1200"}),
        ({"group_name": "supernovae"}, {"group": "supernovae"}),
        ({"note": "be quick"}, {"note": "be quick", "noteTitle": None}),
        ({"note_title": "Chart"}, {"note": None, "noteTitle": "Chart"}),
        ({"template_ids": ..., "obs": "ToO R150"}, {"obsnum": None, "obs": "ToO R150"}),
        (
            {"elevationType": "none"},
            {"elevationType": "none", "elevationMin": None, "elevationMax": None},
        ),
        (
            {"elevationType": "hourAngle", "l_elmin": -2, "l_elmax": 2.5},
            {"elevationType": "hourAngle", "elevationMin": "-2.0", "elevationMax": "2.5"},
        ),
        (
            {"gsra": 0.0, "gsdec": -0.5, "gsprobe": "PWFS2"},
            {"gsra": "00:00:00.0000", "gsdec": "-00:30:00.000", "gstarget": None, "gsmags": None},
        ),
    ],
)
def test_each_optional_field(payload: JSON, sent: JSON) -> None:
    found = query(payload=payload)
    assert {name: found.get(name) for name in sent} == sent


@pytest.mark.parametrize(
    ("start", "end", "sent"),
    [
        ("2026-12-01 00:00", "2026-12-01 00:59", ("2026-12-01", "00:00", "1")),
        ("2026-12-01 00:00", "2026-12-01 01:00", ("2026-12-01", "00:00", "1")),
        ("2026-12-01 00:00", "2026-12-01 01:00:01", ("2026-12-01", "00:00", "2")),
        ("2026-12-01 04:30:59.9", "2026-12-01 05:30:01", ("2026-12-01", "04:30", "2")),
        ("2026-12-01 04:30:59", "2026-12-01 04:31:00", ("2026-12-01", "04:30", "1")),
        ("2026-12-01 01:00+03:00", "2026-12-02 06:00", ("2026-11-30", "22:00", "32")),
        ("2026-12-01", "2026-12-02", ("2026-12-01", "00:00", "24")),
    ],
)
def test_the_window_is_rounded_up_to_hours(start: str, end: str, sent: tuple[str, ...]) -> None:
    found = query(payload={"start_date": start, "end_date": end})
    assert (found["windowDate"], found["windowTime"], found["windowDuration"]) == sent


@pytest.mark.parametrize(
    ("ra", "dec", "sent"),
    [
        (0, -0.0000001, ("00:00:00.0000", "-00:00:00.000")),
        (359.99999999, 89.99999999, ("00:00:00.0000", "+90:00:00.000")),
        (14.99999999, -52.99999999, ("01:00:00.0000", "-53:00:00.000")),
    ],
)
def test_seconds_never_read_sixty(ra: float, dec: float, sent: tuple[str, str]) -> None:
    found = query(target={"ra": ra, "dec": dec})
    assert (found["ra"], found["dec"]) == sent


def test_one_trigger_a_template_in_the_callers_order() -> None:
    exchanges = prepared(payload={"template_ids": "23,21"}).exchanges
    numbers = [dict(parse_qsl(urlsplit(cast(Any, each).url).query))["obsnum"] for each in exchanges]
    assert numbers == ["23", "21"]


def test_what_has_been_taken_is_not_sent_again() -> None:
    done = {"observations": {"21": "GN-2026B-Q-110-40"}, "refused": {"22": "no"}, "asking": None}
    found = query(payload={"template_ids": "21,22"}, facility_data=done)
    assert found["obsnum"] == "22"


@pytest.mark.parametrize(
    ("programid", "url"),
    [
        ("GN-2026B-Q-110", "https://gnodb.gemini.edu:8443/too"),
        ("GS-2026B-Q-203", "https://gsodb.gemini.edu:8443/too"),
    ],
)
def test_the_programme_decides_the_site(programid: str, url: str) -> None:
    assert prepared(altdata={"programid": programid}).http().url.partition("?")[0] == url


def test_each_site_has_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_GEMINI_NORTH_URL", "https://gnodbtest.gemini.edu:8443/")
    monkeypatch.setenv("SLEW_GEMINI_SOUTH_URL", "https://south.example.org")
    assert prepared().http().url.startswith("https://gnodbtest.gemini.edu:8443/too?")
    found = prepared(altdata={"programid": seed.SOUTH}, instrument="south").http()
    assert found.url.startswith("https://south.example.org/too?")


@pytest.mark.parametrize(
    ("programid", "instrument", "text"),
    [
        (seed.NORTH, "south", "Invalid program ID for Gemini South, must start with GS"),
        (seed.SOUTH, "north", "Invalid program ID for Gemini North, must start with GN"),
    ],
)
def test_the_other_telescope_is_refused(programid: str, instrument: str, text: str) -> None:
    found = refused(altdata={"programid": programid}, instrument=instrument)
    assert found == {"instrument": f"{text}; this allocation's programme is {programid}"}


def test_only_the_allocations_templates() -> None:
    assert len(prepared(payload={"template_ids": "22,21"}, altdata={"template_ids": [21, 22]}).exchanges) == 2
    found = refused(payload={"template_ids": "21,23,24"}, altdata={"template_ids": "21,22"})
    assert found == {"payload.template_ids": "23, 24 not allowed: this allocation may trigger 21, 22"}
    by_title = {"template_ids": ..., "obs": "ToO R150"}
    assert list(refused(payload=by_title, altdata={"template_ids": "21"})) == ["payload.obs"]


def test_a_window_that_is_over() -> None:
    payload = {"start_date": "2026-11-29", "end_date": "2026-11-30 05:00"}
    assert list(refused(payload=payload)) == ["payload.end_date"]
    assert prepared(payload={**payload, "end_date": "2026-11-30 05:01"}).exchanges


# -- the length of the URL


def test_a_long_note_is_shortened_and_that_is_told() -> None:
    note = "Σπέκτρον: a very young supernova → " * 80
    made = prepared(payload={"note": note})
    url = made.http().url
    assert 3950 < len(url) <= 4000
    sent = dict(parse_qsl(urlsplit(url).query))["note"]
    assert sent.endswith("… (cut)")
    assert note.startswith(sent.removesuffix("… (cut)"))
    assert "the note is shortened: a URL may have 4000 characters" in made.notes
    assert not any("shortened" in each for each in prepared(payload={"note": "short"}).notes)


def test_names_that_leave_no_room() -> None:
    found = refused(target={"name": "星" * 200}, payload={"group_name": "雲" * 200, "note_title": "雪" * 200})
    assert "4000" in found["payload"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=3000))
@settings(max_examples=50)
def test_any_note_fits(note: str) -> None:
    assert len(prepared(payload={"note": note}).http().url) <= 4000


# -- what the caller is told


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, "neither changed nor withdrawn by program"),
        ({"payload": {"ready": False}}, "ready is false"),
        ({}, "no guide star is sent"),
        ({}, "a position angle of 0 deg is sent"),
        ({"payload": {"elevationType": "none"}}, "the template's are cleared"),
        ({"payload": {"end_date": "2026-12-01 04:30"}}, "2026-12-01 04:00 to 2026-12-01 05:00 UTC"),
        ({"target": {"proper_motion_ra": 1000.0}}, "proper motion is not sent"),
    ],
)
def test_notes(parts: JSON, told: str) -> None:
    assert any(told in note for note in prepared(**parts).notes)


def test_no_needless_notes() -> None:
    [standing] = prepared(payload={**STAR, "posangle": 0}).notes
    assert "Observing Tool" in standing
