"""DynamoDB as the store uses it: one table, two indexes, conditional writes, queries page by page."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from slew import aws, config
from slew.characters import writable
from slew.errors import SlewError, TooLarge

Item = dict[str, Any]
T = TypeVar("T")
_LONGEST_PK, _LONGEST_SK = 2048, 1024  # DynamoDB: bytes of a key
_TRANSACTION_LIMIT = 100  # DynamoDB: TransactWriteItems
_patience: ContextVar[float] = ContextVar("patience", default=2.0)
"""Seconds for which a write is tried again while the table is busy."""


class Outdated(SlewError):
    """The record has been changed by somebody else since it was read, or exists already."""


@dataclass(frozen=True)
class Also:
    """One more action of a transaction; `refusal` is raised where its condition does not hold."""

    action: Item
    refusal: SlewError


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Have the writes herein tried for so long, if that is longer than usual."""
    token = _patience.set(max(seconds, _patience.get()))
    try:
        yield
    finally:
        _patience.reset(token)


def client() -> Any:
    """The low-level client."""
    return aws.client("dynamodb")


def key(pk: str, sk: str) -> Item:
    """The primary key, as an item begins."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def text(doc: Mapping[str, Any]) -> Item:
    """A document as an item's attribute."""
    return {"S": writable(json.dumps(doc, ensure_ascii=False, allow_nan=False))}


def get(pk: str, sk: str) -> dict[str, Any] | None:
    """The document of an item, read consistently; None if there is none."""
    if len(pk.encode()) > _LONGEST_PK or len(sk.encode()) > _LONGEST_SK:
        return None  # somebody made it up, and DynamoDB would refuse to look
    answer = client().get_item(TableName=config.table(), Key=key(pk, sk), ConsistentRead=True)
    return json.loads(answer["Item"]["doc"]["S"]) if "Item" in answer else None


