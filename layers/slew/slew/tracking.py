"""Following requests.

The schedule's tick, `refresh`, and what the facility says of a request of unknown outcome.
"""

from __future__ import annotations

from functools import partial
from math import inf

from slew import clock, patience, recovery, retrieval, store, submission, work
from slew.agenda import Agenda
from slew.errors import (
    Conflict,
    FacilityError,
    Invalid,
    MethodNotAllowed,
    NoAnswer,
    NotFound,
    Problem,
    Unavailable,
)
from slew.facility import Absent, Progress, Submission
from slew.lanes import Lanes
from slew.log import logger
from slew.principals import Principal, Role
from slew.records import Request
from slew.status import AT_FACILITY, NO_STATUS, Status
from slew.work import Case, Desk

TICK_MARGIN_S = 20.0
"""A tick begins nothing new when less than this is left of its time."""
SEND_MARGIN_S = 10.0
"""Left of it after the longest send, for writing down what came of that."""
_REFRESH_FETCH_S = 5.0  # API Gateway answers for a function after 30 s, and the schedule fetches the rest
ABSENT_AFTER_S = 120.0
"""A facility that has not got the request is believed only so long after the send, lest it go twice."""


def tick(desk: Desk) -> dict[str, int]:
    """Look at every request that is due, the longest overdue first, while there is time.

    As many at once as the facility has lanes, but one after another with one allocation, so that what is
    read for all requests of an account is read once; two ticks that overlap do not know of each other's
    lanes. What is left stays due, and the next tick takes it up.
    """
    todo = Agenda(desk.facility.id)
    looked = failed = 0
    with Lanes(desk.facility.lanes) as lanes:
        while clock.timestamp() < desk.ends_at - TICK_MARGIN_S:
            found = None if lanes.full else todo.take(lanes.keys)
            if found:
                looked += 1
                lanes.start(found[1], partial(_looked_at, desk, found[0]))
            elif not lanes.idle:
                failed += lanes.finished().count(False)
            elif not todo.renew():
                break
        while not lanes.idle:
            failed += lanes.finished().count(False)
    return {"looked_at": looked, "failed": failed}


def refresh(desk: Desk, request: Request, principal: Principal) -> Request:
    """Ask the facility now. Raises Forbidden, Conflict, MethodNotAllowed, Unavailable."""
    principal.require(Role.OBSERVER, request.group)
    work.allocation_of(desk.facility, request, principal)
    request = recovery.recover(desk, request)
    if request.leased(clock.timestamp()):
        raise Conflict(
            f"request {request.id} is being worked on ({request.operation}); try again in a moment"
        )
    if request.status is Status.PENDING:
        return look(desk, request)
    operation = "reconcile" if request.status is Status.UNKNOWN else "poll"
    if not desk.facility.can(operation):
        raise MethodNotAllowed(f"{NO_STATUS} ({desk.facility.title})")
    if request.facility_request_id is None and operation == "poll":
        return request
    looked, failure = _asked(desk, request, operation, fetch_s=_REFRESH_FETCH_S)
    if failure is not None:
        raise Unavailable(f"{desk.facility.title}: {failure.reason}", headers=failure.wait_header)
    return looked


def look(desk: Desk, request: Request) -> Request:
    """Do what is due with a request that nobody works on."""
    if request.status is Status.PENDING:
        return _attempt(desk, request)
    if request.status is Status.UNKNOWN:
        return _asked(desk, request, "reconcile")[0] if desk.facility.can("reconcile") else _rest(request)
    if request.fetch_at is not None and request.fetch_at == request.follow_at:
        return _asked(desk, request, "retrieve")[0]
    if desk.facility.can("poll"):
        return _asked(desk, request, "poll")[0]
    if (
        request.status in AT_FACILITY
        and request.window_end
        and clock.timestamp() >= clock.parse(request.window_end).timestamp()
    ):
        expired = request.change(
            status=Status.EXPIRED, text="the requested window has ended", next_action_at=None
        )
        return work.settle(desk, request, expired, action="poll", by="slew")
    return _rest(request)


def _looked_at(desk: Desk, request_id: str) -> bool:
    try:
        request = store.get_request(request_id)
        now = clock.timestamp()
        if request is None or request.leased(now) or now < (request.next_action_at or inf):
            return True  # somebody else is at it, or has been since it was listed
        if request.status is Status.PENDING and _ends_too_soon(desk, now):
            return True  # broken off, it might be at the facility or not; the next tick has the time
        recovered = recovery.recover(desk, request)
        if recovered is request:
            look(desk, request)
    except (Conflict, store.Outdated):
        return True  # somebody else is at it
    except Exception:
        logger.exception("a due request could not be looked at", request_id=request_id)
        return False
    return True


def _ends_too_soon(desk: Desk, now: float) -> bool:
    """Whether a send that is begun now might not end in this invocation."""
    return now + desk.facility.longest_send_s + SEND_MARGIN_S > desk.ends_at


def _attempt(desk: Desk, request: Request) -> Request:
    """Send what waits to be sent."""
    try:
        allocation = work.allocation_of(desk.facility, request)
        submission.check_validity(allocation, clock.now(), None)
        case = work.open_case(desk.facility, allocation)
        order, prepared = submission.prepare(desk.facility, request, case)
    except Unavailable as error:
        at = clock.timestamp() + patience.wait_s(request.failures)
        waiting = request.change(
            reason=error.detail,
            failures=request.failures + 1,
            next_action_at=at,
            next_attempt_at=clock.isoformat(at),
        )
        return work.settle(desk, request, waiting, action="submit", by="slew")
    except (NotFound, Conflict, Invalid) as error:
        return _drop(desk, request, error)
    begun = {"notes": prepared.notes, "attempted_at": clock.isoformat(clock.now())}
    claimed = work.claim(desk, request, "submit", allocation, status=Status.SUBMITTING, **begun)
    return submission.send(desk, claimed, case, order, prepared, by="slew")


