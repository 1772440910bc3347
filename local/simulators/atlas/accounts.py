"""The users of the ATLAS simulator, how a request names one, and how many each may make (card,
"Credentials").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug import Request, Response

from local.simulators.base import JSON, json_response
from local.simulators.rates import SlidingWindow

DEMO_TOKEN = "0123456789abcdef0123456789abcdef01234567"
OTHER_TOKEN = "89abcdef0123456789abcdef0123456789abcdef"
INACTIVE_TOKEN = "fedcba9876543210fedcba9876543210fedcba98"
PASSWORD = "forced-photometry"


@dataclass(frozen=True)
class User:
    """An account of the server."""

    id: int
    name: str
    active: bool = True


SEEDED_USERS: dict[str, User] = {
    DEMO_TOKEN: User(1201, "astro1"),
    OTHER_TOKEN: User(1202, "astro2"),
    INACTIVE_TOKEN: User(1203, "astro3", active=False),
}


class Denied(Exception):
    """401 or 403 with `{"detail": ...}`."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Throttled(Exception):
    """Too many requests; `wait_s` whole seconds to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class Throttle:
    """`per_minute` requests for each user, or for each address without one."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: dict[object, SlidingWindow] = {}

    def check(self, key: object, now: float) -> None:
        """Count one request at `now` (Unix seconds); `Throttled` if it is one too many."""
        wait = self._windows.setdefault(key, SlidingWindow(self._per_minute)).take(now)
        if wait is not None:
            raise Throttled(wait)


def identify(request: Request, users: Mapping[str, User]) -> User | None:
    """The user of the request's token or password; None without credentials; `Denied` if they are wrong."""
    given = request.authorization
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and given is not None:
        named = {user.name: user for user in users.values()}
        found = named.get(given.username or "")
        if found is None or given.password != PASSWORD:
            raise Denied(401, "Invalid username/password.")
    elif scheme.lower() == "token":
        if not value.strip():
            raise Denied(401, "Invalid token header. No credentials provided.")
        if " " in value.strip():
            raise Denied(401, "Invalid token header. Token string should not contain spaces.")
        found = users.get(value.strip())
        if found is None:
            raise Denied(401, "Invalid token.")
    else:
        return None
    if not found.active:
        raise Denied(401, "User inactive or deleted.")
    return found


def token_for(sent: JSON, users: Mapping[str, User]) -> Response:
    """The answer of `POST /api-token-auth/`."""
    missing = {name: ["This field is required."] for name in ("username", "password") if not sent.get(name)}
    if missing:
        return json_response(missing, 400)
    for token, user in users.items():
        if user.name == sent["username"] and user.active and sent["password"] == PASSWORD:
            return json_response({"token": token})
    return json_response({"non_field_errors": ["Unable to log in with provided credentials."]}, 400)
