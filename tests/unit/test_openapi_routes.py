"""The OpenAPI document has the routes that the functions answer, and no others."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from slew.handler import facility_handler
from local import catalogue
from plots.app import handler as plots
from queries.app import handler as queries
from skyportal.app import handler as skyportal
from slew.facility import Facility
from tests.support.calls import Client, Handler
from tests.support.openapi import SURVEY, TOY, document_of
from tokens.app import handler as tokens

Json = dict[str, Any]
Routes = set[tuple[str, str]]
_MESSAGE = re.compile(r"/messages/\{part0\}.*")  # of several parts; the document names them as one
METHODS = {"get", "put", "post", "delete", "patch"}
SHARED = {"plots": plots, "queries": queries, "skyportal": skyportal, "tokens": tokens}
FACILITIES = [*catalogue.facilities(), SURVEY, TOY]
IDS = [facility.id for facility in FACILITIES]


def described(document: Json, prefix: str = "/") -> Routes:
    """Method and path of each operation."""
    return {
        (method.upper(), path)
        for path, entry in document["paths"].items()
        for method in METHODS & set(entry)
        if path.startswith(prefix)
    }


def answered(handler: Handler) -> Routes:
    """Method and path of each route that a function's resolver has."""
    known = {**inspect.getclosurevars(handler).nonlocals, **inspect.getclosurevars(handler).globals}
    app = known["app"]
    routes = (*app._static_routes, *app._dynamic_routes)
    return {(route.method, _MESSAGE.sub("/messages/{path}", route.openapi_path)) for route in routes}


def allowed(handler: Handler, path: str) -> Routes:
    """What the function says it allows at a path, when it is asked for something else."""
    reply = Client(handler)("TRACE", re.sub(r"\{\w+\}", "x", path))
    if reply.status != 405:
        return set()
    return {(method, path) for method in reply.headers["Allow"].split(", ")}


def refused(facility: Facility) -> Routes:
    """Routes that only say that the facility cannot."""
    path = f"/facilities/{facility.id}/allocations/{{id}}/verify"
    return set() if facility.can("verify") else {("POST", path)}


@pytest.mark.parametrize("facility", FACILITIES, ids=IDS)
def test_a_facility_has_the_routes_that_are_described(facility: Facility) -> None:
    handler = facility_handler(facility)
    found = described(document_of(facility), f"/facilities/{facility.id}/")
    assert found == answered(handler) - refused(facility)
    paths = {path for _, path in answered(handler)}
    assert {route for path in paths for route in allowed(handler, path)} == answered(handler)


def test_the_other_functions_have_the_routes_that_are_described() -> None:
    found = {route for route in described(document_of(TOY)) if "/toy/" not in route[1]}
    assert found == {route for handler in SHARED.values() for route in answered(handler)}
    for handler in SHARED.values():
        paths = {path for _, path in answered(handler)}
        assert {route for path in paths for route in allowed(handler, path)} == answered(handler)


def test_every_optional_route_is_tested() -> None:
    """The tests' own telescope has all of them, so they are tested whatever the facilities can."""
    paths = {path.removeprefix("/facilities/survey") for _, path in answered(facility_handler(SURVEY))}
    assert paths >= {
        "/uploads",
        "/plans/{id}/payload",
        "/requests/{id}/close",
        "/allocations/{id}/queues/{name}",
        "/messages",
        "/messages/{path}",
    }


@pytest.mark.parametrize("facility", FACILITIES, ids=IDS)
def test_what_is_not_public_demands_a_token(facility: Facility) -> None:
    found = document_of(facility)
    nobody = {name: Client(handler, principal_id="") for name, handler in SHARED.items()}
    here = Client(facility_handler(facility), principal_id="")
    public = set()
    for method, path in described(found):
        operation = found["paths"][path][method.lower()]
        if "security" in operation:
            public.add((method, path))
            continue
        mine = path.startswith(f"/facilities/{facility.id}/")
        client = here if mine else next(nobody[name] for name in SHARED if _has(SHARED[name], method, path))
        assert client(method, re.sub(r"\{\w+\}", "x", path), {}).status == 401, (method, path)
        assert "401" in operation["responses"]
    messages = {("POST", f"/facilities/{facility.id}/messages{end}") for end in ("", "/{path}")}
    assert public - (messages if facility.can("receive") else set()) == {
        ("GET", "/openapi.json"),
        ("GET", "/requests/{id}/photometry.png"),
    }
    assert all(found["paths"][path][method.lower()]["responses"] for method, path in public)


def _has(handler: Handler, method: str, path: str) -> bool:
    return (method, path) in answered(handler)
