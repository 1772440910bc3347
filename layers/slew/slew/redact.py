"""Keeping secrets out of whatever is logged, stored, returned or announced.

A `Redactor` knows the secret *values* of the allocation at hand, in every form in which they travel: plain,
URL-encoded, form-encoded, base64 (also inside a longer encoded text, as in Basic authentication),
JSON-escaped and XML-escaped. It also masks the values of headers and fields that are secret by name, so that
a value it was never told of does not pass either.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
_SHORTEST = 4  # a shorter value is masked only where it stands alone: inside words it would blacken the text
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"}
)
_SECRET_FIELD = re.compile(
    r"(?i)^(.*[_-])?(passwords?|passwd|secrets?|tokens?|api_?keys?|private_?keys?|credentials?)$"
)


# A signed token is a credential while it lasts, and made from a secret that is not in it.
_JWT_SIGNATURE = re.compile(r"(eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}\.)[A-Za-z0-9_-]{8,}")


class Redactor:
    """Masks known secret values wherever they stand, and secret headers and fields by their names."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret}
        self._whole = frozenset(known)
        forms = {form for secret in known if len(secret) >= _SHORTEST for form in _forms(secret)}
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text with every known secret masked."""
        if text in self._whole:
            return MASK
        if "eyJ" in text:
            text = _JWT_SIGNATURE.sub(rf"\1{MASK}", text)
        return self._pattern.sub(MASK, text) if self._pattern else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers, with those that carry credentials masked whole except for the scheme word."""
        return {name: self._header(name, value) for name, value in headers.items()}

    def data(self, data: Any) -> Any:
        """A JSON-like value with every secret masked, in keys too."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, dict | Mapping):
            return {self.text(str(key)): self._field(str(key), value) for key, value in data.items()}
        if isinstance(data, list | tuple | set | frozenset):
            return [self.data(item) for item in data]
        if isinstance(data, int | float) and not isinstance(data, bool) and str(data) in self._whole:
            return MASK
        return data

    def body(self, body: str) -> str:
        """A wire body: JSON is masked by field name and value, anything else by value."""
        if body[:1] in ("{", "["):
            try:
                return self.text(json.dumps(self.data(json.loads(body)), ensure_ascii=False))
            except (ValueError, RecursionError):
                pass
        return self.text(body)

    def _header(self, name: str, value: str) -> str:
        if name.lower() not in _SECRET_HEADERS:
            return self.text(value)
        scheme, _, rest = value.partition(" ")
        return f"{scheme} {MASK}" if rest and scheme.isalpha() else MASK

    def _field(self, key: str, value: Any) -> Any:
        return _masked(value) if _SECRET_FIELD.match(key) else self.data(value)


def _masked(value: Any) -> Any:
    """Every text in it masked: what stands below a secret name may be secret under another one."""
    if isinstance(value, Mapping):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return MASK if isinstance(value, str) and value else value


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret),
        escape(secret, quote=False),
        repr(secret)[1:-1],
    }
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Where the secret begins inside a longer encoded text, its middle has one of three forms: cut off
        # what the neighbouring bytes have a part in.
        for lead in range(3):
            encoded = encode(b"\0" * lead + raw).decode().rstrip("=")
            start = (0, 2, 3)[lead]
            end = len(encoded) - ((lead + len(raw)) % 3 != 0)
            if end - start >= _SHORTEST + 2:
                forms.add(encoded[start:end])
        forms.add(encode(raw).decode())
    return {form for form in forms if len(form) >= _SHORTEST}


current = Redactor()
"""The redactor of the work in hand; the logger passes every line through it."""


def use(redactor: Redactor) -> Redactor:
    """Make it the current one (a Lambda worker has one piece of work at a time)."""
    global current
    current = redactor
    return redactor
