"""`GET /requests/{id}/photometry.png`: the light curve of a request.

Shown to whoever may read the request, and to whoever has the link with the request's own key, which the
completion messages carry: mail and Slack open links without our tokens.
"""

from __future__ import annotations

import hmac
from typing import Any

from aws_lambda_powertools.event_handler import Response

from plots import figure
from slew import http_api, light_curve, redact, retrieval, startup, store
from slew.errors import NotFound
from slew.principals import Role, from_event
from slew.records import Request

app = http_api.resolver()
http_api.refuse_unknown(app, http_api.path_methods({"/requests/{id}/photometry.png": ["GET"]}))


@app.get("/requests/<id>/photometry.png")
def plot(id: str) -> Response[Any]:
    """A PNG. The cuts are those of `GET /requests/{id}/photometry`."""
    parameters = http_api.query(_event(), "key", *light_curve.CUTS)
    request = _request(id, parameters.get("key"))
    cuts = light_curve.cuts_of(parameters)
    rows = light_curve.select(retrieval.rows(request), cuts)
    title = f"{request.target['name']} - {request.facility_title}"
    return Response(
        status_code=200,
        content_type="image/png",
        body=figure.draw(rows, title),
        headers={"Cache-Control": "private, max-age=60"},
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload 2.0."""
    startup.done()
    redact.use(redact.Redactor())
    return app.resolve(event, context)


def _request(request_id: str, key: str | None) -> Request:
    """Raises NotFound (also for a wrong key), Unauthorized, Forbidden."""
    found = store.get_request(request_id) if len(request_id) <= 64 else None
    if key is None:
        principal = from_event(_event())
        if found is not None:
            principal.require(Role.VIEWER, found.group)
    elif found is None or not found.share or not hmac.compare_digest(found.share.encode(), key.encode()):
        found = None
    if found is None:
        raise NotFound(f"there is no request {request_id!r}")
    return found


def _event() -> dict[str, Any]:
    raw: dict[str, Any] = app.current_event.raw_event
    return raw
