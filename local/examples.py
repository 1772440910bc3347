"""The example events as bodies that the local stack's simulators take: for the demonstration and benchmarks.

Examples name credentials that the simulators know, but no address of a machine, and no target that is up
tonight.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.settings import SimulatorUrls
from local.simulators.atlas.accounts import DEMO_TOKEN as ATLAS_TOKEN
from local.simulators.endpoint import DEMO_TOKEN as ENDPOINT_TOKEN
from local.simulators.mma import DEMO_TOKEN as PLANS_TOKEN
from local.simulators.observation_portal.accounts import DEMO_TOKEN as PORTAL_TOKEN
from local.simulators.slack import SEEDED_HOOKS

Json = dict[str, Any]

EVENTS = Path(__file__).resolve().parent.parent / "events"
HOOK_KEYS = ("slack_workspace", "slack_channel", "slack_token")


@dataclass(frozen=True)
class Example:
    """The bodies of one facility's example: an allocation, and a request under it."""

    facility: str
    allocation: Json
    request: Json


def examples(simulators: Mapping[str, SimulatorUrls]) -> dict[str, Example]:
    """Every facility's example, by its id."""
    found = {}
    for path in sorted(EVENTS.glob("*-allocation.json")):
        facility = path.stem.removesuffix("-allocation")
        allocation, request = body_of(path), body_of(path.with_name(f"{facility}-submit.json"))
        altdata, payload = _replacements(simulators).get(facility, ({}, {}))
        found[facility] = Example(
            facility,
            {**allocation, "altdata": {**allocation["altdata"], **altdata}},
            {**request, "payload": _merged(request["payload"], payload)},
        )
    return found


def body_of(event: Path) -> Json:
    """The JSON body of an API event in a file."""
    content: Json = json.loads(json.loads(event.read_text(encoding="utf-8"))["body"])
    return content


def _merged(payload: Json, changes: Json) -> Json:
    """The payload with changes; None leaves out."""
    return {key: value for key, value in {**payload, **changes}.items() if value is not None}


def _replacements(simulators: Mapping[str, SimulatorUrls]) -> dict[str, tuple[Json, Json]]:
    """By facility, what goes into the example's altdata and payload."""
    found: dict[str, tuple[Json, Json]] = {
        # The Moon may be near the target that is up.
        "lco": ({"API_TOKEN": PORTAL_TOKEN}, {"minimum_lunar_distance": 0}),
        "soar": ({"API_TOKEN": PORTAL_TOKEN}, {"minimum_lunar_distance": 0}),
        "atlas_forced_photometry": ({"api_token": ATLAS_TOKEN}, {}),
        "slack": (dict(zip(HOOK_KEYS, SEEDED_HOOKS[0], strict=True)), {}),
    }
    if "mma" in simulators:
        port = urlsplit(simulators["mma"].url).port
        receiver = {"protocol": "http", "host": "127.0.0.1", "port": str(port), "access_token": PLANS_TOKEN}
        # Names are unique at the receiver: without one it follows from the request.
        found["mma"] = ({**receiver, "receiver_lists": True, "receiver_deletes": True}, {"queue_name": None})
    if "generic" in simulators:
        endpoint = f"{simulators['generic'].url}/api/requests"
        altdata = {"endpoint": endpoint, "api_token": ENDPOINT_TOKEN, "remote_allocation_id": 1}
        found["generic"] = (altdata, {})
    return found
