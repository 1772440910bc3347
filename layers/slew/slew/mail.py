"""Email through Amazon SES v2 (card notifications.md): one mail a recipient, each exchange recorded.

SendEmail has no idempotency token, and the SDK by itself would send again after a read time-out; so nothing
is retried below us, and only a throttled send is repeated here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)

from slew import aws, clock, config
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.facility import MailLink
from slew.redact import Redactor
from slew.wire import Exchange, Mail

THROTTLE_PAUSES_S = (1.1, 2.2)
"""Waits before the second and third try of a throttled send; a new account may send one mail a second."""
_NOT_CONNECTED = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    CredentialRetrievalError,
)
_THROTTLED = ("TooManyRequestsException", "ThrottlingException", "Throttling")


@cache
def client() -> Any:
    """The SES client, made on first use."""
    once = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
    return aws.new_client("sesv2", once)


@dataclass(frozen=True)
class Delivery:
    """What became of a mail, by recipient: SES's message id, or the error."""

    sent: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, FacilityError] = field(default_factory=dict)

    def failures(self) -> str:
        """The recipients that were not reached, each with its reason."""
        return "; ".join(f"{address}: {error.reason}" for address, error in self.failed.items())

    def error(self) -> FacilityError | None:
        """One error for them all, NotSent only if nobody was reached; None where everybody was."""
        if not self.failed:
            return None
        errors = list(self.failed.values())
        text = self.failures() if len(self.failed) + len(self.sent) > 1 else errors[0].reason
        if any(isinstance(error, Unanswered) for error in errors):
            return Unanswered(text)
        if self.sent:
            return Rejected(f"sent to {', '.join(self.sent)}, but not to {text}")
        waiting = [error for error in errors if isinstance(error, NotSent)]
        if waiting:
            return NotSent(text, max((error.retry_after or 0 for error in waiting), default=0) or None)
        return Rejected(text)


def deliver(link: MailLink, mail: Mail) -> Delivery:
    """Send a copy to each recipient; whatever happens to one, the others get theirs."""
    sent: dict[str, str] = {}
    failed: dict[str, FacilityError] = {}
    for address in mail.to:
        try:
            (sent[address],) = link.send(replace(mail, to=(address,)))
        except FacilityError as error:
            failed[address] = error
    return Delivery(sent, failed)


class Mailer:
    """Sends mail for one piece of work and keeps the record of each exchange.

    `before_send` is called once, before the first mail leaves, as `slew.http.Http` does.
    """

    def __init__(
        self,
        redactor: Redactor,
        before_send: Callable[[], None] | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.redactor = redactor
        self.exchanges: list[Exchange] = []
        self.before_send = before_send
        self._pause = pause

    def send(self, mail: Mail) -> tuple[str, ...]:
        """Send a copy to each recipient; returns SES's message ids.

        Raises Rejected, NotSent or Unanswered. NotSent only if no recipient has got it: once some have, the
        others are named in a Rejected, so that no retry writes to anybody twice.
        """
        if len(mail.to) != 1:
            delivery = deliver(self, mail)
            error = delivery.error()
            if error:
                raise error
            return tuple(delivery.sent.values())
        for pause in THROTTLE_PAUSES_S:
            try:
                return (self._send_once(mail),)
            except NotSent as error:
                if error.retry_after is None:
                    raise
            self._pause(pause)
        return (self._send_once(mail),)

    def _send_once(self, mail: Mail) -> str:
        if not config.email_from():
            raise Rejected("email: this deployment has no sender address (EmailFrom)")
        if self.before_send:
            self.before_send()
            self.before_send = None
        content = _content(mail)
        started = time.monotonic()
        try:
            answer = client().send_email(**content)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            self._record(content, started, "answered", status, error.response.get("Error", {}))
            raise self._refusal(error, status) from None
        except BotoCoreError as error:
            failure = self._no_answer(error)
            outcome: Literal["no_answer", "not_sent"] = (
                "no_answer" if isinstance(failure, Unanswered) else "not_sent"
            )
            self._record(content, started, outcome, None, {}, failure.reason)
            raise failure from None
        message_id = str(answer["MessageId"])
        self._record(content, started, "answered", 200, {"MessageId": message_id})
        return message_id

    def _refusal(self, error: ClientError, status: int) -> FacilityError:
        """Card notifications.md, table of SES's errors."""
        found = error.response.get("Error", {})
        code, message = str(found.get("Code", "")), str(found.get("Message", ""))
        reason = self.redactor.text(f"email: {code}: {message}" if message else f"email: {code}")
        if (status == 429 or code in _THROTTLED) and "quota" not in message.lower():
            return NotSent(reason, retry_after=5.0)
        if status == 504:
            return Unanswered(reason)
        if status >= 500:
            return NotSent(reason)
        return Rejected(reason)

    def _no_answer(self, error: BotoCoreError) -> FacilityError:
        kind = type(error).__name__
        if isinstance(error, _NOT_CONNECTED):
            return NotSent(f"email: could not reach SES ({kind})")
        # An SSLError may be of the handshake or of reading the answer: it settles nothing.
        if isinstance(error, HTTPClientError | SSLError):
            return Unanswered(f"email: no answer from SES ({kind})")
        return Rejected(self.redactor.text(f"email: {kind}: {error}"))

    def _record(
        self,
        content: Mapping[str, Any],
        started: float,
        outcome: Literal["answered", "not_sent", "no_answer"],
        status: int | None,
        answer: Mapping[str, Any],
        error: str = "",
    ) -> None:
        elapsed = time.monotonic() - started
        self.exchanges.append(
            Exchange(
                at=clock.isoformat(clock.timestamp() - elapsed),
                method="SES SendEmail",
                url=self.redactor.text(f"{client().meta.endpoint_url}/v2/email/outbound-emails"),
                request_headers={},
                request_body=self.redactor.body(json.dumps(content, ensure_ascii=False, default=_outline)),
                outcome=outcome,
                elapsed_ms=round(elapsed * 1000),
                status=status,
                answer_body=self.redactor.body(json.dumps(answer, ensure_ascii=False)) if answer else "",
                error=self.redactor.text(error),
            )
        )


def _content(mail: Mail) -> dict[str, Any]:
    """SendEmail's parameters."""
    simple: dict[str, Any] = {
        "Subject": _utf8(mail.subject),
        "Body": {"Text": _utf8(mail.text), "Html": _utf8(mail.html)},
    }
    if mail.headers:
        simple["Headers"] = [{"Name": name, "Value": value} for name, value in mail.headers.items()]
    if mail.attachments:
        simple["Attachments"] = [
            {
                "FileName": each.name,
                "ContentType": each.content_type,
                "ContentTransferEncoding": "BASE64",
                "RawContent": each.content,
            }
            for each in mail.attachments
        ]
    content: dict[str, Any] = {
        "FromEmailAddress": config.email_from(),
        "Destination": {"ToAddresses": list(mail.to)},
        "Content": {"Simple": simple},
        "EmailTags": [{"Name": name, "Value": value} for name, value in mail.tags.items()],
    }
    if mail.reply_to:
        content["ReplyToAddresses"] = [mail.reply_to]
    return content


def _outline(attached: bytes) -> str:
    """An attachment as it stands in a record."""
    return f"({len(attached)} bytes)"


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
