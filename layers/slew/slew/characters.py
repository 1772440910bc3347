"""Text that can be written down: UTF-8 has no place for lone surrogates, which JSON's escapes can name."""

from __future__ import annotations

import re

_LONE = re.compile("[\ud800-\udfff]")


def writable(text: str) -> str:
    """The text with U+FFFD for every lone surrogate."""
    return text if text.isascii() else _LONE.sub("\ufffd", text)
