"""Updating and cancelling requests.

What an update proposes is written down before anything is sent, so that it is not lost if its outcome is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slew import clock, limits, misplaced, payloads, recovery, submission, work
from slew.errors import (
    Conflict,
    FacilityError,
    Failed,
    GatewayTimeout,
    MethodNotAllowed,
    NoAnswer,
    NotSent,
    Rejected,
    Unanswered,
    Unavailable,
    Withdrawn,
)
from slew.facility import Submission
from slew.log import logger
from slew.models import CloseBody, UpdateBody
from slew.outcome import unsent
from slew.principals import Principal, Role
from slew.records import Request
from slew.status import AT_FACILITY, Status
from slew.validation import parse
from slew.work import Case, Desk

_CLOSABLE = (*AT_FACILITY, Status.UNKNOWN)


def cancel(desk: Desk, request: Request, principal: Principal) -> Request:
    """Cancel a request: at the facility, or here if it has not been sent.

    Raises Forbidden, NotFound (its allocation is gone), Conflict, MethodNotAllowed, Unavailable (not reached:
    try again), GatewayTimeout (outcome not known).
    """
    principal.require(Role.OBSERVER, request.group)
    request = recovery.recover(desk, request)
    if request.status is Status.CANCELLED:
        return request
    if request.status is Status.PENDING:
        return _drop(desk, request, principal)
    _require_at_facility(desk, request, "cancel")
    case = work.open_case(desk.facility, work.allocation_of(desk.facility, request, principal))
    order = work.order_of(desk.facility, request, case)
    record = work.Record(work.claim(desk, request, "cancel"), case)
    try:
        cancellation = desk.facility.cancel(order, case.link)
    except Exception as error:
        told = record.current
        if did_nothing(error):
            told = told.change(cancel_sent=request.cancel_sent)
        return _failed(desk, told, case, error, "cancel", principal)
    after = record.current.change(
        status=cancellation.status,
        text=cancellation.text,
        reason=cancellation.reason,
        failures=0,
        cancel_sent=False,
    )
    # The facility may still report an observation that was under way.
    wished = 300.0 if desk.facility.can("poll") else None
    after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp(), wished))
    return work.settle(
        desk, record.current, after, action="cancel", by=principal.label, case=case, always_event=True
    )


def update(desk: Desk, request: Request, body: UpdateBody, principal: Principal) -> Request:
    """Change the payload (and the target) of a request, at the facility if it is there.

    Raises as `cancel`, and Invalid.
    """
    principal.require(Role.OBSERVER, request.group)
    request = recovery.recover(desk, request)
    if request.status is not Status.PENDING:
        _require_at_facility(desk, request, "update")
    allocation = work.allocation_of(desk.facility, request, principal)
    changes, window = _changes(desk, request, body, principal)
    submission.check_validity(allocation, clock.now(), window)
    limits.check_told(allocation, changes["exposure_s"])
    case = work.open_case(desk.facility, allocation)
    changes = misplaced.in_request(case.redactor, payloads.whole(request.change(**changes)), changes)
    wanted = work.order_of(desk.facility, request.change(**changes), case)
    prepared = desk.facility.prepare(wanted, case.link)
    if request.status is Status.PENDING:
        claimed = work.claim(desk, request, "update", allocation, proposed=changes)
        waiting = claimed.change(
            **changes, proposed=None, notes=prepared.notes, next_action_at=request.next_action_at
        )
        return work.settle(
            desk, claimed, waiting, action="update", by=principal.label, case=case, always_event=True
        )
    record = work.Record(work.claim(desk, request, "update", allocation, proposed=changes), case)
    try:
        updated = desk.facility.update(wanted, prepared, case.link)
    except Exception as error:
        return _failed(desk, record.current, case, error, "update", principal)
    after = _updated(record.current, updated, (*prepared.notes, *updated.notes))
    after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp()))
    return work.settle(
        desk, record.current, after, action="update", by=principal.label, case=case, always_event=True
    )


def close(desk: Desk, request: Request, body: CloseBody, principal: Principal) -> Request:
    """Write down what a person knows of a request's end, or of one whose outcome was unknown.

    For what the facility does not tell: nothing is sent. Raises Forbidden, Conflict.
    """
    principal.require(Role.OBSERVER, request.group)
    request = recovery.recover(desk, request)
    if request.status not in _CLOSABLE:
        raise Conflict(f"a request that is {request.status} is not a person's to close")
    if body.status is Status.SUBMITTED and request.status is not Status.UNKNOWN:
        raise Conflict("only a request of unknown outcome can be said to have been submitted")
    claimed = work.claim(desk, request, "close")
    after = claimed.change(
        status=body.status,
        text=body.comment or "",
        reason="",
        facility_request_id=body.facility_request_id or request.facility_request_id,
        proposed=None,
    )
    after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp()))
    return work.settle(desk, claimed, after, action="close", by=principal.label, always_event=True)


def _drop(desk: Desk, request: Request, principal: Principal) -> Request:
    claimed = work.claim(desk, request, "cancel")
    dropped = claimed.change(
        status=Status.CANCELLED,
        text="it had not been sent",
        reason="",
        next_action_at=None,
        next_attempt_at=None,
    )
    return work.settle(desk, claimed, dropped, action="cancel", by=principal.label)


def _changes(
    desk: Desk, request: Request, body: UpdateBody, principal: Principal
) -> tuple[dict[str, Any], tuple[datetime, datetime] | None]:
    """The record's fields as the update wants them, and the window it asks for. Raises Invalid."""
    given = payloads.given(desk.facility, body.payload, body.payload_upload, principal)
    payload = parse(desk.facility.payloads[request.instrument], given, ["payload"])
    window = desk.facility.window(payload)
    changes: dict[str, Any] = {
        **payloads.keep(desk.facility, request.id, given),
        "window_end": clock.isoformat(window[1]) if window else None,
        "exposure_s": limits.exposure_s(desk.facility, payload),
    }
    if body.target is not None:
        changes["target"] = body.target.model_dump(mode="json", exclude_none=True)
    if body.comment is not None:
        changes["comment"] = body.comment
    return changes, window


