"""A notice as a Slack message (card notifications.md, "Slack incoming webhook: the contract").

Every text is escaped, so that nothing a user wrote can mention anybody or become a link; identifiers stand in
code spans, for `*`, `_` and `~` have no escape. Limits hold after escaping: a section's text under 3,000
characters, a field's under 2,000, ten fields a section, all blocks under 10,000, a plain `text` under 4,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from slew import announcement
from slew.announcement import clean
from slew.notice import Notice

Message = dict[str, Any]

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_PLAIN_LIMIT = 3900
_HEADLINE_LIMIT = 400
_FACT_LIMIT = 150
_TEXT_LIMIT = 600
_REASON_LIMIT = 1000
_COMMENT_LIMIT = 1000
_KEY_LIMIT = 60
_VALUE_LIMIT = 240
_PAYLOAD_LIMIT = 2200
_FIELDS_IN_SECTION = 10


def build(notice: Notice, portal_url: str, *, full_text: bool = False) -> Message:
    """The message in blocks. `text`, which phones show, is the headline; the whole content where `full_text`.

    `full_text` is for messages that are the request itself: a bot at the telescope may read only `text`.
    """
    text = (
        plain(notice, portal_url)["text"]
        if full_text
        else fit(announcement.headline(notice), _HEADLINE_LIMIT)
    )
    return {
        "text": text,
        "blocks": list(_blocks(notice, portal_url)),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def plain(notice: Notice, portal_url: str) -> Message:
    """The same content as text only, for a workspace that refuses the blocks."""
    lines = [fit(announcement.headline(notice), _HEADLINE_LIMIT)]
    if notice.reason:
        lines.append(f"Reason: {fit(clean(notice.reason), _REASON_LIMIT)}")
    if notice.text:
        lines.append(f"Status text: {fit(clean(notice.text), _TEXT_LIMIT)}")
    lines += [f"{label}: {fit(value, _FACT_LIMIT)}" for label, value in announcement.facts(notice)]
    lines += [
        f"{fit(key, _KEY_LIMIT)}: {fit(value, _VALUE_LIMIT)}" for key, value in announcement.payload(notice)
    ]
    if notice.comment:
        lines.append(f"Comment: {fit(clean(notice.comment), _COMMENT_LIMIT)}")
    lines += [f"{label}: {_url(url)}" for label, url in announcement.links(notice, portal_url)]
    text = "\n".join(_within(lines, _PLAIN_LIMIT))
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def fit(text: str, limit: int) -> str:
    """The text escaped for mrkdwn, with its escapes at most `limit` characters; a cut one ends with `…`."""
    parts = [_ESCAPES.get(character, character) for character in text]
    if sum(map(len, parts)) <= limit:
        return "".join(parts)
    size, kept = 0, []
    for part in parts:
        size += len(part)
        if size > limit - 1:
            break
        kept.append(part)
    return "".join(kept) + "…"


def _blocks(notice: Notice, portal_url: str) -> Iterator[Message]:
    yield _section(_headline(notice))
    if notice.reason:
        yield _section(f"*Reason:* {fit(clean(notice.reason), _REASON_LIMIT)}")
    if notice.text:
        yield _section(f"*Status text:* {fit(clean(notice.text), _TEXT_LIMIT)}")
    facts = [
        _mrkdwn(f"*{label}*\n{_code(value, _FACT_LIMIT)}") for label, value in announcement.facts(notice)
    ]
    for start in range(0, len(facts), _FIELDS_IN_SECTION):
        yield {"type": "section", "fields": facts[start : start + _FIELDS_IN_SECTION]}
    entries = [
        f"• {_code(key, _KEY_LIMIT)}: {_code(value, _VALUE_LIMIT)}"
        for key, value in announcement.payload(notice)
    ]
    if entries:
        yield {"type": "divider"}
        yield _section("\n".join(["*Payload:*", *_within(entries, _PAYLOAD_LIMIT)]))
    if notice.comment:
        yield _section(f"*Comment:* {fit(clean(notice.comment), _COMMENT_LIMIT)}")
    links = [f"<{_url(url)}|{label}>" for label, url in announcement.links(notice, portal_url)]
    if links:
        yield {"type": "context", "elements": [_mrkdwn(" · ".join(links))]}


def _headline(notice: Notice) -> str:
    words = announcement.transport_word(notice) or f"[{notice.status}]"
    target = _code(clean(notice.target_name), _FACT_LIMIT)
    return f"*{words}* for {target}: {fit(announcement.facility(notice), _FACT_LIMIT)}"


def _within(lines: Iterable[str], limit: int) -> Iterator[str]:
    """The lines that fit into `limit` characters, and how many did not."""
    every = list(lines)
    size = 0
    for index, line in enumerate(every):
        size += len(line) + 1
        if size > limit - 30:
            yield f"… and {len(every) - index} more"
            return
        yield line


def _section(text: str) -> Message:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Message:
    # verbatim: else Slack itself makes links of host names, and mentions of words after @ or #.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _code(text: str, limit: int) -> str:
    return f"`{fit(text.replace('`', chr(39)), limit) or '-'}`"


def _url(url: str) -> str:
    """A URL for use in `<url|label>`: nothing in it ends the link early."""
    return quote(url, safe=":/?#[]@!$&'()*+,;=%~").replace("&", "&amp;")
