"""What a facility says comes to people readable, and without a credential in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from generic.endpoint import REASON_LIMIT
from generic.facility import Generic
from local.simulators.base import Fault, Simulator
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from slew import store
from slew.handler import facility_handler
from tests.generic_bench import PAYLOAD, serving
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
BODY: dict[str, Any] = {
    "allocation_id": "toy-1",
    "target": {"name": "SN 2023ixf", "ra": "14:03:38.562", "dec": "+54:18:41.94"},
    "payload": {"exposure": 300},
}
GENERIC_BODY = {**BODY, "allocation_id": "generic-1", "payload": PAYLOAD}
ODD = r"observer note: \ud83d"
SHOWN = "observer note: \ufffd"


@pytest.fixture
def server() -> Iterator[ToyServer]:
    server = ToyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SLEW_TOY_URL", server.url)
    client = Client(facility_handler(Toy()))
    allocation = {"id": "toy-1", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}}
    assert client("POST", f"{URL}/allocations", allocation).status == 201
    return client


def says(server: Simulator, status: int, body: str, **about: Any) -> None:
    """The next answer of the facility."""
    server.faults.append(
        Fault(kind="status", status=status, body=body, content_type="application/json", **about)
    )


@pytest.fixture
def endpoint(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    with serving(monkeypatch) as server:
        yield server


@pytest.fixture
def generic(endpoint: EndpointServer) -> Client:
    client = Client(facility_handler(Generic()))
    altdata = {
        "notification_type": "API",
        "endpoint": f"{endpoint.url}/api/requests",
        "api_token": DEMO_TOKEN,
    }
    allocation = {"id": "generic-1", "pi": "PI", "group": "transients", "altdata": altdata}
    assert client("POST", "/facilities/generic/allocations", allocation).status == 201
    return client


# -- credentials at a cut


@pytest.mark.parametrize("kept", [6, len(DEMO_TOKEN) // 2, len(DEMO_TOKEN) - 1])
def test_no_piece_of_a_token_is_left_where_a_reason_is_cut(
    generic: Client, endpoint: EndpointServer, kept: int
) -> None:
    padding = "x" * (REASON_LIMIT - len("HTTP 400: …") - kept)
    says(endpoint, 400, json.dumps({"message": f"{padding}{DEMO_TOKEN} is unknown"}))
    view = generic("POST", "/facilities/generic/requests", GENERIC_BODY).json
    assert view["status"] == "rejected"
    one = generic("GET", f"/facilities/generic/requests/{view['id']}")
    told = f"{json.dumps(view)} {one.text} {store.history(view['id'])} {store.exchanges(view['id'])}"
    assert DEMO_TOKEN[:6] not in told


# -- characters that are none


def test_an_answer_with_half_a_character_is_kept_readable(call: Client, server: ToyServer) -> None:
    says(server, 201, f'{{"id": 4711, "{ODD}": "{ODD}"}}', headers={"X-Note": "caf\u00e9"})
    reply = call("POST", f"{URL}/requests", BODY)
    assert reply.status == 201
    assert (reply.json["status"], reply.json["facility_request_id"]) == ("submitted", "4711")
    (exchange,) = store.exchanges(reply.json["id"])
    assert json.loads(exchange["answer_body"]) == {"id": 4711, SHOWN: SHOWN}
    assert call("GET", f"{URL}/requests/{reply.json['id']}").json == reply.json


def test_an_id_with_half_a_character_loses_no_outcome(call: Client, server: ToyServer) -> None:
    says(server, 201, r'{"id": "n\ud83d"}')
    reply = call("POST", f"{URL}/requests", BODY)
    assert (reply.status, reply.json["facility_request_id"]) == (201, "n\ufffd")
    assert call("GET", f"{URL}/requests/{reply.json['id']}").json == reply.json


def test_a_refusal_with_half_a_character_is_told_in_the_facilitys_words(
    call: Client, server: ToyServer
) -> None:
    says(server, 400, rf'{{"proposal": ["{ODD}"]}}')
    view = call("POST", f"{URL}/requests", BODY).json
    assert (view["status"], view["reason"]) == ("rejected", f"proposal: {SHOWN}")
    assert call("GET", f"{URL}/requests/{view['id']}").json == view


def test_a_poll_and_a_cancellation_too(call: Client, server: ToyServer) -> None:
    one = f"{URL}/requests/{call('POST', f'{URL}/requests', BODY).json['id']}"
    says(server, 200, rf'{{"state": "RUNNING", "note": "{ODD}"}}')
    assert call("POST", f"{one}/refresh").json["status"] == "in_progress"
    says(server, 400, rf'{{"detail": "{ODD}"}}')
    refused = call("DELETE", one)
    assert (refused.status, refused.json["detail"]) == (409, f"rejected: {SHOWN}")
    assert SHOWN in call("GET", one).json["status_text"]


def test_what_verify_says_is_answered(call: Client, server: ToyServer) -> None:
    says(server, 200, f'"{ODD}"')
    assert call("POST", f"{URL}/allocations/toy-1/verify").status == 200


# -- credentials in the wrong place


def test_an_address_that_is_none_is_not_repeated(generic: Client) -> None:
    altdata = {"notification_type": "email", "email": f"a@example.org, {DEMO_TOKEN}@"}
    refused = generic("PATCH", "/facilities/generic/allocations/generic-1", {"altdata": altdata})
    assert refused.status == 422
    assert "entry 2 is not an email address" in refused.text
    assert DEMO_TOKEN not in refused.text
