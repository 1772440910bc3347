"""The numbers by which a facility knows requests of ours: each of them belongs to one request.

| item | pk | sk |
|---|---|---|
| a number | `NUMBER#<facility>#<n>` | `META` |
"""

from __future__ import annotations

from slew import table


def claim(facility: str, number: int, request_id: str) -> bool:
    """Take a number at a facility for a request; False where another one has it."""
    where = table.key(f"NUMBER#{facility}#{number}", "META")
    try:
        table.put({**where, "doc": table.text({"request_id": request_id})}, None)
    except table.Outdated:
        return request_of(facility, number) == request_id
    return True


def request_of(facility: str, number: int) -> str | None:
    """Id of the request that has a number at a facility."""
    doc = table.get(f"NUMBER#{facility}#{number}", "META")
    return str(doc["request_id"]) if doc else None
