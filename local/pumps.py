"""Event source mappings: a table's stream and queues as sources of functions.

Each pump has a thread that works off whatever there is when the embedded AWS reports a change, or a second
has passed (a message may have become visible). `drain()` does the same in the caller's thread until nothing
is left.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from local import filters
from local.resources import ClientOf, queue_url
from local.runtime import Result, Runtime, Throttled
from local.system import REGION, QueueMapping, StreamMapping, System, arn

LOG = logging.getLogger(__name__)
IDLE_S = 1.0
RETRY_PAUSE_S = (0.05, 1.0)  # first, longest; doubled in between. (Lambda's own pauses are longer.)
RETRIES_AT_ONCE = 5  # of a batch that may be retried for ever


class Pump(ABC):
    """A source of one function; `source` is the kind of change that may have brought it something."""

    source: str

    def __init__(self, function: str, runtime: Runtime) -> None:
        self.function = function
        self.handled = 0  # records ever worked off: how `drain()` knows that a pass found nothing
        self._runtime = runtime
        self._lock = threading.Lock()

    def sweep(self) -> None:
        """Work off what is there now."""
        with self._lock:
            while count := self._step():
                self.handled += count

    @abstractmethod
    def _step(self) -> int:
        """Work off one batch; the number of records that are done with."""

    def _invoke(self, records: Sequence[dict[str, Any]]) -> Result:
        event = json.dumps({"Records": records}, default=_encode).encode()
        try:
            result = self._runtime.invoke(self.function, event)
        except Throttled:
            result = Result(b'{"errorType": "TooManyRequestsException"}', failed=True)
        if result.failed:
            LOG.warning(
                "%s failed on %d record(s): %s", self.function, len(records), result.payload.decode()[:500]
            )
        return result


class StreamPump(Pump):
    """A table's stream, in order: a batch that fails is tried again before anything else is."""

    source = "streams"

    def __init__(self, mapping: StreamMapping, runtime: Runtime, client_of: ClientOf) -> None:
        super().__init__(mapping.function, runtime)
        for pattern in mapping.patterns:
            filters.check(pattern)
        self._mapping = mapping
        self._client_of = client_of
        self._streams = client_of("dynamodbstreams")
        (self._stream,) = self._streams.list_streams(TableName=mapping.table)["Streams"]
        self._shard = self._streams.describe_stream(StreamArn=self._stream["StreamArn"])["StreamDescription"][
            "Shards"
        ]
        self._after: str | None = None

    def _step(self) -> int:
        records = self._read()
        wanted = [record for record in records if self._is_wanted(record)]
        size = self._mapping.batch_size
        for batch in (wanted[start : start + size] for start in range(0, len(wanted), size)):
            stuck_at = self._process(batch)
            if stuck_at is not None:
                done = [record for record in records if _sequence(record) < stuck_at]
                self._after = done[-1]["dynamodb"]["SequenceNumber"] if done else self._after
                return 0
            self._after = batch[-1]["dynamodb"]["SequenceNumber"]
        if records:
            self._after = records[-1]["dynamodb"]["SequenceNumber"]
        return len(records)

    def _read(self) -> list[dict[str, Any]]:
        # A new iterator each time: moto's keep the shard object, which it swaps for a copy when a transaction
        # fails.
        position = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._after}
            if self._after
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = self._streams.get_shard_iterator(
            StreamArn=self._stream["StreamArn"], ShardId=self._shard[0]["ShardId"], **position
        )["ShardIterator"]
        records: list[dict[str, Any]] = self._streams.get_records(ShardIterator=iterator, Limit=1000)[
            "Records"
        ]
        return records

    def _is_wanted(self, record: dict[str, Any]) -> bool:
        patterns = self._mapping.patterns
        return not patterns or any(filters.matches(pattern, record) for pattern in patterns)

    def _process(self, batch: list[dict[str, Any]]) -> int | None:
        """Deliver a batch or give it up; the sequence number it is stuck at, if it may not be given up."""
        attempts, pause = 0, RETRY_PAUSE_S[0]
        while batch:
            attempts += 1
            left = self._deliver(batch)
            if not left:
                return None
            if len(left) < len(batch):
                attempts = 0  # the checkpoint moved: what is left is a new batch
            batch = left
            if 0 <= self._mapping.max_retries < attempts:
                self._give_up(batch, attempts)
                return None
            if self._mapping.max_retries < 0 and attempts > RETRIES_AT_ONCE:
                return _sequence(batch[0])
            if self._mapping.bisect and len(batch) > 1:
                middle = len(batch) // 2
                stuck_at = self._process(batch[:middle])
                return self._process(batch[middle:]) if stuck_at is None else stuck_at
            time.sleep(pause)
            pause = min(2 * pause, RETRY_PAUSE_S[1])
        return None

    def _deliver(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Invoke the function; what is left to do, from the first record that failed."""
        result = self._invoke([self._event_of(record) for record in batch])
        if result.failed or not self._mapping.report_failures:
            return batch if result.failed else []
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        failed = failed_items(result, numbers)
        return batch[min(map(numbers.index, failed)) :] if failed else []

    def _event_of(self, record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "awsRegion": REGION, "eventSourceARN": self._stream["StreamArn"]}

    def _give_up(self, batch: list[dict[str, Any]], attempts: int) -> None:
        LOG.error("%s gave up %d record(s) after %d attempts", self.function, len(batch), attempts)
        if not self._mapping.on_failure:
            return
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        message = {
            "version": "1.0",
            "requestContext": {
                "functionArn": arn("lambda", f"function:{self.function}"),
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempts,
            },
            "DDBStreamBatchInfo": {
                "shardId": self._shard[0]["ShardId"],
                "startSequenceNumber": numbers[0],
                "endSequenceNumber": numbers[-1],
                "batchSize": len(batch),
                "streamArn": self._stream["StreamArn"],
            },
        }
        url = self._client_of("sqs").get_queue_url(QueueName=self._mapping.on_failure.rpartition(":")[2])[
            "QueueUrl"
        ]
        self._client_of("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))


class QueuePump(Pump):
    """A queue. What fails comes back after its visibility time-out, and in the end is a dead letter."""

    source = "queues"

    def __init__(self, mapping: QueueMapping, runtime: Runtime, client_of: ClientOf, endpoint: str) -> None:
        super().__init__(mapping.function, runtime)
        self._mapping = mapping
        self._sqs = client_of("sqs")
        self._url = queue_url(endpoint, mapping.queue)

    def _step(self) -> int:
        messages = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self._mapping.batch_size, 10),
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return 0
        result = self._invoke([self._event_of(message) for message in messages])
        failed = {message["MessageId"] for message in messages} if result.failed else set()
        if self._mapping.report_failures and not result.failed:
            failed = failed_items(result, [message["MessageId"] for message in messages])
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def _event_of(self, message: dict[str, Any]) -> dict[str, Any]:
        attributes = {
            name: {
                "dataType": value["DataType"],
                "stringListValues": [],
                "binaryListValues": [],
                **({"stringValue": value["StringValue"]} if "StringValue" in value else {}),
                **({"binaryValue": value["BinaryValue"]} if "BinaryValue" in value else {}),
            }
            for name, value in message.get("MessageAttributes", {}).items()
        }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": attributes,
            "md5OfBody": hashlib.md5(message["Body"].encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": arn("sqs", self._mapping.queue),
            "awsRegion": REGION,
        }


def failed_items(result: Result, ids: Sequence[str]) -> set[str]:
    """What `ReportBatchItemFailures` means: naming anything but the batch's items fails all of it.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    answer = result.json()
    try:
        failures = [item["itemIdentifier"] for item in (answer or {}).get("batchItemFailures") or []]
    except (AttributeError, KeyError, TypeError):
        return set(ids)
    return set(ids) if set(failures) - set(ids) else set(failures)


class Pumps:
    """All pumps of a stack, and their threads."""

    def __init__(self, system: System, runtime: Runtime, client_of: ClientOf, endpoint: str) -> None:
        self._endpoint = endpoint
        self._ending = threading.Event()
        streams = [StreamPump(mapping, runtime, client_of) for mapping in system.streams]
        queues = [QueuePump(mapping, runtime, client_of, endpoint) for mapping in system.queue_mappings]
        self.pumps: list[Pump] = [*streams, *queues]
        self._threads = [
            threading.Thread(target=self._run, args=(pump,), name=f"pump-{pump.function}", daemon=True)
            for pump in self.pumps
        ]

    def start(self) -> None:
        """Begin to pump in the background."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more: the threads end with what they are at, or with the embedded AWS."""
        self._ending.set()

    def drain(self) -> None:
        """Work off everything that is visible, and what comes of it."""
        while True:
            before = self._handled()
            for pump in self.pumps:
                pump.sweep()
            # A pump's own thread may have been busy and have written meanwhile: then once more.
            if self._handled() == before:
                return

    def _handled(self) -> int:
        return sum(pump.handled for pump in self.pumps)

    def _run(self, pump: Pump) -> None:
        changes = Changes(self._endpoint, pump.source)
        while not self._ending.is_set():
            try:
                pump.sweep()
                changes.wait(IDLE_S)
            except Exception:
                if not self._ending.is_set():
                    LOG.exception("the pump of %s", pump.function)
                    self._ending.wait(IDLE_S)


class Changes:
    """Waits until the embedded AWS reports a change."""

    def __init__(self, endpoint: str, source: str) -> None:
        self._source = source
        parts = urlsplit(endpoint)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        self._seen = -1

    def wait(self, seconds: float) -> None:
        """Wait for a change since the last call, at most that long."""
        try:
            self._connection.request(
                "GET", f"/_aws/changes?of={self._source}&since={self._seen}&wait_s={seconds}"
            )
            self._seen = json.loads(self._connection.getresponse().read())["changes"]
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


def _sequence(record: dict[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _encode(value: Any) -> Any:
    """What JSON lacks: times are Unix seconds, bytes are base64."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"cannot encode {type(value)}")
