"""Bearer tokens: 256 random bits, shown once, kept as a SHA-256 digest, with a role, groups and an end."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from slew import aws, clock
from slew.errors import Invalid
from slew.log import logger
from slew.principals import Principal, Role

_FORM = re.compile(r"slew_[A-Za-z0-9_-]{43}")
_USE_NOTED_EVERY_S = 3600.0


def issue(
    client: Any,
    table: str,
    *,
    name: str,
    role: Role | str,
    groups: Sequence[str] = (),
    username: str = "",
    email: str = "",
    days: float | None = 365,
) -> str:
    """Make a token and return it; this is the only time it is seen.

    `days` None: it does not end. Raises Invalid.
    """
    if isinstance(role, str):
        if role.upper() not in Role.__members__:
            raise Invalid.field(["role"], f"must be one of {', '.join(each.name.lower() for each in Role)}")
        role = Role[role.upper()]
    if role is not Role.ADMIN and not groups:
        raise Invalid.field(["groups"], "must name at least one group, except for an admin")
    token = f"slew_{secrets.token_urlsafe(32)}"
    digest = _digest(token)
    now = clock.now()
    record = {
        "id": id_of(token),
        "name": name,
        "role": role.name.lower(),
        "groups": list(groups),
        "username": username,
        "email": email,
        "created_at": clock.isoformat(now),
        "ends_at": clock.isoformat(now + timedelta(days=days)) if days is not None else None,
        "revoked_at": None,
    }
    client.put_item(
        TableName=table,
        Item={
            **_key(digest),
            "doc": {"S": json.dumps(record)},
            "list_pk": {"S": "TOKENS"},
            "list_sk": {"S": f"{record['created_at']}#{record['id']}"},
        },
        ConditionExpression="attribute_not_exists(pk)",
    )
    return token


def identify(client: Any, table: str, token: str) -> Principal | str:
    """The principal of a token, or why it has none."""
    if not _FORM.fullmatch(token):
        return "the token is not one of Slew's"
    digest = _digest(token)
    answer = client.get_item(TableName=table, Key=_key(digest), ConsistentRead=True)
    if "Item" not in answer:
        return "the token is not known"
    record = json.loads(answer["Item"]["doc"]["S"])
    if record["revoked_at"]:
        return "the token has been revoked"
    if record["ends_at"] and clock.now() >= clock.parse(record["ends_at"]):
        return "the token has expired"
    _note_use(client, table, digest, float(answer["Item"].get("used_at", {}).get("N", 0)))
    return Principal(
        id=record["id"],
        name=record["name"],
        role=Role[record["role"].upper()],
        groups=tuple(record["groups"]),
        username=record["username"],
        email=record["email"],
    )


def id_of(token: str) -> str:
    """The id by which a token is listed and revoked; it does not give the token away."""
    return _digest(token)[:16]


def listed(client: Any, table: str) -> list[dict[str, Any]]:
    """Every token's record, newest first, without the token."""
    found: list[dict[str, Any]] = []
    for item in _items(client, table):
        used = item.get("used_at", {}).get("N")
        found.append(
            {**json.loads(item["doc"]["S"]), "used_at": clock.isoformat(float(used)) if used else None}
        )
    return found


def revoke(client: Any, table: str, token_id: str) -> bool:
    """End a token by its id, at once; whether there was one."""
    for item in _items(client, table):
        record = json.loads(item["doc"]["S"])
        if record["id"] != token_id:
            continue
        record["revoked_at"] = clock.isoformat(clock.now())
        client.update_item(
            TableName=table,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET doc = :doc",
            ExpressionAttributeValues={":doc": {"S": json.dumps(record)}},
        )
        return True
    return False


def _items(client: Any, table: str) -> Iterator[dict[str, Any]]:
    """Every token's item, newest first. A query's page ends at 1 MB."""
    arguments: dict[str, Any] = {
        "TableName": table,
        "IndexName": "listing",
        "KeyConditionExpression": "list_pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "TOKENS"}},
        "ScanIndexForward": False,
    }
    while True:
        answer = client.query(**arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _note_use(client: Any, table: str, digest: str, noted_at: float) -> None:
    now = clock.timestamp()
    if now - noted_at < _USE_NOTED_EVERY_S:
        return
    try:
        client.update_item(
            TableName=table,
            Key=_key(digest),
            UpdateExpression="SET used_at = :now",
            ExpressionAttributeValues={":now": {"N": f"{now:.0f}"}},
        )
    except (BotoCoreError, ClientError) as error:
        if aws.unavailable(error) is None:
            raise
        logger.warning("the use of a token could not be noted", exc_info=error)  # the next one will be


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _key(digest: str) -> dict[str, Any]:
    return {"pk": {"S": f"TOKEN#{digest}"}, "sk": {"S": "META"}}
