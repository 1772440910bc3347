"""Holding values against the OpenAPI document, and the document of the tests' own telescopes."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from local import openapi
from local.openapi_examples import Examples
from slew.facility import Facility
from tests.support.survey import SECRET, Survey
from tests.support.toy import Toy

Json = dict[str, Any]
SURVEY, TOY = Survey(), Toy()
PLAN: Json = {"queue_name": "S260821ab", "fields": [1, 2]}
_OWNER: Json = {"id": "s-1", "pi": "PI", "group": "transients"}
_BODIES: dict[str, Json] = {
    "survey-allocation": {
        **_OWNER,
        "altdata": {"listener_token": SECRET},
        "handover": {"webhook": {"url": "https://broker.example.org", "secret": "0123456789abcdef"}},
    },
    "survey-submit": {"allocation_id": "s-1", "payload": PLAN},
    "toy-allocation": {**_OWNER, "altdata": {"token": SECRET}},
    "toy-submit": {"allocation_id": "s-1", "target": {"name": "T", "ra": 1, "dec": 1}, "payload": {}},
}
_BASE = "urn:slew"


def examples_of(name: str) -> Examples:
    """Of the tests' own telescope of this name."""
    facility = SURVEY if name == SURVEY.id else TOY
    return Examples(facility, _BODIES[f"{name}-allocation"], _BODIES[f"{name}-submit"])


@cache
def document_of(facility: Facility) -> Json:
    """The document of one facility: of `SURVEY` with every optional route, of `TOY` with none."""
    if facility not in (SURVEY, TOY):
        return openapi.document([facility])
    with tempfile.TemporaryDirectory() as folder:
        for name, body in _BODIES.items():
            (Path(folder) / f"{name}.json").write_text(json.dumps({"body": json.dumps(body)}))
        return openapi.document([facility], Path(folder))


def errors(document: Json, value: Any, *place: str) -> list[str]:
    """What is wrong with a value by the schema at a place in the document."""
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_BASE, resource)
    steps = "/".join(quote(each.replace("~", "~0").replace("/", "~1"), safe="~") for each in place)
    found = OAS31Validator({"$ref": f"{_BASE}#/{steps}"}, registry=registry).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]


def component_errors(document: Json, name: str, value: Any) -> list[str]:
    """What is wrong with a value by a component's schema."""
    return errors(document, value, "components", "schemas", name)
