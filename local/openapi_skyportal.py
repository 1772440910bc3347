"""Slew as the GENERIC endpoint of a SkyPortal instance, in the OpenAPI document."""

from __future__ import annotations

from local.openapi_errors import skyportal
from local.openapi_examples import REQUEST_ID, TARGET, TOKEN_ID
from local.openapi_operations import Json, at, body, operation, returns

_SENDER: Json = {
    "url": "https://skyportal.example.org",
    "allocations": {"7": "lco-2026b"},
    "repeats": "replace",
}
_SHOWN = {"id": TOKEN_ID, **_SENDER, "has_token": True}
_TRIGGER: Json = {
    "obj_id": "SN2023ixf",
    "allocation_id": 7,
    "payload": {"observation_choices": ["gp", "rp"], "exposure_time": 300, "exposure_counts": 1},
}


def _done(status: str) -> Json:
    answer = {"status": "success", "data": {"id": REQUEST_ID, "request_status": status}}
    return returns(200, "How the request stands; its id is what a DELETE names", "SkyPortalAnswer", answer)


PATHS: Json = {
    "/skyportal/requests": at(
        post=operation(
            "skyportal",
            "submit_skyportal_request",
            "What a SkyPortal posts: a new request, the same one again, or another payload for it",
            {**_done("submitted"), **skyportal("400 401 403 404 405 409 413 422 503 504")},
            "500",
            body("SkyPortalTrigger", _TRIGGER),
        )
    ),
    "/skyportal/requests/{id}": at(
        "Id",
        delete=operation(
            "skyportal",
            "cancel_skyportal_request",
            "Cancel; may come more than once",
            {**_done("cancelled"), **skyportal("401 403 404 405 409 422 503 504")},
            "500",
        ),
    ),
    "/skyportal/targets/{obj_id}": at(
        "ObjectId",
        put=operation(
            "skyportal",
            "tell_skyportal_target",
            "Say where an object is before it is triggered on; a SkyPortal's trigger does not",
            returns(200, "The target", "Target", TARGET),
            "401 403 404 413 422 500",
            body("SkyPortalTargetBody", {"target": TARGET}),
        ),
    ),
    "/skyportal/senders/{token_id}": at(
        "TokenId",
        get=operation(
            "skyportal",
            "read_skyportal_sender",
            "The settings of the SkyPortal instance that holds a token; never its own token",
            returns(200, "The settings", "SkyPortalSender", _SHOWN),
            "401 403 404 500",
        ),
        put=operation(
            "skyportal",
            "keep_skyportal_sender",
            "Say which SkyPortal instance holds a token, and which allocations its numbers mean; for admins",
            returns(200, "The settings", "SkyPortalSender", _SHOWN),
            "401 403 413 422 500",
            body("SkyPortalSenderBody", {**_SENDER, "token": "00000000-1111-2222-3333-444455556666"}),
        ),
        delete=operation(
            "skyportal",
            "forget_skyportal_sender",
            "Forget the instance and its token; its requests stay",
            {"204": {"description": "Forgotten"}},
            "401 403 404 500",
        ),
    ),
}
