"""SEDMv2 at Kitt Peak: a server like a SkyPortal's (card sedm.md: SEDMv2). None of it is tested there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from sedm import settings
from sedm.kitt_peak_models import FRAME_TIME_S, Sedmv2Payload
from sedm.models import SedmAltdata
from slew.errors import Invalid, NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Cancellation, Link, Order, Prepared, Progress, Submission
from slew.pages import words
from slew.status import NO_STATUS, Status
from slew.wire import Answer, HttpRequest, NotJson

WINDOW = timedelta(days=7)
TIMEOUT_S = 30.0
Sedmv2Order = Order[Sedmv2Payload, SedmAltdata]
_STATUSES = (
    (re.compile(r"submitted|accepted|pending"), Status.SUBMITTED),
    (re.compile(r"in.progress|active|observing"), Status.IN_PROGRESS),
    (re.compile(r"complete|observed"), Status.COMPLETE),
    (re.compile(r"rejected"), Status.REJECTED),
    (re.compile(r"failed|not completed"), Status.FAILED),
    (re.compile(r"expired"), Status.EXPIRED),
    (re.compile(r"deleted|cancell?ed"), Status.CANCELLED),
)


def prepare(order: Sedmv2Order) -> Prepared:
    """The POST. Raises Invalid."""
    note = f"no position is sent: SEDMv2's server must have a source named {order.target.name!r}"
    return Prepared((_posting(order),), (note,))


def submit(prepared: Prepared, link: Link) -> Submission:
    """Send it, once. Raises Rejected, NotSent or Unanswered."""
    return _taken(link.http.send(prepared.http(), read_timeout=TIMEOUT_S), None)


def update(order: Sedmv2Order, prepared: Prepared, link: Link) -> Submission:
    """PUT; where its server knows no such call (404, 405): delete, and then a new POST.

    Raises as `submit`, and Withdrawn.
    """
    post = prepared.http()
    change = HttpRequest("PUT", _one(order), post.headers, post.body, post.untrusted)
    answer = link.http.send(change, read_timeout=TIMEOUT_S)
    if answer.status not in (404, 405):
        return _taken(answer, order.facility_request_id)
    cancel(order, link)
    note = "SEDMv2's server does not edit requests: the old one was deleted and a new one sent"
    try:
        made = submit(prepared, link)
    except NotSent as error:
        raise Withdrawn(error.reason, waiting=True, retry_after=error.retry_after) from None
    except Rejected as error:
        raise Withdrawn(error.reason) from None
    return Submission(made.facility_request_id, text=made.text, notes=(note,))


def cancel(order: Sedmv2Order, link: Link) -> Cancellation:
    """DELETE. Raises Rejected, NotSent or Unanswered."""
    answer = link.http.send(HttpRequest("DELETE", _one(order), _headers(order), b"", _untrusted(order)))
    if answer.status < 400:
        return Cancellation(text=words(answer.text))
    raise _refusal(answer)


def poll(order: Sedmv2Order, link: Link) -> Progress:
    """Ask as a SkyPortal-like server answers, where the altdata wants it. Raises NoAnswer."""
    request = HttpRequest("GET", _one(order), _headers(order), b"", _untrusted(order))
    answer = link.http.read(request)
    if answer.status in (401, 403) or answer.status >= 500:
        raise NoAnswer(f"SEDMv2: HTTP {answer.status} {words(answer.text)}".rstrip())
    said = _status_text(answer)
    if said is None:
        return Progress(None, f"{NO_STATUS} (SEDMv2's server)", next_poll_s=6 * 3600.0)
    # Only the first word counts: SkyPortal writes `rejected: <reason>`.
    status = next((each for pattern, each in _STATUSES if pattern.match(said.lower())), None)
    ended = status not in (None, Status.SUBMITTED, Status.IN_PROGRESS)
    reason = said if status in (Status.REJECTED, Status.FAILED) else ""
    return Progress(status, said, reason, next_poll_s=None if ended else 1800.0)


def dates(order: Sedmv2Order) -> tuple[datetime, datetime]:
    """The window, defaults filled in: 7 days from now, or from a later start."""
    start = order.payload.start_date or order.now
    return start, order.payload.end_date or max(start, order.now) + WINDOW


def end_of(order: Sedmv2Order) -> datetime:
    """When the window ends, as it was sent."""
    return dates(replace(order, now=order.created_at))[1]


def _posting(order: Sedmv2Order) -> HttpRequest:
    endpoint = settings.v2_endpoint(order.altdata)
    if order.altdata.allocation_id is None:
        raise Invalid.field(["altdata", "allocation_id"], "is required for sedmv2: its server's allocation")
    start, end = dates(order)
    if end <= order.now:
        raise Invalid.field(["payload", "end_date"], "must not be in the past")
    content = {
        "obj_id": order.target.name,
        "allocation_id": order.altdata.allocation_id,
        "payload": {**_parameters(order.payload), "start_date": _stamp(start), "end_date": _stamp(end)},
    }
    return HttpRequest.of_json("POST", endpoint.url, content, _headers(order), untrusted=endpoint.untrusted)


def _parameters(payload: Sedmv2Payload) -> Mapping[str, Any]:
    found = payload.model_dump(exclude={"start_date", "end_date", "frame_exposure_time"})
    if payload.observation_type == "variable":
        frame = payload.frame_exposure_time
        found["frame_exposure_time"] = int(frame) if frame is not None else FRAME_TIME_S
    return found


def _stamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _headers(order: Sedmv2Order) -> dict[str, str]:
    if order.altdata.api_token is None:
        raise Invalid.field(["altdata", "api_token"], "is required for sedmv2")
    return {"Authorization": f"token {order.altdata.api_token.get_secret_value()}"}


def _untrusted(order: Sedmv2Order) -> bool:
    return settings.v2_endpoint(order.altdata).untrusted


def _one(order: Sedmv2Order) -> str:
    if not order.facility_request_id:
        raise Rejected("SEDMv2's id of the request is not known")
    return f"{settings.v2_endpoint(order.altdata).url}/{quote(order.facility_request_id, safe='')}"


def _taken(answer: Answer, known_id: str | None) -> Submission:
    if answer.status != 200:
        raise _refusal(answer)
    try:
        content = answer.json()
    except NotJson as error:
        raise Unanswered(f"SEDMv2: {error}") from None
    if not isinstance(content, dict) or content.get("status") != "success":
        raise Rejected(_message(content) or words(answer.text))
    data = content.get("data")
    found = data.get("id") if isinstance(data, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return Submission(str(found))
    if known_id:
        return Submission(known_id)
    raise Unanswered("SEDMv2 took the request, but gave no id")


def _refusal(answer: Answer) -> NotSent | Unanswered | Rejected:
    try:
        said = _message(answer.json()) or words(answer.text)
    except NotJson:
        said = words(answer.text)
    if answer.status == 429:
        return NotSent(f"throttled: {said}", retry_after=answer.retry_after or 60.0)
    if answer.status >= 500:
        return Unanswered(f"SEDMv2's server failed: HTTP {answer.status} {said}".rstrip())
    if answer.status in (401, 403):
        return Rejected(f"SEDMv2 refused the credentials: {said}")
    return Rejected(said or f"HTTP {answer.status}")


def _message(content: Any) -> str:
    told = content.get("message") if isinstance(content, dict) else None
    return words(told) if isinstance(told, str) else ""


def _status_text(answer: Answer) -> str | None:
    try:
        content = answer.json()
    except NotJson:
        return None
    data = content.get("data") if isinstance(content, dict) else None
    said = data.get("status") if isinstance(data, dict) else None
    return words(said) if answer.status == 200 and isinstance(said, str) and said else None
