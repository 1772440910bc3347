"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from slew.errors import Forbidden, Unauthorized, Unavailable


class Role(IntEnum):
    """Roles, each with the rights of those before it."""

    VIEWER = 1
    """Reads the allocations and requests of its groups."""
    OBSERVER = 2
    """Submits, updates, cancels, refreshes and resubmits requests of its groups; verifies credentials."""
    MANAGER = 3
    """Makes, changes and removes allocations of its groups."""
    ADMIN = 4
    """Everything, in every group; makes and revokes tokens."""


@dataclass(frozen=True)
class Principal:
    """The holder of a token. An admin's groups do not matter."""

    id: str
    name: str
    role: Role
    groups: tuple[str, ...] = ()
    username: str = ""
    email: str = ""

    @property
    def label(self) -> str:
        """How people know it: in histories and messages."""
        return self.username or self.name or self.id

    def may(self, role: Role, group: str) -> bool:
        """Whether this principal has a role's rights in a group."""
        return self.role is Role.ADMIN or (self.role >= role and group in self.groups)

    def require(self, role: Role, group: str) -> None:
        """Raise Forbidden unless this principal has a role's rights in a group."""
        if not self.may(role, group):
            raise Forbidden(f"this needs the role {role.name.lower()} in the allocation's group")

    def require_role(self, role: Role) -> None:
        """Raise Forbidden unless this principal has a role, in whichever group."""
        if self.role < role:
            raise Forbidden(f"this needs the role {role.name.lower()}")

    def as_context(self) -> dict[str, str]:
        """The authorizer's context: API Gateway carries flat texts."""
        return {
            "principal_id": self.id,
            "name": self.name,
            "role": self.role.name.lower(),
            "groups": ",".join(self.groups),
            "username": self.username,
            "email": self.email,
        }


def from_event(event: Mapping[str, Any]) -> Principal:
    """The principal that the authorizer put into an HTTP event.

    Raises Unauthorized, with the authorizer's reason; Unavailable where it could not read the tokens.
    """
    context = ((event.get("requestContext") or {}).get("authorizer") or {}).get("lambda") or {}
    if context.get("retry_after"):
        raise Unavailable(context["reason"], headers={"Retry-After": context["retry_after"]})
    if not context.get("principal_id"):
        raise Unauthorized(
            context.get("reason") or "a bearer token is needed: Authorization: Bearer slew_...",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Principal(
        id=context["principal_id"],
        name=context["name"],
        role=Role[context["role"].upper()],
        groups=tuple(filter(None, context["groups"].split(","))),
        username=context.get("username", ""),
        email=context.get("email", ""),
    )
