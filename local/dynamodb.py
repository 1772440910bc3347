"""What makes moto's DynamoDB bear a hundred thousand items: its answers are the same, the work is not.

As it comes, moto copies the whole table for each transaction, sorts the whole table for each query, and
keeps all that the stream has ever told, with every iterator that has read it.
"""

from __future__ import annotations

import copy
import pickle
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto.dynamodb import responses
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, ShardIterator

STREAM_KEEPS, ITERATORS_KEPT = 5_000, 100
TRANSACTION_ITEMS = 100  # AWS: TransactGetItems, TransactWriteItems
_FORGOTTEN: Any = StreamRecord.__new__(StreamRecord)
_FORGOTTEN.record = {}


def hasten() -> None:
    """Replace what takes the longer the more there is. One request at a time, as the embedded AWS has it."""
    for patch in (_shards, _transactions, _queries, _records, _streams, _gets):
        patch()


def _gets() -> None:
    """As many items at once as AWS gives, where moto has kept the limit of before 2022."""
    setattr(responses, "TRANSACTION_MAX_ITEMS", TRANSACTION_ITEMS)  # noqa: B010


def _shards() -> None:
    def deep_copy(shard: StreamShard, memo: dict[int, Any]) -> StreamShard:
        clone = copy.copy(shard)  # its records do not change
        memo[id(shard)] = clone
        clone.items = list(shard.items)
        clone.table = copy.deepcopy(shard.table, memo)
        return clone

    setattr(StreamShard, "__deepcopy__", deep_copy)  # noqa: B010  # moto does not declare it


def _transactions() -> None:
    """What a transaction may have to put back is only what it names."""
    plain = DynamoDBBackend.transact_write_items
    touched: set[DynamoType] = set()
    copies: dict[int, Table] = {}

    def transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        touched.update(_partitions(backend, transact_items))
        before = list(backend.tables.values())
        try:
            plain(backend, transact_items)
        finally:
            for table in (*before, *copies.values()):
                if backend.tables[table.name] is not table:
                    _empty(table)
            touched.clear()
            copies.clear()

    def deep_copy(table: Table, memo: dict[int, Any]) -> Table:
        if id(table) in copies:  # moto copies it for each action, all before the first
            return copies[id(table)]
        clone = copy.copy(table)
        memo[id(table)] = clone
        if touched:
            copies[id(table)] = clone
            clone.items = copy.copy(table.items)
            for partition in touched & table.items.keys():
                clone.items[partition] = copy.deepcopy(table.items[partition], memo)
        else:
            clone.items = copy.deepcopy(table.items, memo)
        clone.stream_shard = copy.deepcopy(table.stream_shard, memo)
        return clone

    setattr(DynamoDBBackend, "transact_write_items", transact)  # noqa: B010
    setattr(Table, "__deepcopy__", deep_copy)  # noqa: B010


def _empty(table: Table) -> None:
    # A table and its shard refer to each other, few objects with a great deal in them: the collector, which
    # counts objects, would leave thousands of copies lying.
    table.items.clear()
    if table.stream_shard:
        table.stream_shard.items.clear()


def _partitions(backend: DynamoDBBackend, actions: Sequence[Mapping[str, Any]]) -> Iterable[DynamoType]:
    for action in actions:
        for about in action.values():
            table = backend.tables.get(about.get("TableName", ""))
            key = about.get("Key") or about.get("Item") or {}
            if table and table.hash_key_attr in key:
                yield DynamoType(key[table.hash_key_attr])


def _queries() -> None:
    """A query looks at its partition, or at the items of its index's, instead of at all in their order."""
    plain_query, plain_items = Table.query, Table.all_items
    wanted: list[tuple[str | None, DynamoType]] = []

    def query(table: Table, hash_key: DynamoType | None, *arguments: Any, **named: Any) -> Any:
        if named.get("index_name") or any(arguments[6:7]):
            wanted[:] = named["hash_key_conditions"][:1]
        elif hash_key is not None:
            wanted[:] = [(None, hash_key)]
        try:
            return plain_query(table, hash_key, *arguments, **named)
        finally:
            wanted.clear()

    def all_items(table: Table) -> list[Item]:
        if not (wanted and table.has_range_key):
            return plain_items(table)
        ((attribute, value),) = wanted
        if attribute is None:
            return list(table.items.get(value, {}).values())
        text, found = value.value, []
        for partition in table.items.values():
            for item in partition.values():
                given = item.attrs.get(attribute)
                if given is not None and given.value == text:
                    found.append(item)
        return found

    def in_order(
        table: Table, hash_attributes: list[str], range_attributes: list[str | None], items: list[Item]
    ) -> list[Item]:
        # Each value is cast once, where comparing moto's own casts it at each comparison.
        wanted = table._generate_attr_to_sort_by(hash_attributes, range_attributes)
        items.sort(key=lambda item: tuple(item.attrs[name].cast_value for name in wanted))
        return items

    setattr(Table, "query", query)  # noqa: B010
    setattr(Table, "all_items", all_items)  # noqa: B010
    setattr(Table, "sorted_items", in_order)  # noqa: B010


def _records() -> None:
    """What the stream tells is kept packed: a reader that is behind in a burst has whole requests in it."""
    plain = StreamRecord.__init__

    def keep(record: StreamRecord, *arguments: Any, **named: Any) -> None:
        plain(record, *arguments, **named)
        vars(record)["record"] = zlib.compress(pickle.dumps(record.record), 1)

    def unpacked(record: StreamRecord) -> dict[str, Any]:
        packed: Any = record.record
        told: dict[str, Any] = pickle.loads(zlib.decompress(packed)) if packed else {}
        return told

    setattr(StreamRecord, "__init__", keep)  # noqa: B010
    setattr(StreamRecord, "to_json", unpacked)  # noqa: B010


def _streams() -> None:
    """What was read long ago is forgotten, sooner than after 24 hours; what was taken back is not told."""
    plain_get = StreamShard.get
    plain_iterator = DynamoDBStreamsBackend.get_shard_iterator
    plain_records = DynamoDBStreamsBackend.get_records

    def get(shard: StreamShard, start: int, quantity: int) -> list[dict[str, Any]]:
        records = plain_get(shard, start, quantity)
        if records and not records[0]:
            raise RuntimeError(f"the stream keeps {STREAM_KEEPS} of the records that have been read")
        return records

    def iterator(backend: DynamoDBStreamsBackend, *arguments: Any, **named: Any) -> ShardIterator:
        while len(backend.shard_iterators) >= ITERATORS_KEPT:
            backend.shard_iterators.pop(next(iter(backend.shard_iterators)))
        found = plain_iterator(backend, *arguments, **named)
        items = found.stream_shard.items
        read = found.sequence_number - found.stream_shard.starting_sequence_number
        index = read - STREAM_KEEPS - 1 if found.shard_iterator_type == "AFTER_SEQUENCE_NUMBER" else -1
        while index >= 0 and items[index] is not _FORGOTTEN:
            items[index] = _FORGOTTEN
            index -= 1
        return found

    def records(backend: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
        # An iterator keeps the shard that it was made for, which a transaction that fails swaps for a copy.
        found = backend.shard_iterators[iterator_arn]
        table = backend.dynamodb.tables[found.stream_shard.table.name]
        found.stream_shard = table.stream_shard or found.stream_shard
        return plain_records(backend, iterator_arn, limit)

    setattr(DynamoDBStreamsBackend, "get_records", records)  # noqa: B010
    setattr(StreamShard, "get", get)  # noqa: B010
    setattr(DynamoDBStreamsBackend, "get_shard_iterator", iterator)  # noqa: B010
