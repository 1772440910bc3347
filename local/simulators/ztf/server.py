"""The gateway in front of the scheduler, as Kowalski or as ztfpass, and the depot below `/depot`.

- `POST /_config` `{"personality"?: "kowalski"|"ztfpass", "scheduler"?: "up"|"down"|"slow"|"tunnel",
  "depot"?: "records"|"columns"|"goodsubs"|"absent", "observe_every_s"?: seconds or null}`. `slow` takes a
  request and then answers as after a time-out; `observe_every_s` has the telescope expose a target of the
  current ToO queue every so many seconds of the stack's clock.
- `POST /_observe` `{"n": 1}`: expose that many now. `GET /_queues`: what the scheduler has.

Statuses of a proxy, delays and lost connections come by the base class's `/_fault`.
"""

from __future__ import annotations

import json
from email.utils import format_datetime
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.ztf import depot
from local.simulators.ztf.answers import PERSONALITIES, Kowalski, Personality
from local.simulators.ztf.scheduler import UNIX_MJD, Refused, Scheduler

ADMIN_TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2ltdWxhdGVkLWFkbWlu.4Zf8simulated"
OTHER_TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2ltdWxhdGVkLXVzZXI.7Qp2simulated"
DEPOT_USER, DEPOT_PASSWORD = "depotuser", "simulated-depot-login"
SCHEDULER = ("up", "down", "slow", "tunnel")
DEPOT = ("records", "columns", "goodsubs", "absent")
_SETTINGS = {"personality", "scheduler", "depot", "observe_every_s"}
_PUT = {"ztf": "ZTF queue {} successfully submitted.", "ztfmma": "ZTF trigger {} successfully submitted."}
_DELETED = {"ztf": "ZTF queue {} deleted.", "ztfmma": "ZTF trigger {} deleted."}
_NAME = {"ztf": "queue_name", "ztfmma": "trigger_name"}


