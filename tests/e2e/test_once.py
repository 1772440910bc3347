"""One trigger, once, on the running system: processes killed, facilities throttled, clients in a hurry."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from tests.e2e.conftest import ATLAS_TOKEN, SLACK_ALTDATA, TARGET, System
from tests.support.waiting import LONG_S, until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("once")]

ATLAS = "/facilities/atlas_forced_photometry/requests"
SLACK = "/facilities/slack/requests"


@pytest.fixture(scope="module", autouse=True)
def allocations(system: System) -> None:
    system.allocate("slack", "channel", SLACK_ALTDATA)
    system.allocate(
        "atlas_forced_photometry",
        "atlas",
        {"api_token": ATLAS_TOKEN, "notification_type": "slack", **SLACK_ALTDATA},
    )
    system.simulator("slack", "POST", "/_config", {"rate": 100, "burst": 100})


def slack_body(name: str) -> dict[str, Any]:
    payload = {"observation_choices": ["sdssr"], "exposure_time": 30, "exposure_counts": 1}
    return {"allocation_id": "channel", "target": {**TARGET, "name": name}, "payload": payload}


def atlas_body(name: str) -> dict[str, Any]:
    payload = {"start_date": "2023-05-01", "end_date": "2023-08-01"}
    return {"allocation_id": "atlas", "target": {**TARGET, "name": name}, "payload": payload}


def kill_while_it_waits(
    system: System, simulator: str, function: str, path: str, body: Any, key: str
) -> None:
    """Submit, and kill the function's process while the facility takes its time with the answer."""
    system.simulator(simulator, "POST", "/_fault", {"kind": "hang", "method": "POST", "seconds": LONG_S})
    before = len(system.arrivals(simulator))
    replies: list[Any] = []
    client = threading.Thread(target=lambda: replies.append(system.call("POST", path, body, key)))
    client.start()
    until(lambda: len(system.arrivals(simulator)) > before)
    killed = set(system.stack.runtime.pids(function))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    client.join()
    until(lambda: not killed & set(system.stack.runtime.pids(function)))
    assert replies[0].status_code == 500


def test_ten_clients_with_one_key_make_one_trigger(system: System) -> None:
    before = len(system.arrivals("slack"))
    replies: list[Any] = []
    clients = [
        threading.Thread(
            target=lambda: replies.append(system.call("POST", SLACK, slack_body("AT race"), "race"))
        )
        for _ in range(10)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert {reply.status_code for reply in replies} <= {200, 201, 202}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert len(system.arrivals("slack")) == before + 1


def test_killed_during_the_call_where_nobody_can_be_asked_is_unknown(system: System) -> None:
    before = len(system.arrivals("slack"))
    kill_while_it_waits(system, "slack", "SlackFunction", SLACK, slack_body("AT kill"), "kill-slack")
    again = system.call("POST", SLACK, slack_body("AT kill"), "kill-slack")
    assert (again.status_code, again.json()["status"]) == (202, "submitting")
    system.stack.advance(100)
    system.stack.advance(100)
    view = system.call("POST", SLACK, slack_body("AT kill"), "kill-slack").json()
    assert view["status"] == "unknown"
    assert view["id"] == again.json()["id"]
    assert len(system.arrivals("slack")) == before + 1


def test_killed_during_the_call_where_it_can_be_asked_is_completed_by_recovery(system: System) -> None:
    before = len(system.arrivals("atlas_forced_photometry"))
    kill_while_it_waits(
        system,
        "atlas_forced_photometry",
        "AtlasForcedPhotometryFunction",
        ATLAS,
        atlas_body("AT killed"),
        "kill-atlas",
    )
    for _ in range(3):
        system.stack.advance(100)
    view = system.call("POST", ATLAS, atlas_body("AT killed"), "kill-atlas").json()
    assert view["status"] in ("submitted", "in_progress", "complete")
    assert view["facility_request_id"]
    assert "unknown" in [event.get("to") for event in view["history"]]
    assert len(system.arrivals("atlas_forced_photometry")) == before + 1


def test_throttled_is_pending_sent_by_the_schedule_and_announced_once(system: System) -> None:
    fault = {
        "kind": "status",
        "method": "POST",
        "status": 429,
        "headers": {"Retry-After": "120"},
        "body": '{"detail":"Request was throttled. Expected available in 120 seconds."}',
        "content_type": "application/json",
    }
    system.simulator("atlas_forced_photometry", "POST", "/_fault", fault)
    reply = system.call("POST", ATLAS, atlas_body("AT slowly"), "slowly")
    assert (reply.status_code, reply.json()["status"]) == (202, "pending")
    assert reply.json()["next_attempt_at"]
    system.stack.advance(60)
    assert system.call("GET", f"{ATLAS}/{reply.json()['id']}").json()["status"] == "pending"
    system.stack.advance(61)
    view = system.call("GET", f"{ATLAS}/{reply.json()['id']}").json()
    assert [event["to"] for event in view["history"] if event["kind"] == "status"][:4] == [
        "submitting",
        "pending",
        "submitting",
        "submitted",
    ]
    told = [str(message) for message in system.messages() if "AT slowly" in str(message)]
    assert len([text for text in told if "submitted" in text.lower()]) == 1
    assert not [text for text in told if "pending" in text.lower()]


def test_no_secret_is_anywhere_it_should_not_be(system: System) -> None:
    token = system.stack.token
    table = system.stack.client("dynamodb").scan(TableName=system.stack.system.tables[0].name)
    logs = "".join(path.read_text() for path in (system.stack._logs).glob("*Function.log"))
    answers = "".join(
        system.call("GET", path).text
        for path in ("/allocations", "/requests", "/openapi.json", "/facilities")
    )
    answers += "".join(
        system.call("GET", f"/requests/{each['id']}{more}").text
        for each in system.call("GET", "/requests").json()["requests"]
        for more in ("", "/transactions", "/products")
    )
    for place in (str(table["Items"]), logs, answers, str(system.messages())):
        for secret in (ATLAS_TOKEN, SLACK_ALTDATA["slack_token"], token):
            assert secret not in place
