"""Everything that can go wrong, as one tree.

`Problem` and its subclasses are answers to the caller: the handler alone turns them into HTTP (RFC 9457).
`FacilityError` and its subclasses say how an exchange with a facility ended; the request's status follows
from the class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class SlewError(Exception):
    """Root of the tree."""


@dataclass(frozen=True)
class FieldError:
    """One bad field: where it is in the request, and what its limit is."""

    loc: tuple[str | int, ...]
    msg: str

    def as_dict(self) -> dict[str, Any]:
        """The form of RFC 9457's `errors` extension."""
        return {"loc": list(self.loc), "msg": self.msg}


class Problem(SlewError):
    """An answer to the caller that is not a success."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"

    def __init__(
        self, detail: str, errors: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class Unauthorized(Problem):
    """No token, or one that is unknown, expired or revoked."""

    status = 401
    title = "Unauthorized"


class Forbidden(Problem):
    """A known principal without the right."""

    status = 403
    title = "Forbidden"


class NotFound(Problem):
    """No such facility, allocation, request or path."""

    status = 404
    title = "Not Found"


class MethodNotAllowed(Problem):
    """The facility has no such operation, or the path no such method."""

    status = 405
    title = "Method Not Allowed"


class Conflict(Problem):
    """The state of the allocation or of the request does not allow it."""

    status = 409
    title = "Conflict"


class TooLarge(Problem):
    """The body is over the limit."""

    status = 413
    title = "Content Too Large"


class Invalid(Problem):
    """The request is not well-formed, or a field is out of its bounds."""

    status = 422
    title = "Unprocessable Content"

    @classmethod
    def field(cls, loc: Sequence[str | int], msg: str) -> Invalid:
        """One bad field."""
        return cls(f"{'.'.join(map(str, loc))}: {msg}", [FieldError(tuple(loc), msg)])


class Unavailable(Problem):
    """Slew, or the facility behind a read, cannot answer just now."""

    status = 503
    title = "Service Unavailable"


class GatewayTimeout(Problem):
    """The facility was asked and gave no answer that settles what became of it."""

    status = 504
    title = "Gateway Timeout"


class FacilityError(SlewError):
    """An exchange with a facility that did not end in its acceptance.

    `reason` is readable, at best its own words; `retry_after` the seconds that it asks to wait, if it does.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after

    @property
    def wait_header(self) -> dict[str, str]:
        """The `Retry-After` header that tells a caller the same."""
        return {"Retry-After": str(max(1, round(self.retry_after)))} if self.retry_after is not None else {}


class Rejected(FacilityError):
    """The facility answered, and refused."""


class Withdrawn(Rejected):
    """An update took the old request back, and then the facility did not take the new one: it has neither.

    `waiting`: it was not refused but could not be sent (throttled, unreachable), and may be sent later.
    """

    def __init__(self, reason: str, *, waiting: bool = False, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after)
        self.waiting = waiting


class Failed(FacilityError):
    """The facility could not be given the request, for good.

    `unconfirmed`: it says so, but may have the request; a person has to look before it is sent again.
    """

    def __init__(self, reason: str, *, unconfirmed: bool = False) -> None:
        super().__init__(reason)
        self.unconfirmed = unconfirmed


class NotSent(FacilityError):
    """Certainly not received (DNS, connect, TLS, throttled): safe to send again."""


class Unanswered(FacilityError):
    """Sent, and no answer that settles what became of it: never to be sent again by itself."""


class NoAnswer(FacilityError):
    """A harmless read failed; to be tried again later."""
