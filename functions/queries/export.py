"""Everything that is kept of a group: allocations without secrets, requests with all that belongs to them."""

from __future__ import annotations

import json
from typing import Any

from queries import results
from slew import payloads, retrieval, store
from slew.records import Request

MOST = 50
ENOUGH = 3 * 1024 * 1024
"""Bytes after which a page ends: Lambda answers at most 6 MB, and a request may bring a megabyte."""


def page(group: str, before: str | None) -> tuple[dict[str, Any], str | None]:
    """One page of a group's requests, newest first, and the cursor of the next; allocations on the first."""
    document: dict[str, Any] = {"group": group, "requests": []}
    if before is None:
        allocations, _ = store.list_allocations({"group": group}, None, None, 1000)
        document["allocations"] = [each.view() for each in allocations]
    size = 0
    for _ in range(MOST):
        found, before = store.list_requests([group], {}, None, before, 1)
        whole = [_whole(request) for request in found]
        document["requests"] += whole
        size += len(json.dumps(whole))
        if before is None or size > ENOUGH:
            break
    return document, before


def _whole(request: Request) -> dict[str, Any]:
    return {
        **request.view(),
        "payload": payloads.whole(request),
        "history": store.history(request.id),
        "transactions": store.exchanges(request.id),
        "products": results.products(request),
        "photometry": retrieval.rows(request),
    }
