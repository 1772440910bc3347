"""SEDM's booking server, its data pages, its robot, and SEDMv2's server on loopback (card sedm.md).

`{url}/add_request` books, `{url}/add_fritz` is the test sink, `{url}/get_user_observations` and
`{url}/data/<night>/<file>` are the data pages (`USERS`), `{url}/kitt-peak/api/followup_request` is SEDMv2's
server (`kitt_peak.TOKEN`, `kitt_peak.ALLOCATION`).

Control routes beside those of the base class:

- `GET /_bookings`, `GET /_deliveries`: what is booked; what was posted to the listener, and its answers.
- `GET /_config`, `POST /_config`: `listener` (base URL on loopback, to which `/api/facility` is appended)
  and `token`; `wait_s` from booking to observation; `quality` of what is observed from now on (0 best, 1 by
  hand, over 2 fails); `refuse` (title for the next request in place of booking it); `edits`, `sources` of
  SEDMv2's server.
- `POST /_say` `{requestid, new_status}`: SEDM posts that text.
"""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import urlsplit

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.sedm import listener as posts
from local.simulators.sedm import night
from local.simulators.sedm.bookings import Book
from local.simulators.sedm.kitt_peak import KittPeak
from local.simulators.sedm.listener import Listener

USERS = {"observer1": "palomar-60-inch"}
V2_PATH = "/kitt-peak/api/followup_request"
TICK_S = 0.2
_SETTINGS = {"listener", "token", "wait_s", "quality", "refuse", "edits", "sources"}


