"""HTTP as the portal speaks it: credentials, bodies, pages, throttles and the answers when they are wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from local.simulators.base import json_response
from local.simulators.observation_portal.fields import Invalid, moment

JSON = dict[str, Any]
NO_CREDENTIALS = "Authentication credentials were not provided."
FORBIDDEN = "You do not have permission to perform this action."
DAY_S = 86_400.0


def stop(body: Any, status: int, headers: dict[str, str] | None = None) -> HTTPException:
    """An answer to raise."""
    return HTTPException(response=json_response(body, status, headers))


def detail(text: str, status: int, headers: dict[str, str] | None = None) -> HTTPException:
    """`{"detail": text}` to raise."""
    return stop({"detail": text}, status, headers)


def page(title: str, status: int, text: str = "") -> Response:
    """The portal's HTML error page."""
    head = f'<!doctype html>\n<html lang="en"><head><title>{title}</title></head>'
    body = f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    return Response(head + body, status, content_type="text/html; charset=utf-8")


def token_of(request: Request, schemes: tuple[str, ...] = ("token",)) -> str | None:
    """The token sent, None for none or another scheme; ValueError tells the fault of a malformed header."""
    words = request.headers.get("Authorization", "").split()
    if not words or words[0].lower() not in schemes:
        return None
    if len(words) == 1:
        raise ValueError("Invalid token header. No credentials provided.")
    if len(words) > 2:
        raise ValueError("Invalid token header. Token string should not contain spaces.")
    if not words[1].isascii():
        raise ValueError("Invalid token header. Token string should not contain invalid characters.")
    return words[1]


def body_of(request: Request) -> Any:
    """The parsed body; an empty one is an empty object."""
    raw = request.get_data()
    kind = request.mimetype
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return dict(request.form.items())
    if not raw:
        return {}
    if kind != "application/json":
        sent = request.headers.get("Content-Type", "")
        raise detail(f'Unsupported media type "{sent}" in request.', 415)
    try:
        return json.loads(raw.decode(), parse_constant=_not_json)
    except ValueError as error:
        raise detail(f"JSON parse error - {error}", 400) from None


def _not_json(constant: str) -> Any:
    raise ValueError(f"Out of range float values are not JSON compliant: {constant!r}")


def integer_of(text: str) -> int:
    """An id in a path."""
    try:
        return int(text)
    except ValueError:
        raise detail("Not found.", 404) from None


def paged(request: Request, rows: list[JSON], default: int = 10, most: int = 1000) -> JSON:
    """`{count, next, previous, results}` by `limit` and `offset`; nonsense in either is ignored."""
    limit = _whole(request.args.get("limit"), 1) or default
    limit, offset = min(limit, most), _whole(request.args.get("offset"), 0) or 0
    return {
        "count": len(rows),
        "next": _page_url(request, limit, offset + limit) if offset + limit < len(rows) else None,
        "previous": _page_url(request, limit, offset - limit) if offset > 0 else None,
        "results": rows[offset : offset + limit],
    }


def _whole(text: str | None, least: int) -> int | None:
    try:
        value = int(text or "")
    except ValueError:
        return None
    return value if value >= least else None


def _page_url(request: Request, limit: int, offset: int) -> str:
    arguments = [
        (key, value) for key, value in request.args.items(multi=True) if key not in ("limit", "offset")
    ]
    arguments.append(("limit", str(limit)))
    if offset > 0:
        arguments.append(("offset", str(offset)))
    return f"{request.base_url}?{urlencode(sorted(arguments))}"


def time_argument(request: Request, key: str) -> datetime | None:
    """A time among the query's arguments."""
    text = request.args.get(key)
    if not text:
        return None
    try:
        return moment(text.replace(" ", "+") if "T" in text else text)
    except Invalid:
        raise stop({key: ["Enter a valid date/time."]}, 400) from None


def number_argument(request: Request, key: str) -> int | None:
    """A number among the query's arguments."""
    text = request.args.get(key)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise stop({key: ["Enter a number."]}, 400) from None


def choice_argument(request: Request, key: str, options: tuple[str, ...]) -> list[str]:
    """The values of an argument that takes codes only; may be repeated."""
    values = request.args.getlist(key)
    for value in values:
        if value not in options:
            raise stop({key: [f"Select a valid choice. {value} is not one of the available choices."]}, 400)
    return values


@dataclass
class Throttle:
    """So many calls a day and user, by scope; `None` for no limit."""

    limits: dict[str, int | None]
    _calls: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def count(self, scope: str, who: str, now: float) -> None:
        """Count a call or raise the 429."""
        limit = self.limits.get(scope)
        if limit is None:
            return
        calls = [at for at in self._calls.get((scope, who), []) if at > now - DAY_S]
        self._calls[scope, who] = calls
        if len(calls) >= limit:
            oldest = calls[0] if calls else now
            wait = math.ceil(round(DAY_S - (now - oldest), 3))
            told = f"Request was throttled. Expected available in {wait} second{'' if wait == 1 else 's'}."
            raise detail(told, 429, {"Retry-After": str(wait)})
        calls.append(now)
