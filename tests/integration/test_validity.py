"""What an allocation's validity ranges take in, and payloads that ask for more time than there is."""

from __future__ import annotations

from typing import Any

import pytest

from slew.handler import facility_handler
from generic.facility import Generic
from slew import astro, clock
from tests.generic_bench import PAYLOAD
from tests.notices import SLACK
from tests.support.calls import Client, Reply

URL = "/facilities/generic"
NOW = astro.parse_utc("2026-12-05T17:00:00")
TODAY = {"start_date": "2026-12-05", "end_date": "2026-12-05"}


@pytest.fixture
def call(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "timestamp", NOW.timestamp)
    return Client(facility_handler(Generic()))


def allocate(call: Client, *ranges: tuple[str, str]) -> Reply:
    body = {
        "id": "g-1",
        "pi": "PI",
        "group": "red",
        "altdata": {"notification_type": "slack", **SLACK},
        "validity_ranges": [{"start_date": start, "end_date": end} for start, end in ranges],
    }
    return call("POST", f"{URL}/allocations", body)


def submit(call: Client, query: str = "?dry_run=true", **payload: Any) -> Reply:
    target = {"name": "SN 2023ixf", "ra": 210.9, "dec": 54.3}
    body = {"allocation_id": "g-1", "target": target, "payload": {**PAYLOAD, **payload}}
    return call("POST", f"{URL}/requests{query}", body)


@pytest.mark.parametrize("day", ["2026-12-05", " 2026-12-05 ", "20261205", "9999-12-31"])
def test_a_range_that_ends_on_a_date_holds_that_day(call: Client, day: str) -> None:
    assert allocate(call, ("2026-12-05", day)).status == 201
    assert submit(call, **TODAY).status == 200


@pytest.mark.parametrize("end", ["2026-12-04", "2026-12-05T00:00:00", "2026-12-05T16:59:59Z"])
def test_a_range_that_has_ended_holds_nothing(call: Client, end: str) -> None:
    assert allocate(call, ("2026-01-01", end)).status == 201
    assert submit(call, **TODAY).status == 409


def test_a_window_of_the_day_after_the_last_is_outside(call: Client) -> None:
    allocate(call, ("2026-12-01", "2026-12-07"))
    assert submit(call, start_date="2026-12-05", end_date="2026-12-07").status == 200
    assert submit(call, start_date="2026-12-05", end_date="2026-12-08").status == 409


def test_what_is_shown_can_be_given_back(call: Client) -> None:
    made = allocate(call, ("2026-12-01", "2026-12-05")).json
    shown = [{"start_date": "2026-12-01T00:00:00.000Z", "end_date": "2026-12-06T00:00:00.000Z"}]
    assert made["validity_ranges"] == shown
    for body in ({"pi": "Another"}, {"validity_ranges": shown}):
        assert call("PATCH", f"{URL}/allocations/g-1", body).json["validity_ranges"] == shown


@pytest.mark.parametrize("query", ["?dry_run=true", ""])
@pytest.mark.parametrize(("exposure", "counts"), [(1e308, 1000), (1.0, 10**400)])
def test_more_exposure_than_can_be_counted_is_refused(
    call: Client, query: str, exposure: float, counts: int
) -> None:
    allocate(call)
    refused = submit(call, query, exposure_time=exposure, exposure_counts=counts)
    assert refused.status == 422
    assert refused.json["errors"][0]["loc"][0] == "payload"
    assert refused.json["errors"][0]["loc"][1].startswith("exposure_")
