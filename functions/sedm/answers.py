"""SEDM's answers: HTTP 200 with a one-line title that says how it went (card: one form)."""

from __future__ import annotations

import re

from slew.errors import Failed, NotSent, Rejected, Unanswered
from slew.pages import words
from slew.wire import Answer

_TITLE = re.compile(r"<title[^>]*>(.*?)</title\s*>", re.DOTALL | re.IGNORECASE)
_CGI_HEADER = re.compile(r"^\s*content-type:\s*text/html\s*", re.IGNORECASE)
ACTIVE_TITLES = ("Rejected Deletion, ACTIVE", "Rejected Edit Deletion, ACTIVE")
_REFUSALS = ("Rejected Request", "Rejected Edit", "Invalid Formatting of Request")
SINK_TITLE = "Accepted Fritz CGI"


class Active(Rejected):
    """Every booking with our number is being observed, or there is none: SEDM does not say which."""


class Broken(Rejected):
    """An exception's text in place of a title: the code of SEDM broke off, of an edit after the deletion."""


def accepted(answer: Answer, title: str) -> str:
    """The title, if it is the wanted one.

    Raises Rejected (Active where it has no booking that it could cancel), Failed (test sink), NotSent
    (throttled) or Unanswered.
    """
    if answer.status == 429:
        raise NotSent(f"throttled: {words(answer.text)}".rstrip(": "), retry_after=answer.retry_after or 60.0)
    if answer.status >= 500:
        raise Unanswered(f"SEDM's server failed: HTTP {answer.status} {title_of(answer)}".rstrip())
    if answer.status != 200:
        raise Rejected(f"HTTP {answer.status} {title_of(answer)}".rstrip())
    said = title_of(answer)
    if said == title:
        return said
    if said in ACTIVE_TITLES:
        what = "delete" if said == ACTIVE_TITLES[0] else "edit"
        raise Active(f"cannot {what}: being observed or unknown to SEDM")
    if said == SINK_TITLE:
        raise Failed("the address is SEDM's test sink (Accepted Fritz CGI): nothing was booked")
    if said == "ERROR":
        raise Failed("SEDM's test sink got nothing (ERROR): nothing was booked")
    if not said:
        raise Unanswered("SEDM answered without a title: what became of the request is not known")
    raise Rejected(said) if said in _REFUSALS else Broken(said)


def title_of(answer: Answer) -> str:
    """The page's title, else its text; on one line, tags stripped, cut."""
    found = _TITLE.search(answer.text)
    return words(found[1] if found else _CGI_HEADER.sub("", answer.text))
