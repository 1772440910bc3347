"""How the two gateways answer (card ztf.md: Failures, Gateways): one class each."""

from __future__ import annotations

import json
from typing import Protocol

from werkzeug import Response

from local.simulators.base import JSON, json_response
from local.simulators.ztf import shape

BODY_LIMIT = 1024 * 1024
_PATHS = {"ztf": "queues", "ztfmma": "mma_skymaps"}
_NAMES = {"ztf": "queue_name", "ztfmma": "trigger_name"}
_REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found"}
_WHAT = {
    ("ztf", "PUT"): "ZTF trigger attempt",
    ("ztf", "DELETE"): "ZTF queue delete attempt",
    ("ztfmma", "PUT"): "ZTF MMA trigger submission attempt",
    ("ztfmma", "DELETE"): "ZTF MMA trigger delete attempt",
}


class Personality(Protocol):
    """What a gateway answers, where the two differ."""

    reads_one: bool

    def serves(self, kind: str) -> bool:
        """Whether it has this route."""

    def tests(self, method: str) -> bool:
        """Whether its test route takes this method."""

    def unauthorized(self, header: str | None, admin: str, other: str) -> Response | None:
        """The answer to a bad token; None for a good one."""

    def too_large(self, size: int) -> Response | None:
        """The answer to a body over the limit; None below it."""

    def body(self, content: bytes) -> JSON:
        """The body's JSON. Raises ValueError."""

    def bad_json(self, text: str, method: str) -> Response:
        """The answer to a body that is not JSON."""

    def wrong_shape(self, kind: str, method: str, body: JSON) -> Response | None:
        """The answer to a body that lacks something; None where it does not."""

    def tested(self, message: str) -> Response:
        """The test route's success."""

    def duplicate(self, kind: str, text: str) -> Response:
        """The answer to a name that is in use."""

    def rejected(self, kind: str, method: str, status: int) -> Response:
        """The scheduler's refusal."""

    def unreachable(self, state: str) -> Response:
        """Without an answer of the scheduler's: `down`, `slow` or `tunnel`."""

    def not_json(self, path: str) -> Response:
        """Where the scheduler answered with plain text."""

    def http_error(self, code: int) -> Response:
        """An unknown path, a wrong method."""


def error(status: int, message: str) -> Response:
    """Both gateways' error body."""
    return json_response({"status": "error", "message": message}, status)


def _json(content: bytes) -> JSON:
    found = json.loads(content) if content else {}
    if not isinstance(found, dict):
        raise ValueError("the body is not an object")
    return found


