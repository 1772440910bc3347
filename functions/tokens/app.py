"""The function of `/tokens`: an admin makes, lists and revokes bearer tokens."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from slew import (
    aws,
    config,
    http_api,
    redact,
    startup,
    tokens,
)
from slew.errors import NotFound
from slew.models import Address, Identifier, Line, Model
from slew.principals import Role, from_event
from slew.validation import parse

app = http_api.resolver()
http_api.refuse_unknown(app, http_api.path_methods({"/tokens": ["GET", "POST"], "/tokens/{id}": ["DELETE"]}))


class TokenBody(Model):
    """Body of `POST /tokens`."""

    name: Line = Field(min_length=1, max_length=100, description="Whose it is, or what for")
    role: str = Field(description="viewer, observer, manager or admin")
    groups: tuple[Identifier, ...] = Field(
        (), max_length=100, description="Groups it is good for; an admin's is good for all"
    )
    username: Line = Field(
        "", max_length=100, description="Requester's account name, where a request names none"
    )
    email: Address = Field("", description="Requester's address, where a request names none")
    days: float | None = Field(365, gt=0, le=3660, description="Until it expires; null: never")


@app.post("/tokens")
def issue() -> Response[Any]:
    """Make a token; the answer is the only place where it is ever seen."""
    _require_admin()
    body = parse(TokenBody, http_api.json_body(app.current_event.raw_event))
    token = tokens.issue(
        aws.client("dynamodb"),
        config.table(),
        name=body.name,
        role=body.role,
        groups=body.groups,
        username=body.username,
        email=body.email,
        days=body.days,
    )
    return http_api.answer({"token": token, "id": tokens.id_of(token), **body.model_dump(mode="json")}, 201)


@app.get("/tokens")
def listed() -> Response[Any]:
    """Every token's record, without the token."""
    _require_admin()
    return http_api.answer({"tokens": tokens.listed(aws.client("dynamodb"), config.table())})


@app.delete("/tokens/<id>")
def revoke(id: str) -> Response[Any]:
    """End a token, at once."""
    _require_admin()
    if not tokens.revoke(aws.client("dynamodb"), config.table(), id):
        raise NotFound(f"there is no token {id!r}")
    return http_api.nothing()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload 2.0."""
    startup.done()
    redact.use(redact.Redactor())
    return app.resolve(event, context)


def _require_admin() -> None:
    from_event(app.current_event.raw_event).require_role(Role.ADMIN)
