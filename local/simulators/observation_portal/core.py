"""What the portal's groups of endpoints have in common: state, credentials, and the answers to wrong paths
and methods."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from local.simulators.base import SimulatedClock, Simulator
from local.simulators.observation_portal import web
from local.simulators.observation_portal.accounts import Accounts, User
from local.simulators.observation_portal.groups import Group, Observation, Store
from local.simulators.observation_portal.groups import Request as Child
from local.simulators.observation_portal.instruments import INSTRUMENTS
from local.simulators.observation_portal.scheduler import Scheduler
from local.simulators.observation_portal.tables import Instrument

# The defaults of the portal's software; LCO's own values are not known.
THROTTLE: dict[str, int | None] = {"create": 5000, "validate": 20_000, "cancel": 2000}
_OPEN_TO_ALL = re.compile(r"/api/(instruments|semesters|api-token-auth)/")


class PortalCore(Simulator):
    """State and credentials; see `app.LCOPortal`."""

    def __init__(
        self, clock: SimulatedClock | None = None, *, semesters: str = "real", auto_progress: bool = True
    ) -> None:
        self._semesters = semesters
        self._auto_progress = auto_progress
        super().__init__(clock)

    def reset(self) -> None:
        """Back to the seed."""
        super().reset()
        self.accounts = Accounts(self._semesters)
        self.store = Store(self.accounts)
        self.scheduler = Scheduler(self.store, self._auto_progress)
        self.throttle = web.Throttle(dict(THROTTLE))
        self.instruments: dict[str, Instrument] = dict(INSTRUMENTS)  # empty while ConfigDB is away

    @property
    def now(self) -> datetime:
        """The simulator's time."""
        return self.clock.now()

    def begin(self, request: Request) -> User | None:
        """Catch up with the clock and find out who asks; 403 for bad credentials on any path."""
        self.scheduler.tick(self.now)
        try:
            token = web.token_of(request)
        except ValueError as error:
            raise web.detail(str(error), 403) from None
        if token is None:
            return None
        user = self.accounts.by_token(token)
        if user is None:
            raise web.detail("Invalid token.", 403)
        if not user.active:
            raise web.detail("User inactive or deleted.", 403)
        return user

    def member(self, request: Request) -> User:
        """Who asks; 403 for nobody."""
        user = self.begin(request)
        if user is None:
            raise web.detail(web.NO_CREDENTIALS, 403)
        return user

    def sees(self, user: User | None, group: Group) -> bool:
        """Whether a group is one of the user's proposals'."""
        return group.proposal in self.accounts.proposals_of(user)

    def group_for(self, user: User | None, group_id: str) -> Group:
        """A visible group, or the 404."""
        group = self.store.groups.get(web.integer_of(group_id))
        if group is None or not self.sees(user, group):
            raise web.detail("No RequestGroup matches the given query.", 404)
        return group

    def child_for(self, user: User | None, request_id: str) -> tuple[Group, Child]:
        """A visible request with its group, or the 404."""
        found = self.store.request(web.integer_of(request_id))
        if found is None or not self.sees(user, found[0]):
            raise web.detail("No Request matches the given query.", 404)
        return found

    def observation_for(self, user: User | None, observation_id: str) -> Observation:
        """A visible observation, or the 404."""
        wanted = web.integer_of(observation_id)
        for group, _, observation in self.store.observations():
            if observation.id == wanted and self.sees(user, group):
                return observation
        raise web.detail("No Observation matches the given query.", 404)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """301 without the slash; 403 before 405; an HTML page for an unknown path."""
        if isinstance(error, RequestRedirect):
            query = request.query_string.decode()
            location = request.path + "/" + (f"?{query}" if query else "")
            return Response("", 301, {"Location": location}, content_type="text/html; charset=utf-8")
        if not isinstance(error, MethodNotAllowed):
            return web.page("Not Found", 404, "There is nothing at this path.")
        try:
            user = self.begin(request)
        except HTTPException as refusal:
            return _answer(refusal)
        if user is None and request.method not in ("GET", "HEAD") and not _OPEN_TO_ALL.match(request.path):
            return _answer(web.detail(web.NO_CREDENTIALS, 403))
        allow = {"Allow": ", ".join(sorted(error.valid_methods or []))}
        return _answer(web.detail(f'Method "{request.method}" not allowed.', 405, allow))


def _answer(error: HTTPException) -> Response:
    response: Any = error.response
    assert isinstance(response, Response)
    return response
