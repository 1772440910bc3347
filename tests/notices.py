"""A notifier's queue as Lambda serves it, and a notice, for the tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

import email_notifier.app
import skyportal_handover.app
import slack_notifier.app
import webhook_handover.app
from local.simulators.ses import SesServer
from local.simulators.slack import SEEDED_HOOKS
from slew import config, markers, redact
from slew.delivery import Handler
from slew.notice import Notice

JSON = dict[str, Any]
HOOK = SEEDED_HOOKS[0]
SLACK = dict(zip(("slack_workspace", "slack_channel", "slack_token"), HOOK, strict=True))
NOTICE = Notice(
    event_id="a1-000002",
    at="2026-11-22T17:00:01.250Z",
    action="submit",
    status="submitted",
    request_id="a1",
    facility="lco",
    facility_title="Las Cumbres Observatory",
    target_name="SN 2023ixf",
    ra_deg=210.910674637,
    dec_deg=54.311651,
    allocation_id="lco-2026b",
    group="transients",
)


@dataclass
class Context:
    """What Lambda tells a handler of its time."""

    left_ms: int = 30_000
    function_name: str = "notifier"

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


@dataclass
class Queue:
    """A channel's queue, and Lambda: delivers, then deletes what was not reported as failed."""

    aws: Any
    channel: str
    handler: Handler
    clock_file: Path
    offset: float = 0.0

    def url(self, kind: str) -> str:
        answer: str = self.aws("sqs").get_queue_url(QueueName=f"slew-{self.channel.capitalize()}{kind}")[
            "QueueUrl"
        ]
        return answer

    def put(self, notice: Notice = NOTICE) -> None:
        body = json.dumps(notice.as_dict())
        self.aws("sqs").send_message(QueueUrl=self.url("Queue"), MessageBody=body)

    def take(self, kind: str = "Queue") -> list[JSON]:
        answer = self.aws("sqs").receive_message(QueueUrl=self.url(kind), AttributeNames=["All"])
        found: list[JSON] = answer.get("Messages", [])
        return found

    def record(self, message: JSON) -> JSON:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:slew-{self.channel.capitalize()}Queue",
        }

    def deliver(self, context: Context | None = None) -> int:
        """Deliver what is visible, each message once; how many were taken off the queue."""
        done = 0
        for message in self.take():
            answer = self.handler({"Records": [self.record(message)]}, context or Context())
            if not answer["batchItemFailures"]:
                done += 1
                self.aws("sqs").delete_message(
                    QueueUrl=self.url("Queue"), ReceiptHandle=message["ReceiptHandle"]
                )
        return done

    def again(self) -> int:
        """Make every message visible at once, as after its time-out, and deliver."""
        for handle in self.hidden():
            self.aws("sqs").change_message_visibility(
                QueueUrl=self.url("Queue"), ReceiptHandle=handle, VisibilityTimeout=0
            )
        return self.deliver()

    def arrive(self) -> int:
        """Make what is delayed visible, as after its delay, and deliver."""
        for message in sqs_backend().queues[f"slew-{self.channel.capitalize()}Queue"]._messages:
            message.delayed_until = 0
        return self.deliver()

    def hidden(self) -> list[str]:
        backend = sqs_backend()
        queue = backend.queues[f"slew-{self.channel.capitalize()}Queue"]
        return [handle for message in queue._messages for handle in [message.receipt_handle] if handle]

    def wait_s(self) -> float:
        """How long the queue keeps the one message back."""
        queue = sqs_backend().queues[f"slew-{self.channel.capitalize()}Queue"]
        (message,) = queue._messages
        return float(message.visible_at / 1000 - time.time())

    def advance(self, seconds: float) -> None:
        self.offset += seconds
        self.clock_file.write_text(str(self.offset))

    def marker(self, event_id: str = NOTICE.event_id) -> markers.Marker:
        return markers.read(NOTICE.request_id, event_id, self.channel)

    def dead(self) -> list[JSON]:
        return [json.loads(message["Body"]) for message in self.take("Dlq")]


def sqs_backend() -> Any:
    from moto.sqs.models import sqs_backends

    return sqs_backends["123456789012"]["us-east-1"]


def addressee(aws: Any, value: JSON, owner: str = "notify") -> None:
    name = f"slew/{owner}/{NOTICE.allocation_id}"
    try:
        aws("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
    except aws("secretsmanager").exceptions.ResourceExistsException:
        aws("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))


def configure(ses: SesServer, **settings: Any) -> None:
    assert requests.post(f"{ses.url}/_ses/config", json=settings, timeout=10).ok


def everything_stored(aws: Any) -> str:
    return json.dumps(aws("dynamodb").scan(TableName=config.table())["Items"])


@contextmanager
def queues(aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Queue]]:
    """Gives the queue of a channel, with the environment that its function has."""
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    monkeypatch.setenv("SLEW_CLOCK_FILE", str(clock_file))
    monkeypatch.setenv("SLEW_MAX_RECEIVES", "5")
    monkeypatch.setenv("SLEW_PORTAL_URL", "https://skyportal.example.org")
    handlers = {
        "slack": slack_notifier.app.handler,
        "email": email_notifier.app.handler,
        "webhook": webhook_handover.app.handler,
        "skyportal": skyportal_handover.app.handler,
    }

    def make(channel: str) -> Queue:
        queue = Queue(aws, channel, handlers[channel], clock_file)
        monkeypatch.setenv("SLEW_DLQ_URL", queue.url("Dlq"))
        return queue

    yield make
    redact.use(redact.Redactor())
