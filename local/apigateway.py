"""What an HTTP API of API Gateway makes of a request, and of a function's answer (payload format 2.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
.../http-api-develop-routes.html, .../http-api-lambda-authorizer.html
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from local.system import ACCOUNT, Route, arn

API_ID = "local"
TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
TEXT_SUFFIXES = ("+json", "+xml")
OWN_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})


@dataclass(frozen=True)
class Request:
    """An HTTP request. `target` is the request line's, `headers` the pairs as they came."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The decoded path: HTTP APIs decode `rawPath` too."""
        return unquote(urlsplit(self.target).path) or "/"

    @property
    def query(self) -> str:
        """The query as it came."""
        return urlsplit(self.target).query


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


def message(status: int, text: str) -> Answer:
    """An answer of API Gateway's own."""
    return Answer(status, json.dumps({"message": text}).encode(), (("Content-Type", "application/json"),))


@dataclass(frozen=True)
class Match:
    """The route a request takes, and the values of its path's variables."""

    route: Route
    parameters: Mapping[str, str]


def match(routes: Sequence[Route], method: str, path: str) -> Match | None:
    """The most specific route: literal, `{variable}`, `{greedy+}`, $default; its own method before ANY."""
    best: tuple[tuple[Any, ...], Match] | None = None
    for route in routes:
        if route.method not in ("ANY", method) or route.path == "$default":
            continue
        found = _match_path(route.path, path)
        if found is None:
            continue
        parameters, ranks = found
        rank = (ranks, route.method == method)
        if best is None or rank > best[0]:
            best = rank, Match(route, parameters)
    if best:
        return best[1]
    return next((Match(route, {}) for route in routes if route.path == "$default"), None)


def _match_path(pattern: str, path: str) -> tuple[dict[str, str], tuple[int, ...]] | None:
    wanted, given = pattern.split("/"), path.split("/")
    parameters: dict[str, str] = {}
    ranks: list[int] = []
    for index, part in enumerate(wanted):
        if part.startswith("{") and part.endswith("+}"):
            rest = "/".join(given[index:])
            return ({**parameters, part[1:-2]: rest}, (*ranks, 0)) if rest else None
        if index >= len(given):
            return None
        if part.startswith("{") and part.endswith("}"):
            if not given[index]:
                return None
            parameters[part[1:-1]] = given[index]
            ranks.append(1)
        elif part == given[index]:
            ranks.append(2)
        else:
            return None
    return (parameters, tuple(ranks)) if len(wanted) == len(given) else None


def event(request: Request, found: Match, moment: datetime, authorizer: Any = None) -> dict[str, Any]:
    """The function's event. `authorizer` is the context that the authorizer gave."""
    headers, cookies = _headers(request)
    context = {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        **({"authorizer": {"lambda": authorizer}} if authorizer is not None else {}),
        "domainName": headers["host"],
        "domainPrefix": headers["host"].split(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": headers["x-amzn-trace-id"].removeprefix("Root=1-"),
        "routeKey": found.route.key,
        "stage": "$default",
        "time": moment.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(moment.timestamp() * 1000),
    }
    optional = {
        "cookies": cookies,
        "queryStringParameters": _query(request.query),
        "pathParameters": dict(found.parameters),
    }
    return {
        "version": "2.0",
        "routeKey": found.route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        **{name: value for name, value in optional.items() if value},
        "headers": headers,
        "requestContext": context,
        **_body(request.body, headers.get("content-type", "")),
    }


def authorizer_event(integration_event: Mapping[str, Any]) -> dict[str, Any]:
    """The authorizer's event, made from the function's: without the body."""
    left_out = ("body", "isBase64Encoded")
    context = integration_event["requestContext"]
    method, path = context["http"]["method"], context["http"]["path"]
    return {
        **{name: value for name, value in integration_event.items() if name not in left_out},
        "type": "REQUEST",
        "routeArn": arn("execute-api", f"{API_ID}/$default/{method}{path}"),
        "identitySource": None,
    }


def authorized(result: Any) -> tuple[bool, Any]:
    """Whether a simple response lets the request in, and its context. Raises ValueError if it is none."""
    if not isinstance(result, dict) or not isinstance(result.get("isAuthorized"), bool):
        raise ValueError("not an authorizer's simple response")
    return result["isAuthorized"], result.get("context") or {}


def answer(result: Any) -> Answer:
    """The HTTP answer that a function's result means. Raises ValueError where API Gateway answers 500."""
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return Answer(200, text.encode(), (("Content-Type", "application/json"),))
    try:
        status = int(result["statusCode"])
    except (TypeError, ValueError):
        raise ValueError("statusCode is no number") from None
    given = result.get("headers") or {}
    if not isinstance(given, dict) or any(isinstance(value, dict | list) for value in given.values()):
        raise ValueError("headers are no map of strings")
    headers = [(name, _text(value)) for name, value in given.items() if name.lower() not in OWN_HEADERS]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "text/plain;charset=UTF-8"))
    headers += [("Set-Cookie", cookie) for cookie in result.get("cookies") or []]
    return Answer(status, _decoded(result), headers)


def _decoded(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ValueError("body is no string")
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ValueError("body is not base64") from None


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _headers(request: Request) -> tuple[dict[str, str], list[str]]:
    """Lower-cased headers, repeated ones joined, with API Gateway's own; and the cookies, taken out."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        key = name.lower()
        if key == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        elif key != "connection":
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    headers.setdefault("host", "localhost")
    headers["content-length"] = str(len(request.body))
    headers["x-amzn-trace-id"] = f"Root=1-{uuid.uuid4()}"
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    headers["x-forwarded-port"] = headers["host"].rpartition(":")[2] if ":" in headers["host"] else "80"
    headers["x-forwarded-proto"] = "http"
    return headers, cookies


def _query(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    kind = content_type.split(";")[0].strip().lower()
    if kind.startswith("text/") or kind in TEXT_TYPES or kind.endswith(TEXT_SUFFIXES):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
