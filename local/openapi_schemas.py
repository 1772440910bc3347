"""The schemas of what Slew answers, in the OpenAPI document."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from local.openapi_operations import Json, reference
from slew.light_curve import COLUMNS
from slew.photometry import Row
from slew.redact import MASK
from slew.wire import Exchange

_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_TEXTS: Json = {"type": "array", "items": _TEXT}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_MOMENT_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}
_OBJECT: Json = {"type": "object"}
_COUNT: Json = {"type": "integer", "minimum": 0}


def _object(properties: Json, optional: str = "", **more: Any) -> Json:
    """An object of these properties, all there but the `optional` ones (separated by blanks)."""
    required = [name for name in properties if name not in optional.split()]
    return {"type": "object", "properties": properties, "required": required, **more}


def _described(schema: Json, description: str) -> Json:
    return {**schema, "description": description}


_PROBLEM = _object(
    {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "type": "array",
            "items": _object(
                {"loc": {"type": "array", "items": {"type": ["string", "integer"]}}, "msg": _TEXT}
            ),
        },
    },
    "errors",
    description="RFC 9457",
)

_EVENT = _object(
    {
        "kind": {"type": "string", "enum": ["status", "notice"]},
        "at": _described(_MOMENT, "Of a notice: of its outcome; empty while it has none"),
        "event_id": _TEXT,
        "reason": _TEXT,
        "seq": _described({"type": "integer"}, "Of a status: its number in the request's history"),
        "action": _described(_TEXT, "Of a status: what was done"),
        "from": _TEXT_OR_NULL,
        "to": _TEXT,
        "by": _TEXT,
        "text": _TEXT,
        "channel": _described(_TEXT, "Of a notice: where it went"),
        "outcome": _TEXT_OR_NULL,
        "attempts": _COUNT,
        "told": _described(_TEXTS, "Of a notice: digests of the recipients who have it"),
        "unsure": _described(_TEXTS, "Of a notice: digests of those who may have it, once an attempt"),
        "unconfirmed": _described(_COUNT, "Of a notice: attempts that may have arrived"),
        "dead_lettered": {"type": "boolean"},
    },
    "seq action from to by text channel outcome attempts told unsure unconfirmed dead_lettered",
    description="A change of status, or a notice that went out (`kind`: `status` or `notice`)",
)

_REQUEST = _object(
    {
        "id": _TEXT,
        "facility": _TEXT,
        "instrument": _TEXT_OR_NULL,
        "allocation_id": _TEXT,
        "group": _TEXT,
        "target": _described(_OBJECT, "As given; a plan without a target has its `name` only"),
        "payload": _described(
            _OBJECT, "As given; of a large one an outline, the whole at `.../requests/{id}/payload`"
        ),
        "requester": _OBJECT,
        "comment": _TEXT_OR_NULL,
        "status": reference("Status"),
        "status_text": _described(_TEXT, "The status with the facility's words, e.g. `rejected: ...`"),
        "reason": _described(_TEXT_OR_NULL, "The facility's own words on a refusal"),
        "facility_request_id": _TEXT_OR_NULL,
        "facility_data": _OBJECT,
        "notes": _described(_TEXTS, "What was decided for the caller"),
        "left": _described(
            _TEXTS, "Parts that the facility refused where it took others; `resubmit` sends only those"
        ),
        "measurements": _described(_COUNT, "Rows of `GET /requests/{id}/photometry`"),
        "next_attempt_at": _MOMENT_OR_NULL,
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "history": _described(
            {"type": "array", "items": reference("Event")}, "Where a single request is shown"
        ),
    },
    "history",
)

_DRY_RUN = _object(
    {
        "dry_run": {"const": True},
        "facility": _TEXT,
        "instrument": _TEXT_OR_NULL,
        "allocation_id": _TEXT,
        "target": _OBJECT,
        "payload": _described(_OBJECT, "With the defaults filled in"),
        "requests": _described(
            {"type": "array", "items": _OBJECT},
            "The exact requests that a submission would send, secrets masked",
        ),
        "notes": _TEXTS,
        "facility_verdict": _object(
            {"accepted": {"type": "boolean"}, "reason": _TEXT_OR_NULL, "details": _OBJECT},
            description="With `dry_run=facility`: what its own validation says",
        ),
    },
    "facility_verdict",
)

_ALLOCATION = _object(
    {
        "id": _TEXT,
        "facility": _TEXT,
        "instrument": _TEXT_OR_NULL,
        "pi": _TEXT,
        "group": _TEXT,
        "proposal_id": _TEXT_OR_NULL,
        "validity_ranges": {"type": "array", "items": _OBJECT},
        "limits": {"anyOf": [reference("Limits"), {"type": "null"}]},
        "altdata": _described(_OBJECT, f"Secret values are `{MASK}`"),
        "notify": _OBJECT,
        "handover": _described(_OBJECT, f"By destination: its settings; secret values are `{MASK}`"),
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "created_by": _TEXT,
        "usage": _described({"type": ["object", "null"]}, "What its requests have had of the limits"),
    },
    "usage",
)

_PRODUCT = _object(
    {
        "name": _described(_TEXT, "Unique in the request"),
        "kind": _described(_TEXT, "`image`, `spectrum`, `photometry`, `light_curve`, `table`, `log`, ..."),
        "state": _described(
            {"type": "string", "enum": ["at_facility", "waiting", "failed", "fetched"]},
            "How it stands with Slew's copy",
        ),
        "link": _described({"type": "string", "format": "uri"}, "To Slew's copy; good for 15 minutes"),
        "size": _described({"type": ["integer", "null"]}, "Bytes"),
        "sha256": _TEXT,
        "content_type": _TEXT,
        "fetched_at": _MOMENT,
        "rows": _described({"type": ["integer", "null"]}, "Measurements that were read in it"),
        "error": _described(_TEXT_OR_NULL, "Why it could not be fetched, or not be read in whole"),
        "url": _described(_TEXT, "Where the facility has it"),
        "md5": _TEXT,
    },
    "kind link size sha256 content_type fetched_at rows error url md5",
    description="What came of a request, with further keys of the facility's own",
)

_PRESENT = ("mjd", "filter", "magsys")


def _column(name: str) -> Json:
    """Of a measurement, in JSON."""
    if name == "extra":
        return _described(_OBJECT, "The facility's further columns")
    if name == "flags":
        return _described(_TEXTS, "Why one may not want it, in the facility's terms")
    kind, unit, description = COLUMNS[name]
    plain = "string" if kind == "string" else "number"
    found = {"type": plain if name in _PRESENT else [plain, "null"], "description": description}
    return {**found, **({"unit": unit} if unit else {})}


def _numbers(*kinds: str) -> Json:
    return {"type": "array", "items": {"type": [*kinds]}}


_SKYPORTAL_PHOTOMETRY = _object(
    {
        "obj_id": _TEXT,
        "instrument_id": {"type": "integer"},
        "mjd": _numbers("number"),
        "filter": _TEXTS,
        "flux": _numbers("number", "null"),
        "fluxerr": _numbers("number"),
        "zp": _numbers("number"),
        "magsys": _TEXTS,
        "altdata": {"type": "array", "items": _OBJECT},
    },
    "instrument_id",
    description="The body of SkyPortal's `POST /api/photometry`; rows without a flux error are left out",
)

_FACILITY = {"id": _TEXT, "title": _TEXT, "instruments": _TEXTS, "operations": _TEXTS}

SCHEMAS: Json = {
    "Problem": _PROBLEM,
    "Event": _EVENT,
    "Request": _REQUEST,
    "DryRun": _DRY_RUN,
    "Allocation": _ALLOCATION,
    "Verification": _object({"valid": {"type": "boolean"}, "text": _TEXT, "details": _OBJECT}),
    "Queue": _object({"name": _TEXT}, description="A queue at the facility, with further keys of its own"),
    "Upload": _object(
        {
            "id": _described(_TEXT, "`payload_upload` of the request"),
            "method": {"const": "PUT"},
            "url": {"type": "string", "format": "uri"},
            "headers": {"type": "object", "additionalProperties": _TEXT},
            "max_bytes": {"type": "integer"},
            "expires_at": _MOMENT,
        },
        description="Where to put a payload, as JSON",
    ),
    "Exchange": TypeAdapter(Exchange).json_schema(mode="serialization"),
    "Product": _PRODUCT,
    "Measurement": _object({each.name: _column(each.name) for each in fields(Row)}),
    "Photometry": _object(
        {
            "request_id": _TEXT,
            "target": _TEXT,
            "units": {"type": "object", "additionalProperties": _TEXT},
            "left_out": _described(_COUNT, "Rows that the parameters cut"),
            "unread": _described(
                {"type": "array", "items": _TEXT}, "What could not be read in the products, and why"
            ),
            "rows": {"type": "array", "items": reference("Measurement")},
        }
    ),
    "SkyPortalPhotometry": _SKYPORTAL_PHOTOMETRY,
    "SkyPortalAnswer": _object(
        {
            "status": {"type": "string", "enum": ["success", "error"]},
            "message": _TEXT,
            "data": _object({"id": _TEXT, "request_status": _TEXT}, "id request_status"),
        },
        "message",
        description="An answer as a SkyPortal reads it",
    ),
    "SkyPortalSender": _object(
        {
            "id": _TEXT,
            "url": _TEXT_OR_NULL,
            "allocations": {"type": "object", "additionalProperties": _TEXT},
            "repeats": {"type": "string", "enum": ["replace", "always_new"]},
            "has_token": {"type": "boolean"},
        }
    ),
    "FacilitySummary": _object(_FACILITY),
    "FacilityEntry": _object(
        {
            **_FACILITY,
            "retired_instruments": _described(
                {"type": "object", "additionalProperties": _TEXT}, "What to do instead, by instrument"
            ),
            "units": _described(
                {"type": "object", "additionalProperties": _TEXT}, "Of further columns of measurements"
            ),
            "altdata": _described(_OBJECT, "JSON Schema of the credentials; secret keys have `x-secret`"),
            "payloads": _described(
                {"type": "object", "additionalProperties": _OBJECT},
                "JSON Schema of the observing parameters by instrument; `default` where there is no choice",
            ),
        }
    ),
    "Token": _object(
        {
            "id": _described(_TEXT, "To revoke it by"),
            "name": _TEXT,
            "role": _TEXT,
            "groups": _TEXTS,
            "username": _TEXT,
            "email": _TEXT,
            "created_at": _MOMENT,
            "ends_at": _MOMENT_OR_NULL,
            "revoked_at": _MOMENT_OR_NULL,
            "used_at": _MOMENT_OR_NULL,
        }
    ),
}
