"""The ATLAS forced photometry server: a token-authenticated queue of tasks (card: Operations)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from atlas_forced_photometry import light_curve, server
from atlas_forced_photometry.models import MAX_COMMENT, AtlasAltdata, AtlasPayload
from atlas_forced_photometry.task import Task, parameters
from slew import astro, clock, config, drf, photometry
from slew.errors import Invalid, NoAnswer, NotSent, Rejected, Unanswered
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

PAGE = 100  # the server's largest
MAX_PAGES = 50  # ten times the tasks that a user may have queued
SKEW = timedelta(hours=1)  # by which the server's clock may differ from ours
RUSH_S, QUICK_POLL_S, SLOW_POLL_S = 600.0, 45.0, 300.0
GIVE_UP_S = 31 * 86400.0

AtlasOrder = Order[AtlasPayload, AtlasAltdata]


class AtlasForcedPhotometry(Facility):
    """Forced photometry on ATLAS exposures, queued as tasks at the server."""

    id = "atlas_forced_photometry"
    title = "ATLAS forced photometry"
    Altdata = AtlasAltdata
    payloads = {None: AtlasPayload}  # noqa: RUF012 (declared ClassVar in the base)
    first_poll_s = 30.0
    units = {"m": "mag", "dm": "mag", "mag5sig": "mag"}  # noqa: RUF012 (declared ClassVar in the base)

    def prepare(self, order: AtlasOrder, link: Link) -> Prepared:
        """One POST. Raises Invalid where the comment is too long together with our id."""
        comment = _comment(order)
        if len(comment) > MAX_COMMENT:
            room = MAX_COMMENT - len(order.request_id) - 1
            text = f"at most {room} characters, for our request id stands before it"
            raise Invalid.field(["payload", "comment"], text)
        wanted = parameters(order.target, order.payload, comment)
        content = {name: value for name, value in wanted.items() if value is not None}
        # An omitted flag is true for a JSON task (card: Submit).
        content["send_email"] = False
        url = f"{server.base_url()}/queue/"
        request = HttpRequest.of_json("POST", url, content, server.headers(order.altdata))
        return Prepared((request,), _notes(order))

    def submit(self, order: AtlasOrder, prepared: Prepared, link: Link) -> Submission:
        """Queue the task. Raises Rejected, NotSent (throttled, or too many tasks queued) or Unanswered."""
        answer = server.expect(link.http.send(prepared.http()), 201)
        number = server.new_number(answer)
        if number is None:
            raise Unanswered("HTTP 201 without a readable task number")
        return _submission(order, number, str(server.content(answer).get("timestamp") or ""))

    def update(self, order: AtlasOrder, prepared: Prepared, link: Link) -> Submission:
        """Change a task that has not started (card: Update); if it starts meanwhile, queue a new one.

        Raises as `submit`.
        """
        task = server.fetch(link, order.facility_request_id, order.altdata)
        if task is None:
            raise Rejected("the task is no longer at the facility")
        if task.started or task.finished:
            raise Rejected(f"already started (at {task.started}): a change would have no effect")
        kept = _submission(order, task.number, task.timestamp)
        changes = task.changes(parameters(order.target, order.payload, _comment(order)))
        if not changes:
            return replace(kept, notes=("the task had these parameters already",))
        url = server.task_url(task.number)
        patch = HttpRequest.of_json("PATCH", url, changes, server.headers(order.altdata))
        server.expect(link.http.send(patch), 200)
        try:
            task = server.fetch(link, order.facility_request_id, order.altdata)
        except (NotSent, Rejected) as error:
            note = f"changed, but whether before its start could not be read: {error.reason}"
            return replace(kept, notes=(note,))
        if task is None:
            raise Rejected("the task is no longer at the facility")
        return self._anew(order, prepared, link, task) if task.started or task.finished else kept

    def _anew(self, order: AtlasOrder, prepared: Prepared, link: Link, former: Task) -> Submission:
        # Queued before the old one is deleted: in the other order a throttled POST would leave no task.
        submission = self.submit(order, prepared, link)
        note = f"task {former.number} had started before the change; queued anew"
        if not former.finished:
            try:
                server.expect(link.http.send(server.deletion(former.number, order.altdata)), 204, 404)
            except (Rejected, NotSent, Unanswered) as error:
                note += f"; the former task could not be deleted: {error.reason}"
        return replace(submission, notes=(note,))

    def cancel(self, order: AtlasOrder, link: Link) -> Cancellation:
        """Delete the task, unless it has finished: that would remove its result files (card: Cancel)."""
        task = server.fetch(link, order.facility_request_id, order.altdata)
        if task is None:
            return Cancellation(text="the task was already gone")
        if task.finished:
            raise Rejected("Request already complete. Cannot delete.")
        try:
            server.expect(link.http.send(server.deletion(task.number, order.altdata)), 204, 404)
        except Unanswered:
            # Whether a deletion took effect can be read back, unlike that of a submission.
            if not server.is_gone(link, order.facility_request_id, order.altdata):
                raise
        return Cancellation(text=f"task {task.number} deleted")

    def poll(self, order: AtlasOrder, link: Link) -> Progress:
        """Read the task; after 31 days without an end it is given up (card: Status)."""
        age = (order.now - _submitted_at(order)).total_seconds()
        overdue = age >= GIVE_UP_S and order.status not in ENDED
        try:
            progress = _ask(order, link, QUICK_POLL_S if age < RUSH_S else config.poll_every_s(SLOW_POLL_S))
        except NoAnswer:
            if not overdue:
                raise
            progress = Progress(None)
        if overdue and progress.next_poll_s is not None:
            reason = "not finished 31 days after submission"
            return Progress(
                Status.EXPIRED, text=reason, reason=reason, data=order.facility_data, next_poll_s=None
            )
        return progress

    def reconcile(self, order: AtlasOrder, link: Link) -> Submission | Absent | None:
        """Look for our id in the comments of the user's own tasks, newest first (card: Status)."""
        base, query = server.base_url(), f"pagesize={PAGE}"
        for _ in range(MAX_PAGES):
            url = f"{base}/queue/?{query}"
            request = HttpRequest("GET", url, server.headers(order.altdata))
            content = server.content(server.read(link, request, 200))
            if not isinstance(content.get("results"), list):
                raise NoAnswer("the facility's list of tasks is unreadable")
            for task in map(server.task_of, content["results"]):
                if task.is_for(order.request_id):
                    return _found(order, task)
                if task.made_before(order.created_at - SKEW):
                    return Absent()
            if not content.get("next"):
                return Absent()
            following = urlsplit(urljoin(url, str(content["next"])))
            if not server.same_host(following.geturl()):
                return None  # the token goes to no other host
            query = following.query
        return None

    def verify(self, altdata: AtlasAltdata, link: Link) -> Verification:
        """List one of the user's own tasks, which needs a valid token."""
        request = HttpRequest("GET", f"{server.base_url()}/queue/?pagesize=1", server.headers(altdata))
        answer = server.read(link, request, 200, 401, 403)
        if answer.status != 200:
            return Verification(False, drf.refusal(answer))
        content = server.content(answer)
        if not isinstance(content.get("taskcount"), int):
            raise NoAnswer("the facility's list of tasks is unreadable")
        return Verification(True, "the token is valid", {"tasks": content["taskcount"]})

    def download(self, order: AtlasOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """A task's file. Raises Rejected for a product without an address."""
        url = product.get("url")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise Rejected("the product has no address to fetch it from")
        return server.file(url, order.altdata)

    def photometry(
        self, order: AtlasOrder, product: Mapping[str, Any], content: bytes
    ) -> Sequence[photometry.Row]:
        """The rows of a result file, the unwanted ones flagged. Raises ValueError."""
        if product.get("kind") != "photometry":
            return ()
        return light_curve.rows(content, reduced=order.payload.use_reduced)


def _comment(order: AtlasOrder) -> str:
    """Our request id, by which `reconcile` finds the task, and the caller's comment after it."""
    return f"{order.request_id} {order.payload.comment or ''}".rstrip()


def _notes(order: AtlasOrder) -> tuple[str, ...]:
    payload, target = order.payload, order.target
    moves = target.proper_motion_ra is not None or target.proper_motion_dec is not None
    asked = payload.propermotion_ra is not None or payload.propermotion_dec is not None
    notes = {
        "mpc_name is sent in place of the target's coordinates": payload.mpc_name is not None,
        "end_date is not sent: open_ended": payload.open_ended and payload.end_date is not None,
        "the target's proper motion is not sent: payload.propermotion_ra and _dec are": moves and not asked,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _submission(order: AtlasOrder, number: int, timestamp: str) -> Submission:
    data = {
        "url": server.task_url(number),
        "id": number,
        "timestamp": timestamp,
        "submitted_at": clock.isoformat(order.now),
        "etag": "",  # an earlier one, of before an update, is void
    }
    return Submission(str(number), data)


def _found(order: AtlasOrder, task: Task) -> Submission:
    """The task of a request of unknown outcome; says so where it was an update that had no effect."""
    found = _submission(order, task.number, task.timestamp)
    changes = task.changes(parameters(order.target, order.payload, _comment(order)))
    if not changes:
        return found
    return replace(found, text=f"the task has another {', '.join(changes)} than the request: update it again")


def _submitted_at(order: AtlasOrder) -> datetime:
    text = order.facility_data.get("submitted_at")
    return astro.parse_utc(text) if text else order.created_at


def _ask(order: AtlasOrder, link: Link, next_poll_s: float) -> Progress:
    if not order.facility_request_id:
        raise NoAnswer("the task's number at the facility is not known")
    data = dict(order.facility_data)
    known = Progress(None, data=data, next_poll_s=None if order.status in ENDED else next_poll_s)
    headers = server.headers(order.altdata)
    if etag := data.get("etag"):
        headers["If-None-Match"] = str(etag)
    url = server.task_url(order.facility_request_id)
    answer = server.read(link, HttpRequest("GET", url, headers), 200, 304, 401, 404)
    if answer.status == 304:
        return known
    if answer.status == 401:
        reason = f"credentials: {drf.refusal(answer)}"
        return replace(known, text=reason, reason=reason)
    if answer.status == 404 and order.status in ENDED:
        return known  # archived, as every task is after a while; or deleted by us
    if answer.status == 404:
        reason = "the task is no longer at the facility"
        return replace(known, status=Status.EXPIRED, text=reason, reason=reason, next_poll_s=None)
    task = server.task_of(server.content(answer))
    status, text, reason = task.status
    data["etag"] = answer.headers.get("etag", "")
    products = task.products if status is Status.COMPLETE else None
    return Progress(status, text, reason, data, products, None if status in ENDED else next_poll_s)
