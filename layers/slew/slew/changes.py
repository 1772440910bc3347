"""Updating and cancelling requests."""

from __future__ import annotations

from typing import Any

from slew import clock, recovery, store, work
from slew.errors import (
    Conflict,
    FacilityError,
    GatewayTimeout,
    MethodNotAllowed,
    NoAnswer,
    NotSent,
    Rejected,
    Unanswered,
    Unavailable,
    Withdrawn,
)
from slew.log import logger
from slew.models import UpdateBody
from slew.principals import Principal, Role
from slew.records import Request
from slew.status import AT_FACILITY, Status
from slew.validation import parse
from slew.work import Case, Desk


def cancel(desk: Desk, request: Request, principal: Principal) -> Request:
    """Cancel a request: at the facility, or here if it has not been sent.

    Raises Forbidden, Conflict, MethodNotAllowed, Unavailable (not reached: try again), GatewayTimeout
    (outcome not known).
    """
    principal.require(Role.OBSERVER, request.group)
    request = recovery.recover(desk, request)
    if request.status is Status.CANCELLED:
        return request
    if request.status is Status.PENDING:
        claimed = work.claim(desk, request, "cancel")
        dropped = claimed.change(
            status=Status.CANCELLED,
            text="it had not been sent",
            reason="",
            next_action_at=None,
            next_attempt_at=None,
        )
        return work.settle(desk, claimed, dropped, action="cancel", by=principal.label)
    _require_at_facility(desk, request, "cancel")
    claimed, case = _begin(desk, request, "cancel")
    current = _marked(claimed, case)
    try:
        order = work.order_of(desk.facility, claimed, case)
        cancellation = desk.facility.cancel(order, case.link)
    except Exception as error:
        return _refused(desk, current[0], case, error, "cancel", principal)
    after = current[0].change(
        status=cancellation.status, text=cancellation.text, reason=cancellation.reason, failures=0
    )
    # The facility may still report an observation that was under way.
    wished = 300.0 if desk.facility.can("poll") else None
    after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp(), wished))
    return work.settle(
        desk, current[0], after, action="cancel", by=principal.label, case=case, always_event=True
    )


def update(desk: Desk, request: Request, body: UpdateBody, principal: Principal) -> Request:
    """Change the payload (and the target) of a request, at the facility if it is there.

    Raises as `cancel`, and Invalid.
    """
    principal.require(Role.OBSERVER, request.group)
    request = recovery.recover(desk, request)
    parse(desk.facility.payloads[request.instrument], body.payload, ["payload"])
    window = desk.facility.window(
        parse(desk.facility.payloads[request.instrument], body.payload, ["payload"])
    )
    changes: dict[str, Any] = {
        "payload": dict(body.payload),
        "window_end": clock.isoformat(window[1]) if window else None,
    }
    if body.target is not None:
        changes["target"] = body.target.model_dump(mode="json", exclude_none=True)
    if body.comment is not None:
        changes["comment"] = body.comment
    if request.status is not Status.PENDING:
        _require_at_facility(desk, request, "update")
    allocation = work.find_allocation(desk.facility, request.allocation_id)
    wanted = work.order_of(
        desk.facility, request.change(**changes), work.open_case(desk.facility, allocation)
    )
    if request.status is Status.PENDING:
        claimed = work.claim(desk, request, "update")
        waiting = claimed.change(**changes, next_action_at=request.next_action_at)
        return work.settle(desk, claimed, waiting, action="update", by=principal.label, always_event=True)
    case = work.open_case(desk.facility, allocation)
    prepared = desk.facility.prepare(wanted, case.link)
    claimed, case = _begin(desk, request, "update")
    current = _marked(claimed, case)
    try:
        submission = desk.facility.update(wanted, prepared, case.link)
    except Exception as error:
        return _refused(desk, current[0], case, error, "update", principal, changes)
    after = current[0].change(
        **changes,
        status=submission.status,
        facility_request_id=submission.facility_request_id or request.facility_request_id,
        facility_data={**request.facility_data, **submission.data},
        text=submission.text,
        reason="",
        notes=(*prepared.notes, *submission.notes),
        failures=0,
    )
    after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp()))
    return work.settle(
        desk, current[0], after, action="update", by=principal.label, case=case, always_event=True
    )


def _require_at_facility(desk: Desk, request: Request, operation: str) -> None:
    if not desk.facility.can(operation):
        raise MethodNotAllowed(f"{desk.facility.title} cannot {operation} requests")
    if request.status not in AT_FACILITY:
        raise Conflict(f"cannot {operation} a request that is {request.status}")


def _begin(desk: Desk, request: Request, operation: str) -> tuple[Request, Case]:
    case = work.open_case(desk.facility, work.find_allocation(desk.facility, request.allocation_id))
    return work.claim(desk, request, operation), case


def _marked(claimed: Request, case: Case) -> list[Request]:
    """A cell with the record as last written; `sending` is written into it before anything leaves."""
    cell = [claimed]

    def mark_sending() -> None:
        cell[0] = store.save(cell[0].change(sending=True, sent_at=clock.timestamp()))

    case.http.before_send = case.mailer.before_send = mark_sending
    return cell


def _refused(
    desk: Desk,
    request: Request,
    case: Case,
    error: Exception,
    operation: str,
    principal: Principal,
    changes: dict[str, Any] | None = None,
) -> Request:
    """Write down that an update or a cancellation did not go through; raises what the caller has to know."""
    now = clock.timestamp()
    kept = request
    if isinstance(error, Withdrawn):
        kept = request.change(**(changes or {}), status=Status.REJECTED, reason=error.reason, text="")
    elif isinstance(error, Unanswered) and operation == "update":
        kept = request.change(**(changes or {}), status=Status.UNKNOWN, reason=error.reason, text="")
    elif isinstance(error, FacilityError):
        kept = request.change(text=f"{operation}: {error.reason}")
    else:
        logger.error("the facility's class failed", request_id=request.id, exc_info=error)
        kept = request.change(text=f"{operation}: internal error")
    kept = kept.change(next_action_at=work.next_look(desk.facility, kept, now, 30.0 if kept.live else None))
    settled = work.settle(
        desk, request, kept, action=operation, by=principal.label, case=case, always_event=True
    )
    if isinstance(error, Withdrawn):
        return settled
    if isinstance(error, Rejected):
        raise Conflict(f"rejected: {error.reason}")
    if isinstance(error, NotSent | NoAnswer):
        wait = {"Retry-After": str(round(error.retry_after))} if error.retry_after else None
        raise Unavailable(f"{operation}: {error.reason}; the request is unchanged", headers=wait)
    if isinstance(error, Unanswered):
        raise GatewayTimeout(f"{operation}: {error.reason}; its outcome is not known: refresh the request")
    if isinstance(error, FacilityError):
        raise Conflict(f"{operation}: {error.reason}")
    raise error
