"""Updates and cancellations through the handler: who may, what is checked, and what a crash leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import Fault
from slew import clock, config, http, markers, store
from slew.errors import Failed, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Cancellation, Link, Order
from slew.wire import HttpRequest
from tests.support.calls import Client, Context
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
BODY: dict[str, Any] = {
    "allocation_id": "toy-1",
    "target": {"name": "SN 2023ixf", "ra": 210.9, "dec": 54.3},
    "payload": {"exposure": 300},
}
DEAD = [{"start_date": "2020-01-01", "end_date": "2020-02-01"}]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    server = ToyServer()
    monkeypatch.setenv("SLEW_TOY_URL", server.start())
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: ToyServer) -> Client:
    client = Client(facility_handler(Toy()))
    allocation = {"id": "toy-1", "pi": "PI", "group": "red", "altdata": {"token": SECRET}}
    assert client("POST", f"{URL}/allocations", allocation).status == 201
    return client


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the library's clock."""
    offset = [0.0]
    monkeypatch.setattr(clock, "_offset", lambda: offset[0])

    def advance(seconds: float) -> None:
        offset[0] += seconds

    return advance


def submitted(call: Client, **changes: Any) -> str:
    return f"{URL}/requests/{call('POST', f'{URL}/requests', {**BODY, **changes}).json['id']}"


def pending(call: Client, server: ToyServer, **changes: Any) -> str:
    server.faults.append(Fault("status", status=429, headers={"Retry-After": "60"}))
    return submitted(call, **changes)


def tick(call: Client) -> None:
    call.handler({"action": "poll"}, Context(60))


def test_an_update_on_a_dead_allocation_is_refused(call: Client, server: ToyServer) -> None:
    one = submitted(call)
    call("PATCH", f"{URL}/allocations/toy-1", {"validity_ranges": DEAD})
    sent = len(server.journal)
    assert call("PUT", one, {"payload": {"exposure": 60}}).status == 409
    assert len(server.journal) == sent


def test_what_waits_for_a_dead_allocation_is_not_sent(call: Client, server: ToyServer, later: Any) -> None:
    one = pending(call, server)
    call("PATCH", f"{URL}/allocations/toy-1", {"validity_ranges": DEAD})
    later(120)
    tick(call)
    view = call("GET", one).json
    assert view["status"] == "expired"
    assert "validity" in view["reason"]
    assert server.taken == {}


def test_the_allocations_group_decides_not_the_requests(call: Client, server: ToyServer) -> None:
    server.faults.append(Fault("status", status=400, body="{}"))
    one = submitted(call)
    call("PATCH", f"{URL}/allocations/toy-1", {"group": "blue"})
    red = Client(call.handler, role="observer", groups="red")
    assert red("POST", f"{one}/resubmit").status == 403
    assert server.taken == {}


def test_another_allocation_of_the_same_id_is_another_one(
    call: Client, server: ToyServer, later: Any
) -> None:
    one = submitted(call)
    later(1)
    call("DELETE", f"{URL}/allocations/toy-1?force=true")
    allocation = {"id": "toy-1", "pi": "PI", "group": "red", "altdata": {"token": SECRET}}
    call("POST", f"{URL}/allocations", allocation)
    sent = len(server.journal)
    assert call("DELETE", one).status == 404
    assert call("PUT", one, {"payload": {"exposure": 60}}).status == 404
    assert len(server.journal) == sent


