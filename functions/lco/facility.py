"""Las Cumbres Observatory: 1 m and 2 m telescopes behind an Observation Portal (facility card: lco)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lco.bodies import INSTRUMENTS
from lco.models import Floyds, LCOAltdata, LCOPayload, Muscat, Sinistro
from slew import config, portal_listing
from slew.errors import Invalid, NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
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
from slew.observation_portal import Portal
from slew.requestgroup import DEFAULT_LENGTH, Body, group, window
from slew.science_archive import Archive, Wanted, with_frames
from slew.status import Status

PORTAL_URL = "https://observe.lco.global"
ARCHIVE_URL = "https://archive-api.lco.global"

_FIELD_OF_KIND = {
    "filter": "observation_choices",
    "slit": "slit",
    "readout": "readout_mode",
    "acquisition": "acquisition_mode",
    "guiding": "guiding_mode",
    "rotator": "rotator_mode",
    "exposure": "exposure_mode",
}


class LCO(Facility):
    """LCO's queue."""

    id = "lco"
    title = "Las Cumbres Observatory"
    Altdata = LCOAltdata
    payloads = {"sinistro": Sinistro, "muscat": Muscat, "floyds": Floyds}  # noqa: RUF012
    retired = {  # noqa: RUF012
        "spectral": "2M0-SCICAM-SPECTRAL is retired; use muscat (g, r, i, z; there is no Y)"
    }

    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """The one POST that submits. Asks what is offered and, for a default window, the semester's end."""
        portal = _portal(order.altdata, link)
        instrument = INSTRUMENTS[str(order.instrument)]
        offer = portal_listing.offer(_portal_url(), instrument.type, link.http)
        configurations = instrument.configurations(order.payload, order.target, offer)
        if offer:
            _refuse_unoffered(configurations, instrument.type, offer)
        when = window(order.payload, order.now, portal.semester_end)
        proposal = order.altdata.PROPOSAL_ID
        body = group(order, configurations, when, instrument.telescope_class, proposal)
        return Prepared((portal.submission(body),), when.notes)

    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Post it (card, Submit)."""
        return _portal(order.altdata, link).submit(prepared.http())

    def validate(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Verdict:
        """Ask the portal, which runs every check of a submission (card, Validate)."""
        return _portal(order.altdata, link).validate(prepared.http())

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Validate the new one, cancel the old, submit the new (card, Update).

        Raises as `submit`, and Withdrawn where the old one is cancelled and the new one not taken, `waiting`
        where it did not get to the portal. Nothing new is sent unless the old one has certainly ended.
        """
        portal = _portal(order.altdata, link)
        try:
            verdict = portal.validate(prepared.http())
        except NoAnswer as error:
            raise NotSent(error.reason, error.retry_after) from None
        if not verdict.accepted:
            raise Rejected(f"{verdict.reason} (nothing was changed)")
        old = _known(order)
        cancelled = portal.cancel(old)
        if cancelled.status is Status.COMPLETE:
            raise Rejected("already complete")
        if cancelled.status not in (Status.CANCELLED, Status.EXPIRED):
            raise Rejected(f"the former request cannot be cancelled: {cancelled.reason or cancelled.text}")
        try:
            return portal.submit(prepared.http())
        except NotSent as error:
            reason = f"{error.reason}; {_gone(old)}"
            raise Withdrawn(reason, waiting=True, retry_after=error.retry_after) from None
        except Rejected as error:
            raise Withdrawn(f"{error.reason}; {_gone(old)}") from None
        except Unanswered as error:
            raise Unanswered(f"{error.reason}; {_gone(old)}") from None

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """Cancel the group (card, Cancel)."""
        return _portal(order.altdata, link).cancel(_known(order))

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """How the group goes and, once complete, what the archive has of it (card, Status and Retrieve)."""
        progress = _portal(order.altdata, link).poll(order)
        if progress.status is not Status.COMPLETE:
            return progress
        instrument = INSTRUMENTS[str(order.instrument)]
        wanted = Wanted(instrument.levels, instrument.configuration_type, order.payload.frames)
        url = config.facility_url(self.id, ARCHIVE_URL, "archive")
        archive = Archive(url, order.altdata.archive_token, link.http)
        return with_frames(progress, archive, wanted, order.now)

    def reconcile(self, order: Order[Any, Any], link: Link) -> Submission | Absent | None:
        """Look for our id among the proposal's groups (card, Duplicates)."""
        return _portal(order.altdata, link).reconcile(order, order.altdata.PROPOSAL_ID)

    def verify(self, altdata: Any, link: Link) -> Verification:
        """Read the token's own profile (card, Validate: credential check)."""
        return _portal(altdata, link).verify(altdata.PROPOSAL_ID)

    def window(self, payload: LCOPayload) -> tuple[datetime, datetime] | None:
        """The window, where the payload gives its end."""
        if payload.end_date is None:
            return None
        return payload.start_date or payload.end_date - DEFAULT_LENGTH, payload.end_date


def _portal_url() -> str:
    return config.facility_url(LCO.id, PORTAL_URL)


def _portal(altdata: LCOAltdata, link: Link) -> Portal:
    return Portal(_portal_url(), altdata.API_TOKEN, link.http)


def _known(order: Order[Any, Any]) -> str:
    if not order.facility_request_id:
        raise Rejected("it is not known at the facility")
    return order.facility_request_id


def _gone(old: str) -> str:
    return f"the former requestgroup {old} is cancelled"


def _refuse_unoffered(configurations: list[Body], instrument_type: str, offer: portal_listing.Offer) -> None:
    """Raises Invalid for a code that the instrument has not got now: no need to trouble the portal."""
    for wrong in portal_listing.unoffered(configurations, offer):
        raise Invalid.field(
            ["payload", _FIELD_OF_KIND.get(wrong.kind, wrong.kind)],
            f"rejected: {wrong.kind} {wrong.code} is not offered by {instrument_type} now; "
            f"offered: {', '.join(wrong.offered)}",
        )
