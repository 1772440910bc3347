"""The export of a group's records: whole, in pages that can be answered, whatever the bucket has lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from slew.handler import facility_handler
from queries import export
from queries.app import handler as queries
from slew import config, objects, payloads, retrieval, store
from slew.errors import TooLarge
from tests.support.calls import Client
from tests.support.rules import Everything
from tests.support.survey import SECRET, SurveyServer

URL = "/facilities/survey"
EXPORT = "/groups/transients/export"


@pytest.fixture
def call(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    server = SurveyServer()
    monkeypatch.setenv("SLEW_SURVEY_URL", server.start())
    yield Client(facility_handler(Everything()))
    server.stop()


def allocate(call: Client, id: str, group: str = "transients") -> None:
    body = {"id": id, "pi": "PI", "group": group, "altdata": {"listener_token": SECRET}}
    assert call("POST", f"{URL}/allocations", body).status == 201


def plan(call: Client, note: str = "") -> str:
    body = {"allocation_id": "s-1", "payload": {"fields": [1], "note": note}}
    reply = call("POST", f"{URL}/plans", body)
    assert reply.status == 201, reply.text
    made: str = reply.json["id"]
    return made


def pages() -> Iterator[dict[str, Any]]:
    reader, cursor = Client(queries, role="manager", groups="transients"), ""
    while True:
        reply = reader("GET", f"{EXPORT}{cursor}")
        assert reply.status == 200, reply.text
        assert len(reply.text.encode()) < 6 * 1024 * 1024
        assert SECRET not in reply.text
        yield reply.json
        if reply.json["next_cursor"] is None:
            return
        cursor = f"?cursor={reply.json['next_cursor']}"


def test_no_allocation_is_left_out(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_ALLOCATIONS", 2)
    allocate(call, "other", "elsewhere")
    for number in range(5):
        allocate(call, f"s-{number}")
    made = [plan(call), plan(call)]
    found = list(pages())
    assert [each["id"] for page in found for each in page["allocations"]] == [
        f"s-{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert [each["id"] for page in found for each in page["requests"]] == made[::-1]


def test_a_page_ends_before_it_is_too_large(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ENOUGH", 30_000)
    allocate(call, "s-1")
    made = [plan(call, "n" * 9_000) for _ in range(4)]
    found = list(pages())
    assert [each["id"] for page in found for each in page["requests"]] == made[::-1]
    assert len(found) > 1
    assert all(len(json.dumps(page)) < 31_000 for page in found)


def test_a_large_payload_goes_by_a_link(call: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ALONE", payloads.IN_RECORD)
    allocate(call, "s-1")
    note = "n" * (payloads.IN_RECORD + 1)
    plan(call, note)
    (page,) = pages()
    (request,) = page["requests"]
    assert note not in str(request["payload"])
    assert requests.get(request["payload_link"], timeout=5).json()["note"] == note


def test_a_payload_that_the_bucket_has_lost_stops_nothing(call: Client) -> None:
    """The lifecycle of the bucket may be shorter than that of the records."""
    allocate(call, "s-1")
    lost = plan(call, "n" * (payloads.IN_RECORD + 1))
    kept = plan(call)
    request = store.get_request(lost)
    assert request
    objects.client().delete_object(Bucket=config.bucket(), Key=request.payload_object)
    (page,) = pages()
    assert [each["id"] for each in page["requests"]] == [kept, lost]
    assert page["requests"][1]["payload"] == request.payload
    assert page["requests"][1]["payload_link"] is None


@pytest.mark.parametrize("how", ["many", "too many"])
def test_many_measurements_go_by_links(call: Client, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    allocate(call, "s-1")
    plan(call)

    def rows(_: Any) -> Any:
        if how == "too many":
            raise TooLarge("it is over 32 MiB")
        return [{"mjd": 60000.0, "note": "x" * 100}] * 12_000

    monkeypatch.setattr(retrieval, "rows", rows)
    monkeypatch.setattr(
        store, "fetches", lambda _: {"x.fits": {"rows_object": "products/survey/r/x.fits.rows"}}
    )
    (page,) = pages()
    (request,) = page["requests"]
    assert request["photometry"] is None
    assert "x.fits.rows" in request["photometry_links"][0]
