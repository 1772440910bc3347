"""What the portal tells about itself and its users: instruments, semesters, proposals, profile, tokens."""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import json_response
from local.simulators.observation_portal import web
from local.simulators.observation_portal.accounts import PASSWORD, Accounts, Proposal, User
from local.simulators.observation_portal.core import PortalCore
from local.simulators.observation_portal.fields import REQUIRED, Invalid, moment

JSON = dict[str, Any]


class Catalogue(PortalCore):
    """The paths beside those of the submissions."""

    def rules(self) -> list[Rule]:
        """Their routes."""
        return [
            *super().rules(),
            Rule("/api/instruments/", methods=["GET"], endpoint="list_instruments"),
            Rule("/api/semesters/", methods=["GET"], endpoint="list_semesters"),
            Rule("/api/semesters/<semester_id>/", methods=["GET"], endpoint="get_semester"),
            Rule("/api/proposals/", methods=["GET"], endpoint="list_proposals"),
            Rule("/api/proposals/<proposal_id>/", methods=["GET"], endpoint="get_proposal"),
            Rule("/api/profile/", methods=["GET"], endpoint="get_profile"),
            Rule("/api/api-token-auth/", methods=["POST"], endpoint="get_token"),
        ]

    def list_instruments(self, request: Request) -> Response:
        """`GET /api/instruments/[?instrument_type=]`: public."""
        self.begin(request)
        wanted = request.args.getlist("instrument_type")
        return json_response(
            {code: row.render() for code, row in self.instruments.items() if not wanted or code in wanted}
        )

    def list_semesters(self, request: Request) -> Response:
        """`GET /api/semesters/[?semester_contains=]`: public."""
        self.begin(request)
        rows = self.accounts.semesters(self.now)
        try:
            at = moment(request.args.get("semester_contains"))
            rows = [row for row in rows if row.holds(at, at)]
        except Invalid:
            pass  # the portal takes a date it cannot read for none
        return json_response(web.paged(request, [row.render() for row in rows]))

    def get_semester(self, request: Request, semester_id: str) -> Response:
        """`GET /api/semesters/{id}/`."""
        self.begin(request)
        for row in self.accounts.semesters(self.now):
            if row.id == semester_id:
                return json_response(row.render())
        raise web.detail("No Semester matches the given query.", 404)

    def list_proposals(self, request: Request) -> Response:
        """`GET /api/proposals/`: the user's own."""
        mine = sorted(self.accounts.proposals_of(self.member(request)))
        return json_response(
            web.paged(request, [self._proposal(self.accounts.proposals[key]) for key in mine])
        )

    def get_proposal(self, request: Request, proposal_id: str) -> Response:
        """`GET /api/proposals/{id}/`."""
        if proposal_id not in self.accounts.proposals_of(self.member(request)):
            raise web.detail("No Proposal matches the given query.", 404)
        return json_response(self._proposal(self.accounts.proposals[proposal_id]))

    def get_profile(self, request: Request) -> Response:
        """`GET /api/profile/`: who the token's user is, with all of their tokens."""
        user = self.member(request)
        mine = sorted(p.id for p in self.accounts.proposals.values() if user.username in p.members)
        available = {
            row.instrument for key in mine for row in self.accounts.allocations(key, self.now)
        } & set(self.instruments)  # fmt: skip
        return json_response(
            {
                **_names(user),
                "email": _email(user),
                "profile": {"staff_view": user.staff, "institution": "Test", "title": "Test"},
                "is_staff": user.staff,
                "is_superuser": user.staff,
                "proposals": [self._brief(self.accounts.proposals[key]) for key in mine],
                "available_instrument_types": sorted(available),
                "tokens": {"archive": user.archive_token, "api_token": user.token},
                "proposal_notifications": [],
            }
        )

    def get_token(self, request: Request) -> Response:
        """`POST /api/api-token-auth/`: the user's token for the password."""
        return token_answer(self.accounts, web.body_of(request), archive=False)

    def _brief(self, proposal: Proposal) -> JSON:
        current = proposal.active and bool(self.accounts.allocations(proposal.id, self.now))
        return {"id": proposal.id, "title": proposal.title or proposal.id, "current": current}

    def _proposal(self, proposal: Proposal) -> JSON:
        members = [
            self.accounts.users[name] for name in sorted(proposal.members) if name in self.accounts.users
        ]
        return {
            "id": proposal.id,
            "active": proposal.active,
            "title": proposal.title or proposal.id,
            "abstract": "",
            "tac_priority": 20,
            "tac_rank": 0,
            "sca": "tst",
            "public": False,
            "non_science": False,
            "direct_submission": False,
            "tags": [],
            "pis": [{**_names(user), "email": _email(user), "institution": "Test"} for user in members],
            "requestgroup_count": sum(group.proposal == proposal.id for group in self.store.groups.values()),
            "coi_count": 0,
            "timeallocation_set": [row.render() for row in self.accounts.allocations(proposal.id, self.now)],
        }


def token_answer(accounts: Accounts, body: Any, *, archive: bool) -> Response:
    """The answer to a log-in, here and at the archive."""
    missing = {key: [REQUIRED] for key in ("username", "password") if not body.get(key)}
    if missing:
        return json_response(missing, 400)
    user = accounts.users.get(str(body["username"]))
    if user is None or not user.active or body["password"] != PASSWORD:
        return json_response({"non_field_errors": ["Unable to log in with provided credentials."]}, 400)
    return json_response({"token": (archive and user.archive_token) or user.token})


def _names(user: User) -> JSON:
    return {"username": user.username, "first_name": user.username, "last_name": "Test"}


def _email(user: User) -> str:
    return f"{user.username}@example.com"
