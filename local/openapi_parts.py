"""The fixed parts of the OpenAPI document.

Answers, errors, parameters, and the operations that every facility has.
"""

from __future__ import annotations

from typing import Any

from slew.facility import Facility
from slew.redact import MASK
from slew.status import Status

Json = dict[str, Any]

TAGS = [
    {"name": "catalogue", "description": "What there is"},
    {"name": "allocations", "description": "Whose time, with which credentials"},
    {"name": "requests", "description": "Triggers and what became of them"},
    {"name": "tokens", "description": "Who may call; for admins"},
]

_EVENT: Json = {
    "type": "object",
    "description": "A change of status, or a notice that went out (`kind`: `status` or `notice`)",
    "properties": {
        "kind": {"type": "string", "enum": ["status", "notice"]},
        "at": {"type": "string", "format": "date-time"},
        "event_id": {"type": "string"},
        "action": {"type": "string"},
        "from": {"type": ["string", "null"]},
        "to": {"type": "string"},
        "by": {"type": "string"},
        "text": {"type": "string"},
        "reason": {"type": "string"},
        "channel": {"type": "string"},
        "outcome": {"type": "string"},
    },
    "required": ["at"],
}

SCHEMAS: Json = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                        "msg": {"type": "string"},
                    },
                    "required": ["loc", "msg"],
                },
            },
        },
        "required": ["type", "title", "status", "detail"],
    },
    "Status": {"type": "string", "enum": [status.value for status in Status]},
    "Event": _EVENT,
    "Request": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "facility": {"type": "string"},
            "instrument": {"type": ["string", "null"]},
            "allocation_id": {"type": "string"},
            "group": {"type": "string"},
            "target": {"type": "object"},
            "payload": {"type": "object"},
            "requester": {"type": "object"},
            "comment": {"type": ["string", "null"]},
            "status": {"$ref": "#/components/schemas/Status"},
            "status_text": {
                "type": "string",
                "description": "The status with the facility's words, e.g. `rejected: ...`",
            },
            "reason": {"type": ["string", "null"], "description": "The facility's own words on a refusal"},
            "facility_request_id": {"type": ["string", "null"]},
            "facility_data": {"type": "object"},
            "notes": {
                "type": "array",
                "items": {"type": "string"},
                "description": "What was decided for the caller",
            },
            "next_attempt_at": {"type": ["string", "null"], "format": "date-time"},
            "created_at": {"type": "string", "format": "date-time"},
            "updated_at": {"type": "string", "format": "date-time"},
            "history": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
        },
        "required": [
            "id",
            "facility",
            "allocation_id",
            "target",
            "payload",
            "status",
            "status_text",
            "created_at",
        ],
    },
    "DryRun": {
        "type": "object",
        "properties": {
            "dry_run": {"const": True},
            "facility": {"type": "string"},
            "instrument": {"type": ["string", "null"]},
            "allocation_id": {"type": "string"},
            "target": {"type": "object"},
            "payload": {"type": "object", "description": "With the defaults filled in"},
            "requests": {
                "type": "array",
                "description": "The exact requests that a submission would send, secrets masked",
                "items": {"type": "object"},
            },
            "notes": {"type": "array", "items": {"type": "string"}},
            "facility_verdict": {
                "type": "object",
                "description": "With `dry_run=facility`: what its own validation says",
            },
        },
        "required": ["dry_run", "facility", "requests", "notes"],
    },
    "Allocation": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "facility": {"type": "string"},
            "instrument": {"type": ["string", "null"]},
            "pi": {"type": "string"},
            "group": {"type": "string"},
            "proposal_id": {"type": ["string", "null"]},
            "validity_ranges": {"type": "array", "items": {"type": "object"}},
            "altdata": {"type": "object", "description": f"Secret values are `{MASK}`"},
            "notify": {"type": "object"},
            "created_at": {"type": "string", "format": "date-time"},
            "updated_at": {"type": "string", "format": "date-time"},
            "created_by": {"type": "string"},
        },
        "required": ["id", "facility", "pi", "group", "altdata", "notify"],
    },
    "Verification": {
        "type": "object",
        "properties": {
            "valid": {"type": "boolean"},
            "text": {"type": "string"},
            "details": {"type": "object"},
        },
        "required": ["valid"],
    },
}

_ERRORS = {
    "401": ("Unauthorized", "No token, or one that is unknown, expired or revoked"),
    "403": ("Forbidden", "The token has no right to it"),
    "404": ("Not Found", "No such allocation, request or facility"),
    "405": ("Method Not Allowed", "The facility has no such operation"),
    "409": ("Conflict", "The state of the allocation or request does not allow it"),
    "413": ("Content Too Large", "The body is over 256 KiB"),
    "422": ("Unprocessable Content", "A field is unknown, of the wrong type or out of its bounds"),
    "500": ("Internal Server Error", "A defect of Slew"),
    "503": ("Service Unavailable", "The facility could not be asked just now"),
    "504": ("Gateway Timeout", "The facility was asked and did not answer; the outcome is not known"),
}


