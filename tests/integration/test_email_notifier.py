"""The email notifier: who has got a mail gets no second one; and the example events of both notifiers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.simulators.ses import SesServer
from local.simulators.slack import SlackServer
from slew import mail
from slew.errors import NotSent, Unanswered
from slew.wire import Mail
from tests.notices import (
    NOTICE,
    SLACK,
    Context,
    Queue,
    addressee,
    configure,
    everything_stored,
)

ROOT = Path(__file__).parent.parent.parent


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


def test_another_event_and_another_channel_are_told(
    slack: Queue,
    slack_server: SlackServer,
    queue_of: Callable[[str], Queue],
    ses: SesServer,
    embedded_aws: Any,
) -> None:
    slack.put()
    slack.deliver()
    slack.put(replace(NOTICE, event_id="a1-000003", status="complete"))
    slack.deliver()
    assert len(slack_server.messages) == 2
    addressee(embedded_aws, {"email": "a@example.org"})
    email = queue_of("email")
    email.put()
    assert email.deliver() == 1
    assert len(ses.gate.outbox) == 1


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


def test_who_does_not_answer_does_not_cost_the_others_theirs(
    email: Queue, ses: SesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, tried, down = mail.Mailer.send, list[str](), ["a@example.org"]

    def moody(mailer: mail.Mailer, content: Mail) -> tuple[str, ...]:
        (address,) = content.to
        tried.append(address[0])
        if address in down:
            raise Unanswered("email: no answer from SES (ReadTimeoutError)")
        if tried.count("b") <= 3:
            raise NotSent("email: TooManyRequestsException: Maximum sending rate exceeded.", 5.0)
        return send(mailer, content)

    monkeypatch.setattr(mail.Mailer, "send", moody)
    email.put()
    assert email.deliver() == 1
    for _ in range(3):
        assert email.marker().outcome is None
        email.advance(200)
        email.arrive()
    assert "".join(tried) == "ababbb"
    assert [message["to"] for message in ses.gate.outbox] == [["b@elsewhere.org"]]
    assert (email.marker().outcome, email.marker().reason) == (
        "failed",
        "unconfirmed: email: no answer from SES",
    )
    (dead,) = email.dead()
    down.clear()
    email.aws("sqs").send_message(QueueUrl=email.url("Queue"), MessageBody=json.dumps(dead))
    assert email.deliver() == 1
    assert [message["to"] for message in ses.gate.outbox] == [["b@elsewhere.org"], ["a@example.org"]]
    assert email.marker().outcome == "sent"


def test_a_bad_address_is_named(email: Queue, ses: SesServer) -> None:
    addressee(email.aws, {"email": "a@example.org, nobody"})
    email.put()
    assert email.deliver() == 1
    assert "entry 2 is not an email address" in email.marker().reason
    assert "nobody" not in email.marker().reason
    assert len(email.dead()) == 1


def test_what_there_is_no_time_for_is_left_to_the_next_delivery(email: Queue, ses: SesServer) -> None:
    email.put()
    assert email.deliver(Context(left_ms=5_000)) == 0
    assert ses.gate.outbox == []
    assert email.again() == 1
    assert len(ses.gate.outbox) == 2


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
