"""One trigger, once: the handler in, wire bytes and records out, against a toy facility."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from slew.handler import facility_handler
from slew import clock, http, store, tracking, work
from slew.work import Desk
from tests.support import toy
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer
from tests.support.waiting import LONG_S, until

URL = "/facilities/toy"
ALLOCATION = {"id": "toy-1", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}}
BODY: dict[str, Any] = {
    "allocation_id": "toy-1",
    "target": {"name": "SN 2023ixf", "ra": "14:03:38.562", "dec": "+54:18:41.94"},
    "payload": {"exposure": 300},
}


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
    assert client("POST", f"{URL}/allocations", ALLOCATION).status == 201
    return client


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the library's clock."""
    offset = [0.0]

    def advance(seconds: float) -> None:
        offset[0] += seconds

    monkeypatch.setattr(clock, "_offset", lambda: offset[0])
    return advance


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def statuses(view: dict[str, Any]) -> list[str]:
    return [event["to"] for event in view["history"] if event["kind"] == "status"]


def test_a_request_is_sent_and_recorded(call: Client, server: ToyServer) -> None:
    reply = call("POST", f"{URL}/requests", BODY)
    assert reply.status == 201
    view = reply.json
    assert view["status"] == "submitted"
    assert view["facility_request_id"] == "1"
    assert statuses(view) == ["submitting", "submitted"]
    assert view["target"]["ra"] == pytest.approx(210.910675, abs=1e-9)
    assert len(server.triggers) == 1
    assert server.triggers[0]["headers"]["Authorization"] == f"Token {SECRET}"
    assert call("GET", f"{URL}/requests/{view['id']}").json == view
    exchange = store.exchanges(view["id"])[0]
    assert exchange["request_headers"]["Authorization"] == "Token ********"
    assert SECRET not in str(exchange)


def test_the_same_key_and_body_is_answered_again_and_not_sent_again(call: Client, server: ToyServer) -> None:
    first = call("POST", f"{URL}/requests", BODY, key("k1"))
    again = call("POST", f"{URL}/requests", BODY, key("k1"))
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]
    assert len(server.triggers) == 1


def test_the_same_key_with_another_body_is_a_conflict(call: Client, server: ToyServer) -> None:
    call("POST", f"{URL}/requests", BODY, key("k1"))
    other = call("POST", f"{URL}/requests", {**BODY, "payload": {"exposure": 301}}, key("k1"))
    assert other.status == 409
    assert len(server.triggers) == 1


def test_a_key_belongs_to_its_principal(call: Client, server: ToyServer) -> None:
    call("POST", f"{URL}/requests", BODY, key("k1"))
    other = Client(call.handler, principal_id="ffff000011112222")
    assert other("POST", f"{URL}/requests", BODY, key("k1")).status == 201
    assert len(server.triggers) == 2


