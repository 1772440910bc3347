"""What a facility posts: its own authentication, its own form of answer, and what it does to a request."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from queries.app import handler as queries
from slew import retrieval, store, work
from slew.errors import Conflict
from tests.integration.test_plans import ALLOCATION, URL, call, plan, server
from tests.integration.test_retrieval import later
from tests.support.calls import Client, Reply
from tests.support.survey import SECRET, SurveyServer

__all__ = ["call", "later", "server"]


@pytest.fixture
def number(call: Client, server: SurveyServer) -> int:
    made = call("POST", f"{URL}/requests", plan(1)).json
    assert made["status"] == "submitted"
    found: int = server.posted[-1]["number"]
    return found


def post(call: Client, body: Any, token: str = SECRET, path: str = "") -> Reply:
    nobody = Client(call.handler, principal_id="")
    return nobody("POST", f"{URL}/messages{path}", body, {"Authorization": f"token {token}"})


@pytest.mark.parametrize("path", ["", "/below", "/api/facility", "/api/spectra/12/annotations"])
def test_a_message_moves_its_request(call: Client, number: int, path: str) -> None:
    reply = post(call, {"number": number, "text": "done"}, path=path)
    assert (reply.status, reply.json) == (200, {"status": "success"})
    (made,) = [each for each in history(call) if each["to"] == "complete"]
    assert (made["action"], made["by"], made["text"]) == ("message", "Survey Telescope", "done")


def history(call: Client) -> list[dict[str, Any]]:
    found, _ = store.list_requests(["transients"], {}, None, None, 10)
    view = call("GET", f"{URL}/requests/{found[0].id}").json
    return [event for event in view["history"] if event["kind"] == "status"]


def test_words_alone_keep_the_status(call: Client, number: int) -> None:
    assert post(call, {"number": number, "text": "clouds"}).status == 200
    assert history(call)[-1]["to"] == "submitted"
    assert history(call)[-1]["text"] == "clouds"


def test_a_file_that_came_with_a_message_is_a_product(call: Client, number: int) -> None:
    assert post(call, {"number": number, "text": "a b c", "file": "night.txt"}).status == 200
    found, _ = store.list_requests(["transients"], {}, None, None, 10)
    (product,) = Client(queries)("GET", f"/requests/{found[0].id}/products").json["products"]
    assert (product["name"], product["state"], product["size"]) == ("night.txt", "fetched", 5)
    assert product["sha256"] == hashlib.sha256(b"a b c").hexdigest()
    assert requests.get(product["link"], timeout=10).text == "a b c"
    assert found[0].fetch_at is None


def test_a_message_about_no_request_is_taken(call: Client, number: int) -> None:
    assert post(call, {}, path="/notes").json == {"status": "success"}
    assert post(call, {}, "wrong", path="/notes").status == 401
    assert history(call)[-1]["to"] == "submitted"


@pytest.mark.parametrize("token", ["", "wrong", SECRET[:-1], SECRET + "x"])
def test_without_the_credential_nothing_is_told(call: Client, number: int, token: str) -> None:
    known, unknown = post(call, {"number": number, "text": "done"}, token), post(call, {"number": 1}, token)
    assert known.status == unknown.status == 401
    assert known.json == unknown.json
    assert history(call)[-1]["to"] == "submitted"


def test_another_allocations_credential_does_not_open_it(call: Client, number: int) -> None:
    other = {**ALLOCATION, "id": "s-2", "altdata": {"listener_token": "another-one"}}
    assert call("POST", f"{URL}/allocations", other).status == 201
    assert post(call, {"number": number, "text": "done"}, "another-one").status == 404
    assert history(call)[-1]["to"] == "submitted"


@pytest.mark.parametrize(("body", "status"), [({"text": "done"}, 422), ({"number": 999, "text": "x"}, 404)])
def test_bad_messages_are_answered_in_the_facilitys_form(
    call: Client, number: int, body: Any, status: int
) -> None:
    reply = post(call, body)
    assert reply.status == status
    assert reply.json["status"] == "error"


def test_a_message_for_a_request_in_work_is_to_come_again(
    call: Client, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: Any, **kwargs: Any) -> Any:
        raise Conflict("it is being worked on")

    monkeypatch.setattr(work, "claim", busy)
    assert post(call, {"number": number, "text": "done"}).status == 503


def test_a_crash_in_a_message_is_over_before_its_client_gives_up(
    call: Client, number: int, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    def dies(*args: Any) -> Any:
        raise Crash

    message = {"number": number, "text": "done"}
    with monkeypatch.context() as patched:
        patched.setattr(retrieval, "keep", dies)
        with pytest.raises(Crash):
            post(call, message)
    assert post(call, message).status == 503
    later(31)
    assert post(call, message).status == 200
    assert history(call)[-1]["to"] == "complete"
