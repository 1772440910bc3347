"""One piece of work on a request.

Who works with which credentials, the lease that keeps others off, and its outcome.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from slew import clock, grids, payloads, redact, store, table, vault
from slew.errors import Conflict, NotFound
from slew.events import new_event
from slew.facility import Altdata, Facility, Link, Order
from slew.http import Http
from slew.mail import Mailer
from slew.models import Requester, Target, nowhere
from slew.notice import short
from slew.principals import Principal, Role
from slew.records import Allocation, Event, Request
from slew.status import AT_FACILITY, Status
from slew.transfers import Transfers
from slew.validation import parse
from slew.wire import Exchange

LEASE_MARGIN_S = 5.0
_ID_NOT_KEPT = (
    "the facility's id for this request holds a credential of the allocation and is not kept: the facility "
    "can no longer be asked by it"
)
_OUTCOME_PATIENCE_S = 20.0  # for writing down what came of a send; API Gateway waits for 30 s in all
_LONGEST = 2000  # characters of a facility's words that are kept: an item of DynamoDB has 400 KB for all


@dataclass(frozen=True)
class Desk:
    """Where the work is done: a facility, and the Unix time at which this invocation ends at the latest.

    `events`: what has been written to histories in this invocation. `shared`: what polls have read, by
    allocation.
    """

    facility: Facility
    ends_at: float
    events: list[Event] = field(default_factory=list)
    shared: dict[str, dict[str, Any]] = field(default_factory=dict)

    def open_case(self, allocation: Allocation) -> Case:
        """A case whose reads the others of this allocation share, as `Link.shared`. Raises Unavailable."""
        shared = self.shared.setdefault(f"{allocation.id} {allocation.secret_version}", {})
        return replace(open_case(self.facility, allocation), shared=shared)

    @property
    def lease_until(self) -> float:
        """A lease that outlives this invocation, so that nobody takes over what may still be running."""
        return self.ends_at + LEASE_MARGIN_S


@dataclass
class Case:
    """An allocation with its credentials and the way to the facility that they are for."""

    allocation: Allocation
    altdata: Altdata
    redactor: redact.Redactor
    http: Http
    mailer: Mailer
    transfers: Transfers
    keep: Callable[[Mapping[str, Any]], None] | None = None
    shared: dict[str, Any] = field(default_factory=dict)

    @property
    def link(self) -> Link:
        """What the facility's operations are given."""

        def learn(key: str, value: str) -> str:
            return store.learn(self.allocation.id, key, value)

        link = Link(
            self.http,
            self.mailer,
            shared=self.shared,
            learn=learn,
            transfers=self.transfers,
            field_grid=grids.centres,
        )
        return replace(link, keep=self.keep) if self.keep else link

    @property
    def exchanges(self) -> list[Exchange]:
        """What has been exchanged in this work, in order."""
        return sorted(
            [*self.http.exchanges, *self.mailer.exchanges, *self.transfers.exchanges],
            key=lambda exchange: exchange.at,
        )


class Record:
    """The record of a claimed request as last written; `sending` goes into it before anything leaves."""

    def __init__(self, claimed: Request, case: Case) -> None:
        self.current = claimed
        self._redactor = case.redactor
        for way in (case.http, case.mailer, case.transfers):
            way.before_send = self._mark_sending
        case.keep = self._keep

    def _keep(self, data: Mapping[str, Any]) -> None:
        kept = {**self.current.facility_data, **self._redactor.data(dict(data))}
        with _patience(self.current):
            self.current = store.save(self.current.change(facility_data=kept))

    def _mark_sending(self) -> None:
        cancel_sent = self.current.cancel_sent or self.current.operation == "cancel"
        self.current = store.save(
            self.current.change(sending=True, sent_at=clock.timestamp(), cancel_sent=cancel_sent)
        )


def find_allocation(facility: Facility, allocation_id: str) -> Allocation:
    """The facility's allocation. Raises NotFound."""
    allocation = store.get_allocation(allocation_id)
    if allocation is None or allocation.facility != facility.id:
        raise NotFound(f"{facility.title} has no allocation {allocation_id!r}")
    return allocation


def find_request(facility: Facility, request_id: str) -> Request:
    """The facility's request. Raises NotFound."""
    request = store.get_request(request_id)
    if request is None or request.facility != facility.id:
        raise NotFound(f"{facility.title} has no request {request_id!r}")
    return request


def allocation_of(facility: Facility, request: Request, principal: Principal | None = None) -> Allocation:
    """The allocation that a request was made with, and that this principal may use.

    Raises NotFound where it is gone, also if another one has taken its id since, and Forbidden.
    """
    allocation = find_allocation(facility, request.allocation_id)
    if clock.parse(allocation.created_at) > clock.parse(request.created_at):
        raise NotFound(f"the allocation that request {request.id} was made with has been removed")
    if principal is not None:
        principal.require(Role.OBSERVER, allocation.group)
    return allocation


def _still_there(facility: Facility, request: Request) -> Allocation | None:
    """The allocation that a request was made with, if there still is that one: no other tells of it."""
    try:
        return allocation_of(facility, request)
    except NotFound:
        return None


