"""An allocation that takes a removed one's id is another one: it hears nothing of the former's requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.simulators.base import Fault
from local.simulators.slack import SlackServer
from slew import http, table
from slew.notice import Notice
from tests.integration.test_changes import URL, Killed, call, later, pending, server, submitted, tick
from tests.notices import SLACK, Queue
from tests.support.calls import Client
from tests.support.toy import SECRET, ToyServer, unwatched

__all__ = ["call", "later", "server"]

ALL = ["submitted", "unknown", "pending", "complete", "expired", "cancelled"]
TOLD: dict[str, Any] = {
    "notify": {"notification_type": "slack", **SLACK, "on": ALL},
    "handover": {"webhook": {"url": "https://b.example.org/x", "secret": "sixteen characters", "on": ALL}},
}


def made_again(call: Client) -> None:
    """Removes the allocation with what hangs on it, and gives its id to another group's."""
    assert call("DELETE", f"{URL}/allocations/toy-1?force=true").status == 204
    other = {"id": "toy-1", "pi": "Someone else", "group": "blue", "altdata": {"token": SECRET}, **TOLD}
    assert call("POST", f"{URL}/allocations", other).status == 201


def events(url: str) -> list[dict[str, Any]]:
    items = table.query_items(f"REQUEST#{url.rpartition('/')[2]}", "EVENT#", "EVENT#~")
    return [json.loads(item["doc"]["S"]) for item in items]


def heard_nothing(url: str, status: str) -> None:
    last = events(url)[-1]
    assert last["to"] == status
    assert last["notify"] == {"channel": "none", "on": [], "handover": []}
    assert (last["notice"]["allocation_pi"], last["notice"]["allocation_since"]) == ("", "")


def test_a_request_that_a_person_closes(call: Client, later: Any) -> None:
    one = submitted(call)
    later(1)
    made_again(call)
    assert call("POST", f"{one}/close", {"status": "complete"}).json["status"] == "complete"
    heard_nothing(one, "complete")


def test_a_request_whose_window_ends(call: Client, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    unwatched(monkeypatch, timedelta(hours=1))
    one = submitted(call)
    later(1)
    made_again(call)
    later(7200)
    tick(call)
    heard_nothing(one, "expired")


def test_a_request_that_waits_and_is_cancelled(call: Client, server: ToyServer, later: Any) -> None:
    one = pending(call, server)
    later(1)
    made_again(call)
    assert call("DELETE", one).json["status"] == "cancelled"
    heard_nothing(one, "cancelled")


def test_a_request_that_a_crash_left(call: Client, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> Any:
        raise Killed

    key = {"Idempotency-Key": "k"}
    body = {
        "allocation_id": "toy-1",
        "target": {"name": "x", "ra": 1, "dec": 1},
        "payload": {"exposure": 1},
    }
    with monkeypatch.context() as patch:
        patch.setattr(http, "_exchange", die)
        with pytest.raises(Killed):
            call("POST", f"{URL}/requests", body, key)
    later(1)
    made_again(call)
    later(60)
    one = call("POST", f"{URL}/requests", body, key).json["id"]
    heard_nothing(one, "unknown")


def queued(url: str) -> Notice:
    return Notice(**events(url)[-1]["notice"])


def test_the_allocation_that_it_was_made_with_is_told(
    call: Client, queue_of: Callable[[str], Queue], slack_server: SlackServer
) -> None:
    call("PATCH", f"{URL}/allocations/toy-1", TOLD)
    one = submitted(call)
    call("PATCH", f"{URL}/allocations/toy-1", {"pi": "The next PI"})
    queue = queue_of("slack")
    queue.put(queued(one))
    assert queue.deliver() == 1
    assert len(slack_server.messages) == 1


@pytest.mark.parametrize("channel", ["slack", "email", "webhook", "skyportal"])
def test_what_is_queued_for_the_former_reaches_nobody(
    call: Client,
    later: Any,
    queue_of: Callable[[str], Queue],
    slack_server: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
) -> None:
    call("PATCH", f"{URL}/allocations/toy-1", TOLD)
    one = submitted(call)
    later(1)
    made_again(call)

    def leave(*_: Any) -> Any:
        raise AssertionError("nothing may leave")

    queue = queue_of(channel)
    monkeypatch.setattr(http, "_exchange", leave)
    queue.put(queued(one))
    assert queue.deliver() == 1
    (letter,) = queue.dead()
    assert "another one" in letter["dead_letter"]["reason"]
    assert slack_server.messages == []


def test_a_failed_submission_is_told_by_its_own(call: Client, server: ToyServer) -> None:
    call("PATCH", f"{URL}/allocations/toy-1", TOLD)
    server.faults.append(Fault("cut"))
    one = submitted(call)
    last = events(one)[-1]
    assert (last["to"], last["notify"]["channel"], last["notify"]["handover"]) == (
        "unknown",
        "slack",
        ["webhook"],
    )
