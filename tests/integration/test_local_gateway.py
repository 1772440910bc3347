"""The gateway: routes, events, authorizer and answers as API Gateway's HTTP APIs have them."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local import apigateway
from local.clock import Clock
from local.gateway import BODY_LIMIT, Gateway
from local.processes import Children
from local.runtime import Runtime
from local.system import Function, Route

ECHO = """
    import base64, pathlib, time
    def handler(event, context):
        query = event.get("queryStringParameters", {})
        if "raise" in query:
            raise RuntimeError("as asked")
        if "wait_for" in query:
            while not pathlib.Path(query["wait_for"]).exists():
                time.sleep(0.01)
            pathlib.Path(query["wait_for"] + ".seen").touch()
        answers = {
            "plain": "just text",
            "value": {"just": "json"},
            "full": {"statusCode": 201, "headers": {"X-One": "1", "Content-Type": "text/csv"}, "body": "a,b",
                     "cookies": ["a=1; Path=/", "b=2"]},
            "number": {"statusCode": "202"},
            "binary": {"statusCode": 200, "isBase64Encoded": True,
                       "body": base64.b64encode(bytes(range(256))).decode()},
            "none": {"statusCode": 204},
            "bad_status": {"statusCode": "many"},
            "bad_headers": {"statusCode": 200, "headers": {"A": ["b"]}},
            "bad_body": {"statusCode": 200, "body": {"a": 1}},
        }
        return answers.get(query.get("answer"), {"event": event})
    """
GUARD = """
    def handler(event, context):
        token = event["headers"].get("authorization")
        if token == "broken":
            raise RuntimeError("no")
        if token == "odd":
            return {"isAuthorized": "yes"}
        return {"isAuthorized": token == "good", "context": {"seen": event, "n": 1}}
    """
ROUTES = (
    Route("GET", "/pets/dog/1", "Echo"),
    Route("GET", "/pets/dog/{id}", "Echo"),
    Route("ANY", "/pets/{kind}/1", "Echo"),
    Route("GET", "/pets/{proxy+}", "Echo"),
    Route("ANY", "/both", "Echo"),
    Route("POST", "/both", "Echo"),
    Route("ANY", "/{first}/x", "Echo"),
    Route("ANY", "/closed/{id}", "Echo", "Guard"),
)
DEFAULT = Route("ANY", "$default", "Echo")


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "ANY /pets/{kind}/1", {"kind": "cat"}),
        ("POST", "/pets/dog/1", "ANY /pets/{kind}/1", {"kind": "dog"}),
        ("GET", "/pets/cat/2", "GET /pets/{proxy+}", {"proxy": "cat/2"}),
        ("GET", "/pets/a/b/c", "GET /pets/{proxy+}", {"proxy": "a/b/c"}),
        ("GET", "/pets/x", "GET /pets/{proxy+}", {"proxy": "x"}),
        ("GET", "/boats/x", "ANY /{first}/x", {"first": "boats"}),
        ("POST", "/both", "POST /both", {}),
        ("PUT", "/both", "ANY /both", {}),
        ("POST", "/pets/cat/2", "$default", {}),
        ("GET", "/pets", "$default", {}),
        ("GET", "/pets/", "$default", {}),
        ("GET", "/both/", "$default", {}),
        ("GET", "/", "$default", {}),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    for routes in ((*ROUTES, DEFAULT), (DEFAULT, *reversed(ROUTES))):
        found = apigateway.match(routes, method, path)
        assert found
        assert (found.route.key, found.parameters) == (key, parameters)


def test_without_a_default_route_there_is_no_match() -> None:
    assert apigateway.match(ROUTES, "GET", "/nowhere") is None


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    root = tmp_path_factory.mktemp("gateway")
    for name, body in (("echo", ECHO), ("guard", GUARD)):
        (root / name).mkdir()
        (root / name / "app.py").write_text(textwrap.dedent(body))
    functions = [
        Function("Echo", "echo.app.handler", root, timeout_s=60.0),
        Function("Guard", "guard.app.handler", root, timeout_s=10.0),
    ]
    children = Children()
    runtime = Runtime(functions, children=children, environment={}, logs=root / "logs")
    yield runtime
    runtime.close()
    children.close()


@pytest.fixture(scope="module")
def url(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    clock = Clock(tmp_path_factory.mktemp("clock") / "clock")
    gateway = Gateway(ROUTES, runtime, clock)
    gateway.start()
    yield gateway.url
    gateway.stop()


def seen(response: requests.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    event: dict[str, Any] = response.json()["event"]
    return event


def test_the_event_is_payload_2_0(url: str) -> None:
    event = seen(
        requests.post(
            f"{url}/closed/a%20b?x=1&y=&x=2%2C3&z=%C3%A9",
            data="{}",
            headers={
                "Authorization": "good",
                "Content-Type": "application/json",
                "X-Custom": "One",
                "Cookie": "a=1; b=2",
                "User-Agent": "test/1",
            },
            timeout=30,
        )
    )
    assert event["version"] == "2.0"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "ANY /closed/{id}"
    assert event["rawPath"] == "/closed/a b"
    assert event["rawQueryString"] == "x=1&y=&x=2%2C3&z=%C3%A9"
    assert event["queryStringParameters"] == {"x": "1,2,3", "y": "", "z": "é"}
    assert event["pathParameters"] == {"id": "a b"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-custom"] == "One"
    assert "cookie" not in event["headers"]
    assert all(name == name.lower() for name in event["headers"])
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/closed/a b",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test/1",
    }
    assert context["stage"] == "$default"
    assert context["authorizer"]["lambda"]["n"] == 1
    asked = context["authorizer"]["lambda"]["seen"]
    assert (asked["type"], asked["version"], asked["routeKey"]) == ("REQUEST", "2.0", "ANY /closed/{id}")
    assert asked["routeArn"].endswith("/$default/POST/closed/a b")
    assert "body" not in asked


def test_what_is_not_there_is_left_out(url: str) -> None:
    event = seen(requests.get(f"{url}/pets/x", timeout=30))
    assert not {"cookies", "queryStringParameters", "body"} & event.keys()
    assert "authorizer" not in event["requestContext"]


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b'{"a": "\xc3\xa9"}', False),
        ("application/problem+json; charset=utf-8", b"{}", False),
        ("text/plain", b"abc", False),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/octet-stream", b"abc", True),
        ("application/json", b"\xff\xfe", True),
    ],
)
def test_bodies_that_are_no_text_come_in_base64(
    url: str, content_type: str, body: bytes, encoded: bool
) -> None:
    event = seen(requests.post(f"{url}/both", data=body, headers={"Content-Type": content_type}, timeout=30))
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_a_chunked_body_arrives_whole(url: str) -> None:
    event = seen(
        requests.post(
            f"{url}/both", data=iter([b"one ", b"two"]), headers={"Content-Type": "text/plain"}, timeout=30
        )
    )
    assert event["body"] == "one two"


@pytest.mark.parametrize(
    ("answer", "status", "content_type", "body"),
    [
        ("plain", 200, "application/json", b"just text"),
        ("value", 200, "application/json", b'{"just": "json"}'),
        ("full", 201, "text/csv", b"a,b"),
        ("number", 202, "text/plain;charset=UTF-8", b""),
        ("binary", 200, "text/plain;charset=UTF-8", bytes(range(256))),
        ("none", 204, "text/plain;charset=UTF-8", b""),
        ("bad_status", 500, "application/json", b'{"message": "Internal Server Error"}'),
        ("bad_headers", 500, "application/json", b'{"message": "Internal Server Error"}'),
        ("bad_body", 500, "application/json", b'{"message": "Internal Server Error"}'),
    ],
)
def test_answers(url: str, answer: str, status: int, content_type: str, body: bytes) -> None:
    response = requests.get(f"{url}/both?answer={answer}", timeout=30)
    assert (response.status_code, response.content) == (status, body)
    assert response.headers["Content-Type"] == content_type


def test_headers_and_cookies_of_an_answer(url: str) -> None:
    response = requests.get(f"{url}/both?answer=full", timeout=30)
    assert response.headers["X-One"] == "1"
    assert response.cookies.get_dict() == {"a": "1", "b": "2"}
    assert response.headers["Apigw-Requestid"]


def test_head_has_the_headers_and_no_body(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    for _ in range(2):  # on one connection: a body that was sent after all would be the next answer's head
        connection.request("HEAD", "/both?answer=full")
        response = connection.getresponse()
        assert (response.status, response.read()) == (201, b"")
        assert response.getheader("Content-Length") == "3"
    connection.close()


def test_options_go_to_the_route_like_any_method(url: str) -> None:
    assert seen(requests.options(f"{url}/both", timeout=30))["requestContext"]["http"]["method"] == "OPTIONS"


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        (None, 403, "Forbidden"),
        ("bad", 403, "Forbidden"),
        ("broken", 500, "Internal Server Error"),
        ("odd", 500, "Internal Server Error"),
    ],
)
def test_the_authorizer_decides(url: str, token: str | None, status: int, said: str) -> None:
    headers = {"Authorization": token} if token else {}
    response = requests.get(f"{url}/closed/1", headers=headers, timeout=30)
    assert (response.status_code, response.json()) == (status, {"message": said})


def test_no_route_is_404_and_a_failing_function_500(url: str) -> None:
    missing = requests.get(f"{url}/nowhere", timeout=30)
    assert (missing.status_code, missing.json()) == (404, {"message": "Not Found"})
    failed = requests.get(f"{url}/both?raise=1", timeout=30)
    assert (failed.status_code, failed.json()) == (500, {"message": "Internal Server Error"})


def test_ten_mebibytes_are_the_limit(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST /both HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n"
        connection.sendall(head.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert json.loads(answer.read()) == {"message": "Request Entity Too Large"}


def test_a_body_beyond_lambdas_own_limit_is_413_too(url: str) -> None:
    response = requests.post(
        f"{url}/both", data=b"x" * 7_000_000, headers={"Content-Type": "text/plain"}, timeout=30
    )
    assert response.status_code == 413


def test_a_function_that_takes_too_long_is_answered_and_goes_on(runtime: Runtime, tmp_path: Path) -> None:
    gateway = Gateway(ROUTES, runtime, Clock(tmp_path / "clock"), integration_limit_s=0.3)
    gateway.start()
    go = tmp_path / "go"
    try:
        response = requests.get(f"{gateway.url}/both", params={"wait_for": str(go)}, timeout=30)
        assert (response.status_code, response.json()) == (503, {"message": "Service Unavailable"})
        go.touch()
        pause = threading.Event()
        while not Path(f"{go}.seen").exists():
            pause.wait(0.01)
    finally:
        gateway.stop()


def test_time_is_the_stacks(runtime: Runtime, tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    gateway = Gateway(ROUTES, runtime, clock)
    gateway.start()
    try:
        before = seen(requests.get(f"{gateway.url}/both", timeout=30))["requestContext"]["timeEpoch"]
        clock.advance(86_400)
        after = seen(requests.get(f"{gateway.url}/both", timeout=30))["requestContext"]["timeEpoch"]
    finally:
        gateway.stop()
    assert after - before >= 86_400_000
