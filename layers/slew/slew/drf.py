"""Reading the errors of Django REST Framework, which several facilities' servers are built with."""

from __future__ import annotations

import re
from typing import Any

from slew.errors import NotSent, Rejected, Unanswered
from slew.pages import for_people
from slew.wire import Answer, NotJson

_WHOLE = ("non_field_errors", "detail", "errors")
_WAIT = re.compile(r"available in (\d+) second")


def flatten(errors: Any, path: str = "") -> list[str]:
    """`path: text` for each message of a nested error body.

    It may hold objects, arrays aligned by index, lists of texts, and texts.
    """
    if isinstance(errors, dict):
        return [
            line
            for key, value in errors.items()
            for line in flatten(value, path if key in _WHOLE else f"{path}.{key}".lstrip("."))
        ]
    if isinstance(errors, list) and any(isinstance(item, dict | list) for item in errors):
        return [line for index, item in enumerate(errors) for line in flatten(item, f"{path}[{index}]")]
    if isinstance(errors, list):
        return [line for item in errors for line in flatten(item, path)]
    text = for_people(str(errors), None)
    return [f"{path}: {text}" if path else text]


def refusal(answer: Answer) -> str:
    """The messages of an error answer on one line, or what can be said where it is not JSON."""
    try:
        lines = flatten(answer.json())
    except NotJson as error:
        return str(error)
    return "; ".join(dict.fromkeys(lines)) or f"HTTP {answer.status} without a reason"


def wait_s(answer: Answer, default: float = 60.0) -> float:
    """Seconds that a throttled client must wait: `Retry-After`, else the number in the text."""
    if answer.retry_after is not None:
        return answer.retry_after
    match = _WAIT.search(answer.text)
    return float(min(int(match[1][:9]), 7 * 86400)) if match else default


def expect(answer: Answer, *accepted: int) -> Answer:
    """The answer, if its status is an accepted one.

    Raises NotSent for 429 (throttled: the server has not looked at it), Unanswered for 5xx (it may have
    acted) and Rejected for everything else, credentials named as such.
    """
    if answer.status in accepted:
        return answer
    if answer.status == 429:
        raise NotSent(f"throttled: {refusal(answer)}", retry_after=wait_s(answer))
    if answer.status >= 500:
        raise Unanswered(f"facility unavailable: HTTP {answer.status}")
    if answer.status in (401, 403):
        raise Rejected(f"facility refused the credentials ({refusal(answer)})")
    raise Rejected(refusal(answer))
