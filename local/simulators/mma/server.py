"""The demo receiver of plans, in its newer and its older version, and the SSH server beside it.

HTTP: `PUT /api/obsplans`, `GET /api/obsplans[?status=]`, `GET /api/obsplans/<id>`,
`DELETE /api/obsplans?queue_name=`. Control routes:

- `GET /_plans`: the plans that were taken, as they came. `GET /_refusals`: why others were not.
- `POST /_config`: `{"style"?, "success"?, "check_token"?, "observing"?, "answer"?, "tokens"?, "force"?}`.
  `style` is `new` or `old` (empty answers, `{"queued": [...]}`); `success` the status of a taken plan;
  `observing` whether plans whose window is open are observed, else they become `missed`; `answer` is `html`,
  `refused` (200 that says error; nothing is taken) or null; `force` sets a plan's status by name.
- `POST /_ssh`: `{"sftp"?, "scp"?, "shell"?, "cut_after"?, "cut_renaming"?, "new_host_key"?, "users"?,
  "keys"?, "full"?}`: whether the SFTP subsystem, scp, and `mv` and `rm` are there; after how many bytes of
  content the connection is cut; whether it is cut `before` or `after` the next renaming; another host key;
  passwords and public keys by user; a full disk.
- `GET /_files`: `[{path, mode, content, by}]`. `DELETE /_files?path=` takes one away, as a telescope's poller
  does. `GET /_ssh_journal`: logins and commands, and where files were renamed to.

Faults of HTTP (status, refuse, cut, hang, ...) come by the base class's `/_fault`.
"""

from __future__ import annotations

import json
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.mma import plans
from local.simulators.mma.plans import StoredPlan
from local.simulators.mma.ssh import SSH_PASSWORD, SSH_USER, SshServer

DEMO_TOKEN = "mma-demo-token"
PATH = "/api/obsplans"
EXISTS = "An observation plan with this name already exists"
BAD = "Error adding observation plan"
_SETTINGS = {"style", "success", "check_token", "observing", "answer", "tokens", "force"}

__all__ = ["DEMO_TOKEN", "SSH_PASSWORD", "SSH_USER", "MmaServer"]


