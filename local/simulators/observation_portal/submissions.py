"""Requestgroups and requests: submit, validate, cancel, look up."""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import json_response
from local.simulators.observation_portal import durations, listing, render, sites, states, visibility, web
from local.simulators.observation_portal.accounts import ALLOCATED, User
from local.simulators.observation_portal.core import PortalCore
from local.simulators.observation_portal.fields import Crash, Invalid
from local.simulators.observation_portal.instruments import instrument_of
from local.simulators.observation_portal.validate import Validator, highest_ipp, window_seconds

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
AIRMASS_STEP_S = 600


class Submissions(PortalCore):
    """`/api/requestgroups/` and `/api/requests/`."""

    def rules(self) -> list[Rule]:
        """Their routes."""
        return [
            *super().rules(),
            Rule(GROUPS, methods=["POST"], endpoint="submit"),
            Rule(GROUPS, methods=["GET"], endpoint="list_groups"),
            Rule(f"{GROUPS}validate/", methods=["POST"], endpoint="validate"),
            Rule(f"{GROUPS}max_allowable_ipp/", methods=["POST"], endpoint="max_allowable_ipp"),
            Rule(f"{GROUPS}<group_id>/", methods=["GET"], endpoint="get_group"),
            Rule(f"{GROUPS}<group_id>/cancel/", methods=["POST"], endpoint="cancel"),
            Rule("/api/requests/", methods=["GET"], endpoint="list_requests"),
            Rule("/api/requests/<request_id>/", methods=["GET"], endpoint="get_request"),
            Rule("/api/requests/<request_id>/", methods=["PATCH"], endpoint="patch_request"),
            Rule("/api/requests/<request_id>/observations/", methods=["GET"], endpoint="get_observations"),
            Rule("/api/requests/<request_id>/airmass/", methods=["GET"], endpoint="get_airmass"),
        ]

    def submit(self, request: Request) -> Response:
        """`POST /api/requestgroups/`: 201 with the group, or 400 with what is wrong."""
        user, body = self._judged(request, "create")
        validator = self._validator(user)
        try:
            cleaned = validator.group(body)
        except Invalid as error:
            return json_response(error.detail, 400)
        except Crash:
            return web.page("Server Error (500)", 500)
        charges = validator.charges(cleaned) if cleaned["observation_type"] in ALLOCATED else []
        return json_response(render.group(self.store.add(cleaned, user.username, charges, self.now)), 201)

    def validate(self, request: Request) -> Response:
        """`POST /api/requestgroups/validate/`: always 200; stores nothing."""
        user, body = self._judged(request, "validate")
        try:
            cleaned = self._validator(user).group(body)
        except Invalid as error:
            return json_response({"request_durations": {}, "errors": error.detail})
        except Crash:
            return web.page("Server Error (500)", 500)
        reports = [durations.report(child, child["largest_interval"]) for child in cleaned["requests"]]
        total = sum(report["duration"] for report in reports)
        return json_response({"request_durations": {"requests": reports, "duration": total}, "errors": {}})

    def max_allowable_ipp(self, request: Request) -> Response:
        """`POST /api/requestgroups/max_allowable_ipp/`: the IPP values that the proposal bears."""
        user, body = self._judged(request, None)
        if not isinstance(body, dict):
            return web.page("Server Error (500)", 500)
        validator = self._validator(user)
        try:
            cleaned = validator.group(body, with_ipp=False)
            charges = validator.charges(cleaned)
        except Invalid as error:
            return json_response({"errors": error.detail})
        except Crash:
            return web.page("Server Error (500)", 500)
        answer: JSON = {}
        for allocation, hours in charges:
            answer.setdefault(allocation.semester, {})[allocation.instrument] = {
                "ipp_time_available": allocation.ipp_available,
                "ipp_limit": allocation.ipp_limit,
                "request_duration": hours,
                "max_allowable_ipp_value": highest_ipp(allocation, hours),
                "min_allowable_ipp_value": 0.5,
            }
        return json_response(answer)

    def cancel(self, request: Request, group_id: str) -> Response:
        """`POST .../cancel/`: 200 with the group, its children as they were before: stale this once."""
        user = self.member(request)
        self.throttle.count("cancel", user.username, self.clock.time())
        group = self.group_for(user, group_id)
        children = [render.request(child) for child in group.requests]
        try:
            self.store.cancel(group, self.now)
        except states.IllegalTransition as error:
            return json_response({"errors": [str(error)]}, 400)
        return json_response(render.group(group) | {"requests": children})

    def list_groups(self, request: Request) -> Response:
        """`GET /api/requestgroups/`."""
        user = self.begin(request)
        visible = self.accounts.proposals_of(user)
        groups = listing.groups(
            request, [g for g in self.store.groups.values() if self.sees(user, g)], visible
        )
        return json_response(web.paged(request, [render.listed_group(group) for group in groups]))

    def get_group(self, request: Request, group_id: str) -> Response:
        """`GET /api/requestgroups/{id}/`."""
        user = self.begin(request)
        if group_id in ("validate", "max_allowable_ipp"):
            raise web.detail('Method "GET" not allowed.', 405, {"Allow": "POST"})
        return json_response(render.group(self.group_for(user, group_id)))

    def list_requests(self, request: Request) -> Response:
        """`GET /api/requests/`."""
        user = self.begin(request)
        children = listing.requests(request, [r for g, r in self.store.requests() if self.sees(user, g)])
        return json_response(web.paged(request, [render.listed_request(child) for child in children]))

    def get_request(self, request: Request, request_id: str) -> Response:
        """`GET /api/requests/{id}/`."""
        return json_response(render.request(self.child_for(self.begin(request), request_id)[1]))

    def patch_request(self, request: Request, request_id: str) -> Response:
        """`PATCH /api/requests/{id}/`: staff only, and of no use to a client."""
        if not self.member(request).staff:
            raise web.detail(web.FORBIDDEN, 403)
        return self.get_request(request, request_id)

    def get_observations(self, request: Request, request_id: str) -> Response:
        """`GET /api/requests/{id}/observations/`: a plain array."""
        _, child = self.child_for(self.begin(request), request_id)
        hidden = "CANCELED" if request.args.get("exclude_canceled", "").lower() in ("true", "1") else ""
        return json_response(
            [render.observation_of_request(row) for row in child.observations if row.state != hidden]
        )

    def get_airmass(self, request: Request, request_id: str) -> Response:
        """`GET /api/requests/{id}/airmass/`: the airmass by site in ten-minute steps."""
        _, child = self.child_for(self.begin(request), request_id)
        configurations = child.body["configurations"]
        aims = [visibility.Aim.of(member) for member in configurations]
        wanted = {instrument_of(member).code for member in configurations}
        data: JSON = {}
        for telescope in sites.carrying(wanted, child.body["location"]):
            if telescope.site in data:
                continue
            times: list[float] = []
            for start, end in visibility.intervals(aims, telescope, window_seconds(child.body)):
                times += [start + step for step in range(0, int(end - start), AIRMASS_STEP_S)]
            if times:
                data[telescope.site] = {
                    "times": [listing.minute(at) for at in times],
                    "airmasses": [visibility.airmass(aims[0], telescope, at) for at in times],
                }
        return json_response({"airmass_data": data, "airmass_limit": aims[0].max_airmass})

    def _judged(self, request: Request, scope: str | None) -> tuple[User, Any]:
        """Who posts what; the portal parses the body before it asks for credentials that are missing."""
        user = self.begin(request)
        body = web.body_of(request)
        if user is None:
            raise web.detail(web.NO_CREDENTIALS, 403)
        if scope:
            self.throttle.count(scope, user.username, self.clock.time())
        return user, body

    def _validator(self, user: User) -> Validator:
        return Validator(
            self.accounts, user, self.now, self.instruments, frozenset(self.scheduler.closed_sites)
        )
