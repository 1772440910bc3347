"""Limits and validity of an allocation: enforced at their edges, shown, given back, not outrun by many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import Fault
from queries.app import handler as queries
from slew import clock, limits, store, submission
from slew.errors import Conflict, Problem
from slew.models import SubmitBody
from slew.principals import Principal, Role
from slew.records import Request
from slew.status import Status
from slew.submission import Caller
from slew.validation import parse
from slew.work import Desk
from tests.support.atomic import atomic_aws
from tests.support.calls import Client, Context, Reply
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
NOON = datetime(2026, 8, 5, 12, tzinfo=UTC)


UNTOLD = 77.0


class TimedToy(Toy):
    """A telescope whose payload tells its exposure time, but for one."""

    def exposure_s(self, payload: Any) -> float | None:
        """Of the one exposure."""
        seconds: float = payload.exposure
        return None if seconds == UNTOLD else seconds


def body(exposure: float = 300, **more: Any) -> dict[str, Any]:
    target = {"name": "SN 2023ixf", "ra": 210.9, "dec": 54.3}
    return {"allocation_id": "toy-1", "target": target, "payload": {"exposure": exposure}, **more}


@pytest.fixture
def server() -> Iterator[ToyServer]:
    server = ToyServer()
    server.start()
    yield server
    server.stop()


Clock = Callable[[datetime], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the library's clock, which then stands still."""
    now = [NOON]
    monkeypatch.setattr(clock, "timestamp", lambda: now[0].timestamp())
    return lambda moment: now.__setitem__(0, moment)


@pytest.fixture
def call(embedded_aws: Any, server: ToyServer, at: Clock, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SLEW_TOY_URL", server.url)
    return Client(facility_handler(TimedToy()))


def allocate(call: Client, **more: Any) -> Reply:
    allocation = {"id": "toy-1", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}}
    return call("POST", f"{URL}/allocations", {**allocation, **more})


def usage(call: Client) -> Any:
    return call("GET", f"{URL}/allocations/toy-1").json["usage"]


def submit(call: Client, exposure: float = 300, **more: Any) -> Reply:
    return call("POST", f"{URL}/requests", body(exposure, **more))


# ---- requests a night


def test_a_night_is_from_noon_to_noon(call: Client, server: ToyServer, at: Clock) -> None:
    made = allocate(call, limits={"requests_per_night": 2}).json
    assert made["limits"] == {"requests_per_night": 2}
    assert made["usage"] == {"night": "2026-08-05", "requests_tonight": 0, "exposure_hours": None}
    at(NOON - timedelta(milliseconds=1))
    assert [submit(call).status for _ in range(3)] == [201, 201, 409]
    assert usage(call)["night"] == "2026-08-04"
    at(NOON)
    assert [submit(call).status for _ in range(2)] == [201, 201]
    at(NOON + timedelta(hours=12))
    assert usage(call) == {"night": "2026-08-05", "requests_tonight": 2, "exposure_hours": None}
    refused = submit(call)
    assert refused.status == 409
    assert "its 2 requests of the night of 2026-08-05 (noon to noon UTC)" in refused.json["detail"]
    assert "2026-08-06T12:00:00.000Z" in refused.json["detail"]
    at(NOON + timedelta(hours=24))
    assert submit(call).status == 201
    assert len(server.triggers) == 5


def test_a_limit_refuses_before_anything_is_stored_and_in_a_dry_run(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"requests_per_night": 0, "exposure_hours": 1})
    key = {"Idempotency-Key": "k"}
    assert call("POST", f"{URL}/requests?dry_run=true", body()).status == 409
    assert call("POST", f"{URL}/requests", body(), key).status == 409
    assert store.list_requests(["transients"], {}, None, None, 10)[0] == []
    assert server.journal == []
    call("PATCH", f"{URL}/allocations/toy-1", {"limits": {"requests_per_night": 1}})
    assert call("POST", f"{URL}/requests?dry_run=true", body()).status == 200
    assert usage(call)["requests_tonight"] == 0
    assert call("POST", f"{URL}/requests", body(), key).status == 201
    assert call("POST", f"{URL}/requests", body(), key).status == 200
    assert usage(call)["requests_tonight"] == 1


