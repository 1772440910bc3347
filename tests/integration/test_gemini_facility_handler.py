"""Requests for Gemini through the function's handler: partial success, resubmission, time-outs, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slew.handler import facility_handler
from gemini.facility import Gemini
from local.simulators.base import Fault
from local.simulators.gemini import EMAIL, NORTH, NORTH_KEY, GeminiServer
from slew import clock, store
from tests.integration.gemini_bench import JSON, NOW
from tests.support.calls import Client, Context
from tests.support.frozen import FrozenClock

URL = "/facilities/gemini"
EVENTS = Path(__file__).parents[2] / "events"
ALTDATA = {"email": EMAIL, "password": NORTH_KEY, "progid": NORTH}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """The library's clock and the simulator's are one, and it stands."""
    stopped = FrozenClock(NOW)
    monkeypatch.setattr(clock, "timestamp", stopped.time)
    monkeypatch.setattr(clock, "now", stopped.now)
    return stopped


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, now: FrozenClock) -> Iterator[GeminiServer]:
    server = GeminiServer(now)
    server.start()
    for name, url in server.extra_urls().items():
        monkeypatch.setenv(f"SLEW_GEMINI_{name.upper()}_URL", url)
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: GeminiServer) -> Client:
    client = Client(facility_handler(Gemini()))
    allocation = {"id": "gemini", "pi": "PI of the programme", "group": "red", "altdata": ALTDATA}
    assert client("POST", f"{URL}/allocations", allocation).status == 201
    return client


def body(templates: str, **changes: Any) -> JSON:
    payload = {
        "template_ids": templates,
        "start_date": "2026-12-01 04:00:00",
        "end_date": "2026-12-03 04:00:00",
    }
    target = {"name": "ZTF26aaabcde", "ra": 185.728458, "dec": 4.823397}
    return {"allocation_id": "gemini", "target": target, "payload": payload, **changes}


def tick(call: Client, now: FrozenClock, seconds: float) -> None:
    now.advance(seconds)
    call.handler({"action": "poll"}, Context(300))


def sent(server: GeminiServer) -> int:
    return len([each for each in server.journal if each["path"] == "/north/too"])


def test_the_key_is_a_secret_by_every_name(call: Client, server: GeminiServer) -> None:
    shown = call("GET", f"{URL}/allocations/gemini")
    assert shown.json["altdata"] == {"email": EMAIL, "password": "********", "progid": NORTH}
    made = call("POST", f"{URL}/requests", body("21,99"))
    dry = call("POST", f"{URL}/requests?dry_run=true", body("21,22"))
    transactions = store.exchanges(made.json["id"])
    assert sorted(each["method"] for each in transactions) == ["GET", "POST", "POST"]
    for text in (made.text, dry.text, repr(transactions)):
        assert NORTH_KEY not in text
    assert "password=********&obsnum=22" in dry.json["requests"][1]["url"]
    assert sent(server) == 2


def test_what_was_refused_is_named_and_alone_sent_again(call: Client, server: GeminiServer) -> None:
    made = call("POST", f"{URL}/requests", body("20,21")).json
    assert (made["status"], made["left"]) == ("submitted", ["20"])
    assert made["facility_request_id"] == "GN-2026B-Q-110-40"
    assert "template 20: Template observation is not 'on hold'." in made["notes"]
    server.sites["north"].programmes[NORTH].observations[20].status = "On Hold"
    again = call("POST", f"{URL}/requests/{made['id']}/resubmit").json
    assert (again["status"], again["left"]) == ("submitted", [])
    assert again["facility_request_id"] == "GN-2026B-Q-110-41,GN-2026B-Q-110-40"
    assert sent(server) == 3
    assert call("POST", f"{URL}/requests/{made['id']}/resubmit").status == 409
    assert sent(server) == 3


def test_one_trigger_an_idempotency_key(call: Client, server: GeminiServer) -> None:
    key = {"Idempotency-Key": "sn-1"}
    first = call("POST", f"{URL}/requests", body("21"), key).json
    assert call("POST", f"{URL}/requests", body("21"), key).json["id"] == first["id"]
    assert sent(server) == 1


def test_a_lost_answer_is_found_at_the_facility(call: Client, server: GeminiServer, now: FrozenClock) -> None:
    server.config.breaks_after_cloning = True
    made = call("POST", f"{URL}/requests", body("21,22")).json
    assert made["status"] == "unknown"
    assert call("POST", f"{URL}/requests/{made['id']}/resubmit").status == 409
    server.config.breaks_after_cloning = False
    tick(call, now, 120)
    found = call("GET", f"{URL}/requests/{made['id']}").json
    assert (found["status"], found["left"]) == ("submitted", ["22"])
    assert found["facility_request_id"] == "GN-2026B-Q-110-40"
    assert sent(server) == 1
    again = call("POST", f"{URL}/requests/{made['id']}/resubmit").json
    assert (again["left"], sent(server)) == ([], 2)


def test_a_lost_trigger_is_sent_again_once_it_is_certainly_not_there(
    call: Client, server: GeminiServer, now: FrozenClock
) -> None:
    server.faults.append(Fault("status", path="/north/too", status=502))
    made = call("POST", f"{URL}/requests", body("21")).json
    assert made["status"] == "unknown"
    for _ in range(12):
        tick(call, now, 180)
    found = call("GET", f"{URL}/requests/{made['id']}").json
    assert found["status"] in ("submitted", "in_progress")
    assert (sent(server), len(server.clones())) == (2, 1)


def test_a_database_that_is_down_is_tried_again(call: Client, server: GeminiServer, now: FrozenClock) -> None:
    server.config.database_down = True
    made = call("POST", f"{URL}/requests", body("21"))
    assert (made.status, made.json["status"]) == (202, "pending")
    server.config.database_down = False
    tick(call, now, 300)
    assert call("GET", f"{URL}/requests/{made.json['id']}").json["status"] == "submitted"
    assert len(server.clones()) == 1


def test_nothing_can_be_withdrawn_changed_or_checked(call: Client, server: GeminiServer) -> None:
    made = call("POST", f"{URL}/requests", body("21")).json
    assert call("DELETE", f"{URL}/requests/{made['id']}").status == 405
    assert call("PUT", f"{URL}/requests/{made['id']}", {"payload": body("22")["payload"]}).status == 405
    assert call("POST", f"{URL}/requests?dry_run=facility", body("21")).status == 405
    verified = call("POST", f"{URL}/allocations/gemini/verify")
    assert "no harmless call" in verified.text
    assert sent(server) == 1


def test_the_other_telescope_is_refused_before_anything_is_kept(call: Client, server: GeminiServer) -> None:
    reply = call("POST", f"{URL}/requests", body("21", instrument="south"))
    assert (reply.status, reply.json["errors"][0]["loc"]) == (422, ["instrument"])
    assert call("POST", f"{URL}/requests", body("21", instrument="north")).status == 201
    assert sent(server) == 1


def test_it_is_followed_and_its_files_are_fetched(
    call: Client, server: GeminiServer, now: FrozenClock
) -> None:
    made = call("POST", f"{URL}/requests", body("21")).json
    for _ in range(20):
        tick(call, now, 360)
    found = call("GET", f"{URL}/requests/{made['id']}").json
    assert found["status"] == "complete"
    products = store.products(made["id"])
    fetched = store.fetches(made["id"])
    assert len(products) == 3
    done = [name for name, each in fetched.items() if each.get("fetched_at")]
    assert done == [each["name"] for each in products if each["observation_class"] == "partnerCal"]
    waiting = [each["error"] for each in fetched.values() if not each.get("fetched_at")]
    assert len(waiting) == 2
    assert all(each.startswith("proprietary until") for each in waiting)


def test_the_examples(embedded_aws: Any, server: GeminiServer, call: Client) -> None:
    for name, status in (("allocation", 201), ("submit", 201)):
        event = json.loads((EVENTS / f"gemini-{name}.json").read_text())
        answer = call.handler(event, Context(300))
        assert answer["statusCode"] == status, answer["body"]
        assert NORTH_KEY not in answer["body"]
    assert json.loads(answer["body"])["facility_request_id"] == "GN-2026B-Q-110-40"
    event = json.loads((EVENTS / "gemini-poll.json").read_text())
    assert call.handler(event, Context(300))["failed"] == 0
