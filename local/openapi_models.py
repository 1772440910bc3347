"""The schemas of what callers send, in the OpenAPI document: the models', and each facility's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from local import catalogue
from local.openapi_operations import Json, reference
from skyportal.models import SenderBody, TargetBody, Trigger
from slew.facility import Facility
from slew.handover import Handover
from slew.models import AllocationBody, AllocationPatch, CloseBody, ResubmitBody, SubmitBody, UpdateBody
from slew.status import Status
from tokens.app import TokenBody

_REF = "#/$defs/"
_MODELS: Mapping[str, type[BaseModel]] = {
    "AllocationPatch": AllocationPatch,
    "ResubmitBody": ResubmitBody,
    "CloseBody": CloseBody,
    "Handover": Handover,
    "TokenBody": TokenBody,
    "SkyPortalTrigger": Trigger,
    "SkyPortalTargetBody": TargetBody,
    "SkyPortalSenderBody": SenderBody,
}
_NARROWED = (AllocationBody, SubmitBody, UpdateBody)
"""Of these each facility has one of its own."""


def shared() -> Json:
    """The schemas that do not depend on the facility."""
    found: Json = {"Status": TypeAdapter(Status).json_schema()}
    for name, model in _MODELS.items():
        schema, definitions = _parted(catalogue.schema(model))
        found |= {**definitions, name: schema}
    for model in _NARROWED:
        found |= _parted(catalogue.schema(model))[1]
    handover = found["AllocationPatch"]["properties"]["handover"]
    found["AllocationPatch"]["properties"]["handover"] = _or_null("Handover", handover["description"])
    return found


def prefix_of(facility: Facility) -> str:
    """What the names of a facility's schemas begin with."""
    return _camel(facility.id)


def of_facility(facility: Facility, known: Json) -> Json:
    """A facility's schemas: altdata, payloads, and the bodies that hold them.

    `known`: the shared ones, which are not repeated.
    """
    prefix = prefix_of(facility)
    found: Json = {}

    def add(name: str, document: Json) -> None:
        definitions = document.get("$defs", {})
        own = {
            each: f"{prefix}{each}" for each in definitions if known.get(each) != _moved(definitions[each])
        }
        schema, definitions = _parted(document, own)
        for each, definition in {**definitions, name: schema}.items():
            if found.setdefault(each, definition) != definition:
                raise ValueError(f"{facility.id} has two schemas that are called {each}")

    add(f"{prefix}Altdata", catalogue.altdata_schema(facility))
    payloads = []
    for instrument, model in facility.payloads.items():
        name = f"{prefix}{_camel(instrument or '')}Payload"
        add(name, catalogue.schema(model))
        payloads.append(reference(name))
    found = {name: each for name, each in found.items() if known.get(name) != each}
    payload = payloads[0] if len(payloads) == 1 else {"anyOf": payloads}
    bodies = {model: _parted(catalogue.schema(model))[0] for model in _NARROWED}
    found[f"{prefix}AllocationBody"] = _allocation_body(facility, bodies[AllocationBody])
    found[f"{prefix}SubmitBody"] = _submit_body(facility, bodies[SubmitBody], payload)
    found[f"{prefix}UpdateBody"] = _with_payload(facility, bodies[UpdateBody], payload)
    return found


def _allocation_body(facility: Facility, schema: Json) -> Json:
    properties = _with_instruments(facility, schema["properties"])
    altdata, handover = (properties[name]["description"] for name in ("altdata", "handover"))
    properties["altdata"] = {**reference(f"{prefix_of(facility)}Altdata"), "description": altdata}
    properties["handover"] = _or_null("Handover", handover)
    return {**schema, "properties": properties}


def _submit_body(facility: Facility, schema: Json, payload: Json) -> Json:
    properties = _with_instruments(facility, schema["properties"])
    required = [*schema["required"]]
    if facility.needs_target:
        properties["target"] = {**reference("Target"), "description": "Where to look"}
        required.append("target")
    return _with_payload(facility, {**schema, "properties": properties, "required": required}, payload)


def _with_payload(facility: Facility, schema: Json, payload: Json) -> Json:
    """With the facility's payload, or an upload in its place where it takes plans."""
    properties = {**schema["properties"]}
    described = {name: properties.pop(name)["description"] for name in ("payload", "payload_upload")}
    required = [*schema.get("required", ())]
    properties["payload"] = {**payload, "description": described["payload"]}
    if not facility.takes_plans:
        return {**schema, "properties": properties, "required": [*required, "payload"]}
    properties["payload_upload"] = {
        "type": "string",
        "pattern": "^[a-f0-9]{32}$",
        "description": described["payload_upload"],
    }
    either = [{"required": ["payload"]}, {"required": ["payload_upload"]}]
    return {
        **schema,
        "properties": properties,
        **({"required": required} if required else {}),
        "oneOf": either,
    }


def _with_instruments(facility: Facility, properties: Json) -> Json:
    """With the names of the instruments, where there is a choice."""
    names = [name for name in facility.payloads if name is not None]
    if not names:
        return {**properties}
    choice = {"anyOf": [{"type": "string", "enum": names}, {"type": "null"}]}
    return {**properties, "instrument": {**choice, "description": properties["instrument"]["description"]}}


def _or_null(schema: str, description: str) -> Json:
    return {"anyOf": [reference(schema), {"type": "null"}], "description": description}


def _parted(document: Json, names: Mapping[str, str] | None = None) -> tuple[Json, Json]:
    """A model's schema and its definitions, as components refer to each other; `names`: of renamed ones."""
    names = names or {}
    definitions = {
        names.get(name, name): _moved(each, names) for name, each in document.get("$defs", {}).items()
    }
    schema: Json = _moved({key: each for key, each in document.items() if key != "$defs"}, names)
    return schema, definitions


def _moved(value: Any, names: Mapping[str, str] | None = None) -> Any:
    """With references into the document's components, and secrets marked `x-secret`."""
    if isinstance(value, list):
        return [_moved(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _moved(each, names) for key, each in value.items()}
    if isinstance(value.get("$ref"), str):
        name = value["$ref"].removeprefix(_REF)
        moved["$ref"] = reference((names or {}).get(name, name))["$ref"]
    if isinstance(value.get("properties"), dict):
        for each in moved["properties"].values():
            if _is_secret(each):
                each["x-secret"] = True
    return moved


def _is_secret(schema: Json) -> bool:
    return "password" in [each.get("format") for each in (schema, *schema.get("anyOf", ()))]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
