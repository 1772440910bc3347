"""This deployment's own API, called with the sender's own token.

So a trigger of a SkyPortal passes the same checks, and the same gate to the telescope, as any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skyportal.budget import Budget
from slew import config, redact
from slew.errors import NotSent, Unanswered
from slew.http import Http
from slew.wire import HttpRequest


@dataclass(frozen=True)
class Reply:
    """Status and JSON of an answer; status 0 where there was none in time, and the work may go on."""

    status: int
    content: Mapping[str, Any]


class Api:
    """The API as the caller of this invocation may use it, for as long as the budget lasts."""

    def __init__(self, event: Mapping[str, Any], budget: Budget) -> None:
        self._budget = budget
        self._authorization = event["headers"]["authorization"]
        token = self._authorization.partition(" ")[2].strip()
        self._http = Http(redact.use(redact.Redactor([token])))
        self._base = config.api_url() or f"https://{event['requestContext']['domainName']}"

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Call it."""
        wanted = {"Authorization": self._authorization, **(headers or {})}
        url = self._base + path
        if body is None:
            request = HttpRequest(method, url, wanted)
        else:
            request = HttpRequest.of_json(method, url, body, wanted)
        try:
            answer = self._http.send(request, read_timeout=self._budget.left())
        except Unanswered:
            return Reply(0, {})
        except NotSent as error:
            return Reply(503, {"detail": error.reason})
        try:
            content = json.loads(answer.body) if answer.body else {}
        except ValueError:
            content = {}
        return Reply(answer.status, content if isinstance(content, dict) else {})
