"""What a portal answers, for the tests of its client: pieces in the shapes of the facility cards."""

from __future__ import annotations

from typing import Any

from slew.facility import Progress
from slew.portal_progress import progress
from tests.lco_orders import order

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
PAGE = b"<html><body><h1>Scheduled maintenance</h1></body></html>"
HTML = {"Content-Type": "text/html"}
THROTTLED = {"detail": "Request was throttled. Expected available in 86400 seconds."}


def group(state: str = "PENDING", group_id: int = 2512345, note: str = "", **more: Any) -> JSON:
    child = {"id": 4181234, "state": state, "observation_note": note, "configurations": []}
    return {
        "id": group_id,
        "state": state,
        "modified": "2026-11-22T14:22:00.588626Z",
        "requests": [child],
        **more,
    }


def observation(state: str, reason: str = "", n: int = 1) -> JSON:
    summary: JSON = {"reason": reason, "state": state} if reason else {}
    return {
        "id": 812345678 + n,
        "site": "lsc",
        "enclosure": "doma",
        "telescope": "1m0a",
        "start": f"2026-11-23T0{n}:10:00Z",
        "end": f"2026-11-23T0{n}:17:19Z",
        "state": state,
        "configuration_statuses": [{"summary": None}, {"summary": summary}],
    }


def told(state: str, observations: list[JSON], **changes: Any) -> Progress:
    payload = {"observation_choices": ["gp"], **changes.pop("payload", {})}
    return progress(
        group(state), observations, order(payload=payload, facility_request_id="2512345", **changes)
    )
