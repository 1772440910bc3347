"""What a facility is: one class that turns an order into wire requests, and answers into outcomes.

A facility's class holds no AWS and no server code. Which of the optional operations it defines decides its
catalogue entry, its routes and its 405 answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationInfo, field_validator

from slew import photometry
from slew.errors import Invalid, Problem
from slew.models import NotificationKeys, Requester, Target
from slew.status import Status
from slew.validation import BODY_LIMIT
from slew.wire import Answer, HttpRequest, Mail, Upload

OPTIONAL_OPERATIONS = ("validate", "update", "cancel", "poll", "reconcile", "verify", "queues", "receive")


class Altdata(NotificationKeys):
    """Base of a facility's credentials.

    Secret fields are `SecretStr`; the notification keys are part of every one.
    """


class Payload(BaseModel):
    """Base of a facility's observing parameters.

    Unknown fields are refused unless the card says otherwise.
    """

    model_config = {"extra": "forbid", "frozen": True, "str_strip_whitespace": True, "defer_build": True}

    @field_validator("*", mode="before")
    @classmethod
    def _as_what_it_is(cls, value: Any, info: ValidationInfo) -> Any:
        """No text for a number, no number for a flag: pydantic would take either for the other."""
        kinds = _kinds(cls.model_fields[info.field_name or ""].annotation)
        if isinstance(value, bool) and bool not in kinds:
            raise ValueError("must not be true or false")
        if isinstance(value, str) and kinds & {int, float} and str not in kinds:
            raise ValueError("must be a number, not text")
        if kinds - {NoneType} == {bool} and value is not None and not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value


def _kinds(annotation: Any) -> set[Any]:
    """The plain types that a field may be of, through unions and annotations."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return {kind for each in get_args(annotation) for kind in _kinds(each)}
    return {annotation} if isinstance(annotation, type) else set()


@dataclass(frozen=True)
class AllocationFacts:
    """What a facility may know of the allocation, credentials apart."""

    id: str
    pi: str
    group: str
    proposal_id: str | None = None
    instrument: str | None = None


P = TypeVar("P", bound=BaseModel)
A = TypeVar("A", bound="Altdata")


@dataclass(frozen=True)
class Order(Generic[P, A]):
    """One request to a facility, checked.

    `facility_request_id` and `facility_data` hold what an earlier `submit` or `update` kept; `now` is the
    moment that all decisions of one piece of work share; `created_at` is when its last submission
    began, so that what is older at the facility is not taken for it. A request without a target (a plan) has
    one of its name whose coordinates are not numbers. `number`: of `Facility.numbers`, the request's own.
    `cancel_sent`: an earlier cancellation may have worked, though its answer was lost; what is not there any
    more is then cancelled.
    """

    request_id: str
    instrument: str | None
    target: Target
    payload: P
    altdata: A
    allocation: AllocationFacts
    requester: Requester
    now: datetime
    created_at: datetime
    comment: str | None = None
    facility_request_id: str | None = None
    facility_data: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.SUBMITTING
    number: int | None = None
    cancel_sent: bool = False


@dataclass(frozen=True)
class Prepared:
    """The exact exchanges that `submit` makes, and what was decided for the caller (a clipped window)."""

    exchanges: tuple[HttpRequest | Mail | Upload, ...]
    notes: tuple[str, ...] = ()

    def message(self) -> HttpRequest | Mail:
        """The one exchange there is, which tells somebody. Raises TypeError for another number or kind."""
        if len(self.exchanges) != 1 or isinstance(self.exchanges[0], Upload):
            raise TypeError("not a single message")
        return self.exchanges[0]

    def http(self) -> HttpRequest:
        """The one HTTP exchange there is. Raises TypeError where there is another number or kind."""
        if len(self.exchanges) != 1 or not isinstance(self.exchanges[0], HttpRequest):
            raise TypeError("not a single HTTP exchange")
        return self.exchanges[0]


