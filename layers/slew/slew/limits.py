"""How much has been asked of an allocation, and that it is no more than its limits allow.

| item | pk | sk |
|---|---|---|
| requests of a night | `ALLOCATION#<id>` | `USAGE#<since>#NIGHT#<date>` |
| exposure time of all, s | `ALLOCATION#<id>` | `USAGE#<since>#EXPOSURE` |

`<since>` is when the allocation was made, lest one removed and made again begin with the other's usage. A
night is the 24 hours from noon to noon UTC, called after the date on which it begins.

A request takes its share in the transaction that writes it, on condition that there is room, and whichever
write ends it gives the share back: `Request.charge` says what it holds. Only what is limited is counted, so
that an allocation without limits pays nothing for them; counting begins when the limit is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from math import isfinite
from typing import Any

from pydantic import BaseModel

from slew import clock, config, table
from slew.errors import Conflict, Invalid
from slew.facility import Facility
from slew.records import Allocation, Request
from slew.status import COUNTED, Status
from slew.table import Also, Item

_HALF_DAY = timedelta(hours=12)
_NOT_ASKED = (Status.REJECTED, Status.FAILED)
_KEPT = timedelta(days=400)


def night_of(moment: datetime) -> str:
    """The night that holds a moment: the UTC date of the noon at which it began."""
    return (moment - _HALF_DAY).date().isoformat()


def exposure_s(facility: Facility, payload: BaseModel) -> float | None:
    """The open-shutter time that a payload asks for, s. Raises Invalid where that is no number to count."""
    with suppress(OverflowError):
        told = facility.exposure_s(payload)
        if told is None or isfinite(told):
            return told
    own = "exposure_time" if "exposure_time" in type(payload).model_fields else None
    raise Invalid.field(
        ["payload", own] if own else ["payload"], "asks for more exposure than can be counted"
    )


def charged(allocation: Allocation, request: Request) -> Request:
    """The request as one that is to have its share of what is limited now; written, it takes it."""
    charge = dict(request.charge) or {"since": allocation.created_at}
    tonight = night_of(clock.now())
    held_tonight = charge.get("requests") and charge["night"] == tonight
    if "requests_per_night" in allocation.limits and not held_tonight:
        charge |= {"night": tonight, "requests": 0}  # what an earlier night has counted it keeps
    if "exposure_hours" in allocation.limits:
        charge = {"exposure_s": 0.0, **charge}
    return request.change(charge=charge if len(charge) > 1 else {})


def held(request: Request) -> dict[str, Any]:
    """The shares of a request as its status, and an update that is under way, have it."""
    charge = dict(request.charge)
    if "requests" in charge:
        charge["requests"] = int(request.status not in _NOT_ASKED)
    if "exposure_s" in charge:
        wanted = max(request.exposure_s or 0.0, (request.proposed or {}).get("exposure_s") or 0.0)
        charge["exposure_s"] = round(wanted, 3) if request.status in COUNTED else 0.0
    return charge


def check(allocation: Allocation, request: Request) -> None:
    """Raise Conflict where a limit leaves no room for a request to be, as far as can be seen now."""
    if not allocation.limits:
        return
    check_told(allocation, request.exposure_s)
    used = _used(allocation)
    for name, _, wanted, limit in _shares(request, charged(allocation, request), allocation.limits):
        if limit is not None and used[name] + wanted > limit:
            raise _refusal(request, name, limit, used[name])


def check_told(allocation: Allocation, exposure_s: float | None) -> None:
    """Raise Conflict where exposure is limited and a payload does not tell its own: nothing would hold it."""
    if "exposure_hours" in allocation.limits and exposure_s is None:
        raise Conflict(
            f"allocation {allocation.id} has a limit of exposure hours, and this payload does not tell its "
            "exposure time; nothing was sent"
        )


def writes(before: Request, after: Request, limits: Mapping[str, float] | None) -> list[Also]:
    """What has to be counted with a request: `before` as the table has it.

    `limits`: those to hold to; None where nothing new is asked for. Raises Conflict.
    """
    counted: list[Also] = []
    for name, sk, wanted, limit in _shares(before, after, limits or {}):
        if not wanted:
            continue
        update: Item = {
            "TableName": config.table(),
            "Key": table.key(f"ALLOCATION#{after.allocation_id}", sk),
            "UpdateExpression": "ADD used :wanted",
            "ExpressionAttributeValues": {":wanted": _number(wanted)},
        }
        refusal = _refusal(after, name, limit or 0)
        if limit is not None and wanted > 0:
            if wanted > limit:
                raise refusal
            update["ConditionExpression"] = "attribute_not_exists(used) OR used <= :room"
            update["ExpressionAttributeValues"][":room"] = _number(limit - wanted)
        if name == "requests_per_night":
            ends = _noon(after.charge["night"]) + _KEPT
            update["UpdateExpression"] += " SET expires_at = :ends"
            update["ExpressionAttributeValues"][":ends"] = {"N": str(int(ends.timestamp()))}
        counted.append(Also({"Update": update}, refusal))
    return counted


def shown(allocation: Allocation) -> dict[str, Any]:
    """The API's form of an allocation, with what it has had where it has limits."""
    if not allocation.limits:
        return {**allocation.view(), "usage": None}
    used = _used(allocation)
    exposure = used.get("exposure_hours")
    usage = {
        "night": night_of(clock.now()),
        "requests_tonight": used.get("requests_per_night"),
        "exposure_hours": None if exposure is None else round(exposure / 3600, 4),
    }
    return {**allocation.view(), "usage": usage}


