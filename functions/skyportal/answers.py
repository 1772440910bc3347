"""Answers as a SkyPortal reads them: `data.id` in every one, short, JSON, 200 for what went well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from slew import http_api
from slew.errors import Problem
from slew.notice import short

LONGEST = 300
"""Characters of a message: the sender shows the whole body, untruncated, as the request's status."""


class Refusal(Problem):
    """An answer to the sender that is no success; `request_id`: what a later DELETE has to name."""

    def __init__(self, status: int, detail: str, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]
        self.request_id = request_id


def success(request_id: str, status: str, message: str = "") -> Response[Any]:
    """200: anything else, 201 and 202 included, is shown as rejected there."""
    content = {"status": "success", "data": {"id": request_id, "request_status": status}}
    return http_api.answer({**content, "message": short(message, LONGEST)} if message else content)


def failure(status: int, message: str, request_id: str | None) -> Response[Any]:
    """The sender reads `data.id` of the newest answer, of a failed one too, when it comes to delete."""
    data = {"id": request_id} if request_id else {}
    return http_api.answer({"status": "error", "message": short(message, LONGEST), "data": data}, status)


def reformed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """A problem document of the routing's own, as of an unknown path, in the form that a sender reads."""
    content = {"status": "error", "message": told(json.loads(answer["body"])), "data": {}}
    headers = {**answer["headers"], "Content-Type": http_api.JSON}
    return {**answer, "headers": headers, "body": json.dumps(content)}


def told(document: Mapping[str, Any]) -> str:
    """What a problem document says, in a few words."""
    return short(str(document.get("detail") or document.get("title") or "refused"), LONGEST)
