"""Principals as callers are: each a bearer token that was made, and what the authorizer says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authorizer.app import handler as authorizer
from slew import aws, clock, config, tokens
from tests.support.calls import Context, Handler, Reply

OWN, OTHER = "red", "blue"
REFUSED = ("no token", "not a token", "expired", "revoked")
ROLES = ("viewer", "observer", "manager")


@dataclass
class Caller:
    """Somebody with a token, or without; calls a handler as API Gateway would, through the authorizer."""

    name: str
    authorization: str | None
    id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self,
        handler: Handler,
        method: str,
        url: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One call."""
        parts = urlsplit(url)
        sent = {} if self.authorization is None else {"authorization": self.authorization}
        allowed = authorizer({"headers": sent}, Context())
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": {**sent, **{name.lower(): value for name, value in (headers or {}).items()}},
            "requestContext": {
                "http": {"method": method, "path": parts.path, "sourceIp": "192.0.2.1"},
                "domainName": "api.example.org",
                "stage": "$default",
                "requestId": "id",
                "authorizer": {"lambda": allowed["context"]},
            },
            "isBase64Encoded": False,
        }
        if parts.query:
            event["queryStringParameters"] = dict(parse_qsl(parts.query))
        if body is not None:
            event["body"] = json.dumps(body)
        answer = handler(event, Context())
        return Reply(answer["statusCode"], answer.get("headers", {}), answer.get("body") or "")


def everybody() -> list[Caller]:
    """One of each kind: by role, by group, and those whose token opens nothing."""
    client, table = aws.client("dynamodb"), config.table()

    def made(name: str, role: str, groups: list[str], days: float = 1) -> Caller:
        token = tokens.issue(client, table, name=name, role=role, groups=groups, days=days)
        return Caller(name, f"Bearer {token}", tokens.id_of(token))

    def ended() -> Caller:
        """Made as if long ago."""
        now = clock.timestamp()
        token = tokens.issue(client, table, name="expired", role="admin", days=1e-9)
        assert clock.timestamp() >= now
        return Caller("expired", f"Bearer {token}", tokens.id_of(token))

    revoked = made("revoked", "admin", [])
    assert tokens.revoke(client, table, revoked.id)
    return [
        Caller("no token", None),
        Caller("not a token", "Bearer slew_" + "A" * 43),
        ended(),
        revoked,
        *(made(f"{role} of {group}", role, [group]) for group in (OWN, OTHER) for role in ROLES),
        made("admin", "admin", []),
    ]
