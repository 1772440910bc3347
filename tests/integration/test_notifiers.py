"""The notifiers: a queue's messages in, posts and mails out, once each, and every failure on the history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

import email_notifier.app
import slack_notifier.app
from local.simulators.base import Fault
from local.simulators.ses import SesServer
from local.simulators.slack import SEEDED_HOOKS, SlackServer
from slew import config, mail, markers, redact, store
from slew.delivery import Handler
from slew.notice import Notice

JSON = dict[str, Any]
ROOT = Path(__file__).parent.parent.parent
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
    """A channel's queue and what Lambda does with it: deliver, then delete what was not reported as failed."""

    aws: Any
    channel: str
    handler: Handler
    clock_file: Path
    offset: float = 0.0
    waits: list[int] = field(default_factory=list)

    def url(self, kind: str) -> str:
        answer: str = self.aws("sqs").get_queue_url(QueueName=f"slew-{self.channel.capitalize()}{kind}")[
            "QueueUrl"
        ]
        return answer

    def put(self, notice: Notice = NOTICE) -> None:
        self.aws("sqs").send_message(QueueUrl=self.url("Queue"), MessageBody=json.dumps(notice.as_dict()))

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

    def hidden(self) -> list[str]:
        backend = sqs_backend()
        queue = backend.queues[f"slew-{self.channel.capitalize()}Queue"]
        return [handle for message in queue._messages for handle in [message.receipt_handle] if handle]

    def wait_s(self) -> float:
        """How long the queue keeps the one message back."""
        queue = sqs_backend().queues[f"slew-{self.channel.capitalize()}Queue"]
        (message,) = queue._messages
        return float(message.visible_at / 1000 - __import__("time").time())

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


@pytest.fixture
def queue_of(
    embedded_aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], Queue]]:
    clock_file = tmp_path / "clock"
    clock_file.write_text("0")
    monkeypatch.setenv("SLEW_CLOCK_FILE", str(clock_file))
    monkeypatch.setenv("SLEW_MAX_RECEIVES", "5")
    monkeypatch.setenv("SLEW_PORTAL_URL", "https://skyportal.example.org")
    handlers = {"slack": slack_notifier.app.handler, "email": email_notifier.app.handler}

    def make(channel: str) -> Queue:
        queue = Queue(embedded_aws, channel, handlers[channel], clock_file)
        monkeypatch.setenv("SLEW_DLQ_URL", queue.url("Dlq"))
        return queue

    yield make
    redact.use(redact.Redactor())


