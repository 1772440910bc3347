"""The Swift XRT product builder of the UK Swift Science Data Centre (card: swift_xrt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from slew import clock, config
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
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
from slew.photometry import Row
from slew.status import ENDED, Status
from slew.wire import HttpRequest
from swift_xrt import cancelling, flux, job, light_curve, old_jobs, products, server, wire
from swift_xrt.job import States
from swift_xrt.models import SwiftXrtAltdata, SwiftXrtPayload

# Once a minute at most, and the library's jitter is a tenth; after an hour five to ten minutes.
QUICK_POLL_S, SLOW_POLL_S, RUSH_S = 70.0, 450.0, 3600.0
GIVE_UP = timedelta(days=14)
_UNLIKELY_POLL_S = 3600.0

XrtOrder = Order[SwiftXrtPayload, SwiftXrtAltdata]


class SwiftXrt(Facility):
    """Jobs that build X-ray products from all of Swift's observations of a place."""

    id = "swift_xrt"
    title = "Swift XRT data products"
    Altdata = SwiftXrtAltdata
    payloads: ClassVar = {None: SwiftXrtPayload}
    first_poll_s = QUICK_POLL_S
    longest_send_s = 2 * (10.0 + server.TIMEOUT_S)  # the user's jobs are counted first
    units: ClassVar = {"ujy_per_ct_s": "uJy s / ct"}
    send_attempts = 300  # a job has no window to end its waiting; the queue may be full for a day

    def prepare(self, order: XrtOrder, link: Link) -> Prepared:
        """One POST."""
        body = wire.submission(order.payload, order.target, order.now)
        return Prepared((server.call("run_userobject.php", order.altdata, body),), _notes(order))

    def submit(self, order: XrtOrder, prepared: Prepared, link: Link) -> Submission:
        """Start the job, unless the user has too many. Raises Rejected, NotSent or Unanswered."""
        server.require_room(link, order.altdata)
        try:
            content = server.send(link, prepared.http(), order.altdata)
        except server.Refused as error:
            if error.crowded:
                raise NotSent(f"busy: {error.reason}", server.BUSY_S) from None
            raise Rejected(error.reason) from None
        if not str(content.get("JobID") or "").strip():
            raise Unanswered("accepted, but without a readable job id")
        return _submission(order, str(content["JobID"]).strip(), content)

    def cancel(self, order: XrtOrder, link: Link) -> Cancellation:
        """Cancel what has not finished, product by product. Raises Rejected, NotSent or Unanswered."""
        return cancelling.cancel(_job_id(order), _states(order), order.altdata, link)

    def poll(self, order: XrtOrder, link: Link) -> Progress:
        """Ask for every product's state. Raises NoAnswer."""
        ended = order.status in ENDED
        age = order.now - _submitted_at(order)
        usual = QUICK_POLL_S if age.total_seconds() < RUSH_S else config.poll_every_s(SLOW_POLL_S)
        later = None if ended else usual
        if age >= GIVE_UP and not ended:
            reason = f"not finished {GIVE_UP.days} days after submission"
            return Progress(Status.EXPIRED, text=reason, reason=reason, next_poll_s=None)
        try:
            states = cancelling.look(_job_id(order), _states(order), order.altdata, link)
        except server.Refused as error:  # of another user by now, or one who is not registered any more
            wait = None if ended else _UNLIKELY_POLL_S
            return Progress(None, text=error.reason, reason=error.reason, next_poll_s=wait)
        return self._progress(order, states, link, later)

    def reconcile(self, order: XrtOrder, link: Link) -> Submission | Absent | None:
        """Look for the job in the user's list, by name, products, time and parameters. Raises NoAnswer."""
        body = wire.submission(order.payload, order.target, order.now)
        if order.payload.T0 is None and order.payload.Tstart is None:
            body.pop("Tstart", None)  # it was the moment of the submission
        wanted = order.payload.products
        try:
            ids = old_jobs.candidates(link, order.altdata, order.target.name, wanted, order.created_at)
            if not ids:
                return Absent()
            found = old_jobs.settled(link, order.altdata, ids, body)
        except server.Refused as error:
            raise NoAnswer(error.reason) from None
        return _submission(order, *found) if found else None

    def verify(self, altdata: SwiftXrtAltdata, link: Link) -> Verification:
        """Count the user's active jobs, which only a registered user can. Raises NoAnswer."""
        try:
            jobs, notes = server.active_jobs(link, altdata)
        except server.Refused as error:
            return Verification(False, error.reason)
        text = "; ".join(("XRT_UserID is registered", *notes))
        return Verification(True, text, {} if jobs is None else {"active_jobs": jobs})

    def download(self, order: XrtOrder, product: Mapping[str, Any], link: Link) -> HttpRequest:
        """An archive, as it is, or parsed results. Raises NoAnswer, Rejected."""
        return products.request(product, _job_id(order), order.altdata, link)

    def photometry(self, order: XrtOrder, product: Mapping[str, Any], content: bytes) -> Sequence[Row]:
        """The light curve's bins; nothing for other products. Raises ValueError if it cannot be read."""
        if product.get("name") != products.LIGHT_CURVE:
            return ()
        t0 = order.facility_data.get("t0")
        band = f"{order.payload.minen or 0.3:g}-{order.payload.maxen or 10:g}"
        found = light_curve.points(content, t0 if isinstance(t0, int | float) else None, band)
        laws = order.facility_data.get("power_laws")
        if order.payload.flux_density and isinstance(laws, list | tuple):
            return flux.with_densities(found, laws)
        return [point.row for point in found]

    def _progress(self, order: XrtOrder, states: States, link: Link, later: float | None) -> Progress:
        status = job.status(states)
        data: dict[str, Any] = {**order.facility_data, "states": job.codes(states)}
        if status is Status.COMPLETE and order.payload.flux_density and "power_laws" not in data:
            data["power_laws"] = flux.power_laws(products.fits(_job_id(order), order.altdata, link))
        available = products.available(states, str(data.get("url") or ""))
        kept = order.status is Status.CANCELLED  # what had finished before the cancellation stays fetchable
        return Progress(
            None if kept else status,
            text=job.text(states),
            reason=job.failures(states),
            data=data,
            products=available or None,
            next_poll_s=None if status in ENDED else later,
        )


