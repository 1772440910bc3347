"""Exchanges with the ATLAS server, and what its HTTP answers mean (card: Submit, Status)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from atlas_forced_photometry.models import AtlasAltdata
from atlas_forced_photometry.task import Task
from slew import config, drf
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.wire import Answer, HttpRequest, NotJson

CROWDED_S = 300.0  # with 500 tasks queued, run one at a time, a place is free after some minutes
_PLAIN_REDIRECTS = (301, 307, 308)


def base_url() -> str:
    """The server's base URL, without a trailing slash."""
    return config.facility_url("atlas_forced_photometry", "https://fallingstar-data.com/forcedphot")


def headers(altdata: AtlasAltdata) -> dict[str, str]:
    """What every call carries; without `Accept` older servers answer HTML."""
    return {"Authorization": f"Token {altdata.api_token.get_secret_value()}", "Accept": "application/json"}


def task_url(number: int | str) -> str:
    """Where a task is, always under our base: a URL out of an answer might take the token elsewhere.

    The trailing slash is needed: without it the server redirects.
    """
    return f"{base_url()}/queue/{number}/"


def same_host(url: str) -> bool:
    """Whether an absolute URL is at the host of our base."""
    return urlsplit(url).netloc.lower() == urlsplit(base_url()).netloc.lower()


def file(url: str, altdata: AtlasAltdata) -> HttpRequest:
    """The request that fetches a file.

    Files are public: the token goes along only to the host of our base, by the same scheme, and what is
    elsewhere is fetched under guard.
    """
    ours = same_host(url) and urlsplit(url).scheme == urlsplit(base_url()).scheme
    sent = {"Authorization": headers(altdata)["Authorization"]} if ours else {}
    return HttpRequest("GET", url, sent, untrusted=not ours)


def deletion(number: int, altdata: AtlasAltdata) -> HttpRequest:
    """The request that deletes a task."""
    return HttpRequest("DELETE", task_url(number), headers(altdata))


def expect(answer: Answer, *accepted: int) -> Answer:
    """The answer to a write, if its status is an accepted one.

    Raises Rejected, NotSent (throttled, or too many tasks queued) or Unanswered.
    """
    if answer.status in accepted:
        return answer
    if answer.status in _PLAIN_REDIRECTS:  # the server has done nothing but point elsewhere
        target = answer.headers.get("location", "nowhere")
        raise Rejected(f"HTTP {answer.status}, redirected to {target}: is the base URL right?")
    if answer.status < 400:
        raise Unanswered(f"HTTP {answer.status}, which says neither taken nor refused")
    if answer.status == 401:
        raise Rejected(f"credentials: {drf.refusal(answer)}")
    if answer.status == 403:  # of another user's task: the credentials are good
        raise Rejected(drf.refusal(answer))
    if answer.status == 400 and "too many queued tasks" in answer.text:
        raise NotSent(drf.refusal(answer), retry_after=CROWDED_S)
    return drf.expect(answer, *accepted)


def read(link: Link, request: HttpRequest, *accepted: int) -> Answer:
    """The answer to a read, if its status is an accepted one. Raises NoAnswer."""
    answer = link.http.read(request)
    if answer.status in accepted:
        return answer
    if answer.status == 429:
        raise NoAnswer(f"throttled: {drf.refusal(answer)}", retry_after=drf.wait_s(answer))
    if answer.status in (401, 403):
        raise NoAnswer(f"credentials: {drf.refusal(answer)}")
    raise NoAnswer(f"facility unavailable: HTTP {answer.status}")


def fetch(link: Link, number: str | None, altdata: AtlasAltdata) -> Task | None:
    """The task before it is changed; None if it is gone. Raises Rejected, or NotSent where unreadable."""
    if not number:
        raise Rejected("the task's number at the facility is not known")
    try:
        answer = read(link, HttpRequest("GET", task_url(number), headers(altdata)), 200, 401, 404)
        if answer.status == 401:
            raise Rejected(f"credentials: {drf.refusal(answer)}")
        return task_of(content(answer)) if answer.status == 200 else None
    except NoAnswer as error:
        raise NotSent(error.reason, error.retry_after) from None


def is_gone(link: Link, number: str | None, altdata: AtlasAltdata) -> bool:
    """Whether the server says that it has not got the task; False where it cannot be asked."""
    try:
        return fetch(link, number, altdata) is None
    except (NotSent, Rejected):
        return False


def content(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer; empty for anything else."""
    try:
        found = answer.json()
    except NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def task_of(found: Any) -> Task:
    """The task that an answer shows. Raises NoAnswer."""
    try:
        return Task.read(found)
    except ValueError as error:
        raise NoAnswer(str(error)) from None


def new_number(answer: Answer) -> int | None:
    """The number of a task just made: `id`, else that of `url` or of Location if these are at our host."""
    found = content(answer)
    try:
        return Task.read(found).number
    except ValueError:
        pass
    for url in filter(None, (found.get("url"), answer.headers.get("location"))):
        absolute = urljoin(f"{base_url()}/", str(url))
        match = re.search(r"/queue/([0-9]+)/$", urlsplit(absolute).path)
        if match and same_host(absolute):
            return int(match[1])
    return None
