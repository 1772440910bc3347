"""A SkyPortal's submit, update and delete, as requests of ours (card generic.md, "Rules that follow")."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from aws_lambda_powertools.event_handler import Response

from skyportal import answers, ledger, positions
from skyportal.answers import Refusal
from skyportal.api import Api, Reply
from skyportal.budget import Budget
from skyportal.case import Case, find
from skyportal.ledger import Entry
from skyportal.models import Trigger
from skyportal.senders import Sender
from slew import clock, store
from slew.models import Target
from slew.principals import Principal
from slew.records import Request
from slew.status import LIVE, Status
from slew.submission import fingerprint, request_id_of
from slew.table import Outdated

_TURNS = 4


def submit(api: Api, principal: Principal, sender: Sender, trigger: Trigger, budget: Budget) -> Response[Any]:
    """A POST: a new request, the same one again, or an update. Raises Refusal."""
    for _ in range(_TURNS):
        with suppress(Outdated):  # another POST for the object came in between: what it made decides
            return _submit(api, principal, find(sender, trigger), budget)
    raise Refusal(409, "others are made for this object at the same time; ask again")


def delete(api: Api, sender: Sender, request_id: str) -> Response[Any]:
    """A DELETE, which may come twice, or too late. Raises Refusal."""
    facility = ledger.facility_of(sender.id, request_id)
    if facility is None:
        raise Refusal(404, f"there is no request {request_id}")
    over = _over(request_id)
    if over:
        return over
    reply = api("DELETE", f"/facilities/{facility}/requests/{request_id}")
    if reply.status == 200:
        return answers.success(request_id, str(reply.content.get("status")))
    over = _over(request_id)
    if over:
        return over
    raise _refusal(reply, request_id)


def _submit(api: Api, principal: Principal, case: Case, budget: Budget) -> Response[Any]:
    request = case.request
    if request is None:
        return _create(api, principal, case, budget)
    if request.unconfirmed and not case.trigger.confirm_not_at_facility:
        return _in_doubt(case, request)
    if case.same and (request.live or (request.status is Status.COMPLETE and case.recent)):
        return answers.success(request.id, request.status.value)
    if request.live and case.sender.repeats == "replace":
        return _update(api, case, request)
    return _create(api, principal, case, budget)


def _in_doubt(case: Case, request: Request) -> Response[Any]:
    """It has failed, and nobody knows whether the facility has it: nothing more goes there by itself."""
    words = (
        "the facility may have the request: look there; if it has not, resubmit it with "
        f"confirm_not_at_facility. {request.status}: {request.reason}"
    )
    if case.same and case.recent:
        return answers.success(request.id, request.status.value, words)
    raise Refusal(409, words, request.id)


def _create(api: Api, principal: Principal, case: Case, budget: Budget) -> Response[Any]:
    trigger, facility = case.trigger, case.allocation.facility
    target, unplaced = _place(case, budget)
    key = (
        f"skyportal:{trigger.allocation_id}:{ledger.digest({'obj_id': trigger.obj_id})[:16]}:{case.sequence}"
    )
    request_id = request_id_of(facility, principal.id, key)
    entry = Entry(request_id, facility, case.sequence, ledger.digest(trigger.payload), clock.timestamp())
    body = {"allocation_id": case.allocation.id, "payload": trigger.payload}
    if target:
        body["target"] = target.model_dump(mode="json", exclude_none=True)
    # Before the call, so that what a crash leaves behind is found by the next POST instead of made again.
    ledger.note(*case.key, entry, case.newest)
    reply = api("POST", f"/facilities/{facility}/requests", body, {"Idempotency-Key": key})
    if reply.status == 0 or "id" in reply.content:  # without an answer in time, it is on its way
        return _answered(request_id, reply)
    made = store.get_request(request_id)
    if made is None:
        ledger.restore(*case.key, entry, case.newest)
        raise unplaced if unplaced and _wants_target(reply) else _refusal(reply)
    if made.fingerprint == fingerprint(body):
        return _outcome(request_id, made.status.value, made.reason or made.text)
    raise Outdated(f"request {request_id} was made by another POST at the same time")


def _place(case: Case, budget: Budget) -> tuple[Target | None, Refusal | None]:
    """The target; or why there is none, to be told if the facility, which may take plans, needs one."""
    try:
        found = positions.find(case.sender, case.trigger.obj_id, case.position, case.known, budget)
    except Refusal as refusal:
        return None, refusal
    return found, None


def _wants_target(reply: Reply) -> bool:
    return any(each.get("loc") == ["target"] for each in reply.content.get("errors", ()))


def _update(api: Api, case: Case, request: Request) -> Response[Any]:
    body: dict[str, Any] = {"payload": case.trigger.payload}
    if case.position:
        body["target"] = case.position.model_dump(mode="json", exclude_none=True)
    reply = api("PUT", f"/facilities/{request.facility}/requests/{request.id}", body)
    if reply.status == 0 or "id" in reply.content:
        if case.newest:
            digest = ledger.digest(case.trigger.payload)
            entry = replace(case.newest, payload=digest, at=clock.timestamp())
            with suppress(Outdated):  # the request itself says what it is now
                ledger.note(*case.key, entry, case.newest)
        return _answered(request.id, reply)
    refusal = _refusal(reply, request.id)
    if refusal.status == 405:
        raise Refusal(405, f"{refusal.detail}; delete the request and post it anew", request.id)
    raise refusal


def _answered(request_id: str, reply: Reply) -> Response[Any]:
    words = reply.content.get("reason") or reply.content.get("status_text")
    return _outcome(request_id, str(reply.content.get("status") or "submitting"), words)


def _outcome(request_id: str, status: str, words: Any) -> Response[Any]:
    """Rejected and failed are no success there, whatever our own HTTP status says."""
    if status in (Status.REJECTED, Status.FAILED):
        return answers.failure(400, f"{status}: {words or status}", request_id)
    return answers.success(request_id, status)


def _over(request_id: str) -> Response[Any] | None:
    """The answer to the deletion of what has ended; None while there is something to cancel."""
    request = store.get_request(request_id)
    if request is None:
        return answers.success(request_id, "deleted")
    if request.status in LIVE:
        return None
    doubt = "; the facility may have it nevertheless" if request.unconfirmed else ""
    return answers.success(request_id, request.status.value, f"it had ended: {request.status}{doubt}")


def _refusal(reply: Reply, request_id: str | None = None) -> Refusal:
    status = reply.status if reply.status >= 400 else 504
    if reply.status == 0:
        return Refusal(504, "the telescope has not answered in time; ask again", request_id)
    return Refusal(status, answers.told(reply.content), request_id)
