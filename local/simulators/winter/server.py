"""The routes of the WINTER service, and its control routes.

Beside those of every simulator:

- `POST /_observe` `{"schedule_name", "rows"?, "images"?}`: the telescope has attempted so many of its rows
  (default: all), and there are images of them (default: true).
- `GET /_config`, `POST /_config`: the fields of `Config`; `programmes` `{name: {field: value}}` changes or
  adds some.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, Simulator, json_response
from local.simulators.winter import archive, checks, requests_model, sky, store
from local.simulators.winter.config import Config
from local.simulators.winter.programmes import PASSWORD, USER, Programme, seeded
from local.simulators.winter.requests_model import ImagePath, ImageQuery, Unprocessable

_TRUE = {"true", "1", "yes", "on", "t", "y"}
_FALSE = {"false", "0", "no", "off", "f", "n"}
_IMAGE_TYPES = ("exposure", "raw", "science", "stack", "diff", "avro")
_NO_PROGRAMME = "Program credentials not found in database"


class _Answer(Exception):
    """Ends the handling of a request with this answer."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(str(detail))
        self.response = json_response({"detail": detail}, status)


class WinterServer(Simulator):
    """The service of WINTER and SPRING."""

    name = "winter"

    def reset(self) -> None:
        """Back to the seed."""
        super().reset()
        self.config = Config()
        self.store = store.Store()
        self.users = {USER: PASSWORD}
        self.programmes = seeded()

    def rules(self) -> list[Rule]:
        """The service's routes."""
        return [
            Rule("/_observe", methods=["POST"], endpoint="control_observe"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/ping", methods=["GET"], endpoint="ping"),
            Rule("/validation/version", methods=["GET"], endpoint="version"),
            Rule("/validation/user", methods=["GET"], endpoint="user"),
            Rule("/validation/program", methods=["GET"], endpoint="program"),
            Rule("/too/<any(winter,spring):camera>", methods=["POST"], endpoint="too"),
            Rule("/too/summary", methods=["GET"], endpoint="summary"),
            Rule("/too/details", methods=["GET"], endpoint="details"),
            Rule("/too/delete", methods=["DELETE"], endpoint="delete"),
            Rule("/images/query", methods=["GET"], endpoint="query_images"),
            Rule("/images/download_list", methods=["GET"], endpoint="download_images"),
        ]

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """FastAPI's words."""
        return json_response({"detail": "Not Found" if error.code == 404 else error.name}, error.code or 500)

    def _dispatch(self, adapter: Any, request: Request) -> Response:
        try:
            return super()._dispatch(adapter, request)
        except _Answer as answer:
            return answer.response
        except Unprocessable as error:
            return json_response({"detail": error.errors}, 422)

    # -- without and with credentials

    def ping(self, request: Request) -> Response:
        """`GET /ping`."""
        return json_response({"msg": "pong"})

    def version(self, request: Request) -> Response:
        """`GET /validation/version`."""
        return json_response({"msg": "Minimum version of winterapi", "body": "1.4.0"})

    def user(self, request: Request) -> Response:
        """`GET /validation/user`."""
        self._authenticate(request)
        return json_response({"msg": "User is valid", "body": None})

    def program(self, request: Request) -> Response:
        """`GET /validation/program`."""
        programme = self._programme(request)
        return json_response({"msg": "Program is valid", "body": programme.shown()})

    # -- triggers

    def too(self, request: Request, camera: str) -> Response:
        """`POST /too/winter`, `POST /too/spring`."""
        programme = self._programme(request)
        trigger = _flag(request, "submit_trigger")
        wanted = requests_model.targets(requests_model.parsed(request.get_data()), camera)
        try:
            rows = checks.rows_of(wanted, programme, self.clock.time())
        except checks.Refused as error:
            raise _Answer(self.config.check_status, str(error)) from None
        text = f"Request passed validation! Triggering was set to {trigger}. "
        if not trigger:
            text += "Schedule was not saved to disk and has no assigned name."
        else:
            name = self.store.save(programme.progname, rows, self.clock.time()).name
            text += f"Schedule name is '{name}' ." if self.config.name_in_answer else ""
        return json_response({"msg": text, "body": self._table(rows)})

    def summary(self, request: Request) -> Response:
        """`GET /too/summary`."""
        programme, now = self._programme(request), self.clock.time()
        archived = _flag(request, "include_archived")
        listed = [*self._schedules(programme), *self._lingering(programme)]
        rows = [store.summary_row(each) for each in listed if archived or now <= sky.unix(each.end)]
        text = f"Returning schedule summary for {programme.progname}"
        return json_response({"msg": text, "body": self._table(rows, first=store.FIRST_ROW)})

    def details(self, request: Request) -> Response:
        """`GET /too/details`."""
        schedule = self._schedule(request)
        rows = [store.detail_row(row) for row in schedule.rows]
        text = f"Returning details of schedule {schedule.name}"
        return json_response({"msg": text, "body": self._table(rows)})

    def delete(self, request: Request) -> Response:
        """`DELETE /too/delete`."""
        schedule = self._schedule(request)
        self.store.delete(schedule, self.clock.time())
        return json_response({"msg": f"Deleted {schedule.name}", "body": None})

    # -- images

    def query_images(self, request: Request) -> Response:
        """`GET /images/query`, with a body."""
        programme = self._programme(request)
        queries = requests_model.items(requests_model.parsed(request.get_data()), ImageQuery)
        if len(queries) != 1:
            raise _Answer(self.config.check_status, "Exactly one image query is expected")
        query = queries[0]
        if query.program_name != programme.progname:
            raise _Answer(self.config.check_status, "Query is for another program than the credentials")
        first, last = self._dates(query)
        found = [
            each.shown()
            for each in archive.images(self._schedules(programme), query.image_type, _camera(request))
            if first <= each.night <= last and archive.matches(each, query)
        ]
        text = f"Request passed validation! Found {len(found)} images."
        return json_response({"msg": text, "body": self._table(found)})

    def download_images(self, request: Request) -> Response:
        """`GET /images/download_list`, with a body."""
        programme = self._programme(request)
        wanted = requests_model.items(requests_model.parsed(request.get_data()), ImagePath)
        kind = request.args.get("image_type", "stack")
        if kind not in _IMAGE_TYPES:
            raise _Answer(422, [{"type": "enum", "loc": ["query", "image_type"], "msg": "Unknown type"}])
        there = {
            each.path: each
            for each in archive.images(self._schedules(programme), kind, _camera(request))
            if each.path.rpartition("/")[2] not in self.config.missing
        }
        found = [there[each.path] for each in wanted if each.path in there]
        headers = archive.download_headers(
            kind, self.clock.time(), total=len(wanted), missing=len(wanted) - len(found)
        )
        return Response(archive.packed(found), 200, headers, content_type="application/x-zip-compressed")

    def _dates(self, query: ImageQuery) -> tuple[int, int]:
        now = self.clock.time()
        today, month_ago = (
            int(datetime.fromtimestamp(t, UTC).strftime("%Y%m%d")) for t in (now, now - 30 * 86400)
        )
        first, last = query.start_date or month_ago, query.end_date or today
        if max(first, last) > today:
            raise _Answer(self.config.check_status, f"Date {max(first, last)} is in the future")
        if first > last:
            raise _Answer(self.config.check_status, f"start_date {first} is after end_date {last}")
        return first, last

    # -- who asks, and for what

    def _authenticate(self, request: Request) -> None:
        given = request.authorization
        if given is None or given.type != "basic":
            raise _Answer(401, "Not authenticated")
        if not given.username or self.users.get(given.username) != given.password:
            raise _Answer(401, "Incorrect email or password")

    def _programme(self, request: Request) -> Programme:
        self._authenticate(request)
        name, key = (_argument(request, each) for each in ("program_name", "program_api_key"))
        programme = self.programmes.get(name)
        if programme is None or programme.prog_key != key:
            raise _Answer(self.config.programme_status, _NO_PROGRAMME)
        return programme

    def _schedules(self, programme: Programme) -> list[store.Schedule]:
        now = self.clock.time()
        visible = self.store.visible(programme.progname, now, self.config.visible_after_s)
        for each in visible:
            each.follow(now, self.config.observe_every_s)
        return visible

    def _lingering(self, programme: Programme) -> list[store.Schedule]:
        """Deleted ones that the queue has not noticed yet."""
        now, shown_s = self.clock.time(), self.config.shown_after_deletion_s
        return [
            each
            for each in self.store.removed
            if each.programme == programme.progname and now < (each.deleted or 0) + shown_s
        ]

    def _schedule(self, request: Request) -> store.Schedule:
        programme = self._programme(request)
        name = _argument(request, "schedule_name")
        for each in self._schedules(programme):
            if each.name == name:
                return each
        raise _Answer(404, f"Schedule {name} not found")

    def _table(self, rows: list[JSON], *, first: int = 0) -> Any:
        return rows if self.config.tables == "rows" else store.columns(rows, first=first)

    # -- control routes

    def control_observe(self, request: Request) -> Response:
        """`POST /_observe`."""
        wanted = request.get_json()
        with self.lock:
            schedule = self.store.schedules[wanted["schedule_name"]]
            for index in range(wanted.get("rows", len(schedule.rows))):
                schedule.attempt(index, self.clock.time(), images=wanted.get("images", True))
            return json_response(store.summary_row(schedule))

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`."""
        wanted: JSON = request.get_json() if request.method == "POST" else {}
        with self.lock:
            for name, changes in wanted.pop("programmes", {}).items():
                known = self.programmes.get(name) or Programme(name, "")
                self.programmes[name] = Programme(**{**known.shown(), **changes})
            known_keys = {each.name for each in fields(Config)}
            if unknown := set(wanted) - known_keys:
                return json_response({"error": f"unknown: {', '.join(sorted(unknown))}"}, 400)
            self.config = Config(**{**asdict(self.config), **wanted})
            return json_response(asdict(self.config))


def _argument(request: Request, name: str) -> str:
    value = request.args.get(name)
    if value is None:
        missing = {"type": "missing", "loc": ["query", name], "msg": "Field required", "input": None}
        raise _Answer(422, [missing])
    return value


def _flag(request: Request, name: str) -> bool:
    value = request.args.get(name, "false").lower()
    if value not in _TRUE | _FALSE:
        text = "Input should be a valid boolean, unable to interpret input"
        raise _Answer(422, [{"type": "bool_parsing", "loc": ["query", name], "msg": text, "input": value}])
    return value in _TRUE


def _camera(request: Request) -> str:
    camera = request.args.get("instrument", "winter")
    if camera not in archive.DETECTORS:
        text = "Input should be 'winter' or 'spring'"
        raise _Answer(422, [{"type": "enum", "loc": ["query", "instrument"], "msg": text, "input": camera}])
    return camera
