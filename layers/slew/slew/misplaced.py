"""Credentials that a caller has put where everybody reads them.

What a facility is sent has to be kept as it is: a credential in it is refused. What people are told of who
asks, and why, is masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slew.errors import Invalid
from slew.redact import Redactor

TOLD = "holds a credential of this allocation"


def in_request(redactor: Redactor, payload: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A request's `fields`, as a record holds them, with those that people read masked.

    Raises Invalid where `target` or the whole `payload` holds a credential.
    """
    _refuse(redactor, payload, ["payload"])
    _refuse(redactor, fields.get("target") or {}, ["target"])
    told = {name: fields[name] for name in ("requester", "comment") if fields.get(name)}
    masked: dict[str, Any] = redactor.data(told)
    if redactor.holds((fields.get("requester") or {}).get("email")):
        masked["requester"]["email"] = ""  # what is masked is no address
    return {**fields, **masked}


def in_allocation(redactor: Redactor, fields: Mapping[str, Any]) -> None:
    """Raises Invalid where one of an allocation's `fields` holds one of its credentials."""
    _refuse(redactor, fields, [])


def _refuse(redactor: Redactor, fields: Mapping[str, Any], place: Sequence[str]) -> None:
    for name, value in fields.items():
        if redactor.holds(name) or redactor.holds(value):
            raise Invalid.field([*place, name], TOLD)