class ZtfServer(Simulator):
    """The gateway's host on loopback."""

    name = "ztf"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.scheduler = Scheduler()
        self.personality: Personality = Kowalski()
        self.settings: JSON = {}
        self._observed_until = 0.0
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The gateway's routes, the depot's, and ours; ztfpass lacks some, which is decided later."""
        paths = [
            Rule(f"/api/triggers/<any(ztf, ztfmma):kind>{suffix}", methods=methods, endpoint=endpoint)
            for suffix, endpoint in (("", "trigger"), (".test", "test"))
            for methods in (["GET", "PUT", "DELETE"],)
        ]
        return [
            *paths,
            Rule("/", methods=["GET"], endpoint="health"),
            Rule("/healthz", methods=["GET"], endpoint="healthz"),
            Rule("/depot/<night>/<file>", methods=["GET", "HEAD"], endpoint="depot_file"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_observe", methods=["POST"], endpoint="control_observe"),
            Rule("/_queues", methods=["GET"], endpoint="control_queues"),
        ]

    def reset(self) -> None:
        """The seeded queues, Kowalski, everything up."""
        super().reset()
        self.scheduler = Scheduler()
        self.personality = Kowalski()
        self.settings = {
            "personality": "kowalski",
            "scheduler": "up",
            "depot": "records",
            "observe_every_s": None,
        }
        self.nights = depot.seeded()
        self._observed_until = self.mjd

    @property
    def mjd(self) -> float:
        """The simulated time, MJD (UTC)."""
        return self.clock.time() / 86400 + UNIX_MJD

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """The gateway's own answers to unknown paths and wrong methods."""
        return self.personality.http_error(error.code or 500)

    # -- the gateway

    def trigger(self, request: Request, kind: str) -> Response:
        """Queues and sky map triggers: PUT, GET, DELETE."""
        refused = self._refused(request, kind)
        if refused is not None:
            return refused
        try:
            body = self.personality.body(request.get_data())
        except ValueError as error:
            return self.personality.bad_json(str(error), request.method)
        if request.method == "GET":
            return self._list(kind, body)
        if wrong := self.personality.wrong_shape(kind, request.method, body):
            return wrong
        self._advance()
        return self._forward(request.method, kind, body)

    def test(self, request: Request, kind: str) -> Response:
        """The test routes: the body's form, and nothing forwarded."""
        refused = self._refused(request, kind)
        if refused is not None:
            return refused
        if not self.personality.tests(request.method):
            return self.personality.http_error(405)
        try:
            body = self.personality.body(request.get_data())
        except ValueError as error:
            return self.personality.bad_json(str(error), request.method)
        if request.method == "GET":
            return json_response(
                {"status": "success", "message": "submitted", "data": [{_NAME[kind]: "test"}]}
            )
        if wrong := self.personality.wrong_shape(kind, request.method, body):
            return wrong
        return self.personality.tested("submitted" if request.method == "PUT" else "deleted")

    def health(self, request: Request) -> Response:
        """Kowalski's health check."""
        if not isinstance(self.personality, Kowalski):
            return self.personality.http_error(404)
        return json_response({"status": "success", "message": "greetings from Kowalski!"})

    def healthz(self, request: Request) -> Response:
        """The health check of ztfpass."""
        if isinstance(self.personality, Kowalski):
            return self.personality.http_error(404)
        return json_response({"status": "success", "message": "ok", "data": {"tunnel_configured": True}})

    def _refused(self, request: Request, kind: str) -> Response | None:
        """What is answered before the body is looked at."""
        if not self.personality.serves(kind):
            return self.personality.http_error(404)
        header = request.headers.get("Authorization")
        refused = self.personality.unauthorized(header, ADMIN_TOKEN, OTHER_TOKEN)
        return refused or self.personality.too_large(len(request.get_data()))

    def _list(self, kind: str, body: JSON) -> Response:
        self._advance()
        if self.settings["scheduler"] in ("down", "tunnel"):
            return self.personality.unreachable(self.settings["scheduler"])
        ztf = kind == "ztf"
        found = self.scheduler.listed(self.mjd) if ztf else self.scheduler.listed_triggers()
        wanted = body.get(_NAME[kind])
        if wanted is None or not self.personality.reads_one:
            return json_response({"status": "success", "message": "retrieved", "data": found})
        one = next((each for each in found if each[_NAME[kind]] == wanted), None)
        if one is None:
            return self.personality.not_json("queues" if ztf else "mma_skymaps")
        return json_response({"status": "success", "message": "retrieved", "data": one})

    def _forward(self, method: str, kind: str, body: JSON) -> Response:
        state = self.settings["scheduler"]
        if state in ("down", "tunnel"):
            return self.personality.unreachable(state)
        name = body[_NAME[kind]]
        try:
            if method == "PUT":
                self._put(kind, body)
            elif kind == "ztf":
                self.scheduler.delete(name)
            else:
                self.scheduler.delete_trigger(name)
        except Refused as error:
            if state == "slow":
                return self.personality.unreachable("slow")
            if error.status == 409:
                return self.personality.duplicate(kind, str(error))
            return self.personality.rejected(kind, method, error.status)
        if state == "slow":
            return self.personality.unreachable("slow")
        text = (_PUT if method == "PUT" else _DELETED)[kind].format(name)
        data = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(text.encode())),
            "Date": format_datetime(self.clock.now(), usegmt=True),
            "Server": "Python/3.7 aiohttp/3.5.4",
        }
        message = "submitted" if method == "PUT" else "deleted"
        return json_response({"status": "success", "message": message, "data": data})

    def _put(self, kind: str, body: JSON) -> None:
        if kind == "ztf":
            self.scheduler.put(body)
        else:
            self.scheduler.put_trigger(body, self.mjd)

    def _advance(self) -> None:
        """Let the telescope work until now."""
        now, every = self.mjd, self.settings["observe_every_s"]
        step = float(every) / 86400 if every else 0.0
        while step and self._observed_until + step <= now:
            self._observed_until += step
            self.scheduler.expire(self._observed_until)
            if not self.scheduler.observe(1, self._observed_until):
                self._observed_until = now
        self.scheduler.expire(now)

    # -- the depot

    def depot_file(self, request: Request, night: str, file: str) -> Response:
        """A night's table."""
        basic = request.authorization
        if basic is None or (basic.username, basic.password) != (DEPOT_USER, DEPOT_PASSWORD):
            return Response("Unauthorized", 401, {"WWW-Authenticate": 'Basic realm="ZTF"'})
        self._advance()
        form = self.settings["depot"]
        found = [*self.nights.get(night, []), *depot.executed(self.scheduler.exposures, night)]
        in_json = form in ("records", "columns") and depot.has_json(night)
        if found and file == f"ztf_recentproc_{night}.json" and in_json:
            return self._file(request, depot.as_json(found, form), "application/json")
        if found and file == f"goodsubs_{night}.txt" and not in_json and form != "absent":
            return self._file(request, depot.as_text(found), "text/plain")
        return Response("<html><h1>404 Not Found</h1></html>", 404, content_type="text/html")

    def _file(self, request: Request, content: str, content_type: str) -> Response:
        response = Response(content, content_type=content_type)
        response.make_conditional(request.environ, accept_ranges=True, complete_length=len(content.encode()))
        return response

    # -- control routes

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        with self.lock:
            wanted: dict[str, Any] = request.get_json() if request.method == "POST" else {}
            known = {"personality": tuple(PERSONALITIES), "scheduler": SCHEDULER, "depot": DEPOT}
            if unknown := set(wanted) - _SETTINGS:
                return json_response({"error": f"unknown settings: {', '.join(sorted(unknown))}"}, 400)
            for name, values in known.items():
                if wanted.get(name, values[0]) not in values:
                    return json_response({"error": f"{name} is one of {', '.join(values)}"}, 400)
            self._advance()
            self._observed_until = self.mjd
            self.settings |= wanted
            self.personality = PERSONALITIES[self.settings["personality"]]()
            return json_response(self.settings)

    def control_observe(self, request: Request) -> Response:
        """`POST /_observe`."""
        with self.lock:
            self._advance()
            return json_response({"observed": self.scheduler.observe(int(request.get_json()["n"]), self.mjd)})

    def control_queues(self, request: Request) -> Response:
        """`GET /_queues`."""
        with self.lock:
            self._advance()
            queues = self.scheduler.listed(self.mjd)
            for each in queues:
                each["queue"] = json.loads(each["queue"])
            return json_response(
                {
                    "queues": queues,
                    "triggers": list(self.scheduler.triggers),
                    "public_missed": self.scheduler.public_missed,
                }
            )
