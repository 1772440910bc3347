"""The OpenAPI 3.1 document, made from the facilities' classes, the models and the example events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from local import catalogue
from local import openapi_parts as parts
from slew import __version__
from slew.facility import Facility
from slew.models import AllocationBody, AllocationPatch, ResubmitBody, SubmitBody, UpdateBody
from tokens.app import TokenBody

Json = dict[str, Any]
EVENTS = Path(__file__).parent.parent / "events"


def document() -> Json:
    """The whole document."""
    schemas: Json = dict(parts.SCHEMAS)
    for model in (AllocationBody, AllocationPatch, SubmitBody, UpdateBody, ResubmitBody, TokenBody):
        _add(schemas, model, model.__name__)
    paths: Json = {}
    for facility in catalogue.facilities():
        paths |= _facility_paths(facility, schemas)
    paths |= parts.shared_paths()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Slew",
            "version": __version__,
            "summary": "Telescope follow-up triggering",
            "description": "One HTTPS request triggers a telescope, once. Errors are RFC 9457 problems.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": "/", "description": "This deployment"}],
        "security": [{"bearerToken": []}],
        "tags": parts.TAGS,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": parts.RESPONSES,
            "parameters": parts.PARAMETERS,
            "securitySchemes": {
                "bearerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`Authorization: Bearer slew_...`",
                }
            },
        },
    }


def _facility_paths(facility: Facility, schemas: Json) -> Json:
    prefix = "".join(part.capitalize() for part in facility.id.split("_"))
    schemas[f"{prefix}Altdata"] = _hoisted(schemas, catalogue.altdata_schema(facility))
    payloads = []
    for instrument, model in facility.payloads.items():
        name = f"{prefix}{(instrument or '').capitalize()}Payload"
        _add(schemas, model, name)
        payloads.append({"$ref": f"#/components/schemas/{name}"})
    payload = payloads[0] if len(payloads) == 1 else {"anyOf": payloads}
    for base, field, narrower in (
        ("AllocationBody", "altdata", {"$ref": f"#/components/schemas/{prefix}Altdata"}),
        ("SubmitBody", "payload", payload),
        ("UpdateBody", "payload", payload),
    ):
        schemas[f"{prefix}{base}"] = _narrowed(schemas[base], field, narrower)
    root = f"/facilities/{facility.id}"
    allocation = _example(facility, "allocation")
    submit = _example(facility, "submit")
    one = {"parameters": [{"$ref": "#/components/parameters/Id"}]}
    paths = {
        f"{root}/allocations": {"post": parts.create_allocation(facility, prefix, allocation)},
        f"{root}/allocations/{{id}}": {**one, **parts.allocation_operations(facility, prefix, allocation)},
        f"{root}/requests": {"post": parts.submit(facility, prefix, submit)},
        f"{root}/requests/{{id}}": {**one, **parts.request_operations(facility, prefix, submit)},
        f"{root}/requests/{{id}}/resubmit": {**one, "post": parts.resubmit(facility)},
        f"{root}/requests/{{id}}/refresh": {**one, "post": parts.refresh(facility)},
    }
    if facility.can("verify"):
        paths[f"{root}/allocations/{{id}}/verify"] = {**one, "post": parts.verify(facility)}
    return paths


def _narrowed(base: Json, field: str, narrower: Json) -> Json:
    return {**base, "properties": {**base["properties"], field: narrower}}


def _add(schemas: Json, model: type[BaseModel], name: str) -> None:
    schemas[name] = _hoisted(schemas, catalogue.schema(model))


def _hoisted(schemas: Json, schema: Json) -> Json:
    """The schema with its own definitions moved to the document's components."""
    for name, definition in schema.pop("$defs", {}).items():
        schemas[name] = _repointed(definition)
    moved: Json = _repointed(schema)
    return moved


def _repointed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: each.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _repointed(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_repointed(each) for each in value]
    return value


def _example(facility: Facility, kind: str) -> Json:
    event = json.loads((EVENTS / f"{facility.id}-{kind}.json").read_text(encoding="utf-8"))
    body: Json = json.loads(event["body"])
    return body