def secret_values(altdata: Altdata) -> list[str]:
    """The values that must never be seen."""
    values = (getattr(altdata, name) for name in type(altdata).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def open_case(
    facility: Facility, allocation: Allocation, before_send: Callable[[], None] | None = None
) -> Case:
    """Fetch the credentials; from here on every log line passes their redactor. Raises Unavailable."""
    raw = vault.read(vault.name(facility.id, allocation.id), allocation.secret_version)
    altdata = parse(facility.Altdata, raw, ["altdata"])
    redactor = redact.use(redact.Redactor(secret_values(altdata)))
    return Case(
        allocation,
        altdata,
        redactor,
        Http(redactor, before_send),
        Mailer(redactor, before_send),
        Transfers(redactor, before_send),
    )


def order_of(facility: Facility, request: Request, case: Case) -> Order[Any, Any]:
    """The order that a request stands for. Raises Invalid if its payload is no longer acceptable."""
    return Order(
        request_id=request.id,
        instrument=request.instrument,
        target=parse(Target, dict(request.target), ["target"])
        if "ra" in request.target
        else nowhere(request.target["name"]),
        payload=parse(facility.payloads[request.instrument], payloads.whole(request), ["payload"]),
        altdata=case.altdata,
        allocation=case.allocation.facts,
        requester=Requester(**request.requester),
        now=clock.now(),
        created_at=clock.parse(request.attempted_at or request.created_at),
        comment=request.comment,
        facility_request_id=request.facility_request_id,
        facility_data=request.facility_data,
        status=request.status,
        number=request.number,
        cancel_sent=request.cancel_sent,
    )


def claim(
    desk: Desk, request: Request, operation: str, allocation: Allocation | None = None, **changes: Any
) -> Request:
    """Take the request for one operation.

    Raises Conflict while somebody else works on it, or where the allocation's limits leave no room.
    """
    now = clock.timestamp()
    if request.leased(now):
        raise Conflict(
            f"request {request.id} is being worked on ({request.operation}); try again in a moment"
        )
    claimed = request.change(
        operation=operation,
        claim=secrets.token_hex(8),
        lease_until=desk.lease_until,
        next_action_at=desk.lease_until,
        sending=False,
        updated_at=clock.isoformat(now),
        **changes,
    )
    events = _events(desk.facility, allocation, request, claimed, operation, "slew")
    desk.events.extend(events)
    try:
        allowed = allocation.limits if allocation else None
        return store.save(claimed.change(events=claimed.events + len(events)), events, allowed=allowed)
    except store.Outdated:
        raise Conflict(
            f"request {request.id} has just been changed by somebody else; read it again"
        ) from None


def settle(
    desk: Desk,
    before: Request,
    after: Request,
    *,
    action: str,
    by: str,
    case: Case | None = None,
    always_event: bool = False,
    keep_exchanges: bool = True,
) -> Request:
    """Write the outcome of a piece of work: the lease ends, state and event in one transaction.

    An event is written if the status has changed, or if `always_event`.
    """
    now = clock.timestamp()
    after = after.change(
        lease_until=None,
        operation=None,
        sending=False,
        updated_at=clock.isoformat(now),
        version=before.version,
    )
    if after.status is not before.status:
        after = after.change(failures=0)
    if case:
        after = _redacted(after, case.redactor)
    allocation = case.allocation if case else _still_there(desk.facility, after)
    events = _events(desk.facility, allocation, before, after, action, by, always=always_event)
    desk.events.extend(events)
    exchanges = case.exchanges if case and keep_exchanges else ()
    with _patience(before):
        return store.save(after.change(events=after.events + len(events)), events, exchanges)


def _patience(request: Request) -> AbstractContextManager[None]:
    """What is known of a send is known here alone: where it could not be written, the outcome is unknown."""
    return table.patient(_OUTCOME_PATIENCE_S if request.sending else 0.0)


def next_look(
    facility: Facility, request: Request, now: float, wished_s: float | None = None
) -> float | None:
    """When the schedule has to look at a request that nobody works on, in Unix seconds; None: never again."""
    if request.status in AT_FACILITY and not facility.can("poll"):
        return clock.parse(request.window_end).timestamp() if request.window_end else None
    if request.status is Status.UNKNOWN:
        return now + jittered(wished_s or 60.0) if facility.can("reconcile") else None
    if wished_s is None and request.status in AT_FACILITY:
        wished_s = facility.first_poll_s
    return now + jittered(wished_s) if wished_s is not None else None


def jittered(seconds: float) -> float:
    """Up to a tenth earlier or later, so that what was submitted together is not polled together for ever."""
    return seconds * random.uniform(0.9, 1.1)


def backoff_s(failures: int, base: float = 30.0, limit: float = 1800.0) -> float:
    """Seconds to wait after that many failures in a row."""
    return float(min(base * 2 ** min(failures, 16), limit))


def _events(
    facility: Facility,
    allocation: Allocation | None,
    before: Request,
    after: Request,
    action: str,
    by: str,
    *,
    always: bool = False,
) -> list[Event]:
    if after.status is before.status and not always:
        return []
    return [
        new_event(
            facility, allocation, after, previous=before.status, action=action, by=by, seq=before.events + 1
        )
    ]


def _redacted(request: Request, redactor: redact.Redactor) -> Request:
    data: Mapping[str, Any] = redactor.data(dict(request.facility_data))
    given = request.facility_request_id
    notes = tuple(short(redactor.text(note), _LONGEST) for note in request.notes[:50])
    if redactor.holds(given):
        given, notes = None, (*(note for note in notes[:49] if note != _ID_NOT_KEPT), _ID_NOT_KEPT)
    return request.change(
        facility_request_id=given,
        reason=short(redactor.text(request.reason), _LONGEST),
        text=short(redactor.text(request.text), _LONGEST),
        comment=redactor.text(request.comment) if request.comment else request.comment,
        facility_data=data,
        notes=notes,
        products=None
        if request.products is None
        else tuple(redactor.data(dict(each)) for each in request.products),
    )
