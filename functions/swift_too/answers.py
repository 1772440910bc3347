"""What Swift's answers say: a status text with reasons, whatever the HTTP status (card: Answers)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slew import drf, pages
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.wire import Answer, NotJson

_DUPLICATE = re.compile(r"already recently submitted\W+TOO ID:\s*(\d+)", re.IGNORECASE)
_WAITING = ("Queued", "Processing")


class Refused(Rejected):
    """Swift has looked at the request and does not want it; as opposed to wrong credentials or addresses."""


@dataclass(frozen=True)
class Outcome:
    """A status as Swift tells it, in both protocols: its text, ids and words."""

    status: str
    too_id: int | None = None
    job: int | None = None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def waiting(self) -> bool:
        """Whether the job has not been looked at yet (v1.2)."""
        return self.status in _WAITING

    @property
    def refusal(self) -> str:
        """Swift's reasons on one line."""
        return "; ".join(self.errors) or f"{self.status or 'refused'} without a reason"


def outcome_of(content: Any) -> Outcome | None:
    """The status in an answer's JSON; None where there is none.

    `status` is a text with its companions beside it, or an object that holds them.
    """
    if not isinstance(content, Mapping):
        return None
    inner = content.get("status")
    found = inner if isinstance(inner, Mapping) else content
    status = found.get("status")
    if not isinstance(status, str):
        return None
    return Outcome(
        status,
        whole(found.get("too_id")),
        whole(found.get("jobnumber")),
        _texts(found.get("errors")),
        _texts(found.get("warnings")),
    )


def taken(answer: Answer) -> Outcome:
    """The outcome of a submission in v2. Raises Refused, Rejected, NotSent or Unanswered."""
    check_reachable(answer)
    outcome = outcome_of(content_of(answer))
    if answer.status == 422:
        raise Refused(refused_fields(answer))
    if answer.status == 401:
        raise Rejected(f"Swift authentication failed: {words(answer)}")
    if answer.status < 400 and outcome is None:
        raise Unanswered(f"HTTP {answer.status} with an answer that cannot be read: {words(answer)}")
    if outcome is None:
        raise Rejected(f"HTTP {answer.status}: {words(answer)}")
    if outcome.status == "Rejected" or answer.status >= 400:
        raise Refused(outcome.refusal)
    return outcome


def check_reachable(answer: Answer) -> None:
    """Raise NotSent where throttled, Unanswered for 5xx, Rejected for a redirection."""
    if answer.status == 429:
        raise NotSent(f"throttled: {words(answer)}", retry_after=drf.wait_s(answer))
    if answer.status >= 500:
        raise Unanswered(f"facility unavailable: HTTP {answer.status}")
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "nowhere")
        raise Rejected(f"HTTP {answer.status}, redirected to {target}: is the base URL right?")


def read_list(answer: Answer, key: str = "entries") -> tuple[list[Any], Mapping[str, Any]]:
    """The entries of a query's answer, and the whole of it. Raises NoAnswer."""
    content = content_of(answer)
    outcome = outcome_of(content)
    if answer.status == 429:
        raise NoAnswer(f"throttled: {words(answer)}", retry_after=drf.wait_s(answer))
    if outcome is not None and outcome.status == "Rejected":
        raise NoAnswer(f"query refused: {outcome.refusal}")
    if answer.status == 422:
        raise NoAnswer(f"query refused: {refused_fields(answer)}")
    if answer.status != 200:
        raise NoAnswer(f"facility unavailable: HTTP {answer.status}: {words(answer)}")
    entries = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(entries, list) or answer.truncated:
        raise NoAnswer(f"the answer cannot be read: {words(answer)}")
    return entries, content


def duplicate_of(reason: str) -> int | None:
    """The TOO that the server's guard against duplicates names; None where the reason is another one."""
    match = _DUPLICATE.search(reason)
    return int(match[1]) if match else None


def refused_fields(answer: Answer) -> str:
    """The messages of a 422: `field: message` for each."""
    content = content_of(answer)
    detail = content.get("detail") if isinstance(content, Mapping) else None
    if isinstance(detail, str):
        return _plain(detail)
    if not isinstance(detail, list):
        return words(answer)
    return "; ".join(map(_field_message, detail)) or "Validation error"


def content_of(answer: Answer) -> Any:
    """The JSON of an answer; None for anything else."""
    try:
        return answer.json()
    except NotJson:
        return None


def words(answer: Answer) -> str:
    """What a body says to people: without HTML, cut."""
    content = content_of(answer)
    if isinstance(content, Mapping) and isinstance(content.get("detail"), str):
        return _plain(content["detail"])
    return _plain(answer.text) or "no reason given"


def whole(value: Any) -> int | None:
    """A whole number, also where it comes as text."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _field_message(error: Any) -> str:
    if not isinstance(error, Mapping):
        return _plain(str(error))
    place = error.get("loc") or ["unknown field"]
    field = str(place[-1]) if isinstance(place, list) else str(place)
    message = _plain(str(error.get("msg", "validation error"))).removeprefix("Value error, ")
    return message if field == "body" else f"{field}: {message}"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_plain(str(each)) for each in value) if isinstance(value, list) else ()


def _plain(text: str) -> str:
    return pages.words(text, 499)
