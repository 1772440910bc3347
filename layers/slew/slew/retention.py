"""When DynamoDB's TTL removes a request: whole, days after it ended, and not if its end was taken back.

What names requests beside their own records does not follow the end of each: it goes when the last of them
must have gone, `_LONGEST_LIFE_DAYS` later than one that ended when it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slew import aws, clock, config, table
from slew.records import Event, Request
from slew.status import ENDED, LIVE, Status

_DAY_S = 86400
_LONGEST_LIFE_DAYS = 400  # of a request, from its last submission: no semester, no window is that long


def expiry(request: Request) -> dict[str, Any]:
    """The TTL attribute of what is written with a request; none while it lives or records are kept."""
    days = config.record_retention_days()
    if not days or request.status not in ENDED:
        return {}
    return _in_days(days)


def outliving() -> dict[str, Any]:
    """The TTL attribute of what names a request beside its own records; none where records are kept."""
    days = config.record_retention_days()
    return _in_days(days + _LONGEST_LIFE_DAYS) if days else {}


def as_of(request_id: str) -> dict[str, Any]:
    """The TTL attribute that a request has now, for what is written beside it; of a gone one a new one."""
    days = config.record_retention_days()
    if not days:
        return {}
    key = table.key(f"REQUEST#{request_id}", "META")
    answer = aws.client("dynamodb").get_item(
        TableName=config.table(), Key=key, ProjectionExpression="expires_at", ConsistentRead=True
    )
    found: dict[str, Any] = answer.get("Item", _in_days(days))
    return found


def follow(request: Request, events: Sequence[Event]) -> None:
    """Give what was written before the same end as the request has now, after a change of its status."""
    if not config.record_retention_days() or not events:
        return
    taken_back = request.status in LIVE and any(_ended(event.from_status) for event in events)
    ends = expiry(request).get("expires_at")
    if ends is None and not taken_back:
        return
    change = "SET expires_at = :ends" if ends else "REMOVE expires_at"
    values = {"ExpressionAttributeValues": {":ends": ends}} if ends else {}
    client = aws.client("dynamodb")
    for key in _keys(request.id):
        client.update_item(TableName=config.table(), Key=key, UpdateExpression=change, **values)


def _in_days(days: int) -> dict[str, Any]:
    return {"expires_at": {"N": str(int(clock.timestamp() + days * _DAY_S))}}


def _ended(status: str | None) -> bool:
    return status is not None and Status(status) in ENDED


def _keys(request_id: str) -> list[dict[str, Any]]:
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": f"REQUEST#{request_id}"}},
        "ProjectionExpression": "pk, sk",
        "ConsistentRead": True,
    }
    found: list[dict[str, Any]] = []
    while True:
        answer = aws.client("dynamodb").query(**arguments)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
