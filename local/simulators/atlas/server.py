"""The ATLAS forced photometry server on loopback (card atlas_forced_photometry.md), under `/forcedphot`.

Seeded users: `DEMO_TOKEN` (astro1), `OTHER_TOKEN` (astro2), `INACTIVE_TOKEN` (a disabled account); password
`PASSWORD`. Tasks within 0.05 deg of the positions `queue.SEEDED_SPOTS` end otherwise than with data.

Control routes beside those of the base class:

- `GET /_config`, `POST /_config`: the settings of `config.AtlasConfig`. `spots` `[{ra, dec, outcome}]` are
  added to the seeded ones.
- `GET /_callbacks`: `[{task_id, url, outcome}]`: every call-back tried, with the status it got or why it did
  not get through.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule

from local.simulators.atlas import answers
from local.simulators.atlas.accounts import (
    SEEDED_USERS,
    Denied,
    Throttle,
    Throttled,
    User,
    identify,
    token_for,
)
from local.simulators.atlas.callbacks import call_back
from local.simulators.atlas.config import AtlasConfig
from local.simulators.atlas.queue import Pace, Task, TaskQueue
from local.simulators.atlas.validation import (
    Invalid,
    Serializer,
    check_task,
    clean_fields,
    read_body,
    wanted_tasks,
)
from local.simulators.base import JSON, Simulator, json_response

PREFIX = "/forcedphot"
FIRST_ID = 4512345
MAX_IMAGE_TASKS = 5
TICK_S = 0.2


class AtlasServer(Simulator):
    """The task queue, its users, its throttles and its results."""

    name = "atlas_forced_photometry"

    @property
    def base_url(self) -> str:
        """The facility's base URL, `/forcedphot` included."""
        return f"{self.url}{PREFIX}"

    def rules(self) -> list[Rule]:
        """The server's routes and the control routes of this simulator."""
        task = f"{PREFIX}/queue/<int:number>"
        any_method = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_callbacks", methods=["GET"], endpoint="control_callbacks"),
            Rule(f"{PREFIX}/api-token-auth/", methods=["POST"], endpoint="api_token_auth"),
            Rule(f"{PREFIX}/taskrunnerstatus.json", methods=["GET"], endpoint="task_runner_status"),
            Rule(f"{PREFIX}/queue/", methods=any_method, endpoint="queue"),
            Rule(f"{task}/", methods=any_method, endpoint="task"),
            Rule(f"{task}/requestimages/", methods=["POST"], endpoint="request_images"),
            Rule(f"{task}/<any('data.txt','plot.pdf'):product>", methods=["GET"], endpoint="product"),
            Rule(f"{PREFIX}/static/results/<file_name>", methods=["GET"], endpoint="result"),
        ]

    def reset(self) -> None:
        """The seeded users, no tasks, ids from `FIRST_ID`."""
        super().reset()
        self.config = AtlasConfig()
        self.users: dict[str, User] = dict(SEEDED_USERS)
        self.callbacks: list[JSON] = []
        self.tasks = TaskQueue(FIRST_ID, Pace(), self._finished)
        self._new_throttles()

    def _new_throttles(self) -> None:
        self._writes = Throttle(self.config.writes_per_minute)
        self._reads = Throttle(self.config.reads_per_minute)

    # -- serving

    def start(self, port: int = 0) -> str:
        """Serve, and let the queue run even if nobody asks: a call-back must come by itself."""
        url = super().start(port)
        threading.Thread(target=self._tick, name="simulator-atlas-queue", daemon=True).start()
        return url

    def _tick(self) -> None:
        while not self.stopped.wait(TICK_S):
            with self.lock:
                self.tasks.settle(self.clock.time())

    def _dispatch(self, adapter: Any, request: Request) -> Response:
        if request.path.startswith("/_"):
            return super()._dispatch(adapter, request)
        if self.config.maintenance and not request.path.endswith("/taskrunnerstatus.json"):
            return answers.maintenance()
        self.tasks.settle(self.clock.time())
        try:
            return self._as_html_if_old(request, super()._dispatch(adapter, request))
        except Denied as error:
            headers = {"WWW-Authenticate": 'Basic realm="api"'} if error.status == 401 else {}
            return json_response({"detail": error.detail}, error.status, headers)
        except Invalid as error:
            return json_response(error.body, error.status)
        except Throttled as error:
            return answers.throttled(error.wait_s)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """301 for a missing slash, JSON for a wrong method, HTML for an unknown page."""
        if isinstance(error, RequestRedirect):
            return Response(b"", 301, {"Location": error.new_url}, content_type="text/html; charset=utf-8")
        if error.code == 405:
            return json_response({"detail": f'Method "{request.method}" not allowed.'}, 405)
        return answers.page_not_found()

    def _as_html_if_old(self, request: Request, response: Response) -> Response:
        wants_json = "application/json" in request.headers.get("Accept", "")
        if not self.config.old_server or wants_json or response.mimetype != "application/json":
            return response
        return answers.browsable(response)

    # -- who, and how often

    def _caller(self, request: Request) -> User | None:
        return identify(request, self.users)

    def _allow(self, request: Request, user: User | None) -> None:
        """The throttles; they count requests that are then found invalid, too. Older servers let reads be."""
        reading = request.method == "GET"
        if not (reading and self.config.old_server):
            windows = self._reads if reading else self._writes
            windows.check(user.id if user else request.remote_addr, self.clock.time())

    def _writer(self, request: Request) -> User:
        user = self._caller(request)
        if user is None:
            raise Denied(401, "Authentication credentials were not provided.")
        self._allow(request, user)
        return user

    # -- routes

    def api_token_auth(self, request: Request) -> Response:
        """`POST /api-token-auth/`: never throttled."""
        sent, _ = read_body(request)
        return token_for(sent, self.users)

    def queue(self, request: Request) -> Response:
        """`POST /queue/` (submit) and `GET /queue/` (own tasks)."""
        if request.method == "GET":
            return self._list(request)
        if request.method != "POST":
            return json_response({"detail": f'Method "{request.method}" not allowed.'}, 405)
        user = self._writer(request)
        sent, form = read_body(request)
        wanted = wanted_tasks(sent, form=form, now=self.clock.time(), **self._serializer())
        self._check_cap(user, len(wanted))
        added = self.tasks.add(user.id, user.name, wanted, self.clock.time())
        shown = [self._show(task, request, submitted=True) for task in added]
        if sent.get("radeclist"):
            return json_response(shown, 201)
        return json_response(shown[0], 201, {"Location": shown[0]["url"]})

    def _serializer(self) -> Serializer:
        return {"callback_allow": self.config.callback_allow, "old": self.config.old_server}

    def _check_cap(self, user: User, more: int) -> None:
        queued = sum(task.state != "finished" for task in self.tasks.of_user(user.id))
        cap = self.config.task_cap
        if queued + more > cap:
            text = f"ERROR: You have too many queued tasks ({queued} queued + {more} requested > {cap})."
            raise Invalid({"non_field_errors": text})

    def _list(self, request: Request) -> Response:
        user = self._caller(request)
        if user is None:
            raise Denied(403, "You do not have permission to perform this action.")
        self._allow(request, user)
        own = sorted(self.tasks.of_user(user.id), key=lambda task: -task.id)
        if request.args.get("started") == "true":
            own = [task for task in own if task.started is not None]
        return answers.page(request, own, lambda task: self._show(task, request))

    def task(self, request: Request, number: int) -> Response:
        """`GET`, `PATCH`, `PUT`, `DELETE /queue/<id>/`."""
        if request.method == "POST":
            return json_response({"detail": 'Method "POST" not allowed.'}, 405)
        if request.method == "GET":
            self._allow(request, self._caller(request))
            found = self._find(number)
            return self._with_etag(request, self._show(found, request)) if found else self._gone(number)
        user = self._writer(request)
        found = self._find(number)
        if found is None:
            return self._gone(number)
        if found.user_id != user.id:
            raise Denied(403, "You must be the owner of this object.")
        if request.method == "DELETE":
            self.tasks.remove(found, self.clock.time())
            return Response(b"", 204)
        return self._change(request, found)

    def _change(self, request: Request, task: Task) -> Response:
        """PATCH and PUT: what is not given stays; PUT must name the target.

        No effect on a run that has begun.
        """
        sent, form = read_body(request)
        values = clean_fields(sent, form=form, **self._serializer())
        if request.method == "PUT":
            check_task({name: values.get(name) for name in ("mpc_name", "ra", "dec")})
        changed = {**task.fields, **values}
        check_task(changed)
        task.fields = changed
        return json_response(self._show(task, request))

    def request_images(self, request: Request, number: int) -> Response:
        """`POST /queue/<id>/requestimages/`: a new task that packs the images of a finished one."""
        user = self._writer(request)
        parent = self._find(number)
        if parent is None:
            return self._gone(number)
        if parent.user_id != user.id:
            raise Denied(403, "You must be the owner of this object.")
        packing = [task for task in self.tasks.of_user(user.id) if task.kind == "IMGZIP"]
        if len(packing) >= MAX_IMAGE_TASKS:
            limit = f"{len(packing)} >= {MAX_IMAGE_TASKS}"
            text = f"You have too many IMGZIP tasks ({limit}). Delete some before making new requests."
            raise Invalid({"non_field_errors": text}, 429)
        if parent.kind != "FP" or parent.state != "finished":
            raise Invalid({"non_field_errors": ["IMGZIP requests need a finished FP task as their parent."]})
        wanted = {**parent.fields, "request_type": "IMGZIP", "callback_url": None}
        new = self.tasks.add(user.id, user.name, [wanted], self.clock.time(), parent.id)[0]
        return Response(b"", 302, {"Location": f"{PREFIX}/queue/?newids={new.id}"})

    def product(self, request: Request, number: int, product: str) -> Response:
        """`GET /queue/<id>/data.txt` and `plot.pdf`."""
        task = self._find(number)
        if task is None or task.result is None or task.finished is None or task.kind != "FP":
            return answers.page_not_found()
        if product == "data.txt":
            return answers.table(task.result)
        return answers.plot(task, self.clock.time())

    def result(self, request: Request, file_name: str) -> Response:
        """`GET /static/results/job<id>.txt` (also `.jpg`): public, gone when the task is."""
        for task in self.tasks.tasks.values():
            if task.result is not None and task.kind == "FP":
                if file_name == f"job{task.id:05d}.txt":
                    return answers.table(task.result)
                if file_name == f"job{task.id:05d}.jpg":
                    return answers.preview()
            if task.result is not None and task.kind == "IMGZIP" and file_name == f"job{task.id:05d}.zip":
                return answers.empty_zip()
        return answers.page_not_found()

    def task_runner_status(self, request: Request) -> Response:
        """`GET /taskrunnerstatus.json`: public; recent servers only."""
        if self.config.old_server:
            return answers.page_not_found()
        user = self._caller(request)
        unfinished = self.tasks.unfinished()
        queued = [task for task in unfinished if task.state == "queued"]
        own = [task for task in queued if user and task.user_id == user.id]
        busy = len(unfinished) - len(queued)
        return answers.runner_status(self.config, busy=busy, queued=len(queued), own=len(own))

    # -- tasks as JSON

    def _find(self, number: int) -> Task | None:
        return self.tasks.tasks.get(number)

    def _gone(self, number: int) -> Response:
        if number in self.tasks.archived:
            return answers.page_not_found()
        return json_response({"detail": "No Task matches the given query."}, 404)

    def _with_etag(self, request: Request, shown: JSON) -> Response:
        etag = f'"{hashlib.md5(json.dumps(shown).encode(), usedforsecurity=False).hexdigest()}"'
        if etag in request.headers.get("If-None-Match", ""):
            return Response(b"", 304, {"ETag": etag})
        return json_response(shown, 200, {"ETag": etag})

    def _show(self, task: Task, request: Request, *, submitted: bool = False) -> JSON:
        old = self.config.old_server
        base = f"{request.host_url.rstrip('/')}{PREFIX}"
        packing = next((t for t in self.tasks.tasks.values() if t.parent_id == task.id), None)
        position = None if old and submitted else self.tasks.position(task)
        return answers.task_object(task, base, position=position, packing=packing, old=old)

    def _finished(self, task: Task) -> None:
        if task.fields["callback_url"]:
            self.callbacks.append({})
            call_back(task, self.base_url, self.config.callback_allow, self.callbacks[-1])

    # -- control routes

    def control_callbacks(self, request: Request) -> Response:
        """`GET /_callbacks`."""
        with self.lock:
            self.tasks.settle(self.clock.time())
            return json_response(self.callbacks)

    def control_clock(self, request: Request) -> Response:
        """`POST /_clock`: what falls into the skipped time has happened when this answers."""
        response = super().control_clock(request)
        with self.lock:
            self.tasks.settle(self.clock.time())
        return response

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            self.tasks.settle(self.clock.time())
            if reason := self.config.change(wanted, self.tasks, self.clock.time()):
                return json_response({"error": reason}, 400)
            if {"writes_per_minute", "reads_per_minute"} & set(wanted):
                self._new_throttles()
            return json_response(asdict(self.config))
