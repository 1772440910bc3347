"""Secrets in what a test itself has written: every one that a redactor was told of while it ran."""

from __future__ import annotations

from collections.abc import Iterable

from slew.redact import MASK, Redactor
from tests.support.leaks import Scanner

LONG_ENOUGH = 8
"""Shorter ones are words that a log may well have."""
told: set[str] = set()
"""The values that redactors of this process know, since the test began."""


def listen() -> None:
    """From now on, note what redactors are told."""
    plain = Redactor.__init__

    def init(self: Redactor, secrets: Iterable[str] = ()) -> None:
        known = tuple(secrets)
        told.update(known)
        plain(self, known)

    setattr(Redactor, "__init__", init)  # noqa: B010  # a method, as mypy sees it


def complaint(sections: Iterable[tuple[str, str]], secrets: Iterable[str]) -> str:
    """What to say of captured output that holds secrets; empty where there is nothing to say."""
    values = {each for each in secrets if len(each.strip()) >= LONG_ENOUGH and each.strip("*")}
    scanner = Scanner({each: each for each in values})
    for title, text in sections:
        if values and text:
            scanner.text(title, text)
    found = []
    for leak in scanner.leaks:
        around = leak.around.replace(leak.secret, MASK)
        found.append(f"{leak.place}: a secret of {len(leak.secret)} characters in {around!r}")
    return "\n".join(found)
