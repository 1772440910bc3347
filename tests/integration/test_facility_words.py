"""What a facility says comes to people readable, and without a credential in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from slew.handler import facility_handler
from generic.endpoint import REASON_LIMIT
from generic.facility import Generic
from local.simulators.base import Fault, Simulator
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from slew import store
from tests.generic_bench import LASTING, serving
from tests.integration.test_submission import BODY, URL, call, server
from tests.support.calls import Client
from tests.support.toy import SECRET, ToyServer

__all__ = ["call", "server"]

GENERIC_BODY = {**BODY, "allocation_id": "generic-1", "payload": LASTING}
ODD = r"observer note: \ud83d"
SHOWN = "observer note: \ufffd"


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


@pytest.mark.parametrize("id", [DEMO_TOKEN, f"request of {DEMO_TOKEN}"])
def test_an_id_that_holds_the_token_is_not_kept(generic: Client, endpoint: EndpointServer, id: str) -> None:
    says(endpoint, 200, json.dumps({"status": "success", "data": {"id": id}}))
    reply = generic("POST", "/facilities/generic/requests", GENERIC_BODY)
    assert (reply.status, reply.json["status"]) == (201, "submitted")
    assert reply.json["facility_request_id"] is None
    assert "is not kept" in reply.json["notes"][-1]
    one = f"/facilities/generic/requests/{reply.json['id']}"
    kept = store.get_request(reply.json["id"])
    assert kept is not None
    assert DEMO_TOKEN not in f"{reply.text} {generic('GET', one).text} {kept.as_doc()}"
    refused = generic("DELETE", one)
    assert (refused.status, "gave no id" in refused.json["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("target.name", {"target": {**BODY["target"], "name": f"SN {SECRET}"}}),
        ("payload.exposure", {"payload": {"exposure": SECRET}}),
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_credential_in_what_is_sent_is_refused_by_its_field(
    call: Client, server: ToyServer, field: str, content: dict[str, Any], query: str
) -> None:
    refused = call("POST", f"{URL}/requests{query}", {**BODY, **content})
    assert refused.status == 422
    assert field in refused.json["detail"]
    assert SECRET not in refused.text
    assert not server.journal


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_key_of_the_payload_that_nobody_knows_may_hold_none_either(
    generic: Client, endpoint: EndpointServer, query: str
) -> None:
    for extra in ({"note": [{"deep": f"use {DEMO_TOKEN}"}]}, {DEMO_TOKEN: 1}):
        body = {**GENERIC_BODY, "payload": {**LASTING, **extra}}
        refused = generic("POST", f"/facilities/generic/requests{query}", body)
        assert refused.status == 422
        assert "holds a credential of this allocation" in refused.json["detail"]
        assert DEMO_TOKEN not in refused.text
    assert not endpoint.journal


def test_an_update_may_hold_none(call: Client, server: ToyServer) -> None:
    one = f"{URL}/requests/{call('POST', f'{URL}/requests', BODY).json['id']}"
    target = {**BODY["target"], "name": SECRET}
    refused = call("PUT", one, {"payload": {"exposure": 60}, "target": target})
    assert (refused.status, SECRET in refused.text) == (422, False)
    assert call("PUT", one, {"payload": {"exposure": 60}, "comment": f"with {SECRET}"}).status == 200
    assert SECRET not in call("GET", one).text


def test_who_asks_is_masked_wherever_it_is_read(call: Client) -> None:
    requester = {"username": "o", "name": f"O {SECRET}", "affiliation": SECRET}
    view = call("POST", f"{URL}/requests", {**BODY, "requester": requester}).json
    assert view["requester"]["name"] == "O ********"
    assert call("GET", f"{URL}/requests/{view['id']}").json == view
    assert SECRET not in str(store.get_request(view["id"]))


def test_who_is_known_there_by_address_may_ask(call: Client, server: ToyServer) -> None:
    allocation = {"id": "toy-2", "pi": "PI", "group": "transients", "altdata": {"token": "pi@example.org"}}
    assert call("POST", f"{URL}/allocations", allocation).status == 201
    body = {**BODY, "allocation_id": "toy-2", "requester": {"username": "pi", "email": "pi@example.org"}}
    reply = call("POST", f"{URL}/requests", body)
    assert (reply.status, reply.json["status"]) == (201, "rejected"), "the toy knows another token"
    assert reply.json["requester"] == {**reply.json["requester"], "username": "pi", "email": ""}
    assert "pi@example.org" not in str(store.get_request(reply.json["id"]))


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("pi", {"pi": f"PI {SECRET}"}),
        ("group", {"group": "group-of-t0ken.secret", "altdata": {"token": "t0ken.secret"}}),
        (
            "notify.email",
            {
                "notify": {"notification_type": "email", "email": "a@example.org,t0ken.secret@example.org"},
                "altdata": {"token": "t0ken.secret"},
            },
        ),
    ],
)
def test_an_allocation_shows_no_credential_of_its_own(
    call: Client, field: str, content: dict[str, Any]
) -> None:
    allocation = {"id": "toy-2", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}, **content}
    refused = call("POST", f"{URL}/allocations", allocation)
    assert (refused.status, refused.json["detail"]) == (
        422,
        f"{field}: holds a credential of this allocation",
    )
