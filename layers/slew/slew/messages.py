"""What a facility posts to us about a request: authenticated by its own credential, not by a token of ours.

The credential is part of an allocation's altdata, and a message speaks only for requests of allocations that
it opens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slew import clock, numbering, recovery, retrieval, store, tracking, work
from slew.errors import Conflict, NotFound, Problem, Unauthorized, Unavailable
from slew.facility import Facility, Message
from slew.log import logger
from slew.records import Allocation, Request
from slew.work import Desk

_ALLOCATIONS = 1000
_WITHIN_S = 25.0
"""A message takes moments, and its client gives up after a minute: a crash must not lease the request longer.

Should one take longer all the same, nothing is sent in it, and its outcome is written only over what it read.
"""


def take(desk: Desk, message: Message) -> tuple[int, Any]:
    """Take a message in; returns HTTP status and JSON of the answer, in the facility's form."""
    desk = replace(desk, ends_at=min(desk.ends_at, clock.timestamp() + _WITHIN_S))
    try:
        _receive(desk, message)
    except Problem as error:
        logger.warning("a message was refused", status=error.status, detail=error.detail)
        return desk.facility.reply(message, error)
    return desk.facility.reply(message, None)


def _receive(desk: Desk, message: Message) -> None:
    opened = {allocation.id for allocation in _opened(desk.facility, message)}
    if not opened:
        raise Unauthorized("the message shows no credential of an allocation of this facility")
    number = desk.facility.message_number(message)
    if number is None:
        logger.info("a message about no request was taken", path=message.path)
        return
    request_id = numbering.request_of(desk.facility.id, number)
    request = store.get_request(request_id) if request_id else None
    if request is None or request.allocation_id not in opened:
        raise NotFound(f"there is no request with the number {number}")
    request = recovery.recover(desk, request)
    try:
        _apply(desk, request, message)
    except (Conflict, store.Outdated):
        raise Unavailable("the request is being worked on; send the message again") from None


def _apply(desk: Desk, request: Request, message: Message) -> None:
    case = desk.open_case(work.allocation_of(desk.facility, request))
    progress = desk.facility.receive(work.order_of(desk.facility, request, case), message)
    claimed = work.claim(desk, request, "message")
    after = tracking.progressed(desk, claimed, progress)
    retrieval.keep(claimed, case, progress)
    work.settle(desk, claimed, after, action="message", by=desk.facility.title, case=case, always_event=True)


def _opened(facility: Facility, message: Message) -> list[Allocation]:
    """The allocations whose altdata a message's credential fits."""
    found, _ = store.list_allocations({"facility": facility.id}, None, None, _ALLOCATIONS)
    opened = []
    for allocation in found:
        try:
            case = work.open_case(facility, allocation)
        except Problem:
            continue  # its credentials are being changed, or are gone
        if facility.accepts(message, case.altdata):
            opened.append(allocation)
    return opened
