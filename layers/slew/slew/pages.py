"""Facilities' own words for people: redacted first, while a credential in them is still whole."""

from __future__ import annotations

import re
from html import unescape

from slew import redact
from slew.announcement import clean

LONGEST_PAGE = 200_000
"""Characters of a text of which anything is looked at."""
_LONGEST_SECRET = 20_000
_UNREAD = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_UNFIT = re.compile(r"[^A-Za-z0-9._+-]")
_TAG = re.compile(r"<[^<>]*>")


def for_people(text: str, limit: int | None = 300) -> str:
    """A text on one line of at most `limit` characters and `…`."""
    line = clean(masked(text))
    return line if limit is None or len(line) <= limit else f"{line[:limit]}…"


def words(page: str, limit: int = 300) -> str:
    """The readable text of a page or message, as `for_people`.

    Scripts, styles, comments and tags are dropped, entities decoded.
    """
    return for_people(unescape(_TAG.sub(" ", _UNREAD.sub(" ", masked(page)))), limit)


def file_name(text: str) -> str:
    """A facility's name for a file, redacted, of letters, digits and `._+-`."""
    return _UNFIT.sub("_", masked(text))


def masked(text: str) -> str:
    """The text, redacted; the beginning of one of megabytes."""
    if len(text) <= LONGEST_PAGE:
        return redact.current.text(text)
    # What the cut has left of a credential stands at the end.
    return redact.current.text(text[:LONGEST_PAGE])[:-_LONGEST_SECRET]
