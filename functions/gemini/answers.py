"""What an answer of the trigger's server means (card: Submit)."""

from __future__ import annotations

import re

from gemini.models import GeminiAltdata
from slew.errors import NotSent, Rejected, Unanswered
from slew.pages import masked, words
from slew.wire import Answer

CREDENTIALS = "Incorrect program ID, email address, or password"
DOWN = "Database unavailable."
_LONGEST = 500
_ID = re.compile(r"(?:GN|GS)-.+-\d+")
_PRE = re.compile(r"<pre>(.*?)</pre>", re.DOTALL | re.IGNORECASE)
_HEAD = re.compile(r"<head\b.*?</head\s*>", re.DOTALL | re.IGNORECASE)


def observation_id(answer: Answer, altdata: GeminiAltdata) -> str:
    """The new observation's whole id.

    Raises Rejected; NotSent where nothing was made and it may be sent again; Unanswered for anything that is
    neither an id nor a known refusal.
    """
    said = reason(answer)
    if answer.status == 200:
        body = answer.text.strip()
        if _ID.fullmatch(body) and body.lower().startswith(f"{altdata.programid}-".lower()):
            return body
        raise Unanswered(f"in place of an observation's id Gemini answered: {said or 'nothing'}")
    if answer.status == 503 and DOWN in said:
        raise NotSent(f"Gemini: {said}", answer.retry_after)
    if answer.status == 429:
        raise NotSent(f"throttled: {said}", answer.retry_after or 60.0)
    if 400 <= answer.status < 500:
        raise Rejected(_advised(said) or f"HTTP {answer.status} without a reason")
    if 300 <= answer.status < 400:
        raise Rejected(f"HTTP {answer.status}, a redirect, which is not followed: is the base URL right?")
    raise Unanswered(f"HTTP {answer.status}: {said}".rstrip(": "))


def reason(answer: Answer) -> str:
    """The server's words on one line: those of the error page, or else the bare text; no secret in them."""
    latin = "8859-1" in answer.headers.get("content-type", "")  # that of Jetty's error pages
    page = masked(answer.body.decode("iso-8859-1") if latin else answer.text)
    found = _PRE.search(page)
    return words(found[1] if found else _HEAD.sub(" ", page), _LONGEST)


def _advised(said: str) -> str:
    if CREDENTIALS not in said:
        return said
    return f"bad credentials: {said} (user keys of North and South differ)"