def write(pk: str, sk: str, doc: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> None:
    """Write a document, and `more` attributes, over whatever stood there."""
    client().put_item(TableName=config.table(), Item={**key(pk, sk), "doc": text(doc), **(more or {})})


def replace(
    pk: str,
    sk: str,
    doc: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a document, and `more` attributes, over the one that was read; None: no item, before or after.

    Raises Outdated where another stands there; Unavailable where the table stays busy.
    """
    if before is None:
        expected = condition(None)
    else:
        values = {":before": text(before)}
        expected = {"ConditionExpression": "doc = :before", "ExpressionAttributeValues": values}

    def act() -> None:
        try:
            if doc is None:
                client().delete_item(TableName=config.table(), Key=key(pk, sk), **expected)
            else:
                item = {**key(pk, sk), "doc": text(doc), **(more or {})}
                client().put_item(TableName=config.table(), Item=item, **expected)
        except ClientError as error:
            if aws.unavailable(error) or get(pk, sk) != doc:
                raise

    try:
        _unhindered(act)
    except ClientError as error:
        raise outdated(error) from None


def remove(pk: str, sk: str) -> None:
    """Remove an item; one that is not there is fine."""
    client().delete_item(TableName=config.table(), Key=key(pk, sk))


def condition(expected_version: int | None) -> Item:
    """The condition of a write: over this version, or of a new item for None."""
    if expected_version is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(expected_version)}},
    }


def put(item: Item, expected_version: int | None) -> None:
    """Write an item over the version that was read; None: a new one.

    Raises Outdated, TooLarge; Unavailable where the table stays busy.
    """

    def write() -> None:
        try:
            client().put_item(TableName=config.table(), Item=item, **condition(expected_version))
        except ClientError as error:
            if aws.unavailable(error) or not is_written(item):
                raise

    try:
        _unhindered(write)
    except ClientError as error:
        raise outdated(error) from None


def get_together(keys: Sequence[tuple[str, str]]) -> list[Item | None]:
    """Items, as of one moment. Raises Unavailable where the table stays busy, or others keep writing them."""
    gets = [{"Get": {"TableName": config.table(), "Key": key(*each)}} for each in keys]

    def read() -> list[Item | None]:
        answer = client().transact_get_items(TransactItems=gets)
        return [each.get("Item") for each in answer["Responses"]]

    return _unhindered(read)


def put_together(items: Sequence[Item], expected_version: int | None, also: Sequence[Also] = ()) -> None:
    """Write items in one transaction, the first over the version that was read.

    Raises Outdated, TooLarge, the refusal of `also`; Unavailable where the table stays busy, or others keep
    writing what it writes.
    """
    first, *others = [{"TableName": config.table(), "Item": item} for item in items]
    puts = [{"Put": {**first, **condition(expected_version)}}, *({"Put": other} for other in others)]
    room = _TRANSACTION_LIMIT - len(also)
    for extra in puts[room:]:  # only a search through many pages makes so many exchanges
        client().put_item(**extra["Put"])
    actions = [*puts[:room], *(each.action for each in also)]

    def write() -> None:
        try:
            client().transact_write_items(TransactItems=actions)
        except ClientError as error:
            if aws.unavailable(error):
                raise
            if is_written(items[0]):
                return
            codes = _reasons(error)
            for each, code in zip(also, codes[len(actions) - len(also) :], strict=False):
                if code == "ConditionalCheckFailed" != codes[0]:
                    raise each.refusal from None
            raise

    try:
        _unhindered(write)
    except ClientError as error:
        raise outdated(error) from None


def _unhindered(act: Callable[[], T]) -> T:
    """Do `act`, again and again while the table is busy or another transaction is at the same items.

    It has to bear being done twice: of one that failed, nobody knows for certain that it had no effect.
    """
    began, waited, longest = time.monotonic(), 0.0, 0.02
    while True:
        try:
            return act()
        except (ClientError, BotoCoreError) as error:
            busy = aws.unavailable(error)
            if busy is None:
                raise
        pause = random.uniform(0, longest)
        waited += pause
        if max(waited, time.monotonic() - began) > _patience.get():
            raise busy
        time.sleep(pause)
        longest = min(2 * longest, 1.0)


def _reasons(error: ClientError) -> list[str]:
    return [reason.get("Code", "") for reason in error.response.get("CancellationReasons", [])]


def is_written(item: Item) -> bool:
    """Whether the table holds just this item: a failed write may repeat one that came through."""
    answer = client().get_item(
        TableName=config.table(), Key={"pk": item["pk"], "sk": item["sk"]}, ConsistentRead=True
    )
    return bool(answer.get("Item", {}).get("doc") == item["doc"])


def outdated(error: ClientError) -> Exception:
    """What a failed conditional write means: Outdated, or the error itself."""
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in _reasons(error):
        return Outdated(code)
    if code == "ValidationException" and "size" in str(error).lower():
        return TooLarge("the request, with what is kept of it, is over DynamoDB's 400 KB")
    return error


def query_items(pk: str, first: str, last: str) -> Iterator[Item]:
    """The items of a partition between two sort keys, both inclusive, read consistently."""
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
        "ConsistentRead": True,
    }
    return pages(arguments)


def query_listing(
    pk: str, before: str | None, since: str | None, filters: Mapping[str, str]
) -> Iterator[Item]:
    """The items of a listing, newest first, before a position and since a time, that match the filters."""
    values: Item = {":pk": {"S": pk}}
    wanted = "list_pk = :pk"
    if before:
        wanted += " AND list_sk < :before"
        values[":before"] = {"S": before}
    elif since:
        wanted += " AND list_sk >= :since"
        values[":since"] = {"S": since}
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "IndexName": "listing",
        "KeyConditionExpression": wanted,
        "ScanIndexForward": False,
    }
    if filters:
        arguments["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in filters)
        arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in filters}
        values |= {f":{name}": {"S": value} for name, value in filters.items()}
    for item in pages({**arguments, "ExpressionAttributeValues": values}):
        if since and item["list_sk"]["S"] < since:
            return
        yield item


def pages(arguments: dict[str, Any]) -> Iterator[Item]:
    """All items of a query, page by page."""
    while True:
        answer = client().query(**arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
