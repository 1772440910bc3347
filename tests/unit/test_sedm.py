"""SEDM at Palomar: what is accepted, and the exact form that follows from it, as the simulator reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulators.sedm.bookings import Book
from sedm import brightness
from sedm.models import MIX, PROGRAMMES
from slew.facility import AllocationFacts
from slew.models import Requester, Target
from slew.status import Status
from tests.sedm_orders import FACILITY, JSON, LINK, NOW, form, forms_of, order_of

RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data/peer/sedm.json").read_text())
ADDRESS = "http://minar.caltech.edu"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SEDM_URL", ADDRESS)
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", "900000-999999")


def body(**parts: Any) -> JSON:
    (content,) = forms_of(**parts)
    return content


def notes(**parts: Any) -> str:
    return " | ".join(FACILITY.prepare(order_of(**parts), LINK).notes)


# ---- the wire


@pytest.mark.parametrize("recorded", RECORDINGS, ids=lambda each: each["name"])
def test_the_form_is_the_peers(recorded: JSON) -> None:
    """Except for the address: the peer's default is the test sink, which books nothing (card: Pitfalls)."""
    who, target = recorded["requester"], recorded["target"]
    order = replace(
        order_of(payload=recorded["payload"], altdata={"programname": "G"}),
        target=Target(name=target["id"], ra=target["ra"], dec=target["dec"]),
        requester=Requester(username=who["username"], email=who["contact_email"]),
        number=recorded["request_id"],
    )
    (sent,) = recorded["peer"]["sent"]
    [[(about), text]] = sent["data"]["formdata"]
    assert about == {"name": "jsonfile", "filename": "jsonfile"}
    assert sent["url"] == "http://minar.caltech.edu/add_fritz"
    request = FACILITY.prepare(order, LINK).http()
    assert (request.method, request.url) == ("POST", "http://minar.caltech.edu/add_request")
    assert form(request) == json.loads(text)


def test_the_form_is_the_cards() -> None:
    points = [
        {"mjd": 61375.31, "filter": "ztfg", "mag": 18.41},
        {"mjd": 61375.27, "filter": "ztfr", "mag": 18.22},
        {"mjd": 61370.1, "filter": "ztfr", "mag": 19.9},
    ]
    request = FACILITY.prepare(
        order_of(
            payload={"priority": 3.0, "start_date": "2026-12-01", "end_date": "2026-12-08"},
            target={"photometry": points},
            altdata={"programname": "Redshift Completeness Factor"},
        ),
        LINK,
    ).http()
    assert request.body.startswith(b"------")
    assert b'Content-Disposition: form-data; name="jsonfile"; filename="jsonfile"\r\n' in request.body
    assert b"Content-Type: text/plain; charset=utf-8\r\n\r\n{" in request.body
    assert "Authorization" not in request.headers
    assert form(request) == {
        "Filters": "",
        "Followup": "IFU",
        "email": "observer1@example.org",
        "enddate": "2026-12-08",
        "startdate": "2026-12-01",
        "prior_photometry": {
            "r": {"jd": pytest.approx(2461375.77), "mag": 18.22, "obsdate": "2026-12-01"},
            "g": {"jd": pytest.approx(2461375.81), "mag": 18.41, "obsdate": "2026-12-01"},
        },
        "priority": 3.0,
        "programname": "Redshift Completeness Factor",
        "requestid": 900123,
        "sourceid": "ZTF26aaabcde",
        "sourcename": "ZTF26aaabcde",
        "status": "new",
        "username": "observer1",
        "ra": 185.728458,
        "dec": 4.823397,
        "exptime": -1,
        "maxairmass": 2.8,
        "max_fwhm": 10,
    }