def test_a_second_call_while_the_first_is_being_sent_finds_it(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Toy.submit
    other = Client(facility_handler(Toy()))
    seconds: list[Any] = []

    def submit_twice(self: Any, *arguments: Any) -> Any:
        seconds.append(other("POST", f"{URL}/requests", BODY, key("race")))
        return submit(self, *arguments)

    monkeypatch.setattr(Toy, "submit", submit_twice)
    first = call("POST", f"{URL}/requests", BODY, key("race"))
    assert (seconds[0].status, seconds[0].json["status"]) == (202, "submitting")
    assert seconds[0].json["id"] == first.json["id"]
    assert first.json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_a_second_call_that_read_before_the_first_wrote_is_stopped_by_the_gate(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call("POST", f"{URL}/requests", BODY, key("race"))
    read = store.get_request
    blind = [True]

    def blind_once(request_id: str) -> Any:
        return None if blind.pop(0) else read(request_id)

    blind += [False] * 5
    monkeypatch.setattr(store, "get_request", blind_once)
    second = call("POST", f"{URL}/requests", BODY, key("race"))
    assert (second.status, second.json["id"]) == (200, first.json["id"])
    assert len(server.triggers) == 1


def test_a_refusal_is_recorded_in_the_facilitys_words_without_the_secret(
    call: Client, server: ToyServer
) -> None:
    reply = call("POST", f"{URL}/requests", {**BODY, "payload": {"exposure": 2000}})
    assert reply.status == 201
    assert reply.json["status"] == "rejected"
    assert reply.json["status_text"] == "rejected: exposure: too long for ********"
    assert SECRET not in reply.text


def test_a_facility_that_is_down_leaves_it_pending_and_the_schedule_sends_it(
    call: Client, server: ToyServer, later: Any
) -> None:
    server.vanish()
    reply = call("POST", f"{URL}/requests", BODY, key("down"))
    assert reply.status == 202
    assert reply.json["status"] == "pending"
    assert reply.json["next_attempt_at"]
    port = int(server.url.rpartition(":")[2])
    server.start(port)
    assert call.handler({"action": "poll"}, call_context())["looked_at"] == 0
    later(60)
    assert call.handler({"action": "poll"}, call_context()) == {"looked_at": 1, "failed": 0}
    view = call("GET", f"{URL}/requests/{reply.json['id']}").json
    assert view["status"] == "submitted"
    assert view["next_attempt_at"] is None
    assert len(server.triggers) == 1


def call_context() -> Any:
    from tests.support.calls import Context

    return Context(60)


def test_a_throttled_request_waits_as_long_as_it_is_told(call: Client, server: ToyServer, later: Any) -> None:
    server.faults.append(
        _fault(status=429, body='{"detail":"Request was throttled."}', headers={"Retry-After": "600"})
    )
    view = call("POST", f"{URL}/requests", BODY).json
    assert view["status"] == "pending"
    wait = clock.parse(view["next_attempt_at"]) - clock.now()
    assert timedelta(seconds=590) < wait <= timedelta(seconds=600)
    later(300)
    call.handler({"action": "poll"}, call_context())
    assert len(server.triggers) == 1
    later(301)
    call.handler({"action": "poll"}, call_context())
    assert call("GET", f"{URL}/requests/{view['id']}").json["status"] == "submitted"


def test_what_keeps_being_throttled_is_sent_ever_more_rarely(
    call: Client, server: ToyServer, later: Any
) -> None:
    fault = _fault(status=429, headers={"Retry-After": "5"})
    server.faults.append(fault)
    view = call("POST", f"{URL}/requests", BODY).json
    waits = []
    for _ in range(5):
        waits.append((clock.parse(view["next_attempt_at"]) - clock.now()).total_seconds())
        later(waits[-1] + 1)
        server.faults.append(fault)
        call.handler({"action": "poll"}, call_context())
        view = call("GET", f"{URL}/requests/{view['id']}").json
    assert view["status"] == "pending"
    assert all(later_on > 1.5 * before for before, later_on in pairwise(waits))


def polls(call: Client, server: ToyServer, later: Any, fault: Any, *, ticks: int, pause_s: float) -> int:
    """How often the facility is asked in that many ticks, when each poll meets the fault."""
    asked = 0
    for _ in range(ticks):
        later(pause_s)
        server.faults.append(fault)
        before = len(server.journal)
        call.handler({"action": "poll"}, call_context())
        asked += len(server.journal) - before
        server.faults.clear()
    return asked


def test_a_short_wait_that_is_asked_for_does_not_replace_the_back_off(
    call: Client, server: ToyServer, later: Any
) -> None:
    call("POST", f"{URL}/requests", BODY)
    fault = _fault(status=429, method="GET", headers={"Retry-After": "5"})
    assert 4 < polls(call, server, later, fault, ticks=40, pause_s=180) < 16


def test_a_poll_waits_at_least_as_long_as_it_is_told(call: Client, server: ToyServer, later: Any) -> None:
    view = call("POST", f"{URL}/requests", BODY).json
    later(400)
    server.faults.append(_fault(status=429, method="GET", headers={"Retry-After": "3000"}))
    call.handler({"action": "poll"}, call_context())
    request = store.get_request(view["id"])
    assert request is not None
    assert request.next_action_at is not None
    assert 2990 < request.next_action_at - clock.timestamp() <= 3300


def test_polls_that_outlast_their_function_are_put_off_and_nobody_is_told(
    call: Client, server: ToyServer, later: Any
) -> None:
    view = call("POST", f"{URL}/requests", BODY).json
    waits = []
    for _ in range(6):
        request = store.get_request(view["id"])
        assert request is not None
        work.claim(Desk(toy.Toy(), clock.timestamp() + 90), request, "poll")
        later(96)
        call.handler({"action": "poll"}, call_context())
        request = store.get_request(view["id"])
        assert request is not None
        assert request.next_action_at is not None
        waits.append(request.next_action_at - clock.timestamp())
    assert all(after > 1.5 * before for before, after in pairwise(waits))
    assert call("GET", f"{URL}/requests/{view['id']}").json["history"] == view["history"]


@pytest.mark.parametrize("kind", ["cut", "reset", "hang", "refuse"])
def test_no_answer_is_unknown_and_is_never_sent_again(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    server.faults.append(_fault(kind=kind, seconds=LONG_S))
    if kind == "hang":
        monkeypatch.setattr(toy, "READ_TIMEOUT_S", 0.5)
    reply = call("POST", f"{URL}/requests", BODY, key("lost"))
    assert reply.status == 202
    assert reply.json["status"] == "unknown"
    until(lambda: server.taken or kind == "refuse")
    arrived = len(server.taken)
    assert call("POST", f"{URL}/requests", BODY, key("lost")).json["status"] == "unknown"
    assert len(server.taken) == arrived
    refused = call("POST", f"{URL}/requests/{reply.json['id']}/resubmit")
    assert refused.status == 409
    assert "confirm_not_at_facility" in refused.json["detail"]


def test_unknown_is_settled_by_asking_the_facility(call: Client, server: ToyServer, later: Any) -> None:
    server.faults.append(_fault(kind="cut"))
    found = call("POST", f"{URL}/requests", BODY).json
    server.faults.append(_fault(kind="refuse"))
    absent = call("POST", f"{URL}/requests", BODY).json
    later(70)
    call.handler({"action": "poll"}, call_context())
    assert call("GET", f"{URL}/requests/{found['id']}").json["facility_request_id"] == "1"
    still = call("GET", f"{URL}/requests/{absent['id']}").json
    assert still["status"] == "unknown", "it may be on its way"
    later(140)
    call.handler({"action": "poll"}, call_context())
    later(1)
    call.handler({"action": "poll"}, call_context())
    assert call("GET", f"{URL}/requests/{absent['id']}").json["status"] == "submitted"
    assert len(server.taken) == 2


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


def test_killed_before_the_call_is_pending_and_then_sent_once(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Toy, "submit", _die)
        with pytest.raises(Killed):
            call("POST", f"{URL}/requests", BODY, key("a"))
    assert call("POST", f"{URL}/requests", BODY, key("a")).json["status"] == "submitting"
    later(40)
    assert call("POST", f"{URL}/requests", BODY, key("a")).json["status"] == "pending"
    call.handler({"action": "poll"}, call_context())
    assert call("POST", f"{URL}/requests", BODY, key("a")).json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_killed_during_the_call_is_unknown_and_then_found(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = http._exchange
    with monkeypatch.context() as patch:

        def die_after(*arguments: Any) -> Any:
            exchange(*arguments)
            raise Killed

        patch.setattr(http, "_exchange", die_after)
        with pytest.raises(Killed):
            call("POST", f"{URL}/requests", BODY, key("b"))
    later(40)
    view = call("POST", f"{URL}/requests", BODY, key("b")).json
    assert view["status"] == "unknown"
    later(5)
    call.handler({"action": "poll"}, call_context())
    assert call("GET", f"{URL}/requests/{view['id']}").json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_killed_before_the_outcome_is_written_is_settled_by_the_tick(
    call: Client, server: ToyServer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("slew.work.settle", _die)
        with pytest.raises(Killed):
            call("POST", f"{URL}/requests", BODY, key("c"))
    for _ in range(3):
        later(100)
        call.handler({"action": "poll"}, call_context())
    assert call("POST", f"{URL}/requests", BODY, key("c")).json["status"] == "submitted"
    assert len(server.triggers) == 1


def _die(*_arguments: Any, **_named: Any) -> Any:
    raise Killed


def test_a_defect_after_sending_is_unknown_and_one_before_is_failed(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Toy.submit

    def broken_after(self: Any, *arguments: Any) -> Any:
        submit(self, *arguments)
        raise KeyError("id")

    monkeypatch.setattr(Toy, "submit", broken_after)
    assert call("POST", f"{URL}/requests", BODY).json["status"] == "unknown"
    monkeypatch.setattr(Toy, "submit", lambda *_: 1 / 0)
    assert call("POST", f"{URL}/requests", BODY).json["status"] == "failed"


def test_a_dry_run_shows_the_exact_request_and_sends_and_stores_nothing(
    call: Client, server: ToyServer
) -> None:
    reply = call("POST", f"{URL}/requests?dry_run=true", BODY, key("dry"))
    assert reply.status == 200
    assert reply.json["requests"][0]["url"] == f"{server.url}/requests/"
    assert reply.json["requests"][0]["headers"]["Authorization"] == "Token ********"
    assert reply.json["requests"][0]["body"]["exposure"] == 300
    assert SECRET not in reply.text
    assert server.journal == []
    assert store.list_requests(["transients"], {}, None, None, 10) == ([], None)


def test_cancel_update_and_refresh_reach_the_facility(call: Client, server: ToyServer) -> None:
    view = call("POST", f"{URL}/requests", BODY).json
    one = f"{URL}/requests/{view['id']}"
    assert call("PUT", one, {"payload": {"exposure": 60}}).json["payload"] == {"exposure": 60}
    assert server.taken[1]["exposure"] == 60
    server.taken[1]["state"] = "RUNNING"
    assert call("POST", f"{one}/refresh").json["status"] == "in_progress"
    cancelled = call("DELETE", one)
    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert call("DELETE", one).status == 200
    assert [each["method"] for each in server.journal].count("DELETE") == 1
    assert call("PUT", one, {"payload": {"exposure": 61}}).status == 409


def test_a_cancel_without_an_answer_says_so_and_keeps_the_status(call: Client, server: ToyServer) -> None:
    view = call("POST", f"{URL}/requests", BODY).json
    server.faults.append(_fault(kind="cut"))
    reply = call("DELETE", f"{URL}/requests/{view['id']}")
    assert reply.status == 504
    assert call("GET", f"{URL}/requests/{view['id']}").json["status"] == "submitted"


def test_a_pending_request_is_cancelled_without_the_facility(call: Client, server: ToyServer) -> None:
    server.faults.append(_fault(status=429))
    view = call("POST", f"{URL}/requests", BODY).json
    assert call("DELETE", f"{URL}/requests/{view['id']}").json["status"] == "cancelled"
    assert len(server.journal) == 1


def test_a_rejected_request_can_be_sent_again(call: Client, server: ToyServer) -> None:
    server.faults.append(
        _fault(status=400, body='{"detail": "not tonight"}', content_type="application/json")
    )
    view = call("POST", f"{URL}/requests", BODY).json
    assert view["status"] == "rejected"
    again = call("POST", f"{URL}/requests/{view['id']}/resubmit")
    assert (again.status, again.json["status"]) == (200, "submitted")
    assert call("POST", f"{URL}/requests/{view['id']}/resubmit").status == 409


def test_the_schedule_follows_a_request_to_its_end_and_then_rests(
    call: Client, server: ToyServer, later: Any
) -> None:
    view = call("POST", f"{URL}/requests", BODY).json
    later(400)
    server.taken[1]["state"] = "RUNNING"
    call.handler({"action": "poll"}, call_context())
    later(200)
    server.taken[1]["state"] = "DONE"
    call.handler({"action": "poll"}, call_context())
    view = call("GET", f"{URL}/requests/{view['id']}").json
    assert statuses(view) == ["submitting", "submitted", "in_progress", "complete"]
    later(1e6)
    assert call.handler({"action": "poll"}, call_context())["looked_at"] == 0


def test_a_facility_that_cannot_be_asked_is_asked_less_and_less(
    call: Client, server: ToyServer, later: Any
) -> None:
    call("POST", f"{URL}/requests", BODY)
    assert 4 < polls(call, server, later, _fault(status=503, method="GET"), ticks=48, pause_s=300) < 16


def test_a_tick_leaves_what_it_has_no_time_for(call: Client, server: ToyServer, later: Any) -> None:
    call("POST", f"{URL}/requests", BODY)
    later(400)
    from tests.support.calls import Context

    assert call.handler({"action": "poll"}, Context(tracking.TICK_MARGIN_S - 1))["looked_at"] == 0


def test_a_tick_begins_no_send_that_might_not_end_in_it(call: Client, server: ToyServer, later: Any) -> None:
    from tests.support.calls import Context

    server.faults.append(_fault(status=429, headers={"Retry-After": "60"}))
    view = call("POST", f"{URL}/requests", BODY).json
    assert view["status"] == "pending"
    later(61)
    left_s = toy.Toy.longest_send_s + tracking.SEND_MARGIN_S
    call.handler({"action": "poll"}, Context(left_s - 1))
    waiting = call("GET", f"{URL}/requests/{view['id']}").json
    assert len(server.triggers) == 1
    assert {**waiting, "history": None} == {**view, "history": None}
    call.handler({"action": "poll"}, Context(left_s + 5))
    assert call("GET", f"{URL}/requests/{view['id']}").json["status"] == "submitted"


@pytest.mark.parametrize(
    ("change", "status", "loc"),
    [
        ({"allocation_id": "nobody"}, 404, None),
        ({"target": {**BODY["target"], "ra": 360}}, 422, ["target", "ra"]),
        ({"target": {**BODY["target"], "ra": "25:00:00"}}, 422, ["target", "ra"]),
        ({"target": {**BODY["target"], "dec": -90.1}}, 422, ["target", "dec"]),
        ({"target": {**BODY["target"], "ra": True}}, 422, ["target", "ra"]),
        ({"target": {**BODY["target"], "name": ""}}, 422, ["target", "name"]),
        ({"target": {**BODY["target"], "name": "a\nb"}}, 422, ["target", "name"]),
        ({"target": {**BODY["target"], "ra": "12 30 15" + " " * 3000 + "x"}}, 422, ["target", "ra"]),
        ({"target": {**BODY["target"], "redshift": True}}, 422, ["target", "redshift"]),
        ({"target": {**BODY["target"], "magnitudes": {"g": "nan"}}}, 422, ["target", "magnitudes", "g"]),
        ({"payload": {"exposure": 0}}, 422, ["payload", "exposure"]),
        ({"payload": {"exposure": "long"}}, 422, ["payload", "exposure"]),
        ({"payload": {"expsoure": 3}}, 422, ["payload", "expsoure"]),
        ({"paylod": {}}, 422, ["paylod"]),
        ({"instrument": "spectrograph"}, 422, ["instrument"]),
    ],
)
def test_bad_input_names_the_field_and_nothing_is_stored_or_sent(
    call: Client, server: ToyServer, change: dict[str, Any], status: int, loc: list[str] | None
) -> None:
    reply = call("POST", f"{URL}/requests", {**BODY, **change}, key("bad"))
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    if loc:
        assert loc in [error["loc"] for error in reply.json["errors"]]
    assert server.journal == []
    assert store.list_requests(["transients"], {}, None, None, 10)[0] == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("{", 422),
        ("", 422),
        ("[1]", 422),
        ('{"payload": NaN}', 422),
        ('{"payload": 1e999}', 422),
        ('{"payload": "\\ud800"}', 422),
        ('{"payload": ' + "[" * 40 + "]" * 40 + "}", 422),
        ('{"allocation_id": "a", "allocation_id": "b"}', 422),
        ('{"payload": [' + ",".join(["1e15"] * 50_000) + "]}", 413),
        ("[" * 100_000, 422),
        ('{"a":"' + "x" * 262_144 + '"}', 413),
    ],
)
def test_bodies_that_are_no_requests(call: Client, raw: str, status: int) -> None:
    assert call("POST", f"{URL}/requests", raw=raw).status == status


def test_who_may_submit(call: Client, server: ToyServer) -> None:
    assert (
        Client(call.handler, role="observer", groups="others")("POST", f"{URL}/requests", BODY).status == 403
    )
    assert (
        Client(call.handler, role="viewer", groups="transients")("POST", f"{URL}/requests", BODY).status
        == 403
    )
    nobody = Client(call.handler, principal_id="", context={"reason": "the token is not known"})
    reply = nobody("POST", f"{URL}/requests", BODY)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert server.journal == []
    assert (
        Client(call.handler, role="observer", groups="x,transients")("POST", f"{URL}/requests", BODY).status
        == 201
    )


def test_an_allocation_outside_its_validity_is_dead(call: Client, server: ToyServer) -> None:
    now = datetime.now(UTC)
    past = {"start_date": "2020-01-01", "end_date": "2020-02-01"}
    call("PATCH", f"{URL}/allocations/toy-1", {"validity_ranges": [past]})
    assert call("POST", f"{URL}/requests", BODY).status == 409
    current = {
        "start_date": (now - timedelta(days=1)).isoformat(),
        "end_date": (now + timedelta(days=1)).isoformat(),
    }
    call("PATCH", f"{URL}/allocations/toy-1", {"validity_ranges": [past, current]})
    assert call("POST", f"{URL}/requests", BODY).status == 201


def test_paths_and_methods_that_are_not_there(call: Client) -> None:
    assert call("GET", f"{URL}/nothing").status == 404
    reply = call("GET", f"{URL}/requests")
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert call("GET", f"{URL}/requests/none").status == 404


def _fault(**given: Any) -> Any:
    from local.simulators.base import Fault

    return Fault(**{"kind": "status", **given})
