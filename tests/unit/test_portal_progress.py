"""How the states of a requestgroup and its observations become statuses (facility cards, Status)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from slew.status import Status
from tests.lco_orders import NOW
from tests.portal_answers import observation, told

JSON = dict[str, Any]


@pytest.mark.parametrize(
    ("state", "observations", "status", "words"),
    [
        ("PENDING", [], Status.SUBMITTED, "PENDING"),
        ("PENDING", [observation("CANCELED")], Status.SUBMITTED, "PENDING"),
        (
            "PENDING",
            [observation("FAILED", "Telescope: weather"), observation("ABORTED", "Stopped", 2)],
            Status.SUBMITTED,
            "PENDING; 2 failed attempts, the last: Stopped",
        ),
        (
            "PENDING",
            [observation("NOT_ATTEMPTED")],
            Status.SUBMITTED,
            "1 failed attempt, the last: NOT_ATTEMPTED",
        ),
        (
            "PENDING",
            [observation("FAILED", "weather"), observation("PENDING", n=2)],
            Status.IN_PROGRESS,
            "scheduled at lsc.doma.1m0a, 2026-11-23T02:10:00Z to 2026-11-23T02:17:19Z",
        ),
        ("PENDING", [observation("IN_PROGRESS")], Status.IN_PROGRESS, "in progress at lsc"),
        (
            "PENDING",
            [observation("PENDING", n=2), observation("IN_PROGRESS")],
            Status.IN_PROGRESS,
            "in progress at lsc.doma.1m0a, 2026-11-23T01",
        ),
        ("PENDING", [observation("COMPLETED")], Status.IN_PROGRESS, "observed at"),
        ("COMPLETED", [observation("COMPLETED")], Status.COMPLETE, "COMPLETED"),
        ("WINDOW_EXPIRED", [], Status.EXPIRED, "WINDOW_EXPIRED"),
        ("CANCELED", [observation("CANCELED")], Status.CANCELLED, "CANCELED"),
        ("FAILURE_LIMIT_REACHED", [observation("FAILED", "clouds")], Status.FAILED, "FAILURE_LIMIT_REACHED"),
        ("SUSPENDED", [], None, "SUSPENDED"),
    ],
)
def test_states(state: str, observations: list[JSON], status: Status | None, words: str) -> None:
    now = told(state, observations)
    assert now.status is status
    assert words in now.text
    assert now.next_poll_s is not None
    assert now.data["request_ids"] == [4181234]


def test_failures_are_counted_and_explained() -> None:
    failed = told(
        "FAILURE_LIMIT_REACHED", [observation("FAILED", "clouds"), observation("BAD_DATA", "trailed", 2)]
    )
    assert failed.data["failed_attempts"] == 2
    assert failed.reason == "trailed"


def test_a_rapid_response_is_asked_for_more_often() -> None:
    assert told("PENDING", [], payload={"observation_mode": "RAPID_RESPONSE"}).next_poll_s == 180
    assert told("PENDING", []).next_poll_s == 600


@pytest.mark.parametrize(("ahead", "wait"), [(0, 600), (600, 600), (1800, 1800), (86400, 3600)])
def test_before_its_window_a_request_is_asked_for_seldom(ahead: float, wait: float) -> None:
    start = NOW + timedelta(seconds=ahead)
    payload = {"start_date": start.isoformat(), "end_date": (start + timedelta(days=7)).isoformat()}
    assert told("PENDING", [], payload=payload).next_poll_s == wait
    assert told("PENDING", [observation("PENDING")], payload=payload).next_poll_s == 600


def test_an_end_is_looked_at_once_more_an_hour_later() -> None:
    first = told("WINDOW_EXPIRED", [])
    assert first.next_poll_s == 3600
    half = told("WINDOW_EXPIRED", [], facility_data=first.data, now=NOW + timedelta(minutes=30))
    assert half.next_poll_s == 1800
    assert (
        told("WINDOW_EXPIRED", [], facility_data=first.data, now=NOW + timedelta(hours=1)).next_poll_s is None
    )
    # Taken back: the hour of a later end is its own.
    late = NOW + timedelta(hours=5)
    back = told("PENDING", [], facility_data=first.data, now=late)
    assert (back.status, back.data["ended"]) == (Status.SUBMITTED, None)
    assert told("WINDOW_EXPIRED", [], facility_data=back.data, now=late).next_poll_s == 3600
    assert told("COMPLETED", [], facility_data=first.data, now=late).next_poll_s == 3600


def test_what_runs_on_after_a_cancellation_is_followed_for_an_hour() -> None:
    first = told("CANCELED", [observation("IN_PROGRESS")])
    assert first.next_poll_s == 600
    assert "in progress" in first.text
    over = told(
        "CANCELED", [observation("IN_PROGRESS")], facility_data=first.data, now=NOW + timedelta(hours=1)
    )
    assert over.next_poll_s is None
