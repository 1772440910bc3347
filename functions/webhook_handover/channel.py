"""One signed POST a change, to an address that the allocation names.

The receiver checks `Slew-Signature: t=<Unix seconds>,v1=<hex>`: HMAC-SHA256, with the shared secret, of
`<t>.<body>`; and drops what it has seen by `Slew-Event-Id`, for a delivery whose answer was lost comes again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from slew import clock, config, retrieval, store
from slew.delivery import Progress
from slew.errors import NotSent, Rejected, Unanswered
from slew.http import Http
from slew.notice import Notice
from slew.pages import for_people
from slew.redact import Redactor
from slew.wire import HttpRequest

_ROWS = 2000
"""More measurements than these are left to be fetched: a receiver takes no body of megabytes."""

_NOT_TOLD = ("light_curve_url", "allocation_since")


class WebhookChannel:
    """Posts to the allocation's webhook."""

    name = "webhook"
    owner = "handover"

    def secrets(self, addressee: Mapping[str, Any]) -> list[str]:
        """The key of the signature."""
        return [addressee["webhook"]["secret"]] if "webhook" in addressee else []

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Post the change. Raises Rejected or NotSent."""
        about = addressee.get("webhook")
        if about is None:
            raise Rejected("the allocation has no webhook")
        body = json.dumps(content(notice), ensure_ascii=True).encode()
        headers = {
            "Content-Type": "application/json",
            "Slew-Event-Id": notice.event_id,
            "Slew-Signature": signature(about["secret"], round(clock.timestamp()), body),
        }
        try:
            request = HttpRequest("POST", about["url"], headers, body, untrusted=True)
            answer = Http(redactor).send(request, read_timeout=10)
        except Unanswered as error:
            raise NotSent(error.reason) from None  # the receiver knows by the event's id what it has
        if answer.status == 429 or answer.status >= 500:
            raise NotSent(f"webhook: HTTP {answer.status}", answer.retry_after)
        if not 200 <= answer.status < 300:
            raise Rejected(f"webhook: HTTP {answer.status} {for_people(answer.text, 199)}")


def signature(secret: str, at: int, body: bytes) -> str:
    """The header's value."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def content(notice: Notice) -> dict[str, Any]:
    """The body: the change, the request as it stands, and its measurements if they are not too many."""
    request = store.get_request(notice.request_id)
    rows = retrieval.rows(request) if request and request.rows else []
    base = config.api_url()
    return {
        "event": {key: value for key, value in notice.as_dict().items() if key not in _NOT_TOLD},
        "request": request.view() if request else None,
        "photometry": rows if len(rows) <= _ROWS else None,
        "links": {
            "request": f"{base}/requests/{notice.request_id}",
            "products": f"{base}/requests/{notice.request_id}/products",
            "photometry": f"{base}/requests/{notice.request_id}/photometry",
            "light_curve": notice.light_curve_url,
        },
    }
