"""SEDM: what is refused before anything is sent, and what a deployment has to configure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sedm.models import MIX, SedmPayload
from slew.errors import Invalid
from slew.validation import parse
from tests.sedm_orders import FACILITY, JSON, LINK, forms_of, order_of

ADDRESS = "http://minar.caltech.edu"


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SEDM_URL", ADDRESS)
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", "900000-999999")


def refused(**payload: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(SedmPayload, payload, ["payload"])
    return {str(error.loc[1]): error.msg for error in caught.value.errors}


def test_bad_fields_are_named_with_their_limits() -> None:
    assert "4-shot" in refused(observation_type="5-shot")["observation_type"]
    assert "is required for Mix" in refused(observation_type=MIX)["observation_choices"]
    assert "at least 1" in refused(observation_type=MIX, observation_choices=[])["observation_choices"]
    assert "twice" in refused(observation_type=MIX, observation_choices=["r", "r"])["observation_choices"]
    assert "'IFU'" in refused(observation_type=MIX, observation_choices=["z"])["observation_choices"]
    assert "5" in refused(priority=5.1)["priority"]
    assert "1" in refused(priority=0.5)["priority"]
    assert "3600" in refused(exposure_time=3601)["exposure_time"]
    assert "-1" in refused(exposure_time=-2)["exposure_time"]
    assert "3" in refused(maximum_airmass=3.1)["maximum_airmass"]
    assert "10" in refused(maximum_fwhm=11)["maximum_fwhm"]
    assert "real date" in refused(start_date="2026-02-30")["start_date"]
    assert "pattern" in refused(start_date="1.12.2026")["start_date"]
    assert "before start_date" in refused(start_date="2026-12-02", end_date="2026-12-01")["end_date"]
    assert "not a field" in refused(airmass=2)["airmass"]


def test_choices_of_another_mode_are_told() -> None:
    payload = {"observation_type": "IFU", "observation_choices": ["r"]}
    assert "observation_choices is not used" in " ".join(FACILITY.prepare(order_of(payload), LINK).notes)


def test_the_past_is_refused() -> None:
    with pytest.raises(Invalid, match=r"payload\.end_date: must not be in the past \(today is 2026-11-22"):
        forms_of(payload={"start_date": "2026-11-01", "end_date": "2026-11-21"})


def test_nothing_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_SEDM_URL")
    with pytest.raises(Invalid, match=r"only by agreement with the SEDM team\. Nothing was sent"):
        forms_of()


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_without_a_range_of_numbers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", text)
    with pytest.raises(Invalid, match="no range of request numbers is configured"):
        FACILITY.numbers(order_of().altdata)
    with pytest.raises(Invalid, match="no range of request numbers is configured"):
        forms_of(number=None)
    assert FACILITY.numbers(order_of(instrument="sedmv2").altdata) is None


@pytest.mark.parametrize("text", ["900000", "9-8", "a-b", "0-5", "1-9999999999", "-1-5", "900000-"])
def test_a_range_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", text)
    with pytest.raises(Invalid, match="is no range of request numbers"):
        FACILITY.numbers(order_of().altdata)


def test_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FACILITY.numbers(order_of().altdata) == range(900000, 1000000)


@pytest.mark.parametrize(
    ("configured", "url"),
    [
        ("http://sedm.example.org", "http://sedm.example.org/add_request"),
        ("http://sedm.example.org/", "http://sedm.example.org/add_request"),
        ("http://sedm.example.org/add_fritz", "http://sedm.example.org/add_fritz"),
        ("http://sedm.example.org/x/book", "http://sedm.example.org/x/book"),
    ],
)
def test_addresses(monkeypatch: pytest.MonkeyPatch, configured: str, url: str) -> None:
    monkeypatch.setenv("SLEW_SEDM_URL", configured)
    assert FACILITY.prepare(order_of(), LINK).http().url == url


def test_a_users_endpoint_is_checked_and_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    order = order_of(altdata={"endpoint": "https://127.0.0.1/book"})
    request = FACILITY.prepare(order, LINK).http()
    assert (request.url, request.untrusted) == ("https://127.0.0.1/book", True)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    for check in (lambda: FACILITY.prepare(order, LINK), lambda: FACILITY.check_altdata(order.altdata)):
        with pytest.raises(Invalid, match=r"altdata\.endpoint: host 127\.0\.0\.1 has the address"):
            check()


@pytest.mark.parametrize(
    ("altdata", "name"),
    [
        ({"endpoint": "http://sedm.example.org/add_request"}, "endpoint"),
        ({"endpoint": "https://u:p@sedm.example.org"}, "endpoint"),
        ({"endpoint": "https://sedm.example.org/?token=1"}, "endpoint"),
        ({"listener_token": "short"}, "listener_token"),
        ({"listener_token": "with a blank"}, "listener_token"),
        ({"api_token": "über-token"}, "api_token"),
        ({"allocation_id": "7"}, "allocation_id"),
        ({"ssh_port": 70000}, "ssh_port"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_altdata(altdata: JSON, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(FACILITY.Altdata, altdata, ["altdata"])
    assert [error.loc[1] for error in caught.value.errors] == [name]
    assert str(altdata[name]) not in str(caught.value)


def test_a_user_needs_a_password() -> None:
    with pytest.raises(Invalid, match=r"altdata\.password: is missing: username and password"):
        parse(FACILITY.Altdata, {"username": "observer1"}, ["altdata"])


def test_the_window() -> None:
    payload = parse(SedmPayload, {"start_date": "2026-12-01", "end_date": "2026-12-03"})
    assert FACILITY.window(payload) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 4, tzinfo=UTC))
    assert FACILITY.window(SedmPayload()) is None


def test_instruments() -> None:
    assert FACILITY.choose_instrument(None, None) is None
    assert FACILITY.choose_instrument("sedmv2", "sedm") == "sedmv2"
    assert FACILITY.choose_instrument(None, "sedm") == "sedm"
    with pytest.raises(Invalid):
        FACILITY.choose_instrument("sedm3")
