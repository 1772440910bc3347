"""The publisher: the stream's records in, and what of them reaches each channel's queue."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from publisher.app import handler
from slew import aws
from slew.notice import Notice

JSON = dict[str, Any]
EXAMPLE: JSON = json.loads((Path(__file__).parent.parent.parent / "events/publisher-stream.json").read_text())
CHANGE: JSON = json.loads(EXAMPLE["Records"][0]["dynamodb"]["NewImage"]["doc"]["S"])


def record(sequence: int = 1, sk: str = "EVENT#000002", event_name: str = "INSERT", **changes: Any) -> JSON:
    made = copy.deepcopy(EXAMPLE["Records"][0])
    made["eventName"] = event_name
    image = made["dynamodb"]["NewImage"]
    image["sk"] = made["dynamodb"]["Keys"]["sk"] = {"S": sk}
    image["doc"] = {"S": json.dumps({**CHANGE, **changes})}
    made["dynamodb"]["SequenceNumber"] = str(sequence)
    return made  # type: ignore[no-any-return]


class Desk:
    """The topic and its two queues."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws

    def publish(self, *records: JSON) -> list[str]:
        answer = handler({"Records": list(records)}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def queued(self, channel: str) -> list[JSON]:
        sqs = self.aws("sqs")
        url = sqs.get_queue_url(QueueName=f"slew-{channel.capitalize()}Queue")["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        found: list[JSON] = answer.get("Messages", [])
        return found

    def all_queued(self, channel: str) -> list[JSON]:
        found = []
        while messages := self.queued(channel):
            found += messages
        return found


@pytest.fixture
def desk(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    topics = embedded_aws("sns").list_topics()["Topics"]
    (arn,) = [topic["TopicArn"] for topic in topics if topic["TopicArn"].endswith(":slew-Topic")]
    monkeypatch.setenv("SLEW_TOPIC_ARN", arn)
    return Desk(embedded_aws)


def watched(monkeypatch: pytest.MonkeyPatch, refused: Sequence[JSON] = ()) -> list[int]:
    """The size of each call to come; each answers that these were refused."""
    client = aws.client("sns")
    publish = client.publish_batch
    calls: list[int] = []

    def call(TopicArn: str, PublishBatchRequestEntries: list[JSON]) -> JSON:
        calls.append(len(PublishBatchRequestEntries))
        answer = publish(TopicArn=TopicArn, PublishBatchRequestEntries=PublishBatchRequestEntries)
        return {**answer, "Failed": refused}

    monkeypatch.setattr(client, "publish_batch", call)
    return calls


def test_the_example_reaches_slacks_queue_as_the_notice_itself(desk: Desk) -> None:
    assert desk.publish(*EXAMPLE["Records"]) == []
    (message,) = desk.queued("slack")
    assert Notice(**json.loads(message["Body"])) == Notice(**CHANGE["notice"])
    values = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert values == {
        "channel": "slack",
        "status": "submitted",
        "facility": "lco",
        "group": "transients",
        "event_id": CHANGE["event_id"],
    }
    assert desk.queued("email") == []


@pytest.mark.parametrize(
    ("notify", "slack", "email"),
    [
        ({"channel": "slack", "on": ["submitted"]}, 1, 0),
        ({"channel": "email", "on": ["complete", "submitted"]}, 0, 1),
        ({"channel": "slack", "on": ["complete"]}, 0, 0),
        ({"channel": "none", "on": ["submitted"]}, 0, 0),
        ({}, 0, 0),
    ],
)
def test_only_the_wished_statuses_reach_the_wished_channel(
    desk: Desk, notify: JSON, slack: int, email: int
) -> None:
    assert desk.publish(record(notify=notify)) == []
    assert (len(desk.queued("slack")), len(desk.queued("email"))) == (slack, email)


@pytest.mark.parametrize(
    "other",
    [
        record(event_name="MODIFY"),
        record(sk="META"),
        record(sk="NOTICE#a1-000002#slack"),
        record(notice=None),
    ],
)
def test_other_records_are_passed_over(desk: Desk, other: JSON) -> None:
    assert desk.publish(other, record(2)) == []
    assert len(desk.queued("slack")) == 1


def test_a_removal_has_no_image(desk: Desk) -> None:
    removed = record(event_name="REMOVE")
    del removed["dynamodb"]["NewImage"]
    assert desk.publish(removed) == []


def test_from_the_first_that_fails_on_the_stream_delivers_again(desk: Desk) -> None:
    broken = record(2)
    broken["dynamodb"]["NewImage"]["doc"] = {"S": "{"}
    assert desk.publish(record(1), broken, record(3)) == ["2"]
    assert len(desk.queued("slack")) == 1


def test_a_topic_that_cannot_be_reached_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:not-there")
    assert desk.publish(record(7), record(8)) == ["7"]


def test_many_reach_the_queue_each_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = watched(monkeypatch)
    assert desk.publish(*(record(number, event_id=f"a1-{number:06d}") for number in range(1, 14))) == []
    assert calls == [10, 3]
    found = {each["MessageAttributes"]["event_id"]["StringValue"] for each in desk.all_queued("slack")}
    assert found == {f"a1-{number:06d}" for number in range(1, 14)}


def test_large_ones_go_in_several_calls(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = watched(monkeypatch)
    large = {**CHANGE["notice"], "reason": "é" * 40_000}  # 80 kB
    assert desk.publish(*(record(number, notice=large) for number in range(1, 6))) == []
    assert calls == [2, 2, 1]


def test_one_that_the_topic_refuses_is_delivered_again_with_those_after_it(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched(monkeypatch, [{"Id": "2", "Code": "InternalError", "SenderFault": False}])
    assert desk.publish(record(1), record(2), record(3)) == ["2"]
    assert len([line for line in capsys.readouterr().out.splitlines() if "_aws" in line]) == 1
    (error,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert vars(error)["why"] == "InternalError"


def test_each_change_is_counted_for_the_dashboard(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.publish(*EXAMPLE["Records"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metric,) = [line for line in lines if "_aws" in line]
    assert metric["StatusChanged"] == [1.0]
    assert (metric["facility"], metric["status"]) == (
        CHANGE["notice"]["facility"],
        CHANGE["notice"]["status"],
    )
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Slew"