def test_what_was_not_taken_gives_its_share_back(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"requests_per_night": 1, "exposure_hours": 1})
    rejected = submit(call, 2000).json
    assert rejected["status"] == "rejected"
    assert usage(call) == {"night": "2026-08-05", "requests_tonight": 0, "exposure_hours": 0}
    taken = submit(call, 900).json
    assert usage(call) == {"night": "2026-08-05", "requests_tonight": 1, "exposure_hours": 0.25}
    assert call("POST", f"{URL}/requests/{rejected['id']}/resubmit").status == 409
    assert store.get_request(rejected["id"]).status is Status.REJECTED  # type: ignore[union-attr]
    assert call("DELETE", f"{URL}/requests/{taken['id']}").json["status"] == "cancelled"
    assert usage(call) == {"night": "2026-08-05", "requests_tonight": 1, "exposure_hours": 0}


def test_what_is_sent_again_counts_in_the_night_of_that(call: Client, server: ToyServer, at: Clock) -> None:
    allocate(call, limits={"requests_per_night": 1, "exposure_hours": 1})
    rejected = submit(call, 2000).json
    at(NOON + timedelta(days=1))
    again = call("POST", f"{URL}/requests/{rejected['id']}/resubmit")
    assert again.json["status"] == "rejected"
    assert usage(call) == {"night": "2026-08-06", "requests_tonight": 0, "exposure_hours": 0}
    request = store.get_request(rejected["id"])
    assert request is not None
    assert request.charge["night"] == "2026-08-06"


def test_what_may_have_gone_out_last_night_counts_again_when_it_does_tonight(
    call: Client, server: ToyServer, at: Clock
) -> None:
    allocate(call, limits={"requests_per_night": 1})
    server.faults.append(Fault("cut"))
    unknown = submit(call).json
    assert unknown["status"] == "unknown"
    url, sure = f"{URL}/requests/{unknown['id']}/resubmit", {"confirm_not_at_facility": True}
    at(NOON + timedelta(days=1))
    assert submit(call).json["status"] == "submitted"
    sent = len(server.triggers)
    assert call("POST", url, sure).status == 409
    assert len(server.triggers) == sent
    at(NOON + timedelta(days=2))
    assert call("POST", url, sure).json["status"] == "submitted"
    assert usage(call)["requests_tonight"] == 1
    assert submit(call).status == 409


def test_what_may_have_gone_out_tonight_counts_once(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"requests_per_night": 1})
    server.faults.append(Fault("cut"))
    unknown = submit(call).json
    again = call("POST", f"{URL}/requests/{unknown['id']}/resubmit", {"confirm_not_at_facility": True})
    assert again.json["status"] == "submitted"
    assert usage(call)["requests_tonight"] == 1


def test_an_end_that_is_taken_back_takes_the_share_again(call: Client) -> None:
    allocate(call, limits={"requests_per_night": 1, "exposure_hours": 0.1})
    view = submit(call, 300).json
    for status, tonight, hours in (
        (Status.COMPLETE, 1, 0.0833),
        (Status.EXPIRED, 1, 0),
        (Status.FAILED, 0, 0),
        (Status.SUBMITTED, 1, 0.0833),
        (Status.UNKNOWN, 1, 0.0833),
    ):
        request = store.get_request(view["id"])
        assert request is not None
        store.save(request.change(status=status))
        assert usage(call) == {"night": "2026-08-05", "requests_tonight": tonight, "exposure_hours": hours}


def test_one_that_waits_has_its_share_and_is_not_charged_twice(
    call: Client, server: ToyServer, at: Clock
) -> None:
    allocate(call, limits={"requests_per_night": 1})
    port = int(server.url.rpartition(":")[2])
    server.vanish()
    assert submit(call).json["status"] == "pending"
    assert usage(call)["requests_tonight"] == 1
    server.start(port)
    at(NOON + timedelta(hours=1))
    call.handler({"action": "poll"}, Context(60))
    assert len(server.triggers) == 1
    assert usage(call)["requests_tonight"] == 1


