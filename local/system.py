"""What a stack is made of: the parts of the template that matter on one machine, as dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"  # the embedded AWS's only account
REGION = "us-east-1"


def arn(service: str, name: str) -> str:
    """The ARN of a resource of this account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


@dataclass(frozen=True)
class Function:
    """A Lambda function. `name` is its logical id; `layers` are directories for PYTHONPATH."""

    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...] = ()
    timeout_s: float = 3.0
    memory_mb: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    runtime: str = "python3.13"


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API. `method` is a verb or `ANY`; the path of the catch-all is `$default`."""

    method: str
    path: str
    function: str
    authorizer: str | None = None

    @property
    def key(self) -> str:
        """The route's key as events name it."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class Schedule:
    """A schedule: `rate(...)`, `cron(...)`; `input` is the event, a JSON text."""

    name: str
    expression: str
    function: str
    input: str = "{}"


@dataclass(frozen=True)
class StreamMapping:
    """A table's stream as a function's source. `patterns` are event filters, any of which will do."""

    function: str
    table: str
    batch_size: int = 100
    patterns: tuple[Mapping[str, Any], ...] = ()
    report_failures: bool = False
    bisect: bool = False
    max_retries: int = -1
    on_failure: str | None = None


@dataclass(frozen=True)
class QueueMapping:
    """A queue as a function's source."""

    function: str
    queue: str
    batch_size: int = 10
    report_failures: bool = False


@dataclass(frozen=True)
class Table:
    """A DynamoDB table; `definition` holds the arguments of CreateTable."""

    name: str
    definition: Mapping[str, Any]
    ttl_attribute: str | None = None


@dataclass(frozen=True)
class Queue:
    """An SQS queue; `attributes` as CreateQueue takes them."""

    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Subscription:
    """A queue's subscription to a topic; both by ARN, `attributes` as Subscribe takes them."""

    topic: str
    queue: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class System:
    """All of it."""

    functions: tuple[Function, ...]
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    streams: tuple[StreamMapping, ...]
    queue_mappings: tuple[QueueMapping, ...]
    tables: tuple[Table, ...]
    topics: tuple[str, ...]
    queues: tuple[Queue, ...]
    subscriptions: tuple[Subscription, ...]
    buckets: tuple[str, ...]
    parameters: Mapping[str, str]
