"""The forms in which a secret value travels: escaped, encoded, both, and inside a longer encoded text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from html import escape
from unicodedata import normalize
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""A shorter secret is looked for only where it stands as a credential: see `alone`."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")  # nothing escapes these
_PERCENT = re.compile("%[0-9A-F]{2}")
_UNICODE = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-f]{4})")
# What requests leaves in a URL that it tidies, and JavaScript's encodeURIComponent in a component.
_LEFT_BY = ("!#$%&'()*+,/:;=?@[]~", "!'()*~", "/", "")


def _escapes() -> Iterator[Callable[[str], str]]:
    yield lambda text: text
    for safe in _LEFT_BY:
        yield lambda text, safe=safe: quote(text, safe=safe)  # type: ignore[misc]
    yield quote_plus
    yield lambda text: _lower(quote(text, safe=""))
    yield lambda text: _lower(quote_plus(text))
    for ascii_only in (True, False):
        yield lambda text, ascii_only=ascii_only: json.dumps(text, ensure_ascii=ascii_only)[1:-1]  # type: ignore[misc]
        yield lambda text, ascii_only=ascii_only: json.dumps(text, ensure_ascii=ascii_only)[1:-1].replace(  # type: ignore[misc]
            "/", "\\/"
        )
    yield lambda text: _UNICODE.sub(lambda found: f"{found[1]}\\u{found[2].upper()}", json.dumps(text)[1:-1])
    yield escape
    yield lambda text: escape(text, quote=False)
    yield lambda text: text.replace("&", "&amp;").replace("<", "&lt;")  # all that XML demands
    yield lambda text: escape(text).replace("&#x27;", "&#39;")
    yield lambda text: escape(text).replace("&#x27;", "&apos;")
    yield lambda text: escape(text).encode("ascii", "xmlcharrefreplace").decode()
    yield lambda text: repr(text)[1:-1]
    yield lambda text: ascii(text)[1:-1]
    yield lambda text: repr(text.encode())[2:-1]
    yield lambda text: text.encode().decode("latin-1")  # as http.client reads a header
    yield lambda text: text.encode("latin-1", "replace").decode("utf-8", "replace")


_ESCAPES = tuple(_escapes())


def escaped(secret: str) -> set[str]:
    """The secret as it stands in a URL, in JSON, in XML, in a Python text; each of these also in another."""
    once = _once(secret)
    if len(once) == 1:
        return once
    return once | {escape_(form) for form in once for escape_ in _ESCAPES}


@lru_cache(64)
def every(secret: str) -> frozenset[str]:
    """All forms of a secret of at least SHORTEST characters."""
    found = escaped(secret) | {form for text in _once(secret) for form in _fragments(text.encode())}
    with suppress(UnicodeEncodeError):  # Basic authentication in Latin-1 could not carry such a one
        found |= set(_fragments(secret.encode("latin-1")))
    return frozenset(form for form in found if len(form) >= SHORTEST)


def alone(secrets: list[str]) -> re.Pattern[str] | None:
    """Short secrets where they stand as credentials.

    That is as a query's or form's value, a JSON, Python or XML value, an HTTP header's, after a scheme word,
    and in a URL's user part. Elsewhere one character would blacken every text.
    """
    forms = sorted({form for secret in secrets for form in escaped(secret)}, key=len, reverse=True)
    if not forms:
        return None
    one = f"(?:{'|'.join(map(re.escape, forms))})"
    places = (
        rf"(?<![^?&;\s\"'\\])(?P<query>[\w.%\[\]-]+=){one}(?=$|[&;#\s\"'\\])",
        rf"(?P<value>[:\[,(={{]\s*(?P<quote>\\*[\"'])){one}(?=(?P=quote)(?!\s*:))",
        rf"(?P<element><[\w:.-]+(?:\s[^<>]*)?>){one}(?=</)",
        rf"(?P<header>(?:^|[\r\n])[A-Za-z][\w-]*:[ \t]*){one}(?=[ \t]*(?:$|[\r\n]))",
        rf"(?P<scheme>\b(?i:token|bearer|basic|key|apikey)[ \t]+){one}(?=$|[\s\"',;&\\])",
        rf"(?P<user>//[^/\s:@]*:){one}(?=@)",
    )
    return re.compile("|".join(places))


def _once(secret: str) -> set[str]:
    if _PLAIN.fullmatch(secret):
        return {secret}
    composed = {secret, normalize("NFC", secret), normalize("NFD", secret)}
    return {form for text in composed for escape_ in _ESCAPES if (form := escape_(text))}


def _fragments(raw: bytes) -> Iterator[str]:
    """What stands in a longer base64 text that has the secret somewhere, and that text in a URL or JSON."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Where the secret begins inside a longer encoded text, its middle has one of three forms: cut off
        # what the neighbouring bytes have a part in.
        for lead in range(3):
            encoded = encode(b"\0" * lead + raw).decode().rstrip("=")
            start = (0, 2, 3)[lead]
            end = len(encoded) - ((lead + len(raw)) % 3 != 0)
            fragment = encoded[start:end]
            yield fragment
            if "+" in fragment or "/" in fragment:
                yield quote(fragment, safe="")
                yield _lower(quote(fragment, safe=""))
                yield fragment.replace("/", "\\/")


def _lower(text: str) -> str:
    return _PERCENT.sub(lambda found: found[0].lower(), text)
