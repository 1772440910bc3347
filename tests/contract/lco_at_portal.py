"""Orders to LCO that the shared portal accepts."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from slew import portal_listing
from slew.facility import Order
from tests.contract.bodies import Scene
from tests.contract.portal.server import FLOYDS_AT_OGG, MUSCAT_AT_OGG, SINISTRO_AT_LSC, Portal
from tests.lco_orders import order

JSON = dict[str, Any]
TELESCOPES = {"sinistro": SINISTRO_AT_LSC, "muscat": MUSCAT_AT_OGG, "floyds": FLOYDS_AT_OGG}
NEEDED: dict[str, JSON] = {
    "sinistro": {"observation_choices": ["gp", "rp"]},
    "muscat": {},
    "floyds": {},
}


def point_at(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LCO's class looks for the portal. No archive: nothing listens on port 9 (discard)."""
    monkeypatch.setenv("SLEW_LCO_URL", portal.url)
    monkeypatch.setenv("SLEW_LCO_ARCHIVE_URL", "http://127.0.0.1:9")
    portal_listing.forget()


def order_at(
    portal: Portal,
    scene: Scene,
    instrument: str = "sinistro",
    payload: JSON | None = None,
    *,
    motion: JSON | None = None,
    **changes: Any,
) -> Order[Any, Any]:
    """An order that the portal accepts now, with an id of its own; `motion`: the target's other fields."""
    window = {"start_date": scene.start.isoformat(), "end_date": scene.end.isoformat()}
    return order(
        instrument,
        {"exposure_time": 60.0, **window, **NEEDED[instrument], **(payload or {})},
        target={"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec, **(motion or {})},
        altdata={"PROPOSAL_ID": portal.proposal, "API_TOKEN": portal.token},
        now=datetime.now(UTC),
        **{"request_id": secrets.token_hex(12), **changes},
    )
