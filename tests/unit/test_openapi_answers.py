"""What the functions answer, held against what the OpenAPI document says of the call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from slew.handler import facility_handler
from plots.app import handler as plots
from queries.app import handler as queries
from skyportal.app import handler as skyportal
from slew import clock, tracking
from slew.work import Desk
from tests.support.calls import Client, Reply
from tests.support.openapi import PLAN, SURVEY, document_of, errors
from tests.support.survey import SECRET, SurveyServer
from tokens.app import handler as tokens

Json = dict[str, Any]
BASE = "/facilities/survey"
ALLOCATION: Json = {
    "id": "s-1",
    "pi": "PI",
    "group": "transients",
    "altdata": {"listener_token": SECRET, "email": "too@example.org", "notification_type": "email"},
    "handover": {"webhook": {"url": "https://93.184.215.14/slew", "secret": "0123456789abcdef"}},
}


@dataclass
class Held:
    """Calls, and judges both the body and the answer by the document."""

    document: Json = field(default_factory=lambda: document_of(SURVEY))

    def __call__(
        self, method: str, template: str, body: Any = None, query: str = "", token: str = "", **ids: str
    ) -> Reply:
        url = re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], template)
        headers = {"Authorization": f"token {token}"} if token else None
        reply = self._client(template)(method, url + query, body, headers)
        operation = self.document["paths"][template][method.lower()]
        place = ("paths", template, method.lower())
        if body is not None and reply.status < 300:
            assert not errors(
                self.document, body, *place, "requestBody", "content", "application/json", "schema"
            )
        status = str(reply.status)
        if status not in operation["responses"]:
            status = "default"
        answer = operation["responses"][status]
        where = (*place, "responses", status)
        if "$ref" in answer:
            where = tuple(answer["$ref"].split("/")[1:])
            answer = self.document["components"]["responses"][where[-1]]
        kind = reply.headers.get("Content-Type", "").partition(";")[0]
        assert set(answer.get("content", {})) >= ({kind} if reply.text else set())
        if kind.endswith("json"):
            wrong = errors(self.document, reply.json, *where, "content", kind, "schema")
            assert not wrong, (method, url, reply.text)
        return reply

    def _client(self, template: str) -> Client:
        if template.startswith(BASE):
            return Client(facility_handler(SURVEY))
        first = template.split("/")[1]
        if template.endswith(".png"):
            return Client(plots)
        return Client({"tokens": tokens, "skyportal": skyportal}.get(first, queries))


@pytest.fixture
def held(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    server = SurveyServer()
    monkeypatch.setenv("SLEW_SURVEY_URL", server.start())
    monkeypatch.setenv("SLEW_API_URL", "https://slew.example.org")
    calls = Held()
    assert calls("POST", f"{BASE}/allocations", ALLOCATION).status == 201
    yield calls
    server.stop()


def made(held: Held, collection: str = "requests") -> str:
    reply = held("POST", f"{BASE}/{collection}", {"allocation_id": "s-1", "payload": PLAN})
    assert reply.status == 201, reply.text
    return str(reply.json["id"])


def test_allocations(held: Held) -> None:
    one = f"{BASE}/allocations/{{id}}"
    assert held("GET", one, id="s-1").status == 200
    assert held("PATCH", one, {"pi": "Other", "handover": None}, id="s-1").status == 200
    replacement = {key: each for key, each in ALLOCATION.items() if key != "id"}
    assert held("PUT", one, replacement, id="s-1").status == 200
    assert held("GET", f"{one}/queues", id="s-1").status == 200
    assert held("DELETE", f"{one}/queues/{{name}}", id="s-1", name="others").status == 404
    assert held("GET", "/allocations").status == 200
    assert held("GET", one, query="?x=1", id="s-1").status == 422
    assert held("DELETE", one, query="?force=true", id="s-1").status == 204
    assert held("GET", one, id="s-1").status == 404


@pytest.mark.parametrize("collection", ["requests", "plans"])
def test_requests(held: Held, collection: str) -> None:
    base = f"{BASE}/{collection}"
    dry = held("POST", base, {"allocation_id": "s-1", "payload": PLAN}, "?dry_run=true")
    assert dry.json["dry_run"] is True
    one = f"{base}/{{id}}"
    request_id = made(held, collection)
    assert held("GET", one, id=request_id).json["history"]
    assert held("GET", f"{one}/payload", id=request_id).json == PLAN
    assert held("PUT", one, {"payload": PLAN}, id=request_id).status == 405
    assert held("DELETE", one, id=request_id).status == 405
    assert held("POST", f"{one}/resubmit", {}, id=request_id).status == 409
    assert held("POST", f"{one}/refresh", id=request_id).json["status"] == "complete"
    assert held("POST", f"{one}/close", {"status": "failed"}, id=request_id).status == 409
    assert held("POST", base, {"allocation_id": "s-1"}).status == 422
    assert held("POST", base, {"allocation_id": "s-1", "payload": {"fields": "x" * 5_000_000}}).status == 413
    other = made(held, collection)
    assert held("POST", f"{one}/close", {"status": "failed", "comment": "seen"}, id=other).status == 200
    assert held("POST", f"{one}/resubmit", id=other).status in (200, 202)


def test_uploads_and_messages(held: Held) -> None:
    assert held("POST", f"{BASE}/uploads").status == 201
    assert held("POST", f"{BASE}/uploads", query="?x=1").status == 422
    numbers = range(7, 10)
    made(held)
    told = [
        held("POST", f"{BASE}/messages", {"number": number, "text": "x"}, token=SECRET) for number in numbers
    ]
    assert [each.status for each in told if each.status == 200] == [200]
    below = f"{BASE}/messages/{{path}}"
    assert 200 in [
        held("POST", below, {"number": number, "text": "x"}, token=SECRET, path="y").status
        for number in numbers
    ]


def test_what_came_of_a_request(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    request_id = made(held)
    assert held("GET", "/requests/{id}/products", id=request_id).json["products"] == []
    monkeypatch.setattr(clock, "_offset", lambda: 400.0)
    tracking.tick(Desk(SURVEY, clock.timestamp() + 90))
    states = held("GET", "/requests/{id}/products", id=request_id).json["products"]
    assert [each["state"] for each in states] == ["fetched", "fetched"]
    for path in ("/requests", "/facilities"):
        assert held("GET", path).status == 200
    assert held("GET", "/requests/{id}", id=request_id).json["measurements"] == 2
    assert held("GET", "/requests/{id}/transactions", id=request_id).json["transactions"]
    photometry = "/requests/{id}/photometry"
    for form in ("json", "csv", "ecsv", "skyportal"):
        assert held("GET", photometry, query=f"?format={form}", id=request_id).status == 200
    assert held("GET", photometry, query="?since=x", id=request_id).status == 422
    assert held("GET", f"{photometry}.png", query="?min_snr=3&filters=g", id=request_id).status == 200
    assert held("GET", f"{photometry}.png", query="?key=wrong", id=request_id).status == 404
    exported = held("GET", "/groups/{group}/export", group="transients").json
    assert [each["id"] for each in exported["requests"]] == [request_id]
    assert held("GET", "/requests", query="?status=odd").status == 422


def test_the_catalogue(held: Held) -> None:
    facilities = held("GET", "/facilities").json["facilities"]
    assert held("GET", "/facilities/{facility}", facility=facilities[0]["id"]).status == 200
    assert held("GET", "/facilities/{facility}", facility="nowhere").status == 404
    assert held("GET", "/openapi.json").status == 200


def test_tokens(held: Held) -> None:
    issued = held("POST", "/tokens", {"name": "broker", "role": "observer", "groups": ["transients"]})
    assert issued.status == 201
    assert held("GET", "/tokens").status == 200
    assert held("DELETE", "/tokens/{id}", id=issued.json["id"]).status == 204
    assert held("DELETE", "/tokens/{id}", id="none").status == 404
    assert held("POST", "/tokens", {"name": "broker", "role": "king"}).status == 422


def test_a_skyportal(held: Held) -> None:
    sender, target = "/skyportal/senders/{token_id}", "/skyportal/targets/{obj_id}"
    mine = Client(queries).principal_id
    trigger = {"obj_id": "SN2023ixf", "allocation_id": 8, "payload": {}}
    assert held("POST", "/skyportal/requests", trigger).status == 404
    settings = {"allocations": {"7": "s-1"}, "url": "https://93.184.215.14", "token": "t"}
    assert held("PUT", sender, settings, token_id=mine).status == 200
    assert held("GET", sender, token_id=mine).status == 200
    position = {"target": {"name": "SN2023ixf", "ra": 210.9, "dec": 54.3}}
    assert held("PUT", target, position, obj_id="SN2023ixf").status == 200
    assert held("PUT", target, {}, obj_id="SN2023ixf").status == 422
    assert held("POST", "/skyportal/requests", {"obj_id": "SN2023ixf"}, token="t").status == 422
    assert held("POST", "/skyportal/requests", trigger, token="t").status == 422
    assert held("DELETE", "/skyportal/requests/{id}", token="t", id="none").status == 404
    assert held("DELETE", sender, token_id=mine).status == 204
    assert held("GET", sender, token_id=mine).status == 404
