"""Where the requests of an allocation look, kept so that of two at one place one can be refused for certain.

| item | pk | sk |
|---|---|---|
| requests in a cell of the sky | `SKY#<allocation>` | `<cell>` |
| earlier ones, where there are many | `SKY#<allocation>` | `<cell>#<page>` |

A request joins its cell in the transaction that writes it, and the cell's version goes up. Who must not have
a neighbour reads the cells around first, and is written only if their versions still stand: nobody can have
come in between, with or without constraints of his own. All that a request without constraints pays for this
is one unconditional update in the transaction that is made anyway. The list and the version are one item, for
a query over several is not isolated from transactions (DynamoDB, "Transaction isolation levels").

An entry stays when its request ends: it is a hint, and the request's own record decides. Where records are
not kept for ever, a cell goes when long nobody has come into it; pages stay, for their count tells that all
are seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from slew import config, retention, sky, table
from slew.errors import SlewError
from slew.records import Request
from slew.status import COUNTED
from slew.table import Also, Item

PAGE = 200
"""Entries in a cell's item; a write is charged for all of them, some 50 bytes each."""
_TRIES = 10


class Crossed(SlewError):
    """Requests have come into a cell since it was read."""


@dataclass(frozen=True)
class Entry:
    """A request's place, degrees ICRS, rounded to 0.4 mas."""

    request_id: str
    ra: float
    dec: float


@dataclass(frozen=True)
class Cell:
    """A cell as it was read; version 0: there is no item. `pages`: how many earlier lists there are."""

    allocation_id: str
    name: str
    version: int = 0
    entries: frozenset[str] = frozenset()
    pages: int = 0

    def listed(self) -> Iterator[Entry]:
        """Every request that has come into the cell, but for those that were found to be over."""
        every = set(self.entries)
        if self.pages:
            partition = _partition(self.allocation_id)
            pages = list(table.query_items(partition, f"{self.name}#", f"{self.name}#~"))
            if len(pages) < self.pages:  # the transaction that made it is not wholly visible yet
                raise Crossed(self.name)
            every.update(*(page["entries"]["SS"] for page in pages))
        for entry in every:
            ra, dec, request_id = entry.split(" ")
            yield Entry(request_id, float(ra), float(dec))

    def without(self, request_ids: set[str]) -> Cell:
        """The cell without requests that are over, as it is to be written."""
        kept = (entry for entry in self.entries if entry.rpartition(" ")[2] not in request_ids)
        return replace(self, entries=frozenset(kept))


def of(request: Request) -> str:
    """Cell and position of a request that counts; empty where it does not, or has no position."""
    if request.status not in COUNTED or "ra" not in request.target:
        return ""
    ra, dec = float(request.target["ra"]), float(request.target["dec"])
    return f"{sky.cell_of(ra, dec)} {ra:.7f} {dec:.7f}"


def read(allocation_ids: Sequence[str], names: Sequence[str]) -> list[Cell]:
    """The cells of these names, of each allocation, all as of one moment."""
    keys = [(allocation_id, name) for allocation_id in allocation_ids for name in names]
    items = table.get_together([(_partition(allocation_id), name) for allocation_id, name in keys])
    return [_cell(*key, item) for key, item in zip(keys, items, strict=True)]


def join(
    before: Request, after: Request, seen: Sequence[Cell], write: Callable[[Sequence[Also]], None]
) -> None:
    """Do `write` with what has to be written along: the request's new place if it has one, `seen` as it was.

    Raises Crossed where that is no longer so. A full cell that nobody asked to look at is read by the way.
    """
    cells = seen
    for _ in range(_TRIES):
        try:
            return write(_writes(before, after, cells))
        except Crossed:
            if seen:
                raise
        cells = read([after.allocation_id], [after.place.partition(" ")[0]])
    raise Crossed(after.place)


def _writes(before: Request, after: Request, seen: Sequence[Cell]) -> list[Also]:
    if not after.place or after.place == before.place:
        return [_unchanged(cell) for cell in seen]
    name, _, position = after.place.partition(" ")
    entry = f"{position} {after.id}"
    own = [cell for cell in seen if (cell.allocation_id, cell.name) == (after.allocation_id, name)]
    others = [_unchanged(cell) for cell in seen if cell not in own]
    return [*others, *(_into(own[0], entry) if own else [_onto(after.allocation_id, name, entry)])]


def _onto(allocation_id: str, name: str, entry: str) -> Also:
    """Add to a cell that was not read. Fails where it is full."""
    expiry, ends = _expiry()
    return Also(
        {
            "Update": {
                "TableName": config.table(),
                "Key": table.key(_partition(allocation_id), name),
                "UpdateExpression": f"ADD version :one, entries :entry {expiry}",
                "ConditionExpression": "attribute_not_exists(entries) OR size(entries) < :full",
                "ExpressionAttributeValues": {
                    ":one": {"N": "1"},
                    ":entry": {"SS": [entry]},
                    ":full": {"N": str(PAGE)},
                    **ends,
                },
            }
        },
        Crossed(name),
    )


def _into(cell: Cell, entry: str) -> Iterator[Also]:
    """Add to a cell as it was read; a full one begins anew, and its entries become a page."""
    key = table.key(_partition(cell.allocation_id), cell.name)
    full = len(cell.entries) >= PAGE
    pages = cell.pages + full
    _, ends = _expiry()
    values: Item = {
        **ends,
        ":version": {"N": str(cell.version + 1)},
        ":entries": {"SS": sorted({entry} if full else cell.entries | {entry})},
        ":pages": {"N": str(pages)},
    }
    condition = _as_read(cell, values)
    change = "version = :version, entries = :entries, pages = :pages"
    change = f"SET {change}, expires_at = :ends" if ends else f"SET {change} REMOVE expires_at"
    update = {
        "TableName": config.table(),
        "Key": key,
        "UpdateExpression": change,
        **condition,
    }
    yield Also({"Update": {**update, "ExpressionAttributeValues": values}}, Crossed(cell.name))
    if full:
        page = table.key(_partition(cell.allocation_id), f"{cell.name}#{pages:06d}")
        item = {**page, "entries": {"SS": sorted(cell.entries)}}
        yield Also({"Put": {"TableName": config.table(), "Item": item}}, Crossed(cell.name))


def _unchanged(cell: Cell) -> Also:
    values: Item = {}
    condition = _as_read(cell, values)
    check = {
        "TableName": config.table(),
        "Key": table.key(_partition(cell.allocation_id), cell.name),
        **condition,
        **({"ExpressionAttributeValues": values} if values else {}),
    }
    return Also({"ConditionCheck": check}, Crossed(cell.name))


def _expiry() -> tuple[str, Item]:
    """The clause that has a cell go when all that are in it have gone, and its values."""
    ends = retention.outliving().get("expires_at")
    return ("SET expires_at = :ends", {":ends": ends}) if ends else ("REMOVE expires_at", {})


def _as_read(cell: Cell, values: Item) -> Item:
    if not cell.version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    values[":read"] = {"N": str(cell.version)}
    return {"ConditionExpression": "version = :read"}


def _cell(allocation_id: str, name: str, item: Item | None) -> Cell:
    if item is None:
        return Cell(allocation_id, name)
    entries = frozenset(item.get("entries", {}).get("SS", ()))
    return Cell(
        allocation_id, name, int(item["version"]["N"]), entries, int(item.get("pages", {}).get("N", 0))
    )


def _partition(allocation_id: str) -> str:
    return f"SKY#{allocation_id}"
