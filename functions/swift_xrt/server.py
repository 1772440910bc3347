"""Exchanges with the XRT product builder, and what its answers mean (card: Operations).

Every call is a POST with a JSON body; every answer of the service itself is HTTP 200 with a JSON object,
`OK` 0 where it refuses. Whatever else comes is not the service's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from slew import config, pages
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.pages import for_people
from slew.wire import Answer, HttpRequest, NotJson
from swift_xrt.models import SwiftXrtAltdata

API_NAME, API_VERSION = "xrt_prods", "1.12"
TIMEOUT_S = 60.0
BUSY_S = 300.0
NOT_REGISTERED = "XRT_UserID not registered"
_DOWN_S = 600.0
_UNKNOWN_USER = re.compile(r"\buser\b.*\bnot (recogni[sz]ed|validated|registered)", re.IGNORECASE)
_TOO_MANY = re.compile(r"too many\b.*\bjobs|\bjobs?\b.*\b(limit|maximum)", re.IGNORECASE)


class Refused(Exception):
    """The service's own refusal (`OK` 0), in its words, without the user's address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def crowded(self) -> bool:
        """Whether it is for the number of the user's jobs. The real text is not known: this is a guess."""
        return bool(_TOO_MANY.search(self.reason))


def base_url() -> str:
    """The service's base URL, without a trailing slash."""
    return config.facility_url("swift_xrt", "https://www.swift.ac.uk/user_objects")


def most_jobs() -> int:
    """How many active jobs a user may have when another one is submitted; 0: any number."""
    return int(os.environ.get("SLEW_SWIFT_XRT_MAX_JOBS") or 5)


def call(script: str, altdata: SwiftXrtAltdata, content: Mapping[str, Any]) -> HttpRequest:
    """One call: the client's identity, the user's, and what it is about."""
    identity = {
        "api_name": API_NAME,
        "api_version": API_VERSION,
        "UserID": altdata.XRT_UserID.get_secret_value(),
    }
    return HttpRequest.of_json("POST", f"{base_url()}/{script}", {**identity, **content})


def read(link: Link, request: HttpRequest, altdata: SwiftXrtAltdata) -> dict[str, Any]:
    """The answer to a harmless call. Raises Refused, NoAnswer."""
    answer = link.http.read(request, read_timeout=TIMEOUT_S)
    if answer.status != 200:
        raise NoAnswer(_fault(answer), answer.retry_after)
    try:
        return content_of(answer, altdata)
    except NotJson as error:
        raise NoAnswer(f"facility unavailable: {error}") from None


def send(link: Link, request: HttpRequest, altdata: SwiftXrtAltdata) -> dict[str, Any]:
    """The answer to an unsafe call. Raises Refused, NotSent or Unanswered."""
    answer = link.http.send(request, read_timeout=TIMEOUT_S)
    if 300 <= answer.status < 500:  # something in front of the service; its scripts answer 200
        raise NotSent(_fault(answer), answer.retry_after or _DOWN_S)
    if answer.status != 200:
        raise Unanswered(_fault(answer))
    try:
        return content_of(answer, altdata)
    except NotJson as error:
        raise Unanswered(str(error)) from None


def content_of(answer: Answer, altdata: SwiftXrtAltdata) -> dict[str, Any]:
    """The object of an answer that is not a refusal. Raises Refused, NotJson."""
    found = answer.json()
    if not isinstance(found, dict) or "OK" not in found:
        raise NotJson(f"HTTP {answer.status} with JSON that is no answer of the service: no OK in it")
    if str(found["OK"]).strip() in ("0", "False", ""):
        text = _reason(found)
        if _UNKNOWN_USER.search(text):
            raise Refused(NOT_REGISTERED)
        raise Refused(text)
    return found


def notes(content: Mapping[str, Any]) -> tuple[str, ...]:
    """What an answer says beside its matter: a newer interface, something deprecated."""
    found = []
    if _version(content.get("APIVersion")) > _version(API_VERSION):
        theirs = for_people(str(content["APIVersion"]), 20)
        found.append(f"the service's interface is at version {theirs}, this client at {API_VERSION}")
    warning = content.get("deprecationWarning")
    if isinstance(warning, Mapping) and warning.get("message"):
        found.append(f"deprecation: {_plain(warning['message'])}")
    return tuple(found)


def active_jobs(link: Link, altdata: SwiftXrtAltdata) -> tuple[int | None, tuple[str, ...]]:
    """How many of the user's jobs wait or run (None: it does not say), with `notes`. Raises as `read`."""
    content = read(link, call("getNumJobs.php", altdata, {}), altdata)
    return number(content.get("numJobs")), notes(content)


def require_room(link: Link, altdata: SwiftXrtAltdata) -> None:
    """Raise NotSent while the user has as many active jobs as the service asks for at most.

    Also where it cannot be asked, for then it could not be sent either; Rejected where it refuses.
    """
    most = most_jobs()
    if most <= 0:
        return
    try:
        jobs, _ = active_jobs(link, altdata)
    except NoAnswer as error:
        raise NotSent(error.reason, error.retry_after) from None
    except Refused as error:
        raise Rejected(error.reason) from None
    if jobs is not None and jobs >= most:
        raise NotSent(f"busy: {jobs} active jobs of this user, {most} at most are asked for", BUSY_S)


def number(value: Any) -> int | None:
    """An integer that may come as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def _reason(content: Mapping[str, Any]) -> str:
    """`ERROR`, and after it each group of `listErr`: its label and items."""
    parts = [_plain(content.get("ERROR") or "refused without a reason")]
    groups = []
    listed = content.get("listErr")
    for group in listed if isinstance(listed, list) else []:
        if isinstance(group, Mapping):
            items = group.get("list")
            texts = [_plain(item) for item in items] if isinstance(items, list) else [_plain(items or "")]
            groups.append(f"{_plain(group.get('label') or '')} {', '.join(texts)}".strip())
        else:
            groups.append(_plain(group))
    return " ".join([*parts, "; ".join(groups)]).strip()


def _plain(text: Any) -> str:
    return pages.words(str(text), 999)


def _fault(answer: Answer) -> str:
    where = answer.headers.get("location")
    redirected = f", redirected to {for_people(where, 200)}: is the base URL right?" if where else ""
    return f"facility unavailable: HTTP {answer.status}{redirected}"


def _version(value: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", str(value or "0"))[:4])
