"""The operations across facilities in the OpenAPI document: catalogue, lists, tokens."""

from __future__ import annotations

from typing import Any

from local.openapi_parts import Json, json_content, operation, returns

_ONE: Json = {"parameters": [{"$ref": "#/components/parameters/Id"}]}
_PAGING = [{"$ref": "#/components/parameters/Limit"}, {"$ref": "#/components/parameters/Cursor"}]


def _list(description: str, key: str, item: Json, *, paged: bool = True) -> Json:
    properties: Json = {key: {"type": "array", "items": item}}
    if paged:
        properties["next_cursor"] = {"type": ["string", "null"]}
    example: Json = {key: [], **({"next_cursor": None} if paged else {})}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "200": {
            "description": description,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def _filters(**described: str) -> list[Any]:
    return [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
        for name, text in described.items()
    ]


_TOKEN: Json = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "role": {"type": "string"},
        "groups": {"type": "array", "items": {"type": "string"}},
        "created_at": {"type": "string", "format": "date-time"},
        "ends_at": {"type": ["string", "null"], "format": "date-time"},
        "revoked_at": {"type": ["string", "null"], "format": "date-time"},
        "used_at": {"type": ["string", "null"], "format": "date-time"},
    },
}

PATHS: Json = {
    "/openapi.json": {
        "get": operation(
            "catalogue",
            "read_openapi",
            "This document",
            {
                "200": {
                    "description": "OpenAPI 3.1",
                    "content": {
                        "application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}
                    },
                }
            },
            "500",
            security=[],
        )
    },
    "/facilities": {
        "get": operation(
            "catalogue",
            "list_facilities",
            "Every facility with its instruments and operations",
            _list("The facilities", "facilities", {"type": "object"}, paged=False),
            "401 500",
        )
    },
    "/facilities/{facility}": {
        "parameters": [{"$ref": "#/components/parameters/Facility"}],
        "get": operation(
            "catalogue",
            "read_facility",
            "JSON Schemas of a facility's altdata and payloads, and its operations",
            {
                "200": {
                    "description": "The facility",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            },
            "401 404 500",
        ),
    },
    "/allocations": {
        "get": operation(
            "allocations",
            "list_allocations",
            "Allocations of your groups, newest first",
            _list("A page", "allocations", {"$ref": "#/components/schemas/Allocation"}),
            "401 403 422 500",
            parameters=[*_filters(facility="Facility's id", group="Group"), *_PAGING],
        )
    },
    "/requests": {
        "get": operation(
            "requests",
            "list_requests",
            "Requests of your groups, newest first",
            _list("A page", "requests", {"$ref": "#/components/schemas/Request"}),
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
                *_PAGING,
            ],
        )
    },
    "/requests/{id}": {
        **_ONE,
        "get": operation(
            "requests",
            "read_request",
            "A request with its history",
            returns(200, "The request", "Request"),
            "401 403 404 500",
        ),
    },
    "/requests/{id}/transactions": {
        **_ONE,
        "get": operation(
            "requests",
            "list_transactions",
            "What was exchanged with the facility, secrets masked",
            _list("The exchanges, oldest first", "transactions", {"type": "object"}, paged=False),
            "401 403 404 500",
        ),
    },
    "/requests/{id}/products": {
        **_ONE,
        "get": operation(
            "requests",
            "list_products",
            "What the facility has to fetch",
            _list("The products", "products", {"type": "object"}, paged=False),
            "401 403 404 500",
        ),
    },
    "/tokens": {
        "get": operation(
            "tokens",
            "list_tokens",
            "Every token's record",
            _list("The records", "tokens", _TOKEN, paged=False),
            "401 403 500",
        ),
        "post": operation(
            "tokens",
            "issue_token",
            "Make a token; the answer is the only place where it is seen",
            {
                "201": {
                    "description": "The token",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "token": {"type": "string"},
                                    "id": {"type": "string", "description": "To revoke it by"},
                                },
                                "required": ["token", "id"],
                            }
                        }
                    },
                }
            },
            "401 403 413 422 500",
            {
                "required": True,
                "content": json_content(
                    "TokenBody", {"name": "broker", "role": "observer", "groups": ["transients"], "days": 90}
                ),
            },
        ),
    },
    "/tokens/{id}": {
        **_ONE,
        "delete": operation(
            "tokens",
            "revoke_token",
            "End a token, at once",
            {"204": {"description": "Revoked"}},
            "401 403 404 500",
        ),
    },
}
