"""What came of a submission, as changes of the request's record."""

from __future__ import annotations

from typing import Any

from slew import aws, clock, patience
from slew.errors import FacilityError, Failed, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Facility, Submission
from slew.records import Request
from slew.status import NO_STATUS, Status


def accepted(facility: Facility, request: Request, submission: Submission) -> dict[str, Any]:
    """The facility took it."""
    before = request.facility_data if facility.resumable else {}
    return {
        "status": submission.status,
        "facility_request_id": submission.facility_request_id,
        "facility_data": {**before, **submission.data},
        "left": submission.left,
        "text": submission.text,
        "reason": "",
        "notes": (*request.notes, *submission.notes, *(() if facility.can("poll") else (NO_STATUS,))),
        "attempts": request.attempts + 1,
        "failures": 0,
        "cancel_sent": False,
    }


def not_accepted(facility: Facility, request: Request, error: FacilityError) -> dict[str, Any]:
    """It did not, or nobody knows."""
    outcome: dict[str, Any] = {"reason": error.reason, "text": "", "attempts": request.attempts + 1}
    if isinstance(error, NotSent) or (isinstance(error, NoAnswer) and not request.sending):
        attempts = request.attempts + 1
        if facility.send_attempts is not None and attempts >= facility.send_attempts:
            return {
                **outcome,
                "status": Status.FAILED,
                "reason": f"given up after {attempts} attempts: {error.reason}",
            }
        at = clock.timestamp() + patience.wait_s(request.attempts, error.retry_after)
        return {
            **outcome,
            "status": Status.PENDING,
            "next_attempt_at": clock.isoformat(at),
            "next_action_at": at,
        }
    if isinstance(error, Rejected):
        return {**outcome, "status": Status.REJECTED}
    if isinstance(error, Failed):
        return {**outcome, "status": Status.FAILED, "unconfirmed": error.unconfirmed}
    if isinstance(error, Unanswered | NoAnswer):
        text = "" if facility.can("reconcile") else "it cannot be asked: a person has to look there"
        return {**outcome, "status": Status.UNKNOWN, "text": text}
    raise error


def unsent(request: Request, error: Exception) -> NotSent | None:
    """An error of a service that Slew works on, as it is to be seen where nothing has left: `NotSent`.

    None for another error, and where something may have left.
    """
    busy = None if request.sending else aws.unavailable(error)
    return NotSent(busy.detail, float(busy.headers.get("Retry-After", 1))) if busy else None


def broken(request: Request) -> dict[str, Any]:
    """The facility's class failed."""
    if request.sending:
        return {"status": Status.UNKNOWN, "reason": "internal error after the request had been sent"}
    return {"status": Status.FAILED, "reason": "internal error; nothing was sent"}
