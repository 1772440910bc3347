"""Exchanges with IPAC's service, and what its pages mean (card: Operations)."""

from __future__ import annotations

import base64
from typing import NoReturn
from urllib.parse import quote, urlencode, urlsplit

from slew import config
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Link
from slew.pages import for_people, masked
from slew.wire import Answer, HttpRequest
from ztf_forced_photometry import pages
from ztf_forced_photometry.job import Job, JobTable
from ztf_forced_photometry.models import ZtfForcedPhotometryAltdata

LOGIN_REFUSED = "ipac_http_user / ipac_http_password refused"
BUSY = "forced photometry database is busy; trying again in 2 minutes."
BUSY_S = 120.0
READ_TIMEOUT_S = 60.0
_BUSY_TEXT = "database is busy"
_NO_JOBS = "Zero records returned"
_SHOWN = 299  # characters of a page that are repeated to the user, and the `…`
_ECHOED = ("ra", "dec", "jdstart", "jdend")
_LISTED = ("reqId", "ra", "dec", "startJD", "endJD")


def base_url() -> str:
    """The service's base URL, without a trailing slash."""
    return config.facility_url("ztf_forced_photometry", "https://ztfweb.ipac.caltech.edu")


def headers(altdata: ZtfForcedPhotometryAltdata) -> dict[str, str]:
    """The shared login, which every path wants."""
    pair = f"{altdata.ipac_http_user}:{altdata.ipac_http_password.get_secret_value()}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def submission(job: Job, altdata: ZtfForcedPhotometryAltdata) -> HttpRequest:
    """The request for one position; a GET as in the service's guide, for POST is less tested there."""
    query = {
        "ra": job.ra,
        "dec": job.dec,
        "jdstart": job.jdstart,
        "jdend": job.jdend,
        **_personal(altdata),
    }
    return _get("/cgi-bin/requestForcedPhotometry.cgi", query, altdata)


def listing(altdata: ZtfForcedPhotometryAltdata) -> HttpRequest:
    """The request for the job table of the last 30 days."""
    query = {**_personal(altdata), "option": "All recent jobs", "action": "Query Database"}
    return _get("/cgi-bin/getForcedPhotometryRequests.cgi", query, altdata)


def file_url(path: str) -> str:
    """Where a file is, always under our base. Raises ValueError for what is no plain path of a server."""
    if not path.startswith("/") or path.startswith("//") or not path.isascii() or not path.isprintable():
        raise ValueError("is not a path on the service's server")
    if set(path) & set(' ?#\\"<>') or ".." in path.split("/"):
        raise ValueError("is not a plain path on the service's server")
    origin = urlsplit(base_url())
    return f"{origin.scheme}://{origin.netloc}{origin.path}{path}"


def accepted(answer: Answer, job: Job, altdata: ZtfForcedPhotometryAltdata) -> None:
    """Return if the service took the job: only its echo of the four numbers says so (card: Submit).

    Raises Rejected with its words, NotSent (busy, throttled) or Unanswered.
    """
    page = pages.source(answer)
    if _is_busy(page) or answer.status == 429:
        raise NotSent(BUSY if _is_busy(page) else "throttled", retry_after=max(60.0, answer.retry_after or 0))
    if answer.status == 200:
        if _echoes(page, job):
            return
        said = _said(page)
        if not said:
            raise Unanswered("HTTP 200 with an empty page in place of the request's echo")
        raise Rejected(said)
    _refuse(answer, _said(page))


def read_jobs(link: Link, altdata: ZtfForcedPhotometryAltdata, timeout_s: float = READ_TIMEOUT_S) -> JobTable:
    """The job table. Raises NoAnswer: LoginRefused, NoTable for another page, else that it cannot be had."""
    answer = link.http.read(listing(altdata), read_timeout=timeout_s)
    page = pages.source(answer)
    if answer.status == 401:
        raise LoginRefused
    if _NO_JOBS in page:
        return JobTable()
    if _is_busy(page):
        raise NoAnswer(BUSY, retry_after=BUSY_S)
    if answer.status == 429:
        raise NoAnswer("throttled", retry_after=max(BUSY_S, answer.retry_after or 0))
    if answer.status != 200:
        raise NoAnswer(f"facility unavailable: HTTP {answer.status}", retry_after=answer.retry_after)
    table = pages.table_with(page, _LISTED)
    if table is None or answer.truncated:
        raise NoTable(_said(page) or "an empty page")
    return JobTable.read(table)


class LoginRefused(NoAnswer):
    """The shared login is not good."""

    def __init__(self) -> None:
        super().__init__(f"credentials: {LOGIN_REFUSED}")


class NoTable(NoAnswer):
    """A page that is not the job table, with what it says; `words` are the service's own."""

    def __init__(self, words: str) -> None:
        super().__init__(f"no job table, but: {words}")
        self.words = words


def _get(path: str, query: dict[str, str], altdata: ZtfForcedPhotometryAltdata) -> HttpRequest:
    url = f"{base_url()}{path}?{urlencode(query, quote_via=quote)}"
    return HttpRequest("GET", url, headers(altdata))


def _personal(altdata: ZtfForcedPhotometryAltdata) -> dict[str, str]:
    return {"email": altdata.ipac_email, "userpass": altdata.ipac_userpass.get_secret_value()}


def _said(page: str) -> str:
    return for_people(pages.words(masked(page)), _SHOWN)


def _is_busy(page: str) -> bool:
    return _BUSY_TEXT in page.lower()


def _echoes(page: str, job: Job) -> bool:
    table = pages.table_with(page, _ECHOED)
    for cells in table.records() if table else ():
        try:
            shown = [float(cells[name]) for name in _ECHOED]
        except ValueError:
            continue
        if job.fits(*shown):
            return True
    return False


def _refuse(answer: Answer, said: str) -> NoReturn:
    if answer.status == 401:
        raise Rejected(LOGIN_REFUSED)
    if answer.status in (301, 302, 303, 307, 308):  # the form has not been looked at
        target = answer.headers.get("location", "nowhere").partition("?")[0]
        raise Rejected(f"HTTP {answer.status}, redirected to {target}: is the base URL right?")
    if answer.status < 400:
        raise Unanswered(f"HTTP {answer.status}, which says neither taken nor refused")
    if answer.status >= 500:
        raise Unanswered(f"facility unavailable: HTTP {answer.status}")
    raise Rejected(said or f"HTTP {answer.status} without a reason")
