"""The scheduler's and the telescopes' own calls (staff only), and what a user sees of an observation."""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import json_response
from local.simulators.observation_portal import render, states, web
from local.simulators.observation_portal.core import PortalCore
from local.simulators.observation_portal.fields import (
    Field,
    Invalid,
    choice,
    integer,
    items,
    mapping,
    moment,
    number,
    read,
    refuse,
    show_time,
    text,
)
from local.simulators.observation_portal.groups import Group, Observation, Status
from local.simulators.observation_portal.groups import Request as Child

JSON = dict[str, Any]
STATUS = {
    "configuration": Field(integer(1), required=True),
    "instrument_name": Field(text(255), required=True),
    "guide_camera_name": Field(text(255, None), default=""),
}
OBSERVATION = {
    "request": Field(integer(1), required=True),
    "site": Field(text(10), required=True),
    "enclosure": Field(text(10), required=True),
    "telescope": Field(text(10), required=True),
    "start": Field(moment, required=True),
    "end": Field(moment, required=True),
    "priority": Field(integer(0), default=10),
    "configuration_statuses": Field(
        items(lambda value: read(value, STATUS), "At least one configuration status is needed."),
        required=True,
    ),
}
SUMMARY = {
    "start": Field(moment, required=True),
    "end": Field(moment, required=True),
    "state": Field(choice(states.STATUS_STATES), required=True),
    "time_completed": Field(number(0.0), required=True),
    "reason": Field(text(None, None), default=""),
}


class Telescopes(PortalCore):
    """`/api/observations/` and `/api/configurationstatus/`."""

    def rules(self) -> list[Rule]:
        """Their routes."""
        return [
            *super().rules(),
            Rule("/api/observations/", methods=["POST"], endpoint="post_observation"),
            Rule("/api/observations/<observation_id>/", methods=["GET"], endpoint="get_observation"),
            Rule("/api/configurationstatus/<status_id>/", methods=["PATCH"], endpoint="patch_status"),
        ]

    def get_observation(self, request: Request, observation_id: str) -> Response:
        """`GET /api/observations/{id}/`."""
        return json_response(render.observation(self.observation_for(self.begin(request), observation_id)))

    def post_observation(self, request: Request) -> Response:
        """`POST /api/observations/`: the scheduler places a request."""
        self._staff(request)
        try:
            cleaned = read(web.body_of(request), OBSERVATION)
            child = self._placeable_child(cleaned)
        except Invalid as error:
            return json_response(error.detail, 400)
        observation = self.store.place(
            child,
            (cleaned["site"], cleaned["enclosure"], cleaned["telescope"]),
            (cleaned["start"], cleaned["end"]),
            cleaned["priority"],
            [
                (s["configuration"], s["instrument_name"], s["guide_camera_name"])
                for s in cleaned["configuration_statuses"]
            ],
            self.now,
        )
        return json_response(render.observation(observation), 201)

    def patch_status(self, request: Request, status_id: str) -> Response:
        """`PATCH /api/configurationstatus/{id}/`: the telescope reports."""
        self._staff(request)
        owner, status = self._status(web.integer_of(status_id))
        body = web.body_of(request)
        fields = {"state": Field(choice(states.STATUS_STATES)), "summary": Field(mapping)}
        try:
            cleaned = read(body, fields)
            summary = read(cleaned["summary"], SUMMARY) if "summary" in cleaned else None
        except Invalid as error:
            return json_response(error.detail, 400)
        if summary is not None:
            summary |= {edge: show_time(summary[edge]) for edge in ("start", "end")}
        owner[0].manual = True
        self.store.report(owner, status, cleaned.get("state", status.state), summary, self.now)
        return json_response(render.status(status))

    def _staff(self, request: Request) -> None:
        if not self.member(request).staff:
            raise web.detail(web.FORBIDDEN, 403)

    def _placeable_child(self, cleaned: JSON) -> Child:
        found = self.store.request(cleaned["request"])
        if found is None:
            raise Invalid({"request": [f'Invalid pk "{cleaned["request"]}" - object does not exist.']})
        group, child = found
        start, end = cleaned["start"], cleaned["end"]
        if not any(w["start"] <= start and end <= w["end"] for w in child.body["windows"]):
            raise refuse(
                f"The start {start.isoformat()} and end {end.isoformat()} times do not fall within any "
                "window of the request"
            )
        group.manual = True
        return child

    def _status(self, status_id: int) -> tuple[tuple[Group, Child, Observation], Status]:
        for owner in self.store.observations():
            for status in owner[2].statuses:
                if status.id == status_id:
                    return owner, status
        raise web.detail("No ConfigurationStatus matches the given query.", 404)
