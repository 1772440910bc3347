"""The one table: every item is `pk`, `sk` and `doc` (JSON text), and what conditions and indexes need.

| item | pk | sk |
|---|---|---|
| allocation | `ALLOCATION#<id>` | `META` |
| request | `REQUEST#<id>` | `META` |
| its events, transactions | `REQUEST#<id>` | `EVENT#<seq>`, `TRANSACTION#<seq>` |
| its notices | `REQUEST#<id>` | `NOTICE#<event>#<channel>` |
| what an allocation has learned | `ALLOCATION#<id>` | `LEARNED#<key>` |
| numbers at facilities that know requests by ours | see `numbering` | |
| places on the sky; what limits have been used of | see `places`, `limits` | |
| its products; how far they are fetched | `REQUEST#<id>` | `PRODUCTS#<n>`, `FETCH#<digest>` |
| groups that have had an allocation | `GROUPS` | `<group>` |

Index `listing`: `REQUESTS#<group>` or `ALLOCATIONS`, in order of creation. Index `due`: `<facility>`, in
order of the time at which the schedule has to look at the request. A write names the version that it read;
whoever comes second is told so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from slew import config, limits, places, retention, table
from slew.places import Cell
from slew.records import Allocation, Event, Request
from slew.table import Also, Outdated
from slew.wire import Exchange

__all__ = ["Outdated"]

_PRODUCTS_AN_ITEM = 200


# ---- allocations


def get_allocation(allocation_id: str) -> Allocation | None:
    """The allocation, as it is now."""
    doc = table.get(f"ALLOCATION#{allocation_id}", "META")
    return Allocation.from_doc(doc) if doc else None


def put_allocation(allocation: Allocation, expected_version: int | None) -> None:
    """Write an allocation over the version that was read; None: a new one. Raises Outdated."""
    item = {
        **table.key(f"ALLOCATION#{allocation.id}", "META"),
        "doc": table.text(allocation.as_doc()),
        "version": {"N": str(allocation.version)},
        "list_pk": {"S": "ALLOCATIONS"},
        "list_sk": {"S": f"{allocation.created_at}#{allocation.id}"},
        "facility": {"S": allocation.facility},
        "group": {"S": allocation.group},
    }
    table.put(item, expected_version)
    table.client().put_item(TableName=config.table(), Item=table.key("GROUPS", allocation.group))


def delete_allocation(allocation: Allocation) -> None:
    """Remove the version that was read, after what hangs on it. Raises Outdated."""
    for kind in ("LEARNED#", "USAGE#"):
        for item in table.query_items(f"ALLOCATION#{allocation.id}", kind, f"{kind}~"):
            table.client().delete_item(TableName=config.table(), Key={"pk": item["pk"], "sk": item["sk"]})
    try:
        table.client().delete_item(
            TableName=config.table(),
            Key=table.key(f"ALLOCATION#{allocation.id}", "META"),
            ConditionExpression="version = :version",
            ExpressionAttributeValues={":version": {"N": str(allocation.version)}},
        )
    except ClientError as error:
        raise table.outdated(error) from None


def list_allocations(
    filters: Mapping[str, str], groups: Sequence[str] | None, before: str | None, limit: int
) -> tuple[list[Allocation], str | None]:
    """Allocations, newest first, of these groups (None: all), and the cursor of the next page."""
    pages = table.query_listing("ALLOCATIONS", before, None, filters)
    found = ((item["list_sk"]["S"], Allocation.from_doc(json.loads(item["doc"]["S"]))) for item in pages)
    return _page(((key, each) for key, each in found if groups is None or each.group in groups), limit)


def groups() -> list[str]:
    """Every group that has had an allocation."""
    return [item["sk"]["S"] for item in table.query_items("GROUPS", " ", "~")]


def learn(allocation_id: str, key: str, value: str) -> str:
    """What an allocation has learned first under a key; that is `value` if it had not learned any."""
    where = table.key(f"ALLOCATION#{allocation_id}", f"LEARNED#{key}")
    try:
        table.put({**where, "doc": table.text({"value": value})}, None)
    except Outdated:
        known = table.get(f"ALLOCATION#{allocation_id}", f"LEARNED#{key}")
        return str(known["value"]) if known else value
    return value


# ---- requests


def get_request(request_id: str) -> Request | None:
    """The request, as it is now."""
    doc = table.get(f"REQUEST#{request_id}", "META")
    return Request.from_doc(doc) if doc else None


def save(
    request: Request,
    events: Sequence[Event] = (),
    exchanges: Sequence[Exchange] = (),
    *,
    new: bool = False,
    seen: Sequence[Cell] = (),
    allowed: Mapping[str, float] | None = None,
) -> Request:
    """Write a request, its events and its exchanges in one transaction; returns it with its new version.

    `new`: it must not exist yet. Else it must be the version that was read. Raises Outdated. `seen`: cells of
    the sky in which nothing may have changed; raises Crossed. `allowed`: the limits within which it takes its
    share; raises Conflict.
    """
    expected = None if new else request.version
    first_exchange = request.exchanges
    saved = request.change(
        version=1 if new else request.version + 1,
        exchanges=request.exchanges + len(exchanges),
        place=places.of(request),
        charge=limits.held(request),
    )
    shares = limits.writes(request, saved, allowed)
    if request.products is not None:
        _put_products(request)
    if not events and not exchanges and not shares and saved.place in ("", request.place):
        table.put(_request_item(saved), expected)
        return saved
    docs = [(f"EVENT#{event.seq:06d}", event.as_doc()) for event in events]
    docs += [
        (f"TRANSACTION#{first_exchange + index + 1:06d}", asdict(exchange))
        for index, exchange in enumerate(exchanges)
    ]
    items = [
        {**table.key(f"REQUEST#{request.id}", sk), "doc": table.text(doc), **retention.expiry(saved)}
        for sk, doc in docs
    ]

    def write(joining: Sequence[Also]) -> None:
        table.put_together([_request_item(saved), *items], expected, [*joining, *shares])

    places.join(request, saved, seen, write)
    retention.follow(saved, events)
    return saved


def history(request_id: str) -> list[dict[str, Any]]:
    """The request's events and notices, in order of time, as the API shows them."""
    # One query for both: what stands between them is little.
    items = table.query_items(f"REQUEST#{request_id}", "EVENT#", "NOTICE#~")
    docs = [
        json.loads(item["doc"]["S"]) for item in items if item["sk"]["S"].startswith(("EVENT#", "NOTICE#"))
    ]
    return sorted(map(shown, docs), key=lambda doc: str(doc.get("at", "")))