@dataclass(frozen=True)
class Submission:
    """The facility took it. `data` is kept with the request and comes back in `Order.facility_data`.

    `next_poll_s`: seconds until it is worth asking how it goes; None: the facility's `first_poll_s`.
    `left`: names of the parts that the facility refused where it took others; `resubmit` sends only those.
    """

    facility_request_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.SUBMITTED
    text: str = ""
    notes: tuple[str, ...] = ()
    next_poll_s: float | None = None
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the facility's own validation says; `reason` in its own words where it does not accept."""

    accepted: bool
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cancellation:
    """How a cancellation ended: the request's status from now on, and the facility's text."""

    status: Status = Status.CANCELLED
    text: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Progress:
    """How it goes at the facility. `status` None keeps the last known one; `text` is the facility's own.

    `next_poll_s`: seconds until it is worth asking again; None where the request has ended for good.
    `products`: what there is to fetch, plain JSON values without secrets: `name` (unique in the request, safe
    as a file name), `kind` (`image`, `spectrum`, `photometry`, `light_curve`, `position`, `table`, `log`,
    `archive`), where known `url`, `content_type`, `size` (bytes), `md5`, `expected_headers` (of its
    answer, by names in lower case; where one differs, it is not there yet), and the facility's own keys.
    `facility_request_id`: where the facility has given the request another id since.
    `files`: content of products that came with a message, by their names; it goes into the bucket.
    """

    status: Status | None
    text: str = ""
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    products: tuple[Mapping[str, Any], ...] | None = None
    next_poll_s: float | None = 600.0
    facility_request_id: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """What a facility posts to us. `path` is what stands behind `/messages`; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Absent:
    """Reconciliation found that the facility certainly has not got the request."""


@dataclass(frozen=True)
class Verification:
    """Whether the credentials work, with harmless details (such as the account's name)."""

    valid: bool
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class HttpLink(Protocol):
    """How a facility speaks HTTP; see `slew.http.Http`."""

    def send(self, request: HttpRequest, *, read_timeout: float = ...) -> Answer:
        """Send an unsafe request, once. Raises NotSent or Unanswered."""

    def read(self, request: HttpRequest, *, read_timeout: float = ...) -> Answer:
        """Send a harmless request. Raises NoAnswer."""


class MailLink(Protocol):
    """How a facility sends email; see `slew.mail.Mailer`."""

    def send(self, mail: Mail) -> tuple[str, ...]:
        """Send a copy to each recipient; returns the message ids. Raises Rejected, NotSent or Unanswered."""


class TransferLink(Protocol):
    """How a facility's own protocols are marked and recorded; see `slew.transfers.Transfers`."""

    def send(self, upload: Upload, act: Callable[[], str]) -> str:
        """Do `act`, which sends the upload and says how that went.

        What it raises passes on: NotSent, Unanswered, Rejected, Failed.
        """

    def read(self, method: str, url: str, act: Callable[[], str]) -> str:
        """Do a harmless `act`, which gives what it has read. What it raises passes on: NoAnswer, Rejected."""


class _NoTransfers:
    def send(self, upload: Upload, act: Callable[[], str]) -> str:
        return act()

    def read(self, method: str, url: str, act: Callable[[], str]) -> str:
        return act()


def _first_seen(key: str, value: str) -> str:
    return value


def _no_grid(instrument: str) -> None:
    return None


def _keep_nothing(data: Mapping[str, Any]) -> None:
    """Outside a submission there is no record to keep anything in."""


@dataclass(frozen=True)
class Link:
    """A facility's way to the outside, given to each of its operations.

    - `keep(data)` adds to the facility data of a submission under way, at once: for several exchanges in
      one submission, so that what the first has brought survives a crash before the second.
    - `shared`: what this invocation has read for this allocation, by keys of the facility's choosing: a
      list that answers for many requests is read once a tick.
    - `learn(key, value)` gives what the allocation has learned first under that key: the value itself the
      first time.
    - `transfers`: for protocols other than HTTP and mail.
    - `field_grid(instrument)`: centres (RA, Dec; degrees, ICRS) by field number, where the deployment has
      such a grid.
    """

    http: HttpLink
    mail: MailLink
    keep: Callable[[Mapping[str, Any]], None] = _keep_nothing
    shared: MutableMapping[str, Any] = field(default_factory=dict)
    learn: Callable[[str, str], str] = _first_seen
    transfers: TransferLink = field(default_factory=_NoTransfers)
    field_grid: Callable[[str], Mapping[int, tuple[float, float]] | None] = _no_grid


class Facility(ABC):
    """A facility.

    Subclasses set the class attributes, define `prepare` and `submit`, and what else the facility can do.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    Altdata: ClassVar[type[Altdata]]
    payloads: ClassVar[Mapping[str | None, type[BaseModel]]]
    """Payload model by instrument; `{None: Model}` where the facility has but one."""
    retired: ClassVar[Mapping[str, str]] = {}
    """Instruments that are no more, with the advice to give."""
    send_attempts: ClassVar[int | None] = None
    """How often a request that could not be sent is tried before it is `failed`.

    None: until its window ends.
    """
    first_poll_s: ClassVar[float] = 300.0
    """Seconds from submission to the first poll."""
    longest_send_s: ClassVar[float] = 70.0
    """The longest that `prepare` and `submit` take together, every exchange with its connecting; seconds.

    The schedule begins no send that might not end in its invocation.
    """
    lanes: ClassVar[int] = 16
    """How many requests the schedule works on at once, each of another allocation.

    1 where the facility serves one caller at a time.
    """
    needs_target: ClassVar[bool] = True
    """Whether a request must name a target; observation plans carry pointings of their own."""
    takes_plans: ClassVar[bool] = False
    """Whether requests may also be made under `/plans`, with payloads of megabytes."""
    resumable: ClassVar[bool] = False
    """Whether a submission is several exchanges: what `facility_data` says is done is not sent again."""
    advice: ClassVar[Mapping[str, str]] = {}
    """What to do in place of an operation that the facility has not: `{"cancel": "ask ... by mail"}`."""
    units: ClassVar[Mapping[str, str]] = {}
    """Units, as astropy writes them, of its rows' further columns whose names do not end in theirs."""
    no_verify: ClassVar[str] = "this facility offers no harmless call that would check credentials"

    @abstractmethod
    def prepare(self, order: Order[Any, Any], link: Link) -> Prepared:
        """Build what `submit` will send, without sending it; harmless reads at the facility are allowed.

        Raises Invalid where fields do not go together.
        """

    @abstractmethod
    def submit(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Send it. Raises Rejected, Failed, NotSent or Unanswered."""

    def validate(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Verdict:
        """Ask the facility's own validation, which stores nothing. Raises FacilityError."""
        raise NotImplementedError

    def update(self, order: Order[Any, Any], prepared: Prepared, link: Link) -> Submission:
        """Change a request at the facility; `order.payload` is the new one. Raises as `submit`."""
        raise NotImplementedError

    def cancel(self, order: Order[Any, Any], link: Link) -> Cancellation:
        """Cancel at the facility. Raises Rejected, NotSent or Unanswered."""
        raise NotImplementedError

    def poll(self, order: Order[Any, Any], link: Link) -> Progress:
        """Ask how it goes. Raises NoAnswer."""
        raise NotImplementedError

    def reconcile(self, order: Order[Any, Any], link: Link) -> Submission | Absent | None:
        """Look for a request of unknown outcome: found, certainly absent, or None for undecided.

        Raises NoAnswer.
        """
        raise NotImplementedError

    def verify(self, altdata: Any, link: Link) -> Verification:
        """Make a harmless authenticated call. Raises NoAnswer."""
        raise NotImplementedError

    def queues(self, altdata: Any, link: Link) -> Sequence[Mapping[str, Any]]:
        """The queues at the facility, each with its `name`. Raises NoAnswer, Rejected."""
        raise NotImplementedError

    def numbers(self, altdata: Any) -> range | None:
        """The numbers that requests may have at a facility which knows them by ours; None: they have none.

        Raises Invalid where there should be some and none are configured.
        """
        return None

    def accepts(self, message: Message, altdata: Any) -> bool:
        """Whether a message shows the credential that this altdata demands; compared in constant time."""
        raise NotImplementedError

    def message_number(self, message: Message) -> int | None:
        """The number of the request that a message is about; None: of no request, and it is not kept.

        Raises Invalid, NotFound.
        """
        raise NotImplementedError

    def receive(self, order: Order[Any, Any], message: Message) -> Progress:
        """What a message says of its request. Raises Invalid."""
        raise NotImplementedError

    def reply(self, message: Message, error: Problem | None) -> tuple[int, Any]:
        """HTTP status and JSON of the answer to a message, in the form that the facility reads."""
        raise NotImplementedError

    def download(self, order: Order[Any, Any], product: Mapping[str, Any], link: Link) -> HttpRequest:
        """The request that fetches one product, with the credentials it takes.

        May read at the facility first. Raises NoAnswer, or Rejected where it is not to be had.
        """
        raise NotImplementedError

    def photometry(
        self, order: Order[Any, Any], product: Mapping[str, Any], content: bytes
    ) -> Sequence[photometry.Row]:
        """The measurements in a fetched product, none left out.

        Raises ValueError if it cannot be read, PartlyRead if some of it cannot.
        """
        raise NotImplementedError

    def check_altdata(self, altdata: Any) -> None:  # noqa: B027 - optional, and most have nothing to check
        """Checks of credentials beyond the model's. Raises Invalid."""

    def plan_name(self, payload: Any) -> str:
        """What a request without a target is called."""
        return "plan"

    def window(self, payload: Any) -> tuple[datetime, datetime] | None:
        """The observing window that a payload asks for, UTC; None where the payload has none."""
        return None

    def exposure_s(self, payload: Any) -> float | None:
        """The open-shutter time that a payload asks for, all its exposures together, s; None: it is not told.

        A facility that defines it can have limits on exposure hours.
        """
        return None

    def notification_type(self, altdata: Any) -> str | None:
        """The channel that the altdata asks notices for.

        A facility whose altdata means something else by it overrides.
        """
        value: str | None = altdata.notification_type
        return value

    def can(self, operation: str) -> bool:
        """Whether the facility defines an operation."""
        return getattr(type(self), operation) is not getattr(Facility, operation)

    @property
    def operations(self) -> tuple[str, ...]:
        """What the facility can do, in a fixed order."""
        return ("submit", "dry_run", *(name for name in OPTIONAL_OPERATIONS if self.can(name)))

    @property
    def body_limit(self) -> int:
        """Bytes of a call's body; Lambda takes 6 MB, in which the body is escaped into JSON once more."""
        return 4 * 1024 * 1024 if self.takes_plans else BODY_LIMIT

    @property
    def collections(self) -> tuple[str, ...]:
        """The names under which requests are made."""
        return ("requests", "plans") if self.takes_plans else ("requests",)

    def choose_instrument(self, *wishes: str | None) -> str | None:
        """The first instrument that is named, checked; None where there is a default and none is named.

        Raises Invalid for none, an unknown or a retired one.
        """
        if set(self.payloads) == {None}:
            named = next((wish for wish in wishes if wish), None)
            if named:
                raise Invalid.field(["instrument"], f"{self.title} has no choice of instrument")
            return None
        known = ", ".join(sorted(name for name in self.payloads if name))
        for wish in wishes:
            if wish and wish in self.payloads:
                return wish
            if wish is not None and wish in self.retired:
                raise Invalid.field(["instrument"], f"rejected: {self.retired[wish]}")
            if wish:
                raise Invalid.field(["instrument"], f"{wish!r} is not one of {known}")
        if None in self.payloads:
            return None
        raise Invalid.field(["instrument"], f"must be one of {known}, in the request or in the allocation")
