"""The simulated gateways, scheduler and depot: that they refuse what the real ones do, in their words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.simulators.ztf import ADMIN_TOKEN, OTHER_TOKEN, ZtfServer
from tests.integration.ztf_bench import FixedClock
from tests.ztf_orders import JSON, NOW

TARGET: JSON = {
    "request_id": 1,
    "program_id": 2,
    "field_id": 699,
    "ra": 45.9756,
    "dec": 40.55,
    "filter_id": 1,
    "exposure_time": 300.0,
    "program_pi": "Kulkarni/observer1",
    "subprogram_name": "ToO_GRB",
}
QUEUE: JSON = {
    "queue_name": "ToO_GRB260311A",
    "validity_window_mjd": [61110.0, 61110.5],
    "queue_type": "list",
    "user": "observer1",
    "targets": [TARGET, {**TARGET, "field_id": 700}],
}
TRIGGER: JSON = {
    "trigger_name": "S260311ab",
    "trigger_time": 61110.0,
    "user": "observer1",
    "fields": [{"field_id": 550, "probability": 0.42}],
}
QUEUES, SKYMAPS = "/api/triggers/ztf", "/api/triggers/ztfmma"


@pytest.fixture
def server() -> Iterator[ZtfServer]:
    server = ZtfServer(FixedClock(NOW))
    server.start()
    yield server
    server.stop()


def call(
    server: ZtfServer, method: str, path: str = QUEUES, body: Any = None, **headers: str
) -> requests.Response:
    content = body if isinstance(body, str) else json.dumps({} if body is None else body)
    given = {"Authorization": f"Bearer {ADMIN_TOKEN}", **headers}
    return requests.request(
        method, f"{server.url}{path}", data=content, headers={k: v for k, v in given.items() if v}, timeout=10
    )


def said(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("message") or answer.json().get("detail")


def configure(server: ZtfServer, **wanted: Any) -> None:
    assert requests.post(f"{server.url}/_config", json=wanted, timeout=10).status_code == 200


def test_a_queue_s_life(server: ZtfServer) -> None:
    taken = call(server, "PUT", body=QUEUE)
    assert said(taken) == (200, "submitted")
    assert taken.json()["data"]["Content-Length"] == "48"
    assert taken.json()["data"]["Content-Type"] == "text/plain; charset=utf-8"
    listed = call(server, "GET").json()["data"]
    assert [each["queue_name"] for each in listed] == ["default", "fallback", "ToO_GRB260311A"]
    ours = listed[2]
    assert (ours["is_current"], ours["is_TOO"], ours["is_valid"]) == (True, True, True)
    targets = json.loads(ours["queue"])
    assert [each["field_id"] for each in targets] == [699, 700]
    assert (targets[0]["max_airmass"], targets[0]["n_repeats"]) == (2.5, 1)
    one = call(server, "GET", body={"queue_name": "ToO_GRB260311A", "user": "x"}).json()["data"]
    assert one["queue_name"] == "ToO_GRB260311A"
    deleted = call(server, "DELETE", body={"queue_name": "ToO_GRB260311A", "user": "somebody"})
    assert said(deleted) == (200, "deleted")
    assert deleted.json()["data"]["Content-Length"] == "33"


def test_observing_and_expiry(server: ZtfServer) -> None:
    call(server, "PUT", body=QUEUE)
    assert requests.post(f"{server.url}/_observe", json={"n": 1}, timeout=10).json() == {"observed": 1}
    assert len(json.loads(call(server, "GET").json()["data"][2]["queue"])) == 1
    assert requests.post(f"{server.url}/_observe", json={"n": 5}, timeout=10).json() == {"observed": 1}
    assert len(call(server, "GET").json()["data"]) == 2
    call(server, "PUT", body=QUEUE)
    requests.post(f"{server.url}/_clock", json={"advance_s": 86400}, timeout=10)
    assert len(call(server, "GET").json()["data"]) == 2


def test_the_telescope_works_by_itself(server: ZtfServer) -> None:
    configure(server, observe_every_s=600)
    call(server, "PUT", body=QUEUE)
    server.clock.advance(timedelta(minutes=15).total_seconds())
    assert len(json.loads(call(server, "GET").json()["data"][2]["queue"])) == 1
    server.clock.advance(timedelta(minutes=15).total_seconds())
    assert len(call(server, "GET").json()["data"]) == 2


@pytest.mark.parametrize(
    ("personality", "header", "expected"),
    [
        ("kowalski", "", (401, "Unauthorized")),
        ("kowalski", "Bearer nonsense", (400, "token is invalid")),
        ("kowalski", f"Bearer {OTHER_TOKEN}", (403, "Forbidden")),
        ("kowalski", ADMIN_TOKEN, (200, "retrieved")),
        ("ztfpass", "", (401, "missing bearer token")),
        ("ztfpass", ADMIN_TOKEN, (401, "missing bearer token")),
        ("ztfpass", "Bearer nonsense", (401, "invalid token")),
        ("ztfpass", f"Bearer {OTHER_TOKEN}", (401, "invalid token")),
    ],
)
def test_tokens(server: ZtfServer, personality: str, header: str, expected: tuple[int, str]) -> None:
    configure(server, personality=personality)
    assert said(call(server, "GET", Authorization=header)) == expected


def test_bearer_with_nothing_behind_it(server: ZtfServer) -> None:
    answer = call(server, "GET", Authorization="Bearer ")
    assert (answer.status_code, answer.text) == (
        500,
        "500 Internal Server Error\n\nServer got itself in trouble",
    )


@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_a_body_s_form(server: ZtfServer, personality: str) -> None:
    configure(server, personality=personality)
    bare = {name: QUEUE[name] for name in ("queue_name", "validity_window_mjd", "targets")}
    status, message = said(call(server, "PUT", body=bare))
    assert status == 400
    words = (
        "2 validation errors for ZTFTriggerPut\nqueue_type\n  field required (type=value_error.missing)\n"
        "user\n  field required (type=value_error.missing)"
    )
    start = "ValidationError: " if personality == "kowalski" else "invalid trigger payload: "
    assert message == start + words
    wrong = said(call(server, "PUT", body={**QUEUE, "validity_window_mjd": ["x", 1]}))[1]
    assert wrong.endswith("validity_window_mjd -> 0\n  value is not a valid float (type=type_error.float)")
    assert said(call(server, "PUT", body="{"))[0] == 400
    assert said(call(server, "DELETE", body={"queue_name": "x"}))[0] == 400


def test_a_body_over_the_limit(server: ZtfServer) -> None:
    answer = call(server, "PUT", body={**QUEUE, "user": "x" * 1_048_576})
    assert answer.status_code == 413
    assert answer.text.startswith("Maximum request body size 1048576 exceeded, actual body size 10")


@pytest.mark.parametrize(
    "change",
    [
        {"queue_type": "greedy"},
        {"validity_window_mjd": [61110.5, 61110.0]},
        {"validity_window_mjd": [61110.5, 61110.5]},
        {"targets": []},
        {"targets": [{**TARGET, "filter_id": 4}]},
        {"targets": [{**TARGET, "ra": 361.0}]},
        {"targets": [{**TARGET, "dec": -91.0}]},
        {"targets": [{key: TARGET[key] for key in TARGET if key != "program_pi"}]},
        {"targets": [{key: TARGET[key] for key in TARGET if key != "dec"}]},
        {"targets": [TARGET, {key: TARGET[key] for key in TARGET if key not in ("ra", "dec")}]},
        {"targets": [{**{key: TARGET[key] for key in TARGET if key not in ("ra", "dec")}, "field_id": 900}]},
        {"queue_name": "ToO_x?mode_num=one"},
    ],
)
@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_what_the_scheduler_refuses(server: ZtfServer, personality: str, change: JSON) -> None:
    configure(server, personality=personality)
    status, message = said(call(server, "PUT", body={**QUEUE, **change}))
    assert status == 400
    if personality == "ztfpass":
        assert message == "ZTF trigger attempt rejected: None"
    else:
        assert message.startswith("ZTF trigger attempt rejected: <bound method ClientResponse.text of")
        assert "[400 Bad Request]" in message
    assert len(call(server, "GET").json()["data"]) == 2


def test_fields_are_filled_in_where_no_coordinates_come(server: ZtfServer) -> None:
    bare = {key: TARGET[key] for key in TARGET if key not in ("ra", "dec")}
    call(server, "PUT", body={**QUEUE, "targets": [bare, {**bare, "field_id": 1897}]})
    targets = json.loads(call(server, "GET").json()["data"][2]["queue"])
    assert (targets[0]["ra"], targets[0]["dec"]) == (45.9756, 40.55)
    assert 0 <= targets[1]["ra"] <= 360


@pytest.mark.parametrize(
    ("personality", "expected"),
    [
        ("kowalski", (400, "KeyError: 'queue_name'")),
        ("ztfpass", (409, "Submitted queue ToO_GRB260311A already exists")),
    ],
)
def test_a_name_twice(server: ZtfServer, personality: str, expected: tuple[int, str]) -> None:
    configure(server, personality=personality)
    call(server, "PUT", body=QUEUE)
    assert said(call(server, "PUT", body={**QUEUE, "targets": [TARGET]})) == expected
    assert len(json.loads(call(server, "GET").json()["data"][2]["queue"])) == 2


@pytest.mark.parametrize(
    ("name", "status"), [("nothing", "[400 Bad Request]"), ("default", "[403 Forbidden]")]
)
def test_deletions_that_are_refused(server: ZtfServer, name: str, status: str) -> None:
    code, message = said(call(server, "DELETE", body={"queue_name": name, "user": "x"}))
    assert code == 400
    assert message.startswith("ZTF queue delete attempt rejected: ")
    assert status in message
    configure(server, personality="ztfpass")
    answer = call(server, "DELETE", body={"queue_name": name, "user": "x"})
    assert said(answer) == (400, "ZTF delete attempt rejected: None")


def test_one_queue_is_kowalski_s_alone(server: ZtfServer) -> None:
    status, message = said(call(server, "GET", body={"queue_name": "nothing", "user": "x"}))
    assert (status, message.partition(":")[0]) == (400, "ContentTypeError")
    assert len(call(server, "GET", f"{QUEUES}?queue_name=default").json()["data"]) == 2
    configure(server, personality="ztfpass")
    assert len(call(server, "GET", body={"queue_name": "default"}).json()["data"]) == 2


def test_a_scheduler_without_an_answer(server: ZtfServer) -> None:
    for state, start in (("down", "ClientConnectorError: "), ("tunnel", "BaseSSHTunnelForwarderError: ")):
        configure(server, scheduler=state)
        for method, body in (("GET", {}), ("PUT", QUEUE)):
            status, message = said(call(server, method, body=body))
            assert (status, message.startswith(start)) == (400, True)
    configure(server, scheduler="slow")
    assert said(call(server, "PUT", body=QUEUE)) == (400, "TimeoutError")
    assert "ToO_GRB260311A" in server.scheduler.queues
    configure(server, personality="ztfpass", scheduler="down")
    answer = call(server, "GET")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_sky_maps(server: ZtfServer) -> None:
    assert said(call(server, "PUT", SKYMAPS, TRIGGER)) == (200, "submitted")
    (listed,) = call(server, "GET", SKYMAPS).json()["data"]
    assert json.loads(listed["fields"]) == TRIGGER["fields"]
    assert said(call(server, "PUT", SKYMAPS, TRIGGER)) == (400, "KeyError: 'trigger_name'")
    assert "S260311ab_greedy" in server.scheduler.queues
    refused = said(call(server, "PUT", SKYMAPS, {**TRIGGER, "trigger_name": "x", "fields": []}))[1]
    assert refused.startswith("ZTF MMA trigger submission attempt rejected: <bound method")
    assert said(call(server, "DELETE", SKYMAPS, {"trigger_name": "S260311ab", "user": "x"})) == (
        200,
        "deleted",
    )
    assert "S260311ab_greedy" in server.scheduler.queues
    gone = said(call(server, "DELETE", SKYMAPS, {"trigger_name": "S260311ab", "user": "x"}))[1]
    assert gone.startswith("ZTF MMA trigger delete attempt rejected: ")


def test_test_routes(server: ZtfServer) -> None:
    assert call(server, "PUT", f"{QUEUES}.test", QUEUE).json() == {
        "status": "success",
        "message": "submitted",
    }
    assert call(server, "GET", f"{QUEUES}.test").json()["data"] == [{"queue_name": "test"}]
    assert call(server, "GET", f"{SKYMAPS}.test").json()["data"] == [{"trigger_name": "test"}]
    deleted = call(server, "DELETE", f"{QUEUES}.test", {"queue_name": "a", "user": "b"})
    assert said(deleted) == (200, "deleted")
    configure(server, personality="ztfpass")
    assert call(server, "PUT", f"{QUEUES}.test", QUEUE).json()["data"] is None
    assert call(server, "GET", f"{QUEUES}.test").status_code == 405
    assert len(server.scheduler.queues) == 2


def test_other_paths(server: ZtfServer) -> None:
    assert said(call(server, "GET", "/api/nothing")) == (404, "Not Found")
    assert call(server, "POST", QUEUES, QUEUE).text == "405: Method Not Allowed"
    assert call(server, "GET", "/").json()["status"] == "success"
    assert call(server, "GET", "/healthz").status_code == 404
    configure(server, personality="ztfpass")
    assert call(server, "PUT", SKYMAPS, TRIGGER).json() == {"detail": "Not Found"}
    assert call(server, "GET", "/healthz").json()["data"] == {"tunnel_configured": True}


def test_settings_that_are_none(server: ZtfServer) -> None:
    for wanted in ({"mood": "good"}, {"personality": "other"}, {"scheduler": "tired"}, {"depot": "xml"}):
        assert requests.post(f"{server.url}/_config", json=wanted, timeout=10).status_code == 400
