"""Facilities' own words out of pages that were made for browsers."""

from __future__ import annotations

import re
from html import unescape

LONGEST_PAGE = 200_000
"""Characters of a page that are looked at."""
_UNREAD = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_TAG = re.compile(r"<[^<>]*>")


def words(page: str, limit: int = 300) -> str:
    """The readable text of a page or message, on one line of at most `limit` characters and `…`.

    Scripts, styles, comments and tags are dropped, entities decoded.
    """
    text = " ".join(unescape(_TAG.sub(" ", _UNREAD.sub(" ", page[:LONGEST_PAGE]))).split())
    return text if len(text) <= limit else f"{text[:limit]}…"
