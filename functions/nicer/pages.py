"""HEASARC's pages, which are told apart by their texts alone (card nicer.md: step 2)."""

from __future__ import annotations

import re

from slew.pages import words

WORDS = 1000  # characters of a page's own words that are shown
_REFUSED = re.compile(r"Attempted verification detected(.*?)(?:</span>|$)", re.DOTALL | re.IGNORECASE)
_VERIFIED = "form verified successfully"
_BUTTON = re.compile(r"\bRPS_(SUBMIT|VERIFY)\b")


def refusal(page: str) -> str | None:
    """Why the form was refused, in the facility's words; None where it was not."""
    found = _REFUSED.search(page)
    return (words(found[1], WORDS) or "refused without a reason") if found else None


def is_verified(page: str) -> bool:
    """Whether the form may be submitted."""
    return _VERIFIED in page.lower()


def is_login_form(page: str) -> bool:
    """Whether it asks for the password."""
    return "credential_1" in page


def is_form(page: str) -> bool:
    """Whether it shows the form's buttons, and so is no receipt."""
    return bool(_BUTTON.search(page))
