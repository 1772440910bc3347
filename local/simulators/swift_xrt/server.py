"""The Swift XRT product builder on loopback (card swift_xrt.md), under `/user_objects`.

Registered are `accounts.USER` and `OTHER_USER`; the field `accounts.UNSEEN` was never observed. Answers are
JSON called `text/html`, with HTTP 200 also where they refuse.

Control routes beside those of the base class:

- `GET /_config`, `POST /_config`: see `accounts.Settings`.
- `GET /_jobs`: every job: `[{id, user, products, pars, codes}]`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule

from local.simulators.base import JSON, Simulator, json_response
from local.simulators.swift_xrt import results, validation
from local.simulators.swift_xrt.accounts import Settings
from local.simulators.swift_xrt.archives import CONTENT_TYPES, archive
from local.simulators.swift_xrt.jobs import COMPLETE, TEXTS, Job, Jobs

PREFIX = "/user_objects"
HTML = "text/html; charset=UTF-8"
BAD_PARAMETERS = "There were problems with the parameters you supplied."
NO_DATA = "There are no Swift-XRT data covering this position."
TOO_MANY = "You have too many jobs in the queue."
BAD_JSON = "The data you supplied are not valid JSON."
FIELD_DEG = 0.2
_COLUMNS = {
    "LightCurve": "lc",
    "Spectrum": "spec",
    "StandardPos": "psf",
    "EnhancedPos": "enh",
    "AstromPos": "xastrom",
    "Image": "image",
}


class _Refused(Exception):
    """`OK` 0 with this `ERROR`, and what `listErr` holds."""

    def __init__(self, error: str, listed: list[JSON] | None = None) -> None:
        super().__init__(error)
        self.content: JSON = {"ERROR": error, **({"listErr": listed} if listed else {})}


class SwiftXrtServer(Simulator):
    """The users, their jobs, and the jobs' products."""

    name = "swift_xrt"

    @property
    def base_url(self) -> str:
        """The facility's base URL, `/user_objects` included."""
        return f"{self.url}{PREFIX}"

    def rules(self) -> list[Rule]:
        """The service's scripts, its archives, and the control routes."""
        scripts = {
            "run_userobject.php": "submit",
            "canceljob.php": "cancel",
            "checkProductStatus.php": "status",
            "getNumJobs.php": "count",
            "listOldJobs.php": "list_old",
            "getOldProduct.php": "old_product",
            "tprods/getPSFPos.php": "standard_position",
            "tprods/getEnhPos.php": "enhanced_position",
            "tprods/getAstromPos.php": "astrometric_position",
            "tprods/getLCData.php": "light_curve",
            "tprods/getSpecData.php": "spectrum",
            "tprods/getSourceDetResults.php": "source_list",
        }
        return [
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/_jobs", methods=["GET"], endpoint="control_jobs"),
            *(Rule(f"{PREFIX}/{path}", methods=["POST"], endpoint=name) for path, name in scripts.items()),
            Rule(f"{PREFIX}/tprods/USERPROD_<int:number>/<name>", methods=["GET"], endpoint="archive"),
        ]

    def reset(self) -> None:
        """The seeded users, no jobs."""
        super().reset()
        self.settings = Settings()
        self.jobs = Jobs()

    def _dispatch(self, adapter: Any, request: Request) -> Response:
        if request.path.startswith("/_"):
            return super()._dispatch(adapter, request)
        try:
            return super()._dispatch(adapter, request)
        except _Refused as error:
            return self._answer({"OK": 0, **error.content})

    # -- scripts

    def submit(self, request: Request) -> Response:
        """`run_userobject.php`."""
        user, sent = self._caller(request)
        now = self.clock.time()
        listed = validation.problems(sent)
        products = validation.wanted(sent)
        if not products:
            raise _Refused("No products were requested.", listed)
        if listed:
            raise _Refused(BAD_PARAMETERS, listed)
        if self._is_unseen(sent):
            raise _Refused(NO_DATA)
        if self.jobs.active(user, now) >= self.settings.max_jobs:
            raise _Refused(TOO_MANY)
        job = self.jobs.add(user, products, sent, self.settings, now)
        return self._answer({"OK": 1, "URL": self._url(job), "JobID": str(job.id), "jobPars": job.pars})

    def status(self, request: Request) -> Response:
        """`checkProductStatus.php`: only products of the job are in the answer; `JobID` is a number."""
        user, sent = self._caller(request)
        job, now = self._job(user, sent), self.clock.time()
        with_progress = self._what(sent, "whatProg", needed=False)
        answer: JSON = {}
        for product in self._what(sent, "what"):
            if product in job.products:
                code = job.code(product, now)
                progress = job.progress(product, now) if product in with_progress else {"GotProgress": 0}
                answer[product] = {"statusCode": code, "statusText": TEXTS[code], "progress": progress}
        return self._answer({**answer, "OK": 1, "JobID": job.id})

    def cancel(self, request: Request) -> Response:
        """`canceljob.php`."""
        user, sent = self._caller(request)
        job, now = self._job(user, sent), self.clock.time()
        outcome = {product: job.cancel(product, now) for product in self._what(sent, "what")}
        codes = {product: code for product, (code, _) in outcome.items()}
        texts = {product: text for product, (_, text) in outcome.items()}
        told = 1 if set(codes.values()) == {0} else 2
        return self._answer({"JobID": job.id, "OK": told, "status": texts, "statusCodes": codes})

    def count(self, request: Request) -> Response:
        """`getNumJobs.php`."""
        user, _ = self._caller(request)
        return self._answer({"OK": 1, "numJobs": self.jobs.active(user, self.clock.time())})

    def list_old(self, request: Request) -> Response:
        """`listOldJobs.php`: the newest first."""
        user, _ = self._caller(request)
        return self._answer({"OK": 1, "jobs": [self._listed(job) for job in self.jobs.of(user)]})

    def old_product(self, request: Request) -> Response:
        """`getOldProduct.php`."""
        user, sent = self._caller(request)
        job = self._job(user, {"JobID": sent.get("oldJob")})
        return self._answer({"OK": 1, "oldJob": job.id, "jobPars": job.pars, "URL": self._url(job)})

    def standard_position(self, request: Request) -> Response:
        """`tprods/getPSFPos.php`."""
        return self._result(request, "psf", lambda job: results.position(job, "psf"))

    def enhanced_position(self, request: Request) -> Response:
        """`tprods/getEnhPos.php`."""
        return self._result(request, "enh", lambda job: results.position(job, "enh"))

    def astrometric_position(self, request: Request) -> Response:
        """`tprods/getAstromPos.php`."""
        return self._result(request, "xastrom", lambda job: results.position(job, "xastrom"))

    def light_curve(self, request: Request) -> Response:
        """`tprods/getLCData.php`."""
        _, sent = self._caller(request)
        nosys, incbad = (str(sent.get(name, "no")) for name in ("nosys", "incbad"))
        return self._result(
            request,
            "lc",
            lambda job: results.light_curve(job, nosys=nosys, incbad=incbad, base=self._url(job)),
        )

    def spectrum(self, request: Request) -> Response:
        """`tprods/getSpecData.php`."""
        return self._result(request, "spec", lambda job: results.spectrum(job, self._url(job)))

    def source_list(self, request: Request) -> Response:
        """`tprods/getSourceDetResults.php`."""
        return self._result(request, "sourceDet", results.sources)

    def archive(self, request: Request, number: int, name: str) -> Response:
        """`GET <URL>/<what>.<fmt>`: public; only what is complete and still kept."""
        job = self.jobs.by_id.get(number)
        product, _, form = name.partition(".")
        if job is None or form not in CONTENT_TYPES or not self._is_kept(job):
            raise NotFound()
        complete = tuple(each for each in job.products if job.code(each, self.clock.time()) == COMPLETE)
        wanted = complete if product == "all" else (product,)
        if not wanted or not set(wanted) <= set(complete):
            raise NotFound()
        return Response(archive(job, wanted, form), 200, content_type=CONTENT_TYPES[form])

    # -- control routes

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if reason := self.settings.change(wanted):
                return json_response({"error": reason}, 400)
            return json_response(asdict(self.settings))

    def control_jobs(self, request: Request) -> Response:
        """`GET /_jobs`."""
        with self.lock:
            now = self.clock.time()
            return json_response(
                [
                    {
                        "id": job.id,
                        "user": job.user,
                        "products": job.products,
                        "pars": job.pars,
                        "codes": {product: job.code(product, now) for product in job.products},
                    }
                    for job in self.jobs.by_id.values()
                ]
            )

    # -- what they share

    def _answer(self, content: JSON) -> Response:
        about: JSON = {"APIVersion": self.settings.api_version}
        if self.settings.deprecation:
            about["deprecationWarning"] = self.settings.deprecation
        return json_response({**content, **about}, content_type=HTML)

    def _caller(self, request: Request) -> tuple[str, JSON]:
        """The registered user, and what was sent; the content type is of no importance."""
        try:
            sent = json.loads(request.get_data())
        except ValueError:
            raise _Refused(BAD_JSON) from None
        if not isinstance(sent, dict):
            raise _Refused(BAD_JSON)
        user = sent.get("UserID")
        if user not in self.settings.users:
            raise _Refused(f"The user `{user}` is not recognised / validated")
        return str(user), sent

    def _job(self, user: str, sent: JSON) -> Job:
        wanted = str(sent.get("JobID"))
        job = self.jobs.by_id.get(int(wanted)) if wanted.isascii() and wanted.isdigit() else None
        if job is None or job.user != user:
            raise _Refused(f"Job {wanted} is not owned by user {user}")
        return job

    def _what(self, sent: JSON, key: str, *, needed: bool = True) -> tuple[str, ...]:
        found = tuple(each for each in str(sent.get(key) or "").split(",") if each)
        if needed and not found:
            raise _Refused(BAD_PARAMETERS, [{"label": validation.MISSING, "list": [key]}])
        return found

    def _result(self, request: Request, product: str, make: Callable[[Job], JSON]) -> Response:
        user, sent = self._caller(request)
        job = self._job(user, sent)
        if product not in job.products:
            raise _Refused("This product was not requested.")
        if job.code(product, self.clock.time()) != COMPLETE or not self._is_kept(job):
            raise _Refused("This product is not available.")
        return self._answer({"OK": 1, **make(job)})

    def _listed(self, job: Job) -> JSON:
        submitted = datetime.fromtimestamp(job.submitted, UTC)
        asked = {column: product in job.products for column, product in _COLUMNS.items()}
        about = {"JobID": job.id, "Name": job.pars["name"], "DateSubmitted": f"{submitted:%Y-%m-%d %H:%M:%S}"}
        return {**about, **asked, "hasProd": self._is_kept(job)}

    def _url(self, job: Job) -> str:
        return f"{self.base_url}/tprods/USERPROD_{job.id}"

    def _is_kept(self, job: Job) -> bool:
        return self.clock.time() - job.submitted < self.settings.keep_days * 86400

    def _is_unseen(self, sent: JSON) -> bool:
        if "RA" not in sent or "Dec" not in sent:
            return False
        ra, dec = float(sent["RA"]), float(sent["Dec"])
        return any(
            math.hypot(((ra - each[0] + 180) % 360 - 180) * math.cos(math.radians(dec)), dec - each[1])
            < FIELD_DEG
            for each in self.settings.unseen
        )