def addressee(aws: Any, value: JSON) -> None:
    name = f"slew/notify/{NOTICE.allocation_id}"
    try:
        aws("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
    except aws("secretsmanager").exceptions.ResourceExistsException:
        aws("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))


@pytest.fixture
def slack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    simulator = SlackServer()
    monkeypatch.setenv("SLEW_SLACK_URL", simulator.start())
    yield simulator
    simulator.stop()


@pytest.fixture
def slack(queue_of: Callable[[str], Queue], embedded_aws: Any) -> Queue:
    addressee(embedded_aws, SLACK)
    return queue_of("slack")


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[SesServer]:
    monkeypatch.setenv("SLEW_EMAIL_FROM", "followup@example.org")
    simulator = SesServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.start())
    mail.client.cache_clear()
    yield simulator
    simulator.stop()
    mail.client.cache_clear()


@pytest.fixture
def email(queue_of: Callable[[str], Queue], embedded_aws: Any, ses: SesServer) -> Queue:
    addressee(embedded_aws, {"email": "a@example.org, b@elsewhere.org"})
    return queue_of("email")


def configure(ses: SesServer, **settings: Any) -> None:
    assert requests.post(f"{ses.url}/_ses/config", json=settings, timeout=10).ok


def everything_stored(aws: Any) -> str:
    return json.dumps(aws("dynamodb").scan(TableName=config.table())["Items"])


def test_a_notice_is_posted_once_and_is_on_the_history(slack: Queue, slack_server: SlackServer) -> None:
    slack.put()
    assert slack.deliver() == 1
    (message,) = slack_server.messages
    assert "[submitted]" in message["rendered"]["text"]
    assert "SN 2023ixf" in message["rendered"]["fallback"]
    marker = slack.marker()
    assert (marker.outcome, marker.attempts, marker.reason) == ("sent", 1, "")
    (shown,) = store.history(NOTICE.request_id)
    assert (shown["kind"], shown["event_id"], shown["channel"], shown["outcome"]) == (
        "notice",
        NOTICE.event_id,
        "slack",
        "sent",
    )


def test_what_comes_twice_is_told_once(slack: Queue, slack_server: SlackServer) -> None:
    slack.put()
    slack.put()
    assert slack.deliver() + slack.deliver() == 2
    assert len(slack_server.messages) == 1


def test_another_event_and_another_channel_are_told(
    slack: Queue,
    slack_server: SlackServer,
    queue_of: Callable[[str], Queue],
    ses: SesServer,
    embedded_aws: Any,
) -> None:
    slack.put()
    slack.deliver()
    slack.put(Notice(**{**NOTICE.as_dict(), "event_id": "a1-000003", "status": "complete"}))
    slack.deliver()
    assert len(slack_server.messages) == 2
    addressee(embedded_aws, {"email": "a@example.org"})
    email = queue_of("email")
    email.put()
    assert email.deliver() == 1
    assert len(ses.gate.outbox) == 1


def test_slacks_retry_after_is_honoured(slack: Queue, slack_server: SlackServer) -> None:
    slack_server.faults.append(
        Fault("status", status=429, body="rate_limited", headers={"Retry-After": "1200"})
    )
    slack.put()
    assert slack.deliver() == 0
    assert 1195 < slack.wait_s() <= 1200
    marker = slack.marker()
    assert (marker.outcome, marker.reason, marker.claimed_until) == (None, "slack: too many messages", 0)
    assert slack.again() == 1
    assert slack.marker().outcome == "sent"
    assert len(slack_server.messages) == 1


@pytest.mark.parametrize("state", ["disabled", "archived", "prohibited"])
def test_a_dead_webhook_ends_in_the_dlq_and_on_the_history(
    slack: Queue, slack_server: SlackServer, state: str
) -> None:
    slack_server.add_hook(*HOOK, state)
    slack.put()
    slack.put()
    assert slack.deliver() + slack.deliver() == 2
    assert len(slack_server.journal) == 1
    marker = slack.marker()
    assert marker.outcome == "failed"
    assert marker.reason == slack_server.refusals[0]["error"].join(("slack: ", ""))
    (dead,) = slack.dead()
    assert dead["event_id"] == NOTICE.event_id
    assert dead["dead_letter"]["reason"] == marker.reason
    assert store.history(NOTICE.request_id)[0]["reason"] == marker.reason


def test_what_a_person_sends_back_is_tried_again(slack: Queue, slack_server: SlackServer) -> None:
    slack_server.add_hook(*HOOK, "disabled")
    slack.put()
    slack.deliver()
    (dead,) = slack.dead()
    slack_server.add_hook(*HOOK)
    slack.aws("sqs").send_message(QueueUrl=slack.url("Queue"), MessageBody=json.dumps(dead))
    assert slack.deliver() == 1
    assert len(slack_server.messages) == 1
    assert slack.marker().outcome == "sent"
    slack.aws("sqs").send_message(QueueUrl=slack.url("Queue"), MessageBody=json.dumps(dead))
    assert slack.deliver() == 1
    assert len(slack_server.messages) == 1


def test_the_last_delivery_says_why_before_it_goes_to_the_dlq(
    slack: Queue, slack_server: SlackServer
) -> None:
    slack_server.add_hook(*HOOK, "rollup_error")
    slack.put()
    for attempt in range(1, 5):
        assert (slack.deliver() if attempt == 1 else slack.again()) == 0
        marker = slack.marker()
        assert (marker.outcome, marker.attempts) == (None, attempt)
    assert slack.again() == 1
    marker = slack.marker()
    assert (marker.outcome, marker.reason, marker.attempts) == ("failed", "slack: rollup_error 500", 5)
    assert len(slack.dead()) == 1
    assert len(slack_server.journal) == 5


def test_a_post_without_an_answer_is_repeated_once(slack: Queue, slack_server: SlackServer) -> None:
    slack_server.faults.append(Fault("cut", times=9))
    slack.put()
    assert slack.deliver() == 0
    assert slack.again() == 1
    marker = slack.marker()
    assert marker.outcome == "failed"
    assert marker.reason.startswith("unconfirmed: ")
    assert len(slack_server.journal) == 2


def test_a_crash_in_between_is_taken_up_when_its_claim_has_run_out(
    slack: Queue, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any, **more: Any) -> None:
        raise SystemExit

    slack.put()
    with monkeypatch.context() as patch:
        patch.setattr("slack_notifier.channel.slack_webhook.post", die)
        with pytest.raises(SystemExit):
            slack.deliver()
    assert slack.again() == 0
    assert 0 < slack.wait_s() <= markers.CLAIM_S + 2
    assert slack_server.messages == []
    slack.advance(markers.CLAIM_S + 1)
    assert slack.again() == 1
    assert len(slack_server.messages) == 1
    assert slack.marker().attempts == 2


def test_two_at_once_post_once(slack: Queue, slack_server: SlackServer) -> None:
    blank = slack.marker()
    markers.claim(blank)
    with pytest.raises(markers.Taken):
        markers.claim(blank)
    slack.put()
    assert slack.deliver() == 0
    assert slack_server.messages == []


def test_a_crash_before_the_dlq_does_not_post_again(
    slack: Queue, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack_server.add_hook(*HOOK, "disabled")
    slack.put()
    monkeypatch.setenv("SLEW_DLQ_URL", f"{slack.url('Queue')}-that-is-not-there")
    with pytest.raises(Exception, match="NonExistentQueue"):
        slack.deliver()
    monkeypatch.setenv("SLEW_DLQ_URL", slack.url("Dlq"))
    assert slack.again() == 1
    assert len(slack.dead()) == 1
    assert len(slack_server.journal) == 1


def test_no_address(slack: Queue, slack_server: SlackServer) -> None:
    slack.aws("secretsmanager").delete_secret(
        SecretId=f"slew/notify/{NOTICE.allocation_id}", ForceDeleteWithoutRecovery=True
    )
    slack.put()
    assert slack.deliver() == 1
    assert slack.marker().reason == "the allocation has no address to tell"
    assert len(slack.dead()) == 1


def test_the_wrong_kind_of_address(slack: Queue, slack_server: SlackServer) -> None:
    addressee(slack.aws, {"email": "a@example.org"})
    slack.put()
    assert slack.deliver() == 1
    assert slack.marker().reason == "the allocation has no Slack webhook"


def test_a_fault_of_ours_is_tried_again_and_then_told(
    slack: Queue, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*args: Any, **more: Any) -> None:
        raise KeyError(HOOK[2])

    monkeypatch.setattr("slack_notifier.channel.slack_message.build", break_down)
    slack.put()
    assert slack.deliver() == 0
    assert slack.marker().reason == "internal error (KeyError)"
    monkeypatch.undo()


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}", '{"event_id": "x"}'])
def test_what_is_no_notice_goes_to_the_dlq(slack: Queue, slack_server: SlackServer, body: str) -> None:
    slack.aws("sqs").send_message(QueueUrl=slack.url("Queue"), MessageBody=body)
    assert slack.deliver() == 1
    assert [message["Body"] for message in slack.take("Dlq")] == [body]


def test_no_secret_leaves(
    slack: Queue, slack_server: SlackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, fault in enumerate(
        (
            None,
            Fault("cut"),
            Fault("status", status=500, body=" ".join(HOOK)),
            Fault("status", body="no_team"),
        )
    ):
        slack_server.faults = [fault] if fault else []
        slack.put(Notice(**{**NOTICE.as_dict(), "event_id": f"a1-{number}"}))
        slack.deliver()
    slack_server.stop()
    slack.put(Notice(**{**NOTICE.as_dict(), "event_id": "a1-9"}))
    slack.deliver()
    output = capsys.readouterr()
    assert "a1-9" in output.out
    dead = json.dumps(slack.dead())
    for part in HOOK:
        for place in (output.out, output.err, everything_stored(slack.aws), dead):
            assert part not in place


# -- email


def test_each_recipient_gets_a_mail(email: Queue, ses: SesServer) -> None:
    email.put()
    assert email.deliver() == 1
    assert [message["to"] for message in ses.gate.outbox] == [["a@example.org"], ["b@elsewhere.org"]]
    assert all(message["subject"].startswith("[submitted] ") for message in ses.gate.outbox)
    assert all(message["text"] and message["html"] for message in ses.gate.outbox)
    assert email.marker().outcome == "sent"
    assert "example.org" not in everything_stored(email.aws)


def test_only_those_who_have_not_got_it_are_tried_again(email: Queue, ses: SesServer) -> None:
    email.put()
    configure(ses, fail={"kind": "status", "status": 503, "times": 1})
    assert email.deliver() == 0
    assert [message["to"] for message in ses.gate.outbox] == [["b@elsewhere.org"]]
    assert email.again() == 1
    assert [message["to"] for message in ses.gate.outbox] == [["b@elsewhere.org"], ["a@example.org"]]


def test_a_recipient_who_cannot_be_mailed(email: Queue, ses: SesServer) -> None:
    configure(ses, sandbox=True, identities=["example.org"])
    email.put()
    assert email.deliver() == 1
    marker = email.marker()
    assert marker.outcome == "failed"
    assert "MessageRejected" in marker.reason
    assert "b@elsewhere.org" in marker.reason
    assert [message["to"] for message in ses.gate.outbox] == [["a@example.org"]]
    (dead,) = email.dead()
    configure(ses, sandbox=False)
    email.aws("sqs").send_message(QueueUrl=email.url("Queue"), MessageBody=json.dumps(dead))
    configure(ses, identities=["elsewhere.org"])
    assert email.deliver() == 1
    assert [message["to"] for message in ses.gate.outbox] == [["a@example.org"], ["b@elsewhere.org"]]


def test_a_mail_without_an_answer_is_repeated_once(email: Queue, ses: SesServer) -> None:
    addressee(email.aws, {"email": "a@example.org"})
    configure(ses, fail={"kind": "close_after"})
    email.put()
    assert email.deliver() == 0
    assert email.again() == 1
    assert email.marker().reason.startswith("unconfirmed: ")
    assert len(ses.gate.outbox) == 2


def test_a_bad_address_is_named(email: Queue, ses: SesServer) -> None:
    addressee(email.aws, {"email": "nobody"})
    email.put()
    assert email.deliver() == 1
    assert "'nobody' is not an email address" in email.marker().reason
    assert len(email.dead()) == 1


def test_what_there_is_no_time_for_is_left_to_the_next_delivery(email: Queue, ses: SesServer) -> None:
    email.put()
    assert email.deliver(Context(left_ms=5_000)) == 0
    assert ses.gate.outbox == []
    assert email.again() == 1
    assert len(ses.gate.outbox) == 2


# -- the example events


@pytest.mark.parametrize("channel", ["slack", "email"])
def test_the_example_events(
    channel: str,
    slack_server: SlackServer,
    ses: SesServer,
    queue_of: Callable[[str], Queue],
    embedded_aws: Any,
) -> None:
    event = json.loads((ROOT / f"events/{channel}_notifier-sqs.json").read_text())
    queue = queue_of(channel)
    embedded_aws("secretsmanager").create_secret(
        Name="slew/notify/lco-2026b", SecretString=json.dumps({**SLACK, "email": "a@example.org"})
    )
    assert queue.handler(event, Context()) == {"batchItemFailures": []}
    assert len(slack_server.messages) + len(ses.gate.outbox) == 1