def _updated(request: Request, updated: Submission, notes: tuple[str, ...]) -> Request:
    proposed: Mapping[str, Any] = request.proposed or {}
    return request.change(
        **proposed,
        proposed=None,
        status=updated.status,
        facility_request_id=updated.facility_request_id,
        facility_data={**request.facility_data, **updated.data},
        text=updated.text,
        reason="",
        notes=notes,
        failures=0,
        cancel_sent=False,
    )


def _require_at_facility(desk: Desk, request: Request, operation: str) -> None:
    if not desk.facility.can(operation):
        advice = desk.facility.advice.get(operation)
        raise MethodNotAllowed(
            f"{desk.facility.title} cannot {operation} requests" + (f": {advice}" if advice else "")
        )
    if request.status not in AT_FACILITY:
        raise Conflict(f"cannot {operation} a request that is {request.status}")


def _failed(
    desk: Desk, request: Request, case: Case, error: Exception, operation: str, principal: Principal
) -> Request:
    """Write down that an update or a cancellation did not go through; raises what the caller has to know."""
    error = unsent(request, error) or error
    after = _after_failure(request, error, operation)
    if not isinstance(error, FacilityError):
        logger.error("the facility's class failed", request_id=request.id, exc_info=error)
    if after.status is not Status.PENDING:
        wished = 30.0 if after.live else None
        after = after.change(next_action_at=work.next_look(desk.facility, after, clock.timestamp(), wished))
    settled = work.settle(
        desk, request, after, action=f"{operation}_failed", by=principal.label, case=case, always_event=True
    )
    if isinstance(error, Withdrawn):
        return settled
    if isinstance(error, Rejected):
        raise Conflict(f"rejected: {error.reason}")
    if isinstance(error, NotSent | NoAnswer):
        raise Unavailable(f"{operation}: {error.reason}; the request is unchanged", headers=error.wait_header)
    if isinstance(error, Unanswered):
        raise GatewayTimeout(f"{operation}: {error.reason}; its outcome is not known: refresh the request")
    if isinstance(error, FacilityError):
        raise Conflict(f"{operation}: {error.reason}")
    raise error


def did_nothing(error: Exception) -> bool:
    """Whether a cancellation that ended so has certainly not worked: `cancel_sent` stays as it was."""
    return isinstance(error, FacilityError) and not (
        isinstance(error, Unanswered) or (isinstance(error, Failed) and error.unconfirmed)
    )


def _after_failure(request: Request, error: Exception, operation: str) -> Request:
    proposed: Mapping[str, Any] = request.proposed or {}
    if isinstance(error, Withdrawn) and error.waiting:
        at = clock.timestamp() + (error.retry_after if error.retry_after is not None else work.backoff_s(0))
        return request.change(
            **proposed,
            proposed=None,
            status=Status.PENDING,
            facility_request_id=None,
            reason=error.reason,
            text="",
            next_action_at=at,
            next_attempt_at=clock.isoformat(at),
        )
    if isinstance(error, Withdrawn):
        return request.change(**proposed, proposed=None, status=Status.REJECTED, reason=error.reason, text="")
    if isinstance(error, Unanswered) and operation == "update":
        return request.change(status=Status.UNKNOWN, reason=error.reason, text="")
    if isinstance(error, FacilityError):
        return request.change(proposed=None, text=f"{operation} failed: {error.reason}")
    if operation == "update" and request.sending:
        return request.change(status=Status.UNKNOWN, reason="internal error after the update had been sent")
    return request.change(proposed=None, text=f"{operation} failed: internal error")
