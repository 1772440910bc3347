"""A SkyPortal instance as the endpoint of a GENERIC allocation, and a SkyPortal client (card generic.md).

The instance answers as the table of "Calling a SkyPortal instance as the endpoint" says. It is served by
`endpoint.EndpointServer`; its settings are the key `portal` of that server's `POST /_config`:
`allocations` `{id: {"can_delete": bool, "telescope": "<request_status it gives>"}}`, `sources` `{id: {"ra",
"dec"}}`, `tokens` `{token: "upload" | "read" | "expired"}`, `rate`, `burst`, `delete_error`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from werkzeug import Request, Response

from local.simulators.base import JSON, json_response
from local.simulators.rates import TokenBucket

VERSION = "1.4.0"
READ_ONLY_TOKEN = "c0ffee00-7777-8888-9999-aaaabbbbcccc"
EXPIRED_TOKEN = "c0ffee00-dddd-eeee-ffff-000011112222"
FIRST_ID = 4711
PAGE, LARGEST_PAGE = 100, 1000
MALFORMED = 'HTTP 401: Unauthorized (Credentials malformed; expected form "Authorization: token abc123")'
NGINX_429 = "".join(
    f"{line}\r\n"
    for line in (
        "<html>",
        "<head><title>429 Too Many Requests</title></head>",
        "<body>",
        "<center><h1>429 Too Many Requests</h1></center>",
        "<hr><center>nginx</center>",
        "</body>",
        "</html>",
    )
)
_NO_FILTERS = {"w", "H", "I", "c", "o"}
"""Names of filters that surveys print and sncosmo has not, among others."""
IGNORED = "There is already a follow-up request for this source and allocation, not submitting request."
SUBMIT_ERROR = "Error submitting follow-up request"


def envelope(data: Any) -> JSON:
    """SkyPortal's successful answer."""
    return {"status": "success", "data": data, "version": VERSION}


def failure(message: str, status: int = 400) -> Response:
    """SkyPortal's unsuccessful answer."""
    return json_response({"status": "error", "message": message, "data": {}, "version": VERSION}, status)


