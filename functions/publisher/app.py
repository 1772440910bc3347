"""From the table's stream to the topic, where each channel's queue takes the changes that are for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from slew import aws, startup
from slew.log import logger

# Of one call of PublishBatch: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html (256 KiB, with
# the attributes, of which each has some 200 bytes).
_TOGETHER, _TOGETHER_BYTES = 10, 200_000


@dataclass(frozen=True)
class Announcement:
    """A change as the topic gets it; `sequence` is its record's number in the stream."""

    sequence: str
    message: str
    attributes: Mapping[str, str]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish the notices of a batch, in order; from the first that fails on, the stream delivers again."""
    startup.done()
    announcements, unreadable = _read(event["Records"])
    failed = _publish(announcements) or unreadable
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}


def _read(records: Sequence[Mapping[str, Any]]) -> tuple[list[Announcement], str | None]:
    """What there is to announce, and the number of the record that cannot be read, where it ends."""
    found: list[Announcement] = []
    for record in records:
        sequence = record["dynamodb"]["SequenceNumber"]
        try:
            announcement = _announcement(sequence, record)
        except Exception:
            logger.exception("an event could not be read", sequence=sequence)
            return found, sequence
        if announcement:
            found.append(announcement)
    return found, None


def _announcement(sequence: str, record: Mapping[str, Any]) -> Announcement | None:
    item = record["dynamodb"].get("NewImage", {})
    if record["eventName"] != "INSERT" or not item.get("sk", {}).get("S", "").startswith("EVENT#"):
        return None
    change = json.loads(item["doc"]["S"])
    notice = change.get("notice")
    if not notice:
        return None
    notify = change.get("notify") or {}
    channel = notify.get("channel", "none") if change["to"] in notify.get("on", ()) else "none"
    attributes = {
        "channel": channel,
        "status": notice["status"],
        "facility": notice["facility"],
        "group": notice.get("group"),
        "event_id": change["event_id"],
        **dict.fromkeys(notify.get("handover", ()), "yes"),
    }
    return Announcement(
        sequence,
        json.dumps(notice, ensure_ascii=False),
        {name: value for name, value in attributes.items() if value},
    )


def _publish(announcements: Sequence[Announcement]) -> str | None:
    """Publish as far as it goes; the number of the first that failed."""
    for together in _batches(announcements):
        try:
            refused = _sent(together)
        except Exception:
            logger.exception("events could not be published", sequence=together[0].sequence)
            return together[0].sequence
        for announcement in together:
            if announcement.sequence in refused:
                why = refused[announcement.sequence]
                logger.error("an event could not be published", sequence=announcement.sequence, why=why)
                return announcement.sequence
            _count(announcement.attributes)
    return None


def _batches(announcements: Sequence[Announcement]) -> Iterator[list[Announcement]]:
    together: list[Announcement] = []
    size = 0
    for announcement in announcements:
        bytes_ = len(announcement.message.encode())
        if together and (len(together) == _TOGETHER or size + bytes_ > _TOGETHER_BYTES):
            yield together
            together, size = [], 0
        together.append(announcement)
        size += bytes_
    if together:
        yield together


def _sent(together: Sequence[Announcement]) -> dict[str, str]:
    """Those that the topic did not take, and why. One by one, each would wait for an answer of SNS."""
    answer = aws.client("sns").publish_batch(
        TopicArn=os.environ["SLEW_TOPIC_ARN"],
        PublishBatchRequestEntries=[
            {
                "Id": each.sequence,
                "Message": each.message,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in each.attributes.items()
                },
            }
            for each in together
        ],
    )
    return {each["Id"]: each.get("Code", "") for each in answer.get("Failed", ())}


def _count(about: Mapping[str, str]) -> None:
    with single_metric(name="StatusChanged", unit=MetricUnit.Count, value=1, namespace="Slew") as metric:
        metric.add_dimension("facility", about["facility"])
        metric.add_dimension("status", about["status"])
    logger.info("published", event_id=about["event_id"], channel=about["channel"], status=about["status"])
