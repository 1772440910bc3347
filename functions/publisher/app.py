"""From the table's stream to the topic, where each channel's queue takes the changes that are for it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from slew import aws, startup
from slew.log import logger


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish the notices of a batch, in order; from the first that fails on, the stream delivers again."""
    startup.done()
    for record in event["Records"]:
        sequence = record["dynamodb"]["SequenceNumber"]
        try:
            _publish(record)
        except Exception:
            logger.exception("an event could not be published", sequence=sequence)
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
    return {"batchItemFailures": []}


def _publish(record: Mapping[str, Any]) -> None:
    item = record["dynamodb"].get("NewImage", {})
    if record["eventName"] != "INSERT" or not item.get("sk", {}).get("S", "").startswith("EVENT#"):
        return
    change = json.loads(item["doc"]["S"])
    notice = change.get("notice")
    if not notice:
        return
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
    aws.client("sns").publish(
        TopicArn=os.environ["SLEW_TOPIC_ARN"],
        Message=json.dumps(notice, ensure_ascii=False),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    )
    with single_metric(name="StatusChanged", unit=MetricUnit.Count, value=1, namespace="Slew") as metric:
        metric.add_dimension("facility", notice["facility"])
        metric.add_dimension("status", notice["status"])
    logger.info("published", event_id=change["event_id"], channel=channel, status=notice["status"])
