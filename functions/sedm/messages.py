"""What SEDM posts to us, as it would to Fritz: status texts, spectra and what belongs to them (card: Status).

| path behind `/messages` | what |
|---|---|
| none, `api/facility` | a status text |
| `api/spectrum/ascii` | a reduced spectrum; answered with an id, which is our request's number |
| `api/spectra/{id}/annotations`, `.../comments` | findings and plots of a spectrum, under that id |
| `api/classification` | a class of the target; names no request, and is not kept |
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from sedm.models import SedmAltdata
from slew.errors import Invalid, NotFound, Problem, Unauthorized, Unavailable
from slew.facility import Message
from slew.pages import for_people
from slew.status import ENDED, Status

_NUMBER = "followup_request_id"
_BELOW_SPECTRUM = re.compile(r"spectra/(\d{1,9})/(annotations|comments)", re.ASCII)
_PATTERNS = (
    (re.compile(r"Complete \d{8} \d\d_\d\d_\d\d"), Status.COMPLETE),
    (re.compile(r"Completed (Automatically|Manually) \d{8}T\d{6}"), Status.COMPLETE),
    (re.compile(r"COMPLETED"), Status.COMPLETE),
    (re.compile(r"Failed \d{8}T\d{6}"), Status.FAILED),
    (re.compile(r"Expired"), Status.EXPIRED),
    (re.compile(r"ACCEPTED"), Status.SUBMITTED),
)


def accepts(message: Message, altdata: SedmAltdata) -> bool:
    """Whether it shows the listener's token; compared in constant time."""
    if altdata.listener_token is None:
        return False
    given = message.headers.get("authorization", "").strip()
    wanted = f"token {altdata.listener_token.get_secret_value()}"
    return hmac.compare_digest(given.encode(), wanted.encode())


def kind(message: Message) -> str:
    """`facility`, `spectrum`, `annotations`, `comments` or `classification`. Raises NotFound."""
    path = message.path.strip("/").removeprefix("api/")
    if path in ("", "facility"):
        return "facility"
    if path == "spectrum/ascii":
        return "spectrum"
    if path == "classification":
        return "classification"
    below = _BELOW_SPECTRUM.fullmatch(path)
    if below:
        return below[2]
    raise NotFound("there is no such path for messages of SEDM")


def number(message: Message) -> int | None:
    """The request's number; None where the message is of a kind that names none. Raises Invalid, NotFound."""
    what = kind(message)
    if what == "classification":
        return None
    below = _BELOW_SPECTRUM.search(message.path)
    if below:
        return int(below[1])
    content = body(message)
    if _NUMBER not in content:
        raise Invalid(f'Missing required key "{_NUMBER}".')
    value = content[_NUMBER]
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool | float) or not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise Invalid(f"Invalid {_NUMBER}: {for_people(text, 50)}")
    return int(text)


def body(message: Message) -> Mapping[str, Any]:
    """The JSON object. Raises Invalid."""
    try:
        content = json.loads(message.body)
    except (ValueError, RecursionError):
        raise Invalid("The body is not JSON.") from None
    if not isinstance(content, dict):
        raise Invalid("The body is not a JSON object.")
    return content


def text_of(content: Mapping[str, Any], key: str) -> str:
    """A text of the body. Raises Invalid."""
    if key not in content:
        raise Invalid(f'Missing required key "{key}".')
    value = content[key]
    if not isinstance(value, str):
        raise Invalid(f"Invalid {key}: it must be a string.")
    return value


def status_of(text: str, before: Status, *, expired_here: bool) -> Status | None:
    """The status that a text stands for; None: as it is.

    A final one stays, but for `failed`, which may become `complete`; so may an expiry that was only ours
    (`expired_here`), not SEDM's word.
    """
    said = next((status for pattern, status in _PATTERNS if pattern.fullmatch(text.strip())), None)
    if before not in ENDED:
        return said
    open_still = before is Status.FAILED or (before is Status.EXPIRED and expired_here)
    return said if said is Status.COMPLETE and open_still else None


def reply(message: Message, error: Problem | None) -> tuple[int, Any]:
    """The answer as SEDM's client reads it: it looks for `success` in `status`, and sends 503 again."""
    if error is None:
        return 200, _success(message)
    content = {"status": "error", "message": _told(message, error)}
    return 503 if isinstance(error, Unavailable) else 400, content


def _success(message: Message) -> dict[str, Any]:
    if kind(message) == "spectrum":
        return {"status": "success", "data": {"id": number(message)}}
    return {"status": "success", "message": "", "data": {}}


def _told(message: Message, error: Problem) -> str:
    if isinstance(error, Unauthorized):
        return "Insufficient permissions."
    if isinstance(error, NotFound):
        try:
            return f"Cannot find FollowupRequest with ID: {number(message)}"
        except Problem:
            pass
    return error.detail
