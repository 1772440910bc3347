"""The demonstration's own checks can fail: a second trigger is counted, a leak is found."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from local.console import Console
from local.demo_api import Api, Checks, Failure, await_that
from local.demo_record import Record, function_logs, leaks
from local.demo_script import Plan, plans, secrets
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer

NOW = datetime(2026, 11, 22, 17, tzinfo=UTC)
SECRET = "c0ffee00/1111-2222"


@pytest.fixture
def endpoint() -> Iterator[EndpointServer]:
    server = EndpointServer()
    server.start()
    yield server
    server.stop()


def plan(label: str) -> Plan:
    return next(each for each in plans(NOW, "http://x/api/requests") if each.label == label)


def test_each_trigger_is_counted(endpoint: EndpointServer) -> None:
    record = Record({"generic": endpoint.url}, "http://unused")
    assert record.triggers(plan("generic (API)")) == []
    body = {"obj_id": "SN 2023ixf", "allocation_id": 7, "payload": {}}
    for _ in range(2):
        requests.post(
            f"{endpoint.url}/api/requests",
            json=body,
            headers={"Authorization": f"token {DEMO_TOKEN}"},
            timeout=10,
        ).raise_for_status()
    assert len(record.triggers(plan("generic (API)"))) == 2


def test_an_unreachable_book_is_a_failure() -> None:
    with pytest.raises(Failure, match="_journal"):
        Record({"generic": "http://127.0.0.1:1"}, "").triggers(plan("generic (API)"))


@pytest.mark.parametrize(
    "text",
    [
        f"token {SECRET}",
        "q=c0ffee00%2F1111-2222",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_leak_is_found_in_every_form(text: str) -> None:
    assert leaks([SECRET], {"an answer": ["fine"], "a log": ["fine", f"<{text}>"]}) == ["a log"]


def test_what_is_redacted_is_no_leak() -> None:
    assert leaks([SECRET], {"a log": ["token ********"]}) == []


def test_only_the_functions_logs_are_read(tmp_path: Path) -> None:
    (tmp_path / "LcoFunction.log").write_text("one")
    (tmp_path / "local.simulators.log").write_text("two")
    assert function_logs(tmp_path) == ["one"]


def test_every_credential_of_an_allocation_is_known() -> None:
    every = {secret for each in plans(NOW, "http://x") for secret in secrets(each.allocation)}
    assert DEMO_TOKEN in every
    assert len(every) == 11  # three tokens, and of three hooks two workspaces, three services, three tokens


def test_a_wrong_status_is_a_failure_in_words(endpoint: EndpointServer) -> None:
    api = Api(endpoint.url, "nobody", Console(io.StringIO(), {}), Checks())
    with pytest.raises(Failure, match=r"POST /api/requests: expected HTTP 200, came HTTP 401"):
        api.shown("POST", "/api/requests", 200, {})
    with pytest.raises(Failure, match=r"expected HTTP 200, came HTTP 404"):
        api.quiet("GET", "/nowhere")


def test_no_answer_is_a_failure_in_words() -> None:
    api = Api("http://127.0.0.1:1", "nobody", Console(io.StringIO(), {}), Checks())
    with pytest.raises(Failure, match="GET /requests: expected HTTP 200, came"):
        api.shown("GET", "/requests", 200)


def test_a_check_says_what_was_expected_and_what_came() -> None:
    checks = Checks()
    checks.equal("status", "submitted", "submitted")
    with pytest.raises(Failure, match="status: expected 'submitted', came 'pending'"):
        checks.equal("status", "pending", "submitted")
    assert checks.count == 2


def test_it_waits_until_there_is_enough() -> None:
    found: list[int] = []

    def look() -> list[int]:
        found.append(1)
        return found

    assert len(await_that(look, lambda seen: len(seen) >= 3)) == 3
