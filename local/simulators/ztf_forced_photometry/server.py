"""The simulated service: HTTP login, forms, job tables renewed on the hour, files (card: Simulator).

- `POST /_config`: see `Config`; `spots` are positions whose jobs end with a given exit code.
- `GET /_jobs`: every job, whatever the table shows yet.
- `POST /_jobs` `{"email", "ra", "dec", "start", "end", "age_s"?}`: a job that was asked for that long ago.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.ztf_forced_photometry import files, form, pages
from local.simulators.ztf_forced_photometry.exposures import SN_2023IXF
from local.simulators.ztf_forced_photometry.jobs import JobBook, Pace, Spot

HTTP_USER, HTTP_PASSWORD = "ztffps", "simulated-shared-login"
DEMO_EMAIL, DEMO_USERPASS = "observer1@example.org", "abcd12efg345"
OTHER_EMAIL, OTHER_USERPASS = "observer2@example.org", "zyxw98vut765"
WRONG_PAIR = "page", "echo"
_DAY_S = 86400.0
_ARCSEC = 1 / 3600
_OPTIONS = ("All recent jobs", "Pending jobs")


@dataclass
class Config:
    """`wrong_pair`: how an unknown e-mail or a wrong password is answered, which nobody knows: by a `page`
    without the echo, or by an `echo` and no job. `deduplicate`: an identical job gives no new one.
    """

    wrong_pair: str = "page"
    busy: bool = False
    deduplicate: bool = False
    files_missing: bool = False
    max_open: int = 100
    start_s: float = 20.0
    run_s: float = 1000.0
    spots: list[JSON] = field(default_factory=list)


class ZtfForcedPhotometryServer(Simulator):
    """IPAC's service. Its root is the base URL; every path wants the shared login."""

    name = "ztf_forced_photometry"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.users: dict[str, str] = {}
        self.config = Config()
        self.single, self.batch = JobBook(), JobBook(is_batch=True)
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The service's routes, and ours."""
        return [
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_jobs", methods=["GET", "POST"], endpoint="control_jobs"),
            Rule("/cgi-bin/requestForcedPhotometry.cgi", methods=["GET", "POST"], endpoint="submit"),
            Rule("/cgi-bin/getForcedPhotometryRequests.cgi", methods=["GET"], endpoint="list_single"),
            Rule("/cgi-bin/batchfp.py/submit", methods=["POST"], endpoint="submit_batch"),
            Rule("/cgi-bin/getBatchForcedPhotometryRequests.cgi", methods=["GET"], endpoint="list_batch"),
            Rule("/ztf/ops/forcedphot/<path:rest>", methods=["GET"], endpoint="file"),
        ]

    def reset(self) -> None:
        """Two users; three ended jobs of the first, near the example's, that a client may mistake for it."""
        super().reset()
        self.users = {DEMO_EMAIL: DEMO_USERPASS, OTHER_EMAIL: OTHER_USERPASS}
        self.config = Config()
        self.single, self.batch = JobBook(), JobBook(is_batch=True)
        ra, dec = (round(each, 6) for each in SN_2023IXF)
        long_ago = self.clock.time() - 2 * _DAY_S
        for east, north, days in ((0.0, 0.0, 10.0), (8.5, 0.0, 0.0), (0.0, 5.0, 0.0)):
            place = round(ra + east * _ARCSEC, 6), round(dec + north * _ARCSEC, 6)
            self.single.add(DEMO_EMAIL, *place, 2460084.5 + days, 2460116.0 + days, long_ago)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Apache's pages; the login comes first."""
        if not _has_login(request):
            return pages.unauthorized()
        return pages.not_found() if error.code == 404 else super().on_http_error(request, error)

    # -- the service

    def submit(self, request: Request) -> Response:
        """`requestForcedPhotometry.cgi`, by query or by form."""
        if not _has_login(request):
            return pages.unauthorized()
        if self.config.busy:
            return pages.busy()
        sent: Mapping[str, str] = request.args if request.method == "GET" else request.form
        email = sent.get("email", "")
        try:
            wanted = form.position(sent)
        except form.Refused as error:
            return pages.refusal(str(error))
        if not self._is_user(sent):
            if self.config.wrong_pair == "echo":
                return pages.echo(*wanted, email)
            return pages.refusal("Error: email or userpass not recognized.")
        now = self.clock.time()
        if self.single.open(email, now) >= self.config.max_open:
            return pages.refusal(f"Error: more than {self.config.max_open} requests pending.")
        rounded = (round(wanted[0], 6), round(wanted[1], 6), round(wanted[2], 6), round(wanted[3], 6))
        if not (self.config.deduplicate and self.single.same(email, *rounded)):
            self.single.add(email, *rounded, now)
        return pages.echo(*wanted, email)

    def submit_batch(self, request: Request) -> Response:
        """`batchfp.py/submit`."""
        if not _has_login(request):
            return pages.unauthorized()
        try:
            wanted = form.positions(request.form)
        except form.Refused as error:
            return pages.refusal(str(error), 400)
        email, now = request.form.get("email", ""), self.clock.time()
        if not self._is_user(request.form):
            return pages.refusal("Error: email or userpass not recognized.", 400)
        if self.batch.open(email, now) + len(wanted) > form.MAX_BATCH_OPEN:
            return pages.refusal(f"Error: more than {form.MAX_BATCH_OPEN} positions pending.", 400)
        for each in wanted:
            self.batch.add(email, *each, now)
        return pages.refusal(f"{len(wanted)} positions accepted.")

    def list_single(self, request: Request) -> Response:
        """`getForcedPhotometryRequests.cgi`."""
        return self._list(request, self.single)

    def list_batch(self, request: Request) -> Response:
        """`getBatchForcedPhotometryRequests.cgi`."""
        return self._list(request, self.batch)

    def file(self, request: Request, rest: str) -> Response:
        """A light curve or a log, at its unguessable path."""
        if not _has_login(request):
            return pages.unauthorized()
        path, now = f"/ztf/ops/forcedphot/{rest}", self.clock.time()
        job = self.single.with_file(path, now) or self.batch.with_file(path, now)
        if job is None or self.config.files_missing:
            return pages.not_found()
        ended = datetime.fromtimestamp(job.ended, UTC)
        write = files.log if path == job.log_path else files.light_curve
        return pages.text_file(write(job, ended))

    def _list(self, request: Request, book: JobBook) -> Response:
        if not _has_login(request):
            return pages.unauthorized()
        if self.config.busy:
            return pages.busy()
        asked = request.args
        if asked.get("action") != "Query Database" or asked.get("option") not in _OPTIONS:
            return pages.refusal("Error: unknown option or action.", 400)
        if not self._is_user(asked):
            if self.config.wrong_pair == "echo":
                return pages.job_table([])
            return pages.refusal("Error: email or userpass not recognized.")
        pending_only = asked["option"] == "Pending jobs"
        rows = book.listed(asked["email"], self.clock.time(), pending_only=pending_only)
        return pages.job_table(rows)

    def _is_user(self, sent: Mapping[str, str]) -> bool:
        """E-mails are compared in upper and lower case."""
        password = self.users.get(sent.get("email", ""))
        return password is not None and sent.get("userpass") == password

    # -- control routes

    def control_jobs(self, request: Request) -> Response:
        """`GET /_jobs`, `POST /_jobs`."""
        with self.lock:
            if request.method == "GET":
                found = [*self.single.jobs, *self.batch.jobs]
                return json_response([{**asdict(job), "path": job.path} for job in found])
            wanted: dict[str, Any] = request.get_json()
            numbers = (wanted["ra"], wanted["dec"], wanted["start"], wanted["end"])
            at = self.clock.time() - wanted.get("age_s", 0)
            return json_response({"req_id": self.single.add(wanted["email"], *numbers, at).req_id})

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if unknown := set(wanted) - {each.name for each in fields(Config)}:
                return json_response({"error": f"unknown settings: {', '.join(sorted(unknown))}"}, 400)
            if wanted.get("wrong_pair", "page") not in WRONG_PAIR:
                return json_response({"error": f"wrong_pair must be one of {', '.join(WRONG_PAIR)}"}, 400)
            try:
                spots = [Spot(**spot) for spot in wanted.get("spots", [])]
            except TypeError:
                return json_response({"error": "a spot has ra, dec, exitcode and perhaps has_file"}, 400)
            for name, value in wanted.items():
                setattr(self.config, name, value)
            for book in (self.single, self.batch):
                book.spots += spots
                book.pace = Pace(self.config.start_s, self.config.run_s)
            return json_response(asdict(self.config))


def _has_login(request: Request) -> bool:
    wanted = base64.b64encode(f"{HTTP_USER}:{HTTP_PASSWORD}".encode()).decode()
    return request.headers.get("Authorization", "") == f"Basic {wanted}"
