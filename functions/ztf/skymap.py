"""A sky map trigger, of which the scheduler makes queues of its own (card ztf.md: Skymap trigger)."""

from __future__ import annotations

from datetime import timedelta

from slew import clock
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Cancellation, Link, Progress, Submission
from slew.status import Status
from slew.wire import HttpRequest
from ztf import gateway, listing
from ztf.gateway import InUse, Silent
from ztf.kept import KeptSkymap
from ztf.listing import ListedSkymap
from ztf.models import ZtfAltdata
from ztf.wire import ZtfOrder

FIRST_DAY = timedelta(days=1)
POLL_S, LATER_POLL_S = 1800.0, 6 * 3600.0
FRESH = {"withdrawn_at": None}


def submit(order: ZtfOrder, kept: KeptSkymap, put: HttpRequest, link: Link) -> Submission:
    """Put the trigger there. Raises Rejected, NotSent, Unanswered."""
    link.keep({**FRESH, **kept.data()})
    try:
        gateway.send(link, put)
    except InUse as error:
        try:
            mine = _is_listed(kept, order.altdata, link)
        except (NoAnswer, Rejected) as failure:
            text = f"the name is in use; whether by this request could not be read: {failure.reason}"
            raise Unanswered(text) from None
        if not mine:
            raise Rejected(f"trigger name already in use: {kept.name} ({error.reason})") from None
        return submission(
            kept, f"a trigger {kept.name} with these fields was there already: taken for this one"
        )
    except Silent as error:
        if not _is_surely_listed(kept, order.altdata, link):
            raise Unanswered(error.reason) from None
        return submission(kept, f"{error.reason}; but the trigger is listed")
    except Rejected as error:
        raise _explained(error) from None
    return submission(kept)


def submission(kept: KeptSkymap, *notes: str) -> Submission:
    """Of a trigger that is there."""
    text = f"trigger {kept.name}, {kept.fields} fields; the scheduler's queue is {kept.greedy}"
    return Submission(kept.name, {**FRESH, **kept.data()}, text=text, notes=notes, next_poll_s=POLL_S)


def cancel(order: ZtfOrder, kept: KeptSkymap, link: Link) -> Cancellation:
    """Delete the trigger and then the queue that the scheduler has made of it.

    Raises Rejected, NotSent, Unanswered. A queue that cannot be deleted is told.
    """
    try:
        named = [each for each in _triggers(order.altdata, link) if each.name == kept.name]
    except NoAnswer as error:
        raise NotSent(f"the list of triggers cannot be read: {error.reason}", error.retry_after) from None
    there = any(kept.is_same(each.name, each.fields) for each in named)
    if named and not there:
        return Cancellation(
            text=f"gone; a trigger {kept.name} of other fields is somebody else's, left alone"
        )
    if there:
        _delete(order, kept, link)
    text = f"trigger {kept.name} {'deleted' if there else 'was already gone'}"
    return Cancellation(text=f"{text}; {_greedy_deleted(order, kept, link)}")


def poll(order: ZtfOrder, kept: KeptSkymap, link: Link) -> Progress:
    """In progress while it is listed; nothing more is told (card: Skymap trigger). Raises NoAnswer."""
    triggers = listing.once(link, "skymaps", lambda: listing.skymaps(order.altdata, link))
    if any(kept.is_same(each.name, each.fields) for each in triggers):
        waits_s = POLL_S if order.now - order.created_at < FIRST_DAY else LATER_POLL_S
        return Progress(Status.IN_PROGRESS, "listed; the gateway tells no more of it", next_poll_s=waits_s)
    by_us = bool(order.facility_data.get("withdrawn_at"))
    text = "deleted by Slew" if by_us else "no longer listed: deleted by somebody else"
    return Progress(Status.CANCELLED, text, "" if by_us else text, next_poll_s=None)


def reconcile(order: ZtfOrder, kept: KeptSkymap, link: Link) -> Submission | Absent:
    """Look for it by its name: a trigger stays listed until it is deleted. Raises NoAnswer."""
    try:
        found = _is_listed(kept, order.altdata, link)
    except Rejected as error:
        raise NoAnswer(error.reason) from None
    return submission(kept, "found in the gateway's list") if found else Absent()


def _delete(order: ZtfOrder, kept: KeptSkymap, link: Link) -> None:
    link.keep({"withdrawn_at": clock.isoformat(order.now)})
    content = {"trigger_name": kept.name, "user": kept.user}
    try:
        gateway.send(link, gateway.request("DELETE", gateway.SKYMAPS, order.altdata, content))
    except NotSent:
        link.keep({"withdrawn_at": None})
        raise
    except (Rejected, Unanswered) as error:
        if _is_surely_gone(kept, order.altdata, link):
            return
        if isinstance(error, Unanswered):
            raise
        link.keep({"withdrawn_at": None})
        raise Rejected(f"the trigger could not be deleted: {error.reason}") from None


def _greedy_deleted(order: ZtfOrder, kept: KeptSkymap, link: Link) -> str:
    """Delete the scheduler's own queue, which outlives the trigger; there may be none."""
    content = {"queue_name": kept.greedy, "user": kept.user}
    try:
        gateway.send(link, gateway.request("DELETE", gateway.QUEUES, order.altdata, content))
    except (Rejected, NotSent, Unanswered) as error:
        try:
            still = any(each.name == kept.greedy for each in listing.queues(order.altdata, link))
        except (NoAnswer, Rejected):
            return (
                f"whether its queue {kept.greedy} is gone is not known ({error.reason}): look at the queues"
            )
        if still:
            return (
                f"its queue {kept.greedy} is still there ({error.reason}): ask ZTF's operators to remove it"
            )
        return f"it has no queue {kept.greedy} (any more)"
    return f"its queue {kept.greedy} deleted"


def _triggers(altdata: ZtfAltdata, link: Link) -> tuple[ListedSkymap, ...]:
    try:
        return listing.skymaps(altdata, link)
    except Rejected as error:
        raise _explained(error) from None


def _is_listed(kept: KeptSkymap, altdata: ZtfAltdata, link: Link) -> bool:
    return any(kept.is_same(each.name, each.fields) for each in _triggers(altdata, link))


def _is_surely_listed(kept: KeptSkymap, altdata: ZtfAltdata, link: Link) -> bool:
    try:
        return _is_listed(kept, altdata, link)
    except (NoAnswer, Rejected):
        return False


def _is_surely_gone(kept: KeptSkymap, altdata: ZtfAltdata, link: Link) -> bool:
    try:
        return not _is_listed(kept, altdata, link)
    except (NoAnswer, Rejected):
        return False


def _explained(error: Rejected) -> Rejected:
    if "HTTP 404" not in error.reason:
        return error
    return Rejected(f"this gateway takes no sky map triggers; ztfpass has none ({error.reason})")
