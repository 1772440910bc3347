"""Plans through the function's handler, with what the library keeps: uploads, retries, updates, host keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import Fault
from local.simulators.mma import DEMO_TOKEN, MmaServer
from slew import clock, store, tracking
from slew.work import Desk
from tests.mma_bench import API, FACILITY, NAME, SCP, many
from tests.support.calls import Client, Reply

URL = "/facilities/mma"
EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MmaServer]:
    found = MmaServer()
    found.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    yield found
    found.stop()


@pytest.fixture
def call(embedded_aws: Any, server: MmaServer) -> Client:
    client = Client(facility_handler(FACILITY))
    api = {**API, "port": server.url.rpartition(":")[2], "receiver_deletes": True}
    for name, altdata in {"api": api, "scp": {**SCP, "port": server.ssh.port}}.items():
        body = {"id": name, "pi": "PI of the proposal", "group": "gw", "altdata": altdata}
        reply = client("POST", f"{URL}/allocations", body)
        assert reply.status == 201, reply.text
    return client


def body_of(allocation: str, **payload: Any) -> dict[str, Any]:
    """A plan of tomorrow, whenever that is."""
    start = clock.now() + timedelta(hours=4)
    window = {
        "start_date": f"{start:%Y-%m-%d %H:%M:%S}",
        "end_date": f"{start + timedelta(hours=8):%Y-%m-%d %H:%M:%S}",
    }
    wanted = {"queue_name": "S260821ab_tiling_1", "targets": many(3), **window, **payload}
    return {"allocation_id": allocation, "payload": wanted}


def submit(call: Client, allocation: str, **payload: Any) -> Reply:
    reply = call("POST", f"{URL}/plans", body_of(allocation, **payload))
    assert reply.status in (201, 202), reply.text
    return reply


def tick(request_id: str) -> str:
    """What the schedule makes of a request that waits."""
    request = store.get_request(request_id)
    assert request is not None
    return tracking.look(Desk(FACILITY, clock.timestamp() + 60), request).status.value


@pytest.mark.parametrize("allocation", ["api", "scp"])
@pytest.mark.parametrize("count", [1000, 10_000])
def test_large_plans(call: Client, server: MmaServer, allocation: str, count: int) -> None:
    reply = submit(call, allocation, targets=many(count))
    assert reply.json["status"] == "submitted"
    assert reply.json["target"] == {"name": "S260821ab_tiling_1"}
    taken = [plan.content for plan in server.plans] + [
        json.loads(each["content"]) for each in server.ssh.disk.shown()
    ]
    assert [len(each["targets"]) for each in taken] == [count]
    assert call("GET", f"{URL}/plans/{reply.json['id']}").json["status"] == "submitted"


def test_a_dry_run_shows_the_file(call: Client, server: MmaServer) -> None:
    reply = call("POST", f"{URL}/plans?dry_run=true", body_of("scp"))
    assert reply.status == 200, reply.text
    [shown] = reply.json["requests"]
    assert shown["method"] == "UPLOAD"
    assert shown["url"] == f"sftp://127.0.0.1:{server.ssh.port}/data/too/incoming/{NAME}.json"
    assert shown["body"]["queue_name"] == NAME
    assert server.ssh.journal == []


def test_a_lost_answer_ends_in_one_plan(call: Client, server: MmaServer) -> None:
    server.faults.append(Fault("cut", method="PUT"))
    waiting = submit(call, "api")
    assert (waiting.status, waiting.json["status"]) == (202, "pending")
    assert tick(waiting.json["id"]) == "submitted"
    assert len(server.plans) == 1
    shown = call("GET", f"{URL}/plans/{waiting.json['id']}").json
    assert shown["facility_data"]["queue_name"] == NAME
    assert "first answer was lost" in " ".join(shown["notes"])


def test_attempts_end(call: Client, server: MmaServer) -> None:
    server.faults.append(Fault("status", method="PUT", status=500, times=100))
    waiting = submit(call, "api")
    states = [tick(waiting.json["id"]) for _ in range(7)]
    assert states == ["pending"] * 6 + ["failed"]
    server.faults.clear()
    again = call("POST", f"{URL}/plans/{waiting.json['id']}/resubmit")
    assert (again.status, again.json["status"]) == (200, "submitted"), again.text


def test_an_upload_that_breaks_is_repeated(call: Client, server: MmaServer) -> None:
    server.ssh.change({"cut_after": 100})
    waiting = submit(call, "scp", queue_name=None)
    assert waiting.json["status"] == "pending"
    assert tick(waiting.json["id"]) == "submitted"
    [file] = server.ssh.disk.shown()
    assert json.loads(file["content"])["queue_name"].startswith("ToO_ToO_20")


def test_a_renaming_without_answer_is_reconciled(call: Client, server: MmaServer) -> None:
    server.ssh.change({"cut_renaming": "after"})
    made = submit(call, "scp")
    assert made.json["status"] == "unknown"
    assert tick(made.json["id"]) == "submitted"
    assert call("GET", f"{URL}/plans/{made.json['id']}").json["facility_request_id"] == NAME


def test_the_host_key_is_learned_by_the_allocation(call: Client, server: MmaServer) -> None:
    assert submit(call, "scp").json["status"] == "submitted"
    server.ssh.change({"new_host_key": True})
    refused = submit(call, "scp", queue_name="second").json
    assert (refused["status"], refused["reason"][:8]) == ("rejected", "host key")
    assert len(server.ssh.disk.files) == 1


def test_update_and_cancel(call: Client, server: MmaServer) -> None:
    made = submit(call, "scp").json
    changed = call(
        "PUT", f"{URL}/plans/{made['id']}", {"payload": body_of("scp", targets=many(5))["payload"]}
    )
    assert changed.status == 200, changed.text
    [file] = server.ssh.disk.shown()
    assert len(json.loads(file["content"])["targets"]) == 5
    renamed = body_of("scp", queue_name="another")["payload"]
    assert call("PUT", f"{URL}/plans/{made['id']}", {"payload": renamed}).status == 422
    gone = call("DELETE", f"{URL}/plans/{made['id']}")
    assert (gone.status, gone.json["status"]) == (200, "cancelled")
    assert server.ssh.disk.files == {}


def test_an_api_takes_no_update_and_a_deletion(call: Client, server: MmaServer) -> None:
    made = submit(call, "api").json
    assert call("PUT", f"{URL}/plans/{made['id']}", {"payload": body_of("api")["payload"]}).status == 409
    assert call("DELETE", f"{URL}/plans/{made['id']}").json["status"] == "cancelled"
    assert server.plans == []


def test_queues_of_a_directory(call: Client, server: MmaServer) -> None:
    made = submit(call, "scp").json
    listed = call("GET", f"{URL}/allocations/scp/queues").json["queues"]
    assert [each["name"] for each in listed] == [NAME]
    assert call("DELETE", f"{URL}/allocations/scp/queues/{NAME}").json["id"] == made["id"]
    assert call("GET", f"{URL}/allocations/scp/queues").json["queues"] == []
    assert call("GET", f"{URL}/allocations/api/queues").status == 503


def test_verify(call: Client, server: MmaServer) -> None:
    assert call("POST", f"{URL}/allocations/scp/verify").json["valid"] is True
    assert call("POST", f"{URL}/allocations/api/verify").status == 405


def test_no_secret_is_shown(call: Client, server: MmaServer) -> None:
    shown = [submit(call, name, queue_name=name).text for name in ("api", "scp")]
    shown += [call("GET", f"{URL}/allocations/{name}").text for name in ("api", "scp")]
    for secret in (DEMO_TOKEN, SCP["password"]):
        assert secret not in " ".join(shown)


def test_the_examples(call: Client, server: MmaServer) -> None:
    allocation = json.loads(json.loads((EVENTS / "mma-allocation.json").read_text())["body"])
    request = json.loads(json.loads((EVENTS / "mma-submit.json").read_text())["body"])
    at_simulator = {**API, "port": server.url.rpartition(":")[2]}
    made = call(
        "POST", f"{URL}/allocations", {**allocation, "altdata": {**allocation["altdata"], **at_simulator}}
    )
    assert made.status == 201, made.text
    for _ in range(2):
        request["payload"]["queue_name"] = None  # so that one example makes many plans
        assert call("POST", f"{URL}/plans", request).json["status"] == "submitted"
    assert json.loads((EVENTS / "mma-poll.json").read_text()) == {"action": "poll"}
