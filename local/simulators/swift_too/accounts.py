"""Accounts and sessions of the Swift simulator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

DEMO_USER, DEMO_SECRET = "rubin_too", "7c1f-Q2-example"
OTHER_USER, OTHER_SECRET = "other_too", "9d3a-R7-example"
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Account:
    """A registered user; `l_name` is what lists show."""

    username: str
    secret: str
    password: str
    l_name: str


SEEDED = {
    DEMO_USER: Account(DEMO_USER, DEMO_SECRET, "account-password-1", "Requester"),
    OTHER_USER: Account(OTHER_USER, OTHER_SECRET, "account-password-2", "Colleague"),
    ANONYMOUS: Account(ANONYMOUS, ANONYMOUS, ANONYMOUS, "Anonymous"),
}


class Sessions:
    """Cookies given out, each with its user and its end (Unix seconds)."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def open(self, username: str, until: float) -> str:
        """A new cookie's value."""
        value = secrets.token_urlsafe(24)
        self._known[value] = (username, until)
        return value

    def user(self, cookie: str | None, now: float) -> str | None:
        """Whose session it is; None for an unknown or ended one."""
        username, until = self._known.get(cookie or "", ("", 0.0))
        return username if until > now else None

    def close(self, cookie: str | None) -> None:
        """End it."""
        self._known.pop(cookie or "", None)
