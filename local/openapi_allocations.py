"""The operations on a facility's allocations in the OpenAPI document."""

from __future__ import annotations

from local.openapi_examples import HANDOVER, Examples
from local.openapi_models import prefix_of
from local.openapi_operations import Json, at, body, operation, parameters, reference, returns, returns_list
from slew.status import Status


def paths(base: str, examples: Examples) -> Json:
    """`/facilities/{facility}/allocations` and below."""
    facility = examples.facility
    one = f"{base}/allocations/{{id}}"
    found = {f"{base}/allocations": at(post=_create(examples)), one: _one(examples)}
    if facility.can("verify"):
        found[f"{one}/verify"] = at("Id", post=_verify(facility.id))
    if facility.can("queues"):
        found[f"{one}/queues"] = at("Id", get=_queues(facility.id))
        found[f"{one}/queues/{{name}}"] = at("Id", "QueueName", delete=_remove_queue(examples))
    return found


def _create(examples: Examples) -> Json:
    facility = examples.facility
    return operation(
        "allocations",
        f"create_{facility.id}_allocation",
        f"Make an allocation at {facility.title}",
        returns(201, "Made; secrets are masked", "Allocation", examples.allocation_shown),
        "401 403 409 413 422 500",
        body(f"{prefix_of(facility)}AllocationBody", examples.allocation),
    )


def _one(examples: Examples) -> Json:
    name = examples.facility.id
    shown = returns(200, "The allocation; secrets are masked", "Allocation", examples.allocation_shown)
    patch = {
        "proposal_id": "2026B-017",
        "notify": {"on": ["rejected", "complete"]},
        "handover": HANDOVER,
    }
    replacement = {key: value for key, value in examples.allocation.items() if key != "id"}
    return at(
        "Id",
        get=operation(
            "allocations", f"read_{name}_allocation", "Read an allocation", shown, "401 403 404 422 500"
        ),
        patch=operation(
            "allocations",
            f"merge_{name}_allocation",
            "Change what is given; altdata and notify merge key by key, null removes a key",
            shown,
            "401 403 404 409 413 422 500 503",
            body("AllocationPatch", patch),
        ),
        put=operation(
            "allocations",
            f"replace_{name}_allocation",
            "Replace the allocation: what is not given is gone",
            shown,
            "401 403 404 409 413 422 500",
            body(f"{prefix_of(examples.facility)}AllocationBody", replacement),
        ),
        delete=operation(
            "allocations",
            f"remove_{name}_allocation",
            "Remove the allocation and its credentials; refused while requests are live",
            {"204": {"description": "Removed"}},
            "401 403 404 409 422 500",
            parameters=parameters("Force"),
        ),
    )


def _verify(name: str) -> Json:
    return operation(
        "allocations",
        f"verify_{name}_allocation",
        "Do the credentials work? A harmless authenticated call at the facility",
        returns(200, "What the facility says", "Verification", {"valid": True, "text": "", "details": {}}),
        "401 403 404 405 422 500 503",
    )


def _queues(name: str) -> Json:
    return operation(
        "allocations",
        f"list_{name}_queues",
        "The queues at the facility, whoever made them",
        returns_list("The queues", "queues", reference("Queue"), [{"name": "S260821ab_1"}], paged=False),
        "401 403 404 405 422 500 503",
    )


def _remove_queue(examples: Examples) -> Json:
    cancelled = examples.request_shown(Status.CANCELLED)
    return operation(
        "allocations",
        f"remove_{examples.facility.id}_queue",
        "Cancel the request of this allocation that made the queue; others' queues are not removed",
        returns(200, "How the request stands after the cancellation", "Request", cancelled),
        "401 403 404 405 409 422 500 503 504",
    )
