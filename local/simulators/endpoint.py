"""The GENERIC facility's two kinds of endpoint on one server (card generic.md, "Simulator").

- `{url}/api/requests`: a plain endpoint: `POST` (`obj_id`, `allocation_id`, `payload`), `GET /<id>`, `DELETE
  /<id>`; ids 1, 2, 3...
- `{url}/api/followup_request`: a SkyPortal instance, with `{url}/api/sources/<id>`; see `skyportal`.

`POST /_config` changes the settings of `EndpointConfig`. Its `answer` makes the next `times` POSTs (null:
all) to either endpoint go wrong, in one of these ways:

- the request is kept, the answer is odd: `created` (201), `accepted` (202), `no_content` (204), `empty` (200
  without a body), `text` (200, not JSON), `slow_body`, `huge` (8 MB of JSON), `delay` (`seconds` before the
  answer), `close_after`
- nothing is kept: `ignored`, `rejected` (both 200), `refused` (400, 10 kB of plain text), `throttled` (429
  with `Retry-After: 2`), `error` (500), `unavailable` (503), `redirect` (302), `redirect_307`, `close_before`
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule

from local.simulators.base import JSON, Fault, SimulatedClock, Simulator, json_response
from local.simulators.skyportal import IGNORED, SkyPortal, envelope, failure

DEMO_TOKEN = "c0ffee00-1111-2222-3333-444455556666"
KEPT_ANSWERS = (
    "created",
    "accepted",
    "no_content",
    "empty",
    "text",
    "slow_body",
    "huge",
    "delay",
    "close_after",
)
REFUSED_ANSWERS = (
    "ignored",
    "rejected",
    "refused",
    "throttled",
    "error",
    "unavailable",
    "redirect",
    "redirect_307",
    "close_before",
)
HUGE_BYTES = 8_000_000


@dataclass
class EndpointConfig:
    """Settings a test may change by `POST /_config`."""

    answer: str | None = None
    times: int | None = 1
    seconds: float = 1.0
    second_delete_status: int = 404
    tokens: list[str] = field(default_factory=lambda: [DEMO_TOKEN])

    def change(self, wanted: JSON) -> str | None:
        """Apply `wanted`; the reason if it makes no sense."""
        unknown = set(wanted) - {f.name for f in fields(self)}
        if unknown:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        if wanted.get("answer") not in (None, *KEPT_ANSWERS, *REFUSED_ANSWERS):
            return f"answer must be one of {', '.join((*KEPT_ANSWERS, *REFUSED_ANSWERS))}"
        if wanted.get("second_delete_status", 404) not in (200, 404):
            return "second_delete_status must be 200 or 404"
        if "answer" in wanted:
            self.times = 1
        for name, value in wanted.items():
            setattr(self, name, value)
        return None

    def take_answer(self) -> str | None:
        """The odd answer due now, counted down."""
        answer = self.answer
        if answer is not None and self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.answer = None
        return answer


class EndpointServer(Simulator):
    """An observatory's API endpoint, and a SkyPortal instance that serves as one."""

    name = "generic"
    strict_slashes = True

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.config = EndpointConfig()
        self.requests: dict[int, JSON] = {}
        self.skyportal = SkyPortal(DEMO_TOKEN)
        self._armed: Fault | None = None
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The routes of both endpoints and the control routes of this simulator."""
        portal = "/api/followup_request"
        return [
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule("/api/requests", methods=["POST"], endpoint="submit"),
            Rule("/api/requests/<int:number>", methods=["GET"], endpoint="show"),
            Rule("/api/requests/<int:number>", methods=["DELETE"], endpoint="cancel"),
            Rule("/elsewhere", endpoint="elsewhere"),
            Rule(portal, methods=["GET", "POST"], endpoint="portal_requests"),
            Rule(f"{portal}/<int:number>", methods=["GET", "PUT", "DELETE"], endpoint="portal_request"),
            Rule("/api/sources/<obj_id>", methods=["GET"], endpoint="portal_source"),
            Rule("/api/photometry", methods=["PUT"], endpoint="portal_photometry"),
        ]

    def reset(self) -> None:
        """No requests, ids from 1, every answer as it should be."""
        super().reset()
        self.config = EndpointConfig()
        self.requests = {}
        self.skyportal = SkyPortal(DEMO_TOKEN)

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """JSON for an unknown path or method; a doubled slash is an unknown path, never tidied up."""
        if isinstance(error, RequestRedirect):
            return failure("HTTP 404: Not Found", 404)
        return failure(f"HTTP {error.code}: {error.name}", error.code or 500)

    # -- the plain endpoint

    def submit(self, request: Request) -> Response:
        """`POST /api/requests`."""
        if refusal := self._unauthorized(request):
            return refusal
        body, reason = parse_submission(request.get_data())
        if body is None:
            return failure(reason, 400)
        answer = self.config.take_answer()
        if answer in REFUSED_ANSWERS:
            return self._refuse(answer, request)
        number = len(self.requests) + 1
        self.requests[number] = {"id": number, "state": "submitted", **body}
        return self._odd_answer(answer, envelope({"id": number}))

    def show(self, request: Request, number: int) -> Response:
        """`GET /api/requests/<id>`."""
        if refusal := self._unauthorized(request):
            return refusal
        found = self.requests.get(number)
        return json_response(envelope(found)) if found else failure(f"no request {number}", 404)

    def cancel(self, request: Request, number: int) -> Response:
        """`DELETE /api/requests/<id>`."""
        if refusal := self._unauthorized(request):
            return refusal
        found = self.requests.get(number)
        if found is None:
            return failure(f"no request {number}", 404)
        if found["state"] == "deleted" and self.config.second_delete_status == 404:
            return failure(f"request {number} is already deleted", 404)
        found["state"] = "deleted"
        return json_response(envelope({"id": number}))

    def elsewhere(self, request: Request) -> Response:
        """Where the redirects lead: whatever comes here went to the wrong place, and is told that all is
        well.
        """
        return json_response(envelope({}))

    def _unauthorized(self, request: Request) -> Response | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "token" and value in self.config.tokens:
            return None
        return failure("HTTP 401: Unauthorized", 401)

    # -- the SkyPortal instance

    def portal_requests(self, request: Request) -> Response:
        """`GET` and `POST /api/followup_request`."""
        if refusal := self.skyportal.refuse(request, self.clock.time()):
            return refusal
        if request.method == "GET":
            return self.skyportal.find(request.args)
        answer = self.config.take_answer()
        if answer in ("ignored", "rejected"):
            return self.skyportal.submit(request.get_data(), forced=answer)
        if answer in REFUSED_ANSWERS:
            return self._refuse(answer, request)
        response = self.skyportal.submit(request.get_data())
        return self._odd_answer(answer, response.get_json()) if response.status_code == 200 else response

    def portal_request(self, request: Request, number: int) -> Response:
        """`GET`, `PUT`, `DELETE /api/followup_request/<id>`."""
        if refusal := self.skyportal.refuse(request, self.clock.time()):
            return refusal
        if request.method == "GET":
            return self.skyportal.show(number)
        if request.method == "PUT":
            return self.skyportal.update(number, request.get_data())
        return self.skyportal.delete(number)

    def portal_source(self, request: Request, obj_id: str) -> Response:
        """`GET /api/sources/<obj_id>`."""
        return self.skyportal.refuse(request, self.clock.time()) or self.skyportal.source(obj_id)

    def portal_photometry(self, request: Request) -> Response:
        """`PUT /api/photometry`."""
        return self.skyportal.refuse(request, self.clock.time()) or self.skyportal.upload(request.get_data())

    # -- odd answers

    def _refuse(self, answer: str, request: Request) -> Response:
        """The answers behind which nothing was kept."""
        if answer == "ignored":
            return json_response(envelope({"id": None, "ignored": True, "message": IGNORED}))
        if answer == "rejected":
            return json_response(
                envelope({"id": None, "request_status": "rejected: target is below the horizon"})
            )
        if answer == "refused":
            return Response(("This request was refused. " * 400)[:10_000], 400, content_type="text/plain")
        if answer == "throttled":
            return Response("Too Many Requests", 429, {"Retry-After": "2"}, content_type="text/plain")
        if answer == "error":
            return Response("<h1>Internal Server Error</h1>", 500, content_type="text/html")
        if answer == "unavailable":
            text = (
                "HTTP 503: Service Unavailable (Database is temporarily unavailable; please retry shortly.)"
            )
            return failure(text, 503)
        status = 302 if answer == "redirect" else 307
        return Response("", status, {"Location": f"{request.host_url}elsewhere"})

    def _odd_answer(self, answer: str | None, body: JSON) -> Response:
        """The answers behind which the request was kept."""
        if answer in ("created", "accepted"):
            return json_response(body, 201 if answer == "created" else 202)
        if answer == "no_content":
            return Response(b"", 204)
        if answer == "empty":
            return Response(b"", 200, content_type="application/json")
        if answer == "text":
            return Response("Thank you, your request was received.", 200, content_type="text/plain")
        if answer == "huge":
            return json_response({**body, "log": "x" * HUGE_BYTES})
        return json_response(body)

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module.

        `portal` holds the settings of the SkyPortal instance.
        """
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            portal = wanted.pop("portal", {})
            reason = self.config.change(wanted) or self.skyportal.change(portal)
            if reason:
                return json_response({"error": reason}, 400)
            if "answer" in wanted:
                self._arm_connection_fault()
            return json_response({**asdict(self.config), "portal": self.skyportal.settings()})

    def _arm_connection_fault(self) -> None:
        """What happens on the connection itself is a fault of the base class."""
        if self._armed in self.faults:
            self.faults.remove(self._armed)
        kinds = {"close_before": "refuse", "close_after": "cut", "delay": "hang", "slow_body": "drip"}
        if self.config.answer in kinds:
            times = self.config.times if self.config.times is not None else sys.maxsize
            kind = kinds[self.config.answer]
            self._armed = Fault(kind, method="POST", path="/api/", times=times, seconds=self.config.seconds)
            self.faults.append(self._armed)
            self.config.answer = None


def parse_submission(raw: bytes) -> tuple[JSON | None, str]:
    """The three keys of the GENERIC body, or None and what is wrong with it."""
    try:
        body: Any = json.loads(raw)
    except ValueError:
        return None, "the body is not JSON"
    if not isinstance(body, dict):
        return None, "the body is not a JSON object"
    kinds: dict[str, type] = {"obj_id": str, "allocation_id": int, "payload": dict}
    for key, kind in kinds.items():
        if key not in body:
            return None, f"missing key: {key}"
        if not isinstance(body[key], kind) or isinstance(body[key], bool):
            return None, f"{key} has the wrong type"
    return body, ""
