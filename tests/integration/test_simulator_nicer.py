"""The NICER simulator by itself: it verifies by the card's rules, and stores only what was verified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.nicer import NicerServer
from local.simulators.nicer.checks import MARKS, REQUIRED

JSON = dict[str, Any]
GOOD: dict[str, str] = {
    "Urgency": "Next Day",
    "Justification for Target of Opportunity": "An outburst",
    "Target Name": "SN 2023ixf",
    "Target Category": "Other",
    "Right Ascension": "210.910674637",
    "Declination": "54.311651",
    "Total Observation Time": "10",
    "Justification for Exposure": "Signal",
    "Monitoring Program": "N",
    "Phase Dependent Observation": "N",
    "Specific Time Range Observation": "N",
    "Coordinated Observation": "N",
    "Uninterrupted Observation": "N",
    "Expected 0.3-10keV Count Rate": "0.5",
}
VERIFY = {"RPS_VERIFY.x": "49", "RPS_VERIFY.y": "15"}
SUBMIT = {"RPS_VERIFIED": "", "RPS_SUBMIT.x": "45", "RPS_SUBMIT.y": "4", "RPS_OPENED_3": ""}
REFUSED, VERIFIED = "Attempted verification detected", "Form verified successfully"


class Browser:
    """One visitor, whose session keeps cookies and follows redirects."""

    def __init__(self, server: NicerServer) -> None:
        self.server = server
        self.session = requests.Session()

    def log_in(
        self, user: str = "arkuser01", password: str = "correct-horse", **more: str
    ) -> requests.Response:
        query = {"destination": "%2Fark%2Fuser%2F", "credential_0": user, "credential_1": password, **more}
        return self.session.post(f"{self.server.url}/ark/LOGIN", params=query, timeout=10)

    def post(self, fields: dict[str, str], *, marks: bool = True) -> str:
        content = {**(dict.fromkeys(MARKS, "") if marks else {}), **fields}
        answer = self.session.post(f"{self.server.url}/ark/nicertoo/form.html", data=content, timeout=10)
        assert answer.status_code == 200
        return answer.text

    def verify(self, **changes: str) -> str:
        return self.post({**GOOD, **changes, **VERIFY})

    def configure(self, **wanted: Any) -> requests.Response:
        return requests.post(f"{self.server.url}/_config", json=wanted, timeout=10)

    def record(self) -> JSON:
        record: JSON = requests.get(f"{self.server.url}/_record", timeout=10).json()
        return record


@pytest.fixture
def browser() -> Iterator[Browser]:
    server = NicerServer()
    server.start()
    browser = Browser(server)
    yield browser
    browser.session.close()
    server.stop()


@pytest.fixture
def member(browser: Browser) -> Browser:
    """Logged in, and in the group."""
    browser.log_in()
    return browser


def neither(page: str) -> bool:
    return REFUSED not in page and VERIFIED not in page


def test_a_login_leads_to_the_account(browser: Browser) -> None:
    answer = browser.log_in()
    assert (answer.status_code, answer.history[0].status_code) == (200, 302)
    assert answer.history[0].headers["Location"].endswith("/ark/user/")
    assert answer.history[0].headers["Set-Cookie"].startswith("NICERSIM=")
    assert "Path=/" in answer.history[0].headers["Set-Cookie"]
    assert "Your ARK account" in answer.text


@pytest.mark.parametrize("destination", ["/ark/user/", "%2Fark%2Fuser%2F", "https://elsewhere.invalid/", ""])
def test_the_destination_may_be_quoted(browser: Browser, destination: str) -> None:
    assert browser.log_in(destination=destination).url.endswith("/ark/user/")


@pytest.mark.parametrize(
    ("user", "password"), [("arkuser01", "wrong"), ("nobody", "correct-horse"), ("", "")]
)
def test_a_bad_login_shows_the_form_and_gives_no_cookie(browser: Browser, user: str, password: str) -> None:
    answer = browser.log_in(user, password)
    assert answer.status_code == 200
    assert 'name="credential_1"' in answer.text
    assert len(browser.session.cookies) == 0
    assert 'name="credential_1"' in browser.verify()
    account = browser.session.get(f"{browser.server.url}/ark/user/", timeout=10)
    assert 'name="credential_1"' in account.text


def test_a_login_by_a_form(browser: Browser) -> None:
    form = {"destination": "/ark/user/", "credential_0": "nicer", "credential_1": "nicerpw"}
    browser.session.post(f"{browser.server.url}/ark/LOGIN", data=form, timeout=10)
    assert VERIFIED in browser.verify()
    assert [login["by"] for login in browser.record()["logins"]] == ["form"]


def test_a_made_up_cookie(browser: Browser) -> None:
    browser.session.cookies.set("NICERSIM", "0" * 32)
    assert 'name="credential_1"' in browser.verify()


def test_who_has_not_joined_the_group(browser: Browser) -> None:
    browser.log_in("arkuser02", "battery-staple")
    page = browser.verify()
    assert neither(page)
    assert "NICERTOO" in page


def test_verified_then_submitted(member: Browser) -> None:
    assert VERIFIED in member.verify()
    page = member.post({**GOOD, **SUBMIT})
    assert neither(page)
    assert "Thank you." in page
    [submission] = member.record()["submissions"]
    assert submission["fields"] == GOOD


def test_what_was_not_verified_is_not_stored(member: Browser) -> None:
    assert REFUSED in member.post({**GOOD, **SUBMIT})
    member.verify()
    assert REFUSED in member.post({**GOOD, "Declination": "54", **SUBMIT})
    other = Browser(member.server)
    other.log_in("nicer", "nicerpw")
    assert REFUSED in other.post({**GOOD, **SUBMIT}), "verified in another session"
    other.session.close()
    assert member.record()["submissions"] == []


@pytest.mark.parametrize(
    "buttons",
    [{}, {**VERIFY, **SUBMIT}, {"RPS_VERIFY.x": "1"}, {"RPS_SUBMIT.x": "45", "RPS_SUBMIT.y": "4"}],
)
def test_both_buttons_neither_or_half_of_one(member: Browser, buttons: dict[str, str]) -> None:
    member.verify()
    page = member.post({**GOOD, **buttons})
    assert neither(page)
    assert "RPS_VERIFY" in page
    assert member.record()["submissions"] == []


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("value", ["", " ", "None"])
def test_required_fields(member: Browser, field: str, value: str) -> None:
    page = member.verify(**{field: value})
    assert REFUSED in page
    assert field in page


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Urgency": "Now"}, "<b>Urgency</b> is not one of the choices."),
        ({"Target Category": "Kilonovae"}, "<b>Target Category</b> is not one of the choices."),
        ({"Monitoring Program": "yes"}, "<b>Monitoring Program</b> is not one of the choices."),
        ({"Right Ascension": "14:03:38"}, "<b>Right Ascension</b> must be a number."),
        ({"Right Ascension": "360.1"}, "<b>Right Ascension</b> is out of range."),
        ({"Declination": "-90.5"}, "<b>Declination</b> is out of range."),
        ({"Total Observation Time": "0"}, "<b>Total Observation Time</b> must be positive."),
        ({"Total Observation Time": "ten"}, "<b>Total Observation Time</b> must be a number."),
        ({"Total Observation Time": "1e1"}, "<b>Total Observation Time</b> must be a number."),
        ({"Expected 0.3-10keV Count Rate": "-1"}, "<b>Expected 0.3-10keV Count Rate</b> is out of range."),
        ({"Minimum Phase": "nan"}, "<b>Minimum Phase</b> must be a number."),
        ({"Phase Dependent Epoch": "2026-08-21"}, "<b>Phase Dependent Epoch</b> must be a number."),
        ({"Monitoring Criteria": "None"}, "<b>Monitoring Criteria</b> must not be None."),
        (
            {"Specific Time Range Start": "61273.5", "Specific Time Range End": "61273.5"},
            "<b>Specific Time Range End</b> must be after <b>Specific Time Range Start</b>.",
        ),
    ],
)
def test_a_bad_value_is_named(member: Browser, changes: dict[str, str], problem: str) -> None:
    page = member.verify(**changes)
    assert f"{REFUSED} 1 problem(s):<br>\n{problem}<br>\n</span>" in page
    assert member.record()["verifications"][0]["problems"] == [problem]


def test_unknown_fields_and_blank_ones_are_ignored(member: Browser) -> None:
    assert VERIFIED in member.verify(**{"Colour": "blue", "Monitoring Criteria": "", "Minimum Phase": ""})


def test_marks(member: Browser) -> None:
    assert neither(member.post({**GOOD, **VERIFY}, marks=False))
    member.configure(marks="ignored")
    assert VERIFIED in member.post({**GOOD, **VERIFY}, marks=False)


def test_a_body_of_another_kind(member: Browser) -> None:
    url = f"{member.server.url}/ark/nicertoo/form.html"
    assert neither(member.session.post(url, json={**GOOD, **VERIFY}, timeout=10).text)
    assert neither(member.session.get(url, timeout=10).text)


def test_switches(member: Browser) -> None:
    member.configure(receipt="Reference 4711", gzip=True)
    member.verify()
    assert "Reference 4711" in member.post({**GOOD, **SUBMIT})
    member.configure(after_submit="redirect")
    assert "Reference 4711" in member.post({**GOOD, **SUBMIT})
    member.configure(after_submit="form")
    assert VERIFIED in member.post({**GOOD, **SUBMIT})
    member.configure(verification="silent")
    assert neither(member.verify())
    member.configure(login="fail")
    assert 'name="credential_1"' in member.log_in().text


def test_pages_are_compressed_only_for_those_who_take_it(member: Browser) -> None:
    member.configure(gzip=True)
    url = f"{member.server.url}/ark/user/"
    assert member.session.get(url, timeout=10).headers["Content-Encoding"] == "gzip"
    plain = member.session.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert "Content-Encoding" not in plain.headers


def test_a_fault_for_the_submission_alone(member: Browser) -> None:
    member.configure(at_submit={"kind": "cut"})
    assert VERIFIED in member.verify()
    with pytest.raises(requests.ConnectionError):
        member.post({**GOOD, **SUBMIT})
    assert len(member.record()["submissions"]) == 1
    assert "Thank you." in member.post({**GOOD, **SUBMIT})
    assert len(member.record()["submissions"]) == 2


def test_no_password_is_kept(browser: Browser) -> None:
    browser.log_in(password="a-secret-of-mine")
    form = {"credential_0": "nicer", "credential_1": "a-secret-of-mine"}
    browser.session.post(f"{browser.server.url}/ark/LOGIN", data=form, timeout=10)
    journal = requests.get(f"{browser.server.url}/_journal", timeout=10).text
    assert "credential_1=********" in journal
    assert "a-secret-of-mine" not in journal + str(browser.record())


@pytest.mark.parametrize(
    "wanted",
    [
        {"colour": 1},
        {"login": "maybe"},
        {"gzip": "yes"},
        {"at_submit": {"kind": "sulk"}},
        {"accounts": [{"user": "observer1"}]},
    ],
)
def test_settings_that_make_no_sense(browser: Browser, wanted: JSON) -> None:
    assert browser.configure(**wanted).status_code == 400


def test_accounts_and_reset(browser: Browser) -> None:
    browser.configure(accounts=[{"user": "observer1", "password": "secret-1"}])
    browser.log_in("observer1", "secret-1")
    assert VERIFIED in browser.verify()
    requests.delete(f"{browser.server.url}/_record", timeout=10)
    assert browser.record() == {"logins": [], "verifications": [], "submissions": []}
    requests.post(f"{browser.server.url}/_reset", timeout=10)
    assert 'name="credential_1"' in browser.verify()
    assert 'name="credential_1"' in browser.log_in("observer1", "secret-1").text


def test_there_is_nothing_else(browser: Browser) -> None:
    assert requests.get(f"{browser.server.url}/ark/nicertoo/", timeout=10).status_code == 404
    assert requests.delete(f"{browser.server.url}/ark/LOGIN", timeout=10).status_code == 405