@pytest.mark.parametrize(
    ("payload", "filters", "followup"),
    [
        ({"observation_type": "IFU"}, "", "IFU"),
        ({"observation_type": "3-shot (gri)"}, "g,r,i", ""),
        ({"observation_type": "4-shot (ugri)"}, "u,g,r,i", ""),
        ({"observation_type": "3-shot+IFU"}, "g,r,i", "IFU"),
        ({"observation_type": "4-shot+IFU"}, "u,g,r,i", "IFU"),
        ({"observation_type": MIX, "observation_choices": ["i", "r"]}, "i,r", ""),
        ({"observation_type": MIX, "observation_choices": ["IFU"]}, "", "IFU"),
        ({"observation_type": MIX, "observation_choices": ["r", "IFU", "u"]}, "r,u", "IFU"),
    ],
)
def test_modes(payload: JSON, filters: str, followup: str) -> None:
    sent = body(payload=payload)
    assert (sent["Filters"], sent["Followup"]) == (filters, followup)


def test_the_newest_detection_stands_last() -> None:
    """The peer puts the newest band first, by which SEDM goes wrong (card: Pitfalls)."""
    points = [
        {"mjd": 61370.0, "filter": "ztfi", "mag": 16.0},
        {"mjd": 61372.0, "filter": "sdssr", "mag": 18.5},
        {"mjd": 61371.0, "filter": "ztfg", "mag": 17.0},
        {"mjd": 61373.0, "filter": "atlaso", "mag": 12.0},
        {"mjd": 61374.0, "filter": "ztfr", "mag": None},
        {"mjd": 61375.0, "filter": "ztfr", "mag": 18.6, "mag_sys": "vega"},
        {"mjd": 61376.0, "mag": 18.6},
    ]
    sent = body(target={"photometry": points})
    assert list(sent["prior_photometry"]) == ["i", "g", "r"]
    assert sent["prior_photometry"]["r"]["mag"] == 18.5
    assert "by r = 18.5: presumably IFU 2250 s" in notes(target={"photometry": points})


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("ztfg", "g"),
        ("ztfr", "r"),
        ("sdssi", "i"),
        ("ps1::r", "r"),
        ("g", "g"),
        ("r-ztf", "r"),
        ("lsstg", "g"),
        ("ztfu", None),
        ("atlaso", None),
        ("bessellr", None),
        ("bessellv", None),
        ("", None),
    ],
)
def test_bands(name: str, band: str | None) -> None:
    assert brightness.band(name) == band


@pytest.mark.parametrize(
    ("mag", "times"),
    [
        (18.01, (2250, 180, 300)),
        (18.0, (1800, 90, 270)),
        (15.0, (1800, 90, 270)),
        (14.99, (2000, 120, 300)),
    ],
)
def test_exposure_times_are_told(mag: float, times: tuple[int, int, int]) -> None:
    points = [{"mjd": 61370.0, "filter": "ztfr", "mag": mag}]
    said = notes(payload={"observation_type": "4-shot+IFU"}, target={"photometry": points})
    assert f"u {times[2]} s, g {times[1]} s, r {times[1]} s, i {times[1]} s, IFU {times[0]} s" in said


def test_without_photometry_sedm_assumes_17() -> None:
    assert "as for magnitude 17, no g, r or i photometry given: presumably IFU 1800 s" in notes()


def test_a_name_is_cut() -> None:
    name = "A very long name of a transient"
    sent = body(target={"name": name})
    assert sent["sourceid"] == sent["sourcename"] == name[:26]
    assert "cut to 26 characters" in notes(target={"name": name})


def test_an_exposure_time_with_the_ifu_is_warned_of() -> None:
    payload = {"observation_type": "3-shot+IFU", "exposure_time": 120}
    assert body(payload=payload)["exptime"] == 120
    assert "the IFU, too, takes 120 s" in notes(payload=payload)
    assert "IFU" not in notes(payload={"observation_type": "3-shot (gri)", "exposure_time": 120})


@pytest.mark.parametrize("name", PROGRAMMES)
def test_programmes_are_spelt_as_sedm_does(name: str) -> None:
    altdata = {"programname": name}
    assert body(altdata=altdata)["programname"] == name
    assert "programme" not in notes(altdata=altdata)


