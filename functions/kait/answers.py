"""What KAIT's answer to a request means (card kait.md: submit, status map)."""

from __future__ import annotations

import json
from typing import Any

from slew.errors import Failed, Rejected
from slew.pages import words
from slew.wire import Answer, NotJson


def message(answer: Answer) -> str | None:
    """What KAIT says to a request that it took; None where it answered 200 with something else than JSON.

    Raises Rejected, or Failed (credentials; a server error, after which it may nevertheless have it).
    """
    if answer.status in (401, 403):
        raise Failed("KAIT refused the credentials")
    if answer.status >= 500:
        raise Failed(f"KAIT error {answer.status}", unconfirmed=True)
    if answer.status != 200:
        raise Rejected(f"{answer.status} {words(answer.text)}".rstrip())
    content = _content(answer)
    if content is None:
        return None
    told = content.get("message")
    text = words(told if isinstance(told, str) else "")
    # The CGI script writes the word "true", not a JSON boolean; both are taken.
    if str(content.get("success")).strip().lower() == "true":
        return text
    raise Rejected(text or words(json.dumps(content)))


def _content(answer: Answer) -> dict[str, Any] | None:
    try:
        content = answer.json()
    except NotJson:
        return None
    return content if isinstance(content, dict) else None
