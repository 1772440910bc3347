"""What a POST means, which may be the first, a repeat, or an update: the handler in, wire bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from skyportal import positions
from skyportal.api import Reply as ApiReply
from slew import clock
from slew.models import Target
from slew.status import Status
from tests.skyportal_bench import FORM, HERE, OTHER, PAYLOAD, Instance, id_of, instance, record

DAY_S = 86400.0
THERE = {"name": "AT 2026x", "ra": 99, "dec": 9}


@pytest.fixture
def portal(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    with instance(monkeypatch) as made:
        yield made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the library's clock."""
    offset = [0.0]
    monkeypatch.setattr(clock, "_offset", lambda: offset[0])
    return lambda seconds: offset.__setitem__(0, offset[0] + seconds)


# ---- a failure of which nobody knows whether the facility has it


@pytest.fixture
def doubtful(portal: Instance) -> str:
    """A request that the facility may have, though it answered 500."""
    portal.endpoint.config.change({"answer": "error"})
    reply = portal.post(FORM, 8)
    assert reply.status == 400
    assert record(reply).unconfirmed
    return id_of(reply)


def posts(portal: Instance) -> int:
    """Triggers that arrived at the generic endpoint."""
    return len([each for each in portal.endpoint.journal if each["method"] == "POST"])


def test_the_same_again_after_an_unconfirmed_failure_sends_nothing(portal: Instance, doubtful: str) -> None:
    again = portal.post(FORM, 8)
    assert (again.status, id_of(again)) == (200, doubtful)
    assert again.json["data"]["request_status"] == "failed"
    assert "may have" in again.json["message"]
    assert posts(portal) == 1


@pytest.mark.parametrize("repeats", ["replace", "always_new"])
def test_another_payload_after_an_unconfirmed_failure_is_refused(
    portal: Instance, doubtful: str, repeats: str
) -> None:
    portal.map(repeats=repeats)
    other = portal.post({**FORM, "priority": 2}, 8)
    assert (other.status, id_of(other)) == (409, doubtful)
    assert "confirm_not_at_facility" in other.json["message"]
    assert posts(portal) == 1


def test_the_same_a_day_after_an_unconfirmed_failure_is_refused(
    portal: Instance, doubtful: str, later: Callable[[float], None]
) -> None:
    later(DAY_S + 60)
    reply = portal.post(FORM, 8)
    assert (reply.status, id_of(reply)) == (409, doubtful)
    assert posts(portal) == 1


def test_a_person_who_has_looked_lets_it_be_sent_again(portal: Instance, doubtful: str) -> None:
    confirmed = portal.post(FORM, 8, confirm_not_at_facility=True)
    assert confirmed.status == 200
    assert id_of(confirmed) != doubtful
    assert posts(portal) == 2


def test_what_a_person_resubmitted_is_the_request_there_is(portal: Instance, doubtful: str) -> None:
    body = {"confirm_not_at_facility": True}
    assert portal.direct("POST", "generic", doubtful, "resubmit", body).status == 200
    again = portal.post(FORM, 8)
    assert (again.status, id_of(again), posts(portal)) == (200, doubtful, 2)


def test_a_refused_request_is_tried_anew(portal: Instance) -> None:
    portal.endpoint.config.change({"answer": "refused"})
    assert record(portal.post(FORM, 8)).status is Status.REJECTED
    assert portal.post(FORM, 8).status == 200
    assert posts(portal) == 2


# ---- two at once


def test_two_payloads_at_once_are_a_request_and_its_update(portal: Instance) -> None:
    """One is noted in the ledger; before it is sent, another comes and is."""
    firsts: list[Any] = []
    portal.before_api.append(lambda: firsts.append(portal.post(PAYLOAD)))
    second = portal.post(OTHER)
    assert (second.status, id_of(second)) == (200, id_of(firsts[0]))
    assert record(second).payload == OTHER
    assert len(portal.toy.triggers) == 1
    third = portal.post({"exposure": 100})
    assert (third.status, id_of(third)) == (200, id_of(second))


