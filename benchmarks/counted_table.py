"""The few calls of DynamoDB that following takes, in memory, each with its capacity units.

Units as AWS documents them ("DynamoDB read and write operations", "Using Global Secondary Indexes"): a read
takes one for 4 KB, half of that if eventually consistent; a write one for 1 KB, twice that in a transaction,
and those of the indexes besides: one write where an item comes or goes or changes, two where its key does.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from math import ceil
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_KEY = ("due_pk", "due_at")


class CountedTable:
    """One facility's items. `spend` lets a call's time pass; `looked` is told the delay of each look, s."""

    def __init__(
        self, now: Callable[[], float], spend: Callable[[], None], looked: Callable[[float], None]
    ) -> None:
        self.reads = 0.0
        self.writes = 0
        self.calls = 0
        self.conflicts = 0
        self._now, self._spend, self._looked = now, spend, looked
        self._partitions: dict[str, dict[str, Item]] = {}
        self._due: list[tuple[float, str]] = []

    def load(self, item: Item) -> None:
        """Put an item, free of charge."""
        self._partitions.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
        if "due_at" in item:
            bisect.insort(self._due, (float(item["due_at"]["N"]), item["pk"]["S"]))

    def documents(self) -> list[str]:
        """The requests themselves."""
        return [each["META"]["doc"]["S"] for key, each in self._partitions.items() if key[0] == "R"]

    def get_item(self, *, Key: Item, ConsistentRead: bool = False, **_: Any) -> Item:
        """GetItem."""
        self._call()
        item = self._get(Key)
        self.reads += _read_units(_size(item) if item else 0, ConsistentRead)
        return {"Item": item} if item else {}

    def query(self, *, ConsistentRead: bool = False, Limit: int = 1000, **rest: Any) -> Item:
        """Query, of the index `due` or of a partition."""
        self._call()
        values = rest["ExpressionAttributeValues"]
        if rest.get("IndexName") == "due":
            return self._query_due(float(values[":now"]["N"]), Limit, rest.get("ExclusiveStartKey"))
        partition = self._partitions.get(values[":pk"]["S"], {})
        first, last = values[":first"]["S"], values[":last"]["S"]
        found = [partition[sk] for sk in sorted(partition) if first <= sk <= last]
        self.reads += _read_units(sum(map(_size, found)), ConsistentRead)
        return {"Items": found}

    def put_item(self, *, Item: Item, **rest: Any) -> Item:
        """PutItem, with the condition that `slew.table` makes."""
        self._call()
        self.writes += _write_units(_size(Item))
        if not self._allows(Item, rest):
            self.conflicts += 1
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")
        self._write(Item)
        return {}

    def transact_write_items(self, *, TransactItems: list[Item]) -> Item:
        """TransactWriteItems: puts; what else is in it only costs."""
        self._call()
        puts = [each["Put"] for each in TransactItems if "Put" in each]
        self.writes += 2 * (len(TransactItems) - len(puts))
        self.writes += sum(2 * _write_units(_size(put["Item"])) for put in puts)
        if not all(self._allows(put["Item"], put) for put in puts):
            self.conflicts += 1
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "TransactWriteItems")
        for put in puts:
            self._write(put["Item"])
        return {}

    def _query_due(self, now: float, limit: int, after: Item | None) -> Item:
        begin = 0
        if after:
            begin = bisect.bisect_right(self._due, (float(after["due_at"]["N"]), after["pk"]["S"]))
        end = bisect.bisect_right(self._due, (now, "~"))
        found = self._due[begin : min(end, begin + limit)]
        items = [self._partitions[pk]["META"] for _, pk in found]
        kept = [{name: item[name] for name in ("pk", "sk", "allocation_id", *_KEY)} for item in items]
        self.reads += _read_units(sum(map(_size, kept)), False)
        return {"Items": kept, **({"LastEvaluatedKey": kept[-1]} if begin + limit < end else {})}

    def _call(self) -> None:
        self.calls += 1
        self._spend()

    def _get(self, key: Item) -> Item | None:
        return self._partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _allows(self, item: Item, arguments: Item) -> bool:
        condition = arguments.get("ConditionExpression")
        if condition is None:
            return True
        there = self._get(item)
        if condition == "attribute_not_exists(pk)":
            return there is None
        wanted = arguments["ExpressionAttributeValues"][":version"]
        return there is not None and there.get("version") == wanted

    def _write(self, item: Item) -> None:
        before = self._get(item) or {}
        if "list_pk" in item:
            self.writes += _write_units(_size(item))
        if "due_at" in before:
            at = float(before["due_at"]["N"])
            if at <= self._now() and item.get("due_at") != before["due_at"]:
                self._looked(self._now() - at)
            self._due.pop(bisect.bisect_left(self._due, (at, before["pk"]["S"])))
        if item.get("due_at") != before.get("due_at"):
            self.writes += ("due_at" in before) + ("due_at" in item)
        self.load(item)


def _read_units(size: int, consistent: bool) -> float:
    return max(1, ceil(size / 4096)) * (1.0 if consistent else 0.5)


def _write_units(size: int) -> int:
    return max(1, ceil(size / 1024))


def _size(item: Item) -> int:
    """Bytes: of the names and the values in UTF-8; a number takes about half its digits and one more."""
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        length = len(content) if content.isascii() else len(content.encode())
        size += len(name) + (length if kind == "S" else length // 2 + 1)
    return size
