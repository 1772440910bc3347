"""WINTER and its SPRING camera, the near-infrared telescope at Palomar (card: Operations)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from slew import astro, clock
from slew.errors import Failed, NoAnswer, Rejected, Unanswered
from slew.facility import (
    Absent,
    Cancellation,
    Facility,
    Link,
    Order,
    Prepared,
    Progress,
    Submission,
    Verdict,
    Verification,
)
from slew.pages import for_people
from slew.photometry import Row
from slew.wire import HttpRequest
from winter import alerts, deletion, images, pacing, programme, schedules, server, targets
from winter.models import CameraPayload, SpringPayload, WinterAltdata, WinterPayload
from winter.progress import progress
from winter.targets import WinterOrder

SKEW = timedelta(minutes=2)  # by which the service's clock may differ from ours
SLOWEST = timedelta(minutes=1)  # between our sending and the service's naming of the schedule
SERVER_ERRORS = 3
_NAME = re.compile(r"Schedule name is '([^']+)'")


class Winter(Facility):
    """Schedules of targets, expanded and saved by the service, read by the telescope's robot."""

    id = "winter"
    title = "WINTER"
    lanes = 1  # card: one trigger of a programme in flight at a time
    Altdata = WinterAltdata
    payloads: ClassVar[Mapping[str | None, type[CameraPayload]]] = {
        "winter": WinterPayload,
        "spring": SpringPayload,
    }
    first_poll_s = 120.0
    units: ClassVar = {"magzpsci": "mag"}
    longest_send_s = 60.0  # 15 s for the programme, 2 s for the turn, 40 s for the trigger

    def prepare(self, order: WinterOrder, link: Link) -> Prepared:
        """The one POST that triggers. Raises Invalid; the programme's limits are asked for where possible."""
        content = targets.body(order)
        programme.check(order, link)
        return Prepared((_posting(order, content, trigger=True),), targets.notes(order))

    def submit(self, order: WinterOrder, prepared: Prepared, link: Link) -> Submission:
        """Trigger, once. Raises Rejected, Failed, NotSent or Unanswered (card: Submit and validate)."""
        request = prepared.http()
        facts = _facts(json.loads(request.body))
        pacing.wait_for_turn(order.altdata.program_name)
        link.keep({**facts, "sent_at": clock.isoformat(order.now)})
        try:
            answer = link.http.send(request, read_timeout=server.TIMEOUT_S)
        finally:
            pacing.triggered(order.altdata.program_name)
        try:
            content = server.accepted(answer)
        except Unanswered as error:
            if answer.status == 500:
                raise _server_error(order, error, link) from None
            raise
        return _submission(content, facts)

    def validate(self, order: WinterOrder, prepared: Prepared, link: Link) -> Verdict:
        """The same request with `submit_trigger=False`: every check, nothing saved. Raises NoAnswer."""
        content = json.loads(prepared.http().body)
        request = _posting(order, content, trigger=False)
        try:
            answer = server.read(link, request, timeout_s=server.TIMEOUT_S)
        except Rejected as error:
            return Verdict(False, error.reason)
        if _NAME.search(_message(answer)):
            raise NoAnswer(f"asked to validate only, the facility answered: {_message(answer)}")
        rows = schedules.table(answer.get("body"))
        return Verdict(True, details={"message": _message(answer), "rows": len(rows)})

    def cancel(self, order: WinterOrder, link: Link) -> Cancellation:
        """Delete the schedule. Raises Rejected, Failed (not found), NotSent or Unanswered (card: Cancel)."""
        return deletion.delete(order, link)

    def poll(self, order: WinterOrder, link: Link) -> Progress:
        """Look the schedule up in the programme's summary (card: Status). Raises NoAnswer."""
        if not order.facility_request_id:
            raise NoAnswer("the schedule's name is not known")
        row = schedules.find(order.facility_request_id, order.altdata, link)
        return progress(order, row, link)

    def reconcile(self, order: WinterOrder, link: Link) -> Submission | Absent | None:
        """Look for a schedule with our target, window and filters that was made when we sent ours.

        Raises NoAnswer.
        """
        listed = schedules.summary(order.altdata, link, archived=True)
        candidates = [each for each in listed.values() if _may_be(order, each)]
        found = [each for each in candidates if _has_our_rows(order, each.name, link)]
        if not found:
            return Absent()
        if len(found) > 1 or found[0].made_at is None:
            return None  # two alike, or one of which nobody can tell when it was made: a person decides
        return Submission(found[0].name, {**order.facility_data, "schedule_name": found[0].name})

    def verify(self, altdata: WinterAltdata, link: Link) -> Verification:
        """Ask who the user is, and then what the programme is."""
        try:
            server.read(link, server.request("GET", "/validation/user", altdata, programme=False))
            facts = programme.read(altdata, link)
        except Rejected as error:
            return Verification(False, error.reason)
        return Verification(True, "account and programme key are valid", programme.told(facts))

    def download(self, order: WinterOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """A zip that holds the one image."""
        return images.download(order, product)

    def photometry(self, order: WinterOrder, product: Mapping[str, Any], content: bytes) -> tuple[Row, ...]:
        """The detections at the target's position in alert packets; there are none in other products."""
        if product.get("image_type") != "avro":
            return ()
        return alerts.rows(content, order.target.ra, order.target.dec)

    def exposure_s(self, payload: CameraPayload) -> float:
        """Of all dithers in all filters, without the overheads."""
        once = sum(block.exposure_s * block.n_dither * len(block.filters) for block in payload.blocks)
        return float(once * payload.n_repetitions)

    def window(self, payload: CameraPayload) -> tuple[datetime, datetime] | None:
        """The window, where the payload gives its end."""
        if payload.end_date is None:
            return None
        return payload.start_date or payload.end_date - targets.WINDOW, payload.end_date


def _posting(order: Order[Any, Any], content: targets.Body, *, trigger: bool) -> HttpRequest:
    path = f"/too/{order.payload.camera}"
    return server.request("POST", path, order.altdata, content, submit_trigger=str(trigger))


def _facts(content: targets.Body) -> dict[str, Any]:
    """What is kept of a submission, by which its schedule is known again."""
    return {
        "target_name": content[0]["target_name"],
        "window_start": clock.isoformat(astro.from_mjd(content[0]["start_time_mjd"])),
        "window_end": clock.isoformat(astro.from_mjd(content[0]["end_time_mjd"])),
        "rows": targets.rows(content),
    }


def _submission(content: Mapping[str, Any], facts: Mapping[str, Any]) -> Submission:
    name = _NAME.search(_message(content))
    if not name:
        said = for_people(_message(content), 200)
        reason = "no schedule name in answer" + (f": {said}" if said else "")
        raise Failed(reason, unconfirmed="set to False" not in said)
    return Submission(name[1], {**facts, "schedule_name": name[1], "checked": False}, text=_message(content))


def _message(content: Mapping[str, Any]) -> str:
    return str(content.get("msg") or "")


def _server_error(order: WinterOrder, error: Unanswered, link: Link) -> Failed | Unanswered:
    """An error in the service itself may repeat for ever: after the third one a person has to look."""
    count = int(order.facility_data.get("server_errors") or 0) + 1
    link.keep({"server_errors": count})
    if count < SERVER_ERRORS:
        return error
    return Failed(f"{count} times in a row: {error.reason}", unconfirmed=True)


def _may_be(order: WinterOrder, row: schedules.Schedule) -> bool:
    """Whether the summary's row may be the request's: its target, its window, and when it was made."""
    data = order.facility_data
    if str(data.get("target_name") or targets.target_name(order)) not in row.targets:
        return False
    ends = ((row.start, data.get("window_start")), (row.end, data.get("window_end")))
    for there, sent in ends:
        if there and isinstance(sent, str) and abs((there - clock.parse(sent)).total_seconds()) > 2:
            return False
    text = data.get("sent_at")
    sent_at = clock.parse(text) if isinstance(text, str) else order.created_at
    return row.made_at is None or sent_at - SKEW <= row.made_at <= sent_at + SLOWEST + SKEW


def _has_our_rows(order: WinterOrder, name: str, link: Link) -> bool:
    wanted = order.facility_data.get("rows")
    if not isinstance(wanted, Mapping):
        wanted = dict.fromkeys(order.payload.wanted, order.payload.n_repetitions)
    rows = schedules.details(name, order.altdata, link)
    if rows is None:  # gone since it was listed
        return False
    return schedules.filters(rows) in (None, dict(wanted))
