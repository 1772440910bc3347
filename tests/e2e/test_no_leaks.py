"""A whole run over every facility with a simulator, after which no secret is anywhere it should not be.

Each facility takes what users do with it, and answers some of it with all the secrets that it was sent, in
several forms: log lines, stored items, objects, messages and our own answers are then looked through.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from local import examples
from local.simulators.swift_xrt.accounts import OTHER_USER
from local.stack import Stack
from slew.facility import Facility
from slew.validation import parse
from slew.work import secret_values
from tests.support import finished
from tests.support.leaks import Scanner

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("leaks"), pytest.mark.timeout(600)]
ODD = "p%20\"w'+&=<é>\\/ß"
PRINTABLE = "p%20\"w'+&=<r>\\/s"
HOOK = ("TLEAKS0001", "BLEAKS0001", "aHookThatOnlyThisTestKnows")
EMAIL = "leaks@example.org"
# By facility: what its simulator is told, and what then goes into the altdata.
ACCOUNTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "kait": ({"users": {"kaituser": "~"}}, {"username": "kaituser", "password": "~"}),
    "nicer": (
        {"accounts": [{"user": "leaky", "password": PRINTABLE, "member": True}]},
        {"username": "leaky", "password": PRINTABLE},
    ),
    "slack": (
        {
            "hooks": [dict(zip(("workspace", "service", "token"), HOOK, strict=True))],
            "rate": 1000,
            "burst": 1000,
        },
        dict(zip(examples.HOOK_KEYS, HOOK, strict=True)),
    ),
    "swift_xrt": ({}, {"XRT_UserID": OTHER_USER}),  # the other one's address is no secret elsewhere
    "mma": ({"tokens": [PRINTABLE.replace(" ", "")]}, {"access_token": PRINTABLE.replace(" ", "")}),
}


@dataclass
class Run:
    """The stack, what it was told, and what it answered."""

    stack: Stack
    facilities: list[Facility]
    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)
    requests: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as an administrator, and keep the answer."""
        reply = requests.request(
            method,
            self.stack.url + path,
            json=body,
            headers={"Authorization": f"Bearer {self.stack.token}"},
            timeout=60,
        )
        self.answers.append((f"{method} {path}", f"{dict(reply.headers)}\n{reply.text}"))
        return reply

    def control(self, facility: str, path: str, body: Any) -> None:
        """Tell a simulator something."""
        reply = requests.post(self.stack.simulators[facility].url + path, json=body, timeout=30)
        assert reply.ok, (facility, path, reply.text)

    def fail(self, facility: str, status: int, method: str | None = None) -> None:
        """Have the next answer of a facility tell all its secrets."""
        own = [
            value
            for name, value in self.secrets.items()
            if name.startswith(f"{facility}.") and not name.endswith(".webhook")
        ]
        told = " ".join(
            form
            for each in own
            for form in (
                f"password={quote(each, safe='')}",
                base64.b64encode(f"user:{each}".encode()).decode(),
                json.dumps({"detail": {"key": each}}),
                f"<Password>{each.replace('&', '&amp;').replace('<', '&lt;')}</Password>",
            )
        )
        echo = " ".join(f"password={quote(each, safe='')}" for each in own)[:900]
        fault = {"kind": "status", "status": status, "body": told, "headers": {"X-Echo": echo}}
        self.control(facility, "/_fault", {**fault, **({"method": method} if method else {})})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    facilities = finished.facilities()
    with finished.stack(tmp_path_factory.mktemp("stack"), facilities) as stack:
        run = Run(stack, facilities)
        run.secrets["token"] = stack.token
        _tap(run)
        for facility in facilities:
            _use(run, facility)
        for _ in range(2):
            stack.advance(600)
        for facility in facilities:
            _read(run, facility)
        yield run


def _tap(run: Run) -> None:
    """A queue of our own that gets every message of the topic."""
    sqs, sns = run.stack.client("sqs"), run.stack.client("sns")
    url = sqs.create_queue(QueueName="tap")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)


