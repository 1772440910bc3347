"""The one table: every item is `pk`, `sk` and `doc` (JSON text), and what conditions and indexes need.

| item | pk | sk |
|---|---|---|
| allocation | `ALLOCATION#<id>` | `META` |
| request | `REQUEST#<id>` | `META` |
| its events, exchanges | `REQUEST#<id>` | `EVENT#<seq>`, `EXCHANGE#<seq>` |
| its notices | `REQUEST#<id>` | `NOTICE#<event>#<channel>` |
| groups that have had an allocation | `GROUPS` | `<group>` |

Index `listing`: `REQUESTS#<group>` or `ALLOCATIONS`, in order of creation. Index `due`: `<facility>`, in
order of the time at which the schedule has to look at the request. A write names the version that it read;
whoever comes second is told so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from slew import aws, clock, config
from slew.errors import SlewError
from slew.records import Allocation, Event, Request
from slew.status import ENDED
from slew.wire import Exchange

Item = dict[str, Any]
_TRANSACTION_LIMIT = 100  # DynamoDB: TransactWriteItems


class Outdated(SlewError):
    """The record has been changed by somebody else since it was read, or exists already."""


# ---- allocations


def get_allocation(allocation_id: str) -> Allocation | None:
    """The allocation, as it is now."""
    doc = _get(f"ALLOCATION#{allocation_id}", "META")
    return Allocation.from_doc(doc) if doc else None


def put_allocation(allocation: Allocation, expected_version: int | None) -> None:
    """Write an allocation over the version that was read; None: a new one. Raises Outdated."""
    item = {
        **_key(f"ALLOCATION#{allocation.id}", "META"),
        "doc": _text(allocation.as_doc()),
        "version": {"N": str(allocation.version)},
        "list_pk": {"S": "ALLOCATIONS"},
        "list_sk": {"S": f"{allocation.created_at}#{allocation.id}"},
        "facility": {"S": allocation.facility},
        "group": {"S": allocation.group},
    }
    _put(item, expected_version)
    _client().put_item(TableName=config.table(), Item=_key("GROUPS", allocation.group))


def delete_allocation(allocation: Allocation) -> None:
    """Remove the version that was read. Raises Outdated."""
    try:
        _client().delete_item(
            TableName=config.table(),
            Key=_key(f"ALLOCATION#{allocation.id}", "META"),
            ConditionExpression="version = :version",
            ExpressionAttributeValues={":version": {"N": str(allocation.version)}},
        )
    except ClientError as error:
        raise _outdated(error) from None


def list_allocations(
    filters: Mapping[str, str], groups: Sequence[str] | None, before: str | None, limit: int
) -> tuple[list[Allocation], str | None]:
    """Allocations, newest first, of these groups (None: all), and the cursor of the next page."""
    pages = _query_listing("ALLOCATIONS", before, None, filters)
    found = ((item["list_sk"]["S"], Allocation.from_doc(json.loads(item["doc"]["S"]))) for item in pages)
    return _page(((key, each) for key, each in found if groups is None or each.group in groups), limit)


def groups() -> list[str]:
    """Every group that has had an allocation."""
    return [item["sk"]["S"] for item in _query_items("GROUPS", "")]


# ---- requests


def get_request(request_id: str) -> Request | None:
    """The request, as it is now."""
    doc = _get(f"REQUEST#{request_id}", "META")
    return Request.from_doc(doc) if doc else None


def save(
    request: Request, events: Sequence[Event] = (), exchanges: Sequence[Exchange] = (), *, new: bool = False
) -> Request:
    """Write a request, its events and its exchanges in one transaction; returns it with its new version.

    `new`: it must not exist yet. Else it must be the version that was read. Raises Outdated.
    """
    expected = None if new else request.version
    first_exchange = request.exchanges
    saved = request.change(
        version=1 if new else request.version + 1, exchanges=request.exchanges + len(exchanges)
    )
    condition = _condition(expected)
    if not events and not exchanges:
        _put(_request_item(saved), expected)
        return saved
    puts: list[Item] = [{"Put": {"TableName": config.table(), "Item": _request_item(saved), **condition}}]
    partition = f"REQUEST#{request.id}"
    docs = [(f"EVENT#{event.seq:06d}", event.as_doc()) for event in events]
    docs += [
        (f"EXCHANGE#{first_exchange + index + 1:06d}", asdict(exchange))
        for index, exchange in enumerate(exchanges)
    ]
    for sk, doc in docs:
        item = {**_key(partition, sk), "doc": _text(doc), **_expiry(saved)}
        puts.append({"Put": {"TableName": config.table(), "Item": item}})
    for extra in puts[_TRANSACTION_LIMIT:]:  # only a search through many pages makes so many exchanges
        _client().put_item(TableName=config.table(), Item=extra["Put"]["Item"])
    try:
        _client().transact_write_items(TransactItems=puts[:_TRANSACTION_LIMIT])
    except ClientError as error:
        raise _outdated(error) from None
    return saved


def history(request_id: str) -> list[dict[str, Any]]:
    """The request's events and notices, in order of time, as the API shows them."""
    hidden = ("notify", "notice")
    docs = [
        {key: value for key, value in json.loads(item["doc"]["S"]).items() if key not in hidden}
        for prefix in ("EVENT#", "NOTICE#")
        for item in _query_items(f"REQUEST#{request_id}", prefix)
    ]
    return sorted(docs, key=lambda doc: str(doc.get("at", "")))


