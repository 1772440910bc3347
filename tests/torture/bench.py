"""The bench: embedded AWS and simulators as processes, functions as forks, and a table of its own a case."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import requests

from local import resources, settings, template
from local.clock import Clock
from local.examples import Example, examples
from local.processes import Children, Service
from local.resources import Clients
from local.settings import SimulatorUrls
from local.simulators import ses
from slew import aws, mail, redact
from tests.conftest import ROOT
from tests.support.calls import Client, Handler, Reply
from tests.torture.injector import Kill
from tests.torture.workers import Done, Job, Warm, once

JSON = dict[str, Any]
SERVICES = ("dynamodb", "secretsmanager", "s3", "sqs", "sns")
SES = "ses"
"""Where mail arrives, among the simulators' names; it is the embedded AWS's."""
ANNOUNCING = ("publisher", "slack_notifier", "email_notifier", "webhook_handover", "skyportal_handover")


class Bench:
    """What lasts for all cases of a test process."""

    def __init__(self, workdir: Path, stack: ExitStack) -> None:
        self.log = workdir / "functions.log"
        children = Children()
        stack.callback(children.close)
        self.clock = Clock(workdir / "clock")
        service = Service("local.aws", ["0", str(self.clock.path)], children, workdir)
        stack.callback(service.close)
        simulators = Service("local.simulators", [], children, workdir)
        stack.callback(simulators.close)
        self.endpoint: str = service.ready()["url"]
        self.clients = Clients(self.endpoint)
        self.simulators = {name: SimulatorUrls(**urls) for name, urls in simulators.ready().items()}
        self.examples: dict[str, Example] = examples(self.simulators)
        source = template.parse(ROOT / "template.yaml")
        values = settings.parameters(source, self.simulators, {})
        self.system = template.load(ROOT / "template.yaml", values, self.endpoint)
        resources.create(self.system, self.clients)
        self._post(f"{self.endpoint}/_ses/config", {"identities": [values["EmailIdentity"]]})
        self.functions = {each.handler.partition(".")[0]: each for each in self.system.functions}
        os.environ.update(
            {
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": self.endpoint,
                "SLEW_CLOCK_FILE": str(self.clock.path),
            }
        )
        for name in (*self.examples, *ANNOUNCING):
            import_module(f"{name}.app")
        aws.client.cache_clear()
        for name in SERVICES:
            aws.client(name)
        mail.client.cache_clear()
        mail.client()
        redact.use(redact.Redactor())
        self._count = 0
        self._offset = 0.0
        self.warm = self.new_warm(stack)

    def new_warm(self, stack: ExitStack) -> Warm:
        """One more warm process."""
        warm = Warm(self.log)
        stack.callback(warm.close)
        return warm

    @contextmanager
    def case(self, facility: str, seed: int = 0) -> Iterator[Case]:
        """A case: a table of its own, its facility's simulator and Slack's as new, the clock at now."""
        self._count += 1
        table = f"case-{os.getpid()}-{self._count}"
        definition = self.system.tables[0].definition
        self.clients("dynamodb").create_table(TableName=table, **definition)
        self.move(-self._offset)
        for name in {facility, "slack"}:
            self.simulate(name, "POST", "/_reset")
        self.simulate("slack", "POST", "/_config", {"rate": 1000, "burst": 1000})
        requests.delete(f"{self.endpoint}/_ses/outbox", timeout=30)
        try:
            yield Case(self, facility, table, f"{self._count:05d}", random.Random(seed), facility)
        finally:
            self.clients("dynamodb").delete_table(TableName=table)

    def move(self, seconds: float) -> None:
        """Move everybody's clock, also back."""
        self._offset += seconds
        self.clock._write(self._offset)
        self.simulate("slack", "POST", "/_clock", {"advance_s": seconds})  # they share one clock

    @property
    def now(self) -> datetime:
        """The bench's time."""
        return datetime.fromtimestamp(self.clock.time(), UTC)

    def simulate(self, name: str, method: str, path: str, body: Any = None) -> Any:
        """Call a simulator's control route."""
        answer = requests.request(method, self.simulators[name].url + path, json=body, timeout=30)
        assert answer.ok, f"{name}{path}: {answer.text}"
        return answer.json()

    def mails(self) -> list[JSON]:
        """The mails that SES has taken, as a simulator's journal would have them."""
        outbox = requests.get(f"{self.endpoint}/_ses/outbox", timeout=30).json()
        entry = {"method": "POST", "path": ses.SEND_PATH, "query": ""}
        return [{**entry, "body": f"{each['subject']}\n{each['text']}", "at": each["at"]} for each in outbox]

    @staticmethod
    def _post(url: str, body: JSON) -> None:
        requests.post(url, json=body, timeout=30).raise_for_status()


