"""The Slack notifier: a queue's messages in, posts out, once each, and every failure on the history."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.base import Fault
from local.simulators.slack import SlackServer
from slew import markers, store
from slew.log import logger
from tests.notices import (
    HOOK,
    NOTICE,
    Queue,
    addressee,
    everything_stored,
)


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


def test_slacks_retry_after_is_honoured(slack: Queue, slack_server: SlackServer) -> None:
    slack_server.faults.append(
        Fault("status", times=6, status=429, body="rate_limited", headers={"Retry-After": "1200"})
    )
    slack.put()
    assert slack.deliver() == 1
    for attempt in range(1, 7):
        marker = slack.marker()
        assert (marker.outcome, marker.reason, marker.claimed_until) == (None, "slack: too many messages", 0)
        slack.advance(900)
        assert slack.arrive() == 1, "as long as a queue delays"
        assert len(slack_server.journal) == marker.attempts == attempt
        slack.advance(300 + 120)
        assert slack.arrive() == 1
    assert slack.marker().outcome == "sent"
    assert len(slack_server.messages) == 1
    assert slack.dead() == []


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
    assert marker.reason == f"slack: {slack_server.refusals[0]['error']}"
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


def test_no_secret_leaves(slack: Queue, slack_server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*args: Any, **more: Any) -> None:
        raise KeyError(" ".join(HOOK))

    log = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", log)
    faults = (
        None,
        Fault("cut"),
        Fault("status", status=500, body=" ".join(HOOK)),
        Fault("status", status=404, body="/".join(HOOK)),
    )
    for number, fault in enumerate(faults):
        slack_server.faults = [fault] if fault else []
        slack.put(replace(NOTICE, event_id=f"a1-{number}"))
        slack.deliver()
    slack_server.vanish()
    slack.put(replace(NOTICE, event_id="a1-8"))
    slack.deliver()
    with monkeypatch.context() as patch:
        patch.setattr("slack_notifier.channel.slack_message.build", break_down)
        slack.put(replace(NOTICE, event_id="a1-9"))
        slack.deliver()
    assert "a1-3" in log.getvalue()
    assert "KeyError" in log.getvalue()
    dead = json.dumps(slack.dead())
    assert "HTTP 404" in dead
    for part in HOOK:
        for place in (log.getvalue(), everything_stored(slack.aws), dead):
            assert part not in place


def test_being_asked_to_wait_uses_up_no_receives(slack: Queue, slack_server: SlackServer) -> None:
    slack_server.faults.append(
        Fault("status", times=3, status=429, body="rate_limited", headers={"Retry-After": "30"})
    )
    slack.put()
    (message,) = slack.take()
    record = slack.record(message)
    record["attributes"] = {**record["attributes"], "ApproximateReceiveCount": "5"}
    answer = slack.handler({"Records": [record]}, None)
    assert answer == {"batchItemFailures": []}
    assert slack.marker().outcome is None
    wanted = ["ApproximateNumberOfMessagesDelayed"]
    counts = slack.aws("sqs").get_queue_attributes(QueueUrl=slack.url("Queue"), AttributeNames=wanted)
    assert counts["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}
    assert slack.take("Dlq") == []
