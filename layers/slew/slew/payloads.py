"""Payloads that are larger than the table takes: kept in the bucket, an outline of them in the record.

A caller whose payload is over the API's limit uploads it first, and names the upload in the request.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from slew import clock, objects
from slew.errors import Invalid, NotFound
from slew.facility import Facility
from slew.principals import Principal
from slew.records import Request
from slew.validation import parse_body

IN_RECORD = 48 * 1024
"""Payloads up to this many bytes stand in the record itself; DynamoDB's item has 400 KB for all."""
LIMIT = 20 * 1024 * 1024
_OUTLINED = 2000
_JSON = "application/json"


def upload(facility: Facility, principal: Principal) -> dict[str, Any]:
    """Where a payload may be put: `id` to name it by, `method`, `url` and `headers` of the upload."""
    upload_id = secrets.token_hex(16)
    return {
        "id": upload_id,
        "method": "PUT",
        "url": objects.upload_link(_upload_key(facility, principal, upload_id), _JSON),
        "headers": {"Content-Type": _JSON},
        "max_bytes": LIMIT,
        "expires_at": clock.isoformat(clock.timestamp() + objects.LINK_S),
    }


def given(
    facility: Facility, payload: Mapping[str, Any] | None, upload_id: str | None, principal: Principal
) -> dict[str, Any]:
    """The payload of a call, which gives it or names an upload of the same caller.

    Raises Invalid, TooLarge.
    """
    if payload is not None and upload_id is not None:
        raise Invalid.field(["payload_upload"], "excludes payload")
    if payload is not None:
        return dict(payload)
    if upload_id is None:
        raise Invalid.field(["payload"], "Field required")
    if not facility.takes_plans:
        raise Invalid.field(["payload_upload"], f"{facility.title} takes no uploads; give payload")
    content = objects.get(_upload_key(facility, principal, upload_id), LIMIT)
    if content is None:
        raise Invalid.field(["payload_upload"], "nothing has been uploaded under this id")
    try:
        uploaded = parse_body(content.decode(), limit=LIMIT)
    except UnicodeDecodeError:
        raise Invalid.field(["payload_upload"], "is not UTF-8 text") from None
    if not isinstance(uploaded, dict):
        raise Invalid.field(["payload_upload"], "must hold a JSON object")
    return uploaded


def keep(facility: Facility, request_id: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that hold a payload: a large one goes to the bucket and leaves its outline."""
    text = json.dumps(payload, ensure_ascii=False).encode()
    if len(text) <= IN_RECORD:
        return {"payload": dict(payload), "payload_object": None}
    key = f"payloads/{facility.id}/{request_id}/{hashlib.sha256(text).hexdigest()}"
    objects.put(key, text, _JSON)
    return {"payload": {name: _short(value) for name, value in payload.items()}, "payload_object": key}


def whole(request: Request) -> dict[str, Any]:
    """The payload as it was given. Raises NotFound where the bucket has lost it."""
    if request.payload_object is None:
        return dict(request.payload)
    content = objects.get(request.payload_object, LIMIT)
    if content is None:
        raise NotFound(f"the payload of request {request.id} is gone")
    found: dict[str, Any] = json.loads(content)
    return found


def _short(value: Any) -> Any:
    size = len(json.dumps(value))
    if size <= _OUTLINED:
        return value
    entries = f"{len(value)} entries, " if isinstance(value, list | dict) else ""
    return f"({entries}{size} bytes)"


def _upload_key(facility: Facility, principal: Principal, upload_id: str) -> str:
    return f"uploads/{facility.id}/{principal.id}/{upload_id}"
