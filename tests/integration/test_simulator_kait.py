"""The KAIT simulator by itself: it takes what the CGI script takes, and refuses the rest."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.simulators.kait import PATH, KaitServer

JSON = dict[str, Any]
GOOD: JSON = {
    "name": "ZTF26aabcdef",
    "ra": "229.96204",
    "dec": "34.84428",
    "filters": "gri",
    "exposure": "long",
}
USER = ("kaituser", "correct-horse")


@pytest.fixture
def kait() -> Iterator[KaitServer]:
    server = KaitServer()
    server.start()
    yield server
    server.stop()


def post(
    kait: KaitServer, content: Any = None, auth: tuple[str, str] | None = USER, path: str = PATH
) -> requests.Response:
    body = GOOD if content is None else content
    return requests.post(f"{kait.url}{path}", json=body, auth=auth, timeout=10)


def configure(kait: KaitServer, **settings: Any) -> requests.Response:
    return requests.post(f"{kait.url}/_config", json=settings, timeout=10)


def test_the_answer_is_as_recorded(kait: KaitServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(kait.url).netloc, timeout=10)
    basic = b64encode(":".join(USER).encode()).decode()
    connection.request("POST", PATH, json.dumps(GOOD), {"Authorization": f"Basic {basic}"})
    answer = connection.getresponse()
    assert answer.getheader("Transfer-Encoding") == "chunked"
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.read() == b'\n{"success": "true", "message": "The Command Completed Successfully"}\n'
    connection.close()


def test_equal_requests_are_two_entries(kait: KaitServer) -> None:
    post(kait)
    post(kait)
    first, second = requests.get(f"{kait.url}/_queue", timeout=10).json()
    assert {key: first[key] for key in GOOD} == GOOD
    assert first["name"] == second["name"]
    requests.delete(f"{kait.url}/_queue", timeout=10)
    assert kait.queue == []


@pytest.mark.parametrize("auth", [None, ("kaituser", "wrong"), ("nobody", "correct-horse")])
def test_who_asks_is_checked_before_what(kait: KaitServer, auth: tuple[str, str] | None) -> None:
    answer = post(kait, ["nonsense"], auth)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "401 Unauthorized" in answer.text
    assert kait.queue == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "Invalid name"),
        ({"name": 5}, "Invalid name"),
        ({"ra": "east"}, "Invalid ra"),
        ({"ra": "360.00000"}, "Invalid ra"),
        ({"ra": True}, "Invalid ra"),
        ({"ra": [1]}, "Invalid ra"),
        ({"ra": "nan"}, "Invalid ra"),
        ({"dec": "-90.1"}, "Invalid dec"),
        ({"filters": ""}, "Invalid filters: must be made of U g r i z B V R I"),
        ({"filters": "g,r"}, "Invalid filters: must be made of U g r i z B V R I"),
        ({"filters": ["g"]}, "Invalid filters: must be made of U g r i z B V R I"),
        ({"exposure": "medium"}, "Invalid exposure: must be long or short"),
        ({"exposure": 300}, "Invalid exposure: must be long or short"),
        ({"priority": 1}, "Unknown key: priority"),
    ],
)
def test_a_bad_value_is_refused_with_200(kait: KaitServer, change: JSON, message: str) -> None:
    answer = post(kait, {**GOOD, **change})
    assert answer.status_code == 200
    assert answer.json() == {"success": "false", "message": message}
    assert kait.queue == []


@pytest.mark.parametrize("key", list(GOOD))
def test_every_key_is_needed(kait: KaitServer, key: str) -> None:
    answer = post(kait, {name: value for name, value in GOOD.items() if name != key})
    assert answer.json() == {"success": "false", "message": f"Missing key: {key}"}


def test_an_older_client_sent_numbers(kait: KaitServer) -> None:
    assert post(kait, {**GOOD, "ra": 229.96204, "dec": -1}).json()["success"] == "true"


def test_what_is_not_json(kait: KaitServer) -> None:
    answer = requests.post(f"{kait.url}{PATH}", data="name=x", auth=USER, timeout=10)
    assert answer.json()["message"] == "No JSON object could be decoded"
    assert post(kait, []).json()["message"] == "The request must be a JSON object"


def test_a_refusal_can_be_a_crash(kait: KaitServer) -> None:
    configure(kait, refusal="crash")
    answer = post(kait, {})
    assert answer.status_code == 500
    assert "<title>500 Internal Server Error</title>" in answer.text
    assert post(kait).json()["success"] == "true"


@pytest.mark.parametrize(
    ("how", "body", "queued"),
    [
        ("empty", "", 1),
        ("text", "<html><body>Request queued</body></html>", 1),
        ("boolean", '\n{"success": true, "message": "The Command Completed Successfully"}\n', 1),
        ("full", '\n{"success": "false", "message": "The queue is full"}\n', 0),
    ],
)
def test_other_answers(kait: KaitServer, how: str, body: str, queued: int) -> None:
    configure(kait, answer=how)
    answer = post(kait)
    assert (answer.status_code, answer.text) == (200, body)
    assert len(kait.queue) == queued


def test_there_is_nothing_else(kait: KaitServer) -> None:
    for path in ("/cgi-bin/internal/cancel_kait_ztf_request.py", f"{PATH}/1", "/"):
        assert post(kait, path=path).status_code == 404
    assert requests.get(f"{kait.url}{PATH}", auth=USER, timeout=10).status_code == 405


def test_settings_that_make_no_sense(kait: KaitServer) -> None:
    for settings in ({"colour": 1}, {"refusal": "shrug"}, {"answer": "maybe"}):
        assert configure(kait, **settings).status_code == 400
    assert configure(kait, users={"observer1": "secret-1"}).json()["users"] == [
        "kait",
        "kaituser",
        "observer1",
    ]
    assert post(kait, auth=("observer1", "secret-1")).json()["success"] == "true"
    requests.post(f"{kait.url}/_reset", timeout=10)
    assert post(kait, auth=("observer1", "secret-1")).status_code == 401
