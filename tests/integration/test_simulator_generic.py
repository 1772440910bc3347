"""The GENERIC endpoints answer as generic.md says: a plain one, a SkyPortal instance, a SkyPortal client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.base import SimulatedClock
from local.simulators.endpoint import DEMO_TOKEN, HUGE_BYTES, EndpointServer
from local.simulators.skyportal import EXPIRED_TOKEN, READ_ONLY_TOKEN, SkyPortalClient
from tests.support.waiting import LONG_S, until

JSON = dict[str, Any]
BODY: JSON = {
    "obj_id": "ZTF24abcxyz",
    "allocation_id": 7,
    "payload": {"observation_choices": ["sdssg"], "exposure_time": 300.0, "exposure_counts": 2},
}
PLAIN, PORTAL = "/api/requests", "/api/followup_request"


@pytest.fixture(scope="module")
def served() -> Iterator[EndpointServer]:
    server = EndpointServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(served: EndpointServer) -> EndpointServer:
    with served.lock:
        served.clock = SimulatedClock()
        served.reset()
    return served


def call(
    server: EndpointServer,
    method: str,
    path: str,
    body: Any = None,
    token: str | None = f"token {DEMO_TOKEN}",
) -> requests.Response:
    headers = {"Authorization": token} if token else {}
    return requests.request(
        method, server.url + path, json=body, headers=headers, timeout=10, allow_redirects=False
    )


def configure(server: EndpointServer, **settings: Any) -> requests.Response:
    return requests.post(f"{server.url}/_config", json=settings, timeout=10)


def freeze(server: EndpointServer) -> None:
    now = server.clock.time()
    server.clock.time = lambda: now  # type: ignore[method-assign]


# -- the plain endpoint


def test_plain_life(server: EndpointServer) -> None:
    first, second = call(server, "POST", PLAIN, BODY), call(server, "POST", PLAIN, BODY)
    assert first.status_code == 200
    assert first.json() == {"status": "success", "data": {"id": 1}, "version": "1.4.0"}
    assert second.json()["data"]["id"] == 2
    assert call(server, "GET", f"{PLAIN}/1").json()["data"] == {"id": 1, "state": "submitted", **BODY}
    assert call(server, "DELETE", f"{PLAIN}/1").status_code == 200
    assert call(server, "GET", f"{PLAIN}/1").json()["data"]["state"] == "deleted"
    assert call(server, "GET", f"{PLAIN}/2").json()["data"]["state"] == "submitted"


def test_deleting_twice(server: EndpointServer) -> None:
    call(server, "POST", PLAIN, BODY)
    assert call(server, "DELETE", f"{PLAIN}/9").status_code == 404
    assert [call(server, "DELETE", f"{PLAIN}/1").status_code for _ in range(2)] == [200, 404]
    configure(server, second_delete_status=200)
    assert call(server, "DELETE", f"{PLAIN}/1").status_code == 200


@pytest.mark.parametrize(
    "token", [None, f"Bearer {DEMO_TOKEN}", f"Token {DEMO_TOKEN}", DEMO_TOKEN, "token wrong", "token"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", PLAIN), ("GET", f"{PLAIN}/1"), ("DELETE", f"{PLAIN}/1")]
)
def test_plain_needs_its_token(server: EndpointServer, token: str | None, method: str, path: str) -> None:
    call(server, "POST", PLAIN, BODY)
    answer = call(server, method, path, BODY if method == "POST" else None, token)
    assert answer.status_code == 401
    assert answer.json()["status"] == "error"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        *[{key: value for key, value in BODY.items() if key != missing} for missing in BODY],
        [],
        {**BODY, "allocation_id": "7"},
        {**BODY, "allocation_id": True},
        {**BODY, "obj_id": 5},
        {**BODY, "payload": "x"},
    ],
)
def test_plain_refuses_a_wrong_body(server: EndpointServer, body: Any) -> None:
    answer = call(server, "POST", PLAIN, body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"
    assert server.requests == {}


def test_plain_refuses_what_is_not_json(server: EndpointServer) -> None:
    headers = {"Authorization": f"token {DEMO_TOKEN}"}
    answer = requests.post(server.url + PLAIN, data="obj_id=x", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [("created", 201, None), ("accepted", 202, None), ("no_content", 204, ""), ("empty", 200, "")],
)
def test_odd_answer_behind_which_the_request_is_kept(
    server: EndpointServer, answer: str, status: int, text: str | None
) -> None:
    configure(server, answer=answer)
    response = call(server, "POST", PLAIN, BODY)
    assert response.status_code == status
    assert response.text == text if text is not None else response.json()["data"] == {"id": 1}
    assert list(server.requests) == [1]
    assert call(server, "POST", PLAIN, BODY).json()["data"]["id"] == 2


def test_answer_that_is_text(server: EndpointServer) -> None:
    configure(server, answer="text")
    response = call(server, "POST", PLAIN, BODY)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert list(server.requests) == [1]


def test_huge_answer(server: EndpointServer) -> None:
    configure(server, answer="huge")
    assert len(call(server, "POST", PLAIN, BODY).content) > HUGE_BYTES


def test_answers_behind_which_nothing_is_kept(server: EndpointServer) -> None:
    for path in (PLAIN, PORTAL):
        seen = {}
        for answer in ("ignored", "rejected", "refused", "throttled", "error", "unavailable"):
            configure(server, answer=answer)
            seen[answer] = call(server, "POST", path, BODY)
        assert {name: r.status_code for name, r in seen.items()} == {
            "ignored": 200,
            "rejected": 200,
            "refused": 400,
            "throttled": 429,
            "error": 500,
            "unavailable": 503,
        }
        ignored = seen["ignored"].json()["data"]
        assert (ignored["id"], ignored["ignored"]) == (None, True)
        assert seen["rejected"].json()["data"]["request_status"].startswith("rejected: ")
        assert len(seen["refused"].content) == 10_000
        assert seen["refused"].headers["Content-Type"].startswith("text/plain")
        assert seen["throttled"].headers["Retry-After"] == "2"
        assert "temporarily unavailable" in seen["unavailable"].json()["message"]
    assert server.requests == {}


@pytest.mark.parametrize(("answer", "status"), [("redirect", 302), ("redirect_307", 307)])
def test_redirects(server: EndpointServer, answer: str, status: int) -> None:
    configure(server, answer=answer)
    response = call(server, "POST", PLAIN, BODY)
    assert response.status_code == status
    assert response.headers["Location"] == f"{server.url}/elsewhere"
    configure(server, answer=answer)
    followed = requests.post(
        server.url + PLAIN, json=BODY, headers={"Authorization": f"token {DEMO_TOKEN}"}, timeout=10
    )
    assert followed.status_code == 200
    last = requests.get(f"{server.url}/_journal", timeout=10).json()[-1]
    assert (last["method"], last["path"]) == ("GET" if status == 302 else "POST", "/elsewhere")
    assert server.requests == {}


@pytest.mark.parametrize(("answer", "kept"), [("close_before", 0), ("close_after", 1)])
@pytest.mark.parametrize("path", [PLAIN, PORTAL])
def test_closed_connections(server: EndpointServer, answer: str, kept: int, path: str) -> None:
    configure(server, answer=answer)
    with pytest.raises(requests.ConnectionError):
        call(server, "POST", path, BODY)
    assert len(server.requests) + len(server.skyportal.requests) == kept
    assert call(server, "POST", path, BODY).status_code == 200


@pytest.mark.parametrize("answer", ["delay", "slow_body"])
def test_slow_answers(server: EndpointServer, answer: str) -> None:
    configure(server, answer=answer, seconds=LONG_S)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        requests.post(
            server.url + PLAIN,
            json=BODY,
            headers={"Authorization": f"token {DEMO_TOKEN}"},
            timeout=(30, 0.2),
        )
    until(lambda: server.requests)
    assert list(server.requests) == [1]


def test_connection_failure_may_stay_until_told_otherwise(server: EndpointServer) -> None:
    configure(server, answer="close_before", times=None)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            call(server, "POST", PLAIN, BODY)
    configure(server, answer=None)
    assert call(server, "POST", PLAIN, BODY).status_code == 200


def test_answer_may_stay(server: EndpointServer) -> None:
    configure(server, answer="created", times=None)
    assert [call(server, "POST", PLAIN, BODY).status_code for _ in range(3)] == [201, 201, 201]
    configure(server, answer=None)
    assert call(server, "POST", PLAIN, BODY).status_code == 200


def test_journal_is_raw(server: EndpointServer) -> None:
    text = json.dumps({**BODY, "obj_id": "α"})
    headers = {"Authorization": f"token {DEMO_TOKEN}", "Content-Type": "application/json"}
    requests.post(server.url + PLAIN, data=text, headers=headers, timeout=10)
    (entry,) = requests.get(f"{server.url}/_journal", timeout=10).json()
    assert entry["body"] == text
    assert (entry["method"], entry["path"]) == ("POST", PLAIN)
    assert entry["headers"]["Authorization"] == f"token {DEMO_TOKEN}"


def test_doubled_slash_unknown_path_and_method(server: EndpointServer) -> None:
    call(server, "POST", PLAIN, BODY)
    assert call(server, "DELETE", f"{PLAIN}//1").status_code == 404
    assert call(server, "GET", "/nothing").status_code == 404
    assert call(server, "PUT", f"{PLAIN}/1", BODY).status_code == 405
    assert server.requests[1]["state"] == "submitted"


def test_settings_that_make_no_sense(server: EndpointServer) -> None:
    for settings in ({"answer": "odd"}, {"colour": 1}, {"second_delete_status": 500}, {"portal": {"x": 1}}):
        assert requests.post(f"{server.url}/_config", json=settings, timeout=10).status_code == 400


# -- the SkyPortal instance


def test_portal_life(server: EndpointServer) -> None:
    answer = call(server, "POST", PORTAL, BODY)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "data": {"id": 4711, "request_status": "submitted"},
        "version": "1.4.0",
    }
    shown = call(server, "GET", f"{PORTAL}/4711").json()["data"]
    assert shown == {"id": 4711, "status": "submitted", **BODY}
    changed = {**BODY, "payload": {"priority": 5}}
    assert call(server, "PUT", f"{PORTAL}/4711", changed).status_code == 200
    assert call(server, "GET", f"{PORTAL}/4711").json()["data"]["payload"] == {"priority": 5}
    assert call(server, "PUT", f"{PORTAL}/4711", {"status": "in_progress"}).status_code == 200
    query = f"{PORTAL}?sourceID=ZTF24abcxyz&allocationID=7&status="
    assert call(server, "GET", query + "submitted").json()["data"]["followup_requests"] == []
    assert call(server, "GET", query + "in_progress").json()["data"]["totalMatches"] == 1
    part = call(server, "GET", f"{PORTAL}?sourceID=24abc&status=PROGRESS&numPerPage=1").json()["data"]
    assert (len(part["followup_requests"]), part["numPerPage"]) == (1, 1)
    assert call(server, "GET", f"{PORTAL}?pageNumber=2").json()["data"]["followup_requests"] == []
    deleted = call(server, "DELETE", f"{PORTAL}/4711")
    assert (deleted.status_code, deleted.json()["data"]) == (200, {})
    again = call(server, "DELETE", f"{PORTAL}/4711")
    assert (again.status_code, again.json()["message"]) == (400, "Missing FollowUpRequest with id 4711")


def test_portal_source(server: EndpointServer) -> None:
    found = call(server, "GET", "/api/sources/2023ixf").json()["data"]
    assert (found["ra"], found["dec"]) == (210.910674637, 54.311651)
    assert call(server, "GET", "/api/sources/unknown").status_code == 404
    assert call(server, "GET", "/api/sources/2023ixf", token=None).status_code == 401


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        (None, 401, "Credentials malformed"),
        (f"Bearer {DEMO_TOKEN}", 401, "Credentials malformed"),
        ("token wrong", 401, "HTTP 401: Unauthorized"),
        (f"token {READ_ONLY_TOKEN}", 401, "HTTP 401: Unauthorized"),
        (f"token {EXPIRED_TOKEN}", 403, "HTTP 403: Forbidden (User account expired)"),
    ],
)
def test_portal_tokens(server: EndpointServer, token: str | None, status: int, message: str) -> None:
    answer = call(server, "POST", PORTAL, BODY, token)
    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert answer.json()["data"] == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"allocation_id": 7, "payload": {}},
            "Invalid / missing parameters: {'obj_id': ['Missing data for required field.']}",
        ),
        (
            {**BODY, "allocation_id": 8},
            "Error submitting follow-up request: Could not find allocation with ID 8.",
        ),
        ({**BODY, "obj_id": "x"}, "Error submitting follow-up request: Could not find object with ID x."),
        (
            {**BODY, "allocation_id": "7"},
            "Invalid / missing parameters: {'allocation_id': ['Not a valid integer.']}",
        ),
        ([], "Malformed JSON data"),
    ],
)
def test_portal_refusals(server: EndpointServer, body: Any, message: str) -> None:
    answer = call(server, "POST", PORTAL, body)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_portal_telescope_refuses(server: EndpointServer) -> None:
    configure(server, portal={"allocations": {"9": {"telescope": "rejected: no time left"}}})
    answer = call(server, "POST", PORTAL, {**BODY, "allocation_id": 9})
    assert answer.json()["data"] == {"id": 4711, "request_status": "rejected: no time left"}


def test_portal_ignores_a_duplicate(server: EndpointServer) -> None:
    call(server, "POST", PORTAL, BODY)
    answer = call(server, "POST", PORTAL, {**BODY, "not_if_duplicates": True})
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "id": None,
        "ignored": True,
        "message": "There is already a follow-up request for this source and allocation, "
        "not submitting request.",
    }


def test_portal_cannot_delete(server: EndpointServer) -> None:
    configure(
        server, portal={"allocations": {"9": {"can_delete": False}}, "delete_error": "telescope is away"}
    )
    call(server, "POST", PORTAL, BODY)
    call(server, "POST", PORTAL, {**BODY, "allocation_id": 9})
    texts = [call(server, "DELETE", f"{PORTAL}/{number}").json()["message"] for number in (4711, 4712)]
    assert texts == [
        "Failed to delete follow-up request: telescope is away",
        "Cannot delete requests on this instrument.",
    ]


def test_portal_rate_limit(server: EndpointServer) -> None:
    freeze(server)
    statuses = [call(server, "GET", "/api/sources/2023ixf").status_code for _ in range(12)]
    assert statuses == [200] * 11 + [429]
    limited = call(server, "GET", "/api/sources/2023ixf")
    assert limited.headers["Content-Type"].startswith("text/html")
    assert "429 Too Many Requests" in limited.text
    now = server.clock.time() + 1
    server.clock.time = lambda: now  # type: ignore[method-assign]
    statuses = [call(server, "GET", "/api/sources/2023ixf").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]


# -- the SkyPortal client


def test_client_submits_updates_deletes(server: EndpointServer) -> None:
    client = SkyPortalClient(server.url + PLAIN, DEMO_TOKEN, 7)
    assert client.submit("2023ixf", {"priority": 1}) == "submitted"
    assert client.update("2023ixf", {"priority": 5}) == "submitted"
    assert client.delete() == "deleted"
    assert [r["state"] for r in server.requests.values()] == ["submitted", "deleted"]
    journal = requests.get(f"{server.url}/_journal", timeout=10).json()
    assert [(e["method"], e["path"]) for e in journal] == [
        ("POST", PLAIN),
        ("POST", PLAIN),
        ("DELETE", f"{PLAIN}/2"),
    ]
    assert set(json.loads(journal[0]["body"])) == {"obj_id", "allocation_id", "payload"}


def test_client_habits(server: EndpointServer) -> None:
    client = SkyPortalClient(server.url + PLAIN, DEMO_TOKEN, 7)
    configure(server, answer="created")
    assert client.submit("2023ixf", {}).startswith("rejected: ")
    configure(server, answer="redirect")
    assert client.submit("2023ixf", {}) == "submitted"
    with pytest.raises(ValueError, match="Failed to delete follow-up request"):
        client.delete()
    slashed = SkyPortalClient(f"{server.url}{PORTAL}", DEMO_TOKEN, 7)
    slashed.submit("2023ixf", {})
    slashed.endpoint += "/"
    with pytest.raises(ValueError, match="status 404"):
        slashed.delete()
    assert requests.get(f"{server.url}/_journal", timeout=10).json()[-1]["path"] == f"{PORTAL}//4711"