# ---- exposure hours


def test_exposure_is_counted_to_the_last_second(call: Client, server: ToyServer, at: Clock) -> None:
    allocate(call, limits={"exposure_hours": 0.5})
    assert submit(call, 1000).status == 201
    assert submit(call, 799.5).status == 201
    refused = submit(call, 1)
    assert refused.status == 409
    assert "has 0.5 h of exposure, of which 0.0001389 h are left" in refused.json["detail"]
    assert submit(call, 0.5).status == 201
    at(NOON + timedelta(days=100))
    assert submit(call, 0.001).status == 409
    assert usage(call) == {"night": "2026-11-13", "requests_tonight": None, "exposure_hours": 0.5}
    assert len(server.triggers) == 3


def test_an_update_cannot_outgrow_the_limit(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"exposure_hours": 0.25})
    view = submit(call, 300).json
    url = f"{URL}/requests/{view['id']}"
    assert call("PUT", url, {"payload": {"exposure": 901}}).status == 409
    assert usage(call)["exposure_hours"] == 0.0833
    assert server.taken[1]["exposure"] == 300
    assert call("PUT", url, {"payload": {"exposure": 900}}).status == 200
    assert usage(call)["exposure_hours"] == 0.25
    assert call("PUT", url, {"payload": {"exposure": 600}}).status == 200
    assert usage(call)["exposure_hours"] == 0.1667


def test_an_update_that_failed_leaves_the_old_share(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"exposure_hours": 1})
    view = submit(call, 300).json
    url = f"{URL}/requests/{view['id']}"
    server.faults.append(Fault(kind="status", status=400, body='{"detail": "no"}'))
    assert call("PUT", url, {"payload": {"exposure": 900}}).status == 409
    assert usage(call)["exposure_hours"] == 0.0833
    server.faults.append(Fault(kind="cut"))
    call("PUT", url, {"payload": {"exposure": 900}})
    assert store.get_request(view["id"]).status is Status.UNKNOWN  # type: ignore[union-attr]
    assert usage(call)["exposure_hours"] == 0.25


def test_an_update_of_what_waits_is_counted_too(call: Client, server: ToyServer) -> None:
    allocate(call, limits={"exposure_hours": 0.25})
    server.vanish()
    view = submit(call, 300).json
    url = f"{URL}/requests/{view['id']}"
    assert call("PUT", url, {"payload": {"exposure": 901}}).status == 409
    waiting = call("PUT", url, {"payload": {"exposure": 600}}).json
    assert (waiting["status"], waiting["payload"]) == ("pending", {"exposure": 600})
    assert usage(call)["exposure_hours"] == 0.1667


def test_a_limit_needs_payloads_that_tell(embedded_aws: Any, at: Clock) -> None:
    plain = Client(facility_handler(Toy()))
    refused = allocate(plain, limits={"exposure_hours": 1})
    assert (refused.status, refused.json["errors"][0]["loc"]) == (422, ["limits", "exposure_hours"])
    assert allocate(plain, limits={"requests_per_night": 1}).status == 201


def test_what_tells_no_exposure_time_is_no_way_around_the_limit(call: Client, server: ToyServer) -> None:
    allocate(call)
    server.faults.append(Fault(kind="status", status=400, body='{"detail": "no"}'))
    rejected = f"{URL}/requests/{submit(call, UNTOLD).json['id']}"
    limit = {"limits": {"exposure_hours": 1}}
    assert call("PATCH", f"{URL}/allocations/toy-1", limit).status == 200
    told = f"{URL}/requests/{submit(call, 300).json['id']}"
    arrived = len(server.journal)
    for reply in (
        submit(call, UNTOLD),
        call("POST", f"{URL}/requests?dry_run=true", body(UNTOLD)),
        call("PUT", told, {"payload": {"exposure": UNTOLD}}),
        call("POST", f"{rejected}/resubmit", {}),
    ):
        assert (reply.status, "does not tell its exposure time" in reply.text) == (409, True), reply.text
    assert len(server.journal) == arrived
    assert usage(call)["exposure_hours"] == 0.0833


