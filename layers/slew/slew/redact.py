"""Keeping secrets out of whatever is logged, stored, returned or announced.

A `Redactor` knows the secret *values* of the allocation at hand, in every form in which they travel (see
`slew.secret_forms`): plain, URL-encoded, form-encoded, base64 (also inside a longer encoded text, as in Basic
authentication or a signed token), JSON-escaped and XML-escaped. A secret of one to three characters is masked
where it travels as a credential. It also masks the values of headers and fields that are secret by name, so
that a value it was never told of does not pass either. What has passed can be written down: see `characters`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from slew import secret_forms
from slew.characters import writable
from slew.secret_forms import SHORTEST

MASK = "********"
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"}
)
_SECRET_FIELD = re.compile(
    r"^(.*[_-])?(passwords?|passwd|passphrases?|userpass|secrets?|tokens?|csrftoken|csrfmiddlewaretoken"
    r"|api[_-]?keys?|private[_-]?keys?|access[_-]?keys?|credentials?)$"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# A signed token is a credential while it lasts, and made from a secret that is not in it.
_JWT = re.compile(r"(eyJ[A-Za-z0-9_-]{5,}\.)([A-Za-z0-9_-]{2,})\.[A-Za-z0-9_-]{8,}")
# base64 of either alphabet, also as it stands in a URL
_BASIC = re.compile(r"(?i)\b(basic(?:\s|%20|\+)+)((?:[a-z0-9+/_-]|%2b|%2f){2,}(?:=|%3d){0,2})")
_ENCODED = re.compile(r"(?i)(?:[a-z0-9+/_-]|%2b|%2f){4,}(?:=|%3d){0,2}")


class Redactor:
    """Masks known secret values wherever they stand, and secret headers and fields by their names."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret.strip() and not MASK.startswith(secret)}
        self._whole = frozenset(known)
        forms = {form for secret in known if len(secret) >= SHORTEST for form in secret_forms.every(secret)}
        # One after another, the longest first: on a long text much faster than a pattern of all of them.
        self._forms = tuple(sorted(forms, key=len, reverse=True))
        self._short = frozenset(secret for secret in known if len(secret) < SHORTEST)
        self._alone = secret_forms.alone(sorted(self._short))

    def text(self, text: str) -> str:
        """The text with every known secret masked."""
        if text in self._whole or text.strip() in self._whole:
            return MASK
        if "eyJ" in text:
            text = _JWT.sub(self._signed, text)
        if "asic" in text or "ASIC" in text:
            text = _BASIC.sub(lambda found: found[1] + MASK if ":" in _decoded(found[2]) else found[0], text)
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if self._alone:
            text = self._alone.sub(lambda found: f"{found[found.lastgroup or 0]}{MASK}", text)
            text = _ENCODED.sub(self._pair, text)
        return writable(text)

    def holds(self, data: Any) -> bool:
        """Whether a known secret of four characters or more stands anywhere in a JSON-like value."""
        if isinstance(data, str):
            return any(form in data for form in self._forms)
        if isinstance(data, Mapping):
            return any(self.holds(str(key)) or self.holds(value) for key, value in data.items())
        if isinstance(data, list | tuple):
            return any(map(self.holds, data))
        return len(str(data)) >= SHORTEST and self.data(data) == MASK

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers, with those that carry credentials masked whole except for the scheme word."""
        return {name: self._header(name, value) for name, value in headers.items()}

    def data(self, data: Any) -> Any:
        """A JSON-like value with every secret masked, in keys too."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict | Mapping):
            return {self._key(str(key)): self._field(str(key), value) for key, value in data.items()}
        if isinstance(data, list | tuple | set | frozenset):
            return [self.data(item) for item in data]
        if isinstance(data, int | float) and not isinstance(data, bool) and str(data) in self._whole:
            return MASK
        return data

    def body(self, body: str) -> str:
        """A wire body: JSON is masked by field name and value, anything else by value."""
        if body.lstrip()[:1] in ("{", "["):
            try:
                return self.text(json.dumps(self.data(json.loads(body)), ensure_ascii=False))
            except (ValueError, RecursionError):
                pass
        return self.text(body)

    def _key(self, key: str) -> str:
        """Names are not masked for a short secret: those of our own records would be lost."""
        return key if key in self._short else self.text(key)

    def _header(self, name: str, value: str) -> str:
        if name.lower() not in _SECRET_HEADERS and not _is_secret(name):
            words = (MASK if word in self._short else word for word in self.text(value).split(" "))
            return " ".join(words)
        scheme, _, rest = value.partition(" ")
        return f"{scheme} {MASK}" if rest and scheme.isalpha() else MASK

    def _field(self, key: str, value: Any) -> Any:
        return _masked(value) if _is_secret(key) else self.data(value)

    def _signed(self, found: re.Match[str]) -> str:
        """A signed token without its signature, and without a payload that has a secret."""
        told = _decoded(found[2])
        payload = found[2] if self.text(told) == told else MASK
        return f"{found[1]}{payload}.{MASK}"

    def _pair(self, found: re.Match[str]) -> str:
        """An encoded `name:secret`, or `secret:name`, masked."""
        told = _decoded(found[0])
        paired = any(told.startswith(f"{each}:") or told.endswith(f":{each}") for each in self._short)
        return MASK if paired else found[0]


def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.match(_HUMP.sub("_", name).lower()) is not None


def _masked(value: Any) -> Any:
    """Every text in it masked: what stands below a secret name may be secret under another one."""
    if isinstance(value, Mapping):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return MASK if isinstance(value, str) and value else value


def _decoded(encoded: str) -> str:
    """What base64 of either alphabet stands for; empty where it is no text."""
    plain = unquote(encoded).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return ""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
        return text if text.isprintable() else ""


class _Current:
    """The redactor of the work in hand: a thread works on one thing at a time, and has its own."""

    def text(self, text: str) -> str:
        """See Redactor."""
        return _used.get().text(text)

    def data(self, data: Any) -> Any:
        """See Redactor."""
        return _used.get().data(data)


_used: ContextVar[Redactor] = ContextVar("redactor", default=Redactor())  # noqa: B039 - it is immutable
current = _Current()
"""The redactor of the work in hand; the logger passes every line through it."""


def use(redactor: Redactor) -> Redactor:
    """Make it the current one of this thread."""
    _used.set(redactor)
    return redactor
