"""The routes of both databases and of the archive, and the control routes.

The sites are told apart by the path: `/north/too`, `/south/odbbrowser/...`, `/archive/...`. Control routes
beside those of every simulator:

- `GET /_observations`: every clone with what a trigger put into it, by id.
- `POST /_observe` `{"observation", "status"}`: somebody sets a status; `{"observation", "remove": true}`.
- `GET /_config`, `POST /_config`: the fields of `Config`.
"""

from __future__ import annotations

import bz2
import ssl
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, Simulator, json_response
from local.simulators.gemini import archive, browser, parameters, seed
from local.simulators.gemini.archive import File
from local.simulators.gemini.database import STATUSES, Database, Refused

XML = "application/xml"
COOKIE = "gemini_archive_session"


@dataclass
class Config:
    """How the simulator behaves.

    - `ongoing_after_s`, `observed_after_s`: after the window has opened, a ready clone is begun and done.
    - `database_down`: triggers are refused with 503. `breaks_after_cloning`: a clone is made, and then 500.
    - `answer`: what a successful trigger says in place of the id.
    """

    ongoing_after_s: float = 1800.0
    observed_after_s: float = 3600.0
    database_down: bool = False
    breaks_after_cloning: bool = False
    answer: str | None = None


class GeminiServer(Simulator):
    """Gemini North, Gemini South and the archive, on one port."""

    name = "gemini"
    strict_slashes = False

    def reset(self) -> None:
        """Back to the seed."""
        super().reset()
        self.config = Config()
        self.sites: dict[str, Database] = {"north": seed.north(), "south": seed.south()}
        self.accounts = {seed.ARCHIVE_USER: seed.ARCHIVE_PASSWORD}

    def extra_urls(self) -> dict[str, str]:
        """The three bases."""
        return {name: f"{self.url}/{name}" for name in ("north", "south", "archive")}

    def present_certificate(self, certificate: Path, key: Path) -> str:
        """Speak TLS from now on, by this certificate; returns the base URL."""
        assert self._server
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")
        return self.url

    def rules(self) -> list[Rule]:
        """All routes."""
        site = "/<any(north,south):site>"
        return [
            Rule("/_observations", methods=["GET"], endpoint="control_observations"),
            Rule("/_observe", methods=["POST"], endpoint="control_observe"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule(f"{site}/too", methods=["GET", "POST"], endpoint="too"),
            Rule(f"{site}/odbbrowser/<selector>", methods=["GET"], endpoint="browse"),
            Rule("/archive/jsonsummary/canonical/<name>", methods=["GET"], endpoint="summary"),
            Rule("/archive/jsonfilelist/canonical/<name>", methods=["GET"], endpoint="file_list"),
            Rule("/archive/file/<name>", methods=["GET"], endpoint="file"),
            Rule("/archive/download/canonical/present/<name>", methods=["GET"], endpoint="download"),
            Rule("/archive/login", methods=["POST"], endpoint="login"),
        ]

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Jetty's page."""
        return error_page(error.code or 500, error.name, request.path)

    # -- the databases

    def too(self, request: Request, site: str) -> Response:
        """`/too`: POST and GET alike, parameters in the query or in a form."""
        path = "/too"
        try:
            trigger = parameters.read({**request.form.to_dict(), **request.args.to_dict()})
            if self.config.database_down:
                raise Refused(503, "Database unavailable.")
            name = self.sites[site].clone(trigger, self.clock.now())
        except parameters.Bad as error:
            return error_page(400, str(error), path)
        except Refused as error:
            return error_page(error.status, error.reason, path)
        if self.config.breaks_after_cloning:
            return error_page(500, "java.lang.NullPointerException", path)
        said = self.config.answer if self.config.answer is not None else name
        return Response(f"{said}\n", 200, content_type="text/html")

    def browse(self, request: Request, site: str, selector: str) -> Response:
        """`/odbbrowser/programs`, `/odbbrowser/observations`, `/odbbrowser/targets`."""
        self._follow()
        try:
            document = browser.answer(self.sites[site], selector, request.args.to_dict())
        except browser.BadQuery as error:
            return Response(str(error), 400, content_type="text/plain")
        return Response(document, content_type=XML)

    # -- the archive

    def summary(self, request: Request, name: str) -> Response:
        """`GET /jsonsummary/canonical/<observation>`."""
        now = self.clock.now()
        return json_response([each.summary(now) for each in self._files(name)])

    def file_list(self, request: Request, name: str) -> Response:
        """`GET /jsonfilelist/canonical/<observation>`."""
        return json_response([each.keys() for each in self._files(name)])

    def file(self, request: Request, name: str) -> Response:
        """`GET /file/<name>`, plain or with `.bz2`."""
        found = {each.name: each for each in self._files()}.get(name.removesuffix(".bz2"))
        if found is None:
            return Response("<html><body>No such file</body></html>", 404, content_type="text/html")
        if not self._may_have(found, request):
            page = "<html><body>You do not have access to this data</body></html>"
            return Response(page, 403, content_type="text/html")
        content = bz2.compress(found.content) if name.endswith(".bz2") else found.content
        return Response(content, content_type="application/fits")

    def download(self, request: Request, name: str) -> Response:
        """`GET /download/canonical/present/<observation>`."""
        files = self._files(name)
        given = [each for each in files if self._may_have(each, request)]
        if not given:
            return Response("No files to download.", content_type="text/plain")
        withheld = [each.name for each in files if each not in given]
        return Response(archive.packed(given, withheld), content_type="application/tar")

    def login(self, request: Request) -> Response:
        """`POST /login`: a failed one is HTTP 200 too, without the cookie."""
        user, password = request.form.get("username", ""), request.form.get("password", "")
        if self.accounts.get(user) != password:
            return Response("<html><body>Login failed</body></html>", content_type="text/html")
        answer = Response("<html><body>Welcome</body></html>", content_type="text/html")
        answer.set_cookie(COOKIE, seed.ARCHIVE_SESSION, path="/")
        return answer

    def _files(self, name: str | None = None) -> list[File]:
        self._follow()
        found = [each for site in self.sites.values() for each in archive.of_database(site)]
        return [each for each in found if name is None or each.observation_id == name]

    def _may_have(self, file: File, request: Request) -> bool:
        return file.is_open(self.clock.now()) or request.cookies.get(COOKIE) == seed.ARCHIVE_SESSION

    def _follow(self) -> None:
        for site in self.sites.values():
            site.follow(self.clock.now(), self.config.ongoing_after_s, self.config.observed_after_s)

    # -- control routes

    def control_observations(self, request: Request) -> Response:
        """`GET /_observations`."""
        self._follow()
        return json_response(self.clones())

    def clones(self) -> dict[str, JSON]:
        """Every clone by id, as plain values."""
        found = {
            f"{programme.id}-{each.number}": asdict(each)
            for site in self.sites.values()
            for programme in site.programmes.values()
            for each in programme.observations.values()
            if each.made_at is not None
        }
        return {name: _plain(each) for name, each in found.items()}

    def control_observe(self, request: Request) -> Response:
        """`POST /_observe`."""
        wanted = request.get_json()
        name, status = str(wanted.get("observation")), wanted.get("status")
        with self.lock:
            site = next((each for each in self.sites.values() if each.find(name)), None)
            found = site.find(name) if site else None
            if site is None or found is None:
                return json_response({"error": "no such observation"}, 404)
            if wanted.get("remove"):
                del site.programmes[name.rpartition("-")[0]].observations[found.number]
            elif status in STATUSES:
                found.become(status, self.clock.now())
            else:
                return json_response({"error": f"status must be one of {', '.join(STATUSES)}"}, 400)
            return json_response({"observation": name, "status": found.status})

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`."""
        wanted: JSON = request.get_json() if request.method == "POST" else {}
        with self.lock:
            if unknown := set(wanted) - {each.name for each in fields(Config)}:
                return json_response({"error": f"unknown: {', '.join(sorted(unknown))}"}, 400)
            self.config = Config(**{**asdict(self.config), **wanted})
            return json_response(asdict(self.config))


def error_page(status: int, reason: str, path: str) -> Response:
    """Jetty 7's error page."""
    text = escape(reason, quote=False)
    page = (
        "<html>\n<head>\n"
        '<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1"/>\n'
        f"<title>Error {status} {text}</title>\n</head>\n"
        f"<body><h2>HTTP ERROR {status}</h2>\n<p>Problem accessing {escape(path)}. Reason:\n"
        f"<pre>    {text}</pre></p><hr /><i><small>Powered by Jetty://</small></i>"
        f"{'<br/>' + chr(10)}{('<br/>' + ' ' * 48 + chr(10)) * 19}</body>\n</html>\n"
    )
    body = page.encode("iso-8859-1", "replace")
    return Response(body, status, content_type="text/html;charset=ISO-8859-1")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
