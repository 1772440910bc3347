"""The Lambda handler of a facility: HTTP calls and the schedule's tick in, the library's logic behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import ceil
from typing import Any

from aws_lambda_powertools.event_handler import Response

from slew import (
    allocations,
    changes,
    clock,
    http_api,
    limits,
    redact,
    rehearsal,
    routes,
    startup,
    store,
    submission,
    tracking,
    work,
)
from slew.errors import Invalid, SlewError
from slew.facility import Facility
from slew.log import logger
from slew.models import AllocationBody, AllocationPatch, CloseBody, ResubmitBody, SubmitBody, UpdateBody
from slew.principals import Principal, Role, from_event
from slew.records import Request
from slew.status import Status
from slew.submission import Caller
from slew.validation import parse
from slew.work import Desk

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAITING = (Status.PENDING, Status.SUBMITTING, Status.UNKNOWN)


def facility_handler(facility: Facility) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """The handler of a facility's function.

    Events: API Gateway's HTTP API, payload 2.0, for `/facilities/<id>/...`; `{"action": "poll"}` from the
    schedule, answered with how many requests were looked at.
    """
    app = http_api.resolver()
    _Routes(app, facility)

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        startup.done()
        redact.use(redact.Redactor())
        ends_at = clock.timestamp() + context.get_remaining_time_in_millis() / 1000
        if "requestContext" in event:
            app.append_context(desk=Desk(facility, ends_at))  # type: ignore[no-untyped-call]
            return app.resolve(event, context)
        if event.get("action") == "poll":
            done = tracking.tick(Desk(facility, ends_at))
            logger.info("tick", extra=done)
            return dict(done)
        raise SlewError('an event must be an HTTP API event or {"action": "poll"}')

    return handler


class _Routes:
    """One method a route; each only translates between HTTP and the library."""

    def __init__(self, app: Any, facility: Facility) -> None:
        self.app = app
        self.facility = facility
        base = f"/facilities/{facility.id}"
        one_allocation = f"{base}/allocations/<id>"
        app.post(f"{base}/allocations")(self.create_allocation)
        app.get(one_allocation)(self.read_allocation)
        app.patch(one_allocation)(self.merge_allocation)
        app.put(one_allocation)(self.replace_allocation)
        app.delete(one_allocation)(self.remove_allocation)
        app.post(f"{one_allocation}/verify")(self.verify_allocation)
        methods = {
            f"{base}/allocations": ["POST"],
            f"{base}/allocations/{{id}}": ["GET", "PATCH", "PUT", "DELETE"],
            f"{base}/allocations/{{id}}/verify": ["POST"],
        }
        for collection in facility.collections:
            methods |= self._add_requests(f"{base}/{collection}")
            methods |= routes.add_payloads(app, facility, f"{base}/{collection}")
        if facility.takes_plans:
            methods |= routes.add_uploads(app, facility, base)
        if facility.can("queues"):
            methods |= routes.add_queues(app, facility, base)
        if facility.can("receive"):
            methods |= routes.add_messages(app, facility, base)
        http_api.refuse_unknown(app, http_api.path_methods(methods))

    def _add_requests(self, collection: str) -> dict[str, list[str]]:
        one = f"{collection}/<id>"
        self.app.post(collection)(self.submit)
        self.app.get(one)(self.read_request)
        self.app.put(one)(self.update_request)
        self.app.delete(one)(self.cancel_request)
        self.app.post(f"{one}/refresh")(self.refresh_request)
        self.app.post(f"{one}/resubmit")(self.resubmit_request)
        self.app.post(f"{one}/close")(self.close_request)
        return {
            collection: ["POST"],
            f"{collection}/{{id}}": ["GET", "PUT", "DELETE"],
            f"{collection}/{{id}}/refresh": ["POST"],
            f"{collection}/{{id}}/resubmit": ["POST"],
            f"{collection}/{{id}}/close": ["POST"],
        }

    @property
    def event(self) -> dict[str, Any]:
        raw: dict[str, Any] = self.app.current_event.raw_event
        return raw

    @property
    def principal(self) -> Principal:
        return from_event(self.event)

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.context["desk"]
        return desk

    # -- allocations

    def create_allocation(self) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        body = parse(AllocationBody, http_api.json_body(self.event))
        allocation = allocations.create(self.facility, body, principal)
        location = f"/facilities/{self.facility.id}/allocations/{allocation.id}"
        return http_api.answer(limits.shown(allocation), 201, {"Location": location})

    def read_allocation(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        allocation = work.find_allocation(self.facility, id)
        principal.require(Role.VIEWER, allocation.group)
        return http_api.answer(limits.shown(allocation))

    def merge_allocation(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        patch = parse(AllocationPatch, http_api.json_body(self.event))
        allocation = work.find_allocation(self.facility, id)
        return http_api.answer(limits.shown(allocations.merge(self.facility, allocation, patch, principal)))

    def replace_allocation(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        body = parse(AllocationBody, http_api.json_body(self.event))
        allocation = work.find_allocation(self.facility, id)
        changed = allocations.replace_whole(self.facility, allocation, body, principal)
        return http_api.answer(limits.shown(changed))

    def remove_allocation(self, id: str) -> Response[Any]:
        principal = self.principal
        force = http_api.flag(http_api.query(self.event, "force"), "force")
        allocation = work.find_allocation(self.facility, id)
        allocations.remove(self.facility, allocation, principal, force=force)
        return http_api.nothing()

    def verify_allocation(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        allocation = work.find_allocation(self.facility, id)
        return http_api.answer(allocations.verify(self.facility, allocation, principal))

    # -- requests

    def submit(self) -> Response[Any]:
        principal = self.principal
        mode = http_api.query(self.event, "dry_run").get("dry_run", "false")
        if mode not in ("false", "true", "facility"):
            raise Invalid.field(["query", "dry_run"], "must be true, facility or false")
        raw = http_api.json_body(self.event, limit=self.facility.body_limit)
        body = parse(SubmitBody, raw)
        key = http_api.header(self.event, "idempotency-key")
        if key is not None and not _KEY.fullmatch(key):
            raise Invalid.field(
                ["header", "Idempotency-Key"], "must be 1 to 255 printable ASCII characters without blanks"
            )
        caller = Caller(principal, key, submission.fingerprint(raw))
        if mode != "false":
            return http_api.answer(
                rehearsal.dry_run(self.facility, body, caller, ask_facility=mode == "facility")
            )
        request, new = submission.submit(self.desk, body, caller)
        status = 202 if request.status in _WAITING else 201 if new else 200
        # Of a new request the whole history is at hand.
        history = [store.shown(event.as_doc()) for event in self.desk.events] if new else None
        return self._shown(request, status, history)

    def read_request(self, id: str) -> Response[Any]:
        return self._shown(self._readable(id))

    def update_request(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        body = parse(UpdateBody, http_api.json_body(self.event, limit=self.facility.body_limit))
        return self._shown(changes.update(self.desk, self._readable(id), body, principal))

    def cancel_request(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        return self._shown(changes.cancel(self.desk, self._readable(id), principal))

    def refresh_request(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        return self._shown(tracking.refresh(self.desk, self._readable(id), principal))

    def resubmit_request(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        body = parse(ResubmitBody, http_api.json_body(self.event, optional=True))
        request = submission.resubmit(
            self.desk, self._readable(id), Caller(principal), confirmed=body.confirm_not_at_facility
        )
        return self._shown(request, 202 if request.status in _WAITING else 200)

    def close_request(self, id: str) -> Response[Any]:
        principal = self.principal
        http_api.query(self.event)
        body = parse(CloseBody, http_api.json_body(self.event))
        return self._shown(changes.close(self.desk, self._readable(id), body, principal))

    def _readable(self, id: str) -> Request:
        principal = self.principal
        request = work.find_request(self.facility, id)
        principal.require(Role.VIEWER, request.group)
        return request

    def _shown(
        self, request: Request, status: int = 200, history: list[dict[str, Any]] | None = None
    ) -> Response[Any]:
        headers = {"Location": f"/facilities/{self.facility.id}/requests/{request.id}"}
        if request.next_attempt_at:
            wait = clock.parse(request.next_attempt_at) - clock.now()
            headers["Retry-After"] = str(max(1, ceil(wait.total_seconds())))
        view = {**request.view(), "history": store.history(request.id) if history is None else history}
        return http_api.answer(redact.current.data(view), status, headers)
