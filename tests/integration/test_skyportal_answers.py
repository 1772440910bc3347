"""What a SkyPortal is answered: `data.id` wherever there is one, 200 for a deletion, and in time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from slew.errors import Unavailable
from slew.status import Status
from tests.skyportal_bench import PAYLOAD, Instance, id_of, instance, record


@pytest.fixture
def portal(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    with instance(monkeypatch) as made:
        yield made


# ---- every answer names the request there is


def whole(**changes: Any) -> str:
    return json.dumps({"obj_id": "AT 2026x", "allocation_id": 7, "payload": PAYLOAD, **changes})


DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]

WRONG = {
    "payload is a list": whole(payload=[1]),
    "not a number": whole(payload={"exposure": float("nan")}),
    "deep": whole(payload={"a": DEEP}),
    "text for the allocation": whole(allocation_id="7"),
    "bad target": whole(target={"name": "x", "ra": 400, "dec": 0}),
    "no payload": json.dumps({"obj_id": "AT 2026x", "allocation_id": 7}),
    "a key twice": whole()[:-1] + ', "payload": {}}',
}


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_a_trigger_that_is_not_understood_names_the_request_there_is(portal: Instance, raw: str) -> None:
    made = id_of(portal.post())
    refused = portal.post(raw=raw)
    assert (refused.status, id_of(refused)) == (422, made)


NAMELESS = {
    "nothing": "",
    "cut": "[",
    "a list": "[]",
    "a number for a name": '{"obj_id": 1, "allocation_id": 7}',
    "deeper than Python reads": "[" * 100_000,
}


@pytest.mark.parametrize("raw", NAMELESS.values(), ids=NAMELESS)
def test_a_body_that_names_nothing_is_refused_without_an_id(portal: Instance, raw: str) -> None:
    portal.post()
    refused = portal.post(raw=raw)
    assert (refused.status, refused.json["data"]) == (422, {})


def test_a_number_taken_away_names_the_request_there_is(portal: Instance) -> None:
    made = id_of(portal.post())
    portal.map({"8": "generic-1"})
    refused = portal.post()
    assert (refused.status, id_of(refused)) == (422, made)


def test_a_sender_forgotten_is_told_the_request_there_is(portal: Instance) -> None:
    made = id_of(portal.post())
    assert portal.admin("DELETE", "/skyportal/senders/0123456789abcdef").status == 204
    refused = portal.post()
    assert (refused.status, id_of(refused)) == (404, made)


@pytest.mark.parametrize(("error", "status"), [(Unavailable("busy"), 503), (RuntimeError("odd"), 500)])
def test_a_failure_of_our_own_names_the_request_there_is(
    portal: Instance, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    made = id_of(portal.post())

    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr("skyportal.relay.find", fail)
    failed = portal.post()
    assert (failed.status, id_of(failed)) == (status, made)
    assert "odd" not in failed.text


# ---- deletions


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.EXPIRED, Status.FAILED])
def test_what_has_ended_is_deleted_as_often_as_it_comes(portal: Instance, status: Status) -> None:
    made = id_of(portal.post())
    assert portal.direct("POST", "toy", made, "close", {"status": status}).status == 200
    for _ in range(2):
        reply = portal.delete(made)
        assert (reply.status, id_of(reply)) == (200, made)
        assert reply.json["message"] == f"it had ended: {status}"
    assert [each["method"] for each in portal.toy.journal] == ["POST"]


def test_what_ends_while_it_is_deleted_is_deleted(portal: Instance) -> None:
    made = id_of(portal.post())
    portal.before_api.append(lambda: portal.direct("POST", "toy", made, "close", {"status": "complete"}))
    assert portal.delete(made).status == 200


def test_a_cancellation_reaches_the_facility_once(portal: Instance) -> None:
    made = portal.post()
    for _ in range(2):
        assert portal.delete(id_of(made)).status == 200
    assert record(made).status is Status.CANCELLED
    assert [each["method"] for each in portal.toy.journal] == ["POST", "DELETE"]