def test_two_payloads_at_once_while_the_position_is_looked_up(
    portal: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, firsts = positions.find, []

    def slow(*given: Any) -> Target:
        monkeypatch.setattr(positions, "find", found)
        firsts.append(portal.post(PAYLOAD))
        return found(*given)

    monkeypatch.setattr(positions, "find", slow)
    second = portal.post(OTHER)
    assert (second.status, id_of(second)) == (200, id_of(firsts[0]))
    assert record(second).payload == OTHER
    assert len(portal.toy.triggers) == 1


def test_the_same_twice_at_once_is_sent_once(portal: Instance) -> None:
    firsts: list[Any] = []
    portal.before_api.append(lambda: firsts.append(portal.post()))
    second = portal.post()
    assert (second.status, id_of(second)) == (200, id_of(firsts[0]))
    assert len(portal.toy.triggers) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_answer_lost_behind_the_record_loses_no_request(portal: Instance, status: int) -> None:
    portal.api_answers.append(ApiReply(status, {"message": "Internal Server Error"}))
    first = portal.post()
    assert (first.status, record(first).status) == (200, Status.SUBMITTED)
    other = portal.post(OTHER)
    assert (other.status, id_of(other)) == (200, id_of(first))
    assert len(portal.toy.triggers) == 1


def test_what_was_never_made_leaves_nothing_behind(portal: Instance) -> None:
    refused = portal.post({"exposure": -1})
    assert (refused.status, id_of(refused)) == (422, "")
    assert portal.post().status == 200


# ---- another position


@pytest.mark.parametrize("payload", [PAYLOAD, OTHER])
def test_a_corrected_position_is_an_update(portal: Instance, payload: Any) -> None:
    made = portal.post()
    moved = portal.post(payload, target=THERE)
    assert (moved.status, id_of(moved)) == (200, id_of(made))
    assert (record(moved).target["ra"], record(moved).target["dec"]) == (99, 9)
    assert [each["method"] for each in portal.toy.journal] == ["POST", "PUT"]


def test_a_position_told_anew_is_an_update(portal: Instance) -> None:
    made = portal.post()
    assert portal.admin("PUT", "/skyportal/targets/AT 2026x", {"target": THERE}).status == 200
    moved = portal.post(target=None)
    assert id_of(moved) == id_of(made)
    assert record(moved).target["ra"] == 99


def test_a_position_that_differs_by_rounding_is_the_same(portal: Instance) -> None:
    portal.post()
    assert portal.post(target={**HERE, "dec": 1.00002}).status == 200
    assert [each["method"] for each in portal.toy.journal] == ["POST"]


def test_a_position_that_cannot_be_changed_is_refused(
    portal: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = portal.post()
    monkeypatch.setattr("slew.facility.Facility.can", lambda _self, operation: operation != "update")
    refused = portal.post(target=THERE)
    assert (refused.status, id_of(refused)) == (405, id_of(made))
    assert "delete" in refused.json["message"]
    assert record(made).target["ra"] == 1


# ---- a number that means another allocation now


def test_a_number_given_to_another_allocation_makes_a_request_there(portal: Instance) -> None:
    portal.allocate("toy", "toy-2", {"token": "s3cr3t/tok+en=with%signs"})
    first = portal.post()
    portal.map({"7": "toy-2"})
    second = portal.post()
    assert second.status == 200
    assert record(second).allocation_id == "toy-2"
    assert len(portal.toy.triggers) == 2
    assert portal.post(OTHER).json["data"]["id"] == id_of(second)
    assert record(first).payload == PAYLOAD
    portal.map({"7": "toy-1"})
    third = portal.post()
    assert id_of(third) not in (id_of(first), id_of(second))
    assert len(portal.toy.triggers) == 3