def _job_id(order: XrtOrder) -> str:
    if not order.facility_request_id:
        raise NoAnswer("the job's id at the facility is not known")
    return order.facility_request_id


def _states(order: XrtOrder) -> States:
    return job.last(order.payload.products, order.facility_data)


def _submitted_at(order: XrtOrder) -> datetime:
    text = order.facility_data.get("submitted_at")
    return clock.parse(str(text)) if text else order.created_at


def _submission(order: XrtOrder, job_id: str, content: Mapping[str, Any]) -> Submission:
    found = content.get("jobPars")
    kept = dict(found) if isinstance(found, Mapping) else {}
    kept.pop("UserID", None)
    url = products.where(content.get("URL"))
    notes = server.notes(content)
    data = {
        "url": url,
        "job_pars": kept,
        "t0": light_curve.number(kept.get("Tstart")),
        "submitted_at": clock.isoformat(order.created_at),
        "states": dict.fromkeys(order.payload.products, 1),
    }
    if not url:
        notes = (*notes, "the service named no place for the archives: only parsed results can be fetched")
    return Submission(job_id, data, text=f"job {job_id}", notes=notes)


def _notes(order: XrtOrder) -> tuple[str, ...]:
    payload = order.payload
    found = []
    if payload.T0 is None and payload.Tstart is None and not payload.getT0:
        found.append("T0 is the moment of submission")
    if payload.getCoords:
        found.append("the position is looked up by the target's name; its ra and dec are not sent")
    if "lc" in payload.products and payload.lctimetype != "m":
        found.append(
            "the light curve's MJDs will be good to some ten seconds: lctimetype m asks for exact ones"
        )
    return tuple(found)
