"""The embedded AWS, the simulators and the functions, without the rest of the local stack.

Its pumps, schedules and gateway would be at work beside what is measured.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.artifacts import WORKDIR, Artifacts
from local import apigateway, resources, settings, template
from local.processes import Children, Service
from local.resources import Clients
from local.runtime import Runtime
from local.settings import SimulatorUrls
from local.system import Function, System

BARE, LIBRARIES = "BareFloor", "LibrariesFloor"
PRINCIPAL = {
    "principal_id": "0123456789abcdef",
    "name": "Benchmark",
    "role": "admin",
    "groups": "",
    "username": "benchmark",
    "email": "benchmark@example.org",
}


@dataclass(frozen=True)
class Measured:
    """One invocation, in seconds.

    `total_s` is taken outside, at the Runtime API's host. `waited_s` went to the embedded AWS and simulators.
    `cpu_s` is the process's own, from its start if this is its first. `init_s` is of cold starts only.
    """

    answer: Any
    total_s: float
    waited_s: float
    cpu_s: float
    init_s: float | None = None


class Bench:
    """The running system."""

    def __init__(
        self, system: System, runtime: Runtime, client: Clients, simulators: Mapping[str, SimulatorUrls]
    ) -> None:
        self.system = system
        self.client = client
        self.simulators = simulators
        self._runtime = runtime

    def cold(self, function: str, event: Any) -> Measured:
        """From the start of a new process to its first answer."""
        self._runtime.recycle(function)
        began = time.time()
        measured, ready_at = self._timed(function, event)
        return replace(measured, init_s=ready_at - began)

    def warm(self, function: str, event: Any) -> Measured:
        """From giving the event to a process that has one behind it, to its answer."""
        return self._timed(function, event)[0]

    def retire(self, function: str) -> None:
        """End the function's processes."""
        self._runtime.recycle(function)

    def http_event(
        self, method: str, target: str, body: Any = None, key: str | None = None
    ) -> dict[str, Any]:
        """What API Gateway sends for a request of an admin."""
        headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("x-amzn-trace-id", f"Root=1-{uuid.uuid4().hex}"),
        ]
        headers += [("idempotency-key", key)] if key else []
        content = json.dumps(body).encode() if body is not None else b""
        request = apigateway.Request(method, target, headers, content)
        found = apigateway.match(self.system.routes, method, request.path)
        assert found, target
        return apigateway.event(request, found, datetime.now(UTC), PRINCIPAL)

    def configure(self, simulator: str, wanted: Mapping[str, Any]) -> None:
        """`POST /_config` of a simulator."""
        post(f"{self.simulators[simulator].url}/_config", wanted)

    def records(self) -> set[tuple[str, str]]:
        """The keys of all items of the table."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self._table)
        return {(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]}

    def tidy(self, kept: set[tuple[str, str]]) -> None:
        """Remove the other items: the embedded AWS's transactions take the longer the more there are."""
        for pk, sk in self.records() - kept:
            self.client("dynamodb").delete_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    @property
    def _table(self) -> str:
        (table,) = self.system.tables
        return table.name

    def _timed(self, function: str, event: Any) -> tuple[Measured, float]:
        payload = json.dumps(event).encode()
        started = time.perf_counter()
        result = self._runtime.invoke(function, payload)
        total = time.perf_counter() - started
        told = result.json()
        if result.failed:
            raise SystemExit(f"{function} failed: {told}; its log is in {WORKDIR / 'logs'}")
        return Measured(told["answer"], total, told["waited_s"], told["cpu_s"]), told["ready_at"]


@contextmanager
def running(artifacts: Artifacts) -> Iterator[Bench]:
    """The system of the built template."""
    logs = WORKDIR / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        private = Path(cleanup.enter_context(TemporaryDirectory(prefix="slew-bench-")))
        children = Children()
        cleanup.callback(children.close)
        services = [
            Service("local.aws", ["0", str(private / "clock")], children, logs),
            Service("local.simulators", [], children, logs),
        ]
        for service in services:
            cleanup.callback(service.close)
        aws, simulators = (service.ready() for service in services)
        urls = {name: SimulatorUrls(**each) for name, each in simulators.items()}
        values = settings.parameters(template.parse(artifacts.template), urls, {"SwiftXrtMaxJobs": "0"})
        system = template.load(artifacts.template, values, aws["url"])
        client = Clients(aws["url"])
        resources.create(system, client)
        post(f"{aws['url']}/_ses/config", {"identities": [values["EmailIdentity"]]})
        functions = [*_floors(artifacts), *system.functions]
        runtime = Runtime(
            [_probed(function, artifacts) for function in functions],
            children=children,
            environment={"AWS_ENDPOINT_URL": aws["url"]},
            logs=logs,
            python=str(artifacts.python),
        )
        cleanup.callback(runtime.close)
        yield Bench(system, runtime, client, urls)


def _floors(artifacts: Artifacts) -> list[Function]:
    modules = {BARE: "floor_bare", LIBRARIES: "floor_libraries"}
    return [
        Function(name, f"{module}.handler", artifacts.handlers, (artifacts.layer,), timeout_s=30.0)
        for name, module in modules.items()
    ]


def _probed(function: Function, artifacts: Artifacts) -> Function:
    return replace(
        function,
        handler="probe.handler",
        layers=(*function.layers, artifacts.handlers),
        environment={**function.environment, "SLEW_BENCH_HANDLER": function.handler},
    )


def post(url: str, body: Mapping[str, Any], method: str = "POST") -> None:
    """POST (or DELETE) with a JSON object."""
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=30) as answer:
        answer.read()
