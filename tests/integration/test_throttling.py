"""AWS asks to wait: what a caller is told, and what that means for one trigger, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from slew.handler import facility_handler
from authorizer import app as authorizer
from local.apigateway import Request
from local.clock import Clock
from local.gateway import Gateway
from local.runtime import Result, Throttled
from local.system import Route
from slew import aws, clock, config, store, tokens, vault
from slew.http_api import PROBLEM_JSON
from tests.support.calls import Client, Reply
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
ALLOCATION = {"id": "toy-1", "pi": "PI", "group": "transients", "altdata": {"token": SECRET}}
BODY: dict[str, Any] = {
    "allocation_id": "toy-1",
    "target": {"name": "SN 2023ixf", "ra": 210.910675, "dec": 54.311651},
    "payload": {"exposure": 300},
}
KEY = {"Idempotency-Key": "k1"}
FOR_EVER = 10**9
CODES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
REASONS = ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")


class Busy:
    """Refuses calls of an operation: after `after` that come through, the next `times`."""

    def __init__(self) -> None:
        self.operation = ""
        self.after = self.times = self.refused = 0
        self.answer: dict[str, Any] = {}

    def refuse(self, operation: str, code: str = CODES[0], *, after: int = 0, times: int = FOR_EVER) -> None:
        """From now on."""
        self.operation, self.after, self.times, self.refused = operation, after, times, 0
        self.answer = {"Error": {"Code": code, "Message": "slow down"}}
        if code in REASONS:
            self.answer["Error"]["Code"] = "TransactionCanceledException"
            self.answer["CancellationReasons"] = [{"Code": code}, {"Code": "None"}]

    def lift(self) -> None:
        """No longer."""
        self.operation = ""

    def __call__(self, event_name: str, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        operation = event_name.rpartition(".")[2]
        if self.operation not in (operation, "*") or self.refused >= self.times:
            return None
        if self.after > 0:
            self.after -= 1
            return None
        self.refused += 1
        return AWSResponse("", 400, HTTPHeaders(), None), self.answer


@pytest.fixture
def server() -> Iterator[ToyServer]:
    server = ToyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SLEW_TOY_URL", server.url)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    client = Client(facility_handler(Toy()))
    assert client("POST", f"{URL}/allocations", ALLOCATION).status == 201
    return client


@pytest.fixture
def busy(call: Client) -> Busy:
    busy = Busy()
    for service in ("dynamodb", "secretsmanager"):
        aws.client(service).meta.events.register_first("before-call", busy)
    return busy


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the library's clock."""
    offset = [0.0]
    monkeypatch.setattr(clock, "_offset", lambda: offset[0])

    def advance(seconds: float) -> None:
        offset[0] += seconds

    return advance


def submit(call: Client) -> Reply:
    return call("POST", f"{URL}/requests", BODY, KEY)


def tick(call: Client) -> None:
    call.handler({"action": "poll"}, _Context())


class _Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def is_asked_to_wait(reply: Reply) -> bool:
    return (
        reply.status == 503
        and reply.headers["Content-Type"] == PROBLEM_JSON
        and int(reply.headers["Retry-After"]) >= 1
        and reply.json["title"] == "Service Unavailable"
    )


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        *(("GetItem", code) for code in CODES),
        ("GetSecretValue", "ThrottlingException"),
        *(("TransactWriteItems", code) for code in (*CODES, *REASONS)),
        ("*", CODES[0]),
    ],
)
def test_before_the_request_is_written_nothing_is_sent_and_the_caller_is_asked_to_wait(
    call: Client, server: ToyServer, busy: Busy, operation: str, code: str
) -> None:
    vault._cache.clear()
    busy.refuse(operation, code)
    assert is_asked_to_wait(submit(call))
    assert server.triggers == []
    busy.lift()
    assert submit(call).status == 201
    assert len(server.triggers) == 1


@pytest.mark.parametrize("code", [*CODES, "TransactionConflictException"])
def test_without_the_mark_that_it_may_have_left_it_does_not_leave_and_waits(
    call: Client, server: ToyServer, busy: Busy, later: Any, code: str
) -> None:
    busy.refuse("PutItem", code)
    reply = submit(call)
    assert (reply.status, reply.json["status"]) == (202, "pending")
    assert int(reply.headers["Retry-After"]) >= 1
    assert server.triggers == []
    busy.lift()
    later(60)
    tick(call)
    assert submit(call).json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_a_refusal_that_passes_soon_is_not_noticed(call: Client, server: ToyServer, busy: Busy) -> None:
    busy.refuse("PutItem", "TransactionConflictException", times=3)
    reply = submit(call)
    assert (reply.status, reply.json["status"], busy.refused) == (201, "submitted", 3)
    assert len(server.triggers) == 1


