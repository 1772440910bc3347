"""Putting back, from a restored copy of the table, what the live one has lost; see docs/operations.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from slew import clock
from slew.status import Status

_NOT_SENT = (Status.PENDING, Status.SUBMITTING)


def copy_missing(client: Any, source: str, target: str) -> Counter[str]:
    """Copy items that the target has not; how many of each kind, and `held`: requests that wait for a person.

    What the target has stays: it is newer, and a token revoked since must not come back to life. Notes of
    what has been shown go first, so that the stream of the rest shows nothing twice. A request that was still
    to be sent at the restored moment may have been sent after it: the schedule does not look at it any more.
    """
    copied: Counter[str] = Counter()
    for notices in (True, False):
        for item in _items(client, source):
            if item["sk"]["S"].startswith("NOTICE#") is not notices:
                continue
            held = item.get("status", {}).get("S") in _NOT_SENT and item.pop("due_pk", None) is not None
            try:
                client.put_item(TableName=target, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                continue
            copied[item["pk"]["S"].partition("#")[0]] += 1
            copied["held"] += held
    return copied


def _items(client: Any, table: str) -> Iterator[dict[str, Any]]:
    """Every item that has not expired."""
    now = clock.timestamp()
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            if float(item.get("expires_at", {}).get("N", "inf")) > now:
                yield item
