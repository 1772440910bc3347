"""The function of the reads across facilities: catalogue, OpenAPI document, allocations, requests."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from queries import catalogue, export, results
from slew import (
    astro,
    clock,
    http_api,
    light_curve,
    limits,
    redact,
    startup,
    store,
)
from slew.errors import Forbidden, Invalid, NotFound
from slew.principals import Principal, Role, from_event
from slew.records import Request
from slew.status import Status

ROUTES = {
    "/openapi.json": ["GET"],
    "/facilities": ["GET"],
    "/facilities/{facility}": ["GET"],
    "/allocations": ["GET"],
    "/requests": ["GET"],
    "/groups/{group}/export": ["GET"],
    "/requests/{id}": ["GET"],
    "/requests/{id}/transactions": ["GET"],
    "/requests/{id}/products": ["GET"],
    "/requests/{id}/photometry": ["GET"],
}
_OPENAPI = Path(__file__).parent / "openapi.json"
_PAGE = 50
_LONGEST_PAGE = 200

app = http_api.resolver()
http_api.refuse_unknown(app, http_api.path_methods(ROUTES))


@app.get("/openapi.json")
def openapi() -> Response[Any]:
    """The OpenAPI document; public."""
    return Response(status_code=200, content_type=http_api.JSON, body=_openapi())


@app.get("/facilities")
def facilities() -> Response[Any]:
    """Id, title, instruments and operations of each facility."""
    _principal()
    shown = ("id", "title", "instruments", "operations")
    return http_api.answer(
        {"facilities": [{key: each[key] for key in shown} for each in catalogue.entries()]}
    )


@app.get("/facilities/<facility>")
def facility(facility: str) -> Response[Any]:
    """One facility's entry, with the JSON Schemas of its altdata and payloads."""
    _principal()
    found = catalogue.entry(facility)
    if found is None:
        raise NotFound(f"there is no facility {facility!r}; see GET /facilities")
    return http_api.answer(found)


@app.get("/allocations")
def allocations() -> Response[Any]:
    """Allocations of the principal's groups, newest first, secrets masked."""
    principal = _principal()
    parameters = http_api.query(_event(), "facility", "group", "limit", "cursor")
    groups = _groups(principal, parameters.get("group"))
    filters = {key: parameters[key] for key in ("facility",) if key in parameters}
    found, cursor = store.list_allocations(filters, groups, _cursor(parameters), _limit(parameters))
    shown = [limits.shown(each) for each in found]
    return http_api.answer({"allocations": shown, "next_cursor": _encode(cursor)})


@app.get("/requests")
def requests() -> Response[Any]:
    """Requests of the principal's groups, newest first."""
    principal = _principal()
    parameters = http_api.query(
        _event(), "facility", "allocation", "group", "status", "target", "since", "limit", "cursor"
    )
    status = parameters.get("status")
    if status is not None and status not in set(Status):
        raise Invalid.field(["query", "status"], f"must be one of {', '.join(Status)}")
    names = {
        "facility": "facility",
        "allocation": "allocation_id",
        "status": "status",
        "target": "target_name",
    }
    filters = {attribute: parameters[name] for name, attribute in names.items() if name in parameters}
    groups = _groups(principal, parameters.get("group"))
    found, cursor = store.list_requests(
        store.groups() if groups is None else groups,
        filters,
        _since(parameters),
        _cursor(parameters),
        _limit(parameters),
    )
    return http_api.answer({"requests": [each.view() for each in found], "next_cursor": _encode(cursor)})


@app.get("/requests/<id>")
def request(id: str) -> Response[Any]:
    """One request with its history."""
    found = _request(id)
    return http_api.answer({**found.view(), "history": store.history(found.id)})


@app.get("/requests/<id>/transactions")
def transactions(id: str) -> Response[Any]:
    """What was exchanged with the facility, redacted, oldest first."""
    return http_api.answer({"transactions": store.exchanges(_request(id).id)})


@app.get("/requests/<id>/products")
def products(id: str) -> Response[Any]:
    """What came of this request; a link to each product is good for 15 minutes."""
    return http_api.answer({"products": results.products(_request(id))})


@app.get("/requests/<id>/photometry")
def photometry(id: str) -> Response[Any]:
    """The measurements in this request's products; nothing is left out that no parameter cuts."""
    parameters = http_api.query(_event(), "format", "instrument_id", *light_curve.CUTS)
    gzip = "gzip" in (http_api.header(_event(), "accept-encoding") or "")
    return results.photometry(_request(id), parameters, gzip=gzip)


@app.get("/groups/<group>/export")
def exported(group: str) -> Response[Any]:
    """All that is kept of a group, page by page; for its managers."""
    principal = _principal()
    parameters = http_api.query(_event(), "cursor")
    principal.require(Role.MANAGER, group)
    document, following = export.page(group, _cursor(parameters))
    return http_api.answer({**document, "next_cursor": _encode(following)})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload 2.0."""
    startup.done()
    redact.use(redact.Redactor())
    return app.resolve(event, context)


def _event() -> dict[str, Any]:
    raw: dict[str, Any] = app.current_event.raw_event
    return raw


def _principal() -> Principal:
    return from_event(_event())


def _request(request_id: str) -> Request:
    principal = _principal()
    found = store.get_request(request_id) if len(request_id) <= 64 else None
    if found is None:
        raise NotFound(f"there is no request {request_id!r}")
    principal.require(Role.VIEWER, found.group)
    return found


def _groups(principal: Principal, wanted: str | None) -> list[str] | None:
    """Groups to read; None: all."""
    if wanted is not None:
        if len(wanted) > 64:
            raise Invalid.field(["query", "group"], "must have at most 64 characters")
        if not principal.may(Role.VIEWER, wanted):
            raise Forbidden(f"this token has no right to the group {wanted!r}")
        return [wanted]
    return None if principal.role is Role.ADMIN else list(principal.groups)


def _limit(parameters: dict[str, str]) -> int:
    text = parameters.get("limit", str(_PAGE))
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= _LONGEST_PAGE:
        raise Invalid.field(["query", "limit"], f"must be a whole number from 1 to {_LONGEST_PAGE}")
    return int(text)


def _since(parameters: dict[str, str]) -> str | None:
    if "since" not in parameters:
        return None
    try:
        return clock.isoformat(astro.parse_utc(parameters["since"]))
    except ValueError:
        raise Invalid.field(["query", "since"], "must be an ISO 8601 date or datetime") from None


def _cursor(parameters: dict[str, str]) -> str | None:
    if "cursor" not in parameters:
        return None
    try:
        encoded = parameters["cursor"].encode()
        position = base64.b64decode(encoded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        position = ""
    if "#" not in position or len(position) > 200:
        raise Invalid.field(["query", "cursor"], "is not a cursor that this API gave")
    return position


def _encode(cursor: str | None) -> str | None:
    return base64.urlsafe_b64encode(cursor.encode()).decode() if cursor else None


@cache
def _openapi() -> str:
    return _OPENAPI.read_text(encoding="utf-8")
