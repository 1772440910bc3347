"""SOAR: the 4.1 m telescope's queue nights behind an Observation Portal (facility card: soar)."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from slew.facility import Order
from slew.portal_facility import Plan, PortalFacility
from slew.portal_progress import Rhythm
from slew.science_archive import Wanted
from soar.bodies import CONFIGURATIONS
from soar.models import GHTS, GHTSImager, SOARAltdata, TripleSpec

TELESCOPE_CLASS = "4m0"
_NOT_VISIBLE = "the target will not be visible within the time window"
_OTHER_ARCHIVE = "the portal's archive has no frames of it: look in the NOIRLab Astro Data Archive"


class SOAR(PortalFacility):
    """SOAR's queue."""

    id = "soar"
    title = "SOAR"
    Altdata = SOARAltdata
    payloads = {"ghts": GHTS, "ghts_imager": GHTSImager, "triplespec": TripleSpec}  # noqa: RUF012
    portal_url = "https://observe.lco.global"
    archive_url = "https://archive-api.lco.global"
    fields_of_codes = {"filter": "observation_choices", "readout": "instrument_mode"}  # noqa: RUF012
    # The queue looks for new requests every quarter of an hour (card, Status).
    rhythm = Rhythm(1800.0, 900.0)
    first_poll_s = 900.0

    def plan(self, order: Order[Any, Any]) -> Plan:
        """Of the camera chosen; the archive has its frames as they are taken (card, Submit and Retrieve)."""
        return Plan(
            order.payload.instrument_type,
            TELESCOPE_CLASS,
            partial(CONFIGURATIONS[str(order.instrument)], order.payload, order.target),
            Wanted(order.payload.frames, elsewhere=_OTHER_ARCHIVE),
        )

    def default_start(self, now: datetime) -> datetime:
        """Now, as SkyPortal has it."""
        return now

    def explained(self, reason: str) -> str:
        """Nights without the queue may look to the portal like a target that is not up (card, rules)."""
        return f"{reason} (or no SOAR queue night in the window)" if _NOT_VISIBLE in reason else reason
