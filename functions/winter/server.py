"""Exchanges with the WINTER service, and what its HTTP answers mean (card: Operations)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from slew import config
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.pages import for_people, words
from slew.wire import Answer, HttpRequest, NotJson
from winter.models import WinterAltdata

TIMEOUT_S = 30.0
UNSETTLED = (NotSent, Unanswered)
_LONGEST = 500
# The service's own checks, by words of their texts: with these it has refused, whatever the HTTP status.
_CHECKS = re.compile(
    r"is after end time|is in the past|not greater than start_time_mjd|for n dithers|Cannot use both|"
    r"cannot use the field grid|is not visible|exceeds maximum allowed|before program start|"
    r"after program end|exceeds total allocated|credentials not found"
)


def base_url() -> str:
    """The service's base URL, without a trailing slash."""
    return config.facility_url("winter", "http://winter.caltech.edu:82")


def request(
    method: str,
    path: str,
    altdata: WinterAltdata,
    content: Any = None,
    *,
    programme: bool = True,
    **query: str,
) -> HttpRequest:
    """A call: account in the header, programme and key in the query unless told otherwise."""
    if programme:
        key = altdata.program_api_key.get_secret_value()
        query = {"program_name": altdata.program_name, "program_api_key": key, **query}
    url = f"{base_url()}{path}" + (f"?{urlencode(query)}" if query else "")
    user = f"{altdata.username}:{altdata.password.get_secret_value()}"
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    if content is None:
        return HttpRequest(method, url, headers)
    return HttpRequest.of_json(method, url, content, headers)


def accepted(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer to a write, if that is HTTP 200.

    Raises Rejected, NotSent (throttled) or Unanswered.
    """
    if answer.status == 200:
        try:
            return _object(answer)
        except NotJson as error:
            raise Unanswered(str(error)) from None
    text = reason(answer)
    if answer.status >= 400 and _CHECKS.search(text):
        raise Rejected(_advised(text))
    if answer.status == 429:
        raise NotSent(f"throttled: {text}", retry_after=answer.retry_after or 60.0)
    if answer.status in (301, 307, 308):
        target = answer.headers.get("location", "nowhere")
        raise Rejected(f"HTTP {answer.status}, redirected to {target}: is the base URL right?")
    if answer.status < 400 or answer.status >= 500:
        raise Unanswered(f"facility unavailable: {text}")
    raise Rejected(f"credentials: {text}" if answer.status in (401, 403) else text)


def read(link: Link, wanted: HttpRequest, *, timeout_s: float = 20.0) -> Mapping[str, Any]:
    """The JSON object of an answer to a read. Raises Rejected for a 4xx, NoAnswer for anything else."""
    answer = link.http.read(wanted, read_timeout=timeout_s)
    try:
        return accepted(answer)
    except UNSETTLED as error:
        raise NoAnswer(error.reason, error.retry_after) from None


def reason(answer: Answer) -> str:
    """The service's words in an answer that is no success, on one line, HTML stripped and cut."""
    try:
        text = _words(answer.json())
    except NotJson:
        return for_people(f"HTTP {answer.status} {words(answer.text, _LONGEST)}", _LONGEST)
    return for_people(text, _LONGEST) or f"HTTP {answer.status} without a reason"


def _words(content: Any) -> str:
    """The texts of FastAPI's `detail`: one text, or one entry a bad field with its place in the body."""
    if not isinstance(content, dict):
        return str(content)
    detail = content.get("detail") or content.get("msg") or content.get("message") or ""
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else str(detail)
    return "; ".join(map(_complaint, detail))


def _complaint(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    place = entry.get("loc") or []
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}"
        for part in (place if isinstance(place, list) else [])
        if part not in ("body", "query")
    )
    return f"{path.lstrip('.')}: {entry.get('msg', 'refused')}" if path else str(entry.get("msg", "refused"))


def _advised(text: str) -> str:
    if "not visible" not in text:
        return text
    return f"{text} (it must be up in the night of the start and in that of the end: try a shorter window)"


def _object(answer: Answer) -> Mapping[str, Any]:
    content = answer.json()
    if not isinstance(content, dict):
        raise NotJson(f"HTTP {answer.status} with JSON that is not an object")
    return content
