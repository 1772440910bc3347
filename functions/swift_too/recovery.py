"""Finding a TOO whose submission had no answer (card: v2: validate and submit).

The list shows approved ones only, so that absence from it says nothing. But the server guards against
duplicates and names the one it has: the same request, sent once more soon after, is answered with its number.
"""

from __future__ import annotations

from datetime import timedelta
from math import cos, hypot, radians
from typing import Any

from slew import clock
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link, Order, Submission
from slew.status import Status
from swift_too.answers import Outcome, Refused, duplicate_of
from swift_too.records import Entry
from swift_too.service import Service, stamp
from swift_too.target_of_opportunity import TooPayload

GUARDED = timedelta(minutes=10)
"""For how long after the first sending the guard is relied on; its real length is not known."""
LATER_S = 3600.0
_SKEW = timedelta(minutes=5)
_AT_MOST = timedelta(days=1)
_APART = 5 / 3600  # deg


def in_list(service: Service, order: Order[Any, Any], payload: TooPayload) -> Entry | None:
    """Our TOO among the approved ones, told by its justifications, which only their owner is shown.

    Raises NoAnswer.
    """
    begin, end = order.created_at - _SKEW, order.created_at + _AT_MOST
    query = {
        "limit": 100,
        "begin": stamp(begin.replace(microsecond=0)),
        "end": stamp(end.replace(microsecond=0)),
        "ra": order.target.ra,
        "dec": order.target.dec,
        "radius": 0.05,
    }
    entries = service.requests(query, own=True)
    return next((entry for entry in entries if _is_ours(entry, order, payload)), None)


def send_again(
    service: Service, order: Order[Any, Any], payload: TooPayload, link: Link
) -> Submission | None:
    """Send the same request once more, and learn its number from the refusal.

    None where it is too late for the guard, or was done before. Raises NoAnswer.
    """
    if order.facility_data.get("sent_again_at") or order.now - order.created_at > GUARDED:
        return None
    mark = {"sent_again_at": clock.isoformat(order.now)}
    link.keep(mark)
    try:
        outcome = service.send(service.request(order.target, payload))
    except Refused as error:
        return _refused(error, mark)
    except Unanswered as error:
        text = f"sent once more, and again without an answer: {error.reason}"
        return Submission(None, mark, Status.UNKNOWN, text, next_poll_s=LATER_S)
    except (NotSent, Rejected) as error:
        link.keep({"sent_again_at": None})
        raise NoAnswer(error.reason, error.retry_after) from None
    return taken(outcome, mark)


def taken(outcome: Outcome, mark: dict[str, Any]) -> Submission | None:
    """What the server took now: the first sending had not reached it."""
    if outcome.too_id is None:
        return None
    note = "sent once more: the first sending had not reached Swift"
    return Submission(str(outcome.too_id), {**mark, "too_id": outcome.too_id}, notes=(note,))


def _refused(error: Refused, mark: dict[str, Any]) -> Submission:
    too_id = duplicate_of(error.reason)
    if too_id is not None:
        note = "Swift had it: it said so when it was sent once more"
        return Submission(str(too_id), {**mark, "too_id": too_id}, notes=(note,))
    # Had the first sending been accepted, the guard would have said so; what refuses now refused then.
    return Submission(None, mark, Status.REJECTED, error.reason)


def _is_ours(entry: Entry, order: Order[Any, Any], payload: TooPayload) -> bool:
    if entry.too_id is None or entry.made_at is None or entry.ra is None or entry.dec is None:
        return False
    across = (entry.ra - order.target.ra + 180) % 360 - 180
    apart = hypot(across * cos(radians(order.target.dec)), entry.dec - order.target.dec)
    return (
        entry.target_name == order.target.name
        and apart <= _APART
        and entry.made_at >= order.created_at - _SKEW
        and entry.science_just == payload.science_just
        and entry.immediate_objective == payload.immediate_objective
    )