def _problem(status: str, title: str, meaning: str) -> Json:
    example: Json = {"type": "about:blank", "title": title, "status": int(status), "detail": meaning}
    if status == "422":
        example["detail"] = "payload.maximum_airmass: Input should be less than or equal to 3"
        example["errors"] = [
            {"loc": ["payload", "maximum_airmass"], "msg": "Input should be less than or equal to 3"}
        ]
    return {
        "description": meaning,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": example,
            }
        },
    }


RESPONSES = {f"Problem{status}": _problem(status, *words) for status, words in _ERRORS.items()}


def _parameter(name: str, schema: Json, description: str, place: str = "query", **more: Any) -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
        **more,
    }


PARAMETERS = {
    "Id": _parameter("id", {"type": "string"}, "Id of the allocation or request", "path"),
    "Facility": _parameter("facility", {"type": "string"}, "Facility's id", "path"),
    "IdempotencyKey": _parameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "One trigger per key: the same key and body returns the first answer, another body conflicts",
        "header",
        example="2f7c9d6e-SN2023ixf-lco",
    ),
    "DryRun": _parameter(
        "dry_run",
        {"type": "string", "enum": ["true", "facility", "false"], "default": "false"},
        "true: check everything and show the facility request unsent; facility: ask its validation too",
    ),
    "Force": _parameter("force", {"type": "boolean", "default": False}, "Remove although requests are live"),
    "Limit": _parameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Entries of a page"
    ),
    "Cursor": _parameter("cursor", {"type": "string"}, "`next_cursor` of the page before"),
}


def operation(
    tag: str,
    operation_id: str,
    summary: str,
    answers: Json,
    errors: str,
    body: Json | None = None,
    **more: Any,
) -> Json:
    """One operation; `errors` are the statuses of its problem documents, separated by blanks."""
    found: Json = {"tags": [tag], "operationId": operation_id, "summary": summary, **more}
    if body is not None:
        found["requestBody"] = body
    problems = {status: {"$ref": f"#/components/responses/Problem{status}"} for status in errors.split()}
    found["responses"] = {**answers, **problems}
    return found


def json_content(schema: str, example: Any = None) -> Json:
    """A JSON content of a component's schema, with an example."""
    content: Json = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    if example is not None:
        content["example"] = example
    return {"application/json": content}


def returns(status: int, description: str, schema: str, example: Any = None) -> Json:
    """One success answer."""
    return {str(status): {"description": description, "content": json_content(schema, example)}}


def _body(schema: str, example: Any) -> Json:
    return {"required": True, "content": json_content(schema, example)}


def _allocation_example(facility: Facility, body: Json) -> Json:
    secret = [
        name for name, field in facility.Altdata.model_fields.items() if "SecretStr" in str(field.annotation)
    ]
    altdata = {key: MASK if key in secret else value for key, value in body["altdata"].items()}
    return {
        "id": body.get("id", "9f3a52c1d0e4b768"),
        "facility": facility.id,
        "pi": body["pi"],
        "group": body["group"],
        "altdata": altdata,
        "notify": {"notification_type": "none", "on": [], "include_comments": False},
    }


def _request_example(facility: Facility, body: Json) -> Json:
    return {
        "id": "5b1f0e6c2a9d4e8877aa01f3",
        "facility": facility.id,
        "instrument": body.get("instrument"),
        "allocation_id": str(body["allocation_id"]),
        "target": body["target"],
        "payload": body["payload"],
        "status": "submitted",
        "status_text": "submitted",
        "reason": None,
        "created_at": "2026-11-22T17:00:00.000Z",
    }


def create_allocation(facility: Facility, prefix: str, example: Json) -> Json:
    """`POST /facilities/{facility}/allocations`."""
    return operation(
        "allocations",
        f"create_{facility.id}_allocation",
        f"Make an allocation at {facility.title}",
        returns(201, "Made; secrets are masked", "Allocation", _allocation_example(facility, example)),
        "401 403 409 413 422 500",
        _body(f"{prefix}AllocationBody", example),
    )


