"""Reads across facilities: who sees what, filters, pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from slew.handler import facility_handler
from queries.app import handler as queries
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer


@pytest.fixture
def filled(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Two groups with an allocation each, three and two requests; yields the queries' client, an admin."""
    server = ToyServer()
    monkeypatch.setenv("SLEW_TOY_URL", server.start())
    call = Client(facility_handler(Toy()))
    for group, number in (("red", 3), ("blue", 2)):
        allocation = {"id": f"toy-{group}", "pi": "PI", "group": group, "altdata": {"token": SECRET}}
        assert call("POST", "/facilities/toy/allocations", allocation).status == 201
        for index in range(number):
            body = {
                "allocation_id": f"toy-{group}",
                "target": {"name": f"AT {group} {index}", "ra": 1, "dec": 1},
                "payload": {"exposure": 2000 if index == 0 else 30},
            }
            assert call("POST", "/facilities/toy/requests", body).status == 201
    yield Client(queries)
    server.stop()


def names(reply: Any) -> list[str]:
    return [each["target"]["name"] for each in reply.json["requests"]]


def test_all_requests_newest_first(filled: Client) -> None:
    assert names(filled("GET", "/requests")) == ["AT blue 1", "AT blue 0", "AT red 2", "AT red 1", "AT red 0"]


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_pages_show_everything_once(filled: Client, limit: int) -> None:
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        reply = filled("GET", f"/requests?limit={limit}{cursor}")
        assert len(reply.json["requests"]) <= limit
        seen += names(reply)
        if reply.json["next_cursor"] is None:
            break
        cursor = f"&cursor={reply.json['next_cursor']}"
    assert seen == ["AT blue 1", "AT blue 0", "AT red 2", "AT red 1", "AT red 0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("group=red", ["AT red 2", "AT red 1", "AT red 0"]),
        ("status=rejected", ["AT blue 0", "AT red 0"]),
        ("allocation=toy-blue&status=submitted", ["AT blue 1"]),
        ("target=AT+red+1", ["AT red 1"]),
        ("facility=toy&limit=1", ["AT blue 1"]),
        ("facility=other", []),
        ("since=2000-01-01&group=blue", ["AT blue 1", "AT blue 0"]),
        ("since=2100-01-01", []),
    ],
)
def test_filters(filled: Client, query: str, expected: list[str]) -> None:
    assert names(filled("GET", f"/requests?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=99999999999",
        "cursor=%25",
        "since=soon",
        "colour=red",
    ],
)
def test_bad_parameters(filled: Client, query: str) -> None:
    assert filled("GET", f"/requests?{query}").status == 422


def test_only_ones_own_groups_are_seen(filled: Client) -> None:
    red = Client(queries, role="viewer", groups="red")
    assert names(red("GET", "/requests")) == ["AT red 2", "AT red 1", "AT red 0"]
    assert red("GET", "/requests?group=blue").status == 403
    stolen = base64.urlsafe_b64encode(b"9999#x").decode()
    assert all("red" in name for name in names(red("GET", f"/requests?cursor={stolen}")))
    blue = filled("GET", "/requests?group=blue").json["requests"][0]["id"]
    for path in ("", "/transactions", "/products"):
        assert red("GET", f"/requests/{blue}{path}").status == 403
    assert [each["id"] for each in red("GET", "/allocations").json["allocations"]] == ["toy-red"]
    assert red("GET", "/allocations?group=blue").status == 403


def test_one_request_with_its_history_and_exchanges(filled: Client) -> None:
    found = filled("GET", "/requests?limit=1").json["requests"][0]["id"]
    whole = filled("GET", f"/requests/{found}")
    assert [each["to"] for each in whole.json["history"]] == ["submitting", "submitted"]
    exchanges = filled("GET", f"/requests/{found}/transactions")
    assert exchanges.json["transactions"][0]["status"] == 201
    assert filled("GET", f"/requests/{found}/products").json == {"products": []}
    assert SECRET not in whole.text + exchanges.text
    assert filled("GET", "/requests/none").status == 404


def test_allocations_are_listed_without_secrets(filled: Client) -> None:
    reply = filled("GET", "/allocations?limit=1")
    assert [each["id"] for each in reply.json["allocations"]] == ["toy-blue"]
    assert SECRET not in reply.text
    cursor = reply.json["next_cursor"]
    assert [each["id"] for each in filled("GET", f"/allocations?cursor={cursor}").json["allocations"]] == [
        "toy-red"
    ]


def test_catalogue_and_openapi(embedded_aws: Any) -> None:
    call = Client(queries, role="viewer")
    facilities = call("GET", "/facilities").json["facilities"]
    assert {"atlas_forced_photometry", "generic", "lco", "slack"} <= {each["id"] for each in facilities}
    for each in facilities:
        entry = call("GET", f"/facilities/{each['id']}").json
        named = set(entry["payloads"]) - {"default"}
        assert named == set(each["instruments"])
        assert entry["payloads"]
        for schema in [entry["altdata"], *entry["payloads"].values()]:
            for name, field in schema.get("properties", {}).items():
                assert field.get("title"), (each["id"], name)
                assert field.get("description") or "$ref" in str(field), (each["id"], name)
        assert all("x-secret" in field for field in entry["altdata"]["properties"].values())
    assert call("GET", "/facilities/nowhere").status == 404
    validate(call("GET", "/openapi.json").json)


def test_openapi_is_public_and_the_rest_is_not(embedded_aws: Any) -> None:
    nobody = Client(queries, principal_id="")
    assert nobody("GET", "/openapi.json").status == 200
    for path in ("/facilities", "/facilities/toy", "/requests", "/requests/x", "/allocations"):
        assert nobody("GET", path).status == 401
    assert nobody("GET", "/elsewhere").status == 404
    reply = nobody("POST", "/requests")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET")


def test_a_group_is_exported_whole_and_by_its_managers_alone(filled: Client) -> None:
    seen: list[str] = []
    url = "/groups/red/export"
    first = filled("GET", url).json
    assert [each["id"] for each in first["allocations"]] == ["toy-red"]
    assert SECRET not in str(first)
    seen += [each["target"]["name"] for each in first["requests"]]
    assert seen == ["AT red 2", "AT red 1", "AT red 0"]
    assert all(each["history"] and each["transactions"] for each in first["requests"])
    assert first["next_cursor"] is None
    assert Client(queries, role="manager", groups="red")("GET", url).status == 200
    for role, groups in (("manager", "blue"), ("observer", "red")):
        assert Client(queries, role=role, groups=groups)("GET", url).status == 403
