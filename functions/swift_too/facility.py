"""Swift's targets of opportunity, and its archive (card swift_too.md)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from slew import astro, clock
from slew.errors import NoAnswer, Rejected, Unanswered
from slew.facility import (
    Absent,
    Facility,
    Link,
    Order,
    Prepared,
    Progress,
    Submission,
    Verdict,
    Verification,
)
from slew.status import ENDED, Status
from slew.wire import HttpRequest
from swift_too import archive, checks, recovery
from swift_too.answers import Outcome, Refused
from swift_too.models import ANONYMOUS, DataPayload, SwiftTooAltdata, SwiftTooPayload
from swift_too.progress import Standing, listed, rhythm_s, unlisted
from swift_too.records import Flown
from swift_too.rest import Rest, Sessions
from swift_too.service import Service, chosen
from swift_too.signed import QUEUED_S, Signed
from swift_too.target_of_opportunity import TooPayload

JOB_LOOKS = 3
AHEAD = timedelta(days=7)
DATA_COMES_WITHIN = timedelta(days=7)
ALL = {"xrt": True, "uvot": True, "bat": True}

SwiftOrder = Order[SwiftTooPayload, SwiftTooAltdata]


class SwiftToo(Facility):
    """Requests for observations with Swift, and searches of its archive.

    A TOO can be neither changed nor withdrawn by machine: that is for an email to the Swift team.
    """

    id = "swift_too"
    title = "Swift target of opportunity"
    Altdata = SwiftTooAltdata
    payloads: ClassVar = {None: SwiftTooPayload}
    first_poll_s = 3600.0
    longest_send_s = 195.0  # login 30 s, request 70 s, three looks at its job of 31 s
    advice: ClassVar = {"cancel": "write to the Swift team", "update": "write to the Swift team"}

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._sessions = Sessions()
        self._pause = pause

    def exposure_s(self, payload: SwiftTooPayload) -> float:
        """Of all visits; a search of the archive takes none."""
        asked = payload.root
        return 0 if isinstance(asked, DataPayload) else asked.exposure_time * asked.exposure_counts

    def prepare(self, order: SwiftOrder, link: Link) -> Prepared:
        """One request, shown without session or signature. Raises Invalid."""
        payload, service = order.payload.root, self._service(order, link)
        if isinstance(payload, DataPayload):
            return Prepared(
                (service.in_cone(order.target, archive.CONE, payload.start_date, payload.end_date),)
            )
        checks.check_account(payload, order.altdata)
        checks.check_protocol(payload, service)
        return Prepared((service.request(order.target, payload),), checks.notes(payload))

    def submit(self, order: SwiftOrder, prepared: Prepared, link: Link) -> Submission:
        """Make it. Raises Rejected, NotSent, Unanswered, Failed, or NoAnswer before anything was sent."""
        payload, service = order.payload.root, self._service(order, link)
        if isinstance(payload, DataPayload):
            return archive.found(order, service.observations(prepared.http()), service)
        outcome = service.send(prepared.http(), harmless=payload.validate_only)
        outcome = self._looked_at(outcome, service)
        if outcome.status == "Rejected":
            raise Refused(outcome.refusal)
        return _submission(order, payload, outcome, service)

    def validate(self, order: SwiftOrder, prepared: Prepared, link: Link) -> Verdict:
        """Let Swift check it (`validate_only`), and tell when and with which filters it can be observed."""
        payload, service = order.payload.root, self._service(order, link)
        if isinstance(payload, DataPayload):
            return Verdict(True, "", {"request_type": payload.request_type})
        request = service.request(order.target, payload, validate_only=True)
        try:
            outcome = self._looked_at(service.send(request, harmless=True), service)
        except Refused as error:
            return Verdict(False, error.reason, _circumstances(order, payload, service))
        accepted = outcome.status in ("Validated", "Accepted")
        details = {"warnings": list(outcome.warnings), **_circumstances(order, payload, service)}
        return Verdict(accepted, "" if accepted else outcome.refusal, details)

    def poll(self, order: SwiftOrder, link: Link) -> Progress:
        """Ask the list, the calendar and the as-flown timeline. Raises NoAnswer."""
        payload, service = order.payload.root, self._service(order, link)
        if isinstance(payload, DataPayload):
            return archive.fetched(order, payload, service)
        too_id = _too_id(order)
        if too_id is None:
            return self._queued(order, payload, service)
        entry = next((each for each in service.requests({"too_id": too_id}) if each.too_id == too_id), None)
        made_at, data = _made_at(order), dict(order.facility_data)
        if entry is None:
            was_approved = data.get("target_id") is not None
            standing = unlisted(payload.urgency, made_at, order.now, was_approved=was_approved)
            return _progress(order, payload, standing)
        data["target_id"] = entry.target_id
        windows = service.calendar(too_id)
        query = service.of_target(entry.target_id) if entry.target_id is not None else None
        flown = service.observations(query) if query else Flown(())
        standing = listed(
            entry, windows, flown, visits=payload.exposure_counts, made_at=made_at, now=order.now
        )
        return _with_files(order, payload, standing, service, data)

    def reconcile(self, order: SwiftOrder, link: Link) -> Submission | Absent | None:
        """Look in the list, then let the server's guard against duplicates tell (card: Real error texts)."""
        payload, service = order.payload.root, self._service(order, link)
        if isinstance(payload, DataPayload) or payload.validate_only:
            return Absent()  # there is nothing that a second one would double
        if payload.debug:
            return None
        try:
            entry = recovery.in_list(service, order, payload)
            found = (
                Submission(str(entry.too_id), {"too_id": entry.too_id})
                if entry
                else recovery.send_again(service, order, payload, link)
            )
        except Rejected as error:  # of the login
            raise NoAnswer(error.reason) from None
        if found is None:
            return None
        basics = {"protocol": service.version, "submitted_at": clock.isoformat(order.created_at)}
        wait = rhythm_s(payload.urgency) if found.status is Status.SUBMITTED else found.next_poll_s
        return replace(found, data={**basics, **found.data}, next_poll_s=wait)

    def verify(self, altdata: SwiftTooAltdata, link: Link) -> Verification:
        """Log in, and ask whose session it is."""
        service: Service
        service = Signed(altdata, link) if chosen() == "v1.2" else Rest(altdata, "", link, Sessions())
        if altdata.username == ANONYMOUS:
            return Verification(True, "anonymous: archive searches only, no TOO", {"username": ANONYMOUS})
        refusal = service.check_login()
        if refusal is not None:
            return Verification(False, refusal)
        return Verification(True, "the user name and the key are valid", {"username": altdata.username})

    def download(self, order: SwiftOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """A plain GET: files are public. Raises Rejected for an address that Slew does not ask."""
        url = str(product.get("url") or "")
        if not archive.fetchable(url):
            raise Rejected("the file's address is neither https nor at the facility's base URL")
        return HttpRequest("GET", url)

    def _service(self, order: SwiftOrder, link: Link) -> Service:
        """The protocol that the request was made in, else the one that the deployment speaks."""
        version = order.facility_data.get("protocol") or chosen()
        if version == "v1.2":
            return Signed(order.altdata, link)
        return Rest(order.altdata, order.allocation.id, link, self._sessions)

    def _looked_at(self, outcome: Outcome, service: Service) -> Outcome:
        """Wait a few seconds for a queued job; as it is if that takes longer."""
        for _ in range(JOB_LOOKS):
            if not outcome.waiting or outcome.job is None:
                break
            self._pause(1.0)
            try:
                outcome = replace(service.job(outcome.job), job=outcome.job)
            except NoAnswer:
                break
        return outcome

    def _queued(self, order: SwiftOrder, payload: TooPayload, service: Service) -> Progress:
        job = order.facility_data.get("job")
        if job is None:
            raise NoAnswer("the number of the TOO is not known")
        outcome = service.job(int(job))
        if outcome.status == "Rejected":
            return Progress(Status.REJECTED, "Rejected", outcome.refusal, next_poll_s=None)
        if outcome.too_id is None:
            return Progress(Status.SUBMITTED, f"queued: {outcome.status}", next_poll_s=QUEUED_S)
        text = f"Accepted as TOO {outcome.too_id}"
        data = {"too_id": outcome.too_id, "warnings": list(outcome.warnings)}
        return Progress(Status.SUBMITTED, text, data=data, next_poll_s=rhythm_s(payload.urgency))


def _submission(order: SwiftOrder, payload: TooPayload, outcome: Outcome, service: Service) -> Submission:
    data: dict[str, Any] = {
        "protocol": service.version,
        "submitted_at": clock.isoformat(order.now),
        "warnings": list(outcome.warnings),
    }
    if payload.validate_only:
        return Submission(None, data, Status.COMPLETE, f"{outcome.status}: no TOO was made", outcome.warnings)
    if payload.debug:  # its number is not that of a TOO
        return Submission(
            None, data, Status.COMPLETE, "debug run accepted: no TOO was made", outcome.warnings
        )
    if outcome.too_id is not None:
        data |= {"too_id": outcome.too_id, "job": outcome.job}
        wait = rhythm_s(payload.urgency)
        return Submission(
            str(outcome.too_id), data, text=outcome.status, notes=outcome.warnings, next_poll_s=wait
        )
    if outcome.waiting and outcome.job is not None:
        data["job"] = outcome.job
        return Submission(f"job {outcome.job}", data, text="queued", next_poll_s=QUEUED_S)
    raise Unanswered(f"{outcome.status} without the number of a TOO")


def _circumstances(order: SwiftOrder, payload: TooPayload, service: Service) -> dict[str, Any]:
    """When the target can be seen in the coming week, and the mode's filters there; told where v2 can."""
    if not isinstance(service, Rest):
        return {}
    found: dict[str, Any] = {}
    begin = order.now.replace(microsecond=0)
    asked: dict[str, Callable[[], Any]] = {
        "visible": lambda: service.visible(order.target, begin, begin + AHEAD),
        "uvot_filters": lambda: service.filters(order.target, payload.uvot_mode),
    }
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except NoAnswer as error:
            found[name] = error.reason
    return found


def _too_id(order: SwiftOrder) -> int | None:
    known = order.facility_data.get("too_id") or order.facility_request_id or ""
    return int(known) if str(known).isdigit() else None


def _made_at(order: SwiftOrder) -> datetime:
    text = order.facility_data.get("submitted_at")
    return astro.parse_utc(text) if text else order.created_at


def _progress(order: SwiftOrder, payload: TooPayload, standing: Standing, **more: Any) -> Progress:
    status = standing.status or order.status
    wait = None if status in ENDED else rhythm_s(payload.urgency)
    return replace(Progress(standing.status, standing.text, standing.reason, next_poll_s=wait), **more)


def _with_files(
    order: SwiftOrder, payload: TooPayload, standing: Standing, service: Service, data: dict[str, Any]
) -> Progress:
    """The progress with the files of what has been flown; those of the last visit come after its end."""
    if not standing.obs_ids:
        return _progress(order, payload, standing, data=data)
    found = archive.listing(service, standing.obs_ids, ALL)
    text = "; ".join((standing.text, f"{len(found.products)} files", *found.notes))
    progress = _progress(order, payload, replace(standing, text=text), data=data)
    if standing.status in ENDED:
        ended = data.setdefault("ended_at", clock.isoformat(order.now))
        missing = (found.without or found.failed) and order.now - astro.parse_utc(ended) < DATA_COMES_WITHIN
        progress = replace(progress, next_poll_s=rhythm_s(payload.urgency) if missing else None)
    return replace(progress, products=found.products or None)
