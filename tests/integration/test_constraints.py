"""Constraints on a submission: what counts as a duplicate; of many at once exactly one gets through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from slew.handler import facility_handler
from slew import aws, clock, config, places, sky, store, submission, table
from slew.errors import Conflict, Problem
from slew.models import SubmitBody
from slew.principals import Principal, Role
from slew.records import Request
from slew.status import COUNTED, Status
from slew.submission import Caller
from slew.validation import parse
from slew.work import Desk
from tests.support.atomic import atomic_aws
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy"
ARCSEC = 1 / 3600
ONCE = {"not_if_duplicates": True}


def allocation(id: str, group: str = "transients", **more: Any) -> dict[str, Any]:
    return {"id": id, "pi": "PI", "group": group, "altdata": {"token": SECRET}, **more}


def body(ra: Any = 210.910674637, dec: Any = 54.311651, **more: Any) -> dict[str, Any]:
    target = {"name": "SN 2023ixf", "ra": ra, "dec": dec}
    return {"allocation_id": "toy-1", "target": target, "payload": {"exposure": 300}, **more}


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
    for id, group in (("toy-1", "transients"), ("toy-2", "transients"), ("toy-3", "others")):
        assert client("POST", f"{URL}/allocations", allocation(id, group)).status == 201
    return client


def key(value: str) -> dict[str, str]:
    return {"Idempotency-Key": value}


def everything() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.client("dynamodb").scan(TableName=config.table())["Items"]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def ends_as(request_id: str, status: Status) -> None:
    """Set a request's status by hand, as the poll that brings it would."""
    request = store.get_request(request_id)
    assert request is not None
    store.save(request.change(status=status))


def test_a_duplicate_is_refused_named_and_leaves_no_trace(call: Client, server: ToyServer) -> None:
    first = call("POST", f"{URL}/requests", body()).json
    before = everything()
    again = body(dec=54.311651 + 0.3 * ARCSEC, constraints=ONCE)
    refused = call("POST", f"{URL}/requests", again, key("k"))
    assert refused.status == 409
    assert f"request {first['id']} of allocation toy-1 (submitted) is 0.300 arcsec" in refused.json["detail"]
    assert "the radius is 0.5 arcsec; nothing was sent" in refused.json["detail"]
    assert everything() == before
    assert len(server.triggers) == 1
    assert call("POST", f"{URL}/requests", {**again, "constraints": {}}, key("k")).status == 201


@pytest.mark.parametrize(
    "constraints",
    [None, {}, {"not_if_duplicates": False}, {"ignore_allocation_ids": ["toy-2"]}, {"radius": 60}],
)
def test_what_asks_for_nothing_forbids_nothing(call: Client, server: ToyServer, constraints: Any) -> None:
    for _ in range(2):
        assert call("POST", f"{URL}/requests", body(constraints=constraints)).status == 201


@pytest.mark.parametrize(
    ("first", "second", "radius", "refused"),
    [
        ((150, 2), (150, 2 + 0.5 * ARCSEC), 0.5001, True),
        ((150, 2), (150, 2 + 0.51 * ARCSEC), 0.5, False),
        ((359.9999, 10), (0.0001, 10), 1, True),
        ((359.9999, 10), (0.0001, 10), 0.7, False),
        ((0, 89.9999), (180, 89.9999), 1, True),
        ((77, 90), (191, 90), 0.01, True),
        ((0, -89.99), (180, -89.99), 60, False),
        ((0, -89.995), (180, -89.995), 40, True),
        ((100, 60), (100 + 1.9 * ARCSEC, 60), 1, True),
        ((100, 60), (100 + 1.9 * ARCSEC, 60), 0.9, False),
        ((12, -1 / 30 + 1e-6), (12, -1 / 30 - 1e-6), 0.5, True),  # on two sides of a row's edge
        (("14:03:38.562", "+54:18:41.94"), (210.910675, 54.311651), 0.5, True),
    ],
)
def test_the_radius_is_a_great_circle(
    call: Client, first: tuple[Any, Any], second: tuple[Any, Any], radius: float, refused: bool
) -> None:
    assert call("POST", f"{URL}/requests", body(*first)).status == 201
    watched = body(*second, constraints={**ONCE, "radius": radius})
    assert call("POST", f"{URL}/requests?dry_run=true", watched).status == (409 if refused else 200)
    assert call("POST", f"{URL}/requests", watched).status == (409 if refused else 201)