def shown(doc: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a history without what only the publisher needs."""
    return {key: value for key, value in doc.items() if key not in ("notify", "notice")}


def exchanges(request_id: str) -> list[dict[str, Any]]:
    """The request's exchanges with the facility, oldest first."""
    return [
        json.loads(item["doc"]["S"])
        for item in table.query_items(f"REQUEST#{request_id}", "TRANSACTION#", "TRANSACTION#~")
    ]


def products(request_id: str) -> list[dict[str, Any]]:
    """What the facility has to fetch for a request."""
    return [
        product
        for item in table.query_items(f"REQUEST#{request_id}", "PRODUCTS#", "PRODUCTS#~")
        for product in json.loads(item["doc"]["S"])["products"]
    ]


def fetches(request_id: str) -> dict[str, dict[str, Any]]:
    """How it stands with the fetching of a request's products, by their names."""
    items = table.query_items(f"REQUEST#{request_id}", "FETCH#", "FETCH#~")
    docs = [json.loads(item["doc"]["S"]) for item in items]
    return {doc["name"]: doc for doc in docs}


def put_fetch(request: Request, doc: Mapping[str, Any]) -> None:
    """Note how it stands with the fetching of the product `doc["name"]`."""
    digest = hashlib.sha256(str(doc["name"]).encode()).hexdigest()[:24]
    where = table.key(f"REQUEST#{request.id}", f"FETCH#{digest}")
    item = {**where, "doc": table.text(doc), **retention.expiry(request)}
    table.client().put_item(TableName=config.table(), Item=item)


def list_requests(
    groups: Sequence[str], filters: Mapping[str, str], since: str | None, before: str | None, limit: int
) -> tuple[list[Request], str | None]:
    """Requests of these groups, newest first, and the cursor of the next page.

    `filters` are by the attributes facility, allocation_id, status, target_name.
    """
    newest: list[tuple[str, Request]] = []
    for group in groups:
        pages = table.query_listing(f"REQUESTS#{group}", before, since, filters)
        for count, item in enumerate(pages):
            if count > limit:
                break
            newest.append((item["list_sk"]["S"], Request.from_doc(json.loads(item["doc"]["S"]))))
    newest.sort(key=lambda pair: pair[0], reverse=True)
    return _page(iter(newest), limit)


def live_requests(allocation: Allocation) -> list[Request]:
    """Requests of an allocation that may still come to an observation."""
    pages = table.query_listing(f"REQUESTS#{allocation.group}", None, None, {"allocation_id": allocation.id})
    found = (Request.from_doc(json.loads(item["doc"]["S"])) for item in pages)
    return [request for request in found if request.live]


def request_at_facility(allocation: Allocation, facility_request_id: str) -> Request | None:
    """The newest request of an allocation that the facility knows by that id."""
    pages = table.query_listing(f"REQUESTS#{allocation.group}", None, None, {"allocation_id": allocation.id})
    found = (Request.from_doc(json.loads(item["doc"]["S"])) for item in pages)
    return next((request for request in found if request.facility_request_id == facility_request_id), None)


def due(facility: str, now: float, page: int) -> Iterator[tuple[str, str]]:
    """Ids of the facility's requests that the schedule has to look at, each with its allocation's.

    The longest overdue comes first; as many at a time as `page` are read as they are wanted.
    """
    arguments: dict[str, Any] = {
        "TableName": config.table(),
        "IndexName": "due",
        "KeyConditionExpression": "due_pk = :facility AND due_at <= :now",
        "ExpressionAttributeValues": {":facility": {"S": facility}, ":now": {"N": f"{now:.3f}"}},
        "Limit": page,
    }
    for item in table.pages(arguments):
        yield item["pk"]["S"].removeprefix("REQUEST#"), item["allocation_id"]["S"]


def _put_products(request: Request) -> None:
    """Put products in the place of those before, so many to an item as surely fit."""
    found = request.products or ()
    parts = [found[start : start + _PRODUCTS_AN_ITEM] for start in range(0, len(found), _PRODUCTS_AN_ITEM)]
    keys = [table.key(f"REQUEST#{request.id}", f"PRODUCTS#{index:06d}") for index in range(len(parts))]
    for key, part in zip(keys, parts, strict=True):
        item = {
            **key,
            "doc": table.text({"products": [dict(each) for each in part]}),
            **retention.expiry(request),
        }
        table.client().put_item(TableName=config.table(), Item=item)
    for item in table.query_items(f"REQUEST#{request.id}", f"PRODUCTS#{len(parts):06d}", "PRODUCTS#~"):
        table.client().delete_item(TableName=config.table(), Key={"pk": item["pk"], "sk": item["sk"]})


def _request_item(request: Request) -> table.Item:
    item = {
        **table.key(f"REQUEST#{request.id}", "META"),
        "doc": table.text(request.as_doc()),
        "version": {"N": str(request.version)},
        "list_pk": {"S": f"REQUESTS#{request.group}"},
        "list_sk": {"S": f"{request.created_at}#{request.id}"},
        "facility": {"S": request.facility},
        "allocation_id": {"S": request.allocation_id},
        "status": {"S": request.status.value},
        "target_name": {"S": request.target["name"]},
        **retention.expiry(request),
    }
    if request.next_action_at is not None:
        item["due_pk"] = {"S": request.facility}
        item["due_at"] = {"N": f"{request.next_action_at:.3f}"}
    return item


def _page(found: Iterator[tuple[str, Any]], limit: int) -> tuple[list[Any], str | None]:
    page: list[tuple[str, Any]] = []
    for pair in found:
        if len(page) == limit:
            return [each for _, each in page], page[-1][0]
        page.append(pair)
    return [each for _, each in page], None
