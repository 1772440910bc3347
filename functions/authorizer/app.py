"""The Lambda authorizer: a bearer token to its principal.

It always lets the call through to the function, with a principal or with the reason why there is none: only
so can a wrong token be answered with 401 and a problem document, for API Gateway itself would make it a bare
403. Each route but the public ones begins by demanding the principal (`slew.principals.from_event`).
"""

from __future__ import annotations

from typing import Any

from slew import aws, config, startup, tokens
from slew.log import logger


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A simple response of payload format 2.0."""
    startup.done()
    scheme, _, token = ((event.get("headers") or {}).get("authorization") or "").strip().partition(" ")
    if not token:
        return _nobody("a bearer token is needed: Authorization: Bearer slew_...")
    if scheme.lower() not in ("bearer", "token"):
        return _nobody("the Authorization scheme must be Bearer")
    try:
        found = tokens.identify(aws.client("dynamodb"), config.table(), token.strip())
    except Exception as error:
        busy = aws.unavailable(error)
        if busy is None:
            raise
        logger.warning("a service is busy", exc_info=error)
        return _nobody(busy.detail, retry_after=busy.headers["Retry-After"])
    if isinstance(found, str):
        logger.info("no principal", extra={"reason": found})
        return _nobody(found)
    return {"isAuthorized": True, "context": found.as_context()}


def _nobody(reason: str, **more: str) -> dict[str, Any]:
    return {"isAuthorized": True, "context": {"principal_id": "", "reason": reason, **more}}
