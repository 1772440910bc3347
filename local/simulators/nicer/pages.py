"""The pages, as far as the card knows their texts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

RECEIPT = "Thank you. Your target of opportunity has been sent to the NICER team."


def page(content: str, title: str = "NICER Target of Opportunity") -> str:
    """A page around some content."""
    return f"<html><head><title>{title}</title></head><body>\n<h1>{title}</h1>\n{content}\n</body></html>\n"


def login_form() -> str:
    """What an unknown visitor gets whatever was asked for."""
    return page(
        '<form method="POST" action="/ark/LOGIN">\n'
        '<input type="text" name="credential_0"><input type="password" name="credential_1">\n</form>',
        "ARK Login",
    )


def account() -> str:
    """Where a login leads."""
    return page("<p>Your ARK account</p>", "ARK")


def not_in_group() -> str:
    """For an account that has not joined the group."""
    return page("<p>You are not a member of the group NICERTOO.</p>")


def empty_form() -> str:
    """The form as it is first shown."""
    return page('<form><input type="image" name="RPS_VERIFY"></form>')


def refused(problems: Sequence[str]) -> str:
    """The form with what is wrong with it; `problems` are HTML."""
    lines = "".join(f"{problem}<br>\n" for problem in problems)
    return page(
        f'<span class="error">Attempted verification detected {len(problems)} problem(s):<br>\n'
        f"{lines}</span>\n"
        '<form><input type="image" name="RPS_VERIFY"></form>'
    )


def verified() -> str:
    """The form with its second button."""
    return page(
        '<span class="ok">Form verified successfully.</span>\n'
        '<form><input type="image" name="RPS_SUBMIT"></form>'
    )


def label(name: str) -> str:
    """A field's name within a problem."""
    return f"<b>{escape(name)}</b>"