class SedmServer(Simulator):
    """Bookings without credentials, and a robot that works them off."""

    name = "sedm"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self._driving = threading.Lock()
        super().__init__(clock)

    def extra_urls(self) -> dict[str, str]:
        """SEDMv2's server, and the data pages."""
        return {"v2": f"{self.url}{V2_PATH}", "data": self.url}

    def rules(self) -> list[Rule]:
        """The server's routes and this simulator's control routes."""
        return [
            Rule("/_bookings", methods=["GET"], endpoint="control_bookings"),
            Rule("/_deliveries", methods=["GET"], endpoint="control_deliveries"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_say", methods=["POST"], endpoint="control_say"),
            Rule("/add_request", methods=["POST"], endpoint="add_request"),
            Rule("/add_fritz", methods=["POST"], endpoint="add_fritz"),
            Rule("/get_user_observations", methods=["GET"], endpoint="user_observations"),
            Rule("/data/<date>/<name>", methods=["GET"], endpoint="data_file"),
            Rule(V2_PATH, methods=["POST"], endpoint="v2_post"),
            Rule(f"{V2_PATH}/<int:number>", methods=["GET", "PUT", "DELETE"], endpoint="v2_one"),
        ]

    def reset(self) -> None:
        """Nothing booked, nobody to tell."""
        super().reset()
        self.book = Book()
        self.listener = Listener()
        self.archive: night.Archive = {}
        self.wait_s, self.quality, self.refuse = 120.0, 0, ""
        self.kitt_peak = KittPeak()

    def start(self, port: int = 0) -> str:
        """Serve, and let the robot work by itself: its messages must come unasked."""
        url = super().start(port)
        threading.Thread(target=self._tick, name="simulator-sedm-robot", daemon=True).start()
        return url

    def drive(self) -> None:
        """Observe and tell what is due; outside the lock, for the listener may ask us meanwhile."""
        with self._driving:
            with self.lock:
                now = self.clock.time()
                night.advance(self.book.entries, self.wait_s, now, self.listener, self.archive)
                listener = self.listener
            listener.deliver(now)
            listener.deliver(now)  # what a spectrum's answer has brought

    def _tick(self) -> None:
        while not self.stopped.wait(TICK_S):
            self.drive()

    # -- booking

    def add_request(self, request: Request) -> Response:
        """Book, edit or delete."""
        text = _json_text(request)
        if text is None:
            return titled("Invalid Formatting of Request")
        try:
            sent = json.loads(text)
        except ValueError:
            return flask_page(500)
        if self.refuse:
            title, self.refuse = self.refuse, ""
            return titled(title)
        before = len(self.book.entries)
        title = self.book.act(sent, self.clock.time())
        for each in self.book.entries[before:]:
            each.quality = self.quality
        return titled(title)

    def add_fritz(self, request: Request) -> Response:
        """The sink: books nothing."""
        return Response("ERROR") if _json_text(request) is None else titled("Accepted Fritz CGI")

    # -- data pages

    def user_observations(self, request: Request) -> Response:
        """Files of a user in a night."""
        user, date = request.args.get("username", ""), request.args.get("obsdate", "")
        if USERS.get(user) != request.args.get("password"):
            return json_response({"message": "User name and password do not match"})
        files = self.archive.get(date)
        if files is None:
            text = f"No data directory could be located for {date} UT"
            return json_response({"message": text, "obsdate": date})
        return json_response({"data": [f"/data/{date}/{name}" for owner, name, _ in files if owner == user]})

    def data_file(self, request: Request, date: str, name: str) -> Response:
        """A file; no login."""
        for _, each, content in self.archive.get(date, []):
            if each == name:
                kind = "text/plain" if name.endswith(".txt") else "application/fits"
                return Response(content, content_type=kind)
        return flask_page(404)

    # -- SEDMv2

    def v2_post(self, request: Request) -> Response:
        """`POST`."""
        return self.kitt_peak.post(request)

    def v2_one(self, request: Request, number: int) -> Response:
        """`GET`, `PUT`, `DELETE`."""
        return self.kitt_peak.one(request, number)

    # -- control routes

    def control_bookings(self, request: Request) -> Response:
        """`GET /_bookings`."""
        with self.lock:
            return json_response([each.shown() for each in self.book.entries])

    def control_deliveries(self, request: Request) -> Response:
        """`GET /_deliveries`."""
        return json_response([each.shown() for each in self.listener.queue])

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        wanted: JSON = request.get_json() if request.method == "POST" else {}
        reason = _senseless(wanted)
        if reason:
            return json_response({"error": reason}, 400)
        with self.lock:
            self.listener.url = str(wanted.get("listener", self.listener.url)).rstrip("/")
            self.listener.token = wanted.get("token", self.listener.token)
            for name in ("wait_s", "quality", "refuse"):
                setattr(self, name, wanted.get(name, getattr(self, name)))
            for name in ("edits", "sources"):
                setattr(self.kitt_peak, name, wanted.get(name, getattr(self.kitt_peak, name)))
            shown = {name: getattr(self, name) for name in ("wait_s", "quality", "refuse")}
            return json_response({**shown, "listener": self.listener.url})

    def control_say(self, request: Request) -> Response:
        """`POST /_say`."""
        wanted: JSON = request.get_json()
        with self.lock:
            found = self.book.of_number(int(wanted["requestid"]))
            if not found:
                return json_response({"error": "nothing is booked under that number"}, 404)
            now = self.clock.time()
            self.listener.add(posts.status_text(found[-1], str(wanted["new_status"]), now))
        self.drive()
        return json_response(self.listener.queue[-1].shown() if self.listener.queue else {})

    def control_clock(self, request: Request) -> Response:
        """`POST /_clock`: what falls into the skipped time has happened when this answers."""
        response = super().control_clock(request)
        self.drive()
        return response


def titled(title: str) -> Response:
    """The two-line page; HTTP 200 whatever the title."""
    page = f"Content-type: text/html\n <title>{title}</title>"
    return Response(page, 200, content_type="text/html; charset=utf-8")


def flask_page(status: int) -> Response:
    """Flask's own error page."""
    name = {404: "Not Found", 500: "Internal Server Error"}[status]
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n"
    return Response(page, status, content_type="text/html; charset=utf-8")


def _json_text(request: Request) -> str | None:
    """The part `jsonfile`, whatever its file name, else a raw body that is no form."""
    part = request.files.get("jsonfile")
    if part is not None:
        return str(part.read(), "utf-8", "replace")
    if request.mimetype in ("multipart/form-data", "application/x-www-form-urlencoded"):
        return None
    raw = request.get_data().decode("utf-8", "replace")
    return raw or None


def _senseless(wanted: Any) -> str | None:
    unknown = set(wanted) - _SETTINGS
    if unknown:
        return f"unknown settings: {', '.join(sorted(unknown))}"
    host = urlsplit(str(wanted.get("listener") or "http://localhost")).hostname
    return None if host in ("127.0.0.1", "localhost") else "the simulator stays on loopback"
