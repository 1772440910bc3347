"""Slack's incoming webhooks (cards notifications.md and slack.md): a message, and what the answer means.

The three path parts of the URL are the whole credential. Slack answers in a word; the word decides, then the
status class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from slew import config
from slew.errors import NotSent, Rejected, Unanswered
from slew.facility import HttpLink
from slew.log import logger
from slew.pages import for_people
from slew.wire import Answer, HttpRequest

Parts = tuple[str, str, str]
"""Workspace, webhook (`slack_channel`) and token."""

READ_TIMEOUT = 10.0
_PART = re.compile(r"[A-Za-z0-9]+")
_OUR_FAULT = frozenset(
    {
        "invalid_payload",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "no_text",
        "too_many_attachments",
        "missing_text_or_fallback_or_attachments",
    }
)
_PERMANENT = _OUR_FAULT | {
    "user_not_found",
    "action_prohibited",
    "invalid_token",
    "posting_to_general_channel_denied",
    "team_disabled",
    "channel_not_found",
    "no_service",
    "no_service_id",
    "no_active_hooks",
    "no_team",
    "channel_is_archived",
}
_BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format"})
_THROTTLED = frozenset({"rate_limited", "ratelimited"})


def is_part(text: str) -> bool:
    """Whether it can be one of the three parts: letters and digits; their length is not documented."""
    return _PART.fullmatch(text) is not None


def request(parts: Parts, message: Mapping[str, Any]) -> HttpRequest:
    """The request that posts a message. Raises Rejected for parts that no webhook can have."""
    if not all(map(is_part, parts)):
        raise Rejected("slack: the webhook's three parts must be letters and digits")
    return HttpRequest.of_json("POST", f"{config.slack_url()}/services/{'/'.join(parts)}", message)


def post(
    http: HttpLink, parts: Parts, message: Mapping[str, Any], plain: Mapping[str, Any] | None = None
) -> None:
    """Post a message; should Slack refuse the blocks, `plain`, or else the message's own `text`.

    Raises Rejected, NotSent (Slack says that it was not posted, or it was not reached) or Unanswered.
    """
    send(http, request(parts, message), plain)


def send(http: HttpLink, posting: HttpRequest, plain: Mapping[str, Any] | None = None) -> None:
    """`post`, for a request that is already built."""
    message = json.loads(posting.body)
    answer = http.send(posting, read_timeout=READ_TIMEOUT)
    if "blocks" in message and _word(answer) in _BLOCKS_REFUSED:
        logger.error("Slack refused our blocks; posting text only", slack=_word(answer))
        instead = plain or {key: value for key, value in message.items() if key != "blocks"}
        answer = http.send(
            HttpRequest.of_json(posting.method, posting.url, instead), read_timeout=READ_TIMEOUT
        )
    judge(answer)


def judge(answer: Answer) -> None:
    """Return if the message was posted. Raises Rejected, NotSent or Unanswered."""
    word = _word(answer)
    if answer.status == 200 and word == "ok":
        return
    if word in _PERMANENT:
        if word in _OUR_FAULT:
            logger.error("Slack does not understand our message", slack=word, status=answer.status)
        raise Rejected(f"slack: {word}")
    if word in _THROTTLED or answer.status == 429:
        raise NotSent("slack: too many messages", answer.retry_after)
    if answer.status >= 500:
        raise NotSent(f"slack: {word or 'HTTP'} {answer.status}".strip(), answer.retry_after)
    if answer.status >= 300:
        raise Rejected(f"slack: HTTP {answer.status} {for_people(answer.text, 100)}".strip())
    raise Unanswered(f"slack: HTTP {answer.status}, but not with its `ok`")


def _word(answer: Answer) -> str:
    """The answer in a word, of a plain text or of a JSON object's `error`; empty for anything else."""
    text = answer.text.strip()
    if text.startswith("{"):
        try:
            found = json.loads(text).get("error")
        except (ValueError, RecursionError):
            return ""
        text = found if isinstance(found, str) else ""
    return text if re.fullmatch(r"[a-z_]{2,60}", text) else ""
