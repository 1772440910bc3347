"""Who may do what: every kind of principal against every route of every function, each cell tried.

The routes come from the handlers themselves, so that a new one without a line in `tests.support.rules` fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from plots.app import handler as plots
from queries.app import handler as queries
from skyportal.app import handler as skyportal
from slew import store
from slew.status import Status
from tests.conftest import ROOT, embedded
from tests.support.principals import OWN, REFUSED
from tests.support.rules import ALLOCATION, BASE, TABLES, expected
from tests.support.survey import SECRET
from tests.support.world import Things, World, running
from tokens.app import handler as tokens


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as monkeypatch, embedded(monkeypatch):
        yield from running(monkeypatch)


CELLS = [(function, route) for function, rules in TABLES.items() for route in rules]


def test_every_route_has_a_rule_and_every_rule_a_route(world: World) -> None:
    for function, (_, app) in world.functions().items():
        routes = {
            re.sub(r"/messages/<.*", "/messages/<path>", f"{route.method} {route.path}")
            for route in app._static_routes + app._dynamic_routes
        }
        assert routes == set(TABLES[function])


def test_the_table_has_every_operation_of_the_published_document() -> None:
    """What is published and what is tried are compared whole: a facility's routes as those of ours."""
    document = json.loads((ROOT / "functions" / "queries" / "openapi.json").read_text(encoding="utf-8"))
    ours = re.compile(r"^/facilities/\w+/")
    published = {
        f"{method.upper()} {ours.sub(f'{BASE}/', path)}"
        for path, operations in document["paths"].items()
        for method in {"get", "put", "post", "patch", "delete"} & set(operations)
    }
    tried = {re.sub(r"<(\w+)>", r"{\1}", route) for rules in TABLES.values() for route in rules}
    assert tried == published


@pytest.mark.parametrize(("function", "route"), CELLS, ids=lambda each: each)
def test_every_principal(world: World, function: str, route: str) -> None:
    handler, _ = world.functions()[function]
    rule = TABLES[function][route]
    assert len(world.callers) == len(REFUSED) + 7
    wrong = []
    shared = Things(world)
    for name, caller in world.callers.items():
        refused = expected(rule, name) in (401, 403)
        reply = world.call(
            handler, caller, route.partition(" ")[0], rule, shared if refused else Things(world)
        )
        if reply.status != expected(rule, name):
            wrong.append(f"{name}: {reply.status}, not {expected(rule, name)}: {reply.text[:200]}")
    assert wrong == []


def test_lists_show_only_what_is_of_ones_groups(world: World) -> None:
    made = Things(world)["request"]
    for name, caller in world.callers.items():
        if name in REFUSED:
            continue
        seen = name == "admin" or name.endswith(OWN)
        assert (made in caller(queries, "GET", "/requests").text) is seen, name
        assert bool(caller(queries, "GET", "/allocations?limit=1").json["allocations"]) is seen, name


def test_an_allocation_is_not_moved_into_a_group_that_is_not_ones_own(world: World) -> None:
    allocation = Things(world)["allocation"]
    manager = world.callers[f"manager of {OWN}"]
    for method, body in (("PATCH", {"group": "blue"}), ("PUT", {**ALLOCATION, "group": "blue"})):
        assert manager(world.survey, method, f"{BASE}/allocations/{allocation}", body).status == 403
    assert manager(world.survey, "POST", f"{BASE}/allocations", {**ALLOCATION, "group": "blue"}).status == 403


def test_a_sender_cancels_only_what_it_asked_for(world: World) -> None:
    mine, other = world.callers[f"observer of {OWN}"], world.callers[f"manager of {OWN}"]
    things = Things(world)
    made = things["request"]
    things.introduce(mine)
    Things(world).introduce(other)
    reply = other(skyportal, "DELETE", f"/skyportal/requests/{made}")
    assert reply.status == 404
    request = store.get_request(made)
    assert request
    assert request.status is not Status.CANCELLED


def test_a_sender_reads_its_own_settings(world: World) -> None:
    mine = world.callers[f"viewer of {OWN}"]
    Things(world).introduce(mine)
    assert mine(skyportal, "GET", f"/skyportal/senders/{mine.id}").status == 200
    other = world.callers[f"manager of {OWN}"]
    assert other(skyportal, "GET", f"/skyportal/senders/{mine.id}").status == 403


def test_a_message_needs_the_facilitys_own_credential(world: World) -> None:
    number = Things(world)["number"]
    for authorization in (None, "token wrong", "token ", f"Bearer {SECRET}", world.admin.authorization):
        headers = {"Authorization": authorization} if authorization else {}
        body = {"number": number, "text": "done"}
        nobody = world.callers["no token"]
        assert nobody(world.survey, "POST", f"{BASE}/messages", body, headers).status == 401


def test_a_plot_opens_by_its_own_key_only(world: World) -> None:
    nobody = world.callers["no token"]
    first, second = (Things(world)["request"] for _ in range(2))
    keys = [request.share for each in (first, second) if (request := store.get_request(each))]
    assert len(set(keys)) == 2
    for key in ("", "x", keys[1], keys[0][:-1], f"{keys[0]}x", keys[0].swapcase()):
        assert nobody(plots, "GET", f"/requests/{first}/photometry.png?key={key}&since=1").status in (
            404,
            422,
            401,
        )
    assert nobody(plots, "GET", f"/requests/{first}/photometry.png?key={keys[0]}").status == 200


def test_a_context_that_nobody_made_is_nobody(world: World) -> None:
    """Only the authorizer's context counts: what a caller sends about itself does not."""
    nobody = world.callers["no token"]
    forged = {"principal_id": "x", "role": "admin", "x-amzn-principal": "admin"}
    assert nobody(tokens, "GET", "/tokens", headers=forged).status == 401
