"""Everything that is kept of a group: allocations without secrets, requests with all that belongs to them."""

from __future__ import annotations

import json
from typing import Any

from queries import results
from slew import objects, payloads, retrieval, store
from slew.errors import NotFound, TooLarge
from slew.records import Request

MOST = 50
MOST_ALLOCATIONS = 200
ENOUGH = 4 * 1024 * 1024
"""Bytes that a page has at most, unless one request alone has more: Lambda answers at most 6 MB."""
ALONE = 1024 * 1024
"""A payload or a light curve of more bytes is not in the page; a link to it is."""
_ALLOCATIONS = "allocations#"


def page(group: str, before: str | None) -> tuple[dict[str, Any], str | None]:
    """One page, and the cursor of the next: allocations, then requests, both newest first."""
    document: dict[str, Any] = {"group": group, "allocations": [], "requests": []}
    if before is None or before.startswith(_ALLOCATIONS):
        at = before.removeprefix(_ALLOCATIONS) if before else None
        allocations, following = store.list_allocations({"group": group}, None, at, MOST_ALLOCATIONS)
        document["allocations"] = [each.view() for each in allocations]
        if following is not None:
            return document, f"{_ALLOCATIONS}{following}"
        before = None
    size = _size(document)
    for _ in range(MOST):
        found, following = store.list_requests([group], {}, None, before, 1)
        whole = [_whole(request) for request in found]
        size += _size(whole)
        if document["requests"] and size > ENOUGH:
            break
        document["requests"] += whole
        before = following
        if before is None:
            break
    return document, before


def _whole(request: Request) -> dict[str, Any]:
    payload, payload_link = _payload(request)
    rows = _rows(request)
    return {
        **request.view(),
        "payload": payload,
        "payload_link": payload_link,
        "history": store.history(request.id),
        "transactions": store.exchanges(request.id),
        "products": results.products(request),
        "photometry": rows,
        "photometry_links": _links(request) if rows is None else [],
    }


def _payload(request: Request) -> tuple[dict[str, Any], str | None]:
    """The payload as given, or its outline with a link to it; without one where the bucket has it no more."""
    try:
        payload = payloads.whole(request)
    except NotFound:
        return dict(request.payload), None
    if request.payload_object is None or _size(payload) <= ALONE:
        return payload, None
    return dict(request.payload), objects.link(request.payload_object)


def _rows(request: Request) -> list[dict[str, Any]] | None:
    """The measurements; None where they are too many for a page."""
    try:
        rows = retrieval.rows(request)
    except TooLarge:
        return None
    return rows if _size(rows) <= ALONE else None


def _links(request: Request) -> list[str]:
    """To the measurements of each product, JSON; their names are in those of the products."""
    fetches = store.fetches(request.id).values()
    return [objects.link(each["rows_object"]) for each in fetches if each.get("rows_object")]


def _size(data: Any) -> int:
    return len(json.dumps(data, ensure_ascii=False).encode())
