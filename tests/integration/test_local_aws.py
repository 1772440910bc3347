"""The embedded AWS: what was changed in DynamoDB answers as before; what is refused when it is told so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from local import resources, template
from local.clock import Clock
from local.processes import Children, Service
from local.resources import Clients
from slew import aws
from tests.conftest import ROOT

TABLE = "slew-Table"
SERVICES = ("dynamodb", "secretsmanager", "s3")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    work = tmp_path_factory.mktemp("aws")
    children = Children()
    service = Service("local.aws", ["0", str(Clock(Path(work) / "clock").path)], children, work)
    yield service.ready()["url"]
    service.close()
    children.close()


@pytest.fixture(scope="module")
def client(endpoint: str) -> Clients:
    clients = Clients(endpoint)
    resources.create(template.load(ROOT / "template.yaml", {}, endpoint), clients)
    return clients


def item(pk: str, sk: str, **more: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}


def put(client: Clients, *items: dict[str, Any]) -> None:
    for each in items:
        client("dynamodb").put_item(TableName=TABLE, Item=each)


def everything(client: Clients) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("dynamodb").scan(TableName=TABLE)["Items"]
    return found


def test_a_cancelled_transaction_leaves_everything_as_it_was(client: Clients) -> None:
    put(client, item("T", "1", doc="one"), item("T", "2", doc="two"), item("U", "1", doc="other"))
    before = everything(client)
    update = {
        "TableName": TABLE,
        "Key": item("T", "1"),
        "UpdateExpression": "SET doc = :new",
        "ExpressionAttributeValues": {":new": {"S": "changed"}},
    }
    refused = {
        "TableName": TABLE,
        "Item": item("U", "1", doc="again"),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    actions = [
        {"Update": update},
        {"Put": {"TableName": TABLE, "Item": item("V", "1")}},
        {"Delete": {"TableName": TABLE, "Key": item("T", "2")}},
        {"Put": refused},
    ]
    with pytest.raises(ClientError) as raised:
        client("dynamodb").transact_write_items(TransactItems=actions)
    reasons: Any = raised.value.response["CancellationReasons"]
    assert [each["Code"] for each in reasons] == ["None", "None", "None", "ConditionalCheckFailed"]
    assert everything(client) == before
    client("dynamodb").transact_write_items(TransactItems=actions[:3])
    assert everything(client) == [item("T", "1", doc="changed"), item("U", "1", doc="other"), item("V", "1")]


def test_queries_are_in_order_and_page_by_page(client: Clients) -> None:
    listed = [item("Q", f"{n:03d}", list_pk="L", list_sk=f"{n:03d}") for n in (5, 3, 9, 1, 7)]
    put(client, *listed, item("Q", "999"), item("R", "1", list_pk="M", list_sk="1"))
    for index, name, ordered in ((None, "pk", "Q"), ("listing", "list_pk", "L")):
        found: list[str] = []
        arguments: dict[str, Any] = {
            "TableName": TABLE,
            "KeyConditionExpression": f"{name} = :it",
            "ExpressionAttributeValues": {":it": {"S": ordered}},
            "ScanIndexForward": False,
            "Limit": 2,
            **({"IndexName": index} if index else {}),
        }
        while True:
            answer = client("dynamodb").query(**arguments)
            found += [each["sk"]["S"] for each in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        assert found == [*(["999"] if index is None else []), "009", "007", "005", "003", "001"]


def test_it_throttles_as_it_is_told_and_each_refusal_is_one_that_passes(
    endpoint: str, client: Clients
) -> None:
    def calls() -> Iterator[Any]:
        dynamodb = client("dynamodb")
        transaction = [{"Put": {"TableName": TABLE, "Item": item("W", "1")}}]
        for _ in range(20):
            yield lambda: dynamodb.get_item(TableName=TABLE, Key=item("W", "1"))
            yield lambda: dynamodb.transact_write_items(TransactItems=transaction)
            yield lambda: client("secretsmanager").get_secret_value(SecretId="none")
            yield lambda: client("s3").get_object(Bucket="none", Key="none")

    codes = set()
    requests.post(f"{endpoint}/_aws/throttle", json={"rate": 1, "seed": 3}, timeout=30)
    for call in calls():
        with pytest.raises(ClientError) as raised:
            call()
        assert aws.unavailable(raised.value) is not None
        codes.add(raised.value.response["Error"]["Code"])
    requests.post(f"{endpoint}/_aws/throttle", json={"rate": 0}, timeout=30)
    assert {"TransactionCanceledException", "RequestLimitExceeded", "SlowDown"} <= codes
    assert "Item" not in client("dynamodb").get_item(TableName=TABLE, Key=item("W", "1"))
    load = requests.get(f"{endpoint}/_aws/load", timeout=30).json()
    assert load["throttled"] == 80
