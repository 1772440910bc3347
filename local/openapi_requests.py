"""The operations on a facility's requests and plans in the OpenAPI document."""

from __future__ import annotations

from local.openapi_errors import too_large
from local.openapi_examples import EXPIRY, Examples
from local.openapi_models import prefix_of
from local.openapi_operations import (
    Json,
    at,
    body,
    json_content,
    media,
    operation,
    parameters,
    reference,
    returns,
)
from slew.payloads import LIMIT
from slew.status import Status

_CLOSED = {"status": "complete", "comment": "seen in the observer's log"}


def paths(base: str, examples: Examples) -> Json:
    """`/facilities/{facility}/requests`, `/plans`, `/uploads`, `/messages` and below, as there are."""
    facility = examples.facility
    found: Json = {}
    for collection in facility.collections:
        found |= _Collection(examples, collection.removesuffix("s")).paths(f"{base}/{collection}")
    if facility.takes_plans:
        found[f"{base}/uploads"] = at(post=_upload(facility.id))
    if facility.can("receive"):
        found[f"{base}/messages"] = at(post=_message(examples, "message"))
        found[f"{base}/messages/{{path}}"] = at("MessagePath", post=_message(examples, "message_below"))
    return found


class _Collection:
    """The operations under one name: a `noun` of `request` or `plan`."""

    def __init__(self, examples: Examples, noun: str) -> None:
        self.examples = examples
        self.facility = examples.facility
        self.noun = noun

    def paths(self, base: str) -> Json:
        """Of the collection and of one request in it."""
        one = f"{base}/{{id}}"
        return {
            base: at(post=self.submit()),
            one: at("Id", get=self.read(), put=self.update(), delete=self.cancel()),
            f"{one}/payload": at("Id", get=self.payload()),
            f"{one}/refresh": at("Id", post=self.refresh()),
            f"{one}/resubmit": at("Id", post=self.resubmit()),
            f"{one}/close": at("Id", post=self.close()),
        }

    def submit(self) -> Json:
        """`POST` on the collection."""
        waiting = self.examples.request_shown(Status.PENDING, "throttled")
        either = {"anyOf": [reference("Request"), reference("DryRun")]}
        first = "The first answer to this Idempotency-Key, or the report of a dry run"
        answers = {
            "200": {"description": first, "content": json_content(either, self.examples.dry_run)},
            **self._shows("Recorded and sent; `status` tells how it ended, `rejected` included", 201),
            **returns(202, "Taken, but it waits, or its outcome is not known", "Request", waiting),
        }
        title = self.facility.title
        return self._operation(
            "submit",
            f"Trigger follow-up at {title}" if self.noun == "request" else f"Hand a plan to {title}",
            answers,
            f"401 403 404 405 409 {too_large(self.facility)} 422 500 503",
            self._body("SubmitBody", self.examples.submit),
            parameters=parameters("IdempotencyKey", "DryRun"),
        )

    def read(self) -> Json:
        """`GET` on one."""
        shown = self._shows(f"The {self.noun} with its history")
        return self._operation("read", f"Read a {self.noun}", shown, "401 403 404 500")

    def update(self) -> Json:
        """`PUT` on one; at every facility, for what has not been sent yet can be changed."""
        there = self.facility.can("update")
        given = {"payload": self.examples.submit["payload"]}
        return self._operation(
            "update",
            "Change the payload at the facility"
            if there
            else "Change the payload of what has not been sent yet",
            self._shows(f"The {self.noun} with its history"),
            f"401 403 404 405 409 {too_large(self.facility)} 422 500 503 504",
            self._body("UpdateBody", given),
        )

    def cancel(self) -> Json:
        """`DELETE` on one."""
        return self._operation(
            "cancel",
            "Cancel at the facility" if self.facility.can("cancel") else "Cancel what has not been sent yet",
            self._shows("How it stands after the cancellation", status=Status.CANCELLED),
            "401 403 404 405 409 422 500 503 504",
        )

    def payload(self) -> Json:
        """`GET` of the payload."""
        whole = {"type": "object"}
        answers: Json = {
            "200": {
                "description": "The payload as it was given",
                "content": json_content(whole, self.examples.submit["payload"]),
            },
            "303": {
                "description": "It is large: where it is, for 15 minutes",
                "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
            },
        }
        summary = f"The whole payload, of which the {self.noun} may show an outline"
        named = f"read_{self.facility.id}_{self.noun}_payload"
        return operation(f"{self.noun}s", named, summary, answers, "401 403 404 413 422 500")

    def refresh(self) -> Json:
        """`POST .../refresh`."""
        shown = self._shows(f"The {self.noun}, as the facility has it now", status=Status.IN_PROGRESS)
        return self._operation("refresh", "Ask the facility now", shown, "401 403 404 405 409 422 500 503")

    def resubmit(self) -> Json:
        """`POST .../resubmit`."""
        unknown = self.examples.request_shown(Status.UNKNOWN, "no answer within 30 s")
        return self._operation(
            "resubmit",
            "Send again after rejected, failed or unknown, or what the facility left of it",
            {
                **self._shows("Sent"),
                **returns(202, "It waits, or its outcome is not known", "Request", unknown),
            },
            "401 403 404 409 413 422 500 503",
            body("ResubmitBody", {"confirm_not_at_facility": True}, required=False),
        )

    def close(self) -> Json:
        """`POST .../close`."""
        return self._operation(
            "close",
            "Write down what a person knows of its end, or of its unknown outcome; nothing is sent",
            self._shows(f"The {self.noun} with its history", status=Status.COMPLETE),
            "401 403 404 409 413 422 500 503",
            body("CloseBody", _CLOSED),
        )

    def _operation(
        self,
        verb: str,
        summary: str,
        answers: Json,
        errors: str,
        content: Json | None = None,
        **more: list[Json],
    ) -> Json:
        named = f"{verb}_{self.facility.id}_{self.noun}"
        return operation(f"{self.noun}s", named, summary, answers, errors, content, **more)

    def _shows(self, description: str, code: int = 200, status: Status = Status.SUBMITTED) -> Json:
        shown = {**self.examples.request_with_history, "status": status.value, "status_text": status.value}
        return returns(code, description, "Request", shown)

    def _body(self, schema: str, example: Json) -> Json:
        return body(f"{prefix_of(self.facility)}{schema}", example, limit=self.facility.body_limit)


