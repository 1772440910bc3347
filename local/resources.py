"""Creates a template's resources in the embedded AWS, by its API."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from local.system import ACCOUNT, REGION, System

ClientOf = Callable[[str], Any]


class Clients:
    """boto3 clients of the embedded AWS, one a service, made on first use, with made-up credentials."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._session = boto3.Session()
        self._lock = threading.Lock()  # sessions are not thread-safe, clients are
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of a service, e.g. `dynamodb`."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]
                    region_name=REGION,
                    endpoint_url=self._endpoint,
                    aws_access_key_id="local",
                    aws_secret_access_key="local",
                    config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
                )
            return self._clients[service]


def create(system: System, client_of: ClientOf) -> None:
    """Create tables, buckets, queues, topics and subscriptions."""
    for table in system.tables:
        client_of("dynamodb").create_table(TableName=table.name, **table.definition)
        if table.ttl_attribute:
            client_of("dynamodb").update_time_to_live(
                TableName=table.name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
            )
    for bucket in system.buckets:
        client_of("s3").create_bucket(Bucket=bucket)
    _create_queues(system, client_of)
    for topic in system.topics:
        client_of("sns").create_topic(Name=topic)
    for subscription in system.subscriptions:
        client_of("sns").subscribe(
            TopicArn=subscription.topic,
            Protocol="sqs",
            Endpoint=subscription.queue,
            Attributes=dict(subscription.attributes),
        )


def queue_url(endpoint: str, name: str) -> str:
    """The URL of a queue by its name."""
    return f"{endpoint}/{ACCOUNT}/{name}"


def _create_queues(system: System, client_of: ClientOf) -> None:
    for queue in system.queues:
        attributes = {key: value for key, value in queue.attributes.items() if key != "RedrivePolicy"}
        url = client_of("sqs").create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
        assert url.rpartition("/")[2] == queue.name
    # In a second round, when every dead-letter queue exists.
    for queue in system.queues:
        if policy := queue.attributes.get("RedrivePolicy"):
            url = client_of("sqs").get_queue_url(QueueName=queue.name)["QueueUrl"]
            client_of("sqs").set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