def test_refused_from_the_gate_on_it_is_sent_once_when_the_lease_is_over(
    call: Client, server: ToyServer, busy: Busy, later: Any
) -> None:
    busy.refuse("*", after=4)  # the allocation, the request under that key, the credentials, the gate
    assert is_asked_to_wait(submit(call))
    busy.lift()
    assert submit(call).json["status"] == "submitting"
    later(60)
    tick(call)
    tick(call)
    assert submit(call).json["status"] == "submitted"
    assert len(server.triggers) == 1


def test_the_outcome_of_a_send_is_written_with_patience(call: Client, server: ToyServer, busy: Busy) -> None:
    busy.refuse("TransactWriteItems", REASONS[0], after=1, times=14)
    reply = submit(call)
    assert (reply.status, reply.json["status"], busy.refused) == (201, "submitted", 14)
    assert len(server.triggers) == 1


def test_an_outcome_that_cannot_be_written_is_unknown_and_then_asked_for(
    call: Client, server: ToyServer, busy: Busy, later: Any
) -> None:
    busy.refuse("TransactWriteItems", after=1)
    assert is_asked_to_wait(submit(call))
    assert len(server.triggers) == 1
    busy.lift()
    assert submit(call).json["status"] == "submitting"
    later(60)
    reply = submit(call)
    assert (reply.status, reply.json["status"]) == (202, "unknown")
    later(10)
    tick(call)
    assert submit(call).json["status"] == "submitted"
    assert len(server.triggers) == 1


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_change_that_cannot_be_marked_is_not_sent(
    call: Client, server: ToyServer, busy: Busy, method: str
) -> None:
    request = submit(call).json["id"]
    busy.refuse("PutItem")
    reply = call(
        method, f"{URL}/requests/{request}", {"payload": {"exposure": 60}} if method == "PUT" else None
    )
    assert is_asked_to_wait(reply)
    assert [each["method"] for each in server.journal] == ["POST"]
    busy.lift()
    stored = store.get_request(request)
    assert stored is not None
    assert (stored.status, stored.leased(clock.timestamp())) == ("submitted", False)


@pytest.mark.parametrize("operation", ["GetItem", "Query"])
def test_reads_ask_to_wait(call: Client, busy: Busy, operation: str) -> None:
    request = submit(call).json["id"]
    busy.refuse(operation)
    assert is_asked_to_wait(call("GET", f"{URL}/requests/{request}"))


def test_the_authorizer_asks_to_wait_by_way_of_the_function(call: Client, busy: Busy) -> None:
    token = tokens.issue(aws.client("dynamodb"), config.table(), name="t", role="admin")
    event = {"headers": {"authorization": f"Bearer {token}"}}
    busy.refuse("GetItem")
    context = authorizer.handler(event, None)["context"]
    busy.lift()
    call.context = context
    assert is_asked_to_wait(submit(call))


def test_that_a_use_cannot_be_noted_keeps_nobody_out(call: Client, busy: Busy) -> None:
    token = tokens.issue(aws.client("dynamodb"), config.table(), name="t", role="admin")
    busy.refuse("UpdateItem")
    context = authorizer.handler({"headers": {"authorization": f"Bearer {token}"}}, None)["context"]
    assert context["principal_id"] == tokens.id_of(token)


class _NoRoom:
    """A runtime whose functions have all their concurrency in use."""

    def __init__(self, full: str) -> None:
        self.full = full

    def invoke(self, name: str, event: bytes) -> Result:
        if name == self.full:
            raise Throttled(name)
        return Result(b'{"isAuthorized": true, "context": {}}')


@pytest.mark.parametrize(("full", "status"), [("Toy", 503), ("Authorizer", 500)])
def test_without_room_for_another_invocation_the_gateway_answers_itself(
    tmp_path: Path, full: str, status: int
) -> None:
    """As API Gateway does; docs/reliability.md, "Load"."""
    runtime: Any = _NoRoom(full)
    route = Route("POST", "/facilities/toy/requests", "Toy", "Authorizer")
    gateway = Gateway([route], runtime, Clock(tmp_path / "clock"))
    gateway.start()
    try:
        answer = gateway.handle(Request("POST", route.path))
    finally:
        gateway.stop()
    assert answer.status == status
    assert set(json.loads(answer.body)) == {"message"}
