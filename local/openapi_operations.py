"""What operations of the OpenAPI document are put together from: bodies, answers, parameters."""

from __future__ import annotations

from typing import Any

from slew.validation import BODY_LIMIT

Json = dict[str, Any]


def reference(schema: str) -> Json:
    """A reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{schema}"}


def parameters(*names: str) -> list[Json]:
    """References to components' parameters."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def at(*names: str, **operations: Json) -> Json:
    """A path's entry: the parameters in the path, and the operations by their methods."""
    return {**({"parameters": parameters(*names)} if names else {}), **operations}


def operation(
    tag: str,
    operation_id: str,
    summary: str,
    answers: Json,
    errors: str,
    body: Json | None = None,
    **more: Any,
) -> Json:
    """One operation; `errors` are its problem documents' statuses, separated by blanks.

    What follows a status tells apart the components of that status: `413Plans`. What may fail may be busy:
    503 comes with 500.
    """
    statuses = errors.split()
    if "500" in statuses and "503" not in (*statuses, *answers):
        statuses.append("503")
    found: Json = {"tags": [tag], "operationId": operation_id, "summary": summary, **more}
    if body is not None:
        found["requestBody"] = body
    problems = {each[:3]: {"$ref": f"#/components/responses/Problem{each}"} for each in statuses}
    found["responses"] = {**answers, **problems}
    return found


def media(schema: Json, example: Any = None) -> Json:
    """A content of a schema, with an example."""
    return {"schema": schema, **({} if example is None else {"example": example})}


def json_content(schema: Json, example: Any = None) -> Json:
    """A JSON content."""
    return {"application/json": media(schema, example)}


def returns(status: int, description: str, schema: str, example: Any = None) -> Json:
    """One success answer, of a component's schema."""
    return {str(status): {"description": description, "content": json_content(reference(schema), example)}}


def returns_list(description: str, key: str, item: Json, entries: list[Any], *, paged: bool = True) -> Json:
    """A success answer that lists `entries` under `key`."""
    properties: Json = {key: {"type": "array", "items": item}}
    example: Json = {key: entries}
    if paged:
        properties["next_cursor"] = {"type": ["string", "null"]}
        example["next_cursor"] = None
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"200": {"description": description, "content": json_content(schema, example)}}


def body(schema: str, example: Any, *, limit: int = BODY_LIMIT, required: bool = True) -> Json:
    """A request's JSON body, of at most `limit` bytes."""
    return {
        "description": f"At most {size(limit)}",
        "required": required,
        "content": json_content(reference(schema), example),
    }


def size(limit: int) -> str:
    """Bytes as people read them: `256 KiB`, `4 MiB`."""
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"


def _parameter(name: str, schema: Json, description: str, place: str = "query", **more: Any) -> Json:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
        **more,
    }


def _named(name: str, description: str) -> Json:
    return _parameter(name, {"type": "string"}, description, "path")


_NUMBER: Json = {"type": "number", "exclusiveMinimum": -1e9, "exclusiveMaximum": 1e9}

PARAMETERS: Json = {
    "Id": _named("id", "Id of the allocation, request or token"),
    "Facility": _named("facility", "Facility's id"),
    "Group": _named("group", "Name of the group"),
    "QueueName": _named("name", "The queue's name at the facility"),
    "MessagePath": _named("path", "What the facility appends, e.g. the kind of its message"),
    "ObjectId": _named("obj_id", "The object's name at the SkyPortal instance"),
    "TokenId": _named("token_id", "Id of the token of Slew's that the SkyPortal instance holds"),
    "IdempotencyKey": _parameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "One trigger per key: the same key and body returns the first answer, another body conflicts",
        "header",
        example="2f7c9d6e-SN2023ixf-lco",
    ),
    "DryRun": _parameter(
        "dry_run",
        {"type": "string", "enum": ["true", "facility", "false"], "default": "false"},
        "true: check everything and show the facility request unsent; facility: ask its validation too",
    ),
    "Force": _parameter("force", {"type": "boolean", "default": False}, "Remove although requests are live"),
    "Limit": _parameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Entries of a page"
    ),
    "Cursor": _parameter("cursor", {"type": "string"}, "`next_cursor` of the page before"),
    "Format": _parameter(
        "format",
        {"type": "string", "enum": ["json", "csv", "ecsv", "skyportal"], "default": "json"},
        "ecsv: a text table with units; skyportal: the body of SkyPortal's `POST /api/photometry`",
    ),
    "InstrumentId": _parameter(
        "instrument_id",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        "With `format=skyportal`: the number of the instrument there",
    ),
    "MinSnr": _parameter("min_snr", _NUMBER, "Leave out smaller signal-to-noise ratios, and rows of none"),
    "Since": _parameter("since", _NUMBER, "Leave out what was measured before this MJD (UTC)"),
    "Until": _parameter("until", _NUMBER, "Leave out what was measured after this MJD (UTC)"),
    "Filters": _parameter(
        "filters",
        {"type": "array", "items": {"type": "string", "pattern": "[^, ]"}, "minItems": 1},
        "Leave out other filters; separated by commas",
        style="form",
        explode=False,
        example=["ztfg", "ztfr"],
    ),
    "Unflagged": _parameter(
        "unflagged",
        {"type": "boolean", "default": False},
        "Leave out measurements with a flag, unless that is `derived` or `upper_limit`",
    ),
    "Key": _parameter(
        "key",
        {"type": "string"},
        "The request's own key, as in the link of its messages; in place of a token",
    ),
}
CUTS = ("MinSnr", "Since", "Until", "Filters", "Unflagged")
