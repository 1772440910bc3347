"""Following a group: by the LT's status service, or where it has none, by the public logs of its nights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lt import agent, archive, progress, rtml
from lt.document import LtOrder, kept_window
from lt.progress import Standing
from lt.reply import Reply
from slew.errors import NoAnswer, Rejected
from slew.facility import Link, Progress
from slew.pages import for_people
from slew.status import ENDED, NO_STATUS, Status

NO_SERVICE = "Unknown document request type."
LOGS_AT_ONCE = 10
LOG_PATIENCE = timedelta(days=3)
DATA_READY = timedelta(hours=22, minutes=30)  # after the evening's noon: 10:30 UT of the morning after
DATA_PATIENCE = timedelta(days=3)
DATA_AGAIN_S = 6 * 3600.0
UNLISTED = "the files are in the LT's data archive; with data_password in altdata they are listed and fetched"


def poll(order: LtOrder, link: Link) -> Progress:
    """How it goes. Raises NoAnswer."""
    uid = order.facility_request_id
    if not uid:
        raise NoAnswer("the uid of the document is not known")
    reply = agent.ask(link, order.altdata, rtml.about("update", uid, order.altdata))
    if reply.mode == "update":
        return _followed(order, link, reply)
    if reply.mode != "reject":
        raise NoAnswer(f"unexpected reply mode {for_people(reply.mode, 40)}")
    if order.status in ENDED and order.status is not Status.COMPLETE:
        return Progress(None, next_poll_s=None)
    if order.status is Status.COMPLETE and (nights := order.facility_data.get("nights")):
        return _complete(
            order, link, Standing(Status.COMPLETE, f"observed; {reply.reason}", nights=tuple(nights))
        )
    return _by_logs(order, link, reply.reason)


def _followed(order: LtOrder, link: Link, reply: Reply) -> Progress:
    window = kept_window(order)
    found = progress.standing(reply, order.now, window[1])
    if found.status is Status.COMPLETE:
        return _complete(order, link, found)
    if order.status is Status.CANCELLED:
        return Progress(None, next_poll_s=None)
    if found.status in ENDED:
        wait = progress.last_look_s(order.now, window)
        return Progress(found.status, found.text, found.reason or found.text, next_poll_s=wait)
    return Progress(found.status, found.text, next_poll_s=progress.next_look_s(order.now, window))


def _complete(order: LtOrder, link: Link, found: Standing) -> Progress:
    """Observed: the files are listed until the reduced ones of each night are there, or for three days."""
    done = Progress(Status.COMPLETE, found.text, data={"nights": list(found.nights)}, next_poll_s=None)
    if order.altdata.data_password is None:
        return replace(done, text=f"{found.text}; {UNLISTED}")
    group = rtml.group_name(order.facility_request_id or "")
    evening = _noon(found.nights[-1]) if found.nights else order.now
    left = evening + DATA_READY + DATA_PATIENCE - order.now
    try:
        files, ready = archive.products(link, order.altdata, group, found.nights)
    except (NoAnswer, Rejected) as error:
        again = DATA_AGAIN_S if left > timedelta(0) else None
        return replace(done, text=f"{found.text}; data: {error.reason}", next_poll_s=again)
    kept = files or None  # the pages forget after a month what has been listed
    settled = ready and order.now >= evening + DATA_READY
    if settled or left <= timedelta(0):
        return replace(done, products=kept)
    wait = (evening + DATA_READY - order.now).total_seconds()
    return replace(done, products=kept, next_poll_s=wait if wait > 60 else DATA_AGAIN_S)


def _by_logs(order: LtOrder, link: Link, why: str) -> Progress:
    """What the public night logs tell of a group whose status the LT does not give."""
    data = order.facility_data
    window = kept_window(order)
    past = order.now >= window[1]
    read, frames = list(data.get("nights_read") or ()), dict(data.get("frames") or {})
    _read_logs(order, link, window, read, frames)
    kept = {"nights_read": read, "frames": frames}
    nights = tuple(sorted(night for night, count in frames.items() if count))
    words = f"{NO_STATUS} (this LT)" if why == NO_SERVICE else f"status: the LT says: {why}"
    seen, expected = sum(frames.values()), int(data.get("exposures") or 1)
    if seen:
        text = f"{words}; {seen} of {expected} exposures in the night logs"
        if seen >= expected or past:
            partial = "" if seen >= expected else f"; warning: {progress.PARTIAL}"
            found = _complete(order, link, Standing(Status.COMPLETE, text + partial, nights=nights))
            return replace(found, data={**kept, **found.data})
        wait = progress.next_look_s(order.now, window)
        return Progress(Status.IN_PROGRESS, text, data=kept, next_poll_s=wait)
    if not past:
        return Progress(None, words, data=kept, next_poll_s=progress.next_look_s(order.now, window))
    if progress.night_of(window[1]) in read or order.now >= window[1] + LOG_PATIENCE:
        text = f"{words}; the window has ended and no night log shows an observation"
        return Progress(Status.EXPIRED, text, text, kept, next_poll_s=None)
    return Progress(None, f"{words}; waiting for the last night's log", data=kept, next_poll_s=DATA_AGAIN_S)


def _read_logs(
    order: LtOrder, link: Link, window: progress.Window, read: list[str], frames: dict[str, Any]
) -> None:
    """Add what the logs of the nights not yet read show; a log that is not out is asked for the next time."""
    group = rtml.group_name(order.facility_request_id or "")
    night, until, fetched = _noon(progress.night_of(window[0])), min(order.now, window[1]), 0
    while night <= until and fetched < LOGS_AT_ONCE:
        name, night = progress.night_of(night), night + timedelta(days=1)
        if name in read or order.now < night:
            continue
        fetched += 1
        rows = archive.logged(link, order.altdata, group, name)
        if rows is None:
            if order.now >= night + LOG_PATIENCE:
                read.append(name)  # never released
            continue
        read.append(name)
        if count := len({file.exposure for file in rows if file.frame == "e"}):
            frames[name] = count


def _noon(night: str) -> datetime:
    """12:00 UT of the evening's date, when a night begins."""
    return datetime.strptime(night, "%Y%m%d").replace(hour=12, tzinfo=UTC)
