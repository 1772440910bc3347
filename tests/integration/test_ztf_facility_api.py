"""ZTF through the whole handler: plans, uploads, queues, dry runs, updates, and the schedule's tick."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from slew.handler import facility_handler
from local.simulators.base import Fault
from local.simulators.ztf import ADMIN_TOKEN, ZtfServer
from slew import clock, objects
from tests.support.calls import Client, Context
from tests.ztf_orders import JSON, PLAN, SKYMAP, without
from ztf.facility import Ztf

URL = "/facilities/ztf"
ALLOCATION = {"id": "z-1", "pi": "PI", "group": "transients", "altdata": {"access_token": ADMIN_TOKEN}}
FIELDS = [{"field_id": 699, "ra": 45.9756, "dec": 40.55}]


@pytest.fixture
def server() -> Iterator[ZtfServer]:
    server = ZtfServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: ZtfServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    monkeypatch.setenv("SLEW_ZTF_URL", server.url)
    monkeypatch.setenv("SLEW_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.delenv("SLEW_FIELD_GRID_ZTF", raising=False)
    client = Client(facility_handler(Ztf()))
    assert client("POST", f"{URL}/allocations", ALLOCATION).status == 201
    return client


def hours(number: float) -> str:
    """That many from now."""
    return f"{datetime.now(UTC) + timedelta(hours=number):%Y-%m-%d %H:%M:%S}"


def trigger(**change: Any) -> JSON:
    payload = {"start_date": hours(-1), "end_date": hours(5), "filters": "g,r", "fields": FIELDS, **change}
    return {"allocation_id": "z-1", "payload": payload}


def tick(client: Client, server: ZtfServer, tmp_path: Path, seconds: float) -> None:
    """Move both clocks, and have the schedule look."""
    offset = clock.timestamp() - datetime.now(UTC).timestamp() + seconds
    (tmp_path / "clock").write_text(str(offset))
    server.clock.advance(seconds)
    client.handler({"action": "poll"}, Context(150))


def test_a_plan_without_a_target(call: Client, server: ZtfServer) -> None:
    payload = without(PLAN, "start_date", "end_date")
    made = call("POST", f"{URL}/plans", {"allocation_id": "z-1", "payload": payload})
    assert made.status == 201, made.text
    assert made.json["target"] == {"name": "S260311ab_plan"}
    assert made.json["facility_request_id"] == "ToO_S260311ab_plan"
    assert "ToO_S260311ab_plan" in server.scheduler.queues
    assert ADMIN_TOKEN not in made.text


def test_a_large_plan_by_reference(call: Client, server: ZtfServer) -> None:
    observations = [
        {"field_id": 1 + number % 881, "filt": "ztfg", "exposure_time": 30, "ra": 10.5, "dec": 4.5}
        for number in range(5000)
    ]
    upload = call("POST", f"{URL}/uploads").json
    content = json.dumps({**without(PLAN, "start_date", "end_date"), "observations": observations})
    assert requests.put(upload["url"], content, headers=upload["headers"], timeout=10).status_code == 200
    body = {"allocation_id": "z-1", "payload_upload": upload["id"]}
    made = call("POST", f"{URL}/plans", body)
    assert (made.status, made.json["status"]) == (201, "submitted"), made.text
    assert len(server.scheduler.queues["ToO_S260311ab_plan"].targets) == 5000
    assert call("DELETE", f"{URL}/plans/{made.json['id']}").json["status"] == "cancelled"


def test_a_sky_map_by_reference(call: Client, server: ZtfServer) -> None:
    upload = call("POST", f"{URL}/uploads").json
    requests.put(upload["url"], json.dumps(SKYMAP), headers=upload["headers"], timeout=10)
    made = call("POST", f"{URL}/requests", {"allocation_id": "z-1", "payload_upload": upload["id"]})
    assert made.json["facility_request_id"] == "S260311ab"
    assert list(server.scheduler.triggers) == ["S260311ab"]


def test_a_target_may_be_named(call: Client, server: ZtfServer) -> None:
    body = {**trigger(), "target": {"name": "GRB 260311A", "ra": 45.9, "dec": 40.5}}
    assert call("POST", f"{URL}/requests", body).json["target"]["name"] == "GRB 260311A"


def test_the_field_grid_of_the_bucket(
    call: Client, server: ZtfServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = trigger(fields=None, field_ids="699")
    refused = call("POST", f"{URL}/requests", body)
    assert refused.status == 422
    assert refused.json["errors"][0]["loc"] == ["payload", "field_ids"]
    objects.put("grids/ztf-of-this-test.csv", b"ID,RA,Dec\n699,45.9756,40.55\n", "text/csv")
    monkeypatch.setenv("SLEW_FIELD_GRID_ZTF", "grids/ztf-of-this-test.csv")
    shown = call("POST", f"{URL}/requests?dry_run=true", body).json
    assert [(each["ra"], each["dec"]) for each in shown["requests"][0]["body"]["targets"]] == [
        (45.9756, 40.55)
    ] * 2


def test_dry_runs_send_nothing_to_the_scheduler(call: Client, server: ZtfServer) -> None:
    asked = call("POST", f"{URL}/requests?dry_run=facility", trigger())
    assert asked.json["facility_verdict"]["accepted"] is True
    assert ADMIN_TOKEN not in asked.text
    assert set(server.scheduler.queues) == {"default", "fallback"}


def test_the_queues_route_removes_own_ones_only(call: Client, server: ZtfServer) -> None:
    made = call("POST", f"{URL}/requests", trigger()).json
    name = made["facility_request_id"]
    names = [each["name"] for each in call("GET", f"{URL}/allocations/z-1/queues").json["queues"]]
    assert names == ["default", "fallback", name]
    assert call("DELETE", f"{URL}/allocations/z-1/queues/default").status == 404
    removed = call("DELETE", f"{URL}/allocations/z-1/queues/{name}")
    assert (removed.status, removed.json["status"]) == (200, "cancelled")
    assert set(server.scheduler.queues) == {"default", "fallback"}


def test_the_tick_follows_a_queue_to_its_end(call: Client, server: ZtfServer, tmp_path: Path) -> None:
    made = call("POST", f"{URL}/requests", trigger()).json
    one = f"{URL}/requests/{made['id']}"
    tick(call, server, tmp_path, 400)
    assert call("GET", one).json["status"] == "in_progress"
    server.scheduler.observe(1, server.mjd)
    tick(call, server, tmp_path, 400)
    assert call("GET", one).json["facility_data"]["progress"] == 0.5
    server.scheduler.observe(1, server.mjd)
    tick(call, server, tmp_path, 400)
    assert call("GET", one).json["status"] == "complete"


def test_a_time_out_is_unknown_and_then_settled_by_the_list(
    call: Client, server: ZtfServer, tmp_path: Path
) -> None:
    server.faults.append(Fault("cut", method="PUT"))
    made = call("POST", f"{URL}/requests", trigger())
    assert (made.status, made.json["status"]) == (202, "unknown")
    tick(call, server, tmp_path, 150)
    found = call("GET", f"{URL}/requests/{made.json['id']}").json
    assert found["status"] in ("submitted", "in_progress")
    assert found["facility_request_id"] in server.scheduler.queues


def test_a_scheduler_that_is_down_is_tried_again(call: Client, server: ZtfServer, tmp_path: Path) -> None:
    server.settings["scheduler"] = "down"
    made = call("POST", f"{URL}/requests", trigger())
    assert (made.status, made.json["status"]) == (202, "pending")
    server.settings["scheduler"] = "up"
    tick(call, server, tmp_path, 60)
    assert call("GET", f"{URL}/requests/{made.json['id']}").json["status"] == "submitted"
    assert len(server.scheduler.queues) == 3


def test_an_update_and_one_that_loses_both(call: Client, server: ZtfServer, tmp_path: Path) -> None:
    made = call("POST", f"{URL}/requests", trigger()).json
    one = f"{URL}/requests/{made['id']}"
    updated = call("PUT", one, {"payload": trigger(filters="i")["payload"]})
    assert (updated.status, updated.json["status"]) == (200, "submitted"), updated.text
    assert updated.json["facility_request_id"] != made["facility_request_id"]
    server.faults.append(Fault("status", "PUT", status=200, body='{"status": "success"}'))  # of the form
    body = json.dumps({"status": "error", "message": "ClientConnectorError: no"})
    server.faults.append(Fault("status", "PUT", status=400, body=body))
    lost = call("PUT", one, {"payload": trigger(filters="g")["payload"]})
    assert lost.json["status"] == "pending"
    assert set(server.scheduler.queues) == {"default", "fallback"}
    tick(call, server, tmp_path, 60)
    again = call("GET", one).json
    assert again["status"] == "submitted"
    assert len(server.scheduler.queues[again["facility_request_id"]].targets) == 1


def test_verify_and_what_the_allocation_shows(call: Client) -> None:
    assert call("POST", f"{URL}/allocations/z-1/verify").json["valid"] is True
    assert ADMIN_TOKEN not in call("GET", f"{URL}/allocations/z-1").text
