"""ZTF: queues and sky map triggers for its scheduler, by way of a gateway (card ztf.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from slew import clock, urls
from slew.errors import Invalid, NoAnswer, NotSent, Rejected
from slew.facility import (
    Absent,
    Cancellation,
    Facility,
    Link,
    Prepared,
    Progress,
    Submission,
    Verdict,
    Verification,
)
from ztf import gateway, listing, queue, skymap, wire
from ztf.kept import Kept, KeptSkymap, Listed
from ztf.models import ZtfAltdata
from ztf.payload import ObservationPlan, Skymap, ZtfPayload
from ztf.wire import ZtfOrder

HEAVY = (
    "a sky map trigger fills the night with a greedy queue of the scheduler's own and moves the whole public "
    "programme to missed; only Kowalski takes it, ztfpass answers 404"
)
LISTED_TARGETS = 2000


class Ztf(Facility):
    """The Zwicky Transient Facility at Palomar's 48-inch telescope."""

    id = "ztf"
    title = "ZTF"
    Altdata = ZtfAltdata
    payloads: ClassVar = {None: ZtfPayload}
    needs_target = False
    takes_plans = True
    longest_send_s = 2 * (10.0 + gateway.TIMEOUT_S)  # the queue, and a look whether it is there
    send_attempts = 50  # about a day; then it is failed (card: status mapping)

    def prepare(self, order: ZtfOrder, link: Link) -> Prepared:
        """The one PUT. Raises Invalid."""
        content = wire.body(order, link)
        put = gateway.request("PUT", _path(order.payload), order.altdata, content)
        wire.check_size(put.body)
        if isinstance(order.payload.root, Skymap):
            return Prepared((put,), (HEAVY, *_skymap_notes(order.payload.root)))
        kept = Kept.of(content)
        if kept.end <= order.now:
            raise Invalid.field(
                ["payload", "end_date"], f"must not be past: it is {clock.isoformat(order.now)}"
            )
        return Prepared((put,), _notes(order, kept))

    def submit(self, order: ZtfOrder, prepared: Prepared, link: Link) -> Submission:
        """Put it there. Raises Rejected, NotSent (the scheduler cannot be reached) or Unanswered."""
        put = prepared.http()
        content = json.loads(put.body)
        if isinstance(order.payload.root, Skymap):
            return skymap.submit(order, KeptSkymap.of(content), put, link)
        return queue.submit(order, Kept.of(content), put, link)

    def validate(self, order: ZtfOrder, prepared: Prepared, link: Link) -> Verdict:
        """Ask the gateway's `.test` route, which forwards nothing. Raises NoAnswer."""
        content = json.loads(prepared.http().body)
        test = gateway.request("PUT", f"{_path(order.payload)}.test", order.altdata, content)
        try:
            gateway.read(link, test)
        except Rejected as error:
            return Verdict(False, error.reason)
        told = (
            "the gateway looks at the form only; fields, filters and the window are the scheduler's to judge"
        )
        return Verdict(True, details={"checked": told})

    def update(self, order: ZtfOrder, prepared: Prepared, link: Link) -> Submission:
        """Delete the queue, see that it is gone, put the new one (card: Update).

        Raises as `submit`, and Withdrawn. A sky map trigger is not changed: it has acted already.
        """
        old = _kept(order)
        if isinstance(old, KeptSkymap) or isinstance(order.payload.root, Skymap):
            raise Rejected(
                "a sky map trigger cannot be changed: cancel it and send another; nothing was changed"
            )
        try:
            verdict = self.validate(order, prepared, link)
        except NoAnswer as error:
            raise NotSent(error.reason, error.retry_after) from None
        if not verdict.accepted:
            raise Rejected(f"{verdict.reason} (nothing was changed)")
        put = prepared.http()
        return queue.update(order, old, Kept.of(json.loads(put.body)), put, link)

    def cancel(self, order: ZtfOrder, link: Link) -> Cancellation:
        """Delete what this request has put there, and nothing else. Raises Rejected, NotSent, Unanswered."""
        kept = _kept(order)
        if isinstance(kept, KeptSkymap):
            return skymap.cancel(order, kept, link)
        return queue.cancel(order, kept, link)

    def poll(self, order: ZtfOrder, link: Link) -> Progress:
        """How it goes, by the gateway's list. Raises NoAnswer."""
        kept = _known(order)
        if kept is None:
            raise NoAnswer("what was sent is not known")
        if isinstance(kept, KeptSkymap):
            return skymap.poll(order, kept, link)
        return queue.poll(order, kept, link)

    def reconcile(self, order: ZtfOrder, link: Link) -> Submission | Absent | None:
        """Look for it by its name. Raises NoAnswer."""
        kept = _known(order)
        if kept is None:
            return None
        if isinstance(kept, KeptSkymap):
            return skymap.reconcile(order, kept, link)
        return queue.reconcile(order, kept, link)

    def verify(self, altdata: ZtfAltdata, link: Link) -> Verification:
        """List the queues, which needs a valid token. Raises NoAnswer."""
        try:
            found = listing.queues(altdata, link)
        except gateway.BadToken as error:
            return Verification(False, error.reason)
        except Rejected as error:
            raise NoAnswer(error.reason) from None
        return Verification(True, "the gateway accepts the token", {"queues": len(found)})

    def queues(self, altdata: ZtfAltdata, link: Link) -> Sequence[Mapping[str, Any]]:
        """Every queue at the scheduler, and every sky map trigger where the gateway has them.

        Raises NoAnswer, Rejected.
        """
        found = [_shown(each) for each in listing.queues(altdata, link)]
        try:
            triggers = listing.skymaps(altdata, link)
        except (NoAnswer, Rejected):
            return found  # ztfpass has none
        return [
            *found,
            *({"name": each.name, "kind": "skymap", "trigger_time": each.trigger_time} for each in triggers),
        ]

    def check_altdata(self, altdata: ZtfAltdata) -> None:
        """Whether we may call the depot. Raises Invalid."""
        if altdata.depot:
            urls.demand_public(altdata.depot, "altdata", "depot")

    def plan_name(self, payload: ZtfPayload) -> str:
        """The queue's or the trigger's name, as given."""
        wanted = payload.root
        if isinstance(wanted, Skymap):
            return wanted.trigger_name
        return wanted.queue_name or ("plan" if isinstance(wanted, ObservationPlan) else "queue")

    def window(self, payload: ZtfPayload) -> tuple[datetime, datetime] | None:
        """The queue's validity, UTC; a sky map trigger has none."""
        return wire.dates(payload, clock.now())

    def exposure_s(self, payload: ZtfPayload) -> float | None:
        """Open-shutter time of all exposures, s; not told of a sky map."""
        return wire.exposure_s(payload)


