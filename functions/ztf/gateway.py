"""Exchanges with the gateway, Kowalski or ztfpass, and what it means (card ztf.md: Failures, Gateways).

Kowalski answers 400 for whatever goes wrong behind it: the exception's name in the message tells what it was.
Only HTTP's class, `status` and such names are read, never an exact text, for there are two gateways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slew import config, pages
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.wire import Answer, HttpRequest, NotJson
from ztf.models import ZtfAltdata

QUEUES = "/api/triggers/ztf"
SKYMAPS = "/api/triggers/ztfmma"
TIMEOUT_S = 30.0  # the gateway itself waits 10 s for the scheduler
WORDS = 400

_NOT_REACHED = re.compile(r"ClientConnector\w*Error|\w*SSHTunnel\w*|\w*ConnectionRefused\w*")
_SILENT = re.compile(r"\w*Timeout\w*|ServerDisconnectedError|ClientOSError|ConnectionResetError")
_DUPLICATE = re.compile(r"KeyError: '(queue|trigger)_name'|already exists")
_BEHIND = re.compile(r"rejected: .*?\[(\d{3})[^\]]*\]", re.DOTALL)
_UNTOLD = re.compile(r"rejected: (None\b|<bound method)")
_TOKEN = re.compile(r"(?i)\btoken\b.*\b(invalid|expired)\b|\b(invalid|missing)\b.*\btoken\b")


class BadToken(Rejected):
    """The gateway does not accept the token."""


class InUse(Rejected):
    """There is a queue or a trigger of this name already; nothing was changed."""


class Silent(Unanswered):
    """The gateway answered, but it has no answer of the scheduler's, which may have acted."""


def base_url() -> str:
    """The gateway's base URL, without a trailing slash."""
    return config.facility_url("ztf", "https://kowalski.caltech.edu:443")


def request(method: str, path: str, altdata: ZtfAltdata, content: Any) -> HttpRequest:
    """A call of the gateway; a body goes with every method."""
    headers = {
        "Authorization": f"Bearer {altdata.access_token.get_secret_value()}",
        "Accept": "application/json",
    }
    return HttpRequest.of_json(method, f"{base_url()}{path}", content, headers)


def send(link: Link, wanted: HttpRequest) -> Mapping[str, Any]:
    """Send an unsafe call, once; its answer if that says success.

    Raises InUse, Rejected, NotSent, Silent, Unanswered.
    """
    return expect(link.http.send(wanted, read_timeout=TIMEOUT_S))


def read(link: Link, wanted: HttpRequest) -> Mapping[str, Any]:
    """Send a harmless call; its answer if that says success. Raises Rejected, and NoAnswer."""
    try:
        return expect(link.http.read(wanted, read_timeout=TIMEOUT_S))
    except (NotSent, Unanswered) as error:
        raise NoAnswer(error.reason, error.retry_after) from None


def expect(answer: Answer) -> Mapping[str, Any]:
    """The JSON of an answer that says success. Raises as `send`."""
    content = _content(answer)
    said = str(content.get("status") or "")
    if 200 <= answer.status < 300 and said == "success":
        return content
    message = _message(answer, content)
    if 200 <= answer.status < 300 and not said:
        raise Unanswered(
            f"HTTP {answer.status} with an answer that cannot be read: {words(message)}".rstrip(": ")
        )
    if answer.status == 429:
        raise NotSent(f"throttled: {words(message)}", answer.retry_after)
    if answer.status >= 500:
        raise Unanswered(f"facility unavailable: HTTP {answer.status} {words(message)}".rstrip())
    if 300 <= answer.status < 400:
        raise Rejected(f"HTTP {answer.status}, redirected: is the base URL right?")
    raise _refusal(answer.status, message)


def words(text: str) -> str:
    """Readable text of a message or page: tags stripped, entities decoded, one line, cut."""
    return pages.words(text, WORDS)


def _refusal(status: int, message: str) -> Exception:
    if status in (401, 403) or (status == 400 and _TOKEN.search(message)):
        return BadToken(f"credentials: {words(message)}")
    if status == 409 or _DUPLICATE.search(message):
        return InUse(words(message))
    if status == 404:
        return Rejected(f"the gateway has no such path (HTTP 404: {words(message)}): is the base URL right?")
    name = message.partition(":")[0].strip()
    if _NOT_REACHED.fullmatch(name):
        return NotSent(f"facility unavailable: the gateway cannot reach ZTF's scheduler ({name})")
    if _SILENT.fullmatch(name):
        return Silent(f"the gateway had no answer from ZTF's scheduler ({name})")
    behind = _BEHIND.search(message)
    if behind and int(behind[1]) >= 500:
        return Silent(f"ZTF's scheduler failed (HTTP {behind[1]})")
    if _UNTOLD.search(message):
        code = f" (HTTP {behind[1]})" if behind else ""
        return Rejected(f"ZTF's scheduler refused it{code}; the gateway does not pass its reason on")
    return Rejected(words(message) or f"HTTP {status} without a reason")


def _content(answer: Answer) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def _message(answer: Answer, content: Mapping[str, Any]) -> str:
    for key in ("message", "detail"):
        if content.get(key):
            return str(content[key])
    return answer.text