@pytest.mark.parametrize("status", list(Status))
def test_which_statuses_count(call: Client, status: Status) -> None:
    first = call("POST", f"{URL}/requests", body()).json
    ends_as(first["id"], status)
    reply = call("POST", f"{URL}/requests", body(constraints=ONCE))
    assert reply.status == (409 if status in COUNTED else 201)


def test_one_that_is_being_sent_counts(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Toy.submit
    seconds: list[Any] = []

    def submit_twice(self: Any, *arguments: Any) -> Any:
        seconds.append(Client(facility_handler(Toy()))("POST", f"{URL}/requests", body(constraints=ONCE)))
        return submit(self, *arguments)

    monkeypatch.setattr(Toy, "submit", submit_twice)
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 201
    assert seconds[0].status == 409
    assert "(submitting)" in seconds[0].json["detail"]


def test_one_that_waits_counts_and_one_that_was_cancelled_does_not(call: Client, server: ToyServer) -> None:
    server.vanish()
    waiting = call("POST", f"{URL}/requests", body()).json
    assert waiting["status"] == "pending"
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 409
    assert call("DELETE", f"{URL}/requests/{waiting['id']}").json["status"] == "cancelled"
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 202


def test_what_was_rejected_and_is_sent_again_counts_again(call: Client, server: ToyServer) -> None:
    rejected = call("POST", f"{URL}/requests", body(payload={"exposure": 2000}, constraints=ONCE)).json
    assert rejected["status"] == "rejected"
    other = call("POST", f"{URL}/requests", body(constraints=ONCE)).json
    assert other["status"] == "submitted"
    call("DELETE", f"{URL}/requests/{other['id']}")
    call("POST", f"{URL}/requests/{rejected['id']}/resubmit")
    ends_as(rejected["id"], Status.SUBMITTED)
    reply = call("POST", f"{URL}/requests", body(constraints=ONCE))
    assert reply.status == 409
    assert rejected["id"] in reply.json["detail"]


def test_a_repeat_under_the_same_key_is_no_collision_with_itself(call: Client, server: ToyServer) -> None:
    first = call("POST", f"{URL}/requests", body(constraints=ONCE), key("k"))
    again = call("POST", f"{URL}/requests", body(constraints=ONCE), key("k"))
    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert call("POST", f"{URL}/requests?dry_run=true", body(constraints=ONCE), key("k")).status == 200
    assert len(server.triggers) == 1


def test_a_target_that_moves_is_found_where_it_is(call: Client) -> None:
    first = call("POST", f"{URL}/requests", body(10, 10)).json
    moved = {"payload": {"exposure": 300}, "target": {"name": "moved", "ra": 11, "dec": 11}}
    assert call("PUT", f"{URL}/requests/{first['id']}", moved).status == 200
    assert call("POST", f"{URL}/requests", body(11, 11, constraints=ONCE)).status == 409
    assert call("POST", f"{URL}/requests", body(10, 10, constraints=ONCE)).status == 201


def test_other_allocations_count_where_they_are_named_and_may_be_read(call: Client) -> None:
    call("POST", f"{URL}/requests", {**body(), "allocation_id": "toy-2"})
    call("POST", f"{URL}/requests", {**body(20, 20), "allocation_id": "toy-3"})
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 201
    both = {**ONCE, "ignore_allocation_ids": ["toy-1", "toy-2"]}
    refused = call("POST", f"{URL}/requests", body(constraints=both))
    assert refused.status == 409
    observer = Client(call.handler, role="observer", groups="transients")
    others = {**ONCE, "ignore_allocation_ids": ["toy-3"]}
    assert observer("POST", f"{URL}/requests", body(20, 20, constraints=others)).status == 403
    assert call("POST", f"{URL}/requests", body(20, 20, constraints=others)).status == 409
    assert call("POST", f"{URL}/requests", body(21, 20, constraints=others)).status == 201


@pytest.mark.parametrize(
    ("constraints", "loc"),
    [
        ({"not_if_duplicate": True}, ["constraints", "not_if_duplicate"]),
        ({"not_if_duplicates": "yes"}, ["constraints", "not_if_duplicates"]),
        ({"not_if_duplicates": 1}, ["constraints", "not_if_duplicates"]),
        ({**ONCE, "radius": 0}, ["constraints", "radius"]),
        ({**ONCE, "radius": -1}, ["constraints", "radius"]),
        ({**ONCE, "radius": 60.001}, ["constraints", "radius"]),
        ({**ONCE, "radius": "1"}, ["constraints", "radius"]),
        ({**ONCE, "ignore_allocation_ids": ["none"]}, ["constraints", "ignore_allocation_ids", 0]),
        ({**ONCE, "ignore_allocation_ids": "toy-2"}, ["constraints", "ignore_allocation_ids"]),
        (
            {**ONCE, "ignore_allocation_ids": [str(n) for n in range(11)]},
            ["constraints", "ignore_allocation_ids"],
        ),
        ({"not_if_classified": True}, ["constraints", "not_if_classified"]),
    ],
)
def test_bad_constraints_name_the_field(
    call: Client, server: ToyServer, constraints: dict[str, Any], loc: list[Any]
) -> None:
    reply = call("POST", f"{URL}/requests", body(constraints=constraints))
    assert reply.status == 422
    assert loc in [error["loc"] for error in reply.json["errors"]]
    assert server.journal == []


def test_without_a_target_there_is_no_place(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "needs_target", False)
    plan = {key: value for key, value in body().items() if key != "target"}
    reply = call("POST", f"{URL}/requests", {**plan, "constraints": ONCE})
    assert (reply.status, reply.json["errors"][0]["loc"]) == (422, ["constraints", "not_if_duplicates"])
    assert call("POST", f"{URL}/requests", plan).status == 201


def test_an_allocation_made_again_does_not_inherit(call: Client, server: ToyServer) -> None:
    call("POST", f"{URL}/requests", body())
    assert call("DELETE", f"{URL}/allocations/toy-1?force=true").status == 204
    assert call("POST", f"{URL}/allocations", allocation("toy-1")).status == 201
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 201


# ---- what it costs


@pytest.fixture
def trips(call: Client) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What is asked of DynamoDB."""
    made: list[tuple[str, dict[str, Any]]] = []
    events = aws.client("dynamodb").meta.events

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        made.append((model.name, params))

    events.register("provide-client-params.dynamodb.*", note, unique_id="trips")
    yield made
    events.unregister("provide-client-params.dynamodb.*", note, unique_id="trips")


def test_a_plain_submission_pays_one_item_and_no_trip(call: Client, trips: list[Any]) -> None:
    assert call("POST", f"{URL}/requests", body()).status == 201
    names = [name for name, _ in trips]
    assert names == ["GetItem", "TransactWriteItems", "PutItem", "TransactWriteItems"]
    written, settled = (params["TransactItems"] for name, params in trips if name == "TransactWriteItems")
    assert [next(iter(action)) for action in written] == ["Put", "Put", "Update"]
    assert {next(iter(action)) for action in settled} == {"Put"}


def test_a_watched_one_pays_one_trip_more(call: Client, trips: list[Any]) -> None:
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 201
    assert [name for name, _ in trips][:3] == ["GetItem", "TransactGetItems", "TransactWriteItems"]


# ---- crowded places


def test_a_full_cell_turns_its_page_and_forgets_nobody(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PAGE", 3)
    made = [call("POST", f"{URL}/requests", body(30, 0.01 + index * 5 * ARCSEC)).json for index in range(11)]
    assert {view["status"] for view in made} == {"submitted"}
    (cell,) = places.read(["toy-1"], [sky.cell_of(30, 0.01)])
    assert (cell.pages, len(cell.entries)) == (3, 2)
    assert {entry.request_id for entry in cell.listed()} == {view["id"] for view in made}
    for index, view in enumerate(made):
        reply = call("POST", f"{URL}/requests", body(30, 0.01 + index * 5 * ARCSEC, constraints=ONCE))
        assert reply.status == 409
        assert view["id"] in reply.json["detail"]
    between = body(30, 0.01 + 2.5 * ARCSEC, constraints=ONCE)
    assert call("POST", f"{URL}/requests", between).status == 201
    assert call("POST", f"{URL}/requests", between).status == 409


def test_what_is_over_is_cleared_away_by_who_comes_across_it(call: Client) -> None:
    for _ in range(4):
        view = call("POST", f"{URL}/requests", body(payload={"exposure": 2000})).json
        assert view["status"] == "rejected"
    name = sky.cell_of(210.910674637, 54.311651)
    assert len(places.read(["toy-1"], [name])[0].entries) == 4
    view = call("POST", f"{URL}/requests", body(constraints=ONCE)).json
    assert {entry.request_id for entry in places.read(["toy-1"], [name])[0].listed()} == {view["id"]}


# ---- races


def test_whoever_comes_between_look_and_write_is_seen(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one, without constraints and just over a cell's edge, comes after the look."""
    prepare = Toy.prepare
    others = [body(12, -1 / 30 - 1e-6)]

    def meanwhile(self: Any, *arguments: Any) -> Any:
        if others:
            desk = Desk(Toy(), clock.timestamp() + 30)
            submission.submit(desk, parse(SubmitBody, others.pop()), caller("other"))
        return prepare(self, *arguments)

    monkeypatch.setattr(Toy, "prepare", meanwhile)
    reply = call("POST", f"{URL}/requests", body(12, -1 / 30 + 1e-6, constraints=ONCE))
    assert reply.status == 409
    assert len(server.triggers) == 1


def caller(id: str, key: str | None = None, fingerprint: str = "") -> Caller:
    return Caller(Principal(id, id, Role.ADMIN), key, fingerprint)


@pytest.fixture
def atomic(server: ToyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with atomic_aws(monkeypatch) as endpoint:
        monkeypatch.setenv("SLEW_TOY_URL", server.url)
        client = Client(facility_handler(Toy()))
        for id in ("toy-1", "toy-2"):
            assert client("POST", f"{URL}/allocations", allocation(id)).status == 201
        yield endpoint


def at_once(bodies: list[dict[str, Any]], callers: list[Caller]) -> list[Request | Problem]:
    """What came of submissions that begin together, in their order."""
    start = threading.Barrier(len(bodies))

    def one(given: dict[str, Any], by: Caller) -> Request | Problem:
        start.wait()
        try:
            return submission.submit(Desk(Toy(), clock.timestamp() + 60), parse(SubmitBody, given), by)[0]
        except Problem as problem:
            return problem

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(one, bodies, callers))


def in_order_of_writing() -> list[str]:
    """Ids of all requests, as the table's stream has them."""
    streams = aws.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=config.table())["Streams"]
    (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    keys = [each["dynamodb"]["Keys"] for each in records if each["eventName"] == "INSERT"]
    requests = [each["pk"]["S"] for each in keys if each["sk"]["S"] == "META"]
    return [pk.removeprefix("REQUEST#") for pk in requests if pk.startswith("REQUEST#")]


def sent(outcomes: list[Any]) -> list[Request]:
    return [each for each in outcomes if isinstance(each, Request)]


def test_of_fifty_at_one_place_exactly_one_gets_through(atomic: str, server: ToyServer) -> None:
    # All within 0.5 arcsec of each other, around a corner of four cells.
    bodies = [
        body((0.00003 * (index % 3 - 1)) % 360, 0.00003 * (index % 5 - 2), constraints=ONCE)
        for index in range(50)
    ]
    outcomes = at_once(bodies, [caller(f"client{index}") for index in range(50)])
    assert len(sent(outcomes)) == 1
    assert len(server.triggers) == 1
    refused = [each for each in outcomes if isinstance(each, Problem)]
    assert {type(each) for each in refused} == {Conflict}
    assert all(sent(outcomes)[0].id in each.detail for each in refused)


def test_of_two_allocations_that_mind_each_other_one_gets_through(atomic: str, server: ToyServer) -> None:
    for round_ in range(10):
        pair = [
            {
                **body(round_, 5, constraints={**ONCE, "ignore_allocation_ids": ["toy-1", "toy-2"]}),
                "allocation_id": name,
            }
            for name in ("toy-1", "toy-2")
        ]
        assert len(sent(at_once(pair, [caller("a"), caller("b")]))) == 1
    assert len(server.triggers) == 10


def test_a_watched_one_never_passes_after_a_plain_one(atomic: str, server: ToyServer) -> None:
    """Whichever is first: if both are sent, the one with constraints was written before the other."""
    for round_ in range(15):
        bodies = [body(round_, 5), body(round_, 5, constraints=ONCE)]
        outcomes = at_once(bodies, [caller("plain"), caller("watched")])
        assert isinstance(outcomes[0], Request)
        if isinstance(outcomes[1], Problem):
            assert outcomes[0].id in outcomes[1].detail
        else:
            assert in_order_of_writing()[-2:] == [outcomes[1].id, outcomes[0].id]


def test_at_different_places_of_one_cell_all_get_through(atomic: str, server: ToyServer) -> None:
    bodies = [body(40, 7.001 + index * 3 * ARCSEC, constraints=ONCE) for index in range(8)]
    assert len(sent(at_once(bodies, [caller(str(index)) for index in range(8)]))) == 8


def test_one_call_made_fifty_times_at_once_is_one_request(atomic: str, server: ToyServer) -> None:
    same = [caller("client", "key", "same") for _ in range(50)]
    outcomes = at_once([body(constraints=ONCE) for _ in range(50)], same)
    assert len({request.id for request in sent(outcomes)}) == 1
    assert len(sent(outcomes)) == 50
    assert len(server.triggers) == 1


# ---- when DynamoDB itself is at the same items


def cancelled(codes: list[str]) -> Callable[..., Any]:
    from botocore.exceptions import ClientError

    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }

    def fail(**_: Any) -> Any:
        raise ClientError(answer, "TransactWriteItems")

    return fail


class Hindered:
    """A client whose first transactions are cancelled by others'."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self.left = times

    def __getattr__(self, name: str) -> Any:
        if name.startswith("transact_") and self.left:
            self.left -= 1
            return cancelled(["None", "None", "TransactionConflict"])
        return getattr(self._client, name)


@pytest.mark.parametrize("times", [1, 5])
def test_a_transaction_that_meets_another_is_made_again(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    hindered = Hindered(aws.client("dynamodb"), times)
    monkeypatch.setattr(table, "client", lambda: hindered)
    assert call("POST", f"{URL}/requests", body(constraints=ONCE)).status == 201
    assert hindered.left == 0
    assert len(server.triggers) == 1


def test_who_is_always_met_is_told_to_come_back(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hindered = Hindered(aws.client("dynamodb"), 100)
    monkeypatch.setattr(table, "client", lambda: hindered)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    reply = call("POST", f"{URL}/requests", body())
    assert (reply.status, reply.headers["Retry-After"] in "1234") == (503, True)
    assert server.journal == []
