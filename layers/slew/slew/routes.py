"""The routes that only some facilities have: uploads and whole payloads, queues, messages."""

from __future__ import annotations

import base64
import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from slew import changes, http_api, messages, objects, payloads, store, work
from slew.errors import FacilityError, NotFound, Unavailable
from slew.facility import Facility, Message
from slew.principals import Role, from_event
from slew.work import Desk

_ANSWER_LIMIT = 4 * 1024 * 1024
"""Lambda answers at most 6 MB, and a body is escaped into JSON once more."""

_MESSAGE_DEPTH = 6  # parts of a path behind `/messages`: a part of a route's pattern matches no slash

Methods = dict[str, list[str]]


def add_uploads(app: Any, facility: Facility, base: str) -> Methods:
    """`POST .../uploads`: where a payload over the API's limit can be put."""

    @app.post(f"{base}/uploads")  # type: ignore[untyped-decorator]
    def upload() -> Response[Any]:
        principal = from_event(app.current_event.raw_event)
        http_api.query(app.current_event.raw_event)
        principal.require_role(Role.OBSERVER)
        return http_api.answer(payloads.upload(facility, principal), 201)

    return {f"{base}/uploads": ["POST"]}


def add_payloads(app: Any, facility: Facility, collection: str) -> Methods:
    """`GET .../{id}/payload`: a request's payload as it was given, of which the record shows an outline."""

    @app.get(f"{collection}/<id>/payload")  # type: ignore[untyped-decorator]
    def payload(id: str) -> Response[Any]:
        principal = from_event(app.current_event.raw_event)
        http_api.query(app.current_event.raw_event)
        request = work.find_request(facility, id)
        principal.require(Role.VIEWER, request.group)
        found = payloads.whole(request)
        if request.payload_object and len(json.dumps(found)) > _ANSWER_LIMIT:
            return Response(status_code=303, headers={"Location": objects.link(request.payload_object)})
        return http_api.answer(found)

    return {f"{collection}/{{id}}/payload": ["GET"]}


def add_queues(app: Any, facility: Facility, base: str) -> Methods:
    """`GET .../allocations/{id}/queues` and `DELETE .../queues/{name}`, the latter for own ones only."""

    @app.get(f"{base}/allocations/<id>/queues")  # type: ignore[untyped-decorator]
    def queues(id: str) -> Response[Any]:
        principal = from_event(app.current_event.raw_event)
        http_api.query(app.current_event.raw_event)
        allocation = work.find_allocation(facility, id)
        principal.require(Role.VIEWER, allocation.group)
        case = work.open_case(facility, allocation)
        try:
            found = facility.queues(case.altdata, case.link)
        except FacilityError as error:
            raise Unavailable(f"{facility.title}: {error.reason}", headers=error.wait_header) from None
        return http_api.answer(case.redactor.data({"queues": [dict(each) for each in found]}))

    @app.delete(f"{base}/allocations/<id>/queues/<name>")  # type: ignore[untyped-decorator]
    def remove(id: str, name: str) -> Response[Any]:
        principal = from_event(app.current_event.raw_event)
        http_api.query(app.current_event.raw_event)
        allocation = work.find_allocation(facility, id)
        principal.require(Role.OBSERVER, allocation.group)
        request = store.request_at_facility(allocation, name)
        if request is None:
            # Most such facilities let any credential remove any queue; what others put there is theirs.
            raise NotFound(f"no request of allocation {id} made a queue {name!r}; others are not removed")
        desk: Desk = app.context["desk"]
        return http_api.answer(changes.cancel(desk, request, principal).view())

    return {
        f"{base}/allocations/{{id}}/queues": ["GET"],
        f"{base}/allocations/{{id}}/queues/{{name}}": ["DELETE"],
    }


def add_messages(app: Any, facility: Facility, base: str) -> Methods:
    """`POST .../messages`, and anything below: what the facility posts, with its own authentication."""

    def message(**parts: str) -> Response[Any]:
        return _answered(app, facility, "/".join(parts.values()))

    methods: Methods = {}
    for depth in range(_MESSAGE_DEPTH + 1):
        parts = [f"part{index}" for index in range(depth)]
        app.post(f"{base}/messages" + "".join(f"/<{part}>" for part in parts))(message)
        methods[f"{base}/messages" + "".join(f"/{{{part}}}" for part in parts)] = ["POST"]
    return methods


def _answered(app: Any, facility: Facility, path: str) -> Response[Any]:
    event = app.current_event.raw_event
    body = (event.get("body") or "").encode()
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    desk: Desk = app.context["desk"]
    status, content = messages.take(desk, Message(path, headers, body))
    return http_api.answer(content, status)