class Kowalski:
    """Answers 400 for whatever goes wrong behind it."""

    reads_one = True

    def serves(self, kind: str) -> bool:
        """Both."""
        return True

    def tests(self, method: str) -> bool:
        """All three."""
        return True

    def unauthorized(self, header: str | None, admin: str, other: str) -> Response | None:
        """A JWT, with or without the word Bearer."""
        if header is None:
            return error(401, "Unauthorized")
        scheme, _, rest = header.partition(" ")
        if scheme == "Bearer" and not rest.strip():
            text = "500 Internal Server Error\n\nServer got itself in trouble"
            return Response(text, 500, content_type="text/plain; charset=utf-8")
        token = rest if scheme == "Bearer" else header
        if token == other:
            return error(403, "Forbidden")
        return None if token == admin else error(400, "token is invalid")

    def too_large(self, size: int) -> Response | None:
        """1 MiB."""
        if size <= BODY_LIMIT:
            return None
        text = f"Maximum request body size {BODY_LIMIT} exceeded, actual body size {size}"
        return Response(text, 413, content_type="text/plain; charset=utf-8")

    def body(self, content: bytes) -> JSON:
        """Also of a GET."""
        return _json(content)

    def bad_json(self, text: str, method: str) -> Response:
        """By the exception's name."""
        return error(400, f"JSONDecodeError: {text}")

    def wrong_shape(self, kind: str, method: str, body: JSON) -> Response | None:
        """By its models' words."""
        text = shape.problems(kind, method, body)
        return error(400, f"ValidationError: {text}") if text else None

    def tested(self, message: str) -> Response:
        """Without data."""
        return json_response({"status": "success", "message": message})

    def duplicate(self, kind: str, text: str) -> Response:
        """Its own mistake, where 409 was meant."""
        return error(400, f"KeyError: '{_NAMES[kind]}'")

    def rejected(self, kind: str, method: str, status: int) -> Response:
        """The reason is lost: it prints the method that would have read it."""
        plain = "<CIMultiDictProxy('Content-Type': 'text/plain; charset=utf-8')>"
        shown = f"<ClientResponse(http://127.0.0.1:40211/{_PATHS[kind]}) [{status} {_REASONS[status]}]>"
        text = f"{_WHAT[kind, method]} rejected: <bound method ClientResponse.text of {shown}\n{plain}\n>"
        return error(400, text)

    def unreachable(self, state: str) -> Response:
        """400, with the exception's name."""
        texts = {
            "down": "ClientConnectorError: Cannot connect to host 127.0.0.1:40211 ssl:default",
            "slow": "TimeoutError",
            "tunnel": "BaseSSHTunnelForwarderError: Could not establish session to SSH gateway",
        }
        return error(400, texts[state])

    def not_json(self, path: str) -> Response:
        """One unknown queue is asked for."""
        text = "404, message='Attempt to decode JSON with unexpected mimetype: text/plain; charset=utf-8'"
        return error(400, f"ContentTypeError: {text}, url='http://127.0.0.1:40211/{path}'")

    def http_error(self, code: int) -> Response:
        """JSON for an unknown path, text for a wrong method."""
        if code == 404:
            return error(404, "Not Found")
        return Response(f"{code}: Method Not Allowed", code, content_type="text/plain; charset=utf-8")


class Ztfpass:
    """The drop-in replacement: queues only."""

    reads_one = False

    def serves(self, kind: str) -> bool:
        """No sky map triggers."""
        return kind == "ztf"

    def tests(self, method: str) -> bool:
        """PUT only."""
        return method == "PUT"

    def unauthorized(self, header: str | None, admin: str, other: str) -> Response | None:
        """One of a list of tokens, and exactly `Bearer ` before it."""
        if header is None or not header.startswith("Bearer "):
            return error(401, "missing bearer token")
        return None if header.removeprefix("Bearer ") == admin else error(401, "invalid token")

    def too_large(self, size: int) -> Response | None:
        """No limit is known."""
        return None

    def body(self, content: bytes) -> JSON:
        """That of a GET is ignored."""
        return _json(content)

    def bad_json(self, text: str, method: str) -> Response:
        """Like a wrong form."""
        return error(400, f"invalid {_kind(method)} payload: {text}")

    def wrong_shape(self, kind: str, method: str, body: JSON) -> Response | None:
        """In words of its own."""
        text = shape.problems(kind, method, body)
        return error(400, f"invalid {_kind(method)} payload: {text}") if text else None

    def tested(self, message: str) -> Response:
        """With null data."""
        return json_response({"status": "success", "message": message, "data": None})

    def duplicate(self, kind: str, text: str) -> Response:
        """As it was meant."""
        return error(409, text)

    def rejected(self, kind: str, method: str, status: int) -> Response:
        """The reason is lost here too."""
        what = "ZTF trigger attempt" if method == "PUT" else "ZTF delete attempt"
        return error(400, f"{what} rejected: None")

    def unreachable(self, state: str) -> Response:
        """Plain text."""
        return Response("Internal Server Error", 500, content_type="text/plain; charset=utf-8")

    def not_json(self, path: str) -> Response:
        """It never asks for one queue."""
        return self.http_error(404)

    def http_error(self, code: int) -> Response:
        """FastAPI's."""
        return json_response({"detail": "Not Found" if code == 404 else "Method Not Allowed"}, code)


def _kind(method: str) -> str:
    return "delete" if method == "DELETE" else "trigger"


PERSONALITIES: dict[str, type[Kowalski] | type[Ztfpass]] = {"kowalski": Kowalski, "ztfpass": Ztfpass}
