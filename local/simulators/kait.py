"""KAIT's CGI script (card kait.md): the queue of `POST /cgi-bin/internal/process_kait_ztf_request.py`.

Two users are seeded (`SEEDED_USERS`). What is taken is appended to a queue and never compared with what is
there: two equal requests are two entries.

- `GET /_queue`: `[{user, at, name, ra, dec, filters, exposure}]`, the oldest first, as they were sent.
  `DELETE /_queue` forgets them.
- `POST /_config`: `{"refusal"?, "answer"?, "users"?: {name: password}}`. `refusal` is how a bad body is
  refused: `json` (200 with `success` `"false"`, an assumption) or `crash` (Apache's 500 page). `answer` is
  how a good one is answered after it has been queued: `json` as recorded, or `empty`, `text`, `boolean`,
  `full` (a refusal: nothing is queued). `users` adds or changes users.

Statuses, redirects, delays and lost connections come by the base class's `/_fault`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response

PATH = "/cgi-bin/internal/process_kait_ztf_request.py"
SEEDED_USERS = {"kaituser": "correct-horse", "kait": "kaitpw"}
KEYS = ("name", "ra", "dec", "filters", "exposure")
FILTERS = frozenset("UgrizBVRI")
COMPLETED = "The Command Completed Successfully"
REFUSALS = ("json", "crash")
ANSWERS = ("json", "boolean", "empty", "text", "full")
_SETTINGS = {"refusal", "answer", "users"}


class KaitServer(Simulator):
    """The Berkeley host on loopback."""

    name = "kait"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        self.users: dict[str, str] = {}
        self.queue: list[JSON] = []
        self.refusal, self.answer = REFUSALS[0], ANSWERS[0]
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """The one path, and this simulator's control routes."""
        return [
            Rule("/_queue", methods=["GET", "DELETE"], endpoint="control_queue"),
            Rule("/_config", methods=["GET", "POST"], endpoint="control_config"),
            Rule(PATH, methods=["POST"], endpoint="take"),
        ]

    def reset(self) -> None:
        """The seeded users, an empty queue, the recorded answers."""
        super().reset()
        self.users = dict(SEEDED_USERS)
        self.queue = []
        self.refusal, self.answer = REFUSALS[0], ANSWERS[0]

    def on_http_error(self, request: Request, error: HTTPException) -> Response:
        """Apache's page; any other path is unknown to it."""
        return apache_page(error.code or 500, error.name)

    def take(self, request: Request) -> Response:
        """`POST` of a request: who asks is checked before what."""
        basic = request.authorization
        user = basic.username if basic and basic.type == "basic" else None
        if user is None or basic is None or self.users.get(user) != basic.password:
            return apache_page(401, "Unauthorized", {"WWW-Authenticate": 'Basic realm="KAIT"'})
        try:
            wanted = read(request.get_data())
        except ValueError as error:
            return self._refuse(str(error))
        if self.answer == "full":
            return cgi_answer({"success": "false", "message": "The queue is full"})
        self.queue.append({"user": user, "at": self.clock.time(), **wanted})
        if self.answer == "empty":
            return Response("", 200, content_type="application/json")
        if self.answer == "text":
            return Response("<html><body>Request queued</body></html>", 200, content_type="text/html")
        success: Any = True if self.answer == "boolean" else "true"
        return cgi_answer({"success": success, "message": COMPLETED})

    def _refuse(self, reason: str) -> Response:
        if self.refusal == "crash":
            return apache_page(500, "Internal Server Error")
        return cgi_answer({"success": "false", "message": reason})

    # -- control routes

    def control_queue(self, request: Request) -> Response:
        """`GET /_queue`, `DELETE /_queue`."""
        with self.lock:
            if request.method == "DELETE":
                self.queue.clear()
            return json_response(self.queue)

    def control_config(self, request: Request) -> Response:
        """`GET /_config`, `POST /_config`: see the module."""
        with self.lock:
            wanted: JSON = request.get_json() if request.method == "POST" else {}
            if unknown := set(wanted) - _SETTINGS:
                return json_response({"error": f"unknown settings: {', '.join(sorted(unknown))}"}, 400)
            refusal, answer = wanted.get("refusal", self.refusal), wanted.get("answer", self.answer)
            if refusal not in REFUSALS or answer not in ANSWERS:
                return json_response({"error": f"refusal is of {REFUSALS}, answer of {ANSWERS}"}, 400)
            self.refusal, self.answer = refusal, answer
            self.users.update(wanted.get("users", {}))
            return json_response({"refusal": refusal, "answer": answer, "users": sorted(self.users)})


def read(body: bytes) -> JSON:
    """The request in a body. Raises ValueError with what the script would say."""
    try:
        content = json.loads(body)
    except ValueError:
        raise ValueError("No JSON object could be decoded") from None
    if not isinstance(content, dict):
        raise ValueError("The request must be a JSON object")
    for key in KEYS:
        if key not in content:
            raise ValueError(f"Missing key: {key}")
    if extra := sorted(set(content) - set(KEYS)):
        raise ValueError(f"Unknown key: {extra[0]}")
    _check_name(content["name"])
    _check_angle("ra", content["ra"], 0, 360)
    _check_angle("dec", content["dec"], -90, 90)
    filters = content["filters"]
    if not (isinstance(filters, str) and filters and set(filters) <= FILTERS):
        raise ValueError("Invalid filters: must be made of U g r i z B V R I")
    if content["exposure"] not in ("long", "short"):
        raise ValueError("Invalid exposure: must be long or short")
    return {key: content[key] for key in KEYS}


def _check_name(name: Any) -> None:
    if not (isinstance(name, str) and name.strip() and name.isascii() and name.isprintable()):
        raise ValueError("Invalid name")


def _check_angle(key: str, value: Any, low: float, high: float) -> None:
    """An older client sent numbers, today's sends text."""
    try:
        angle = float(value) if isinstance(value, str | int | float) and value is not True else math.nan
    except ValueError:
        angle = math.nan
    if not low <= angle <= high or (key == "ra" and angle == high):
        raise ValueError(f"Invalid {key}")


def cgi_answer(content: JSON) -> Response:
    """The script's answer as recorded: newlines around the JSON, sent in chunks."""
    text = f"\n{json.dumps(content)}\n"

    def parts() -> Iterator[bytes]:
        """Of no told length, so that the server sends them in chunks."""
        yield text[:1].encode()
        yield text[1:].encode()

    return Response(parts(), 200, {"Keep-Alive": "timeout=5, max=100"}, content_type="application/json")


def apache_page(code: int, name: str, headers: dict[str, str] | None = None) -> Response:
    """An error page of Apache's."""
    page = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
        f"<html><head>\n<title>{code} {name}</title>\n</head><body>\n<h1>{name}</h1>\n</body></html>\n"
    )
    return Response(page, code, headers, content_type="text/html; charset=iso-8859-1")
