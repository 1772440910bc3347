"""Who has been told of what: one item an event and channel, `REQUEST#<id>` / `NOTICE#<event>#<channel>`.

It is written before a message leaves, with a claim that ends by itself, and again afterwards: so a delivery
that comes twice sends nothing twice, and one that dies in between is taken up again. Its `doc` is part of the
request's history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from botocore.exceptions import ClientError

from slew import aws, clock, config, retention, table
from slew.errors import SlewError

CLAIM_S = 60.0
"""How long a claim holds: over a notifier's time-out (30 s), under its queue's visibility time-out."""
_FOR_GOOD = 9_999_999_999.0


class Taken(SlewError):
    """Somebody else has the claim; `until` is when it ends at the latest, in Unix seconds."""

    def __init__(self, until: float) -> None:
        super().__init__("somebody else is sending this notice")
        self.until = until


@dataclass(frozen=True)
class Marker:
    """What is known of one notice on one channel.

    `outcome`: None while it is under way. `told`: digests of the recipients who have got it. `unsure`:
    digests of those who may have it, once an attempt. `unconfirmed`: attempts without an answer.
    `dead_lettered`: a failed one is in the dead-letter queue. `claimed_until`: Unix
    seconds, 0 where nobody works on it, None where nothing is stored yet.
    """

    request_id: str
    event_id: str
    channel: str
    outcome: Literal["sent", "failed"] | None = None
    at: str = ""
    reason: str = ""
    attempts: int = 0
    told: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    unconfirmed: int = 0
    dead_lettered: bool = False
    claimed_until: float | None = None

    def doc(self) -> dict[str, Any]:
        """The stored form, which the request's history shows."""
        return {
            "kind": "notice",
            "event_id": self.event_id,
            "channel": self.channel,
            "outcome": self.outcome,
            "at": self.at,
            "reason": self.reason,
            "attempts": self.attempts,
            "told": list(self.told),
            "unsure": list(self.unsure),
            "unconfirmed": self.unconfirmed,
            "dead_lettered": self.dead_lettered,
        }


def read(request_id: str, event_id: str, channel: str) -> Marker:
    """The marker as it is now; a blank one where there is none."""
    blank = Marker(request_id, event_id, channel)
    answer = aws.client("dynamodb").get_item(TableName=config.table(), Key=_key(blank), ConsistentRead=True)
    if "Item" not in answer:
        return blank
    doc = json.loads(answer["Item"]["doc"]["S"])
    return replace(
        blank,
        outcome=doc["outcome"],
        at=doc["at"],
        reason=doc["reason"],
        attempts=doc["attempts"],
        told=tuple(doc["told"]),
        unsure=tuple(doc.get("unsure", ())),
        unconfirmed=doc["unconfirmed"],
        dead_lettered=doc["dead_lettered"],
        claimed_until=float(answer["Item"]["claimed_until"]["N"]),
    )


def claim(marker: Marker) -> Marker:
    """Begin an attempt. Raises Taken where somebody else has begun one."""
    now = clock.timestamp()
    if marker.outcome is None and marker.claimed_until is not None and marker.claimed_until > now:
        raise Taken(marker.claimed_until)
    mine = replace(
        marker,
        outcome=None,
        unsure=() if marker.dead_lettered else marker.unsure,  # a person wants them tried once more
        dead_lettered=False,
        attempts=marker.attempts + 1,
        at=clock.isoformat(now),
        claimed_until=round(now + CLAIM_S, 3),
    )
    if marker.claimed_until is None:
        condition: Mapping[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    else:
        condition = {
            "ConditionExpression": "claimed_until = :seen",
            "ExpressionAttributeValues": {":seen": _number(marker.claimed_until)},
        }
    try:
        _write(mine, condition)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            raise Taken(now + CLAIM_S) from None
        raise
    return mine


def keep(marker: Marker) -> Marker:
    """Write a claimed marker's progress; the claim goes on."""
    _write(marker, {})
    return marker


def release(marker: Marker, reason: str) -> Marker:
    """End the claim without an outcome: to be tried again."""
    return keep(replace(marker, reason=reason, at=clock.isoformat(clock.now()), claimed_until=0.0))


def settle(marker: Marker, outcome: Literal["sent", "failed"], reason: str = "") -> Marker:
    """Write the outcome."""
    at = clock.isoformat(clock.now())
    return keep(replace(marker, outcome=outcome, reason=reason, at=at, claimed_until=_FOR_GOOD))


def _write(marker: Marker, condition: Mapping[str, Any]) -> None:
    attributes = {
        "doc": table.text(marker.doc()),
        "claimed_until": _number(marker.claimed_until or 0.0),
        **retention.as_of(marker.request_id),
    }
    # An update, for the request's end may come just now, and gives the item its own.
    aws.client("dynamodb").update_item(
        TableName=config.table(),
        Key=_key(marker),
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
        ExpressionAttributeValues={
            **{f":{name}": value for name, value in attributes.items()},
            **condition.get("ExpressionAttributeValues", {}),
        },
        **{key: value for key, value in condition.items() if key == "ConditionExpression"},
    )


def _key(marker: Marker) -> dict[str, dict[str, str]]:
    return table.key(f"REQUEST#{marker.request_id}", f"NOTICE#{marker.event_id}#{marker.channel}")


def _number(value: float) -> dict[str, str]:
    return {"N": f"{value:.3f}"}
