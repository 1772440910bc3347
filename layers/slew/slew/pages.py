"""Facilities' own words for people: redacted first, while a credential in them is still whole."""

from __future__ import annotations

import re
from html import unescape

from slew import redact
from slew.announcement import clean

LONGEST_PAGE = 200_000
"""Characters of a page that are looked at."""
_UNREAD = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_TAG = re.compile(r"<[^<>]*>")


def for_people(text: str, limit: int | None = 300) -> str:
    """A text on one line of at most `limit` characters and `…`."""
    line = clean(redact.current.text(text))
    return line if limit is None or len(line) <= limit else f"{line[:limit]}…"


def words(page: str, limit: int = 300) -> str:
    """The readable text of a page or message, as `for_people`.

    Scripts, styles, comments and tags are dropped, entities decoded.
    """
    known = redact.current.text(page)[:LONGEST_PAGE]
    return for_people(unescape(_TAG.sub(" ", _UNREAD.sub(" ", known))), limit)
