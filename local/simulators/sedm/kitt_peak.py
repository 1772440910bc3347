"""SEDMv2's server as far as it is known: like a SkyPortal's (card: SEDMv2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from werkzeug import Request, Response

from local.simulators.base import JSON, json_response

TOKEN = "8d7a9c31-kitt-peak"
ALLOCATION = 7
FRAMES = (1, 2, 3, 5, 10, 15, 20, 25, 30)


@dataclass
class KittPeak:
    """Requests by id. `edits`: whether it knows PUT; `sources`: names it has, None for every one."""

    edits: bool = True
    sources: list[str] | None = None
    requests: dict[int, JSON] = field(default_factory=dict)

    def post(self, request: Request) -> Response:
        """A new request."""
        body, refusal = self._read(request)
        if refusal:
            return refusal
        number = 4321 + len(self.requests)
        self.requests[number] = {**body, "status": "submitted"}
        return json_response({"status": "success", "data": {"id": number}})

    def one(self, request: Request, number: int) -> Response:
        """`GET`, `PUT`, `DELETE` of one."""
        if request.method == "PUT" and not self.edits:
            return Response("<html><title>405: Method Not Allowed</title></html>", 405, mimetype="text/html")
        if refusal := unauthorized(request):
            return refusal
        found = self.requests.get(number)
        if found is None or (found["status"] == "deleted" and request.method != "GET"):
            return failure(f"Cannot find FollowupRequest with ID: {number}", 404)
        if request.method == "GET":
            return json_response({"status": "success", "data": {"id": number, **found}})
        if request.method == "DELETE":
            found["status"] = "deleted"
            return json_response({"status": "success", "data": {}})
        body, refusal = self._read(request)
        if refusal:
            return refusal
        self.requests[number] = {**body, "status": "submitted"}
        return json_response({"status": "success", "data": {}})

    def _read(self, request: Request) -> tuple[JSON, Response | None]:
        if refusal := unauthorized(request):
            return {}, refusal
        try:
            body = json.loads(request.get_data())
            name, allocation, payload = body["obj_id"], body["allocation_id"], body["payload"]
        except (ValueError, KeyError, TypeError):
            return {}, failure("Invalid/missing parameters")
        if allocation != ALLOCATION:
            return {}, failure(f"Cannot access allocation with ID: {allocation}")
        if not isinstance(name, str) or (self.sources is not None and name not in self.sources):
            return {}, failure(f"Invalid obj_id: {name}")
        reason = check(payload)
        return body, failure(reason) if reason else None


def unauthorized(request: Request) -> Response | None:
    """401 without the token."""
    if request.headers.get("Authorization") == f"token {TOKEN}":
        return None
    return failure("HTTP 401: Unauthorized", 401)


def failure(message: str, status: int = 400) -> Response:
    """An error in SkyPortal's form."""
    return json_response({"status": "error", "message": message, "data": {}}, status)


def check(payload: Any) -> str | None:
    """What is wrong with the parameters, in SkyPortal's words."""
    if not isinstance(payload, dict):
        return "payload must be an object"
    for name in ("observation_choice", "observation_type", "exposure_time", "maximum_airmass", "priority"):
        if name not in payload:
            return f"Parameter {name} required."
    for name in ("minimum_lunar_distance", "start_date", "end_date", "too"):
        if name not in payload:
            return f"Parameter {name} required."
    if payload["observation_choice"] not in ("g", "r", "i", "z", "IFU"):
        return f"Filter configuration {payload['observation_choice']} unknown."
    if payload["observation_type"] not in ("transient", "variable"):
        return "observation_type must be either transient or variable"
    checks = {
        "exposure_time must be positive.": _within(payload["exposure_time"], 0, float("inf")),
        "maximum_airmass must be at least 1.": _within(payload["maximum_airmass"], 1, float("inf")),
        "minimum lunar distance must be within 0-180.": _within(payload["minimum_lunar_distance"], 0, 180),
        "priority must be within 0-5.": _within(payload["priority"], 0, 5),
        "too must be boolean": isinstance(payload["too"], bool),
        f"frame_exposure_time must be {list(FRAMES)}": payload["observation_type"] == "transient"
        or payload.get("frame_exposure_time") in FRAMES,
        "dates must be of the form YYYY-MM-DDTHH:MM:SS.sss": all(
            _stamp(payload[key]) for key in ("start_date", "end_date")
        ),
    }
    return next((text for text, good in checks.items() if not good), None)


def _within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _stamp(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f"))  # noqa: DTZ007
    except ValueError:
        return False
