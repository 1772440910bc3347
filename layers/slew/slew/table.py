"""DynamoDB as the store uses it: one table, two indexes, conditional writes, queries page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from slew import aws, config
from slew.errors import SlewError, TooLarge

Item = dict[str, Any]
_TRANSACTION_LIMIT = 100  # DynamoDB: TransactWriteItems


class Outdated(SlewError):
    """The record has been changed by somebody else since it was read, or exists already."""


def client() -> Any:
    """The low-level client."""
    return aws.client("dynamodb")


def key(pk: str, sk: str) -> Item:
    """The primary key, as an item begins."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def text(doc: Mapping[str, Any]) -> Item:
    """A document as an item's attribute."""
    return {"S": json.dumps(doc, ensure_ascii=False, allow_nan=False)}


def get(pk: str, sk: str) -> dict[str, Any] | None:
    """The document of an item, read consistently; None if there is none."""
    answer = client().get_item(TableName=config.table(), Key=key(pk, sk), ConsistentRead=True)
    return json.loads(answer["Item"]["doc"]["S"]) if "Item" in answer else None


def write(pk: str, sk: str, doc: Mapping[str, Any]) -> None:
    """Write a document over whatever stood there."""
    client().put_item(TableName=config.table(), Item={**key(pk, sk), "doc": text(doc)})


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
    """Write an item over the version that was read; None: a new one. Raises Outdated, TooLarge."""
    try:
        client().put_item(TableName=config.table(), Item=item, **condition(expected_version))
    except ClientError as error:
        if not is_written(item):
            raise outdated(error) from None


def put_together(items: Sequence[Item], expected_version: int | None) -> None:
    """Write items in one transaction, the first over the version that was read. Raises Outdated, TooLarge."""
    first, *others = [{"TableName": config.table(), "Item": item} for item in items]
    puts = [{"Put": {**first, **condition(expected_version)}}, *({"Put": other} for other in others)]
    for extra in puts[_TRANSACTION_LIMIT:]:  # only a search through many pages makes so many exchanges
        client().put_item(**extra["Put"])
    try:
        client().transact_write_items(TransactItems=puts[:_TRANSACTION_LIMIT])
    except ClientError as error:
        if not is_written(items[0]):
            raise outdated(error) from None


def is_written(item: Item) -> bool:
    """Whether the table holds just this item: a failed write may repeat one that came through."""
    answer = client().get_item(
        TableName=config.table(), Key={"pk": item["pk"], "sk": item["sk"]}, ConsistentRead=True
    )
    return bool(answer.get("Item", {}).get("doc") == item["doc"])


def outdated(error: ClientError) -> Exception:
    """What a failed conditional write means: Outdated, or the error itself."""
    code = error.response["Error"]["Code"]
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    conflict = "ConditionalCheckFailed" in reasons or "TransactionConflict" in reasons
    if code in ("ConditionalCheckFailedException", "TransactionConflictException") or conflict:
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
