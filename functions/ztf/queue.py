"""A queue at the scheduler: sent, replaced, removed, followed, looked for (card ztf.md: Operations)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from slew import clock
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Absent, Cancellation, Link, Progress, Submission
from slew.status import Status
from slew.wire import HttpRequest
from ztf import depot, gateway, listing, progress
from ztf.gateway import InUse, Silent
from ztf.kept import Kept, Listed
from ztf.models import ZtfAltdata
from ztf.wire import ZtfOrder

DEPOT_WAIT = timedelta(hours=24)
DEPOT_POLL_S = 3600.0
CHECK_AGAIN_S = 60.0


def submit(order: ZtfOrder, kept: Kept, put: HttpRequest, link: Link) -> Submission:
    """Put the queue there; what there is to know it by is kept first.

    Raises Rejected, NotSent, Unanswered.
    """
    link.keep({**progress.FRESH, **kept.data()})
    try:
        gateway.send(link, put)
    except InUse as error:
        try:
            mine = live(kept, order.altdata, link)
        except (NoAnswer, Rejected) as failure:
            text = f"the name is in use; whether by this request could not be read: {failure.reason}"
            raise Unanswered(text) from None
        if mine is None:
            raise Rejected(f"queue name already in use: {kept.name} ({error.reason})") from None
        note = f"a queue {kept.name} with these targets and this window was there already: taken for this one"
        return submission(order, kept, note)
    except Silent as error:
        if _listed(kept, order.altdata, link) is None:
            raise Unanswered(error.reason) from None
        return submission(order, kept, f"{error.reason}; but the queue is listed")
    return submission(order, kept)


def submission(order: ZtfOrder, kept: Kept, *notes: str) -> Submission:
    """Of a queue that is there."""
    text = f"queue {kept.name}, {kept.total} exposures"
    data = {**progress.FRESH, **kept.data()}
    return Submission(kept.name, data, text=text, notes=notes, next_poll_s=progress.wait_s(kept, order.now))


def update(order: ZtfOrder, old: Kept, new: Kept, put: HttpRequest, link: Link) -> Submission:
    """Delete the old queue, see that it is gone, put the new one.

    Raises as `submit`; Withdrawn where the old one is gone and the new one not taken, `waiting` where it
    could not be sent.
    """
    there = _before(order, old, new, link)
    if old == new:
        return replace(submission(order, old, "the queue had these targets and this window already"), data={})
    at = clock.isoformat(order.now)
    rest_s = old.shortest_s * (1 if there.left is None else there.left / old.total)
    link.keep({"replacing": {**new.data(), "at": at, "rest_s": rest_s}})
    try:
        remove(order, old, link)
    except (Rejected, NotSent):
        link.keep({"replacing": None})
        raise
    gone = f"the former queue {old.name} is deleted"
    try:
        if live(old, order.altdata, link) is not None:
            raise Rejected(f"the queue {old.name} is still listed after its deletion; nothing new was sent")
    except NoAnswer as error:
        text = f"{gone}, which could not be checked: {error.reason}"
        raise Withdrawn(text, waiting=True, retry_after=CHECK_AGAIN_S) from None
    link.keep({"replacing": {**new.data(), "at": at, "rest_s": None}})
    try:
        gateway.send(link, put)
    except NotSent as error:
        raise Withdrawn(f"{error.reason}; {gone}", waiting=True, retry_after=error.retry_after) from None
    except Rejected as error:
        raise Withdrawn(f"{error.reason}; {gone}") from None
    except Unanswered as error:
        if not isinstance(error, Silent) or _listed(new, order.altdata, link) is None:
            raise Unanswered(f"{error.reason}; {gone}") from None
    return submission(order, new, gone)


def cancel(order: ZtfOrder, kept: Kept, link: Link) -> Cancellation:
    """Delete it, if it is there and this request's. Raises Rejected, NotSent, Unanswered."""
    there = next((each for each in _queues(order, link) if kept.is_same(each)), None)
    if there is None:
        ended = progress.gone(kept, order.facility_data, order.now)
        return Cancellation(ended.status or Status.CANCELLED, ended.text, ended.reason)
    remove(order, kept, link)
    done = (
        "" if there.left is None else f"; {kept.total - there.left} of {kept.total} exposures had been done"
    )
    return Cancellation(text=f"queue {kept.name} deleted{done}")


def remove(order: ZtfOrder, kept: Kept, link: Link) -> None:
    """Delete a queue that is this request's. That it was is kept first, for its absence must be understood.

    Raises Rejected or NotSent where it is there as before, Unanswered where nobody knows.
    """
    link.keep({"withdrawn_at": clock.isoformat(order.now)})
    content = {"queue_name": kept.name, "user": kept.user}
    try:
        gateway.send(link, gateway.request("DELETE", gateway.QUEUES, order.altdata, content))
    except NotSent:
        link.keep({"withdrawn_at": None})
        raise
    except Rejected as error:
        if _is_gone(kept, order.altdata, link):
            return
        link.keep({"withdrawn_at": None})
        raise Rejected(f"the queue could not be deleted: {error.reason}") from None
    except Unanswered:
        if not _is_gone(kept, order.altdata, link):
            raise