# ---- the allocation's record


@pytest.mark.parametrize(
    ("given", "loc"),
    [
        ({}, ["limits"]),
        ({"requests_per_night": -1}, ["limits", "requests_per_night"]),
        ({"requests_per_night": 1.5}, ["limits", "requests_per_night"]),
        ({"requests_per_night": True}, ["limits", "requests_per_night"]),
        ({"exposure_hours": -0.1}, ["limits", "exposure_hours"]),
        ({"exposure_hours": "1"}, ["limits", "exposure_hours"]),
        ({"requests_a_night": 1}, ["limits", "requests_a_night"]),
    ],
)
def test_bad_limits_name_the_field(call: Client, given: dict[str, Any], loc: list[str]) -> None:
    reply = allocate(call, limits=given)
    assert reply.status == 422
    assert loc in [error["loc"] for error in reply.json["errors"]]


def test_limits_are_replaced_kept_and_ended(call: Client) -> None:
    assert allocate(call).json["limits"] is None
    assert usage(call) is None
    submit(call)
    url = f"{URL}/allocations/toy-1"
    patched = call("PATCH", url, {"limits": {"requests_per_night": 5, "exposure_hours": 2}}).json
    assert patched["limits"] == {"requests_per_night": 5, "exposure_hours": 2}
    assert patched["usage"]["requests_tonight"] == 0, "counting begins with the limit"
    submit(call, 360)
    assert call("PATCH", url, {"pi": "Other"}).json["limits"] == patched["limits"]
    listed = Client(queries)("GET", "/allocations").json["allocations"]
    assert listed[0]["usage"] == {"night": "2026-08-05", "requests_tonight": 1, "exposure_hours": 0.1}
    assert call("PATCH", url, {"limits": {"exposure_hours": 2}}).json["limits"] == {"exposure_hours": 2}
    ended = call("PATCH", url, {"limits": None}).json
    assert (ended["limits"], ended["usage"]) == (None, None)
    again = call("PATCH", url, {"limits": {"exposure_hours": 2}}).json
    assert again["usage"]["exposure_hours"] == 0.1


def test_an_allocation_made_again_begins_anew(call: Client, at: Clock) -> None:
    allocate(call, limits={"requests_per_night": 1})
    view = submit(call).json
    assert call("DELETE", f"{URL}/allocations/toy-1?force=true").status == 204
    at(NOON + timedelta(seconds=1))
    allocate(call, limits={"requests_per_night": 1})
    request = store.get_request(view["id"])
    assert request is not None
    store.save(request.change(status=Status.FAILED))
    assert usage(call)["requests_tonight"] == 0
    assert [submit(call).status for _ in range(2)] == [201, 409]


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-08-05T12:00:00+00:00", "2026-08-05"),
        ("2026-08-06T11:59:59.999999+00:00", "2026-08-05"),
        ("2026-01-01T00:00:00+00:00", "2025-12-31"),
        ("2028-03-01T11:00:00+00:00", "2028-02-29"),
    ],
)
def test_which_night_it_is(moment: str, night: str) -> None:
    assert limits.night_of(datetime.fromisoformat(moment)) == night


