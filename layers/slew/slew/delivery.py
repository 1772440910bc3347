"""From a queue to people: what the notifiers have in common.

A notice is shown once, whatever is delivered twice: see `slew.markers`. What can never be delivered, or could
not in `SLEW_MAX_RECEIVES` deliveries, is put down on the request's history and goes to the dead-letter queue
with the reason; from there a person can send it back, and it is tried again. What may go later is left to the
queue.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from slew import (
    aws,
    clock,
    markers,
    redact,
    startup,
    vault,
)
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.log import logger
from slew.markers import Marker
from slew.notice import Notice
from slew.redact import Redactor

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

_LONGEST_WAIT_S = 43_200  # SQS: the longest visibility time-out; nobody may ask for a longer wait either
_LONGEST_DELAY_S = 900  # SQS: the longest delay of a message
_WIDEST_SPREAD_S = 120.0
_MAX_ATTEMPTS = 50
_MAX_UNCONFIRMED = 2  # one repetition: better twice than not at all, but never a flood
_TIME_KEPT_S = 14.0  # one more send may take 13 s, connecting and waiting


@dataclass
class Progress:
    """Which recipients have got it, kept in the marker as it goes, and how long there is left to go on."""

    marker: Marker
    seconds_left: Callable[[], float]

    def has(self, recipient: str) -> bool:
        """Whether that one has got it."""
        return _digest(recipient) in self.marker.told

    def done(self, recipient: str) -> None:
        """Note that that one has got it."""
        self.marker = markers.keep(replace(self.marker, told=(*self.marker.told, _digest(recipient))))

    def unanswered(self, recipient: str) -> None:
        """Note that nobody knows whether that one has got it."""
        self.marker = markers.keep(replace(self.marker, unsure=(*self.marker.unsure, _digest(recipient))))

    def given_up(self, recipient: str) -> bool:
        """Whether that one may have got it so often that it is not told again."""
        return self.marker.unsure.count(_digest(recipient)) >= _MAX_UNCONFIRMED

    def check_time(self) -> None:
        """Raises NotSent where there is no time for one more."""
        if self.seconds_left() < _TIME_KEPT_S:
            raise NotSent("no time left for the other recipients in this invocation")


class Channel(Protocol):
    """A way to tell people, or another system.

    `owner`: who its addresses belong to, the `<owner>` of the secret `slew/<owner>/<allocation>`.
    """

    name: str
    owner: str

    def secrets(self, addressee: Mapping[str, Any]) -> list[str]:
        """The values among the keys of that secret that must never be seen."""

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Tell them. `addressee`: the keys of that secret. Raises FacilityError."""


@dataclass(frozen=True)
class _Letter:
    """One message of the queue."""

    record: Mapping[str, Any]
    body: Mapping[str, Any]
    notice: Notice

    @property
    def redriven(self) -> bool:
        """Whether a person has sent it back from the dead-letter queue."""
        return "dead_letter" in self.body

    @property
    def early_s(self) -> float:
        """Seconds that it still has to wait, where it was asked to wait for longer than a queue delays."""
        return float(self.body.get("not_before", 0)) - clock.timestamp()

    @property
    def receives(self) -> int:
        return int(self.record.get("attributes", {}).get("ApproximateReceiveCount", 1))

    @property
    def last(self) -> bool:
        return self.receives >= int(os.environ.get("SLEW_MAX_RECEIVES") or 5)


