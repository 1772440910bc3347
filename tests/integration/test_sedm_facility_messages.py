"""From booking to spectrum: the handler, the simulator's robot, and what it posts, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import Simulator, json_response
from local.simulators.sedm import SedmServer
from local.simulators.sedm.listener import PNG
from queries.app import handler as queries
from sedm.app import handler
from sedm.facility import Sedm
from slew import clock, messages, store, tracking
from slew.facility import Message
from slew.work import Desk
from tests.sedm_orders import ALTDATA, JSON, TOKEN
from tests.support.calls import Client, Reply

URL = "/facilities/sedm"
BODY: JSON = {
    "allocation_id": "sedm-2026",
    "target": {"name": "ZTF26aaabcde", "ra": 185.728458, "dec": 4.823397},
    "payload": {},
}


class Gateway(Simulator):
    """The path of messages in the gateway: hands each to the library, as the function's route does."""

    name = "gateway"

    def rules(self) -> list[Rule]:
        """One route."""
        return [Rule("/messages/<path:path>", methods=["POST"], endpoint="message")]

    def message(self, request: Request, path: str) -> Response:
        """To the library."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, content = messages.take(
            Desk(Sedm(), clock.timestamp() + 30), Message(path, headers, request.get_data())
        )
        return json_response(content, status)


@pytest.fixture
def server() -> Iterator[SedmServer]:
    server = SedmServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: SedmServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SLEW_SEDM_URL", server.url)
    monkeypatch.setenv("SLEW_SEDM_REQUEST_NUMBERS", "900000-900009")
    client = Client(handler)
    allocation = {"id": "sedm-2026", "pi": "PI", "group": "transients", "altdata": ALTDATA}
    assert client("POST", f"{URL}/allocations", allocation).status == 201
    return client


@pytest.fixture
def listening(call: Client, server: SedmServer) -> Iterator[SedmServer]:
    """The simulator, posting to us."""
    gateway = Gateway()
    settings = {"listener": f"{gateway.start()}/messages", "token": TOKEN}
    assert requests.post(f"{server.url}/_config", json=settings, timeout=10).status_code == 200
    yield server
    gateway.stop()


def submit(call: Client, **payload: Any) -> JSON:
    reply = call("POST", f"{URL}/requests", {**BODY, "payload": payload})
    assert reply.status == 201, reply.text
    made: JSON = reply.json
    assert made["status"] == "submitted"
    return made


def show(call: Client, made: JSON) -> JSON:
    found: JSON = call("GET", f"{URL}/requests/{made['id']}").json
    return found


def number_of(server: SedmServer) -> int:
    return server.book.entries[-1].requestid


def post(call: Client, content: JSON, token: str = TOKEN) -> Reply:
    nobody = Client(call.handler, principal_id="")
    return nobody("POST", f"{URL}/messages", content, {"Authorization": f"token {token}"})


def observe(server: SedmServer) -> None:
    server.clock.advance(4 * 3600)
    server.drive()


def test_each_request_has_a_number_of_its_own(call: Client, server: SedmServer) -> None:
    for _ in range(5):
        submit(call)
    numbers = [each.requestid for each in server.book.entries]
    assert len(set(numbers)) == 5
    assert set(numbers) <= set(range(900000, 900010))


def test_nothing_is_sent_without_numbers(
    call: Client, server: SedmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLEW_SEDM_REQUEST_NUMBERS")
    reply = call("POST", f"{URL}/requests", BODY)
    assert reply.status == 422
    assert "no range of request numbers is configured" in reply.json["detail"]
    assert server.journal == []


def test_the_dry_run_shows_the_form(call: Client, server: SedmServer) -> None:
    shown = call("POST", f"{URL}/requests?dry_run=true", BODY).json
    assert shown["requests"][0]["url"].endswith("/add_request")
    assert '"status": "new"' in shown["requests"][0]["body"]
    assert server.journal == []


def test_an_observation_comes_back_with_its_spectrum(call: Client, listening: SedmServer) -> None:
    made = submit(call)
    observe(listening)
    outcomes = {each.path: each.outcome for each in listening.listener.queue}
    assert set(outcomes.values()) == {"answered 200: success"}
    assert list(outcomes) == [
        "api/spectrum/ascii",
        "api/spectra/{spectrum}/annotations",
        "api/spectra/{spectrum}/comments",
        "api/classification",
        "api/facility",
    ]
    shown = show(call, made)
    assert shown["status"] == "complete"
    assert shown["status_text"].startswith("complete: Completed Automatically 20")
    products = Client(queries)("GET", f"/requests/{made['id']}/products").json["products"]
    assert [each["state"] for each in products] == ["fetched"] * 3
    spectrum, table, plot = (requests.get(each["link"], timeout=10).content for each in products)
    assert spectrum.startswith(b"# EXPTIME: 1800.0\n")
    assert table.startswith(b"wavelength_angstrom,flux,flux_err\n3800,")
    assert plot == PNG
    assert TOKEN not in call("GET", f"{URL}/requests/{made['id']}").text


def test_pulled_files_join_the_pushed(
    call: Client, listening: SedmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = submit(call, observation_type="3-shot+IFU")
    observe(listening)
    monkeypatch.setattr(clock, "_offset", lambda: 4 * 3600.0)
    assert call("POST", f"{URL}/requests/{made['id']}/refresh").json["status"] == "complete"
    products = Client(queries)("GET", f"/requests/{made['id']}/products").json["products"]
    assert len(products) == 6
    assert {each["state"] for each in products} == {"fetched"}


def test_images_are_told_of_without_a_spectrum(call: Client, listening: SedmServer) -> None:
    made = submit(call, observation_type="3-shot (gri)")
    observe(listening)
    shown = show(call, made)
    assert shown["status_text"].startswith("complete: Complete 20")


def test_a_bad_spectrum_is_failed_and_may_be_saved_by_hand(call: Client, listening: SedmServer) -> None:
    listening.quality = 3
    made = submit(call)
    observe(listening)
    assert show(call, made)["status"] == "failed"
    assert show(call, made)["reason"].startswith("Failed 20")
    say(listening, "Completed Manually 20261203T101112")
    assert show(call, made)["status"] == "complete"
    say(listening, "Failed 20261202T093144")
    assert show(call, made)["status"] == "complete"


def say(server: SedmServer, text: str) -> None:
    content = {"requestid": number_of(server), "new_status": text}
    assert requests.post(f"{server.url}/_say", json=content, timeout=10).status_code == 200


def test_an_expiry_is_told(call: Client, listening: SedmServer) -> None:
    made = submit(call)
    listening.wait_s = 100 * 86400.0
    listening.clock.advance(9 * 86400)
    listening.drive()
    assert show(call, made)["status"] == "expired"


def test_the_end_comes_without_a_word(
    call: Client, server: SedmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = submit(call)
    monkeypatch.setattr(clock, "_offset", lambda: 10 * 86400.0)
    assert tracking.tick(Desk(Sedm(), clock.timestamp() + 60)) == {"looked_at": 1, "failed": 0}
    assert show(call, made)["status"] == "expired"


def test_update_and_cancel(call: Client, server: SedmServer) -> None:
    made = submit(call)
    reply = call("PUT", f"{URL}/requests/{made['id']}", {"payload": {"priority": 4}})
    assert (reply.status, reply.json["facility_request_id"]) == (200, str(number_of(server)))
    assert [each.state for each in server.book.entries] == ["CANCELED", "PENDING"]
    assert server.book.entries[0].requestid == server.book.entries[1].requestid
    assert call("DELETE", f"{URL}/requests/{made['id']}").json["status"] == "cancelled"
    assert [each.state for each in server.book.entries] == ["CANCELED", "CANCELED"]


def test_after_an_unknown_outcome_a_person_sends_it_again(call: Client, server: SedmServer) -> None:
    requests.post(f"{server.url}/_fault", json={"kind": "cut"}, timeout=10)
    made = call("POST", f"{URL}/requests", BODY).json
    assert made["status"] == "unknown"
    again = f"{URL}/requests/{made['id']}/resubmit"
    assert call("POST", again).status == 409
    assert len(server.journal) == 1, "never sent again by itself"
    reply = call("POST", again, {"confirm_not_at_facility": True})
    assert reply.json["status"] == "submitted"
    assert [each.state for each in server.book.entries] == ["CANCELED", "PENDING"]


def test_a_message_settles_an_unknown_outcome(call: Client, server: SedmServer) -> None:
    requests.post(f"{server.url}/_fault", json={"kind": "cut"}, timeout=10)
    made = call("POST", f"{URL}/requests", BODY).json
    content = {"new_status": "ACCEPTED", "followup_request_id": number_of(server)}
    assert post(call, content).json == {"status": "success", "message": "", "data": {}}
    assert show(call, made)["status"] == "submitted"
    assert call("DELETE", f"{URL}/requests/{made['id']}").json["status"] == "cancelled"


def test_refused_messages(call: Client, server: SedmServer) -> None:
    made = submit(call)
    number = number_of(server)
    known = {"new_status": "Expired", "followup_request_id": number}
    other = next(each for each in range(900000, 900010) if each != number)
    for content, token, text in (
        (known, "another-token", "Insufficient permissions."),
        ({"new_status": "Expired"}, TOKEN, 'Missing required key "followup_request_id".'),
        ({"followup_request_id": number}, TOKEN, 'Missing required key "new_status".'),
        ({**known, "followup_request_id": "x"}, TOKEN, "Invalid followup_request_id: x"),
        ({**known, "followup_request_id": other}, TOKEN, f"Cannot find FollowupRequest with ID: {other}"),
    ):
        reply = post(call, content, token)
        assert (reply.status, reply.json) == (400, {"status": "error", "message": text})
    assert show(call, made)["status"] == "submitted"
    assert post(call, {**known, "followup_request_id": str(number), "more": 1}).status == 200
    assert show(call, made)["status"] == "expired"


def test_the_messages_are_in_the_history(call: Client, server: SedmServer) -> None:
    made = submit(call)
    for text in ("in the queue", "COMPLETED", "COMPLETED"):
        assert post(call, {"new_status": text, "followup_request_id": number_of(server)}).status == 200
    events = [each for each in store.history(made["id"]) if each.get("action") == "message"]
    assert [(each["to"], each["text"]) for each in events] == [
        ("submitted", "in the queue"),
        ("complete", "COMPLETED"),
        ("complete", "COMPLETED"),
    ]
    assert json.dumps(events).count("SEDM") >= 3
