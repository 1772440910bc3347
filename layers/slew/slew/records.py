"""The records that are kept, as plain values: allocations, requests, events.

No AWS here; `slew.store` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from slew import astro
from slew.facility import AllocationFacts
from slew.redact import MASK
from slew.status import LIVE, Status


@dataclass(frozen=True)
class NotifySettings:
    """How an allocation's changes of status are told; the addresses themselves are a secret of their own."""

    channel: str = "none"
    on: tuple[str, ...] = ()
    include_comments: bool = False


@dataclass(frozen=True)
class Allocation:
    """Somebody's time at a facility. Credentials are in Secrets Manager; here is what may be seen.

    `altdata`: the non-secret keys; `secret_keys`: names of the others. `secret_version` tells caches which
    version of the secret belongs to this record. `notify_given`: the non-secret part of `notify` as it was
    given.
    """

    id: str
    facility: str
    pi: str
    group: str
    created_at: str
    updated_at: str
    created_by: str
    secret_version: str
    version: int = 1
    instrument: str | None = None
    proposal_id: str | None = None
    validity_ranges: tuple[Mapping[str, str], ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    altdata: Mapping[str, Any] = field(default_factory=dict)
    secret_keys: tuple[str, ...] = ()
    notify: NotifySettings = NotifySettings()
    notify_given: Mapping[str, Any] | None = None
    handover: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def facts(self) -> AllocationFacts:
        """What a facility's class may know."""
        return AllocationFacts(self.id, self.pi, self.group, self.proposal_id, self.instrument)

    def valid_during(self, start: datetime, end: datetime) -> bool:
        """Whether one validity range holds both moments; no ranges means always."""
        return not self.validity_ranges or any(
            astro.parse_utc(each["start_date"]) <= start and end <= astro.parse_utc(each["end_date"])
            for each in self.validity_ranges
        )

    def view(self) -> dict[str, Any]:
        """The API's form: secrets masked."""
        return {
            "id": self.id,
            "facility": self.facility,
            "instrument": self.instrument,
            "pi": self.pi,
            "group": self.group,
            "proposal_id": self.proposal_id,
            "validity_ranges": list(self.validity_ranges),
            "limits": dict(self.limits) or None,
            "altdata": {**self.altdata, **dict.fromkeys(self.secret_keys, MASK)},
            "notify": {
                **(self.notify_given or {}),
                "notification_type": self.notify.channel,
                "on": list(self.notify.on),
                "include_comments": self.notify.include_comments,
            },
            "handover": {name: dict(about) for name, about in self.handover.items()},
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "created_by": self.created_by,
        }

    def as_doc(self) -> dict[str, Any]:
        """The stored form."""
        return asdict(self)

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Allocation:
        """From the stored form."""
        notify = doc["notify"]
        return cls(
            **{
                **doc,
                "validity_ranges": tuple(doc["validity_ranges"]),
                "secret_keys": tuple(doc["secret_keys"]),
                "notify": NotifySettings(**{**notify, "on": tuple(notify["on"])}),
            }
        )


@dataclass(frozen=True)
class Request:
    """One request and where it stands.

    - `lease_until` (Unix seconds), `operation`, `claim` (random) are set while somebody works on it.
    - `sending` says that the facility may know of that work, `sent_at` (Unix seconds) since when;
      `attempted_at` is when the last submission began.
    - `cancel_sent`: a cancellation may have reached the facility, and what came of it is not known.
    - `proposed`: the fields as an update wants them, until its outcome is known.
    - `left`: parts that the facility refused where it took others.
    - `unconfirmed`: `failed`, but the facility may have it.
    - `next_action_at` (Unix seconds) is when the schedule has to look at it again.
    - `number`: the one that the facility knows it by, of those that are ours there.
    - `payload_object`: where a payload too large for the record is; `payload` is then its outline.
    - `rows`: measurements in its products. `share`: key of the link to their plot, which messages carry.
    - `poll_at`, `fetch_at` (Unix seconds): when the facility is to be asked again, and when products are to
      be fetched that could not be yet.
    - `place`: where it has joined the others of its allocation on the sky, see `places`.
    - `exposure_s`: open-shutter time that its payload asks for, s. `charge`: what it holds of its
      allocation's limits, see `limits`.
    - `products` is only set where they have just been found; see `store.products`.
    """

    id: str
    facility: str
    facility_title: str
    allocation_id: str
    group: str
    target: Mapping[str, Any]
    payload: Mapping[str, Any]
    requester: Mapping[str, str]
    principal_id: str
    fingerprint: str
    created_at: str
    updated_at: str
    status: Status
    version: int = 1
    instrument: str | None = None
    comment: str | None = None
    claim: str = ""
    proposed: Mapping[str, Any] | None = None
    unconfirmed: bool = False
    reason: str = ""
    text: str = ""
    facility_request_id: str | None = None
    facility_data: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    payload_object: str | None = None
    number: int | None = None
    products: tuple[Mapping[str, Any], ...] | None = None
    attempts: int = 0
    failures: int = 0
    events: int = 0
    exchanges: int = 0
    lease_until: float | None = None
    operation: str | None = None
    sending: bool = False
    sent_at: float | None = None
    cancel_sent: bool = False
    attempted_at: str | None = None
    next_action_at: float | None = None
    next_attempt_at: str | None = None
    rows: int = 0
    share: str = ""
    poll_at: float | None = None
    fetch_at: float | None = None
    window_end: str | None = None
    place: str = ""
    exposure_s: float | None = None
    charge: Mapping[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it may still come to an observation."""
        return self.status in LIVE

    @property
    def follow_at(self) -> float | None:
        """When there is something to ask or to fetch."""
        return min((at for at in (self.poll_at, self.fetch_at) if at is not None), default=None)

    def leased(self, now: float) -> bool:
        """Whether somebody is working on it."""
        return self.lease_until is not None and now < self.lease_until

    def change(self, **changes: Any) -> Request:
        """A copy with changed fields."""
        return replace(self, **changes)

    def view(self) -> dict[str, Any]:
        """The API's form, without history."""
        return {
            "id": self.id,
            "facility": self.facility,
            "instrument": self.instrument,
            "allocation_id": self.allocation_id,
            "group": self.group,
            "target": dict(self.target),
            "payload": dict(self.payload),
            "requester": dict(self.requester),
            "comment": self.comment,
            "status": self.status.value,
            "status_text": f"{self.status.value}: {self.reason or self.text}"
            if self.reason or self.text
            else self.status.value,
            "reason": self.reason or None,
            "facility_request_id": self.facility_request_id,
            "facility_data": dict(self.facility_data),
            "notes": list(self.notes),
            "left": list(self.left),
            "measurements": self.rows,
            "next_attempt_at": self.next_attempt_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }

    def as_doc(self) -> dict[str, Any]:
        """The stored form; products are kept apart, since there may be thousands."""
        return {**asdict(replace(self, products=None)), "status": self.status.value}

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Request:
        """From the stored form."""
        return cls(
            **{
                **doc,
                "status": Status(doc["status"]),
                "notes": tuple(doc["notes"]),
                "left": tuple(doc.get("left", ())),
            }
        )


@dataclass(frozen=True)
class Event:
    """One change in a request's history.

    `notice` and `notify` are what the publisher needs, and are not shown.
    """

    event_id: str
    seq: int
    at: str
    action: str
    from_status: str | None
    to_status: str
    by: str
    text: str = ""
    reason: str = ""
    notify: Mapping[str, Any] = field(default_factory=dict)
    notice: Mapping[str, Any] | None = None

    def as_doc(self) -> dict[str, Any]:
        """The stored form, which the publisher reads from the table's stream."""
        return {
            "kind": "status",
            "event_id": self.event_id,
            "seq": self.seq,
            "at": self.at,
            "action": self.action,
            "from": self.from_status,
            "to": self.to_status,
            "by": self.by,
            "text": self.text,
            "reason": self.reason,
            "notify": dict(self.notify),
            "notice": self.notice,
        }