class MmaServer(Simulator):
    """Both receivers on loopback, on one clock."""

    name = "mma"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.plans: list[StoredPlan] = []
        self.refusals: list[str] = []
        self.ssh = SshServer()
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The receiver's routes, and this simulator's control routes."""
        return [
            Rule("/_plans", methods=["GET"], endpoint="control_plans"),
            Rule("/_refusals", methods=["GET"], endpoint="control_refusals"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_ssh", methods=["POST"], endpoint="control_ssh"),
            Rule("/_ssh_journal", methods=["GET"], endpoint="control_ssh_journal"),
            Rule("/_files", methods=["GET", "DELETE"], endpoint="control_files"),
            Rule(PATH, methods=["PUT", "GET", "DELETE"], endpoint="collection"),
            Rule(f"{PATH}/<number>", methods=["GET"], endpoint="one"),
        ]

    def reset(self) -> None:
        """No plans, no files, the newer version, everything working."""
        super().reset()
        self.plans, self.refusals = [], []
        self.style, self.success, self.answer = "new", 200, None
        self.check_token = self.observing = True
        self.tokens = {DEMO_TOKEN}
        self._last_id = 0
        self.ssh.reset()

    # -- serving

    def start(self, port: int = 0) -> str:
        """Serve HTTP and SSH on loopback; returns the HTTP base URL."""
        self.ssh.start()
        return super().start(port)

    def stop(self) -> None:
        """Stop both."""
        super().stop()
        self.ssh.stop()

    def extra_urls(self) -> dict[str, str]:
        """`ssh`: where the SSH server is."""
        return {"ssh": f"ssh://127.0.0.1:{self.ssh.port}"}

    # -- the receiver

    def collection(self, request: Request) -> Response:
        """PUT, GET and DELETE of plans."""
        refused = self._refuse_token(request)
        if refused:
            return refused
        if request.method == "PUT":
            return self._put(request)
        if request.method == "GET":
            return self._list(request)
        return self._delete(request)

    def one(self, request: Request, number: str) -> Response:
        """GET of one plan with its observations; the older version has no such route."""
        refused = self._refuse_token(request)
        if refused:
            return refused
        if self.style == "old":
            return self.on_http_error(request, MethodNotAllowed())
        if request.args.get("status"):
            return failure("Cannot specify both status and observation plan ID")
        found = next((plan for plan in self.plans if str(plan.id) == number), None)
        if found is None:
            return failure(f"Could not find observation plan with ID {number}")
        view = found.view(self.clock.time(), observing=self.observing, with_observations=True)
        return success(view)

    def _put(self, request: Request) -> Response:
        raw = request.get_data()
        if self.answer == "refused":
            return json_response({"status": "error", "message": "The queue is closed", "data": {}})
        try:
            content: Any = json.loads(raw)
        except ValueError:
            content = None
        reason = plans.fault(content)
        if not reason and any(plan.name == content["queue_name"] for plan in self.plans):
            reason = EXISTS
        if reason:
            self.refusals.append(reason)
            return Response(b"", 400) if self.style == "old" else failure(EXISTS if reason == EXISTS else BAD)
        self._last_id += 1
        self.plans.append(StoredPlan(self._last_id, content, self.clock.time()))
        if self.answer == "html":
            return Response("<html><body>Thank you</body></html>", self.success, mimetype="text/html")
        if self.style == "old":
            return Response(b"", self.success)
        return success({"id": self._last_id}, self.success)

    def _list(self, request: Request) -> Response:
        if self.style == "old":
            return json_response({"queued": [plan.content for plan in self.plans]})
        wanted = request.args.get("status")
        if wanted is not None and wanted.lower() not in plans.STATUSES:
            return failure("Status must be one of pending, processing, done, or failed")
        shown = [plan.view(self.clock.time(), observing=self.observing) for plan in self.plans]
        return success([each for each in shown if wanted is None or each["status"] == wanted.lower()])

    def _delete(self, request: Request) -> Response:
        name = request.args.get("queue_name")
        found = next((plan for plan in self.plans if plan.name == name), None)
        if found is None:
            return Response(b"", 400)
        self.plans.remove(found)
        return Response(b"", 200)

    def _refuse_token(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not self.check_token or (scheme == "token" and token in self.tokens):
            return None
        return Response("<html><title>401: Unauthorized</title><body>401: Unauthorized</body></html>", 401)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Tornado's page."""
        text = f"{error.code}: {error.name}"
        return Response(
            f"<html><title>{text}</title><body>{text}</body></html>", error.code, mimetype="text/html"
        )

    # -- control routes

    def control_plans(self, request: Request) -> Response:
        """`GET /_plans`."""
        with self.lock:
            return json_response([plan.content for plan in self.plans])

    def control_refusals(self, request: Request) -> Response:
        """`GET /_refusals`."""
        with self.lock:
            return json_response(self.refusals)

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if unknown := set(wanted) - _SETTINGS:
                return json_response({"error": f"unknown settings: {', '.join(sorted(unknown))}"}, 400)
            for name, status in wanted.pop("force", {}).items():
                for plan in self.plans:
                    plan.forced = status if plan.name == name else plan.forced
            self.tokens |= set(wanted.pop("tokens", ()))
            for name, value in wanted.items():
                setattr(self, name, value)
            settings = {name: getattr(self, name) for name in sorted(_SETTINGS - {"tokens", "force"})}
            return json_response(settings)

    def control_ssh(self, request: Request) -> Response:
        """`POST /_ssh`: see the module."""
        with self.lock:
            reason = self.ssh.change(request.get_json())
            return json_response({"error": reason}, 400) if reason else json_response({"port": self.ssh.port})

    def control_ssh_journal(self, request: Request) -> Response:
        """`GET /_ssh_journal`."""
        moved = [{"what": "moved", "to": path} for path in self.ssh.disk.moved]
        return json_response([*self.ssh.journal, *moved])

    def control_files(self, request: Request) -> Response:
        """`GET /_files`, `DELETE /_files?path=`."""
        if request.method == "DELETE":
            return json_response({"removed": self.ssh.disk.take(request.args["path"])})
        return json_response(self.ssh.disk.shown())


def success(data: Any, status: int = 200) -> Response:
    """The newer version's answer."""
    return json_response({"status": "success", "data": data}, status)


def failure(message: str) -> Response:
    """The newer version's refusal, always with 400."""
    return json_response({"status": "error", "message": message, "data": {}}, 400)
