"""The HTTP receiver (card mma.md, "submit by API", "cancel, status, queue"): requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mma.models import MmaAltdata
from mma.plan import Plan
from slew import pages
from slew.errors import NoAnswer, NotSent, Rejected
from slew.facility import Link
from slew.status import Status
from slew.wire import Answer, HttpRequest, NotJson

Row = Mapping[str, Any]

LISTED = "mma plans"
_REASON_LIMIT = 300
_ID_LIMIT = 200
_STATES = {
    "pending": Status.SUBMITTED,
    "processing": Status.IN_PROGRESS,
    "done": Status.COMPLETE,
    "failed": Status.FAILED,
    "missed": Status.EXPIRED,
}


def submission(altdata: MmaAltdata, plan: Plan) -> HttpRequest:
    """PUT of the plan."""
    return HttpRequest.of_json("PUT", altdata.collection, plan.content(), _headers(altdata), untrusted=True)


def removal(altdata: MmaAltdata, queue_name: str) -> HttpRequest:
    """DELETE of a plan by its name, as the demo receiver's early version takes it."""
    url = f"{altdata.collection}?queue_name={quote(queue_name, safe='')}"
    return HttpRequest("DELETE", url, _headers(altdata), untrusted=True)


def taken(answer: Answer) -> tuple[str | None, str]:
    """The plan's id at the receiver if it gave one, and a note if its 2xx was not understood.

    Raises Rejected, or NotSent where it was throttled. Not for 5xx.
    """
    if answer.status == 429:
        raise NotSent(f"throttled: {words(answer)}", answer.retry_after)
    if answer.status in (401, 403):
        raise Rejected(f"the receiver refused the token: {words(answer)}")
    if answer.status not in (200, 201, 202):
        raise Rejected(words(answer))
    content = _content(answer)
    if isinstance(content, dict):
        if content.get("status") == "error":
            raise Rejected(words(answer))
        data = content.get("data")
        found = data.get("id") if isinstance(data, dict) else None
        usable = isinstance(found, int | str) and not isinstance(found, bool) and len(str(found)) <= _ID_LIMIT
        return (str(found) or None) if usable else None, ""
    said = pages.words(answer.text, _REASON_LIMIT)
    return None, f"the receiver's answer was not understood: it said {said}" if said else ""


def name_exists(answer: Answer) -> bool:
    """Whether it refuses because it has a plan of this name."""
    return answer.status in (400, 409) and "already exists" in answer.text


def removed(answer: Answer) -> str:
    """The text of an answer to a DELETE that did it. Raises Rejected, NotSent."""
    if answer.status == 429:
        raise NotSent(f"throttled: {words(answer)}", answer.retry_after)
    content = _content(answer)
    refused = isinstance(content, dict) and content.get("status") == "error"
    if answer.status not in (200, 202, 204) or refused:
        raise Rejected(f"not removed: {words(answer)}")
    return f"HTTP {answer.status}"


def is_gone(answer: Answer) -> bool:
    """Whether the receiver says that it has no such plan."""
    return answer.status == 404 or (answer.status == 400 and "Could not find" in answer.text)


def plans(altdata: MmaAltdata, link: Link) -> list[Row]:
    """All plans that the receiver has, in its newer or its older form. Raises NoAnswer."""
    if LISTED not in link.shared:
        answer = link.http.read(HttpRequest("GET", altdata.collection, _headers(altdata), untrusted=True))
        content = _read(answer)
        rows = content.get("data", content.get("queued")) if isinstance(content, dict) else content
        if not isinstance(rows, list):
            raise NoAnswer(f"the receiver's list was not understood: {words(answer)}")
        link.shared[LISTED] = [row for row in rows if isinstance(row, dict)]
    found: list[Row] = link.shared[LISTED]
    return found


def plan_of_id(altdata: MmaAltdata, plan_id: str, link: Link) -> Row | None:
    """One plan with its observations; None where the receiver has none of that id. Raises NoAnswer."""
    url = f"{altdata.collection}/{quote(plan_id, safe='')}"
    answer = link.http.read(HttpRequest("GET", url, _headers(altdata), untrusted=True))
    if is_gone(answer):
        return None
    content = _read(answer)
    row = content.get("data") if isinstance(content, dict) else None
    if not isinstance(row, dict):
        raise NoAnswer(f"the receiver's plan was not understood: {words(answer)}")
    return row


def find(altdata: MmaAltdata, queue_name: str, link: Link) -> Row | None:
    """The plan of that name at the receiver. Raises NoAnswer."""
    return next((row for row in plans(altdata, link) if row.get("queue_name") == queue_name), None)


def same(row: Row, plan: Plan) -> bool:
    """Whether a plan at the receiver is this one, as far as it shows."""
    inner = row.get("payload")
    targets = (inner if isinstance(inner, dict) else row).get("targets")
    return not isinstance(targets, list) or targets == list(plan.targets)


def id_of(row: Row) -> str | None:
    """The receiver's id of a plan."""
    found = row.get("id")
    return str(found) if isinstance(found, int | str) and not isinstance(found, bool) else None


def state(row: Row) -> tuple[Status | None, str]:
    """Status and text of a plan at the receiver; no status where it does not say, or says an unknown one."""
    told = row.get("status")
    if not isinstance(told, str):
        return Status.SUBMITTED, "in the receiver's queue"
    observations = row.get("observations")
    text = pages.for_people(told, 100)
    if isinstance(observations, list) and observations:
        done = sum(isinstance(each, dict) and each.get("status") == "done" for each in observations)
        text += f", {done} of {len(observations)} observations done"
    return _STATES.get(told.lower()), text


def words(answer: Answer) -> str:
    """A refusal in a line: the JSON's message, else the body without markup."""
    content = _content(answer)
    told = content.get("message") if isinstance(content, dict) else None
    said = pages.words(told if isinstance(told, str) else answer.text, _REASON_LIMIT)
    return f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status} without a reason"


def _read(answer: Answer) -> Any:
    if answer.status in (401, 403):
        raise NoAnswer(f"the receiver refused the token: {words(answer)}")
    if answer.status != 200:
        raise NoAnswer(words(answer))
    content = _content(answer)
    if isinstance(content, dict) and content.get("status") == "error":
        raise NoAnswer(words(answer))
    return content


def _content(answer: Answer) -> Any:
    try:
        return answer.json()
    except NotJson:
        return None


def _headers(altdata: MmaAltdata) -> dict[str, str]:
    return {"Authorization": f"token {altdata.token}"}
