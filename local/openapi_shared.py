"""The operations across facilities in the OpenAPI document: catalogue, lists, tokens."""

from __future__ import annotations

from typing import Any

from local.openapi_examples import MOMENT, TOKEN_ID
from local.openapi_operations import (
    Json,
    at,
    body,
    json_content,
    operation,
    parameters,
    reference,
    returns,
    returns_list,
)

_ISSUED: Json = {"name": "broker", "role": "observer", "groups": ["transients"], "days": 90}
_TOKEN: Json = {
    "id": TOKEN_ID,
    "name": "broker",
    "role": "observer",
    "groups": ["transients"],
    "username": "",
    "email": "",
    "created_at": MOMENT,
    "ends_at": None,
    "revoked_at": None,
    "used_at": None,
}
_NEW: Json = {
    "type": "object",
    "properties": {
        "token": {"type": "string"},
        "id": {"type": "string", "description": "To revoke it by"},
        "name": {"type": "string"},
        "role": {"type": "string"},
        "groups": {"type": "array", "items": {"type": "string"}},
        "username": {"type": "string"},
        "email": {"type": "string"},
        "days": {"type": ["number", "null"]},
    },
}
_SUMMARY: Json = {
    "id": "slack",
    "title": "Slack",
    "instruments": [],
    "operations": ["submit", "dry_run", "update", "cancel"],
}
_EXCHANGE: Json = {
    "at": MOMENT,
    "method": "POST",
    "url": "https://observatory.example.org/api/requests",
    "request_headers": {"Authorization": "Token ********"},
    "request_body": "{}",
    "outcome": "answered",
    "elapsed_ms": 412,
    "status": 201,
    "answer_headers": {"content-type": "application/json"},
    "answer_body": '{"id": 17}',
    "error": "",
}
_EXPORTED: Json = {
    "allOf": [
        reference("Request"),
        {
            "type": "object",
            "properties": {
                "payload": {
                    "type": "object",
                    "description": "Whole; an outline where it is over 1 MiB or gone",
                },
                "payload_link": {
                    "type": ["string", "null"],
                    "description": "To a payload over 1 MiB, good for 15 minutes",
                },
                "transactions": {"type": "array", "items": reference("Exchange")},
                "products": {"type": "array", "items": reference("Product")},
                "photometry": {
                    "type": ["array", "null"],
                    "items": reference("Measurement"),
                    "description": "null where it is over 1 MiB",
                },
                "photometry_links": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "To the measurements of each product, then, good for 15 minutes",
                },
            },
            "required": [
                "payload_link",
                "history",
                "transactions",
                "products",
                "photometry",
                "photometry_links",
            ],
        },
    ]
}
_EXPORT: Json = {
    "type": "object",
    "properties": {
        "group": {"type": "string"},
        "allocations": {
            "type": "array",
            "items": reference("Allocation"),
            "description": "On the first page; of more than 200, on the first pages",
        },
        "requests": {"type": "array", "items": _EXPORTED},
        "next_cursor": {"type": ["string", "null"]},
    },
    "required": ["group", "allocations", "requests", "next_cursor"],
}


def _filters(**described: str) -> list[Any]:
    return [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
        for name, text in described.items()
    ]


PATHS: Json = {
    "/openapi.json": at(
        get=operation(
            "catalogue",
            "read_openapi",
            "This document",
            {
                "200": {
                    "description": "OpenAPI 3.1",
                    "content": json_content({"type": "object"}, {"openapi": "3.1.0"}),
                }
            },
            "500",
            security=[],
        )
    ),
    "/facilities": at(
        get=operation(
            "catalogue",
            "list_facilities",
            "Every facility with its instruments and operations",
            returns_list(
                "The facilities", "facilities", reference("FacilitySummary"), [_SUMMARY], paged=False
            ),
            "401 500",
        )
    ),
    "/facilities/{facility}": at(
        "Facility",
        get=operation(
            "catalogue",
            "read_facility",
            "JSON Schemas of a facility's altdata and payloads, and its operations",
            returns(200, "The facility", "FacilityEntry"),
            "401 404 500",
        ),
    ),
    "/allocations": at(
        get=operation(
            "allocations",
            "list_allocations",
            "Allocations of your groups, newest first",
            returns_list("A page", "allocations", reference("Allocation"), []),
            "401 403 422 500",
            parameters=[*_filters(facility="Facility's id", group="Group"), *parameters("Limit", "Cursor")],
        )
    ),
    "/requests": at(
        get=operation(
            "requests",
            "list_requests",
            "Requests and plans of your groups, newest first",
            returns_list("A page", "requests", reference("Request"), []),
            "401 403 422 500",
            parameters=[
                *_filters(
                    facility="Facility's id",
                    allocation="Allocation's id",
                    group="Group",
                    status="Status",
                    target="Target's name",
                    since="Created at or after, ISO 8601, UTC",
                ),
                *parameters("Limit", "Cursor"),
            ],
        )
    ),
    "/requests/{id}": at(
        "Id",
        get=operation(
            "requests",
            "read_request",
            "A request with its history",
            returns(200, "The request", "Request"),
            "401 403 404 500",
        ),
    ),
    "/requests/{id}/transactions": at(
        "Id",
        get=operation(
            "requests",
            "list_transactions",
            "What was exchanged with the facility, secrets masked",
            returns_list(
                "The exchanges, oldest first", "transactions", reference("Exchange"), [_EXCHANGE], paged=False
            ),
            "401 403 404 500",
        ),
    ),
    "/groups/{group}/export": at(
        "Group",
        get=operation(
            "requests",
            "export_group",
            "All that is kept of a group: allocations, requests newest first; for its managers",
            {
                "200": {
                    "description": "A page; the last one has no `next_cursor`",
                    "content": json_content(
                        _EXPORT,
                        {"group": "transients", "allocations": [], "requests": [], "next_cursor": None},
                    ),
                }
            },
            "401 403 404 422 500",
            parameters=parameters("Cursor"),
        ),
    ),
    "/tokens": at(
        get=operation(
            "tokens",
            "list_tokens",
            "Every token's record",
            returns_list("The records, newest first", "tokens", reference("Token"), [_TOKEN], paged=False),
            "401 403 500",
        ),
        post=operation(
            "tokens",
            "issue_token",
            "Make a token; the answer is the only place where it is seen",
            {
                "201": {
                    "description": "The token, and what was asked for",
                    "content": json_content(
                        {**_NEW, "required": list(_NEW["properties"])},
                        {
                            "token": "slew_...",
                            "id": TOKEN_ID,
                            "username": "",
                            "email": "",
                            **_ISSUED,
                        },
                    ),
                }
            },
            "401 403 413 422 500",
            body("TokenBody", _ISSUED),
        ),
    ),
    "/tokens/{id}": at(
        "Id",
        delete=operation(
            "tokens",
            "revoke_token",
            "End a token, at once",
            {"204": {"description": "Revoked"}},
            "401 403 404 500",
        ),
    ),
}
