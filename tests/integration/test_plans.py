"""Plans: no target, several exchanges, large payloads, uploads, queues, numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from slew.handler import facility_handler
from slew import payloads, store
from tests.support.calls import Client
from tests.support.survey import SECRET, Survey, SurveyServer

URL = "/facilities/survey"
ALLOCATION = {"id": "s-1", "pi": "PI", "group": "transients", "altdata": {"listener_token": SECRET}}


def plan(*fields: int, **payload: Any) -> dict[str, Any]:
    return {"allocation_id": "s-1", "payload": {"fields": list(fields), **payload}}


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    server = SurveyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: SurveyServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SLEW_SURVEY_URL", server.url)
    client = Client(facility_handler(Survey()))
    assert client("POST", f"{URL}/allocations", ALLOCATION).status == 201
    return client


def sent(server: SurveyServer) -> list[int]:
    return [each["field"] for each in server.posted]


@pytest.mark.parametrize("collection", ["requests", "plans"])
def test_a_plan_needs_no_target_and_is_called_by_its_name(
    call: Client, server: SurveyServer, collection: str
) -> None:
    reply = call("POST", f"{URL}/{collection}", plan(1, 2, queue_name="S260311ab"))
    assert reply.status == 201, reply.text
    assert reply.json["target"] == {"name": "S260311ab"}
    assert reply.json["facility_request_id"] == "S260311ab"
    assert sent(server) == [1, 2]
    assert call("GET", f"{URL}/{collection}/{reply.json['id']}").json == reply.json


def test_a_dry_run_shows_every_exchange(call: Client, server: SurveyServer) -> None:
    shown = call("POST", f"{URL}/plans?dry_run=true", plan(1, 2, 3)).json
    assert [each["body"]["field"] for each in shown["requests"]] == [1, 2, 3]
    assert sent(server) == []


def test_what_was_refused_is_named_and_alone_sent_again(call: Client, server: SurveyServer) -> None:
    server.refused = {2, 3}
    made = call("POST", f"{URL}/requests", plan(1, 2, 3)).json
    assert (made["status"], made["left"]) == ("submitted", ["2", "3"])
    server.refused = {3}
    again = call("POST", f"{URL}/requests/{made['id']}/resubmit").json
    assert (again["status"], again["left"]) == ("submitted", ["3"])
    server.refused = set()
    last = call("POST", f"{URL}/requests/{made['id']}/resubmit").json
    assert (last["status"], last["left"]) == ("submitted", [])
    assert server.taken == [1, 2, 3]
    assert call("POST", f"{URL}/requests/{made['id']}/resubmit").status == 409


def test_what_was_taken_before_a_silence_is_not_sent_again(call: Client, server: SurveyServer) -> None:
    server.silent = {2}
    made = call("POST", f"{URL}/requests", plan(1, 2, 3)).json
    assert made["status"] == "unknown"
    assert made["facility_data"] == {"done": [1]}
    server.silent = set()
    before = len(sent(server))
    again = call("POST", f"{URL}/requests/{made['id']}/resubmit", {"confirm_not_at_facility": True}).json
    assert again["status"] == "submitted"
    assert sent(server)[before:] == [2, 3]


def test_each_request_has_a_number_of_its_own_until_there_are_no_more(
    call: Client, server: SurveyServer
) -> None:
    for field in (1, 2, 3):
        assert call("POST", f"{URL}/requests", plan(field)).status == 201
    assert sorted(each["number"] for each in server.posted) == [7, 8, 9]
    full = call("POST", f"{URL}/requests", plan(4))
    assert full.status == 409
    assert "no number" in full.json["detail"]
    assert sent(server) == [1, 2, 3]


def test_a_large_payload_is_kept_apart_and_sent_whole(call: Client, server: SurveyServer) -> None:
    note = "n" * (payloads.IN_RECORD + 1)
    made = call("POST", f"{URL}/plans", plan(1, note=note))
    assert made.status == 201
    assert len(made.text) < 20_000
    whole = call("GET", f"{URL}/plans/{made.json['id']}/payload").json
    assert whole == {"fields": [1], "note": note}
    record = store.get_request(made.json["id"])
    assert record is not None
    assert record.payload["note"] == f"({payloads.IN_RECORD + 3} bytes)"
    assert server.taken == [1]


def test_an_upload_stands_for_a_payload(call: Client, server: SurveyServer) -> None:
    upload = call("POST", f"{URL}/uploads").json
    content = json.dumps({"fields": [4, 5]})
    assert requests.put(upload["url"], content, headers=upload["headers"], timeout=10).status_code == 200
    body = {"allocation_id": "s-1", "payload_upload": upload["id"]}
    assert call("POST", f"{URL}/plans", body).json["status"] == "submitted"
    assert sent(server) == [4, 5]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payload": None}, "payload"),
        ({"payload": None, "payload_upload": "0" * 32}, "payload_upload"),
        ({"payload_upload": "0" * 32}, "payload_upload"),
        ({"payload": None, "payload_upload": "../x"}, "payload_upload"),
    ],
)
def test_a_payload_is_given_once(call: Client, server: SurveyServer, change: Any, field: str) -> None:
    reply = call("POST", f"{URL}/plans", {**plan(1), **change})
    assert reply.status == 422
    assert reply.json["errors"][0]["loc"] == [field]
    assert sent(server) == []


def test_an_upload_is_its_callers_own(call: Client, server: SurveyServer) -> None:
    upload = call("POST", f"{URL}/uploads").json
    requests.put(upload["url"], '{"fields": [1]}', headers=upload["headers"], timeout=10)
    other = Client(call.handler, principal_id="fedcba9876543210")
    body = {"allocation_id": "s-1", "payload_upload": upload["id"]}
    assert other("POST", f"{URL}/plans", body).status == 422
    assert Client(call.handler, role="viewer")("POST", f"{URL}/uploads").status == 403


def test_queues_are_listed_without_secrets_and_only_own_ones_removed(
    call: Client, server: SurveyServer
) -> None:
    shown = call("GET", f"{URL}/allocations/s-1/queues")
    assert [each["name"] for each in shown.json["queues"]] == ["survey", "others"]
    assert SECRET not in shown.text
    assert call("DELETE", f"{URL}/allocations/s-1/queues/others").status == 404
    call("POST", f"{URL}/requests", plan(1))
    assert call("DELETE", f"{URL}/allocations/s-1/queues/survey").status == 405  # it cannot cancel
