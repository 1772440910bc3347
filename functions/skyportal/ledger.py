"""What a sender has asked for: per object and allocation of theirs the newest request of ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from slew import retention, store, table
from slew.models import Target
from slew.records import Request


@dataclass(frozen=True)
class Entry:
    """The newest request for an object and an allocation.

    `sequence`: how many there have been; `payload`: digest of the payload; `at`: Unix seconds of the POST.
    """

    request_id: str
    facility: str
    sequence: int
    payload: str
    at: float


def digest(payload: Mapping[str, Any]) -> str:
    """By which the same payload is known again, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


def newest(sender: str, allocation: int, obj_id: str) -> Entry | None:
    """What was asked for last."""
    doc = table.get(*_key(sender, allocation, obj_id))
    return Entry(**doc) if doc else None


def note(sender: str, allocation: int, obj_id: str, entry: Entry, before: Entry | None) -> None:
    """Put an entry in the place of the one that was read, and let its request lead back to the sender.

    Raises Outdated where another has taken that place.
    """
    _write((f"SENDER#{sender}", f"REQUEST#{entry.request_id}"), {"facility": entry.facility})
    _replace(_key(sender, allocation, obj_id), entry, before)


def restore(sender: str, allocation: int, obj_id: str, entry: Entry, before: Entry | None) -> None:
    """Go back to the entry before, where what was noted did not come about; another's entry stays."""
    with suppress(table.Outdated):
        _replace(_key(sender, allocation, obj_id), before, entry)


def facility_of(sender: str, request_id: str) -> str | None:
    """The facility of a request that this sender made; None for others' requests."""
    doc = table.get(f"SENDER#{sender}", f"REQUEST#{request_id}")
    return str(doc["facility"]) if doc else None


def tell(sender: str, obj_id: str, target: Target) -> None:
    """Keep where an object is."""
    _write((f"SENDER#{sender}", f"TARGET#{obj_id}"), target.model_dump(mode="json", exclude_none=True))


def told(sender: str, obj_id: str) -> Target | None:
    """Where an object is, as it was told."""
    doc = table.get(f"SENDER#{sender}", f"TARGET#{obj_id}")
    return Target.model_validate(doc) if doc else None


def request(entry: Entry) -> Request | None:
    """The request as it stands."""
    return store.get_request(entry.request_id)


def _key(sender: str, allocation: int, obj_id: str) -> tuple[str, str]:
    return f"SENDER#{sender}", f"OBJECT#{allocation}#{obj_id}"


def _write(where: tuple[str, str], doc: Mapping[str, Any]) -> None:
    table.write(*where, doc, retention.outliving())


def _replace(where: tuple[str, str], entry: Entry | None, before: Entry | None) -> None:
    doc, read = (asdict(each) if each else None for each in (entry, before))
    table.replace(*where, doc, read, retention.outliving())
