"""The error answers of the OpenAPI document: problem documents (RFC 9457), and SkyPortal's own form."""

from __future__ import annotations

from local.openapi_operations import Json, json_content, media, reference, size
from slew import payloads
from slew.facility import Facility
from slew.http_api import PROBLEM_JSON
from slew.validation import BODY_LIMIT

_PLAN_LIMIT = 4 * 1024 * 1024

_ERRORS = {
    "401": ("Unauthorized", "No token, or one that is unknown, expired or revoked"),
    "403": ("Forbidden", "The token has no right to it"),
    "404": ("Not Found", "No such allocation, request or facility"),
    "405": ("Method Not Allowed", "The facility has no such operation"),
    "409": ("Conflict", "The state of the allocation or request does not allow it"),
    "413": ("Content Too Large", f"The body is over {size(BODY_LIMIT)}"),
    "413Plans": (
        "Content Too Large",
        f"The body is over {size(_PLAN_LIMIT)}, or the upload over {size(payloads.LIMIT)}",
    ),
    "422": (
        "Unprocessable Content",
        "A field or parameter is unknown, of the wrong type or out of its bounds",
    ),
    "500": ("Internal Server Error", "A defect of Slew"),
    "503": ("Service Unavailable", "The facility, or a service that Slew works on, is busy; come back"),
    "504": ("Gateway Timeout", "The facility was asked and did not answer; the outcome is not known"),
}

_SKYPORTAL = {
    "400": "The facility refused it, or could not be given it",
    "401": _ERRORS["401"][1],
    "403": _ERRORS["403"][1],
    "404": "No such request, or the token belongs to no SkyPortal instance",
    "405": _ERRORS["405"][1],
    "409": _ERRORS["409"][1],
    "413": _ERRORS["413"][1],
    "422": "A field is not understood, the allocation's number is not known, or where the object is",
    "503": _ERRORS["503"][1],
    "504": "No answer in time; ask again",
}


def too_large(facility: Facility) -> str:
    """The component of 413 where this facility's limit holds."""
    return "413" if facility.body_limit == BODY_LIMIT else "413Plans"


def _problem(status: str, title: str, meaning: str) -> Json:
    example: Json = {"type": "about:blank", "title": title, "status": int(status[:3]), "detail": meaning}
    if status == "422":
        example["detail"] = "payload.maximum_airmass: Input should be less than or equal to 3"
        example["errors"] = [
            {"loc": ["payload", "maximum_airmass"], "msg": "Input should be less than or equal to 3"}
        ]
    return {"description": meaning, "content": {PROBLEM_JSON: media(reference("Problem"), example)}}


def _refusal(status: str, meaning: str) -> Json:
    data = {} if status == "401" else {"id": "5b1f0e6c2a9d4e8877aa01f3"}
    example = {"status": "error", "message": meaning, "data": data}
    return {"description": meaning, "content": json_content(reference("SkyPortalAnswer"), example)}


def skyportal(statuses: str) -> Json:
    """The answers to a SkyPortal that are no success, by their statuses."""
    return {each: {"$ref": f"#/components/responses/SkyPortal{each}"} for each in statuses.split()}


RESPONSES: Json = {
    **{f"Problem{status}": _problem(status, *words) for status, words in _ERRORS.items()},
    **{f"SkyPortal{status}": _refusal(status, meaning) for status, meaning in _SKYPORTAL.items()},
}
