"""A facility behind an Observation Portal: what all of them do alike (facility cards, Operations).

A subclass says which telescopes and instruments are meant, and makes the configurations.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

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
from slew.observation_portal import SUBMIT_TIMEOUT_S, Portal
from slew.portal_listing import Offer
from slew.portal_models import PortalAltdata, PortalPayload
from slew.portal_progress import USUAL, Rhythm
from slew.requestgroup import DEFAULT_LENGTH, Body, group, midnight, window
from slew.science_archive import Archive, Wanted, with_frames
from slew.status import Status
from slew.wire import HttpRequest

UNCHECKED = "the portal's list of instruments cannot be read: its modes and filters are not checked here"
_WORDS = {"readout": "mode"}


@dataclass(frozen=True)
class Plan:
    """What an order comes to: instrument, configurations (by what is offered now, if known), frames."""

    instrument_type: str
    telescope_class: str
    configurations: Callable[[Offer | None], list[Body]]
    wanted: Wanted


class PortalFacility(Facility):
    """Base of the facilities behind a portal."""

    portal_url: ClassVar[str]
    archive_url: ClassVar[str]
    fields_of_codes: ClassVar[Mapping[str, str]]
    """The field of the payload that a kind of code (`filter`, `readout`, ...) is chosen by."""
    rhythm: ClassVar[Rhythm] = USUAL
    longest_send_s = 2 * 15.0 + 10.0 + SUBMIT_TIMEOUT_S  # the instruments, the semester, the request

    @abstractmethod
    def plan(self, order: Order[Any, Any]) -> Plan:
        """What to ask of the portal. Raises Invalid."""

    def exposure_s(self, payload: Any) -> float:
        """The science exposures; the lamps' are not counted."""
        seconds: float = payload.exposure_s
        return seconds

    def default_start(self, now: datetime) -> datetime:
        """When a window begins whose start is left out."""
        return midnight(now)

    def explained(self, reason: str) -> str:
        """A refusal in the portal's words, with what they may mean at this facility."""
        return reason

    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """The one POST that submits. Asks what is offered and, for a default window, the semester's end.

        Neither is needed: an outage of the portal's lists leaves the judgement to the portal.
        """
        portal, plan = self._portal(order.altdata, link), self.plan(order)
        offer = portal_listing.offer(self._url(), plan.instrument_type, link.http)
        configurations = plan.configurations(offer)
        if offer:
            self._refuse_unoffered(configurations, plan.instrument_type, offer)
        when = window(order.payload, order.now, portal.semester_end, self.default_start(order.now))
        body = group(order, configurations, when, plan.telescope_class, order.altdata.PROPOSAL_ID)
        return Prepared((portal.submission(body),), when.notes if offer else (*when.notes, UNCHECKED))

    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Post it (card, Submit)."""
        try:
            return self._portal(order.altdata, link).submit(prepared.http())
        except Rejected as error:
            raise Rejected(self.explained(error.reason)) from None

    def validate(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Verdict:
        """Ask the portal, which runs every check of a submission (card, Validate)."""
        verdict = self._portal(order.altdata, link).validate(prepared.http())
        return replace(verdict, reason=self.explained(verdict.reason))

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Validate the new one, cancel the old, submit the new (card, Update).

        Raises as `submit`, and Withdrawn where the old one is cancelled and the new one not taken, `waiting`
        where it did not get to the portal. Nothing new is sent unless the old one has certainly ended.
        """
        try:
            verdict = self.validate(order, prepared, link)
        except NoAnswer as error:
            raise NotSent(error.reason, error.retry_after) from None
        if not verdict.accepted:
            raise Rejected(f"{verdict.reason} (nothing was changed)")
        old = _known(order)
        cancelled = self.cancel(order, link)
        if cancelled.status is Status.COMPLETE:
            raise Rejected("already complete")
        if cancelled.status not in (Status.CANCELLED, Status.EXPIRED):
            raise Rejected(f"the former request cannot be cancelled: {cancelled.reason or cancelled.text}")
        try:
            return self.submit(order, prepared, link)
        except NotSent as error:
            reason = f"{error.reason}; {_gone(old)}"
            raise Withdrawn(reason, waiting=True, retry_after=error.retry_after) from None
        except Rejected as error:
            raise Withdrawn(f"{error.reason}; {_gone(old)}") from None
        except Unanswered as error:
            raise Unanswered(f"{error.reason}; {_gone(old)}") from None

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """Cancel the group (card, Cancel)."""
        return self._portal(order.altdata, link).cancel(_known(order))

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """How the group goes and, once complete, what the archive has of it (card, Status and Retrieve)."""
        progress = self._portal(order.altdata, link).poll(order, self._rhythm())
        if progress.status is not Status.COMPLETE:
            return progress
        return with_frames(progress, self._archive(order.altdata, link), self.plan(order).wanted, order.now)

    def reconcile(self, order: Order[Any, Any], link: Link) -> Submission | Absent | None:
        """Look for our id among the proposal's groups (card, Duplicates)."""
        return self._portal(order.altdata, link).reconcile(order, order.altdata.PROPOSAL_ID)

    def verify(self, altdata: Any, link: Link) -> Verification:
        """Read the token's own profile (card, Validate: credential check)."""
        return self._portal(altdata, link).verify(altdata.PROPOSAL_ID)

    def download(self, order: Order[Any, Any], product: Mapping[str, Any], link: Link) -> HttpRequest:
        """Ask for a fresh link to the frame, which takes no credentials (card, Retrieve)."""
        return self._archive(order.altdata, link).download(product)

    def window(self, payload: PortalPayload) -> tuple[datetime, datetime] | None:
        """The window, where the payload gives its end."""
        if payload.end_date is None:
            return None
        return payload.start_date or payload.end_date - DEFAULT_LENGTH, payload.end_date

    def _rhythm(self) -> Rhythm:
        return replace(self.rhythm, usual_s=config.poll_every_s(self.rhythm.usual_s))

    def _url(self) -> str:
        return config.facility_url(self.id, self.portal_url)

    def _portal(self, altdata: PortalAltdata, link: Link) -> Portal:
        return Portal(self._url(), altdata.API_TOKEN, link.http)

    def _archive(self, altdata: PortalAltdata, link: Link) -> Archive:
        url = config.facility_url(self.id, self.archive_url, "archive")
        return Archive(url, altdata.archive_token, link.http)

    def _refuse_unoffered(self, configurations: Sequence[Body], instrument_type: str, offer: Offer) -> None:
        """Raises Invalid for a code that the instrument has not got now: no need to trouble the portal."""
        for wrong in portal_listing.unoffered(configurations, offer):
            raise Invalid.field(
                ["payload", self.fields_of_codes.get(wrong.kind, wrong.kind)],
                f"rejected: {_WORDS.get(wrong.kind, wrong.kind)} {wrong.code} is not offered by"
                f" {instrument_type} now; offered: {', '.join(wrong.offered)}",
            )


def _known(order: Order[Any, Any]) -> str:
    if not order.facility_request_id:
        raise Rejected("it is not known at the facility")
    return order.facility_request_id


def _gone(old: str) -> str:
    return f"the former requestgroup {old} is cancelled"