def exchanges(request_id: str) -> list[dict[str, Any]]:
    """The request's exchanges with the facility, oldest first."""
    return [json.loads(item["doc"]["S"]) for item in _query_items(f"REQUEST#{request_id}", "EXCHANGE#")]


def list_requests(
    groups: Sequence[str], filters: Mapping[str, str], since: str | None, before: str | None, limit: int
) -> tuple[list[Request], str | None]:
    """Requests of these groups, newest first, and the cursor of the next page.

    `filters` are by the attributes facility, allocation_id, status, target_name.
    """
    newest: list[tuple[str, Request]] = []
    for group in groups:
        pages = _query_listing(f"REQUESTS#{group}", before, since, filters)
        for count, item in enumerate(pages):
            if count > limit:
                break
            newest.append((item["list_sk"]["S"], Request.from_doc(json.loads(item["doc"]["S"]))))
    newest.sort(key=lambda pair: pair[0], reverse=True)
    return _page(iter(newest), limit)


def live_requests(allocation: Allocation) -> list[Request]:
    """Requests of an allocation that may still come to an observation."""
    pages = _query_listing(f"REQUESTS#{allocation.group}", None, None, {"allocation_id": allocation.id})
    found = (Request.from_doc(json.loads(item["doc"]["S"])) for item in pages)
    return [request for request in found if request.live]


def due(facility: str, now: float, limit: int) -> list[str]:
    """Ids of the facility's requests that the schedule has to look at, the longest overdue first."""
    answer = _client().query(
        TableName=config.table(),
        IndexName="due",
        KeyConditionExpression="due_pk = :facility AND due_at <= :now",
        ExpressionAttributeValues={":facility": {"S": facility}, ":now": {"N": f"{now:.3f}"}},
        Limit=limit,
    )
    return [item["pk"]["S"].removeprefix("REQUEST#") for item in answer["Items"]]


def _request_item(request: Request) -> Item:
    item = {
        **_key(f"REQUEST#{request.id}", "META"),
        "doc": _text(request.as_doc()),
        "version": {"N": str(request.version)},
        "list_pk": {"S": f"REQUESTS#{request.group}"},
        "list_sk": {"S": f"{request.created_at}#{request.id}"},
        "facility": {"S": request.facility},
        "allocation_id": {"S": request.allocation_id},
        "status": {"S": request.status.value},
        "target_name": {"S": request.target["name"]},
        **_expiry(request),
    }
    if request.next_action_at is not None:
        item["due_pk"] = {"S": request.facility}
        item["due_at"] = {"N": f"{request.next_action_at:.3f}"}
    return item


def _expiry(request: Request) -> Item:
    days = config.record_retention_days()
    if not days or request.status not in ENDED:
        return {}
    return {"expires_at": {"N": str(int(clock.timestamp() + days * 86400))}}


# ---- the table itself


def _client() -> Any:
    return aws.client("dynamodb")


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _text(doc: Mapping[str, Any]) -> Item:
    return {"S": json.dumps(doc, ensure_ascii=False, allow_nan=False)}


def _get(pk: str, sk: str) -> dict[str, Any] | None:
    answer = _client().get_item(TableName=config.table(), Key=_key(pk, sk), ConsistentRead=True)
    return json.loads(answer["Item"]["doc"]["S"]) if "Item" in answer else None


def _condition(expected_version: int | None) -> Item:
    if expected_version is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(expected_version)}},
    }


def _put(item: Item, expected_version: int | None) -> None:
    try:
        _client().put_item(TableName=config.table(), Item=item, **_condition(expected_version))
    except ClientError as error:
        raise _outdated(error) from None


def _outdated(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
    conflict = "ConditionalCheckFailed" in reasons or "TransactionConflict" in reasons
    if code in ("ConditionalCheckFailedException", "TransactionConflictException") or conflict:
        return Outdated(code)
    return error


def _query_items(pk: str, prefix: str) -> Iterator[Item]:
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
        "ExpressionAttributeValues": {":pk": {"S": pk}, **({":prefix": {"S": prefix}} if prefix else {})},
        "ConsistentRead": True,
    }
    return _pages(arguments)


def _query_listing(
    pk: str, before: str | None, since: str | None, filters: Mapping[str, str]
) -> Iterator[Item]:
    values: Item = {":pk": {"S": pk}}
    key = "list_pk = :pk"
    if before:
        key += " AND list_sk < :before"
        values[":before"] = {"S": before}
    elif since:
        key += " AND list_sk >= :since"
        values[":since"] = {"S": since}
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "IndexName": "listing",
        "KeyConditionExpression": key,
        "ScanIndexForward": False,
    }
    if filters:
        arguments["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in filters)
        arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in filters}
        values |= {f":{name}": {"S": value} for name, value in filters.items()}
    for item in _pages({**arguments, "ExpressionAttributeValues": values}):
        if since and item["list_sk"]["S"] < since:
            return
        yield item


def _pages(arguments: dict[str, Any]) -> Iterator[Item]:
    while True:
        answer = _client().query(**arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _page(found: Iterator[tuple[str, Any]], limit: int) -> tuple[list[Any], str | None]:
    page: list[tuple[str, Any]] = []
    for pair in found:
        if len(page) == limit:
            return [each for _, each in page], page[-1][0]
        page.append(pair)
    return [each for _, each in page], None