# ---- validity


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-08-05T09:59:59.999", 409),
        ("2026-08-05T10:00:00", 201),
        ("2026-08-05T14:00:00", 201),
        ("2026-08-05T14:00:00.001", 409),
        ("2026-08-06T00:00:00", 201),
        ("2026-08-06T00:00:00.001", 409),
    ],
)
def test_both_ends_of_a_validity_range_are_in_it(call: Client, at: Clock, moment: str, status: int) -> None:
    ranges = [
        {"start_date": "2026-08-05T12:00:00+02:00", "end_date": "2026-08-05 14:00:00"},
        {"start_date": "2026-08-05T22:00:00", "end_date": "2026-08-06T00:00:00"},
    ]
    allocate(call, validity_ranges=ranges)
    at(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert call("POST", f"{URL}/requests?dry_run=true", body()).status == {201: 200}.get(status, status)
    assert submit(call).status == status


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        ("2026-08-05T12:00:00", "2026-08-10T00:00:00", 201),
        ("2026-08-05T12:00:00", "2026-08-10T00:00:00.001", 409),
        ("2026-08-01T00:00:00", "2026-08-06T00:00:00", 201),  # begun before, of which only the rest matters
        ("2026-08-09T00:00:00", "2026-08-12T00:00:00", 409),  # from one range over a gap into another
        ("2026-08-11T00:00:00", "2026-08-12T00:00:00", 201),
        ("2026-08-10T12:00:00", "2026-08-12T00:00:00", 409),
    ],
)
def test_a_window_lies_within_one_range(
    call: Client, monkeypatch: pytest.MonkeyPatch, start: str, end: str, status: int
) -> None:
    window = tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    monkeypatch.setattr(TimedToy, "window", lambda self, payload: window)
    ranges = [
        {"start_date": "2026-08-05T12:00:00", "end_date": "2026-08-10T00:00:00"},
        {"start_date": "2026-08-11", "end_date": "2026-08-20"},
    ]
    allocate(call, validity_ranges=ranges)
    assert submit(call).status == status


# ---- races


@pytest.fixture
def atomic(server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with atomic_aws(monkeypatch):
        monkeypatch.setenv("SLEW_TOY_URL", server.url)
        yield Client(facility_handler(TimedToy()))


def at_once(exposures: list[float]) -> list[Request | Problem]:
    def one(index: int) -> Request | Problem:
        # Far from each other: nothing but the limit is between them.
        target = {"name": "AT", "ra": index * 7, "dec": 0}
        given = parse(SubmitBody, {**body(exposures[index]), "target": target})
        by = Caller(Principal(f"client{index}", "", Role.ADMIN))
        try:
            return submission.submit(Desk(TimedToy(), clock.timestamp() + 60), given, by)[0]
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(exposures)) as pool:
        return list(pool.map(one, range(len(exposures))))


def test_of_fifty_at_once_as_many_get_through_as_the_night_has(atomic: Client, server: ToyServer) -> None:
    allocate(atomic, limits={"requests_per_night": 7})
    outcomes = at_once([10.0] * 50)
    assert len([each for each in outcomes if isinstance(each, Request)]) == 7
    assert {type(each) for each in outcomes if isinstance(each, Problem)} == {Conflict}
    assert len(server.triggers) == 7
    assert usage(atomic)["requests_tonight"] == 7


def test_of_fifty_at_once_rejected_ones_leave_no_debt(atomic: Client, server: ToyServer) -> None:
    allocate(atomic, limits={"requests_per_night": 100, "exposure_hours": 100})
    outcomes = at_once([2000.0 if index % 2 else 36.0 for index in range(50)])
    statuses = [each.status for each in outcomes if isinstance(each, Request)]
    assert sorted(statuses) == [Status.REJECTED] * 25 + [Status.SUBMITTED] * 25
    assert (usage(atomic)["requests_tonight"], usage(atomic)["exposure_hours"]) == (25, 0.25)


def test_of_fifty_at_once_no_more_than_the_hours_are_given(atomic: Client, server: ToyServer) -> None:
    allocate(atomic, limits={"exposure_hours": 0.5})
    outcomes = at_once([100.0 + index for index in range(50)])
    given = [each.exposure_s or 0 for each in outcomes if isinstance(each, Request)]
    assert 1800 - 150 < sum(given) <= 1800
    assert usage(atomic)["exposure_hours"] == pytest.approx(sum(given) / 3600, abs=1e-4)
    assert len(server.triggers) == len(given)
