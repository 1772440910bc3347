"""Swift's TOO service on loopback: v2 below `/api/v2`, v1.2 at `/toop/submit_json.php`, data below `/FTP`.

Accounts: `DEMO_USER`, `OTHER_USER` with their secrets (the account password logs in as well), `anonymous`.
Scripted positions, within 0.1 deg: those of `sky`. A TOO is listed once it is approved (half an hour to two
days later by urgency), is flown in windows of half a day, and is known to be flown an hour later.

Control routes beside those of the base class:

- `POST /_config`: any of the settings of `config.Config`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.swift_too import demands, queries, sky
from local.simulators.swift_too.accounts import ANONYMOUS, SEEDED, Sessions
from local.simulators.swift_too.book import TIMELINE_LAG, Book
from local.simulators.swift_too.config import Config
from local.simulators.swift_too.signed_endpoint import SignedEndpoint

PREFIX, SIGNED_PATH = "/api/v2", "/toop/submit_json.php"
FORM = "application/x-www-form-urlencoded"
CONSTRAINED_FOR = timedelta(days=9)


class SwiftTooServer(Simulator):
    """Accounts, requests and what becomes of them, in both protocols."""

    name = "swift_too"
    strict_slashes = False

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        super().__init__(clock)

    @property
    def base_url(self) -> str:
        """The base of v2."""
        return f"{self.url}{PREFIX}"

    def extra_urls(self) -> dict[str, str]:
        """The one address of v1.2."""
        return {"v1": f"{self.url}{SIGNED_PATH}"}

    def rules(self) -> list[Rule]:
        """Both protocols, the archive and the control route."""
        asked = (
            "calendar",
            "obsquery",
            "planquery",
            "data",
            "visquery",
            "uvot_mode",
            "clock",
        )
        return [
            Rule("/_config", methods=["POST"], endpoint="control_config"),
            Rule(f"{PREFIX}/login", methods=["POST"], endpoint="login"),
            Rule(f"{PREFIX}/login/password", methods=["POST"], endpoint="login"),
            Rule(f"{PREFIX}/logout", methods=["POST"], endpoint="logout"),
            Rule(f"{PREFIX}/session", methods=["GET"], endpoint="session"),
            Rule(f"{PREFIX}/swift/too", methods=["GET", "POST"], endpoint="too"),
            Rule(f"{PREFIX}/resolve", methods=["GET"], endpoint="resolve"),
            *(Rule(f"{PREFIX}/swift/{name}", methods=["GET"], endpoint="ask") for name in asked),
            Rule(SIGNED_PATH, methods=["GET", "POST"], endpoint="signed_call"),
            Rule("/FTP/<path:path>", methods=["GET"], endpoint="file"),
        ]

    def reset(self) -> None:
        """No requests, no sessions, the settings as at first."""
        super().reset()
        self.config = Config()
        self.sessions = Sessions()
        self.book = Book()
        self.endpoint = SignedEndpoint(self._judged, self._shown)
        self.started = self.clock.now()

    @property
    def constrained_until(self) -> datetime:
        """When the constrained position can be seen again."""
        return self.started + CONSTRAINED_FOR

    def control_config(self, request: Request) -> Response:
        """`POST /_config`."""
        wanted = request.get_json()
        if not set(wanted) <= set(asdict(self.config)):
            return json_response({"error": f"settings are {', '.join(asdict(self.config))}"}, 400)
        self.config = replace(self.config, **wanted)
        seconds = self.config.approve_s
        self.book.guard = timedelta(seconds=self.config.guard_s)
        self.book.approval = None if seconds is None else timedelta(seconds=seconds)
        return json_response(asdict(self.config))

    # -- accounts

    def login(self, request: Request) -> Response:
        """`POST /login` and `/login/password`."""
        sent = request.get_json(silent=True) if request.mimetype == "application/json" else None
        if not isinstance(sent, dict) or not {"username", "password"} <= set(sent):
            return _invalid([("body", "Field required")])
        account = SEEDED.get(str(sent["username"]))
        if account is None or sent["password"] not in (account.secret, account.password):
            return json_response({"detail": "Incorrect username or password"}, 401)
        cookie = self.sessions.open(account.username, self.clock.time() + self.config.session_s)
        headers = {"Set-Cookie": f"session={cookie}; HttpOnly; Path=/; SameSite=lax"}
        return json_response({"username": account.username}, 200, headers)

    def logout(self, request: Request) -> Response:
        """`POST /logout`."""
        self.sessions.close(request.cookies.get("session"))
        return json_response({"detail": "Logged out"})

    def session(self, request: Request) -> Response:
        """`GET /session`."""
        user = self._user(request)
        return json_response({"username": user}) if user else _unauthenticated()

    def _user(self, request: Request) -> str | None:
        return self.sessions.user(request.cookies.get("session"), self.clock.time())

    # -- v2

    def too(self, request: Request) -> Response:
        """`POST /swift/too` (submit, validate, debug) and `GET /swift/too` (the list)."""
        if request.method == "GET":
            return self.ask(request)
        if request.mimetype != FORM:
            return _invalid([("target_name", "Field required")])
        form = dict(request.form.items())
        if form.get("username") == ANONYMOUS:
            return self._refuse(form, "Cannot submit TOOs from anonymous user.")
        user = self._user(request)
        if user is None:
            return _unauthenticated()
        try:
            demands.check_form(form)
            if form["username"] != user:
                raise demands.Refused("The session is another user's.")
            return json_response(*self._judged(form))
        except demands.Broken as error:
            return _invalid(error.lines)
        except demands.Refused as error:
            return self._refuse(form, str(error))

    def _judged(self, form: demands.Form) -> tuple[JSON, int]:
        """What a sound form comes to. Raises demands.Refused."""
        form = {"urgency": "3", "uvot_mode": "0x9999", "xrt_mode": "7", **form}
        demands.check_sky(form, constrained_until=f"{self.constrained_until:%Y-%m-%d %H:%M:%S}")
        if form.get("validate_only") == "true":
            return {"status": "Validated"}, 200
        debug = form.get("debug") == "true"
        earlier = None if debug else self.book.duplicate(form["username"], form, self.clock.now())
        if earlier is not None:
            raise demands.Refused(f"TOO already recently submitted. TOO ID: {earlier.too_id}")
        too_id, job = self.book.add(form["username"], form, self.clock.now(), debug=debug)
        answer = {"status": "Accepted", "too_id": too_id, "jobnumber": job, "errors": [], "warnings": []}
        return answer, 201

    def _refuse(self, form: demands.Form, error: str) -> Response:
        status: JSON = {
            "username": form.get("username"),
            "status": "Rejected",
            "errors": [error],
            "warnings": [],
        }
        return json_response({"status": status}, 200 if self.config.refuse_with_200 else 400)

    def ask(self, request: Request) -> Response:
        """The queries; none needs a session."""
        query = dict(request.args.items())
        try:
            content = self._shown(request.path.rpartition("/")[2], query, self._user(request))
        except queries.BadQuery as error:
            return _invalid([(error.name, error.text)], "query")
        except demands.Refused as error:
            return self._refuse({}, str(error))
        status: JSON = {"status": "Accepted", "too_id": None, "jobnumber": None, "errors": [], "warnings": []}
        return json_response({**content, "status": status})

    def _shown(self, name: str, query: queries.Query, asker: str | None) -> JSON:
        now = self.clock.now()
        names = {account.username: account.l_name for account in SEEDED.values()}
        known_until = queries.stamp(now - TIMELINE_LAG)
        answers: dict[str, Callable[[], JSON]] = {
            "too": lambda: {"entries": queries.toos(self.book, query, now, names, asker)},
            "calendar": lambda: {"entries": queries.calendar(self.book, query, now)},
            "obsquery": lambda: {
                "afstmax": known_until,
                "entries": queries.observations(self.book, query, now),
            },
            "planquery": lambda: {
                "ppstmax": queries.stamp(now + timedelta(days=3)),
                "entries": queries.observations(self.book, query, now, planned=True),
            },
            "data": lambda: {"entries": queries.files(self.book, query, now, self.url)},
            "visquery": lambda: {"windows": queries.visibility(query, self.constrained_until)},
            "uvot_mode": lambda: {"entries": _mode(query)},
            "clock": lambda: {"entries": queries.clock(query)},
        }
        return answers[name]()

    def resolve(self, request: Request) -> Response:
        """`GET /resolve`: some names are known."""
        name = request.args.get("name", "")
        if name not in sky.NAMES:
            return self._refuse({}, f"Name not resolved: {name}")
        ra, dec = sky.NAMES[name]
        return json_response({"name": name, "ra": ra, "dec": dec, "resolver": "Simbad"})

    def file(self, request: Request, path: str) -> Response:
        """A file of the archive: bytes of its own name."""
        return Response(gzip.compress(path.encode(), mtime=0), content_type="application/gzip")

    # -- v1.2

    def signed_call(self, request: Request) -> Response:
        """The one address of v1.2."""
        return self.endpoint.answer(request, self.config)


def _mode(query: queries.Query) -> list[JSON]:
    mode = queries.whole(query, "uvot_mode")
    place = queries.number(query, "ra") or 0.0, queries.number(query, "dec") or 0.0
    if mode is None:
        raise queries.BadQuery("uvot_mode", "Field required")
    filters = demands.check_star(place, mode)
    return [{"filter_name": name, "filter_num": count, "weight": 1000} for count, name in enumerate(filters)]


def _invalid(lines: list[tuple[str, str]], place: str = "body") -> Response:
    detail = [
        {"loc": [place] if field == place else [place, field], "msg": text, "type": "value_error"}
        for field, text in lines
    ]
    return json_response({"detail": detail}, 422)


def _unauthenticated() -> Response:
    return json_response({"detail": "Not authenticated"}, 401)
