"""The HTTP contract of a generic endpoint (card generic.md): three requests, and what their answers mean.

An endpoint may be a SkyPortal instance, whose 200 can say that nothing was submitted.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from generic.models import GenericAltdata, GenericPayload
from slew.announcement import clean
from slew.errors import Failed, NotSent, Rejected
from slew.facility import Order, Submission
from slew.pages import for_people, words
from slew.wire import Answer, HttpRequest, NotJson

GenericOrder = Order[GenericPayload, GenericAltdata]

REASON_LIMIT = 300
_CUT = REASON_LIMIT - 1  # and the `…`
_ID_LIMIT = 200
_SKYPORTAL_PATH = "/api/followup_request"
_REFUSED = ("rejected", "failed")


def submission(order: GenericOrder) -> HttpRequest:
    """POST of the three keys that the contract has."""
    return _request(order, "POST", order.altdata.url(), with_body=True)


def change(order: GenericOrder) -> HttpRequest:
    """The request that updates. Raises Rejected where the way of updating, or the id, is not known."""
    method = order.altdata.update_method
    if method is None and urlsplit(order.altdata.url()).path.rstrip("/").endswith(_SKYPORTAL_PATH):
        method = "put"
    if method == "post":
        return submission(order)
    if method == "put":
        return _request(order, "PUT", order.altdata.url(_id(order, "updated")), with_body=True)
    raise Rejected(
        "cannot be updated: the allocation's altdata does not say how (update_method: post or put)"
    )


def removal(order: GenericOrder) -> HttpRequest:
    """DELETE of the request at the endpoint. Raises Rejected where its id is not known."""
    return _request(order, "DELETE", order.altdata.url(_id(order, "cancelled")))


def taken(answer: Answer, known_id: str | None = None) -> Submission:
    """What the answer to a POST or PUT says. `known_id` is that of the request that was PUT.

    A POST begins a request of its own, also as an update: the former's id is not its id (card, update).
    Raises Rejected, Failed, or NotSent where the endpoint says that it has not processed the request.
    """
    _check_status(answer)
    if answer.status >= 500:
        raise Failed(
            f"{reason(answer)}; whether the endpoint has the request is not confirmed", unconfirmed=True
        )
    body = _json(answer)
    data = _object(body.get("data"))
    request_status = _text(data.get("request_status"))
    if data.get("ignored"):
        raise Rejected(_text(data.get("message"), _CUT) or "the endpoint ignored the request")
    if body.get("status") == "error":
        raise Rejected(reason(answer))
    if request_status.lower().startswith(_REFUSED):
        # The caller's own status already says `rejected`.
        own = re.sub(r"(?i)^rejected:\s*", "", request_status)
        raise Rejected(for_people(own or request_status, _CUT))
    found = _usable_id(data.get("id")) or _usable_id(body.get("id")) or known_id
    text = for_people(request_status, _CUT) or f"HTTP {answer.status}"
    if found is None:
        text += "; the endpoint gave no id, so the request cannot be cancelled remotely"
    return Submission(facility_request_id=found, text=text)


def removed(answer: Answer) -> str:
    """The text of an answer to a DELETE that did it. Raises Rejected, or NotSent."""
    _check_status(answer)
    if answer.status >= 500 or _json(answer).get("status") == "error":
        raise Rejected(f"not deleted: {reason(answer)}")
    return f"HTTP {answer.status}"


def is_gone(answer: Answer) -> bool:
    """Whether an answer to a DELETE says that there is no such request."""
    return answer.status in (404, 410) or "Missing FollowUpRequest" in reason(answer)


def reason(answer: Answer) -> str:
    """A refusal in a line of at most 300 characters: the JSON's message, else the body without markup."""
    body = _json(answer)
    told = (_text(body.get(key), _CUT) for key in ("message", "detail", "error", "title"))
    said = next(filter(None, told), "") or words(answer.text, _CUT)
    status = f"HTTP {answer.status}"
    return for_people(said if said.startswith(status) else f"{status}: {said}" if said else status, _CUT)


def _request(order: GenericOrder, method: str, url: str, *, with_body: bool = False) -> HttpRequest:
    token = order.altdata.api_token
    headers = {"Authorization": f"token {token.get_secret_value() if token else ''}"}
    if not with_body:
        return HttpRequest(method, url, headers, untrusted=True)
    content = {
        "obj_id": order.target.name,
        "allocation_id": _allocation_id(order),
        "payload": order.payload.model_dump(),
    }
    return HttpRequest.of_json(method, url, content, headers, untrusted=True)


def _allocation_id(order: GenericOrder) -> int | str:
    """Our allocation, or the endpoint's where altdata names it; a number wherever it looks like one."""
    found = order.altdata.remote_allocation_id
    found = order.allocation.id if found is None else found
    return int(found) if isinstance(found, str) and re.fullmatch(r"0|[1-9][0-9]{0,17}", found) else found


def _id(order: GenericOrder, done: str) -> str:
    if order.facility_request_id is None:
        raise Rejected(f"cannot be {done} remotely: the endpoint gave no id")
    return quote(order.facility_request_id, safe="")


def _check_status(answer: Answer) -> None:
    """Refuse what is the same for every method: redirects, refusals, and answers that say `not now`."""
    if 300 <= answer.status < 400:
        where = for_people(answer.headers.get("location", ""), None).partition("?")[0]
        told = f"HTTP {answer.status}: redirected to {where or 'nowhere'}; redirects are not followed"
        raise Rejected(for_people(told, _CUT))
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        raise NotSent(reason(answer), answer.retry_after)
    if 400 <= answer.status < 500:
        raise Rejected(reason(answer))


def _json(answer: Answer) -> dict[str, Any]:
    try:
        return _object(answer.json())
    except NotJson:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, limit: int | None = None) -> str:
    return for_people(value, limit) if isinstance(value, str) else ""


def _usable_id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    # `.` and `..` would climb in the path of a later DELETE, encoded or not.
    usable = 0 < len(text) <= _ID_LIMIT and clean(text) == text and text not in (".", "..")
    return text if usable else None
