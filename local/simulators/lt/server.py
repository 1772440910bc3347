"""The LT's node agent, TEA and data pages in one server (card lt.md).

Control routes beside the base's:

- `POST /_config`: the fields of `LtConfig`.
- `POST /_execute` `{"uid": ..., "kind": ..., "error"?: ...}`: an execution now; kinds as `phase2` has them.
- `GET /_groups`: the groups stored, and `GET /_toop`: documents of priority 0 that came in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, Simulator, json_response
from local.simulators.lt import checks, replies, seed, soap, visibility
from local.simulators.lt.data import DataPages
from local.simulators.lt.document import Document, Malformed, read
from local.simulators.lt.phase2 import DEFAULT_PLAN, Attempt, Phase2
from local.simulators.lt.replies import TEA, Note

_AGENT = "org.estar.node_agent2.NodeAgentWebServiceImpl:checkUsernamePassword:"
_MODES = ("inquiry", "request", "abort", "update")
_LOG = "/data/archive/webfiles/Logs/lt//<night>.log"
PATH = "/node_agent2/node_agent"


@dataclass
class LtConfig:
    """Settings a test may change.

    - `connected`, `live`: the TEA's and the node agent's; `status_service`: whether `update` is known.
    - `repeat`: a second request of one uid is another group (`duplicate`) or refused (`reject`).
    - `unknown_text`: the words for a group that is not there, `{group}` its name.
    - `odd_reply`: the next reply to a document is `empty`, `last_resort`, `rejection_only`, `no_error`,
      `no_reason`, or `mode:<word>`.
    - `plan`: executions of groups to come, seconds after their window opens.
    """

    connected: bool = True
    live: bool = True
    status_service: bool = True
    log_released: bool = True
    repeat: str = "duplicate"
    unknown_text: str = "Failed to find group {group} in proposal"
    odd_reply: str = ""
    plan: list[dict[str, Any]] = field(default_factory=lambda: [dict(each) for each in DEFAULT_PLAN])


class LtServer(Simulator):
    """The Liverpool Telescope."""

    name = "lt"
    strict_slashes = False

    def rules(self) -> list[Rule]:
        """The node agent, the data pages, and more control."""
        recent, quick = "/DataProd/RecentData/<proposal>", "/DataProd/quicklook/<proposal>/<night>/<name>"
        return [
            Rule(PATH, methods=["GET"], endpoint="get_wsdl"),
            Rule(PATH, methods=["POST"], endpoint="call"),
            Rule(recent, methods=["GET"], endpoint="recent"),
            Rule(f"{recent}/", methods=["GET"], endpoint="recent"),
            Rule(f"{recent}/<night>/", methods=["GET"], endpoint="recent"),
            Rule(f"{recent}/<night>/<name>", methods=["GET"], endpoint="recent"),
            Rule(quick, methods=["GET"], endpoint="quicklook"),
            Rule(_LOG, methods=["GET"], endpoint="night_log", merge_slashes=False),
            Rule("/_config", methods=["POST"], endpoint="control_config"),
            Rule("/_execute", methods=["POST"], endpoint="control_execute"),
            Rule("/_groups", methods=["GET"], endpoint="control_groups"),
            Rule("/_toop", methods=["GET"], endpoint="control_toop"),
        ]

    def reset(self) -> None:
        """The seeded users and proposals, no groups."""
        super().reset()
        self.config = LtConfig()
        self.users, self.proposals = seed.users(), seed.proposals()
        self.phase2 = Phase2()
        self.pages = DataPages(self.phase2, self.proposals)
        self.toop: list[str] = []

    def extra_urls(self) -> dict[str, str]:
        """The data pages are on the same server."""
        return {"data": self.url}

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Tomcat's page."""
        body = f"<!doctype html><html><body><h1>HTTP Status {error.code} – {error.name}</h1></body></html>"
        return Response(body, error.code, content_type="text/html;charset=utf-8")

    # -- node agent

    def get_wsdl(self, request: Request) -> Response:
        """`GET ...?wsdl`."""
        if "wsdl" not in request.args:
            return Response("<html><body>Web Services</body></html>", 200, content_type="text/html")
        return soap.wsdl(self.url + PATH)

    def call(self, request: Request) -> Response:
        """A SOAP call: credentials first, whatever the body is."""
        user = request.headers.get("Username")
        refused = self._refuse(user, request.headers.get("Password"))
        if refused:
            return soap.fault(_AGENT + refused)
        operation = soap.operation(request.get_data())
        if operation is None:
            return soap.fault("Couldn't create SOAP message due to exception: XML reader error")
        name = operation.tagName.rpartition(":")[2]
        if name == "ping":
            return soap.returned("ping", "ACK" if self.config.live else "NAK (not live)")
        argument = soap.argument(operation)
        if name != "handle_rtml" or argument is None:
            return soap.fault(f"Cannot find dispatch method for {{http://node_agent2.estar.org/}}{name}")
        return soap.returned("handle_rtml", self._handle(argument, str(user)))

    def _refuse(self, user: str | None, password: str | None) -> str | None:
        if user is None:
            return "Failed to find username in headers."
        if password is None:
            return f"Failed to find password in headers for username:{user}"
        known = self.users.get(user)
        if known is None:
            return f"Failed to find password for username:{user} in persistent store."
        return None if known.password == password else f"Incorrect Password for User:{user}"

    def _handle(self, text: str, user: str) -> str:
        odd, self.config.odd_reply = self.config.odd_reply, ""
        if odd == "empty":
            return ""
        if odd == "last_resort":
            raw = "handle_rtml failed with exception:java.lang.NullPointerException at <init> & more"
            return replies.bad_format(raw, escaped=False)
        try:
            document = read(text)
        except Malformed as error:
            return replies.bad_format(error.text)
        return self._odd(document, odd) if odd else self._judge(document, user)

    def _odd(self, document: Document, odd: str) -> str:
        now = self.clock.now()
        if odd == "rejection_only":
            notes = [Note(now, TEA, rejection="This proposal may not interrupt.")]
            return replies.reply(document, "reject", notes)
        if odd == "no_error":
            return replies.reply(document, "reject", [Note(now, TEA, "Nothing doing.")])
        if odd == "no_reason":
            return replies.reply(document, "reject", [])
        return replies.reply(document, odd.removeprefix("mode:"), [])

    def _judge(self, document: Document, user: str) -> str:
        """The node agent's own checks, then the TEA."""
        now = self.clock.now()
        wrong = self._misfit(document, user)
        if wrong:
            return replies.own_refusal(document, now, wrong)
        alias = self.users[user].alias
        inner = alias or user
        notes = [Note(now, replies.NODE_AGENT, f"rewritten contact to {alias}")] if alias else []
        what = "score" if document.mode == "inquiry" else "request"
        if document.mode in ("abort", "update"):
            what = f"{document.mode} request"
        try:
            mode, own, scoring = self._done(document, inner)
        except checks.Refused as error:
            return replies.refusal(document, now, str(error), what)
        return replies.reply(document, mode, [*notes, *own], user=inner, scoring=scoring)

    def _misfit(self, document: Document, user: str) -> str | None:
        if not self.config.connected:
            return "isteaconnected = false, not sending rtml onwards"
        if not document.has_contact:
            lacking = "Contact" if document.has_project else "Project"
            return f"No {lacking} in received document"
        if not document.user:
            return "No User in Contact in received document"
        if not document.project:
            return "No Project in Project in received document"
        if document.user != user:
            text = f"Unaliased Header Username {user} does not match RTML username {document.user}."
            return f"checkUsernamesMatch:{text}"
        known = _MODES if self.config.status_service else _MODES[:3]
        return None if document.mode in known else "Unknown document request type."

    def _done(self, document: Document, user: str) -> tuple[str, list[Note], str]:
        """Mode of the reply, the TEA's own History, and a scoring. Raises checks.Refused."""
        now = self.clock.now()
        if document.mode == "inquiry":
            return self._score(document)
        if document.mode == "request":
            return "confirm", [Note(now, TEA, self._store(document, user))], ""
        handler = f"handle{document.mode.capitalize()}:"
        checks.proposal_of(document, user, self.proposals, prefix=handler, end=".")
        group = self.phase2.find(str(document.project), document.uid)
        if group is None:
            name = document.uid
            raise checks.Refused(handler + self.config.unknown_text.replace("{group}", name))
        if document.mode == "abort":
            self.phase2.groups.remove(group)
            return "confirm", [Note(now, TEA, "Document aborted.")], ""
        tried = [
            Note(each.at, TEA, each.description, each.error if each.kind == "failed" else "")
            for each in group.attempts(now)
        ]
        return "update", tried, ""

    def _store(self, document: Document, user: str) -> str:
        if any(schedule.priority == 0 for schedule in document.schedules):
            self.toop.append(document.uid)
            raise checks.Refused("TOOP documents need a proposal that is set up for them")
        checks.check_request(document, user, self.proposals)
        known = self.phase2.find(str(document.project), document.uid)
        if known is not None and self.config.repeat == "reject":
            raise checks.Refused(f"Group {known.name} exists")
        self.phase2.add(document, self.clock.now(), self.config.plan)
        return "Request confirmed."

    def _score(self, document: Document) -> tuple[str, list[Note], str]:
        now = self.clock.now()
        if not document.schedules:
            raise checks.Refused("No schedule in received document")
        first = document.schedules[0]
        start, end = max(first.start or now, now), first.end
        if end is None or end <= start:
            return "offer", [Note(now, TEA, "Score failed.", "Start/end time are reversed or same")], ""
        scoring, score = visibility.scoring(first.ra_deg, first.dec_deg, start, end)
        said = f"Scored document and returned valid score: {score:.4g}."
        return "offer", [Note(now, TEA, said)], scoring

    # -- data pages

    def recent(self, request: Request, proposal: str, night: str | None = None, name: str = "") -> Response:
        """`/DataProd/RecentData/...`."""
        return self.pages.recent(request, proposal, self.clock.now(), night, name)

    def quicklook(self, request: Request, proposal: str, night: str, name: str) -> Response:
        """`/DataProd/quicklook/...`."""
        return self.pages.quicklook(request, proposal, self.clock.now(), night, name)

    def night_log(self, request: Request, night: str) -> Response:
        """The public night log."""
        self.pages.log_released = self.config.log_released
        return self.pages.night_log(night, self.clock.now())

    # -- control

    def control_config(self, request: Request) -> Response:
        """`POST /_config`."""
        wanted: JSON = request.get_json()
        unknown = set(wanted) - {each.name for each in fields(LtConfig)}
        if unknown:
            return json_response({"error": f"unknown settings: {', '.join(sorted(unknown))}"}, 400)
        with self.lock:
            self.config = replace(self.config, **wanted)
        return json_response({"configured": sorted(wanted)})

    def control_execute(self, request: Request) -> Response:
        """`POST /_execute`."""
        wanted: JSON = request.get_json()
        with self.lock:
            groups = [each for each in self.phase2.groups if each.uid == wanted["uid"]]
            if not groups:
                return json_response({"error": "no such group"}, 404)
            now, more = self.clock.now(), {"error": wanted["error"]} if "error" in wanted else {}
            groups[0].plan = [*groups[0].attempts(now), Attempt(now, wanted["kind"], **more)]
        return json_response({"attempts": len(groups[0].plan)})

    def control_groups(self, request: Request) -> Response:
        """`GET /_groups`."""
        with self.lock:
            shown = [
                {
                    "proposal": each.proposal,
                    "name": each.name,
                    "uid": each.uid,
                    "position": each.position,
                    "window": [each.start.isoformat(), each.end.isoformat()],
                    "schedules": [
                        [one.device, one.filter or one.grating, one.exposure_s, one.count]
                        for one in each.schedules
                    ],
                }
                for each in self.phase2.groups
            ]
        return json_response(shown)

    def control_toop(self, request: Request) -> Response:
        """`GET /_toop`."""
        return json_response(self.toop)