def _upload(name: str) -> Json:
    upload_id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    example = {
        "id": upload_id,
        "method": "PUT",
        "url": f"https://bucket.example.org/uploads/{name}/{upload_id}?X-Amz-Signature=...",
        "headers": {"Content-Type": "application/json"},
        "max_bytes": LIMIT,
        "expires_at": EXPIRY,
    }
    return operation(
        "plans",
        f"upload_{name}_payload",
        "Where a payload over the limit of a body can be put, to be named in a request",
        returns(
            201, "Put the payload there, then name the upload's `id` as `payload_upload`", "Upload", example
        ),
        "401 403 422 500",
    )


def _message(examples: Examples, noun: str) -> Json:
    facility = examples.facility
    content = json_content({"type": "object"})
    refused = {
        **content,
        "application/problem+json": media({"type": "object"}),
    }  # by us: there is no such path
    return operation(
        "messages",
        f"receive_{facility.id}_{noun}",
        f"For {facility.title}: what it tells of a request",
        {
            "200": {"description": "Taken in; in the form that the facility reads", "content": content},
            "default": {"description": "Refused; in the form that the facility reads", "content": refused},
        },
        "",
        {"required": True, "description": "In the facility's own form", "content": content},
        description="No token of Slew's is needed: the facility shows the credential that the altdata of an "
        "allocation demands of it, and speaks for that allocation's requests only.",
        security=[],
    )