@dataclass
class Case:
    """One experiment on one request."""

    bench: Bench
    facility: str
    table: str
    number: str
    random: random.Random
    arrives_at: str
    request_id: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: str = ""
    remaining_s: float | None = None

    # -- invoking

    def job(self, function: str, event: Mapping[str, Any]) -> Job:
        """An invocation of a function as the template configures it, on this case's table."""
        found = self.bench.functions[function]
        environment = {**found.environment, "SLEW_TABLE": self.table, **self.environment}
        return Job(function, event, environment, self.remaining_s or found.timeout_s, self.prepare)

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """In the warm process; what the handler answers."""
        return self.bench.warm(self.job(function, event)).answer

    def invoke_once(self, function: str, event: Mapping[str, Any], kill: Kill | None = None) -> Done:
        """In a process of its own, killed where `kill` says. Raises Killed."""
        return once(self.job(function, event), self.bench.log, kill)

    def client(self, handler: Handler | None = None) -> Client:
        """Calls of the facility's API, as an administrator."""
        return Client(handler or (lambda event, context: self.invoke(self.facility, event)))

    def tick(self) -> JSON:
        """One tick of the facility's schedule."""
        found: JSON = self.invoke(self.facility, {"action": "poll"})
        return found

    def advance(self, seconds: float) -> None:
        """Let time pass, and tick."""
        self.bench.move(seconds)
        self.tick()

    # -- the API

    @property
    def path(self) -> str:
        """The facility's part of the API."""
        return f"/facilities/{self.facility}"

    @property
    def example(self) -> Example:
        """The facility's example."""
        return self.bench.examples[self.facility]

    @property
    def allocation_id(self) -> str:
        """The id of this case's allocation."""
        return f"allocation-{self.number}"

    @property
    def key(self) -> dict[str, str]:
        """The idempotency key, as a header."""
        return {"Idempotency-Key": f"key-{self.number}"}

    def allocate(
        self, notify: JSON | None = None, altdata: JSON | None = None, handover: JSON | None = None
    ) -> None:
        """Make the example's allocation."""
        example = self.example.allocation
        body = {**example, "id": self.allocation_id, "altdata": {**example["altdata"], **(altdata or {})}}
        if notify:
            body["notify"] = notify
        if handover:
            body["handover"] = handover
        reply = self.client()("POST", f"{self.path}/allocations", body)
        assert reply.status == 201, reply.text

    def submit(self, body: JSON, handler: Handler | None = None) -> Reply:
        """Submit under this case's key."""
        whole = {**body, "allocation_id": self.allocation_id}
        reply = self.client(handler)("POST", f"{self.path}/requests", whole, self.key)
        if reply.status < 300:
            self.request_id = reply.json["id"]
        return reply

    def call(self, method: str, more: str = "", body: Any = None, handler: Handler | None = None) -> Reply:
        """Call the request's routes."""
        return self.client(handler)(method, f"{self.path}/requests/{self.request_id}{more}", body)

    # -- what is there

    def items(self) -> list[JSON]:
        """Every item of the table, its document read."""
        found: list[JSON] = []
        for page in (
            self.bench.clients("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.table, ConsistentRead=True)
        ):
            for item in page["Items"]:
                doc = json.loads(item["doc"]["S"]) if "doc" in item else {}
                found.append({"pk": item["pk"]["S"], "sk": item["sk"]["S"], "doc": doc})
        return found

    def record(self) -> JSON:
        """The request's record."""
        (found,) = [
            each["doc"] for each in self.items() if each["pk"].startswith("REQUEST#") and each["sk"] == "META"
        ]
        return dict(found)

    def journal(self, name: str | None = None) -> list[JSON]:
        """What a simulator has seen: the one where this case's requests arrive, or another."""
        if (name := name or self.arrives_at) == SES:
            return self.bench.mails()
        found: list[JSON] = self.bench.simulate(name, "GET", "/_journal")
        return found
