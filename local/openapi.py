"""The OpenAPI 3.1 document, made from the facilities' classes, the models and the example events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from local import (
    catalogue,
    openapi_allocations,
    openapi_models,
    openapi_requests,
    openapi_results,
    openapi_shared,
    openapi_skyportal,
)
from local.openapi_errors import RESPONSES
from local.openapi_examples import Examples
from local.openapi_operations import PARAMETERS, Json
from local.openapi_schemas import SCHEMAS
from slew import __version__
from slew.facility import Facility

EVENTS = Path(__file__).parent.parent / "events"

_TAGS = {
    "catalogue": "What there is",
    "allocations": "Whose time, with which credentials",
    "requests": "Triggers and what became of them",
    "plans": "Observation plans: requests with pointings of their own",
    "messages": "What facilities tell",
    "skyportal": "Slew as the endpoint of a SkyPortal instance",
    "tokens": "Who may call; for admins",
}


def document(facilities: Iterable[Facility] | None = None, events: Path = EVENTS) -> Json:
    """The whole document, of all facilities unless some are given; `events`: the folder of the examples."""
    shared = {**SCHEMAS, **openapi_models.shared()}
    schemas: Json = {**shared}
    paths: Json = {}
    for facility in catalogue.facilities() if facilities is None else facilities:
        schemas |= openapi_models.of_facility(facility, shared)
        examples = Examples.read(facility, events)
        base = f"/facilities/{facility.id}"
        paths |= openapi_allocations.paths(base, examples) | openapi_requests.paths(base, examples)
    paths |= openapi_shared.PATHS | openapi_results.PATHS | openapi_skyportal.PATHS
    _document_unknown_names(paths)
    used = {
        tag for path in paths.values() for each in path.values() if "tags" in each for tag in each["tags"]
    }
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
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items() if name in used],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": RESPONSES,
            "parameters": PARAMETERS,
            "securitySchemes": {
                "bearerToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`Authorization: Bearer slew_...`",
                }
            },
        },
    }


def _document_unknown_names(paths: Json) -> None:
    """A name in a path may be one that nothing has, or could have: 404 wherever there is one."""
    for path, entry in paths.items():
        for operation in entry.values():
            responses = operation.get("responses", {}) if isinstance(operation, dict) else {}
            if "{" in path and responses and "default" not in responses:
                responses.setdefault("404", {"$ref": "#/components/responses/Problem404"})
