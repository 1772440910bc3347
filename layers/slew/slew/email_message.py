"""A notice as an email (card notifications.md, "Amazon SES v2"): text and HTML, safe in every header.

The subject begins with the status in brackets; what users wrote reaches no header unclean and no HTML
unescaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from slew import announcement, config
from slew.announcement import clean
from slew.notice import Notice
from slew.wire import Mail

SUBJECT_LIMIT = 150
MAX_RECIPIENTS = 50  # what SES takes at once; each of ours gets a mail of its own, within one Lambda's time
_TAG_LIMIT = 256
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_DOMAIN = re.compile(r"@([A-Za-z0-9.-]+)>?\s*$")


def recipients(text: str) -> tuple[str, ...]:
    """The addresses of an altdata's `email`: separated by commas, each once, at most 50.

    Raises ValueError, naming the place of what is none: it may be a credential in the wrong field.
    """
    found: dict[str, str] = {}
    for number, part in enumerate(text.split(","), 1):
        address = part.strip()
        if not address:
            continue
        if not is_address(address):
            raise ValueError(f"entry {number} is not an email address (name@host.domain, in ASCII)")
        found.setdefault(address.lower(), address)
    if not found:
        raise ValueError("must hold at least one email address")
    if len(found) > MAX_RECIPIENTS:
        raise ValueError(f"must hold at most {MAX_RECIPIENTS} email addresses")
    return tuple(found.values())


def is_address(text: str) -> bool:
    """Whether it is one plain address: no display name, quote or blank, ASCII only (domains in punycode)."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def build(notice: Notice, to: Sequence[str], portal_url: str) -> Mail:
    """The mail that tells `to` of it; replies go to the requester."""
    what = announcement.action(notice)
    what = "Follow-up request" if what == "Request" else what
    subject = clean(f"[{notice.status}] {what} for {notice.target_name}: {announcement.facility(notice)}")
    reply_to = notice.requester_email.strip()
    return Mail(
        to=tuple(to),
        subject=subject if len(subject) <= SUBJECT_LIMIT else f"{subject[: SUBJECT_LIMIT - 1]}…",
        text=_text(notice, portal_url),
        html=_html(notice, portal_url),
        reply_to=reply_to if is_address(reply_to) else "",
        headers={"X-Followup-Request-Id": _token(notice.request_id), "List-Id": _list_id(notice)},
        tags={"facility": _token(notice.facility), "request_id": _token(notice.request_id)},
    )


def _text(notice: Notice, portal_url: str) -> str:
    parts = [announcement.headline(notice), _lines(_words(notice) + announcement.facts(notice))]
    if notice.payload:
        parts.append("Payload\n" + _lines(announcement.payload(notice)))
    if notice.comment:
        parts.append(f"Comment\n  {clean(notice.comment)}")
    parts.append(_lines(announcement.links(notice, portal_url)))
    return "\n\n".join(parts) + "\n"


def _lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"  {label}: {value}" for label, value in pairs)


def _html(notice: Notice, portal_url: str) -> str:
    headline = escape(announcement.headline(notice))
    links = " · ".join(
        f'<a href="{escape(url)}">{escape(label)}</a>'
        for label, url in announcement.links(notice, portal_url)
    )
    body = [f"<h3>{headline}</h3>", _table(_words(notice) + announcement.facts(notice))]
    if notice.payload:
        body += ["<h4>Payload</h4>", _table(announcement.payload(notice))]
    if notice.comment:
        body += ["<h4>Comment</h4>", f"<p>{escape(clean(notice.comment))}</p>"]
    if links:
        body.append(f"<p>{links}</p>")
    head = f'<head><meta charset="utf-8"><title>{headline}</title></head>'
    return f'<!DOCTYPE html>\n<html lang="en">{head}\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _table(pairs: Iterable[tuple[str, str]]) -> str:
    rows = (
        f'<tr><th align="left">{escape(label)}</th><td>{escape(value)}</td></tr>' for label, value in pairs
    )
    return f"<table>{''.join(rows)}</table>"


def _words(notice: Notice) -> list[tuple[str, str]]:
    pairs = [("Reason", clean(notice.reason)), ("Status text", clean(notice.text))]
    return [(label, value) for label, value in pairs if value]


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)[:_TAG_LIMIT] or "-"


def _list_id(notice: Notice) -> str:
    """One list a facility, in the sender's domain (RFC 2919)."""
    domain = _DOMAIN.search(config.email_from())
    return f"<{_token(notice.facility)}.slew.{domain[1] if domain else 'localhost'}>"
