"""IPAC's ZTF forced photometry service: one form, and a job table renewed each hour (card: Operations)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from slew import clock, photometry
from slew.errors import NoAnswer, NotSent, Rejected
from slew.facility import (
    Absent,
    Cancellation,
    Facility,
    Link,
    Order,
    Prepared,
    Progress,
    Submission,
    Verification,
)
from slew.status import ENDED, Status
from slew.wire import HttpRequest
from ztf_forced_photometry import account, codes, models, position, progress, service
from ztf_forced_photometry.account import Accounts
from ztf_forced_photometry.job import Job, JobRow, JobTable
from ztf_forced_photometry.models import ZtfForcedPhotometryAltdata, ZtfForcedPhotometryPayload
from ztf_forced_photometry.units import UNITS

PRIOR_LOOK_S = 10.0  # seconds that a submission may wait for a look at the table
SETTLED_REFRESHES = 2  # after which a repeated job is taken to be answered by the earlier one
WORRYING_REFRESHES = 3
LISTED_DAYS = timedelta(days=30)
FILE_GRACE = timedelta(hours=2)
FILE_POLL_S = 600.0
SOUTHERN_LIMIT_DEG = -31.0

ZtfOrder = Order[ZtfForcedPhotometryPayload, ZtfForcedPhotometryAltdata]


class ZtfForcedPhotometry(Facility):
    """Forced photometry on ZTF difference images. No number comes back: jobs are known by their position."""

    id = "ztf_forced_photometry"
    title = "ZTF forced photometry"
    Altdata = ZtfForcedPhotometryAltdata
    payloads: ClassVar = {None: ZtfForcedPhotometryPayload}
    units = UNITS
    longest_send_s = 10.0 + PRIOR_LOOK_S + 70.0  # the look at the table, then the job

    def __init__(self) -> None:
        self._accounts = Accounts()

    def prepare(self, order: ZtfOrder, link: Link) -> Prepared:
        """One GET. Raises Invalid where the centroid asked for cannot be had."""
        job = _job(order)
        return Prepared((service.submission(job, order.altdata),), _notes(order, job))

    def submit(self, order: ZtfOrder, prepared: Prepared, link: Link) -> Submission:
        """Send it, after a look at the jobs that there are. Raises Rejected, NotSent or Unanswered."""
        job = _job(order)
        data = {
            "ra": job.ra,
            "dec": job.dec,
            "jdstart": job.jdstart,
            "jdend": job.jdend,
            "email": order.altdata.ipac_email,
            "submitted_at": clock.isoformat(order.now),
            **self._before(order, link),
        }
        link.keep(data)
        answer = link.http.send(prepared.http())
        service.accepted(answer, job, order.altdata)
        self._accounts.sent(order.altdata, order.now)
        return Submission(job.name, data, next_poll_s=account.next_look_s(order.now))

    def cancel(self, order: ZtfOrder, link: Link) -> Cancellation:
        """Give it up here; the service has no way to take a job back."""
        return Cancellation(text="cancelled here only: IPAC cannot cancel, the job runs on there")

    def poll(self, order: ZtfOrder, link: Link) -> Progress:
        """Look for the job in the account's table; after 30 days without an end it has expired."""
        if order.status in ENDED:
            return Progress(None, next_poll_s=None)
        overdue = order.now - _submitted_at(order) >= LISTED_DAYS
        try:
            found = self._look(order, link)
        except NoAnswer:
            if not overdue:
                raise
            found = Progress(None)
        if overdue and found.next_poll_s is not None:
            return Progress(Status.EXPIRED, progress.GIVEN_UP, progress.GIVEN_UP, next_poll_s=None)
        return found

    def reconcile(self, order: ZtfOrder, link: Link) -> Submission | Absent | None:
        """Look for the job in the account's table (card: Status). Raises NoAnswer.

        It is absent only after three hourly renewals without it; before the first it cannot be there, and
        after 30 days it would be no longer.
        """
        passed = account.refreshes(order.created_at, order.now)
        if passed == 0:
            return None
        jobs = self._accounts.jobs(link, order.altdata, order.now)
        job = Job.kept(order.facility_data) or _job(order)
        row = _row_of(order, job, jobs, link, passed)
        if row is not None:
            data = {**_facts(job, row), "submitted_at": clock.isoformat(order.created_at)}
            return Submission(job.name, data, text=f"found as IPAC's request {row.req_id}", next_poll_s=60.0)
        forgotten = order.now - order.created_at >= LISTED_DAYS
        certain = passed >= WORRYING_REFRESHES and not jobs.unreadable and not forgotten
        return Absent() if certain else None

    def verify(self, altdata: ZtfForcedPhotometryAltdata, link: Link) -> Verification:
        """Ask for the job table, which takes the shared login and the personal pair."""
        try:
            jobs = service.read_jobs(link, altdata)
        except service.LoginRefused:
            return Verification(False, service.LOGIN_REFUSED)
        except service.NoTable as error:
            return Verification(False, error.words)
        if not jobs.rows:
            text = (
                "the shared login is valid; IPAC lists no job of the last 30 days, and only a job would show "
                "that ipac_email and ipac_userpass belong together"
            )
            return Verification(True, text, {"jobs": 0})
        return Verification(True, "the credentials are valid", {"jobs": len(jobs.rows)})

    def download(self, order: ZtfOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """A light curve or log, by the shared login; only ever from our base URL."""
        try:
            url = service.file_url(str(product.get("path") or ""))
        except ValueError as error:
            raise Rejected(f"the product's path {error}") from None
        return HttpRequest("GET", url, service.headers(order.altdata))

    def photometry(
        self, order: ZtfOrder, product: Mapping[str, Any], content: bytes
    ) -> Sequence[photometry.Row]:
        """The rows of a light curve file, reduced as the payload says. Raises ValueError."""
        if product.get("kind") != "photometry":
            return ()
        # Only here: the reduction is no part of a cold start that submits or polls.
        from ztf_forced_photometry import light_curve

        return light_curve.rows(content, order.payload)

    def _before(self, order: ZtfOrder, link: Link) -> dict[str, Any]:
        """The newest job before this one, where it can be had; holds back where 100 have not ended."""
        try:
            jobs = self._accounts.jobs(link, order.altdata, order.now, PRIOR_LOOK_S)
        except service.LoginRefused:
            raise Rejected(service.LOGIN_REFUSED) from None
        except NoAnswer:
            return {}  # a look is a help for finding the job later, and no reason to hold it back
        if self._accounts.pending(order.altdata, jobs, order.now) >= account.MAX_PENDING:
            reason = f"{account.MAX_PENDING} requests of this e-mail have not ended, IPAC's limit at a time"
            raise NotSent(reason, retry_after=account.next_look_s(order.now))
        return {"newest_before": jobs.newest}

    def _look(self, order: ZtfOrder, link: Link) -> Progress:
        job = Job.kept(order.facility_data)
        if job is None:
            raise NoAnswer("what was sent to the facility is not known")
        again = account.next_look_s(order.now)
        try:
            jobs = self._accounts.jobs(link, order.altdata, order.now)
        except (service.LoginRefused, service.NoTable) as error:
            return Progress(None, error.reason, error.reason, next_poll_s=again)
        passed = account.refreshes(_submitted_at(order), order.now)
        row = _row_of(order, job, jobs, link, passed)
        if row is None and order.facility_data.get("req_id") is not None:
            return Progress(None, next_poll_s=again)
        if row is None:
            unseen = passed >= WORRYING_REFRESHES and jobs.newest <= _newest_before(order)
            return Progress(
                Status.SUBMITTED, progress.ATTENTION if unseen else progress.WAITING, next_poll_s=again
            )
        found = replace(progress.of_row(row, again), data={"req_id": row.req_id})
        if not found.products or row.exitcode in (codes.OFF_IMAGE, codes.NO_EPOCHS):
            return found
        return _with_file(found, str(found.products[0]["url"]), order, link)


def _job(order: ZtfOrder) -> Job:
    ra, dec = position.position(order.target, order.payload)
    return Job.of(ra, dec, order.payload.jdstart, order.payload.jdend)


def _facts(job: Job, row: JobRow) -> dict[str, Any]:
    return {
        "ra": job.ra,
        "dec": job.dec,
        "jdstart": job.jdstart,
        "jdend": job.jdend,
        "req_id": row.req_id,
    }


def _notes(order: ZtfOrder, job: Job) -> tuple[str, ...]:
    target, payload = order.target, order.payload
    notes = []
    if payload.jdstart < models.SURVEY_START_JD:
        notes.append("start_date is before the survey's start: IPAC begins at 2018-03-17 00:00 UTC")
    if float(job.dec) < SOUTHERN_LIMIT_DEG:
        notes.append("south of about -31 deg, where ZTF hardly observes: there may be no epochs")
    if payload.position != models.SOURCE:
        east = ((float(job.ra) - target.ra + 180) % 360 - 180) * math.cos(math.radians(target.dec))
        offset = math.hypot(east, float(job.dec) - target.dec) * 3600
        notes.append(f"sent position: {job.ra} {job.dec}, {offset:.2f} arcsec from the target's coordinates")
    return tuple(notes)


def _submitted_at(order: ZtfOrder) -> datetime:
    text = order.facility_data.get("submitted_at")
    return clock.parse(str(text)) if text else order.created_at


def _newest_before(order: ZtfOrder) -> int:
    return int(order.facility_data.get("newest_before") or 0)


def _row_of(order: ZtfOrder, job: Job, jobs: JobTable, link: Link, passed: int) -> JobRow | None:
    """The request's row: by its number once known; else the newest that fits and is nobody else's.

    Where two renewals brought no newer one, an identical earlier job is taken for it: IPAC may have answered
    from that (card: Status).
    """
    taken: dict[int, str] = link.shared.setdefault("ipac numbers of requests", {})
    known = order.facility_data.get("req_id")
    if known is not None:
        row = jobs.row(int(known))
    else:
        others = [number for number, owner in taken.items() if owner != order.request_id]
        row = jobs.newest_of(job, _newest_before(order), others)
        if row is None and passed >= SETTLED_REFRESHES:
            row = jobs.newest_of(job)
    if row is not None:
        taken[row.req_id] = order.request_id
    return row


def _with_file(found: Progress, url: str, order: ZtfOrder, link: Link) -> Progress:
    """Complete once the file is there: for two hours a listed one may be missing (card: Retrieve)."""
    answer = link.http.read(HttpRequest("HEAD", url, service.headers(order.altdata)))
    if answer.status == 401:
        reason = f"credentials: {service.LOGIN_REFUSED}"
        return replace(found, status=None, text=reason, reason=reason, products=None, next_poll_s=FILE_POLL_S)
    if answer.status != 404:
        return found  # there, or not to be told by a look: fetching it will tell
    first = str(order.facility_data.get("file_missing_since") or clock.isoformat(order.now))
    if order.now - clock.parse(first) >= FILE_GRACE:
        reason = "light curve file missing"
        return replace(found, status=Status.FAILED, text=reason, reason=reason, products=None)
    return replace(
        found,
        status=Status.IN_PROGRESS,
        text="the light curve is listed, but its file is not there yet",
        data={**found.data, "file_missing_since": first},
        products=None,
        next_poll_s=FILE_POLL_S,
    )
