"""Deleting a schedule (card: Cancel). It is harmless to ask twice, and its effect can be read back."""

from __future__ import annotations

from datetime import timedelta

from slew.errors import Failed, NoAnswer, Rejected, Unanswered
from slew.facility import Cancellation, Link
from slew.wire import HttpRequest
from winter import pacing, schedules, server
from winter.targets import WinterOrder

TRIES, WAIT_S = 3, 10.0
NEW = timedelta(minutes=1)
"""So long a schedule may not be visible yet."""


def delete(order: WinterOrder, link: Link) -> Cancellation:
    """Delete the order's schedule. Raises Rejected, Failed, NotSent or Unanswered."""
    name = order.facility_request_id
    if not name:
        raise Rejected("the schedule's name is not known")
    request = server.request("DELETE", "/too/delete", order.altdata, schedule_name=name)
    try:
        return _sent(request, name, link, 1 if order.cancel_sent else TRIES)
    except Unanswered:
        if _is_gone(order, name, link):
            return Cancellation(text=f"schedule {name} is gone")
        raise
    except Failed:
        if order.cancel_sent:
            return Cancellation(text=f"schedule {name} was already gone")
        raise


def _sent(request: HttpRequest, name: str, link: Link, tries: int) -> Cancellation:
    """Ask, again if there is no such schedule: for some seconds a new one is not visible."""
    for attempt in range(tries):
        if attempt:
            pacing.sleep(WAIT_S)
        answer = link.http.send(request, read_timeout=server.TIMEOUT_S)
        if answer.status != 404:
            content = server.accepted(answer)
            return Cancellation(text=str(content.get("msg") or f"Deleted {name}"))
    raise Failed("schedule not found")


def _is_gone(order: WinterOrder, name: str, link: Link) -> bool:
    """Whether the service says that it has not got it (any more); of a new one that proves nothing."""
    if order.now - order.created_at < NEW:
        return False
    try:
        return schedules.details(name, order.altdata, link) is None
    except NoAnswer:
        return False
