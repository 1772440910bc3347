"""A SkyPortal's submit, update and delete, as requests of ours (card generic.md, "Rules that follow")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import Response

from skyportal import answers, ledger, positions
from skyportal.answers import Refusal
from skyportal.api import Api, Reply
from skyportal.ledger import Entry
from skyportal.models import Trigger
from skyportal.senders import Sender
from slew import clock, store
from slew.models import Target
from slew.principals import Principal
from slew.records import Allocation, Request
from slew.status import LIVE, Status
from slew.submission import request_id_of

RESEND_S = 24 * 3600.0
"""The same payload again within that time is the same request, not another."""
_LIVE = {*LIVE, Status.UNKNOWN}


@dataclass(frozen=True)
class _Case:
    sender: Sender
    trigger: Trigger
    allocation: Allocation
    earlier: Entry | None
    request: Request | None

    @property
    def payload(self) -> str:
        return ledger.digest(self.trigger.payload)

    @property
    def same(self) -> bool:
        return self.earlier is not None and self.earlier.payload == self.payload


def submit(api: Api, principal: Principal, sender: Sender, trigger: Trigger) -> Response[Any]:
    """A POST: a new request, the same one again, or an update. Raises Refusal."""
    case = _case(sender, trigger)
    try:
        if case.earlier and case.request and case.same and _stands(case.request, case.earlier):
            return answers.success(case.request.id, case.request.status.value)
        if case.earlier and case.request and case.request.status in _LIVE and sender.repeats == "replace":
            return _update(api, case, case.earlier)
        return _create(api, principal, case)
    except Refusal as refusal:
        refusal.request_id = refusal.request_id or (case.earlier.request_id if case.earlier else None)
        raise


def delete(api: Api, sender: Sender, request_id: str) -> Response[Any]:
    """A DELETE, which may come twice. Raises Refusal."""
    facility = ledger.facility_of(sender.id, request_id)
    if facility is None:
        raise Refusal(404, f"there is no request {request_id}")
    request = store.get_request(request_id)
    if request is None or (request.status not in _LIVE and request.status is not Status.COMPLETE):
        return answers.success(request_id, request.status.value if request else "deleted")
    reply = api("DELETE", f"/facilities/{facility}/requests/{request_id}")
    if reply.status == 200:
        return answers.success(request_id, str(reply.content.get("status")))
    raise _refusal(reply, request_id)


def _case(sender: Sender, trigger: Trigger) -> _Case:
    ours = sender.allocations.get(str(trigger.allocation_id))
    allocation = store.get_allocation(ours) if ours else None
    if allocation is None:
        raise Refusal(422, f"allocation_id {trigger.allocation_id} is not known here")
    earlier = ledger.newest(sender.id, trigger.allocation_id, trigger.obj_id)
    if earlier and earlier.facility != allocation.facility:
        earlier = None  # the number has been given to another allocation since
    return _Case(sender, trigger, allocation, earlier, ledger.request(earlier) if earlier else None)


def _stands(request: Request, earlier: Entry) -> bool:
    """Whether a repeated payload means the request there is; a refused or cancelled one is tried anew."""
    recent = clock.timestamp() - earlier.at < RESEND_S
    return request.status in _LIVE or (request.status is Status.COMPLETE and recent)


def _create(api: Api, principal: Principal, case: _Case) -> Response[Any]:
    trigger, facility = case.trigger, case.allocation.facility
    known = case.request.target if case.request and "ra" in case.request.target else None
    target = positions.find(
        case.sender, trigger.obj_id, trigger.target, Target.model_validate(known) if known else None
    )
    sequence = (case.earlier.sequence if case.earlier else 0) + (case.request is not None or not case.earlier)
    key = f"skyportal:{trigger.allocation_id}:{ledger.digest({'obj_id': trigger.obj_id})[:16]}:{sequence}"
    request_id = request_id_of(facility, principal.id, key)
    entry = Entry(request_id, facility, sequence, case.payload, clock.timestamp())
    body = {
        "allocation_id": case.allocation.id,
        "target": target.model_dump(mode="json", exclude_none=True),
        "payload": trigger.payload,
    }
    # Before the call, so that what a crash leaves behind is found by the next POST instead of made again.
    ledger.note(case.sender.id, trigger.allocation_id, trigger.obj_id, entry)
    reply = api("POST", f"/facilities/{facility}/requests", body, {"Idempotency-Key": key})
    if reply.status == 0 or "id" in reply.content:  # without an answer in time, it is on its way
        return _outcome(reply, request_id)
    ledger.restore(case.sender.id, trigger.allocation_id, trigger.obj_id, case.earlier)
    raise _refusal(reply, case.earlier.request_id if case.earlier else None)


def _update(api: Api, case: _Case, earlier: Entry) -> Response[Any]:
    reply = api(
        "PUT",
        f"/facilities/{earlier.facility}/requests/{earlier.request_id}",
        {"payload": case.trigger.payload},
    )
    if reply.status == 0 or "id" in reply.content:
        entry = Entry(earlier.request_id, earlier.facility, earlier.sequence, case.payload, clock.timestamp())
        ledger.note(case.sender.id, case.trigger.allocation_id, case.trigger.obj_id, entry)
        return _outcome(reply, earlier.request_id)
    raise _refusal(reply, earlier.request_id)


def _outcome(reply: Reply, request_id: str) -> Response[Any]:
    """Rejected and failed are no success there, whatever our own HTTP status says."""
    status = str(reply.content.get("status") or "submitting")
    if status in (Status.REJECTED, Status.FAILED):
        words = reply.content.get("reason") or reply.content.get("status_text") or status
        return answers.failure(400, f"{status}: {words}", request_id)
    return answers.success(request_id, status)


def _refusal(reply: Reply, request_id: str | None) -> Refusal:
    status = reply.status if reply.status >= 400 else 504
    if reply.status == 0:
        return Refusal(504, "the telescope has not answered in time; ask again", request_id)
    return Refusal(status, answers.told(reply.content), request_id)