def allocation_operations(facility: Facility, prefix: str, example: Json) -> Json:
    """`/facilities/{facility}/allocations/{id}`."""
    shown = returns(
        200, "The allocation; secrets are masked", "Allocation", _allocation_example(facility, example)
    )
    name = facility.id
    patch = {"proposal_id": "2026B-017", "notify": {"on": ["rejected", "complete"]}}
    replacement = {key: value for key, value in example.items() if key != "id"}
    return {
        "get": operation(
            "allocations", f"read_{name}_allocation", "Read an allocation", shown, "401 403 404 500"
        ),
        "patch": operation(
            "allocations",
            f"merge_{name}_allocation",
            "Change what is given; altdata and notify merge key by key, null removes a key",
            shown,
            "401 403 404 409 413 422 500 503",
            _body("AllocationPatch", patch),
        ),
        "put": operation(
            "allocations",
            f"replace_{name}_allocation",
            "Replace the allocation: what is not given is gone",
            shown,
            "401 403 404 409 413 422 500",
            _body(f"{prefix}AllocationBody", replacement),
        ),
        "delete": operation(
            "allocations",
            f"remove_{name}_allocation",
            "Remove the allocation and its credentials; refused while requests are live",
            {"204": {"description": "Removed"}},
            "401 403 404 409 422 500",
            parameters=[{"$ref": "#/components/parameters/Force"}],
        ),
    }


def verify(facility: Facility) -> Json:
    """`POST /facilities/{facility}/allocations/{id}/verify`."""
    return operation(
        "allocations",
        f"verify_{facility.id}_allocation",
        "Do the credentials work? A harmless authenticated call at the facility",
        returns(200, "What the facility says", "Verification", {"valid": True, "text": "", "details": {}}),
        "401 403 404 500 503",
    )


def submit(facility: Facility, prefix: str, example: Json) -> Json:
    """`POST /facilities/{facility}/requests`."""
    request = _request_example(facility, example)
    waiting = {**request, "status": "pending", "status_text": "pending: throttled", "reason": "throttled"}
    dry = {"dry_run": True, "facility": facility.id, "requests": [], "notes": []}
    recorded = returns(
        201, "Recorded and sent; `status` tells how it ended, `rejected` included", "Request", request
    )
    ok: Json = {
        "description": "The first answer to this Idempotency-Key, or the report of a dry run",
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/Request"},
                        {"$ref": "#/components/schemas/DryRun"},
                    ]
                },
                "example": dry,
            }
        },
    }
    return operation(
        "requests",
        f"submit_{facility.id}_request",
        f"Trigger follow-up at {facility.title}",
        {
            "200": ok,
            **recorded,
            **returns(202, "Taken, but it waits, or its outcome is not known", "Request", waiting),
        },
        "401 403 404 405 409 413 422 500 503",
        _body(f"{prefix}SubmitBody", example),
        parameters=[{"$ref": f"#/components/parameters/{name}"} for name in ("IdempotencyKey", "DryRun")],
    )


def request_operations(facility: Facility, prefix: str, example: Json) -> Json:
    """`/facilities/{facility}/requests/{id}`: read, and what else the facility can."""
    request = _request_example(facility, example)
    shown = returns(200, "The request with its history", "Request", request)
    name = facility.id
    found = {"get": operation("requests", f"read_{name}_request", "Read a request", shown, "401 403 404 500")}
    if facility.can("update"):
        found["put"] = operation(
            "requests",
            f"update_{name}_request",
            "Change the payload at the facility",
            shown,
            "401 403 404 409 413 422 500 503 504",
            _body(f"{prefix}UpdateBody", {"payload": example["payload"]}),
        )
    cancelled = returns(
        200, "How it stands after the cancellation", "Request", {**request, "status": "cancelled"}
    )
    found["delete"] = operation(
        "requests",
        f"cancel_{name}_request",
        "Cancel at the facility" if facility.can("cancel") else "Cancel what has not been sent yet",
        cancelled,
        "401 403 404 405 409 500 503 504",
    )
    return found


def refresh(facility: Facility) -> Json:
    """`POST /facilities/{facility}/requests/{id}/refresh`."""
    shown = returns(200, "The request, as the facility has it now", "Request")
    return operation(
        "requests",
        f"refresh_{facility.id}_request",
        "Ask the facility now",
        shown,
        "401 403 404 405 409 500 503",
    )


def resubmit(facility: Facility) -> Json:
    """`POST /facilities/{facility}/requests/{id}/resubmit`."""
    body = {"required": False, "content": json_content("ResubmitBody", {"confirm_not_at_facility": True})}
    return operation(
        "requests",
        f"resubmit_{facility.id}_request",
        "Send again after rejected, failed or unknown",
        {
            **returns(200, "Sent", "Request"),
            **returns(202, "It waits, or its outcome is not known", "Request"),
        },
        "401 403 404 409 413 422 500 503",
        body,
    )


def shared_paths() -> Json:
    """The reads across facilities, and the tokens."""
    from local.openapi_shared import PATHS

    return PATHS
