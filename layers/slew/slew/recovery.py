"""Taking over from an invocation that ended in the middle: its lease has run out, and what is known decides.

`sending` was written before the first byte could leave. Without it the facility certainly knows nothing, and
the request waits to be sent again; with it nobody can tell, and the request is `unknown` until the facility
is asked or a person decides. A look at the facility that did not end has failed like any other: the next one
is put off, and nobody is told.
"""

from __future__ import annotations

from slew import clock, patience, store, work
from slew.records import Request
from slew.status import Status
from slew.work import Desk

_LOOKS = ("poll", "reconcile", "retrieve")
_CRASHED = "the function ended in the middle of it"


def recover(desk: Desk, request: Request) -> Request:
    """The request as it has to be seen now: unchanged while its lease runs or where there is none."""
    now = clock.timestamp()
    if request.lease_until is None or request.leased(now):
        return request
    if request.operation in _LOOKS and not request.sending:
        after, told = patience.in_vain(request, patience.unasked(request))
    else:
        after, told = _after_crash(desk, request, now), True
    try:
        return work.settle(desk, request, after, action="recover", by="slew", always_event=told)
    except store.Outdated:
        return work.find_request(desk.facility, request.id)


def _after_crash(desk: Desk, request: Request, now: float) -> Request:
    if request.status is Status.SUBMITTING and not request.sending:
        return request.change(
            status=Status.PENDING,
            reason=f"{_CRASHED}; nothing had been sent",
            next_attempt_at=clock.isoformat(now),
            next_action_at=now,
        )
    if request.status is Status.SUBMITTING:
        unknown = request.change(
            status=Status.UNKNOWN, reason=f"{_CRASHED}, after the request may have been sent"
        )
        return unknown.change(next_action_at=work.next_look(desk.facility, unknown, now, wished_s=1.0))
    if request.sending and request.operation == "update":
        unknown = request.change(
            status=Status.UNKNOWN, reason=f"{_CRASHED} of an update, which may have been sent"
        )
        return unknown.change(next_action_at=work.next_look(desk.facility, unknown, now, wished_s=1.0))
    text = (
        f"{request.operation}: {_CRASHED}; its outcome at the facility is not known"
        if request.sending
        else request.text
    )
    kept = request.change(text=text, proposed=None)
    if kept.status is Status.PENDING and kept.next_attempt_at:  # what it waits for is not over with a crash
        return kept.change(next_action_at=clock.parse(kept.next_attempt_at).timestamp())
    if not kept.live and kept.follow_at is not None:  # its products are still to come
        return kept.change(next_action_at=kept.follow_at)
    return kept.change(
        next_action_at=work.next_look(desk.facility, kept, now, wished_s=1.0 if kept.live else None)
    )