def test_a_waiting_request_is_updated_only_to_what_could_be_sent(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pending(call, server)
    assert call("PUT", one, {"payload": {"exposure": 77}}).json["payload"] == {"exposure": 77}
    prepare = Toy.prepare

    def choosy(self: Any, order: Any, link: Any) -> Any:
        from slew.errors import Invalid

        if order.payload.exposure == 78:
            raise Invalid.field(["payload", "exposure"], "not tonight")
        return prepare(self, order, link)

    monkeypatch.setattr(Toy, "prepare", choosy)
    refused = call("PUT", one, {"payload": {"exposure": 78}})
    assert (refused.status, refused.json["errors"][0]["loc"]) == (422, ["payload", "exposure"])
    later(120)
    tick(call)
    assert call("GET", one).json["status"] == "submitted"
    assert server.taken[1]["exposure"] == 77


def test_updates_know_no_parameters(call: Client, server: ToyServer) -> None:
    one = submitted(call)
    assert call("PUT", f"{one}?dry_run=true", {"payload": {"exposure": 60}}).status == 422
    assert server.taken[1]["exposure"] == 300


class Killed(BaseException):
    """The process is gone."""


def test_killed_during_an_update_what_it_wanted_is_not_lost(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = submitted(call)

    def die_before(*_: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(http, "_exchange", die_before)
        with pytest.raises(Killed):
            call("PUT", one, {"payload": {"exposure": 77}})
    server.taken.clear()  # the facility has neither
    later(40)
    tick(call)
    assert call("GET", one).json["status"] == "unknown"
    later(300)
    tick(call)
    tick(call)
    view = call("GET", one).json
    assert view["status"] == "submitted"
    assert view["payload"] == {"exposure": 77}
    assert [each["exposure"] for each in server.taken.values()] == [77]


@pytest.mark.parametrize("waiting", [True, False])
def test_an_update_that_took_the_old_one_back(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch, waiting: bool
) -> None:
    one = submitted(call)

    def withdrawn(*_: Any) -> Any:
        raise Withdrawn("throttled; the former is cancelled", waiting=waiting, retry_after=60)

    monkeypatch.setattr(Toy, "update", withdrawn)
    view = call("PUT", one, {"payload": {"exposure": 77}}).json
    assert view["status"] == ("pending" if waiting else "rejected")
    assert view["payload"] == {"exposure": 77}
    later(120)
    tick(call)
    assert call("GET", one).json["status"] == ("submitted" if waiting else "rejected")


def test_a_refused_cancellation_is_not_told_as_one_that_happened(call: Client, server: ToyServer) -> None:
    one = submitted(call)
    fault = Fault(
        "status", method="DELETE", status=400, body='{"detail": "no"}', content_type="application/json"
    )
    server.faults.append(fault)
    refused = call("DELETE", one)
    assert (refused.status, refused.json["detail"]) == (409, "rejected: no")
    last = call("GET", one).json["history"][-1]
    assert (last["action"], last["to"]) == ("cancel_failed", "submitted")


@pytest.mark.parametrize(
    ("first", "known_as_sent"),
    [
        (Unanswered("no answer"), True),
        (Failed("an odd answer", unconfirmed=True), True),
        (RuntimeError("a defect"), True),
        (Rejected("no"), False),
        (NotSent("throttled"), False),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_a_cancellation_that_may_have_worked_is_known_to_the_next(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch, first: Exception, known_as_sent: bool
) -> None:
    one = submitted(call)
    orders: list[Order[Any, Any]] = []
    cancel = Toy.cancel

    def recorded(self: Toy, order: Order[Any, Any], link: Link) -> Cancellation:
        orders.append(order)
        done = cancel(self, order, link)
        if len(orders) == 1:
            raise first
        return done

    monkeypatch.setattr(Toy, "cancel", recorded)
    assert call("DELETE", one).status >= 400
    assert call("DELETE", one).json["status"] == "cancelled"
    assert [order.cancel_sent for order in orders] == [False, known_as_sent]


def test_a_new_submission_knows_nothing_of_an_earlier_cancellation(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = submitted(call)
    orders: list[Order[Any, Any]] = []

    def lost(self: Toy, order: Order[Any, Any], link: Link) -> Cancellation:
        orders.append(order)
        link.http.send(HttpRequest("DELETE", f"{server.url}/requests/{order.facility_request_id}/"))
        raise Unanswered("no answer")

    monkeypatch.setattr(Toy, "cancel", lost)
    assert call("DELETE", one).status == 504
    assert call("POST", f"{one}/close", {"status": "failed"}).status == 200
    assert call("POST", f"{one}/resubmit", {"confirm_not_at_facility": True}).json["status"] == "submitted"
    assert call("DELETE", one).status == 504
    assert [order.cancel_sent for order in orders] == [False, False]


def test_failed_without_confirmation_is_not_sent_again_blindly(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Toy, "submit", lambda *_: (_ for _ in ()).throw(Failed("HTTP 504", unconfirmed=True)))
        one = submitted(call)
    assert call("GET", one).json["status"] == "failed"
    assert call("POST", f"{one}/resubmit").status == 409
    assert call("POST", f"{one}/resubmit", {"confirm_not_at_facility": True}).json["status"] == "submitted"


def test_a_secret_in_a_comment_is_kept_nowhere(call: Client, embedded_aws: Any) -> None:
    reply = call("POST", f"{URL}/requests", {**BODY, "comment": f"the key is {SECRET}"})
    assert reply.json["comment"] == "the key is ********"
    items = embedded_aws("dynamodb").scan(TableName=config.table())["Items"]
    assert SECRET not in str(items)
    assert SECRET not in call("GET", f"{URL}/requests/{reply.json['id']}").text


@pytest.mark.parametrize("wait", ["99999999999999", "0", "-5", "Sun, 22 Nov 2037 18:54:40 GMT", "soon"])
def test_every_retry_after_is_survived(call: Client, server: ToyServer, wait: str) -> None:
    server.faults.append(Fault("status", status=429, headers={"Retry-After": wait}))
    reply = call("POST", f"{URL}/requests", BODY)
    assert (reply.status, reply.json["status"]) == (202, "pending")
    assert 1 <= int(reply.headers["Retry-After"]) <= 7 * 86400


def test_a_long_refusal_is_cut_and_kept(call: Client, server: ToyServer) -> None:
    body = '{"detail": "' + "x" * 500_000 + '"}'
    server.faults.append(Fault("status", status=400, body=body, content_type="application/json"))
    view = call("POST", f"{URL}/requests", BODY).json
    assert view["status"] == "rejected"
    assert len(view["reason"]) <= 2000


def test_thousands_of_products(call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    one = submitted(call)
    from slew.facility import Progress
    from slew.status import Status

    for number in (3000, 150):
        found = tuple({"frame": index, "name": "x" * 200} for index in range(number))
        monkeypatch.setattr(Toy, "poll", lambda *_, found=found: Progress(Status.COMPLETE, products=found))
        assert call("POST", f"{one}/refresh").json["status"] == "complete"
        assert len(store.products(one.rpartition("/")[2])) == number


def test_a_write_that_had_come_through_already_is_no_conflict(
    call: Client, server: ToyServer, embedded_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = embedded_aws("dynamodb")
    write = client.transact_write_items

    def twice(**arguments: Any) -> Any:
        write(**arguments)
        return write(**arguments)  # as a client does that has lost the first answer

    monkeypatch.setattr(client, "transact_write_items", twice)
    assert call("POST", f"{URL}/requests", BODY).json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_an_ended_request_leaves_whole_and_stays_while_it_lives(
    call: Client, server: ToyServer, embedded_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLEW_RECORD_RETENTION_DAYS", "30")

    def items() -> list[dict[str, Any]]:
        found = embedded_aws("dynamodb").scan(TableName=config.table())["Items"]
        return [item for item in found if item["pk"]["S"].startswith("REQUEST#")]

    one = submitted(call)
    told = markers.claim(markers.read(one.rpartition("/")[2], "e1", "email"))
    assert not [item for item in items() if "expires_at" in item]
    call("DELETE", one)
    markers.settle(told, "sent")
    markers.settle(markers.claim(markers.read(told.request_id, "e2", "email")), "sent")
    assert len(items()) > 6
    assert all("expires_at" in item for item in items())


@pytest.mark.parametrize("days", ["30", "0"])
def test_where_requests_looked_is_not_kept_for_ever(
    call: Client, embedded_aws: Any, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    def ends() -> list[bool]:
        found = embedded_aws("dynamodb").scan(TableName=config.table())["Items"]
        return ["expires_at" in item for item in found if item["pk"]["S"].startswith("SKY#")]

    monkeypatch.setenv("SLEW_RECORD_RETENTION_DAYS", "30")
    submitted(call)
    assert ends() == [True]
    monkeypatch.setenv("SLEW_RECORD_RETENTION_DAYS", days)
    once = {"constraints": {"not_if_duplicates": True, "radius": 0.1}}
    submitted(call, target={"name": "near", "ra": 210.9001, "dec": 54.3}, **once)
    assert ends() == [days == "30"]


def test_killed_while_it_waits_it_goes_on_waiting(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults.append(Fault("status", status=429, headers={"Retry-After": "600"}))
    one = submitted(call)

    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("slew.work.settle", die)
        with pytest.raises(Killed):
            call("PUT", one, {"payload": {"exposure": 77}})
    later(60)
    tick(call)
    later(60)
    tick(call)
    assert call("GET", one).json["status"] == "pending"
    assert len(server.triggers) == 1
    later(600)
    tick(call)
    assert call("GET", one).json["status"] == "submitted"


def test_a_person_closes_what_the_facility_does_not_tell(call: Client, server: ToyServer) -> None:
    url = submitted(call)
    closed = call("POST", f"{url}/close", {"status": "complete", "comment": "seen on the archive"})
    assert closed.status == 200
    assert closed.json["status_text"] == "complete: seen on the archive"
    event = [each for each in closed.json["history"] if each["kind"] == "status"][-1]
    assert (event["action"], event["by"], event["to"]) == ("close", "observer1", "complete")
    assert call("POST", f"{url}/close", {"status": "failed"}).status == 409
    assert len(server.triggers) == 1


def test_one_of_unknown_outcome_may_be_found_by_a_person(call: Client, server: ToyServer) -> None:
    server.faults.append(Fault("cut"))
    url = submitted(call)
    assert call("GET", url).json["status"] == "unknown"
    found = {"status": "submitted", "facility_request_id": "1"}
    assert call("POST", f"{url}/close", found).json["facility_request_id"] == "1"
    assert call("POST", f"{url}/close", found).status == 409


@pytest.mark.parametrize("status", ["pending", "rejected", "unknown", "submitting", ""])
def test_only_an_end_closes(call: Client, status: str) -> None:
    assert call("POST", f"{submitted(call)}/close", {"status": status}).status == 422


def test_closing_takes_an_observer_of_the_group(call: Client) -> None:
    url = submitted(call)
    for role, groups in (("viewer", "red"), ("observer", "blue")):
        other = Client(call.handler, role=role, groups=groups)
        assert other("POST", f"{url}/close", {"status": "complete"}).status == 403
