"""Submitting: check everything, write the request down, send it once, write down what came of it.

The gate to the telescope is the request's own record: it is written as `submitting`, conditionally, before
anything is sent, and its id follows from the idempotency key, so that of two equal calls only one gets
through.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slew import admission, clock, events, limits, misplaced, numbering, payloads, recovery, store, work
from slew.errors import Conflict, FacilityError, Invalid
from slew.facility import Facility, Order, Prepared
from slew.log import logger
from slew.models import Requester, SubmitBody
from slew.outcome import accepted, broken, not_accepted, unsent
from slew.principals import Principal, Role
from slew.records import Allocation, Request
from slew.status import AT_FACILITY, RESUBMITTABLE, Status
from slew.validation import parse
from slew.work import Case, Desk

_NUMBER_ATTEMPTS = 50


@dataclass(frozen=True)
class Caller:
    """Who submits, under which idempotency key if any; `fingerprint` is of the whole call."""

    principal: Principal
    idempotency_key: str | None = None
    fingerprint: str = ""


def fingerprint(body: Any) -> str:
    """A digest by which the same body is known again, whatever the order of its keys."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def submit(desk: Desk, body: SubmitBody, caller: Caller) -> tuple[Request, bool]:
    """Submit a request; returns it, and whether it is new.

    Raises NotFound, Forbidden, Conflict (another body under the key, allocation outside its validity or over
    its limits, a constraint that does not hold), Invalid, Unavailable.
    """
    facility = desk.facility
    allocation = work.find_allocation(facility, body.allocation_id)
    caller.principal.require(Role.OBSERVER, allocation.group)
    request_id = id_of(facility, caller)
    if caller.idempotency_key is not None:
        earlier = store.get_request(request_id)
        if earlier:
            return replay(desk, earlier, caller), False
    try:
        request, case, order, prepared = _begun(desk, allocation, body, caller, request_id)
    except store.Outdated:
        return replay(desk, work.find_request(facility, request_id), caller), False
    except Conflict:
        # What it collides with, or what has used the limit up, may be this very call, made twice at once.
        twin = store.get_request(request_id) if caller.idempotency_key is not None else None
        if twin is None:
            raise
        return replay(desk, twin, caller), False
    return send(desk, request, case, order, prepared, by=caller.principal.label), True


def _begun(
    desk: Desk, allocation: Allocation, body: SubmitBody, caller: Caller, request_id: str
) -> tuple[Request, Case, Order[Any, Any], Prepared]:
    """The request, checked and written as `submitting`, and what to send.

    Raises as `submit`; Outdated where there is one with its id.
    """
    facility = desk.facility
    request = draft(facility, allocation, body, caller, request_id)
    case = work.open_case(facility, allocation)
    request = decent(request, case)
    watch, seen = admission.permitted(allocation, request, body, caller.principal)
    request, order, prepared = _numbered(facility, request, case)
    now = clock.timestamp()
    request = request.change(
        **payloads.keep(facility, request_id, request.payload),
        lease_until=desk.lease_until,
        next_action_at=desk.lease_until,
        operation="submit",
        claim=secrets.token_hex(8),
        updated_at=clock.isoformat(now),
        attempted_at=clock.isoformat(now),
        notes=prepared.notes,
        events=1,
    )
    event = events.new_event(
        facility, allocation, request, previous=None, action="submit", by=caller.principal.label, seq=1
    )
    request = admission.write(request, event, watch, seen, allocation)
    desk.events.append(event)
    return request, case, order, prepared


def replay(desk: Desk, earlier: Request, caller: Caller) -> Request:
    """The answer to a call that repeats an idempotency key. Raises Conflict where the body is another one."""
    if earlier.fingerprint != caller.fingerprint:
        raise Conflict("this Idempotency-Key has been used with another body; nothing was sent")
    return recovery.recover(desk, earlier)


def draft(
    facility: Facility, allocation: Allocation, body: SubmitBody, caller: Caller, request_id: str
) -> Request:
    """The record of a request to be, its payload checked. Raises Invalid, Conflict."""
    instrument = facility.choose_instrument(body.instrument, allocation.instrument)
    given = payloads.given(facility, body.payload, body.payload_upload, caller.principal)
    payload = parse(facility.payloads[instrument], given, ["payload"])
    window = facility.window(payload)
    now = clock.now()
    check_validity(allocation, now, window)
    if body.target is None and facility.needs_target:
        raise Invalid.field(["target"], "Field required")
    requester = body.requester or Requester(
        username=caller.principal.username or caller.principal.id,
        name=caller.principal.name,
        email=caller.principal.email,
    )
    stamp = clock.isoformat(now)
    return Request(
        id=request_id,
        facility=facility.id,
        facility_title=facility.title,
        allocation_id=allocation.id,
        group=allocation.group,
        instrument=instrument,
        target=body.target.model_dump(mode="json", exclude_none=True)
        if body.target
        else {"name": facility.plan_name(payload)[:200]},
        payload=given,
        requester=requester.model_dump(mode="json"),
        comment=body.comment,
        principal_id=caller.principal.id,
        fingerprint=caller.fingerprint,
        created_at=stamp,
        updated_at=stamp,
        status=Status.SUBMITTING,
        share=secrets.token_urlsafe(16),
        window_end=clock.isoformat(window[1]) if window else None,
        exposure_s=limits.exposure_s(facility, payload),
    )


def decent(request: Request, case: Case) -> Request:
    """The request without credentials where people read it. Raises Invalid, as `misplaced.in_request`."""
    told = {"target": request.target, "requester": request.requester, "comment": request.comment}
    return request.change(**misplaced.in_request(case.redactor, payloads.whole(request), told))


