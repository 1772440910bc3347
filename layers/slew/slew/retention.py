"""When DynamoDB's TTL removes a request: whole, days after it ended, and not if its end was taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slew import aws, clock, config
from slew.records import Event, Request
from slew.status import ENDED, LIVE, Status

_DAY_S = 86400


def expiry(request: Request) -> dict[str, Any]:
    """The TTL attribute of what is written with a request; none while it lives or records are kept."""
    days = config.record_retention_days()
    if not days or request.status not in ENDED:
        return {}
    return {"expires_at": {"N": str(int(clock.timestamp() + days * _DAY_S))}}


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
