"""Las Cumbres Observatory: 1 m and 2 m telescopes behind an Observation Portal (facility card: lco)."""

from __future__ import annotations

from functools import partial
from typing import Any

from lco.bodies import INSTRUMENTS
from lco.models import Floyds, LCOAltdata, Muscat, Sinistro
from slew.facility import Order
from slew.portal_facility import Plan, PortalFacility
from slew.science_archive import Wanted


class LCO(PortalFacility):
    """LCO's queue."""

    id = "lco"
    title = "Las Cumbres Observatory"
    Altdata = LCOAltdata
    payloads = {"sinistro": Sinistro, "muscat": Muscat, "floyds": Floyds}  # noqa: RUF012
    retired = {  # noqa: RUF012
        "spectral": "2M0-SCICAM-SPECTRAL is retired; use muscat (g, r, i, z; there is no Y)"
    }
    portal_url = "https://observe.lco.global"
    archive_url = "https://archive-api.lco.global"
    fields_of_codes = {  # noqa: RUF012
        "filter": "observation_choices",
        "slit": "slit",
        "readout": "readout_mode",
        "acquisition": "acquisition_mode",
        "guiding": "guiding_mode",
        "rotator": "rotator_mode",
        "exposure": "exposure_mode",
    }

    def plan(self, order: Order[Any, Any]) -> Plan:
        """Of each instrument's own table (card, Submit and Retrieve)."""
        instrument = INSTRUMENTS[str(order.instrument)]
        return Plan(
            instrument.type,
            instrument.telescope_class,
            partial(instrument.configurations, order.payload, order.target),
            Wanted(order.payload.frames, instrument.levels, instrument.configuration_type),
        )
