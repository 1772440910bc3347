"""The way of events to people, by hand: stream, publisher, topic, queue, notifier."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from local.pumps import QueuePump
from local.resources import queue_url
from local.simulators.slack import SEEDED_HOOKS
from local.system import QueueMapping
from slew.status import Status
from tests.torture.bench import Bench, Case
from tests.torture.injector import Kill
from tests.torture.workers import Done, Killed

JSON = dict[str, Any]
HOOK = SEEDED_HOOKS[1]
BY_SLACK = {
    "notification_type": "slack",
    **dict(zip(("slack_workspace", "slack_channel", "slack_token"), HOOK, strict=True)),
    "on": [status.value for status in Status],
}
BY_EMAIL = {
    "notification_type": "email",
    "email": "pi@example.org, night@example.org",
    "on": [status.value for status in Status],
}
QUEUES = {
    "slack_notifier": "slew-SlackQueue",
    "email_notifier": "slew-EmailQueue",
    "webhook_handover": "slew-WebhookQueue",
    "skyportal_handover": "slew-SkyportalQueue",
}


class _Events(QueuePump):
    """Only for the form of a queue's events."""

    def __init__(self) -> None:
        self._mapping = QueueMapping("", "")


def stream(bench: Bench, case: Case) -> list[JSON]:
    """The table's stream, as far as the publisher is given it."""
    streams = bench.clients("dynamodbstreams")
    (found,) = streams.list_streams(TableName=case.table)["Streams"]
    shard = streams.describe_stream(StreamArn=found["StreamArn"])["StreamDescription"]["Shards"][0]
    iterator = streams.get_shard_iterator(
        StreamArn=found["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator, Limit=1000)["Records"]
    events = [
        each
        for each in records
        if each["eventName"] == "INSERT" and each["dynamodb"]["Keys"]["sk"]["S"].startswith("EVENT#")
    ]
    found_events: list[JSON] = json.loads(json.dumps(events, default=_encode))
    return found_events


def _encode(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


@dataclass
class Announcer:
    """Works off stream and queue of a case; `kill` meets the first invocation of `victim`."""

    bench: Bench
    case: Case
    notifier: str = "slack_notifier"
    victim: str = ""
    kill: Kill | None = None
    counted: Done | None = None
    killed: bool = False

    def publish(self) -> None:
        """Deliver the stream once, and after a crash again."""
        event = {"Records": stream(self.bench, self.case)}
        self._invoke("publisher", event)

    def deliver(self) -> None:
        """Work the queue off until nothing is visible now or later."""
        for _ in range(6):
            while self._delivered():
                pass
            self.bench.move(400)  # past visibility time-outs and claims
            if not self._left():
                return

    def run(self) -> None:
        """Both."""
        self.empty()
        self.publish()
        self.deliver()

    def empty(self) -> None:
        """What other cases have left in the queues."""
        sqs = self.bench.clients("sqs")
        for name in QUEUES.values():
            url = queue_url(self.bench.endpoint, name)
            while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    @property
    def _url(self) -> str:
        return queue_url(self.bench.endpoint, QUEUES[self.notifier])

    def _left(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.bench.clients("sqs").get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return any(int(count) for count in found["Attributes"].values())

    def _delivered(self) -> bool:
        sqs = self.bench.clients("sqs")
        messages = sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=1, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        for message in messages:
            event = {"Records": [self._event_of(message)]}
            answer = self._invoke(self.notifier, event)
            if answer is not None and not answer["batchItemFailures"]:
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    def _event_of(self, message: JSON) -> JSON:
        event: JSON = _Events()._event_of(message)
        return {**event, "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{QUEUES[self.notifier]}"}

    def _invoke(self, function: str, event: JSON) -> Any:
        """The answer; None where it was killed. A killed publisher's batch is delivered again."""
        if function == self.victim and not self.killed and self.counted is None:
            try:
                self.counted = self.case.invoke_once(function, event, self.kill)
                return self.counted.answer
            except Killed:
                self.killed = True
                if function != "publisher":
                    return None
        return self.case.invoke(function, event)


def shown_on_slack(bench: Bench) -> int:
    """Messages in the channel of the announcements."""
    hook = "/".join(HOOK[:2])
    return sum(hook in str(each["hook"]) for each in bench.simulate("slack", "GET", "/_messages"))


def mailed(outbox: list[JSON], number: str) -> Counter[str]:
    """Accepted mails by recipient and event; the case's number is left out."""
    return Counter(f"{each['to']} {str(each['subject']).replace(number, '')}" for each in outbox)