def test_the_programme_is_else_the_group() -> None:
    sent = forms_of(altdata={"listener_token": "x" * 10}, allocation=AllocationFacts("a", "PI", "EM+GW"))
    assert sent[0]["programname"] == "EM+GW"
    assert "knows no programme 'transients'" in notes(altdata={"listener_token": "x" * 10})


def test_nobody_to_write_to_is_told() -> None:
    assert body(requester=Requester(username="observer1"))["email"] == ""
    assert "no email address" in notes(requester=Requester(username="observer1"))


@pytest.mark.parametrize(
    ("dates", "sent"),
    [
        ({}, ("2026-11-22", "2026-11-29")),
        ({"start_date": "2026-12-01"}, ("2026-12-01", "2026-12-08")),
        ({"start_date": "2026-11-20"}, ("2026-11-20", "2026-11-29")),
        ({"end_date": "2026-11-22"}, ("2026-11-22", "2026-11-22")),
    ],
)
def test_dates(dates: JSON, sent: tuple[str, str]) -> None:
    content = body(payload=dates)
    assert (content["startdate"], content["enddate"]) == sent


# ---- which form


def test_a_known_booking_is_edited_with_what_it_had() -> None:
    had = {"exptime": 120, "maxairmass": 2.0, "max_fwhm": 5}
    (sent,) = forms_of(
        payload={"maximum_airmass": 1.5},
        facility_request_id="900123",
        status=Status.SUBMITTED,
        facility_data=had,
    )
    assert sent["status"] == "edit"
    assert (sent["exptime"], sent["maxairmass"], sent["max_fwhm"]) == (120, 1.5, 5)


def test_after_an_unknown_outcome_an_edit_comes_first() -> None:
    assert [each["status"] for each in forms_of(status=Status.UNKNOWN)] == ["edit", "new"]
    waited = forms_of(status=Status.PENDING, facility_data={"edit_first": True})
    assert [each["status"] for each in waited] == ["edit", "new"]
    assert [each["status"] for each in forms_of(status=Status.UNKNOWN, facility_request_id="9")] == ["edit"]
    assert [each["status"] for each in forms_of(status=Status.FAILED)] == ["new"]


# ---- whatever is accepted is booked


PAYLOADS = st.fixed_dictionaries(
    {"observation_type": st.sampled_from(["IFU", "3-shot (gri)", "4-shot+IFU", MIX])},
    optional={
        "priority": st.floats(1, 5),
        "exposure_time": st.floats(-1, 3600),
        "maximum_airmass": st.floats(1, 3),
        "maximum_fwhm": st.floats(1, 10),
        "advanced": st.booleans(),
        "start_date": st.dates(NOW.date()).filter(lambda day: day.year < 2099).map(str),
    },
)
CHOICES = st.lists(st.sampled_from(["u", "g", "r", "i", "IFU"]), min_size=1, unique=True)
POINTS = st.lists(
    st.fixed_dictionaries(
        {
            "mjd": st.floats(15000, 100000),
            "filter": st.sampled_from(["ztfg", "ztfr", "ztfi", "atlasc"]),
            "mag": st.floats(-30, 40),
        }
    ),
    max_size=6,
)


@given(PAYLOADS, CHOICES, POINTS, st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
@settings(max_examples=50)
def test_every_accepted_request_is_booked(
    payload: JSON, choices: list[str], points: list[JSON], name: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLEW_SEDM_URL", ADDRESS)
        order = order_of(
            {**payload, "observation_choices": choices}, {"name": name[:200], "photometry": points}
        )
        sent = form(FACILITY.prepare(order, LINK).http())
    book = Book()
    assert book.act(sent, 0.0) == "Accepted Request"
    (entry,) = book.entries
    assert entry.source == name[:26]
    assert entry.ifu is order.payload.ifu
    assert [each[1:] for each in entry.sequence if each != "1ifu"] == list(order.payload.filters)
    if sent["exptime"] <= 0:
        known = brightness.newest(order.target.photometry or ())
        times = brightness.exposure_times(known[-1][2] if known else 17)
        wanted = [times.of("IFU" if each == "1ifu" else each[1:]) for each in entry.sequence]
        assert entry.exposures_s == wanted
