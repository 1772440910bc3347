"""The simulator of LCO's Observation Portal (facility card `lco`, "Simulator"); SOAR's instruments are
served too.

Control routes beside the ones of every simulator:

- `POST /_advance` `{"group": id, "to": step}`: move a group's requests by hand. Steps: `scheduled`,
  `in_progress`, `completed`, `failed_attempt`, `expired`, `failure_limit`, `late_completed` (of one that
  had ended otherwise), `back_to_pending` (data declared bad). 409 for a step that cannot follow. From then
  on the clock only lets the group expire.
- `POST /_config`, any of: `{"semesters": "real"|"wide"}`, `{"throttle": {"create": 2, "validate": n,
  "cancel": n}}` (calls a day and user; null for no limit), `{"auto_progress": bool}`, `{"proposals": {id:
  {"hours", "ipp_limit", "active", "members": {user: seconds or -1}, "expelled": [user]}}}` (hours null: no
  allocation), `{"users": {name: {"active": bool}}}`, `{"configdb": bool}` (false: the instrument table is
  gone), `{"idle_sites": [...]}` (never scheduled: SOAR outside its nights), `{"closed_sites": [...]}`
  (downtime: targets are not visible from there), `{"listing": {instrument type: {"readout"|"filter"|...:
  [code]}}}` (what is offered from now on), `{"archive_delay_s": n}`.

The archive runs on a second port and shares state and clock: `start()` starts both, `extra_urls()` tells
its URL.
"""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.archive import LCOArchive
from local.simulators.base import SimulatedClock, json_response
from local.simulators.observation_portal import states
from local.simulators.observation_portal.catalogue import Catalogue
from local.simulators.observation_portal.instruments import INSTRUMENTS
from local.simulators.observation_portal.submissions import Submissions
from local.simulators.observation_portal.telescopes import Telescopes

JSON = dict[str, Any]
SOAR_PROPOSAL = "SOAR2026B-004"


class LCOPortal(Submissions, Catalogue, Telescopes):
    """The portal, with the archive beside it."""

    name = "lco"

    def __init__(
        self, clock: SimulatedClock | None = None, *, semesters: str = "real", auto_progress: bool = True
    ) -> None:
        super().__init__(clock, semesters=semesters, auto_progress=auto_progress)
        self.archive = LCOArchive(self)

    def rules(self) -> list[Rule]:
        """All routes."""
        return [
            *super().rules(),
            Rule("/_advance", methods=["POST"], endpoint="control_advance"),
            Rule("/_config", methods=["POST"], endpoint="control_config"),
        ]

    def reset(self) -> None:
        """Back to the seed; the archive too."""
        super().reset()
        if hasattr(self, "archive"):
            self.archive.reset()

    def start(self, port: int = 0) -> str:
        """Serve the portal, and the archive on a free port."""
        self.archive.start()
        return super().start(port)

    def stop(self) -> None:
        """Stop both."""
        super().stop()
        self.archive.stop()

    def extra_urls(self) -> dict[str, str]:
        """The bases beside the portal's own, by suffix."""
        return {"archive": self.archive.url}

    def control_advance(self, request: Request) -> Response:
        """`POST /_advance`."""
        wanted = request.get_json()
        with self.lock:
            self.scheduler.tick(self.now)
            group = self.store.groups.get(wanted.get("group"))
            if group is None:
                return json_response({"error": f"no group {wanted.get('group')}"}, 404)
            try:
                self.scheduler.advance(group, wanted.get("to"), self.now)
            except states.IllegalTransition as error:
                return json_response({"error": str(error)}, 409)
            except KeyError:
                return json_response({"error": f"unknown step {wanted.get('to')}"}, 400)
            return json_response({"group": group.id, "state": group.state})

    def control_config(self, request: Request) -> Response:
        """`POST /_config`."""
        wanted: JSON = request.get_json()
        with self.lock:
            for key, value in wanted.items():
                setter = getattr(self, f"_set_{key}", None)
                if setter is None:
                    return json_response({"error": f"unknown setting {key}"}, 400)
                setter(value)
        return json_response({"set": sorted(wanted)})

    def _set_semesters(self, value: str) -> None:
        self.accounts.semester_mode = value

    def _set_throttle(self, value: dict[str, int | None]) -> None:
        self.throttle.limits |= value

    def _set_auto_progress(self, value: bool) -> None:
        self.scheduler.auto = value

    def _set_proposals(self, value: dict[str, JSON]) -> None:
        for proposal_id, change in value.items():
            self.accounts.change_proposal(proposal_id, change)

    def _set_users(self, value: dict[str, JSON]) -> None:
        for username, change in value.items():
            self.accounts.users[username].active = bool(change["active"])

    def _set_configdb(self, value: bool) -> None:
        self.instruments = dict(INSTRUMENTS) if value else {}

    def _set_idle_sites(self, value: list[str]) -> None:
        self.scheduler.idle_sites = set(value)

    def _set_closed_sites(self, value: list[str]) -> None:
        self.scheduler.closed_sites = set(value)

    def _set_listing(self, value: dict[str, dict[str, list[str]]]) -> None:
        for code, offered in value.items():
            self.instruments[code] = self.instruments[code].offering(offered)

    def _set_archive_delay_s(self, value: float) -> None:
        self.archive.delay_s = float(value)


class SoarPortal(LCOPortal):
    """The same portal as SOAR's users see it: with a proposal of theirs."""

    name = "soar"

    def reset(self) -> None:
        """Back to the seed."""
        super().reset()
        members = {"demo": -1.0, "contract": -1.0}
        self.accounts.change_proposal(SOAR_PROPOSAL, {"title": "Spectra of transients", "members": members})
