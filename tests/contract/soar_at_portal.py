"""Orders to SOAR that the shared portal accepts, and all that the portal lists of SOAR."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from slew import portal_listing
from slew.facility import Order
from tests.contract.bodies import Scene
from tests.contract.portal.instruments import INSTRUMENTS
from tests.contract.portal.server import Portal, Telescope
from tests.soar_orders import order

JSON = dict[str, Any]
PREFIX = "SOAR_"
# Which of ours is the portal's instrument type.
OURS = {
    "SOAR_GHTS_REDCAM": "ghts",
    "SOAR_GHTS_BLUECAM": "ghts",
    "SOAR_GHTS_REDCAM_IMAGER": "ghts_imager",
    "SOAR_GHTS_BLUECAM_IMAGER": "ghts_imager",
    "SOAR_TRIPLESPEC": "triplespec",
}
TELESCOPES = {
    kind.code: Telescope("sor", "doma", "4m0a", f"{letters}01", f"ag-{letters}01")
    for letters, kind in INSTRUMENTS.items()
    if kind.code.startswith(PREFIX)
}


def listed() -> Iterator[tuple[str, JSON]]:
    """An order's instrument and payload for every mode and filter of every instrument of SOAR's."""
    for kind in INSTRUMENTS.values():
        if not kind.code.startswith(PREFIX):
            continue
        instrument = OURS[kind.code]
        camera = {} if instrument == "triplespec" else {"instrument_type": kind.code}
        filters = [code for wheel in kind.elements for code in wheel.codes]
        if filters:
            yield instrument, {**camera, "observation_choices": filters}
            yield from ((instrument, {**camera, "observation_choices": [code]}) for code in filters)
        else:
            for mode in kind.modes["readout"].modes:
                yield instrument, {**camera, "instrument_mode": mode}


def point_at(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SOAR's class looks for the portal. No archive: nothing listens on port 9 (discard)."""
    monkeypatch.setenv("SLEW_SOAR_URL", portal.url)
    monkeypatch.setenv("SLEW_SOAR_ARCHIVE_URL", "http://127.0.0.1:9")
    portal_listing.forget()


def order_at(
    portal: Portal,
    scene: Scene,
    instrument: str = "ghts",
    payload: JSON | None = None,
    *,
    motion: JSON | None = None,
    altdata: JSON | None = None,
    **changes: Any,
) -> Order[Any, Any]:
    """An order that the portal accepts now, with an id of its own; `motion`: the target's other fields."""
    window = {"start_date": scene.start.isoformat(), "end_date": scene.end.isoformat()}
    return order(
        instrument,
        {"exposure_time": 60.0, **window, **(payload or {})},
        target={"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec, **(motion or {})},
        altdata={"PROPOSAL_ID": portal.proposal, "API_TOKEN": portal.token, **(altdata or {})},
        now=datetime.now(UTC),
        **{"request_id": secrets.token_hex(12), **changes},
    )
