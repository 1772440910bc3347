"""Slew as the GENERIC endpoint of a SkyPortal instance: the routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from skyportal import answers, earlier, ledger, relay, senders
from skyportal.answers import Refusal
from skyportal.api import Api
from skyportal.budget import Budget
from skyportal.models import SenderBody, TargetBody, Trigger
from slew import http_api, redact, startup
from slew.errors import Invalid
from slew.principals import Principal, Role, from_event
from slew.store import get_allocation
from slew.validation import parse

ROUTES = {
    "/skyportal/requests": ["POST"],
    "/skyportal/requests/{id}": ["DELETE"],
    "/skyportal/targets/{obj_id}": ["PUT"],
    "/skyportal/senders/{token_id}": ["GET", "PUT", "DELETE"],
}
_SLASHES = re.compile("//+")
_TOKEN_ID = re.compile("[0-9a-f]{16}")
_LONGEST_NAME = 200

app = http_api.resolver()
http_api.refuse_unknown(app, http_api.path_methods(ROUTES))


@app.post("/skyportal/requests")
def submit() -> Response[Any]:
    """Submit, resubmit and update are the same POST there."""
    budget, principal = Budget(), _principal()
    try:
        sender = senders.find(principal.id)
        trigger = parse(Trigger, http_api.json_body(_event()))
        return relay.submit(Api(_event(), budget), principal, sender, trigger, budget)
    except Exception as error:
        named = error.request_id if isinstance(error, Refusal) else None
        return _failed(error, named or earlier.request_id(principal.id, _event()))


@app.delete("/skyportal/requests/<id>")
def delete(id: str) -> Response[Any]:
    """Cancel; 200 as often as it comes."""
    try:
        sender = senders.find(_principal().id)
        return relay.delete(Api(_event(), Budget()), sender, id)
    except Exception as error:
        return _failed(error, id)


@app.put("/skyportal/targets/<obj_id>")
def tell(obj_id: str) -> Response[Any]:
    """Say where an object is, before it is triggered on."""
    principal = _principal()
    principal.require_role(Role.OBSERVER)
    if len(obj_id) > _LONGEST_NAME:
        raise Invalid.field(["path", "obj_id"], f"must have at most {_LONGEST_NAME} characters")
    sender = senders.find(principal.id)
    body = parse(TargetBody, http_api.json_body(_event()))
    ledger.tell(sender.id, obj_id, body.target)
    return http_api.answer(body.target.model_dump(mode="json", exclude_none=True))


@app.put("/skyportal/senders/<token_id>")
def keep(token_id: str) -> Response[Any]:
    """Say which instance holds a token, and which of our allocations its numbers mean."""
    principal = _principal()
    principal.require_role(Role.ADMIN)
    if not _TOKEN_ID.fullmatch(token_id):
        raise Invalid.field(["path", "token_id"], "is not a token's id; see GET /tokens")
    body = parse(SenderBody, http_api.json_body(_event()))
    for number, allocation_id in body.allocations.items():
        if get_allocation(allocation_id) is None:
            raise Invalid.field(["allocations", number], f"there is no allocation {allocation_id!r}")
    return http_api.answer(senders.keep(token_id, body).view())


@app.get("/skyportal/senders/<token_id>")
def read(token_id: str) -> Response[Any]:
    """A sender's settings, without its token."""
    principal = _principal()
    if principal.id != token_id:
        principal.require_role(Role.ADMIN)
    return http_api.answer(senders.find(token_id).view())


@app.delete("/skyportal/senders/<token_id>")
def forget(token_id: str) -> Response[Any]:
    """Forget a sender; its requests stay."""
    _principal().require_role(Role.ADMIN)
    senders.remove(token_id)
    return http_api.nothing()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload 2.0."""
    startup.done()
    redact.use(redact.Redactor())
    # An endpoint that is configured with a slash at its end has one too many in every path.
    event["rawPath"] = _SLASHES.sub("/", event["rawPath"]).rstrip("/")
    event["requestContext"]["http"]["path"] = event["rawPath"]
    answer: dict[str, Any] = app.resolve(event, context)
    if event["rawPath"].startswith("/skyportal/requests") and _is_problem(answer):
        return answers.reformed(answer)
    return answer


def _is_problem(answer: Mapping[str, Any]) -> bool:
    return bool(answer["headers"].get("Content-Type") == http_api.PROBLEM_JSON)


def _event() -> dict[str, Any]:
    raw: dict[str, Any] = app.current_event.raw_event
    return raw


def _principal() -> Principal:
    return from_event(_event())


def _failed(error: Exception, request_id: str | None) -> Response[Any]:
    cause = http_api.as_problem(error)
    return answers.failure(cause.status, cause.detail, request_id)
