"""What the generic facility refuses before anything leaves: endpoints, dates, filters, bounds, altdata."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import ValidationError

from generic.models import GenericAltdata, GenericPayload
from local.simulators.endpoint import EndpointServer
from slew.errors import Invalid, NotSent
from tests.generic_bench import FACILITY, JSON, PAYLOAD, Bench, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    with serving(monkeypatch) as simulator:
        yield simulator


@pytest.fixture
def bench(server: EndpointServer) -> Bench:
    return Bench(server)


@pytest.fixture
def portal(server: EndpointServer) -> Bench:
    return Bench(server, "/api/followup_request")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://too.example.org/api", "must be https"),
        ("https://10.0.0.7/api", "not public"),
        ("https://169.254.169.254/latest", "not public"),
        ("https://[::1]/api", "not public"),
        ("https://user:pw@too.example.org/api", "user name or password"),
        ("ftp://too.example.org", "absolute https URL"),
        ("too.example.org/api", "absolute https URL"),
    ],
)
def test_endpoints_inside_are_refused(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, endpoint: str, reason: str
) -> None:
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    altdata = bench.altdata.model_copy(update={"endpoint": endpoint})
    for check in (
        lambda: FACILITY.check_altdata(altdata),
        lambda: FACILITY.prepare(replace(bench.order(), altdata=altdata), bench.link),
    ):
        with pytest.raises(Invalid) as caught:
            check()
        (error,) = caught.value.errors
        assert error.loc == ("altdata", "endpoint")
        assert reason in error.msg


def test_loopback_needs_the_allow_list(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    FACILITY.check_altdata(bench.altdata)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    with pytest.raises(Invalid):
        FACILITY.check_altdata(bench.altdata)


def test_a_name_that_does_not_resolve_passes_the_check_and_is_not_sent(bench: Bench) -> None:
    altdata = bench.altdata.model_copy(update={"endpoint": "https://nowhere.invalid/api"})
    FACILITY.check_altdata(altdata)
    order = replace(bench.order(), altdata=altdata)
    prepared = FACILITY.prepare(order, bench.link)
    with pytest.raises(NotSent):
        FACILITY.submit(order, prepared, bench.link)


def test_dates_in_the_past(bench: Bench) -> None:
    last_day = bench.order({**PAYLOAD, "start_date": "2026-11-20", "end_date": "2026-11-22"})
    FACILITY.prepare(last_day, bench.link)
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(replace(last_day, now=datetime(2026, 11, 23, tzinfo=UTC)), bench.link)
    assert caught.value.errors[0].loc == ("payload", "end_date")


def test_window_is_inclusive() -> None:
    window = FACILITY.window(GenericPayload.model_validate(PAYLOAD))
    assert window == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC))


def test_filters_of_the_allocation(server: EndpointServer) -> None:
    bench = Bench(server, filters=["sdssg", "sdssi"])
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(bench.order(), bench.link)
    (error,) = caught.value.errors
    assert error.loc == ("payload", "observation_choices", 1)
    assert error.msg == "Filter configuration sdssr unknown. The filters here are sdssg, sdssi"


@pytest.mark.parametrize("field", list(PAYLOAD))
def test_a_missing_key_is_refused_in_skyportals_words(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GenericPayload.model_validate({key: value for key, value in PAYLOAD.items() if key != field})
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == ((field,), f"Parameter {field} required.")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("observation_choices", ([], ["g", "g"], ["g\x00"], "g", [""])),
        ("exposure_time", (0, -1, "300", True, None)),
        ("exposure_counts", (0, 1.5, "1")),
        ("maximum_airmass", (0.99, 3.01)),
        ("minimum_lunar_distance", (-1, 181)),
        ("priority", (0.9, 5.1)),
        ("start_date", ("soon", "2026-12-01T00:00:00", "2026-13-01", 20261201)),
        ("end_date", ("2026-11-30", "2026-02-30")),
    ],
)
def test_bounds(field: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(ValidationError) as caught:
            GenericPayload.model_validate({**PAYLOAD, field: value})
        assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize(
    ("altdata", "fields"),
    [
        ({}, {"notification_type"}),
        ({"notification_type": "none"}, {"notification_type"}),
        ({"notification_type": "API"}, {"endpoint", "api_token"}),
        ({"notification_type": "API", "endpoint": "https://a.org", "api_token": "a\r\nb"}, {"api_token"}),
        ({"notification_type": "slack", "slack_channel": "B0"}, {"slack_workspace", "slack_token"}),
        ({"notification_type": "email"}, {"email"}),
        ({"notification_type": "email", "email": "nobody"}, {"email"}),
        ({"notification_type": "email", "email": "a@b.org", "colour": "red"}, {"colour"}),
    ],
)
def test_altdata_needs_what_its_transport_needs(altdata: JSON, fields: set[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        GenericAltdata.model_validate(altdata)
    assert {error["loc"][0] for error in caught.value.errors()} == fields


def test_a_query_of_the_endpoint_is_a_secret(server: EndpointServer) -> None:
    bench = Bench(server, "/api/requests?key=hush-hush-hush")
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    assert [seen["query"] for seen in server.journal] == ["key=hush-hush-hush"] * 2
    assert server.journal[1]["path"] == "/api/requests/1"
    assert "hush" not in repr((bench.http.exchanges, bench.altdata, order.altdata.model_dump(mode="json")))


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run", "update", "cancel")
    assert FACILITY.notification_type(cast(Any, None)) is None