def notifier(channel: Channel) -> Handler:
    """The Lambda handler of a queue of notices; reports those that are to be delivered again."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        startup.done()
        again = [record["messageId"] for record in event["Records"] if not _handled(channel, record, context)]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in again]}

    return handler


def _handled(channel: Channel, record: Mapping[str, Any], context: Any) -> bool:
    """Whether the message is dealt with; False leaves it to the queue."""
    redact.use(Redactor())
    try:
        letter = _open(record)
    except (ValueError, TypeError, KeyError) as error:
        logger.error("not a notice", channel=channel.name, error=type(error).__name__)
        _bury(record["body"])
        return True
    notice = letter.notice
    marker = markers.read(notice.request_id, notice.event_id, channel.name)
    if marker.outcome == "sent" or (
        marker.outcome == "failed" and marker.dead_lettered and not letter.redriven
    ):
        logger.info(
            "already dealt with", channel=channel.name, event_id=notice.event_id, outcome=marker.outcome
        )
        return True
    if marker.outcome == "failed" and not marker.dead_lettered:
        return _dead_letter(letter, marker)
    if letter.early_s > 0:
        return _postpone(letter, letter.early_s)
    try:
        marker = markers.claim(marker)
    except markers.Taken as taken:
        _wait(letter, taken.until - clock.timestamp() + 1)
        return False
    return _attempt(channel, letter, Progress(marker, _seconds_left(context)))


def _attempt(channel: Channel, letter: _Letter, progress: Progress) -> bool:
    """Send what this invocation has claimed, and write down what came of it."""
    redactor = Redactor()
    try:
        addressee = _addressee(channel.owner, letter.notice)
        redactor = redact.use(Redactor(channel.secrets(addressee)))
        channel.send(letter.notice, addressee, progress, redactor)
    except FacilityError as error:
        return _not_sent(channel, letter, progress.marker, error, redactor)
    except Exception as error:
        logger.exception("a notice failed", channel=channel.name, event_id=letter.notice.event_id)
        failure = NotSent(f"internal error ({type(error).__name__})")
        return _not_sent(channel, letter, progress.marker, failure, redactor)
    logger.info("told", channel=channel.name, event_id=letter.notice.event_id, status=letter.notice.status)
    try:
        markers.settle(progress.marker, "sent")
    except (ClientError, BotoCoreError):
        # To report a failure now would have people told twice.
        logger.exception("told, but that could not be written down", event_id=letter.notice.event_id)
    return True


def _not_sent(
    channel: Channel, letter: _Letter, marker: Marker, error: FacilityError, redactor: Redactor
) -> bool:
    reason = redactor.text(error.reason)
    if isinstance(error, Unanswered):
        marker = replace(marker, unconfirmed=marker.unconfirmed + 1)
        reason = f"unconfirmed: {reason}"
    asked_to_wait = isinstance(error, NotSent) and error.retry_after is not None
    final = (
        not isinstance(error, NotSent | Unanswered)
        or marker.unconfirmed >= _MAX_UNCONFIRMED
        or (letter.last and not asked_to_wait)
        or marker.attempts >= _MAX_ATTEMPTS
    )
    logger.warning(
        "not told", channel=channel.name, event_id=letter.notice.event_id, reason=reason, final=final
    )
    if final:
        return _dead_letter(letter, markers.settle(marker, "failed", reason))
    markers.release(marker, reason)
    wished = error.retry_after if asked_to_wait else None
    if wished is not None:
        # Of many that wait for one webhook, each next try is spread wider: they come through one by one.
        spread = random.uniform(0, min(2.0**marker.attempts, _WIDEST_SPREAD_S))
        return _postpone(letter, min(wished + spread, _LONGEST_WAIT_S))
    _wait(letter, 15.0 * 2 ** (letter.receives - 1))
    return False


def _postpone(letter: _Letter, wait_s: float) -> bool:
    """Put the message at the queue's end: being asked to wait is no failure, and must use up no receives."""
    delay = min(max(math.ceil(wait_s), 1), _LONGEST_DELAY_S)
    body = {**letter.body, "not_before": round(clock.timestamp() + wait_s, 3)}
    aws.client("sqs").send_message(
        QueueUrl=_queue_url(letter), MessageBody=json.dumps(body), DelaySeconds=delay
    )
    return True


def _dead_letter(letter: _Letter, marker: Marker) -> bool:
    """Put a failed notice where a person finds it; its failure is written, so a crash repeats only this."""
    body = {
        **letter.body,
        "dead_letter": {"at": marker.at, "channel": marker.channel, "reason": marker.reason},
    }
    _bury(json.dumps(body))
    markers.keep(replace(marker, dead_lettered=True))
    return True


def _bury(body: str) -> None:
    aws.client("sqs").send_message(QueueUrl=os.environ["SLEW_DLQ_URL"], MessageBody=body)


def _open(record: Mapping[str, Any]) -> _Letter:
    body = json.loads(record["body"])
    if not isinstance(body, dict):
        raise TypeError("not an object")
    known = {each.name for each in fields(Notice)}
    notice = Notice(**{key: value for key, value in body.items() if key in known})
    return _Letter(record, body, notice)


def _addressee(owner: str, notice: Notice) -> dict[str, Any]:
    try:
        # VersionStage is said although it is the default: some stand-ins answer with an old version else.
        answer = aws.client("secretsmanager").get_secret_value(
            SecretId=vault.name(owner, notice.allocation_id), VersionStage="AWSCURRENT"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise Rejected("the allocation has no address to tell") from None
        raise
    value: dict[str, Any] = json.loads(answer["SecretString"])
    since = value.pop(vault.SINCE, "")
    if since and notice.allocation_since and since != notice.allocation_since:
        raise Rejected("the allocation has been removed; what has its id now is another one")
    return value


def _wait(letter: _Letter, seconds: float) -> None:
    """Have the queue deliver the message again no sooner."""
    url = _queue_url(letter)
    wait = min(max(math.ceil(seconds), 1), _LONGEST_WAIT_S)
    try:
        aws.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=letter.record["receiptHandle"], VisibilityTimeout=wait
        )
    except (ClientError, BotoCoreError):
        logger.exception("the queue's own time-out holds", queue=url, wished_s=wait)


def _queue_url(letter: _Letter) -> str:
    # Both queues are of one account and region; an ARN does not say what host a queue's URL has.
    name = letter.record["eventSourceARN"].rpartition(":")[2]
    return f"{os.environ['SLEW_DLQ_URL'].rpartition('/')[0]}/{name}"


def _seconds_left(context: Any) -> Callable[[], float]:
    if context is None:
        return lambda: math.inf
    return lambda: float(context.get_remaining_time_in_millis()) / 1000


def _digest(recipient: str) -> str:
    """Addresses are personal data: the history need not name them."""
    return hashlib.sha256(recipient.lower().encode()).hexdigest()[:16]