def numbered(facility: Facility, request: Request, case: Case, attempt: int = 0) -> Request:
    """The request with a number of its own, where the facility knows requests by ours. Raises Invalid."""
    numbers = facility.numbers(case.altdata)
    if numbers is None:
        return request
    digest = hashlib.sha256(f"{request.id} {attempt}".encode()).digest()
    return request.change(number=numbers[int.from_bytes(digest[:8]) % len(numbers)])


def _numbered(facility: Facility, request: Request, case: Case) -> tuple[Request, Order[Any, Any], Prepared]:
    """The request with its number taken, and its exchanges. Raises Invalid; Conflict if no number is free."""
    for attempt in range(_NUMBER_ATTEMPTS):
        request = numbered(facility, request, case, attempt)
        order, prepared = prepare(facility, request, case)
        if request.number is None or numbering.claim(facility.id, request.number, request.id):
            return request, order, prepared
    raise Conflict(f"no number for another request is free at {facility.title}")


def prepare(facility: Facility, request: Request, case: Case) -> tuple[Order[Any, Any], Prepared]:
    """The order and its wire requests. Raises Invalid."""
    order = work.order_of(facility, request, case)
    return order, facility.prepare(order, case.link)


def send(
    desk: Desk, request: Request, case: Case, order: Order[Any, Any], prepared: Prepared, *, by: str
) -> Request:
    """Give the facility a request that this invocation has claimed, and write down what came of it."""
    record = work.Record(request, case)
    outcome: Mapping[str, Any]
    first_look_s: float | None = None
    try:
        submission = desk.facility.submit(order, prepared, case.link)
        first_look_s = submission.next_poll_s
        outcome = accepted(desk.facility, record.current, submission)
    except FacilityError as error:
        outcome = not_accepted(desk.facility, record.current, error)
    except store.Outdated:
        raise Conflict(f"request {request.id} was taken over by somebody else; nothing was sent") from None
    except Exception as error:
        busy = unsent(record.current, error)
        if busy is None:
            logger.exception("the facility's class failed", request_id=request.id)
        outcome = not_accepted(desk.facility, record.current, busy) if busy else broken(record.current)
    after = record.current.change(**outcome)
    if after.status is not Status.PENDING:
        after = after.change(
            next_action_at=work.next_look(desk.facility, after, clock.timestamp(), first_look_s),
            next_attempt_at=None,
        )
    try:
        return work.settle(
            desk, record.current, after, action=request.operation or "submit", by=by, case=case
        )
    except store.Outdated:  # a write before it has come through although it seemed not to
        logger.error("an outcome could not be written", request_id=request.id, status=after.status)
        return work.find_request(desk.facility, request.id)


def resubmit(desk: Desk, request: Request, caller: Caller, *, confirmed: bool) -> Request:
    """Send again what the facility certainly has not got. Raises Conflict, Forbidden, Invalid."""
    caller.principal.require(Role.OBSERVER, request.group)
    allocation = work.allocation_of(desk.facility, request, caller.principal)
    request = recovery.recover(desk, request)
    if request.status not in RESUBMITTABLE and not (request.left and request.status in AT_FACILITY):
        raise Conflict(
            f"only what is rejected, failed or unknown can be resubmitted; this one is {request.status}"
        )
    if (request.status is Status.UNKNOWN or request.unconfirmed) and not confirmed:
        raise Conflict(
            "the facility may have this request: look there, and if it has not, send "
            "confirm_not_at_facility: true"
        )
    if request.proposed:  # the outcome of an update is not known; what it wanted is what is wanted
        request = request.change(**request.proposed, proposed=None)
    case = work.open_case(desk.facility, allocation)
    payload = parse(desk.facility.payloads[request.instrument], payloads.whole(request), ["payload"])
    check_validity(allocation, clock.now(), desk.facility.window(payload))
    limits.check_told(allocation, limits.exposure_s(desk.facility, payload))
    done: dict[str, Any] = {}
    if desk.facility.resumable:
        done = {"facility_request_id": request.facility_request_id, "facility_data": request.facility_data}
    request = decent(request, case)
    again = request.change(**{"facility_request_id": None, "facility_data": {}, **done})
    order, prepared = prepare(desk.facility, again, case)
    claimed = work.claim(
        desk,
        limits.charged(allocation, request),
        "resubmit",
        allocation,
        status=Status.SUBMITTING,
        reason="",
        text="",
        attempts=0,
        unconfirmed=False,
        attempted_at=clock.isoformat(clock.now()),
        facility_request_id=again.facility_request_id,
        facility_data=again.facility_data,
        notes=prepared.notes,
    )
    return send(desk, claimed, case, order, prepared, by=caller.principal.label)


def id_of(facility: Facility, caller: Caller) -> str:
    """The id of the request that a call makes: random, or following from its idempotency key."""
    if caller.idempotency_key is None:
        return secrets.token_hex(12)
    return request_id_of(facility.id, caller.principal.id, caller.idempotency_key)


def request_id_of(facility: str, principal_id: str, idempotency_key: str) -> str:
    """The id that follows from who asks, of which facility, under which key."""
    scope = f"{facility}\n{principal_id}\n{idempotency_key}"
    return hashlib.sha256(scope.encode()).hexdigest()[:24]


def check_validity(allocation: Allocation, now: datetime, window: tuple[datetime, datetime] | None) -> None:
    """Raise Conflict where the allocation is not valid now, or not during a window."""
    if not allocation.valid_during(now, now):
        raise Conflict(f"allocation {allocation.id} is outside its validity ranges now")
    if window and not allocation.valid_during(max(window[0], now), window[1]):
        raise Conflict(f"the requested dates are outside the validity ranges of allocation {allocation.id}")