def _path(payload: ZtfPayload) -> str:
    return gateway.SKYMAPS if isinstance(payload.root, Skymap) else gateway.QUEUES


def _known(order: ZtfOrder) -> Kept | KeptSkymap | None:
    return Kept.read(order.facility_data) or KeptSkymap.read(order.facility_data)


def _kept(order: ZtfOrder) -> Kept | KeptSkymap:
    kept = _known(order)
    if kept is None:
        raise Rejected("what was sent is not known")
    return kept


def _notes(order: ZtfOrder, kept: Kept) -> tuple[str, ...]:
    payload = order.payload.root
    if isinstance(payload, Skymap):
        return ()
    notes = []
    if payload.queue_name is None:
        notes.append(f"no queue_name given: the queue is {kept.name}")
    if payload.start_date is None or payload.end_date is None:
        notes.append(f"window {clock.isoformat(kept.start)} to {clock.isoformat(kept.end)}")
    if payload.field_centres == "scheduler":
        notes.append(
            "no coordinates are sent: the scheduler fills in the field centres and checks the numbers"
        )
    return tuple(notes)


def _skymap_notes(payload: Skymap) -> tuple[str, ...]:
    if payload.trigger_time is not None:
        return ()
    return (
        "no trigger_time given: that of the submission is sent, as SkyPortal does, not that of the event",
    )


def _shown(each: Listed) -> dict[str, Any]:
    return {
        "name": each.name,
        "kind": "queue",
        "queue_type": each.kind,
        "is_current": each.is_current,
        "is_valid": each.is_valid,
        "is_TOO": each.is_too,
        "validity_window_mjd": None if each.window is None else list(each.window),
        "left": each.left,
        "targets": None
        if each.targets is None
        else [dict(target) for target in each.targets[:LISTED_TARGETS]],
    }
