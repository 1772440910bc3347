"""The embedded DynamoDB: its stream forgets what was read long ago, and its answers are moto's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from moto import mock_aws
from moto.dynamodb import responses
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, dynamodbstreams_backends

from local import dynamodb

REGION = "us-east-1"
PATCHED = [
    (StreamShard, "get"),
    (DynamoDBStreamsBackend, "get_shard_iterator"),
    (DynamoDBStreamsBackend, "get_records"),
    (DynamoDBBackend, "transact_write_items"),
    (Table, "query"),
    (Table, "all_items"),
    (Table, "sorted_items"),
    (StreamRecord, "__init__"),
    (StreamRecord, "to_json"),
]
Read = Callable[[str | None], list[dict[str, Any]]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for owner, name in PATCHED:  # so that they are put back
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(responses, "TRANSACTION_MAX_ITEMS", responses.TRANSACTION_MAX_ITEMS)
    for owner in (StreamShard, Table):
        monkeypatch.setattr(owner, "__deepcopy__", None, raising=False)
    monkeypatch.setattr(dynamodb, "STREAM_KEEPS", 5)
    monkeypatch.setattr(dynamodb, "ITERATORS_KEPT", 3)
    with mock_aws():
        dynamodb.hasten()
        yield boto3.resource("dynamodb", REGION).create_table(
            TableName="told",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
                {"AttributeName": "group", "AttributeType": "S"},
                {"AttributeName": "at", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_time",
                    "KeySchema": [
                        {"AttributeName": "group", "KeyType": "HASH"},
                        {"AttributeName": "at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )


@pytest.fixture
def read(table: Any) -> Read:
    """Reads what follows a sequence number; None: from the beginning."""
    client = boto3.client("dynamodbstreams", REGION)
    stream = client.list_streams(TableName="told")["Streams"][0]["StreamArn"]
    shard = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]

    def after(number: str | None) -> list[dict[str, Any]]:
        where = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number}
            if number
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = client.get_shard_iterator(StreamArn=stream, ShardId=shard, **where)["ShardIterator"]
        records: list[dict[str, Any]] = client.get_records(ShardIterator=iterator)["Records"]
        return records

    return after


def test_a_reader_that_keeps_up_is_told_all(table: Any, read: Read) -> None:
    told: list[str] = []
    number = None
    for batch in range(10):
        for each in range(4):
            table.put_item(Item={"pk": f"{batch}-{each}", "sk": "-"})
        records = read(number)
        told += [record["dynamodb"]["NewImage"]["pk"]["S"] for record in records]
        number = records[-1]["dynamodb"]["SequenceNumber"]
    assert told == [f"{batch}-{each}" for batch in range(10) for each in range(4)]
    assert read(number) == []
    assert len(dynamodbstreams_backends["123456789012"][REGION].shard_iterators) <= 4


def test_what_has_not_been_read_is_kept(table: Any, read: Read) -> None:
    for each in range(20):
        table.put_item(Item={"pk": str(each), "sk": "-"})
    records = read(None)
    assert len(records) == 20
    for record in records:
        read(record["dynamodb"]["SequenceNumber"])
    assert len(read(records[14]["dynamodb"]["SequenceNumber"])) == 5
    with pytest.raises(RuntimeError, match="the stream keeps 5 of the records that have been read"):
        read(None)


def test_what_a_failed_transaction_wrote_is_not_told(table: Any) -> None:
    client, streams = boto3.client("dynamodb", REGION), boto3.client("dynamodbstreams", REGION)
    stream = streams.list_streams(TableName="told")["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    put: Any = {"TableName": "told", "Item": {"pk": {"S": "never"}, "sk": {"S": "-"}}}
    check: Any = {
        "TableName": "told",
        "Key": {"pk": {"S": "x"}, "sk": {"S": "-"}},
        "ConditionExpression": "attribute_exists(pk)",
    }
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])
    assert streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"] == []


def test_a_hundred_items_are_read_at_once_and_no_more(table: Any) -> None:
    table.put_item(Item={"pk": "0", "sk": "-"})
    client = table.meta.client
    gets = [{"Get": {"TableName": "told", "Key": {"pk": str(each), "sk": "-"}}} for each in range(101)]
    found = client.transact_get_items(TransactItems=gets[:100])["Responses"]
    assert [each.get("Item") for each in found[:2]] == [{"pk": "0", "sk": "-"}, None]
    with pytest.raises(client.exceptions.ClientError, match="less than or equal to 100"):
        client.transact_get_items(TransactItems=gets)


@pytest.mark.parametrize("forward", [True, False])
def test_an_index_is_in_the_order_of_its_numbers(table: Any, forward: bool) -> None:
    numbers = [10, 9, -2, Decimal("1.5"), 100, 9]
    for each, number in enumerate(numbers):
        table.put_item(Item={"pk": str(each), "sk": "-", "group": "a", "at": number})
    table.put_item(Item={"pk": "of another group", "sk": "-", "group": "b", "at": 1})
    table.put_item(Item={"pk": "not in the index", "sk": "-", "group": "a"})
    arguments: dict[str, Any] = {
        "IndexName": "by_time",
        "KeyConditionExpression": Key("group").eq("a"),
        "ScanIndexForward": forward,
        "Limit": 2,
    }
    found: list[tuple[Any, str]] = []
    while True:
        page = table.query(**arguments)
        found += [(item["at"], item["pk"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    by_order = sorted(zip(numbers, map(str, range(len(numbers))), strict=True), reverse=not forward)
    assert found == by_order
