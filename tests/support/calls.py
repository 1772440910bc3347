"""Calling a handler as API Gateway would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Context:
    """A Lambda context with half a minute left."""

    function_name = "test"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, remaining_s: float = 30.0) -> None:
        self.remaining_s = remaining_s

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return round(self.remaining_s * 1000)


@dataclass(frozen=True)
class Reply:
    """What the handler answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


@dataclass
class Client:
    """Calls one handler over and over, as one principal."""

    handler: Handler
    role: str = "admin"
    groups: str = ""
    principal_id: str = "0123456789abcdef"
    remaining_s: float = 30.0
    context: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        raw: str | None = None,
    ) -> Reply:
        parts = urlsplit(url)
        authorizer = {
            "principal_id": self.principal_id,
            "name": "Observer",
            "role": self.role,
            "groups": self.groups,
            "username": "observer1",
            "email": "observer1@example.org",
            **self.context,
        }
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "ANY /x",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": {key.lower(): value for key, value in (headers or {}).items()},
            "requestContext": {
                "http": {
                    "method": method,
                    "path": parts.path,
                    "sourceIp": "192.0.2.1",
                    "protocol": "HTTP/1.1",
                },
                "stage": "$default",
                "requestId": "id",
                "authorizer": {"lambda": authorizer},
            },
            "isBase64Encoded": False,
        }
        if parts.query:
            event["queryStringParameters"] = dict(parse_qsl(parts.query))
        if raw is not None or body is not None:
            event["body"] = raw if raw is not None else json.dumps(body)
        answer = self.handler(event, Context(self.remaining_s))
        return Reply(answer["statusCode"], answer.get("headers", {}), answer.get("body") or "")
