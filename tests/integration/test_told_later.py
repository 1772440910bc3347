"""What is announced besides changes of status: an outcome that nobody can find out, data that come late."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from local.simulators.base import Fault
from slew import patience, store, table
from slew.errors import NoAnswer
from slew.facility import Facility, Submission
from slew.status import Status
from tests.integration.test_changes import call, later, pending, server, submitted, tick
from tests.support.calls import Client
from tests.support.toy import Toy, ToyServer, unwatched

__all__ = ["call", "later", "server"]


def changes(url: str) -> list[dict[str, Any]]:
    items = table.query_items(f"REQUEST#{url.rpartition('/')[2]}", "EVENT#", "EVENT#~")
    return [json.loads(item["doc"]["S"]) for item in items]


def no_answer(*_: Any) -> None:
    raise NoAnswer("down")


@pytest.mark.parametrize(
    "answer",
    [
        lambda *_: None,
        no_answer,
        lambda *_: Submission(None, {}, Status.UNKNOWN, "perhaps", next_poll_s=600),
    ],
)
def test_an_outcome_that_cannot_be_found_out_is_told_once(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(Toy, "reconcile", answer)
    server.faults.append(Fault("cut"))
    url = submitted(call)
    assert [each["to"] for each in changes(url)] == ["submitting", "unknown"]
    for _ in range(patience.UNSETTLED_LOOKS - 1):
        later(7200)
        tick(call)
    assert len(changes(url)) == 2
    for _ in range(3):
        later(7200)
        tick(call)
    *_, told = changes(url)
    assert len(changes(url)) == 3
    assert (told["from"], told["to"], told["action"]) == ("unknown", "unknown", "reconcile")
    assert "a person has to look" in told["notice"]["text"]
    assert call("GET", url).json["status"] == "unknown"
    assert len(server.triggers) == 1


def test_failures_before_the_send_do_not_count_as_looks(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pending(call, server)
    waiting = store.get_request(url.rpartition("/")[2])
    assert waiting
    store.save(waiting.change(failures=patience.UNSETTLED_LOOKS + 1))
    server.faults.append(Fault("cut"))
    later(120)
    tick(call)
    sent = store.get_request(waiting.id)
    assert sent
    assert (sent.status, sent.failures) == (Status.UNKNOWN, 0)


def test_where_nobody_can_ask_a_person_is_told_at_once(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "reconcile", Facility.reconcile)
    server.faults.append(Fault("cut"))
    url = submitted(call)
    assert "a person has to look there" in changes(url)[-1]["notice"]["text"]


def test_where_nobody_can_ask_how_it_goes_that_is_said(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "poll", Facility.poll)
    url = submitted(call)
    assert call("GET", url).json["notes"] == ["status: not available at this facility"]
    refused = call("POST", f"{url}/refresh")
    assert (refused.status, refused.json["detail"]) == (
        405,
        "status: not available at this facility (Toy Telescope)",
    )
    later(86400)
    tick(call)
    assert call("GET", url).json["status"] == "submitted"


def test_what_nobody_can_ask_for_ends_with_its_window(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwatched(monkeypatch, timedelta(days=2))
    url = submitted(call)
    later(86400)
    tick(call)
    assert call("GET", url).json["status"] == "submitted"
    later(86500)
    tick(call)
    view = call("GET", url).json
    assert view["status_text"] == "expired: the requested window has ended"
    assert view["notes"] == ["status: not available at this facility"]
    assert [each["to"] for each in changes(url)] == ["submitting", "submitted", "expired"]
