"""Where an object is, who is asked for it, and for how long: the handler in, wire bytes out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from local.simulators.endpoint import DEMO_TOKEN
from skyportal.api import Api
from skyportal.budget import Budget
from slew.errors import NoAnswer
from slew.http import Http
from slew.wire import Answer, HttpRequest
from tests.skyportal_bench import FORM, HERE, PLAN, Instance, id_of, instance, record


@pytest.fixture
def portal(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    with instance(monkeypatch) as made:
        yield made


def with_sources(portal: Instance, **source: Any) -> None:
    """Let the relay ask the instance, which knows the object so."""
    portal.map(url=portal.endpoint.url, token=DEMO_TOKEN)
    portal.endpoint.skyportal.sources["AT 2026x"] = source


@pytest.mark.parametrize("redshift", [-5, "high", [0.1], 1e9])
def test_a_redshift_that_is_none_leaves_the_position(portal: Instance, redshift: Any) -> None:
    with_sources(portal, ra=10.5, dec=-3.25, redshift=redshift)
    target = record(portal.post(target=None)).target
    assert target == {"name": "AT 2026x", "ra": 10.5, "dec": -3.25}


def test_a_redshift_comes_along(portal: Instance) -> None:
    with_sources(portal, ra=10.5, dec=-3.25, redshift=0.1)
    assert record(portal.post(target=None)).target["redshift"] == 0.1


# ---- facilities that need none


def test_a_plan_needs_no_position(portal: Instance) -> None:
    made = portal.post(PLAN, 9, target=None)
    assert (made.status, record(made).target) == (200, {"name": "survey"})
    assert len(portal.survey.posted) == 1
    assert id_of(portal.post(PLAN, 9, target=None)) == id_of(made)
    assert len(portal.survey.posted) == 1


def test_a_plan_needs_no_position_though_the_sender_is_away(
    portal: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_sources(portal, ra=1, dec=1)
    gone = NoAnswer("no answer")
    monkeypatch.setattr("skyportal.positions.Http.read", Mock(side_effect=gone))
    assert portal.post(PLAN, 9, target=None).status == 200


def test_a_plan_has_the_position_that_is_given(portal: Instance) -> None:
    assert record(portal.post(PLAN, 9)).target == {**HERE, "ra": 1.0, "dec": 1.0}


@pytest.mark.parametrize(("number", "payload"), [(7, None), (8, FORM)])
def test_without_a_position_that_is_needed_nothing_is_sent(
    portal: Instance, number: int, payload: Any
) -> None:
    refused = portal.post(payload, number, target=None)
    assert (refused.status, id_of(refused)) == (422, "")
    assert "position" in refused.json["message"]
    assert portal.toy.journal == portal.endpoint.journal == []
    assert portal.post(payload, number).status == 200


# ---- one budget for both waits


def test_the_look_up_and_the_facility_share_the_time(
    portal: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_sources(portal, ra=10.5, dec=-3.25)
    now, asked, read = [1000.0], [], Http.read

    def slow(self: Http, request: HttpRequest, *, read_timeout: float) -> Answer:
        asked.append(read_timeout)
        now[0] += 7.5
        return read(self, request)

    monkeypatch.setattr("skyportal.positions.Http.read", slow)
    monkeypatch.setattr("skyportal.app.Budget", lambda: Budget(lambda: now[0]))
    assert portal.post(target=None).status == 200
    assert (asked, portal.waits) == ([8.0], [16.5])


def test_the_api_is_waited_for_as_long_as_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, waited = [0.0], []

    def send(_self: Http, _request: HttpRequest, *, read_timeout: float) -> Answer:
        waited.append(read_timeout)
        now[0] += 20
        return Answer(200, {}, b"{}")

    monkeypatch.setattr(Http, "send", send)
    event = {"headers": {"authorization": "token x"}, "requestContext": {"domainName": "api.example.org"}}
    api = Api(event, Budget(lambda: now[0]))
    for _ in range(3):
        assert api("GET", "/").status == 200
    assert waited == [24, 4, 1]
