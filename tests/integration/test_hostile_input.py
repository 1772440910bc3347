"""Names, ids and numbers that somebody would send to get where they do not belong: tried, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slew.handler import facility_handler
from skyportal.app import handler as skyportal
from slew import fetching
from slew.errors import Invalid
from slew.models import AllocationBody, Target
from slew.validation import parse
from tests.conftest import embedded
from tests.support.calls import Client
from tests.support.survey import SECRET, Survey, SurveyServer

# ---- names, ids, queues


@pytest.fixture(scope="module")
def call() -> Iterator[Client]:
    server = SurveyServer()
    with pytest.MonkeyPatch.context() as monkeypatch, embedded(monkeypatch):
        monkeypatch.setenv("SLEW_SURVEY_URL", server.start())
        yield Client(facility_handler(Survey()))
    server.stop()


PATHS = (
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/etc",
    "a\x00b",
    "a\r\nb",
    ".hidden",
    "-rf",
    "%2e%2e",
    "\u202egpj",
    "\u0430dmin",
    "a" * 65,
    "a\u2028b",
    "REQUEST#x",
    "*",
)


@pytest.mark.parametrize("name", PATHS)
def test_an_id_is_a_plain_word(name: str, call: Client) -> None:
    body = {"pi": "PI", "altdata": {"listener_token": SECRET}}
    for more in ({"id": name, "group": "red"}, {"id": "s", "group": name}):
        reply = call("POST", "/facilities/survey/allocations", {**body, **more})
        assert reply.status == 422, reply.text
        assert reply.json["errors"][0]["loc"][0] in ("id", "group")


@pytest.mark.parametrize("name", [*PATHS, "a" * 3000])
def test_what_stands_in_a_path_is_found_or_not(name: str, call: Client) -> None:
    for path in ("allocations/{}", "requests/{}", "requests/{}/payload", "allocations/{}/queues"):
        reply = call("GET", f"/facilities/survey/{path.format(name.replace('#', '%23'))}")
        assert reply.status == 404, (path, reply.text)
        assert reply.headers["Content-Type"] == "application/problem+json"


def test_names_in_skyportals_paths_are_bounded(call: Client) -> None:
    admin = Client(skyportal)
    target = {"target": {"name": "AT", "ra": 1, "dec": 1}}
    assert admin("PUT", f"/skyportal/targets/{'a' * 1100}", target).status == 422
    for token_id in ("a b", "..", "notify", "A" * 16, "0" * 17):
        reply = admin("PUT", f"/skyportal/senders/{token_id}", {"allocations": {}})
        assert (reply.status, reply.json["errors"][0]["loc"]) == (422, ["path", "token_id"])


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"url": "https://127.1/"}, "url"),
        ({"url": "https://s.example.org/?a=b"}, "url"),
        ({"url": "https://user@s.example.org/"}, "url"),
        ({"url": "https://s.example.org", "token": "\u2603"}, "token"),
        ({"url": "https://s.example.org", "token": "a\nHost: b"}, "token"),
    ],
)
def test_a_senders_address_and_token_are_checked(call: Client, about: Any, field: str) -> None:
    reply = Client(skyportal)("PUT", f"/skyportal/senders/{'0' * 16}", {"allocations": {}, **about})
    assert (reply.status, reply.json["errors"][0]["loc"]) == (422, [field])


@pytest.mark.parametrize(
    "name", ["../../grids/x", "..", "a/../../b", "\\\\x\\y", "a\x00b", "\u202e", "", "." * 300]
)
def test_a_products_name_is_one_part_of_a_key(name: str) -> None:
    safe = fetching.safe_name(name)
    assert safe.isascii()
    assert not set("/\\\x00%") & set(safe)
    assert safe.strip("._")
    assert len(safe) <= 200


MARKS = "\n\x00\x1b\x7f\x9b\u2028\u202e\u2066\ud800\u061c\u200b\u200e\u200f\u2060\ufeff\U000e0041"


@pytest.mark.parametrize("mark", ["\r\n", *MARKS])
def test_names_hold_no_control_characters_and_turn_no_text_around(mark: str) -> None:
    for field in ("pi", "proposal_id"):
        body = {"pi": "PI", "group": "red", "altdata": {}, field: f"a{mark}Bcc: x@example.org"}
        with pytest.raises(Invalid) as caught:
            parse(AllocationBody, body)
        assert caught.value.errors[0].loc == (field,)
    with pytest.raises(Invalid):
        parse(Target, {"name": f"AT{mark}1", "ra": 1, "dec": 1})


@pytest.mark.parametrize(
    "value", ["nan", "inf", "1e400", "\u0661\u0662", "12:00:nan", "9" * 400, True, 1e308]
)
def test_a_coordinate_is_a_number(value: Any) -> None:
    for field in ("ra", "dec"):
        with pytest.raises(Invalid) as caught:
            parse(Target, {"name": "AT", "ra": 1, "dec": 1, field: value})
        assert caught.value.errors[0].loc == (field,)
