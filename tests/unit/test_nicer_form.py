"""NICER's form: what is accepted, and the exact fields that are posted; no server involved."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nicer.facility import Nicer
from nicer.form import EXPECTED, MARKS, REMARKS, WIRE, form, mjd, plain
from nicer.models import NicerPayload
from slew.errors import Invalid
from slew.facility import HttpLink, Link, MailLink, Prepared
from slew.redact import Redactor
from slew.wire import HttpRequest
from tests.nicer_orders import JSON, NOW, PLAIN, RANGE, WHOLE, order_of

FACILITY = Nicer()
LINK = Link(cast(HttpLink, None), cast(MailLink, None))
RECORDINGS: list[JSON] = json.loads((Path(__file__).parents[1] / "data/peer/nicer.json").read_text())
FLAGS = list(EXPECTED)


def prepared(**parts: JSON) -> Prepared:
    return FACILITY.prepare(order_of(**parts), LINK)


def requests_of(**parts: JSON) -> tuple[HttpRequest, ...]:
    return tuple(each for each in prepared(**parts).exchanges if isinstance(each, HttpRequest))


def posted(request: HttpRequest) -> JSON:
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def data_of(**payload: Any) -> JSON:
    fields = form(order_of(payload)).fields
    return {name: value for name, value in fields.items() if name not in MARKS}


def notes_of(**payload: Any) -> tuple[str, ...]:
    return form(order_of(payload)).notes


def refused(**parts: JSON) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        prepared(**parts)
    return {".".join(map(str, error.loc)): error.msg for error in caught.value.errors}


# -- the three exchanges


def test_the_verification_is_the_cards_body() -> None:
    dates = {"TimeRangeStart": "2026-08-21T12:00:00", "TimeRangeEnd": "2026-08-28T12:00:00"}
    _, verify, _ = requests_of(payload={**RANGE, **dates})
    expected = (
        "RPS_DHTML=&RPS_BEGIN=&COVER=&RPS_CLOSED_3=&RPS_END="
        "&Urgency=Next+Day"
        "&Justification+for+Target+of+Opportunity=Afterglow+candidate+of+a+gravitational-wave+event."
        "&Target+Name=ZTF26aabcdef"
        "&Target+Category=Gravitational-Wave+Sources"
        "&Right+Ascension=229.9620403"
        "&Declination=34.8442757"
        "&Total+Observation+Time=10"
        "&Justification+for+Exposure=S%2FN+of+5+in+10+ks+at+the+expected+rate."
        "&Monitoring+Program=N"
        "&Phase+Dependent+Observation=N"
        "&Specific+Time+Range+Observation=Y"
        "&Specific+Time+Range+Start=61273.5"
        "&Specific+Time+Range+End=61280.5"
        "&Coordinated+Observation=N"
        "&Uninterrupted+Observation=N"
        "&Expected+0.3-10keV+Count+Rate=0.5"
        "&RPS_VERIFY.x=49&RPS_VERIFY.y=15"
    )
    assert verify.body.decode() == expected
    assert (verify.method, verify.url) == ("POST", "https://heasarc.gsfc.nasa.gov/ark/nicertoo/form.html")
    assert verify.headers == {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "en-US,en;q=0.9",
        "Accept-Encoding": "gzip, deflate",
        "Content-Type": "application/x-www-form-urlencoded",
    }


@pytest.mark.parametrize("payload", [PLAIN, WHOLE])
def test_the_submission_is_the_same_data_with_the_other_button(payload: JSON) -> None:
    _, verify, submit = requests_of(payload=payload)
    verified, submitted = posted(verify), posted(submit)
    assert (submit.url, submit.headers) == (verify.url, verify.headers)
    assert {name: submitted.get(name) for name in verified if not name.startswith("RPS_VERIFY.")} == {
        name: value for name, value in verified.items() if not name.startswith("RPS_VERIFY.")
    }
    assert {name: value for name, value in submitted.items() if name not in verified} == {
        "RPS_VERIFIED": "",
        "RPS_SUBMIT.x": "45",
        "RPS_SUBMIT.y": "4",
        "RPS_OPENED_3": "",
    }
    assert not {"RPS_VERIFY.x", "RPS_VERIFY.y"} & set(submitted)


def test_the_login_is_a_query_encoded_twice() -> None:
    login, _, _ = requests_of()
    assert (login.method, login.body) == ("POST", b"")
    assert login.url == (
        "https://heasarc.gsfc.nasa.gov/ark/LOGIN"
        "?destination=%252Fark%252Fuser%252F&credential_0=arkuser01&credential_1=correct-horse"
    )


def test_the_login_may_be_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_NICER_LOGIN", "form")
    login, _, _ = requests_of()
    assert login.url == "https://heasarc.gsfc.nasa.gov/ark/LOGIN"
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert posted(login) == {
        "destination": "%2Fark%2Fuser%2F",
        "credential_0": "arkuser01",
        "credential_1": "correct-horse",
    }


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40).filter(
        lambda text: text == text.strip()
    )
)
@settings(max_examples=50)
def test_no_password_shows_in_the_address_of_the_login(password: str) -> None:
    login, _, _ = requests_of(altdata={"password": password})
    assert dict(parse_qsl(urlsplit(login.url).query))["credential_1"] == password
    shown = Redactor([password]).text(login.url)
    assert dict(parse_qsl(urlsplit(shown).query))["credential_1"] == "********"
    assert password not in (unquote(shown), unquote_plus(shown))


# -- every field


def test_every_block_with_its_fields() -> None:
    assert data_of(**WHOLE) == {
        "Urgency": "Within a Week",
        "NICER Proposal Number": "7001",
        "Justification for Target of Opportunity": "Afterglow candidate of a gravitational-wave event.",
        "Target Name": "ZTF26aabcdef",
        "Target Category": "X-Ray Binaries",
        "Right Ascension": "229.9620403",
        "Declination": "34.8442757",
        "Total Observation Time": "12.5",
        "Justification for Exposure": "S/N of 5 in 10 ks at the expected rate.",
        "Monitoring Program": "Y",
        "Monitoring Criteria": "daily until it fades",
        "Phase Dependent Observation": "Y",
        "Phase Dependent Epoch": "61273.5",
        "Phase Dependent Period": "1.24",
        "Minimum Phase": "0.2",
        "Maximum Phase": "0.4",
        "Phase Dependent Remarks": "around the dip",
        "Specific Time Range Observation": "Y",
        "Specific Time Range Start": "61375.5",
        "Specific Time Range End": "61382.5",
        "Specific Time Range Remarks": "before the eclipse",
        "Coordinated Observation": "Y",
        "Coordinating Observatory": "XRISM",
        "Coordinated Observation Description": "simultaneous",
        "Uninterrupted Observation": "Y",
        "Uninterrupted Observation Justification": "quasi-periodic eruptions",
        "Expected 0.3-10keV Count Rate": "0.5",
    }
    assert notes_of(**WHOLE) == ()


def test_every_field_of_the_payload_has_its_place_on_the_form() -> None:
    assert set(NicerPayload.model_fields) - {"ConfirmNoWithdrawal"} == set(WIRE) - {"name", "ra", "dec"}


@pytest.mark.parametrize("flag", FLAGS)
def test_without_the_flag_leftovers_are_not_sent(flag: str) -> None:
    dependents = (*EXPECTED[flag], *REMARKS.get(flag, ()))
    sent = data_of(**{**WHOLE, flag: "N"})
    assert sent[WIRE[flag]] == "N"
    assert not {WIRE[name] for name in dependents} & set(sent)
    assert set(notes_of(**{**WHOLE, flag: "N"})) == {
        f"{name} is not sent: its flag is N" for name in dependents
    }


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("blank", ["absent", None, "", "  ", "None"])
def test_with_the_flag_alone_nothing_is_made_up_but_moments(flag: str, blank: Any) -> None:
    texts = [
        name
        for name in (*EXPECTED[flag], *REMARKS.get(flag, ()))
        if name not in ("PhaseDependentPeriod", "PhaseMinimum", "PhaseMaximum")
    ]
    sent = data_of(**{flag: "Y", **({} if blank == "absent" else dict.fromkeys(texts, blank))})
    moments = {
        "PhaseDependentObservation": {"Phase Dependent Epoch": mjd(NOW)},
        "SpecificTimeRangeObservation": {
            "Specific Time Range Start": mjd(NOW),
            "Specific Time Range End": mjd(NOW + timedelta(days=7)),
        },
    }
    assert sent == {**data_of(), WIRE[flag]: "Y", **moments.get(flag, {})}
    [note] = notes_of(**{flag: "Y"})
    assert note.startswith(f"{flag} is Y: ")
    assert all(name in note for name in EXPECTED[flag])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-08-21T12:00:00", "61273.5"),
        ("2026-08-21 12:00:00", "61273.5"),
        ("2026-08-21 14:00:00+02:00", "61273.5"),
        ("2026-08-21T06:30:00-0530", "61273.5"),
        ("2026-08-21T12:00Z", "61273.5"),
        ("2026-08-21", "61273"),
        ("2026-08-21T12:00:00.864", "61273.50001"),
        ("2026-08-21T12:00:00.123456789", "61273.50000143"),
    ],
)
def test_moments_become_mjd(value: str, text: str) -> None:
    payload = {"PhaseDependentObservation": "Y", "PhaseDependentEpoch": value}
    assert data_of(**payload)["Phase Dependent Epoch"] == text


@pytest.mark.parametrize(
    "value", ["20260821", "2026-W30-1", "2026-02-30", "9999-12-31", "1899-12-31", "tomorrow", 61273.5, True]
)
@pytest.mark.parametrize("field", ["PhaseDependentEpoch", "TimeRangeStart", "TimeRangeEnd"])
def test_no_other_form_of_date(field: str, value: Any) -> None:
    assert list(refused(payload={field: value})) == [f"payload.{field}"]


@given(st.datetimes(datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2100-01-01")))
@settings(max_examples=50)
def test_mjd_is_plain_and_exact(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    text = mjd(moment)
    exact = (moment - datetime(1858, 11, 17, tzinfo=UTC)) / timedelta(days=1)
    assert abs(float(text) - exact) < 1e-8
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("number", "text"),
    [(10, "10"), (10.0, "10"), (5.5, "5.5"), (1e-7, "0.0000001"), (1e6, "1000000"), (-0.0, "0"), (0, "0")],
)
def test_numbers_are_plain(number: float, text: str) -> None:
    assert plain(number) == text


# -- the peer's recordings


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording["name"])
def test_the_same_form_as_the_peer_sends(recording: JSON) -> None:
    position = recording["target"]
    target = {"name": position["id"], "ra": position["ra"], "dec": position["dec"]}
    login, verify, _ = requests_of(payload=recording["payload"], target=target, altdata=recording["altdata"])
    their_login, their_verify = recording["peer"]["sent"]
    assert (login.method, login.url.partition("?")[0]) == (their_login["method"], their_login["url"])
    assert dict(parse_qsl(urlsplit(login.url).query)) == their_login["params"]
    assert (verify.method, verify.url) == (their_verify["method"], their_verify["url"])
    # The peer sends what is not given as the word None (card: Pitfalls); ours leaves it out.
    theirs = {name: value for name, value in their_verify["data"].items() if value is not None}
    ours = posted(verify)
    assert set(ours) == set(theirs)
    assert {
        name: plain(value) if isinstance(value, int | float) else value for name, value in theirs.items()
    } == ours
    # Of the headers, the peer's `br` is not decoded here, and its `Accept` is longer (card: step 2).
    assert verify.headers["Accept-Language"] == their_verify["headers"]["Accept-Language"]
    assert "br" not in verify.headers["Accept-Encoding"]