def _use(run: Run, facility: Facility) -> None:
    """Everything a user does, and a facility that answers with secrets."""
    example = examples.examples(run.stack.simulators)[facility.id]
    told, altdata = ACCOUNTS.get(facility.id, ({}, {}))
    if told:
        run.control(facility.id, "/_config", told)
    if "port" in example.allocation["altdata"]:  # an address that users give
        at = urlsplit(run.stack.simulators[facility.id].url)
        altdata = {**altdata, "protocol": at.scheme, "host": at.hostname, "port": str(at.port)}
    altdata = {**example.allocation["altdata"], **altdata}
    values = secret_values(parse(facility.Altdata, altdata))
    run.secrets |= {f"{facility.id}.{number}": value for number, value in enumerate(values) if value}
    notify = {"notification_type": "slack", **dict(zip(examples.HOOK_KEYS, HOOK, strict=True))}
    handover = {"webhook": {"url": "https://broker.example.org/x", "secret": f"{facility.id}-webhook-{ODD}"}}
    run.secrets[f"{facility.id}.webhook"] = handover["webhook"]["secret"]
    base = f"/facilities/{facility.id}"
    allocation = {**example.allocation, "altdata": altdata, "notify": notify, "handover": handover}
    id = allocation["id"]
    reply = run.call("POST", f"{base}/allocations", allocation)
    if reply.status_code != 201:
        run.left_out[facility.id] = reply.text
        return
    run.call("POST", f"{base}/allocations", {**allocation, "altdata": {**altdata, "x": values[0]}})
    run.call(
        "PATCH", f"{base}/allocations/{id}", {"altdata": {"nonsense": values}, "notify": {"slack_token": ODD}}
    )
    run.call("GET", f"{base}/allocations/{id}")
    run.call("POST", f"{base}/allocations/{id}/verify")
    run.fail(facility.id, 500)
    run.call("POST", f"{base}/allocations/{id}/verify")
    request = {**example.request, "requester": {"username": "o", "name": "O", "email": EMAIL}}
    collection = "plans" if facility.takes_plans and "requests" not in facility.collections else "requests"
    for mode in ("true", "facility"):
        run.call("POST", f"{base}/{collection}?dry_run={mode}", request)
    for status in (400, 500, None):
        if status:
            run.fail(facility.id, status, "POST")
        reply = run.call("POST", f"{base}/{collection}", {**request, "comment": f"with {values[0]} in it"})
        requests.delete(f"{run.stack.simulators[facility.id].url}/_fault", timeout=30)
        if reply.status_code >= 300:
            run.left_out[facility.id] = reply.text
            return
        run.requests.setdefault(facility.id, []).append(f"{base}/{collection}/{reply.json()['id']}")
    last = run.requests[facility.id][-1]
    if reply.json()["status"] in ("rejected", "failed"):
        run.left_out[facility.id] = reply.text
    run.fail(facility.id, 500, "GET")
    run.call("POST", f"{last}/refresh")
    run.call("POST", f"{last}/refresh")
    run.call("PUT", last, {"payload": example.request["payload"]})
    run.call("DELETE", last)


def _read(run: Run, facility: Facility) -> None:
    for path in run.requests.get(facility.id, []):
        shared = f"/requests/{path.rpartition('/')[2]}"
        for each in (path, shared, f"{shared}/transactions", f"{shared}/products", f"{shared}/photometry"):
            run.call("GET", each)
    for path in ("/allocations?limit=200", "/requests?limit=200", "/tokens", f"/facilities/{facility.id}"):
        run.call("GET", path)


def test_every_finished_facility_took_part(run: Run) -> None:
    assert not run.left_out
    assert {each.id for each in run.facilities} >= {"atlas_forced_photometry", "generic", "kait", "lco", "lt"}
    assert len(run.secrets) > len(run.facilities)
    assert len(run.answers) > 10 * len(run.facilities)


def test_the_scanner_would_have_found_them(run: Run) -> None:
    for name, secret in run.secrets.items():
        for text in (json.dumps({"k": secret}), f"k={quote(secret, safe='')}&x=1"):
            scanner = Scanner({name: secret})
            scanner.text("planted", text)
            assert [leak.secret for leak in scanner.leaks] == [name]


def test_no_answer_has_a_secret(run: Run) -> None:
    scanner = Scanner(run.secrets)
    for place, text in run.answers:
        scanner.text(place, text)
    assert not scanner.leaks


def test_no_log_line_and_no_exception_has_a_secret(run: Run) -> None:
    scanner = Scanner(run.secrets)
    for path in sorted(Path(run.stack._logs).glob("*Function.log")):
        for line in path.read_text(encoding="utf-8").splitlines():
            scanner.text(path.name, line)
    assert not scanner.leaks
    assert scanner.scanned > 1000


def test_no_stored_item_has_a_secret(run: Run) -> None:
    scanner = Scanner(run.secrets)
    (table,) = run.stack.system.tables
    for page in run.stack.client("dynamodb").get_paginator("scan").paginate(TableName=table.name):
        for item in page["Items"]:
            texts = [str(value.get("S") or value.get("N") or value) for value in item.values()]
            scanner.text(f"{item['pk']['S']} {item['sk']['S']}", "\n".join(texts))
    assert not scanner.leaks
    assert scanner.scanned > 10_000


def test_no_object_has_a_secret(run: Run) -> None:
    scanner = Scanner(run.secrets)
    client = run.stack.client("s3")
    for bucket in run.stack.system.buckets:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                content = client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                scanner.content(entry["Key"], content[:1_000_000])
    assert not scanner.leaks


def test_no_message_has_a_secret(run: Run) -> None:
    scanner = Scanner(run.secrets)
    client = run.stack.client("sqs")
    for url in client.list_queues()["QueueUrls"]:
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                scanner.text(url.rpartition("/")[2], message["Body"])
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert not scanner.leaks
    assert scanner.scanned > 10_000