class SkyPortal:
    """The follow-up part of a SkyPortal instance: its state and its answers."""

    def __init__(self, token: str) -> None:
        self.tokens: dict[str, str] = {token: "upload", READ_ONLY_TOKEN: "read", EXPIRED_TOKEN: "expired"}
        self.allocations: dict[int, JSON] = {7: {"can_delete": True, "telescope": "submitted"}}
        self.sources: dict[str, JSON] = {
            "2023ixf": {"ra": 210.910674637, "dec": 54.311651},
            "ZTF24abcxyz": {"ra": 150.11322, "dec": 2.20583},
        }
        self.requests: dict[int, JSON] = {}
        self.photometry: dict[tuple[str, float, str], JSON] = {}
        self.delete_error: str | None = None
        self._next_id = FIRST_ID
        self._limit(5.0, 10.0)

    def settings(self) -> JSON:
        """What `POST /_config` may change."""
        return {
            "tokens": self.tokens,
            "allocations": self.allocations,
            "sources": self.sources,
            "delete_error": self.delete_error,
            "rate": self.rate,
            "burst": self.burst,
        }

    def change(self, wanted: JSON) -> str | None:
        """Apply settings; the reason if one is unknown."""
        unknown = set(wanted) - set(self.settings())
        if unknown:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        self.tokens.update(wanted.get("tokens", {}))
        self.sources.update(wanted.get("sources", {}))
        for number, allocation in wanted.get("allocations", {}).items():
            self.allocations[int(number)] = {"can_delete": True, "telescope": "submitted", **allocation}
        self.delete_error = wanted.get("delete_error", self.delete_error)
        if "rate" in wanted or "burst" in wanted:
            self._limit(wanted.get("rate", self.rate), wanted.get("burst", self.burst))
        return None

    def _limit(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._bucket = TokenBucket(rate, burst + 1)  # nginx lets `burst` wait behind the one being served

    def refuse(self, request: Request, now: float) -> Response | None:
        """nginx's rate limit, then the token: the answer if the request goes no further."""
        if not self._bucket.take(now):
            return Response(NGINX_429, 429, content_type="text/html")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "token" or not token:
            return failure(MALFORMED, 401)
        right = self.tokens.get(token)
        if right == "expired":
            return failure("HTTP 403: Forbidden (User account expired)", 403)
        if right == "upload" or (right == "read" and request.method == "GET"):
            return None
        return failure("HTTP 401: Unauthorized", 401)

    def submit(self, raw: bytes, forced: str | None = None) -> Response:
        """`POST /api/followup_request`; `forced` is `ignored` or `rejected`."""
        body = _load(raw)
        if isinstance(body, Response):
            return body
        if refusal := self._check(body):
            return refusal
        if forced == "ignored" or (body.get("not_if_duplicates") and self._active(body)):
            return json_response(envelope({"id": None, "ignored": True, "message": IGNORED}))
        status = self.allocations[body["allocation_id"]]["telescope"]
        if forced == "rejected":
            status = "rejected: target is below the horizon"
        number, self._next_id = self._next_id, self._next_id + 1
        self.requests[number] = {
            "id": number,
            "status": status,
            "payload": body["payload"],
            "allocation_id": body["allocation_id"],
            "obj_id": body["obj_id"],
        }
        return json_response(envelope({"id": number, "request_status": status}))

    def _check(self, body: JSON) -> Response | None:
        missing = {
            key: ["Missing data for required field."]
            for key in ("obj_id", "allocation_id", "payload")
            if key not in body
        }
        if missing:
            return failure(f"Invalid / missing parameters: {missing}")
        kinds: dict[str, tuple[type, str]] = {
            "obj_id": (str, "string"),
            "allocation_id": (int, "integer"),
            "payload": (dict, "mapping type"),
        }
        for key, (kind, words) in kinds.items():
            if not isinstance(body[key], kind) or isinstance(body[key], bool):
                return failure(f"Invalid / missing parameters: {{'{key}': ['Not a valid {words}.']}}")
        if body["allocation_id"] not in self.allocations:
            return failure(f"{SUBMIT_ERROR}: Could not find allocation with ID {body['allocation_id']}.")
        if body["obj_id"] not in self.sources:
            return failure(f"{SUBMIT_ERROR}: Could not find object with ID {body['obj_id']}.")
        return None

    def _active(self, body: JSON) -> bool:
        return any(
            r["obj_id"] == body["obj_id"]
            and r["allocation_id"] == body["allocation_id"]
            and r["status"] == "submitted"
            for r in self.requests.values()
        )

    def find(self, query: Mapping[str, str]) -> Response:
        """`GET /api/followup_request`: `sourceID` and `status` are parts of what is looked for; by pages."""
        found = [
            r
            for r in self.requests.values()
            if query.get("sourceID", "") in r["obj_id"]
            and query.get("allocationID", str(r["allocation_id"])) == str(r["allocation_id"])
            and query.get("status", "").lower() in r["status"].lower()
        ]
        page, size = int(query.get("pageNumber", 1)), min(int(query.get("numPerPage", PAGE)), LARGEST_PAGE)
        data = {
            "followup_requests": found[(page - 1) * size : page * size],
            "totalMatches": len(found),
            "pageNumber": page,
            "numPerPage": size,
        }
        return json_response(envelope(data))

    def show(self, number: int) -> Response:
        """`GET /api/followup_request/<id>`."""
        found = self.requests.get(number)
        return json_response(envelope(found)) if found else failure("Could not retrieve followup request.")

    def update(self, number: int, raw: bytes) -> Response:
        """`PUT /api/followup_request/<id>`: a body with `status` is applied as it is; else it is a new
        payload.
        """
        body = _load(raw)
        if isinstance(body, Response):
            return body
        found = self.requests.get(number)
        if found is None:
            return failure(f"Missing FollowUpRequest with id {number}")
        if "status" in body:
            found["status"] = body["status"]
            return json_response(envelope({}))
        if refusal := self._check(body):
            return refusal
        found["payload"] = body["payload"]
        found["status"] = self.allocations[body["allocation_id"]]["telescope"]
        return json_response(envelope({"id": number, "request_status": found["status"]}))

    def delete(self, number: int) -> Response:
        """`DELETE /api/followup_request/<id>`."""
        found = self.requests.get(number)
        if found is None or found["status"] == "deleted":
            return failure(f"Missing FollowUpRequest with id {number}")
        if not self.allocations[found["allocation_id"]]["can_delete"]:
            return failure("Cannot delete requests on this instrument.")
        if self.delete_error:
            return failure(f"Failed to delete follow-up request: {self.delete_error}")
        found["status"] = "deleted"
        return json_response(envelope({}))

    def upload(self, raw: bytes) -> Response:
        """`PUT /api/photometry`, in flux space: what is there already is put in its place again."""
        body = _load(raw)
        if isinstance(body, Response):
            return body
        columns = ("mjd", "filter", "flux", "fluxerr", "zp", "magsys")
        missing = [name for name in ("obj_id", "instrument_id", *columns) if name not in body]
        if missing:
            return failure(f"Invalid input format: missing {', '.join(missing)}")
        if len({len(body[name]) for name in columns}) != 1 or not body["mjd"]:
            return failure("Invalid input format: columns of different lengths")
        if body["obj_id"] not in self.sources:
            return failure(f"Invalid input: source {body['obj_id']} is not known")
        if any(not isinstance(error, int | float) or error <= 0 for error in body["fluxerr"]):
            return failure("Invalid input: fluxerr must be positive")
        if any(flux is None for flux in body["flux"]):
            return failure("Invalid input: a flux that is missing")
        if unknown := sorted({name for name in body["filter"] if name in _NO_FILTERS}):
            return failure(f"Filter(s) {unknown} is not allowed.")
        keys = list(zip(body["mjd"], body["flux"], body["fluxerr"], strict=True))
        if len(set(keys)) < len(keys):
            return failure("ON CONFLICT DO UPDATE command cannot affect row a second time", 500)
        for values in zip(*(body[name] for name in columns), strict=True):
            row = dict(zip(columns, values, strict=True))
            self.photometry[body["obj_id"], row["mjd"], row["filter"]] = row
        return json_response(envelope({"ids": list(range(1, len(body["mjd"]) + 1)), "upload_id": "1"}))

    def source(self, obj_id: str) -> Response:
        """`GET /api/sources/<obj_id>`: position in degrees, ICRS."""
        found = self.sources.get(obj_id)
        return json_response(envelope({"id": obj_id, **found})) if found else failure("Source not found", 404)


def _load(raw: bytes) -> JSON | Response:
    try:
        body = json.loads(raw)
    except ValueError:
        return failure("Malformed JSON data")
    return body if isinstance(body, dict) else failure("Malformed JSON data")


class SkyPortalClient:
    """A SkyPortal instance that calls a GENERIC endpoint, habits included (card, "Operations" and
    "Pitfalls").

    Update is a second POST; only the newest answer's `data.id` can be deleted; the id goes into the URL as it
    is, after whatever `endpoint` ends in; only 200 is a success; redirects are followed.
    """

    def __init__(self, endpoint: str, api_token: str, allocation_id: int) -> None:
        self.endpoint = endpoint
        self.allocation_id = allocation_id
        self.status = "pending submission"
        self._headers = {"Authorization": f"token {api_token}"}
        self._newest_answer: str | None = None

    def submit(self, obj_id: str, payload: JSON) -> str:
        """POST the three keys; the status SkyPortal would then show."""
        body = {"obj_id": obj_id, "allocation_id": self.allocation_id, "payload": payload}
        answer = requests.post(self.endpoint, json=body, headers=self._headers, timeout=30)
        self._newest_answer = answer.text
        self.status = "submitted" if answer.status_code == 200 else f"rejected: {answer.text}"
        return self.status

    def update(self, obj_id: str, payload: JSON) -> str:
        """The identical kind of POST."""
        return self.submit(obj_id, payload)

    def delete(self) -> str:
        """DELETE the id of the newest answer; `ValueError` with SkyPortal's message if that cannot be."""
        if self._newest_answer is None:
            self.status = "deleted"
            return self.status
        try:
            number = json.loads(self._newest_answer)["data"]["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"Failed to delete follow-up request: {error}") from error
        answer = requests.delete(f"{self.endpoint}/{number}", headers=self._headers, timeout=30)
        self._newest_answer = answer.text
        if answer.status_code >= 400:
            raise ValueError(f"Error deleting request: status {answer.status_code}")
        self.status = "deleted"
        return self.status
