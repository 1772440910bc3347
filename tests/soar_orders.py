"""Orders to SOAR, for the tests of its function; ways out and scripted servers are `lco_orders`'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from slew.facility import AllocationFacts, Order
from slew.models import Requester, Target
from slew.status import Status
from soar.facility import SOAR
from tests.lco_orders import NOW

TOKEN = "89abcdef0123456789abcdef0123456789abcdef"
PROPOSAL = "SOAR2026B-004"
FACILITY = SOAR()
NEEDED: dict[str, dict[str, Any]] = {
    "ghts": {},
    "ghts_imager": {"observation_choices": ["r-SDSS", "i-SDSS"]},
    "triplespec": {},
}
WINDOW = {"start_date": "2026-11-22T15:00:00", "end_date": "2026-11-29T15:00:00"}


def order(
    instrument: str = "ghts",
    payload: Mapping[str, Any] | None = None,
    *,
    target: Mapping[str, Any] | None = None,
    altdata: Mapping[str, Any] | None = None,
    now: datetime = NOW,
    request_id: str = "a1b2c3d4e5f6a7b8c9d0e1f2",
    facility_request_id: str | None = None,
    facility_data: Mapping[str, Any] | None = None,
) -> Order[Any, Any]:
    """An order with a payload that has what the instrument needs."""
    return Order(
        request_id=request_id,
        instrument=instrument,
        target=Target.model_validate(target or {"name": "ZTF26abcdefg", "ra": 62.4641, "dec": -20.0}),
        payload=SOAR.payloads[instrument].model_validate({**NEEDED[instrument], **(payload or {})}),
        altdata=SOAR.Altdata.model_validate(altdata or {"PROPOSAL_ID": PROPOSAL, "API_TOKEN": TOKEN}),
        allocation=AllocationFacts("soar-1", "PI", "transients"),
        requester=Requester(username="observer1"),
        now=now,
        created_at=now,
        facility_request_id=facility_request_id,
        facility_data=facility_data or {},
        status=Status.SUBMITTING,
    )