def _shares(
    before: Request, after: Request, limits: Mapping[str, float]
) -> list[tuple[str, str, float, float | None]]:
    """Of each thing that is counted: its limit's name, its sort key, how much more of it, and the limit."""
    was, now = before.charge, held(after)
    found: list[tuple[str, str, float, float | None]] = []
    if "requests" in now:
        sk = _night_key(now["since"], now["night"])
        same = was.get("night") == now["night"]
        more = now["requests"] - (was.get("requests", 0) if same else 0)
        found.append(("requests_per_night", sk, more, limits.get("requests_per_night")))
    if "exposure_s" in now:
        hours = limits.get("exposure_hours")
        more_s = round(now["exposure_s"] - was.get("exposure_s", 0.0), 3)
        found.append(
            ("exposure_hours", _exposure_key(now["since"]), more_s, None if hours is None else hours * 3600)
        )
    return found


def _used(allocation: Allocation) -> dict[str, float]:
    """Requests of this night, and exposure in seconds, by the names of the limits that there are."""
    since, night = allocation.created_at, night_of(clock.now())
    keys = {"requests_per_night": _night_key(since, night), "exposure_hours": _exposure_key(since)}
    names = [name for name in keys if name in allocation.limits]
    items = table.get_together([(f"ALLOCATION#{allocation.id}", keys[name]) for name in names])
    counts = [float(item["used"]["N"]) if item else 0.0 for item in items]
    return {
        name: int(count) if name == "requests_per_night" else count
        for name, count in zip(names, counts, strict=True)
    }


def _refusal(request: Request, name: str, limit: float, used: float | None = None) -> Conflict:
    allocation = f"allocation {request.allocation_id}"
    if name == "requests_per_night":
        night = request.charge.get("night") or night_of(clock.now())
        return Conflict(
            f"{allocation} has had its {limit:.0f} requests of the night of {night} (noon to noon UTC); the "
            f"next begins at {clock.isoformat(_noon(night) + 2 * _HALF_DAY)}; nothing was sent"
        )
    left = "" if used is None else f", of which {max(limit - used, 0) / 3600:.4g} h are left"
    return Conflict(
        f"allocation {request.allocation_id} has {limit / 3600:.6g} h of exposure{left}: too little for this "
        f"request's {held(request).get('exposure_s') or request.exposure_s or 0:.6g} s; nothing was sent"
    )


def _noon(night: str) -> datetime:
    return datetime.combine(datetime.fromisoformat(night), time(12), UTC)


def _night_key(since: str, night: str) -> str:
    return f"USAGE#{since}#NIGHT#{night}"


def _exposure_key(since: str) -> str:
    return f"USAGE#{since}#EXPOSURE"


def _number(value: float) -> Item:
    return {"N": f"{value:.3f}"}
