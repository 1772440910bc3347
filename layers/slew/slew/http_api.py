"""The HTTP edge that every function shares.

Reading API Gateway events, JSON answers, problem documents (RFC 9457).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from slew import aws, redact
from slew.characters import writable
from slew.errors import Invalid, MethodNotAllowed, NotFound, Problem, TooLarge
from slew.log import logger
from slew.validation import BODY_LIMIT, parse_body

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"


def resolver() -> APIGatewayHttpResolver:
    """A resolver whose every failure is a problem document."""
    app = APIGatewayHttpResolver()
    app.exception_handler(Problem)(problem)
    app.exception_handler(Exception)(_unexpected)
    return app


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """A JSON answer."""
    return Response(
        status_code=status,
        content_type=JSON,
        body=writable(json.dumps(body, ensure_ascii=False, allow_nan=False)),
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def nothing(status: int = 204) -> Response[Any]:
    """An answer without a body."""
    return Response(status_code=status)


def problem(error: Problem) -> Response[Any]:
    """A problem document; its texts pass the redactor."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        document["errors"] = [each.as_dict() for each in error.errors]
    return Response(
        status_code=error.status,
        content_type=PROBLEM_JSON,
        body=writable(json.dumps(redact.current.data(document), ensure_ascii=False)),
        headers={
            "Cache-Control": "no-store",
            **({"Allow": ""} if error.status == 405 else {}),
            **error.headers,
        },
    )


def json_body(event: Mapping[str, Any], *, optional: bool = False, limit: int = BODY_LIMIT) -> Any:
    """The request's body. Raises TooLarge, Invalid."""
    text = body_text(event, limit)
    if optional and not text.strip():
        return {}
    return parse_body(text, limit=limit)


def body_text(event: Mapping[str, Any], limit: int = BODY_LIMIT) -> str:
    """The request's body as it was sent; `limit` is of what is encoded. Raises TooLarge, Invalid."""
    text: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        if len(text) > limit * 4 // 3 + 4:
            raise TooLarge(f"the body is over {limit // 1024} KiB")
        try:
            text = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid.field(["body"], "is not UTF-8 text") from None
    return text


def header(event: Mapping[str, Any], name: str) -> str | None:
    """A request's header, by its name in lower case."""
    value = (event.get("headers") or {}).get(name)
    return str(value) if value is not None else None


def query(event: Mapping[str, Any], *known: str) -> dict[str, str]:
    """The query parameters. Raises Invalid for one that is not known here."""
    given = event.get("queryStringParameters") or {}
    for name in given:
        if name not in known:
            raise Invalid.field(
                ["query", name], f"is not a parameter of this call; known: {', '.join(known) or 'none'}"
            )
    return dict(given)


def flag(parameters: Mapping[str, str], name: str) -> bool:
    """A true/false query parameter, false by default. Raises Invalid."""
    value = parameters.get(name, "false")
    if value not in ("true", "false"):
        raise Invalid.field(["query", name], "must be true or false")
    return value == "true"


def refuse_unknown(app: APIGatewayHttpResolver, allowed: Callable[[str], Sequence[str]]) -> None:
    """Answer 405 for a known path under a method it has not, and 404 for the rest.

    `allowed` gives a path's methods.
    """

    @app.not_found
    def not_found(_error: Exception) -> Response[Any]:
        path = app.current_event.path
        methods = allowed(path)
        if methods and app.current_event.http_method not in methods:
            return problem(
                MethodNotAllowed(
                    f"{app.current_event.http_method} is not possible here",
                    headers={"Allow": ", ".join(methods)},
                )
            )
        return problem(NotFound(f"there is nothing at {path}"))


def path_methods(routes: Mapping[str, Sequence[str]]) -> Callable[[str], Sequence[str]]:
    """From `{"/requests/{id}": ["GET"]}` a function that gives a path's methods, empty where none matches."""
    patterns = [
        (re.compile(re.sub(r"\{\w+\}", r"[^/]+", template)), tuple(methods))
        for template, methods in routes.items()
    ]

    def methods_of(path: str) -> Sequence[str]:
        return next((methods for pattern, methods in patterns if pattern.fullmatch(path)), ())

    return methods_of


def as_problem(error: Exception) -> Problem:
    """What a caller is told of an error; one that is no answer of ours is logged."""
    if isinstance(error, Problem):
        return error
    busy = aws.unavailable(error)
    if busy is not None:
        logger.warning("a service is busy", exc_info=error)
        return busy
    logger.exception("unexpected", exc_info=error)
    return Problem("an internal error; it has been logged with this request's id")


def _unexpected(error: Exception) -> Response[Any]:
    return problem(as_problem(error))