def _drop(desk: Desk, request: Request, error: NotFound | Conflict | Invalid) -> Request:
    """End a request that can no longer be sent: expired if time has made it so, else failed."""
    over = request.window_end is not None and clock.now() >= clock.parse(request.window_end)
    dropped = request.change(
        status=Status.EXPIRED if over or isinstance(error, Conflict) else Status.FAILED,
        reason=f"not sent: {error.detail}",
        next_action_at=None,
        next_attempt_at=None,
    )
    return work.settle(desk, request, dropped, action="submit", by="slew")


def _asked(
    desk: Desk, request: Request, operation: str, *, fetch_s: float | None = None
) -> tuple[Request, FacilityError | None]:
    """Poll, reconcile or retrieve under a lease; returns the request, and why that failed if it did.

    `fetch_s`: seconds for the fetching of products, where a person asks: then also of those that were given
    up; None: what the invocation has.
    """
    claimed = work.claim(desk, request, operation)
    record: work.Record | None = None
    case: Case | None = None
    failure: FacilityError | None = None
    try:
        case = desk.open_case(work.allocation_of(desk.facility, request))
        record = work.Record(claimed, case)
        order = work.order_of(desk.facility, claimed, case)
        if operation == "poll":
            progress = desk.facility.poll(order, case.link)
            after = _with_products(desk, case, progressed(desk, record.current, progress), fetch_s)
        elif operation == "retrieve":
            after = _with_products(desk, case, claimed, fetch_s)
        else:
            found = desk.facility.reconcile(order, case.link)
            after = _reconciled(desk, record.current, found)
    except FacilityError as error:
        failure = error
        claimed = record.current if record else claimed
        after = patience.unasked(claimed, error.retry_after)
    except Problem as error:
        logger.warning("a request cannot be followed", request_id=request.id, detail=error.detail)
        failure = NoAnswer(error.detail)
        gone = isinstance(error, NotFound)
        after = claimed.change(next_action_at=None) if gone else patience.unasked(claimed)
    except Exception:
        logger.exception("the facility's class failed", request_id=request.id, operation=operation)
        failure = NoAnswer("internal error")
        claimed = record.current if record else claimed
        after = patience.unasked(claimed)
    claimed = record.current if record else claimed
    changed = after.status is not claimed.status or failure is not None
    after, unsettled = patience.in_vain(claimed, after)
    settled = work.settle(
        desk,
        claimed,
        after,
        action=operation,
        by="slew",
        case=case,
        always_event=unsettled or _measured_later(claimed, after),
        keep_exchanges=changed,
    )
    return settled, failure


def _measured_later(before: Request, after: Request) -> bool:
    """Whether measurements have come after people were told that it is complete."""
    return before.status is after.status is Status.COMPLETE and after.rows > before.rows


def progressed(desk: Desk, request: Request, progress: Progress) -> Request:
    """The request as a facility's word on it leaves it."""
    status = progress.status or request.status
    after = request.change(
        status=status,
        text=progress.text or request.text,
        reason=progress.reason if progress.status else request.reason,
        facility_request_id=progress.facility_request_id or request.facility_request_id,
        facility_data={**request.facility_data, **progress.data},
        products=progress.products,
        failures=0,
    )
    wished = progress.next_poll_s
    poll_at = clock.timestamp() + work.jittered(wished) if wished is not None else None
    return after.change(poll_at=poll_at, next_action_at=poll_at)


def _with_products(desk: Desk, case: Case, request: Request, fetch_s: float | None) -> Request:
    ends_at = desk.ends_at - retrieval.MARGIN_S
    if fetch_s is not None:
        ends_at = min(ends_at, clock.timestamp() + fetch_s)
    fetched = retrieval.follow(desk.facility, case, request, ends_at, anew=fetch_s is not None)
    return fetched.change(next_action_at=fetched.follow_at)


def _reconciled(desk: Desk, request: Request, found: Submission | Absent | None) -> Request:
    now = clock.timestamp()
    if isinstance(found, Absent) and now < (request.sent_at or 0) + ABSENT_AFTER_S:
        found = None  # what was sent a moment ago may still be on its way into the facility's books
    if isinstance(found, Absent):
        return request.change(
            **(request.proposed or {}),
            proposed=None,
            status=Status.PENDING,
            reason="the facility has it not; it is sent again",
            facility_request_id=None,
            next_attempt_at=clock.isoformat(now),
            next_action_at=now,
        )
    if found is None:
        later = now + work.backoff_s(request.failures + 1, 60)
        return request.change(failures=request.failures + 1, next_action_at=later)
    # An update that gave it another id there has come through; of one that keeps the id nobody can tell.
    replaced = request.proposed if found.facility_request_id != request.facility_request_id else None
    untold = ("whether the update took effect is not known",) if request.proposed and not replaced else ()
    after = request.change(
        **(replaced or {}),
        proposed=None,
        status=found.status,
        facility_request_id=found.facility_request_id,
        facility_data={**request.facility_data, **found.data},
        left=found.left,
        text=found.text,
        reason=found.text if found.status is Status.REJECTED else "",
        notes=(*request.notes, *found.notes, *untold),
        failures=request.failures + 1 if found.status is Status.UNKNOWN else 0,
    )
    return after.change(next_action_at=work.next_look(desk.facility, after, now, found.next_poll_s))


def _rest(request: Request) -> Request:
    return store.save(request.change(next_action_at=None))
