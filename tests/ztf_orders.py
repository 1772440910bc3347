"""Orders for ZTF, for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from slew.facility import AllocationFacts, Order
from slew.models import Requester, nowhere
from slew.validation import parse
from ztf.models import ZtfAltdata
from ztf.payload import ZtfPayload
from ztf.wire import ZtfOrder

JSON = dict[str, Any]
NOW = datetime(2026, 3, 11, 1, tzinfo=UTC)
REQUEST_ID = "a1b2c3d4e5f6a1b2c3d4e5f6"
ALTDATA: JSON = {"access_token": "kowalski-token"}
FIELDS: list[JSON] = [
    {"field_id": 699, "ra": 45.9756, "dec": 40.55},
    {"field_id": 700, "ra": 54.52367, "dec": 40.55},
]
TRIGGERED: JSON = {
    "request_type": "triggered",
    "start_date": "2026-03-11 03:00:00",
    "end_date": "2026-03-11 12:00:00",
    "queue_name": "GRB260311A",
    "filters": "g,r",
    "field_ids": "699,700",
    "fields": FIELDS,
}
PLAN: JSON = {
    "request_type": "observation_plan",
    "queue_name": "S260311ab_plan",
    "start_date": "2026-03-11 03:00:00",
    "end_date": "2026-03-11 12:00:00",
    "observations": [
        {"field_id": 550, "filt": "ztfg", "exposure_time": 180, "ra": 210.5, "dec": 4.55},
        {"field_id": 551, "filt": "ztfr", "exposure_time": 180, "ra": 217.7, "dec": 4.55},
        {"field_id": 550, "filt": "ztfg", "exposure_time": 180, "ra": 210.5, "dec": 4.55},
    ],
}
SKYMAP: JSON = {
    "request_type": "skymap",
    "opt_in": True,
    "trigger_name": "S260311ab",
    "trigger_time": 61110.131,
    "fields": [{"field_id": 550, "probability": 0.42}, {"field_id": 551, "probability": 0.17}],
}


def without(content: Mapping[str, Any], *names: str) -> JSON:
    """Content but for some keys."""
    return {name: value for name, value in content.items() if name not in names}


def order_of(
    payload: Mapping[str, Any],
    altdata: Mapping[str, Any] | None = None,
    username: str = "observer1",
    **fields: Any,
) -> ZtfOrder:
    """An order; `fields` are the order's own."""
    wanted = parse(ZtfPayload, dict(payload), ["payload"])
    given: JSON = {
        "request_id": REQUEST_ID,
        "instrument": None,
        "target": nowhere("queue"),
        "payload": wanted,
        "altdata": parse(ZtfAltdata, dict(altdata or ALTDATA), ["altdata"]),
        "allocation": AllocationFacts("ztf-2026", "PI of the proposal", "transients"),
        "requester": Requester(username=username),
        "now": NOW,
        "created_at": NOW,
    }
    return Order(**{**given, **fields})
