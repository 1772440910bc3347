"""Looking for secret values in whatever a run left behind.

Nothing here is shared with `slew.redact`: where that knows the forms in which a secret travels, this undoes
every encoding that a text may have, in any order and up to three deep, and looks for the secret itself. So
escapings and encodings that the redactor was not told of are found too.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

SHORT = 4
"""Below it a value is looked for only where it stands as a credential."""
DEPTH = 3
_RUN = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\"'\\/bfnrt])")
_NAMED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_URL_TO_PLAIN = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Leak:
    """A secret that was found, and where."""

    secret: str
    place: str
    around: str


@dataclass
class Scanner:
    """Knows secrets by their names, and notes where it comes upon them."""

    secrets: Mapping[str, str]
    scanned: int = 0
    known: set[str] = field(default_factory=set)
    leaks: list[Leak] = field(default_factory=list)

    def text(self, place: str, text: str) -> None:
        """Look through a text."""
        self.scanned += len(text)
        if text in self.known:
            return
        self.known.add(text)
        seen: set[str] = set()
        for view in views(text):
            for name, secret in self.secrets.items():
                if name not in seen and (found := self._found(secret, view)) is not None:
                    seen.add(name)
                    self.leaks.append(Leak(name, place, view[max(0, found - 60) : found + 60]))

    def content(self, place: str, content: bytes) -> None:
        """Look through a file, unpacked where it is compressed."""
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        self.text(place, content.decode("utf-8", "replace"))

    @staticmethod
    def _found(secret: str, view: str) -> int | None:
        if len(secret) >= SHORT:
            places = [
                view.find(form) for form in {secret, normalize("NFC", secret), normalize("NFD", secret)}
            ]
            return max(places) if max(places) >= 0 else None
        found = _credential(secret).search(view)
        return found.start() if found else None


def views(text: str) -> Iterator[str]:
    """The text, and what it says once its encodings are undone."""
    seen = {text}
    level = [text]
    for depth in range(DEPTH):
        yield from level
        after = {decoded for view in level for decoded in _decoded(view, unpack=depth < 2)} - seen
        seen |= after
        level = sorted(after)
    yield from level


def _decoded(text: str, *, unpack: bool) -> Iterator[str]:
    if "%" in text or "+" in text:
        yield unquote(text)
        yield unquote_plus(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _unescaped(text)
    yield from _reread(text)
    for offset in range(4 if unpack else 0):
        yield "\n".join(_unpacked(text, offset))


def _unescaped(text: str) -> str:
    """Without the escapes of JSON and of Python's texts; pairs of surrogates joined."""

    def one(found: re.Match[str]) -> str:
        escape = found[0][1:]
        if escape[0] in "ux":
            return chr(int(escape[1:], 16))
        return _NAMED.get(escape, escape)

    return _ESCAPE.sub(one, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _reread(text: str) -> Iterator[str]:
    """Bytes of UTF-8 that were read as Latin-1."""
    if not text.isascii():
        try:
            yield text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return


def _unpacked(text: str, offset: int) -> Iterator[str]:
    """What runs of base64 stand for when they are read from their `offset`th character on."""
    for run in _RUN.findall(text):
        plain = run.rstrip("=")[offset:].translate(_URL_TO_PLAIN)
        plain = plain[:-1] if len(plain) % 4 == 1 else plain
        if len(plain) < 3:
            continue
        try:
            raw = base64.b64decode(plain + "=" * (-len(plain) % 4))
        except binascii.Error:
            continue
        told = raw.decode("utf-8", "ignore")
        if len(told.encode()) > 0.7 * len(raw):  # else it was no text, or read from a wrong place
            yield told
        elif raw.isascii() or sum(32 <= byte < 127 or byte > 160 for byte in raw) > 0.9 * len(raw):
            yield raw.decode("latin-1")


def _credential(secret: str) -> re.Pattern[str]:
    """A short secret as the value of a parameter, a field, a header or an element, or in a pair."""
    one = re.escape(secret)
    return re.compile(
        rf"(?:^|[?&;\s])[\w.%\[\]-]+={one}(?:$|[&;#\s])"
        rf"|[:\[,(={{]\s*\"{one}\"(?!\s*:)|[:\[,(={{]\s*'{one}'(?!\s*:)"
        rf"|<[\w:.-]+>{one}</|(?:^|\n)[A-Za-z][\w-]*: ?{one}(?:$|\r?\n)"
        rf"|\b(?i:token|bearer|basic) {one}(?:$|[\s\"',;])"
        rf"|^[\w.@-]{{2,}}:{one}$|^{one}:[\w.@-]{{2,}}$"
    )
