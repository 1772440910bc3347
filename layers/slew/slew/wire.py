"""What goes out and what comes back, as plain values.

HTTP requests, mails, answers, and the record of an exchange.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlencode

from slew import clock
from slew.errors import SlewError

_WEEK_S = 7 * 86400.0


class NotJson(SlewError):
    """An answer that should have been JSON is something else, such as a proxy's HTML page."""


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request, exactly as it leaves.

    `untrusted` marks a URL that a user gave: it is resolved once, checked and pinned (see `slew.guard`).
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    untrusted: bool = False

    @classmethod
    def of_json(
        cls,
        method: str,
        url: str,
        content: Any,
        headers: Mapping[str, str] | None = None,
        *,
        untrusted: bool = False,
    ) -> HttpRequest:
        """A request with a JSON body, non-ASCII characters escaped."""
        body = json.dumps(content, allow_nan=False).encode()
        return cls(method, url, {**(headers or {}), "Content-Type": "application/json"}, body, untrusted)

    @classmethod
    def of_form(
        cls, method: str, url: str, content: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> HttpRequest:
        """A request with a form-encoded body."""
        body = urlencode(content).encode()
        return cls(
            method, url, {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}, body
        )


@dataclass(frozen=True)
class Attachment:
    """A file that goes along with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """One email, a text and an HTML part, to one or more recipients (each gets a copy of its own)."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Upload:
    """One file for another machine: `url` says where to (`sftp://host:22/directory/name`)."""

    url: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """A facility's answer.

    Status, headers (names in lower case) and body, cut at the session's limit if `truncated`.
    `set_cookies`: the `Set-Cookie` lines one by one, which in `headers` stand joined.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False
    set_cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body as text, whatever bytes it holds."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises NotJson."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("content-type", "no content type")
            raise NotJson(f"HTTP {self.status} with a body that is not JSON ({kind})") from None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the `Retry-After` header asks for, as a number or a date, at most a week."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return float(min(int(value[:9]), _WEEK_S))
        try:
            wait = parsedate_to_datetime(value).timestamp() - clock.timestamp()
        except (ValueError, OverflowError):
            return None
        return min(wait, _WEEK_S) if wait > 0 else None


@dataclass(frozen=True)
class Exchange:
    """The record of one exchange with a facility; everything in it has passed the redactor."""

    at: str
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    outcome: Literal["answered", "not_sent", "no_answer"]
    elapsed_ms: int
    status: int | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer_body: str = ""
    error: str = ""