def poll(order: ZtfOrder, kept: Kept, link: Link) -> Progress:
    """How it goes, by the list and, once it is gone, by the depot. Raises NoAnswer."""
    queues = listing.once(link, "queues", lambda: listing.queues(order.altdata, link))
    for each in queues:
        if kept.is_same(each):
            return progress.found(kept, each, order.facility_data, order.now)
    ended = progress.gone(kept, order.facility_data, order.now)
    if ended.status is Status.CANCELLED or order.altdata.depot is None:
        return ended
    return _confirmed(order, kept, ended, link)


def reconcile(order: ZtfOrder, kept: Kept, link: Link) -> Submission | Absent | None:
    """Look for it by its name. Raises NoAnswer.

    A queue that is not listed has certainly not been there only while it could not have been worked off.
    """
    queues = _read(order.altdata, link)
    proposed: Mapping[str, Any] = order.facility_data.get("replacing") or {}
    new = Kept.read(proposed)
    if new is not None:
        return _reconciled_update(order, kept, new, proposed, queues)
    if any(kept.is_same(each) for each in queues):
        return submission(order, kept, "found in the gateway's list")
    if any(each.name == kept.name for each in queues):
        return Absent()  # the name is somebody else's: sent again, it is refused for that
    if not _may_be_done(kept, order.created_at, order.now):
        return Absent()
    if order.altdata.depot and depot.executed(kept, order.altdata, link, order.now).done:
        return submission(order, kept, "no longer listed, but the depot has exposures of it")
    return None


def live(kept: Kept, altdata: ZtfAltdata, link: Link) -> Listed | None:
    """The queue as it is listed now. Raises NoAnswer, and Rejected for bad credentials."""
    return next((each for each in listing.queues(altdata, link) if kept.is_same(each)), None)


def _reconciled_update(
    order: ZtfOrder, old: Kept, new: Kept, proposed: Mapping[str, Any], queues: tuple[Listed, ...]
) -> Submission | Absent | None:
    if any(new.is_same(each) for each in queues):
        return submission(order, new, "the changed queue is listed")
    if any(old.is_same(each) for each in queues):
        kept = submission(order, old, "the queue is listed as it was before the update")
        return replace(kept, data={"replacing": None, "withdrawn_at": None})
    since = clock.parse(proposed["at"])
    rest_s = proposed["rest_s"]
    ended_itself = rest_s is not None and (order.now - since).total_seconds() >= rest_s
    if ended_itself or _may_be_done(new, since, order.now):
        return None
    return Absent()


def _may_be_done(kept: Kept, since: datetime, now: datetime) -> bool:
    """Whether all of it can have been observed between then and now, and the queue be gone for that."""
    return (now - max(since, kept.start)).total_seconds() >= kept.shortest_s


def _before(order: ZtfOrder, old: Kept, new: Kept, link: Link) -> Listed:
    """The old queue, there to be changed. Raises Rejected, NotSent: nothing has been changed."""
    queues = _queues(order, link)
    there = next((each for each in queues if old.is_same(each)), None)
    if there is None:
        ended = progress.gone(old, order.facility_data, order.now)
        raise Rejected(f"the queue {old.name} is no longer there ({ended.text}); nothing was changed")
    if new.name != old.name and any(each.name == new.name for each in queues):
        raise Rejected(f"queue name already in use: {new.name}; nothing was changed")
    return there


def _queues(order: ZtfOrder, link: Link) -> tuple[Listed, ...]:
    """The list before something is changed. Raises NotSent where it cannot be read, Rejected."""
    try:
        return listing.queues(order.altdata, link)
    except NoAnswer as error:
        raise NotSent(f"the list of queues cannot be read: {error.reason}", error.retry_after) from None


def _read(altdata: ZtfAltdata, link: Link) -> tuple[Listed, ...]:
    try:
        return listing.queues(altdata, link)
    except Rejected as error:
        raise NoAnswer(error.reason) from None


def _listed(kept: Kept, altdata: ZtfAltdata, link: Link) -> Listed | None:
    """The queue, if the list can be read and has it."""
    try:
        return live(kept, altdata, link)
    except (NoAnswer, Rejected):
        return None


def _is_gone(kept: Kept, altdata: ZtfAltdata, link: Link) -> bool:
    """Whether the list can be read and has it not."""
    try:
        return live(kept, altdata, link) is None
    except (NoAnswer, Rejected):
        return False


def _confirmed(order: ZtfOrder, kept: Kept, ended: Progress, link: Link) -> Progress:
    """What the depot says of a queue that is gone; it may take hours until it has a night."""
    found = depot.executed(kept, order.altdata, link, order.now)
    data = {**ended.data, **found.data()}
    count = f"{found.done} of {kept.total} exposures are in the depot"
    if found.done >= kept.total:
        return Progress(Status.COMPLETE, f"complete: {count}", "", data, next_poll_s=None)
    trouble = f" (the depot: {found.trouble})" if found.trouble else ""
    text = f"{ended.text}; {count}{trouble}"
    if order.now - clock.parse(data["gone_at"]) < DEPOT_WAIT:
        # What the list alone says stands in the text; the status waits for the depot.
        return Progress(
            Status.IN_PROGRESS, f"{text}, which is asked for a day", "", data, next_poll_s=DEPOT_POLL_S
        )
    surely_none = bool(found.read) and not found.trouble and not found.done
    if surely_none and ended.status is Status.COMPLETE and order.facility_data.get("left") == kept.total:
        text = f"removed by an operator before anything was observed: {count}"
        return Progress(Status.CANCELLED, text, text, data, next_poll_s=None)
    return Progress(ended.status, text, text if ended.reason else "", data, next_poll_s=None)
