"""Swift's function from its handler on: the example events, a lost answer, and what is kept of it all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import Fault
from local.simulators.swift_too import DEMO_SECRET, SwiftTooServer
from slew import clock, store
from swift_too.facility import SwiftToo
from tests.support.calls import Client, Context

EVENTS = Path(__file__).parents[2] / "events"
URL = "/facilities/swift_too"


@pytest.fixture
def server() -> Iterator[SwiftTooServer]:
    simulator = SwiftTooServer()
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def later(server: SwiftTooServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the library's clock and the simulator's."""
    offset = [0.0]

    def advance(seconds: float) -> None:
        offset[0] += seconds
        server.clock.advance(seconds)

    monkeypatch.setattr(clock, "_offset", lambda: offset[0])
    return advance


def body_of(name: str) -> dict[str, Any]:
    event = json.loads((EVENTS / f"swift_too-{name}.json").read_text())
    body: dict[str, Any] = json.loads(event["body"])
    return body


@pytest.fixture(params=["v2", "v1.2"])
def call(
    embedded_aws: Any,
    server: SwiftTooServer,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Client:
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", server.base_url)
    monkeypatch.setenv("SLEW_SWIFT_TOO_V1_URL", server.extra_urls()["v1"])
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", request.param)
    client = Client(facility_handler(SwiftToo(pause=lambda seconds: None)))
    assert client("POST", f"{URL}/allocations", body_of("allocation")).status == 201
    return client


def tick(call: Client) -> None:
    assert call.handler({"action": "poll"}, Context())["failed"] == 0


def test_the_examples_are_taken_and_followed(
    call: Client, server: SwiftTooServer, later: Callable[[float], None]
) -> None:
    view = call("POST", f"{URL}/requests", body_of("submit")).json
    [too] = server.book.toos
    assert (view["status"], view["facility_request_id"]) == ("submitted", str(too.too_id))
    later(2 * 86400)
    tick(call)
    view = call("GET", f"{URL}/requests/{view['id']}").json
    assert view["status"] == "in_progress"
    later(6 * 86400)
    tick(call)
    view = call("GET", f"{URL}/requests/{view['id']}").json
    assert view["status"] == "complete"
    assert len(store.products(view["id"])) == 21


def test_a_lost_answer_is_settled_by_the_tick_and_nothing_is_leaked(
    call: Client, server: SwiftTooServer, later: Callable[[float], None]
) -> None:
    for path in ("/api/v2/swift/too", "/toop"):
        server.faults.append(Fault("cut", "POST", path))
    view = call("POST", f"{URL}/requests", body_of("submit")).json
    assert view["status"] == "unknown"
    later(100)
    tick(call)
    view = call("GET", f"{URL}/requests/{view['id']}").json
    [too] = server.book.toos
    assert (view["status"], view["facility_request_id"]) == ("submitted", str(too.too_id))
    kept = json.dumps(view) + repr(store.get_request(view["id"])) + repr(store.exchanges(view["id"]))
    assert len(store.exchanges(view["id"])) >= 3
    assert DEMO_SECRET not in kept
    assert not [cookie for cookie in server.sessions._known if cookie in kept]
    signatures = [
        each["body"].rpartition(".")[2] for each in server.journal if each["body"].startswith("jwt=")
    ]
    assert not [each for each in signatures if each in kept]


def test_a_dry_run_and_the_facilitys_own_check(call: Client, server: SwiftTooServer) -> None:
    dry = call("POST", f"{URL}/requests?dry_run=true", body_of("submit")).json
    assert len(dry["requests"]) == 1
    assert not server.journal
    asked = call("POST", f"{URL}/requests?dry_run=facility", body_of("submit")).json
    assert asked["facility_verdict"]["accepted"] is True
    assert not server.book.toos
    verified = call("POST", f"{URL}/allocations/swift-too/verify").json
    assert verified["valid"] is True


def test_swift_has_no_cancellation(call: Client) -> None:
    view = call("POST", f"{URL}/requests", body_of("submit")).json
    assert call("DELETE", f"{URL}/requests/{view['id']}").status == 405
    assert call("PUT", f"{URL}/requests/{view['id']}", {"payload": {}}).status == 405
