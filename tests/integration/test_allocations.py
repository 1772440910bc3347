"""Allocations through the handler: what is kept, what is shown, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from slew.handler import facility_handler
from slew import clock, store, vault
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer

URL = "/facilities/toy/allocations"
SLACK = {
    "slack_workspace": "T00000000",
    "slack_channel": "B00000000",
    "slack_token": "XXXXXXXXXXXXXXXXXXXXXXXX",
}
BODY: dict[str, Any] = {
    "id": "toy-1",
    "pi": "A. Nova",
    "group": "transients",
    "proposal_id": "P1",
    "altdata": {"token": SECRET, "email": ""},
}
TRIGGER = {"target": {"name": "SN 2023ixf", "ra": 210.91, "dec": 54.31}, "payload": {"exposure": 30}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyServer]:
    server = ToyServer()
    monkeypatch.setenv("SLEW_TOY_URL", server.start())
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any) -> Client:
    return Client(facility_handler(Toy()), role="manager", groups="transients")


def secret(client: Any, name: str) -> Any:
    value = json.loads(client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    if name.startswith("slew/notify/"):
        assert clock.parse(value.pop("allocation_since")) <= clock.now()
    return value


def secret_names(client: Any) -> set[str]:
    return {each["Name"] for each in client("secretsmanager").list_secrets()["SecretList"]}


def table_text(client: Any) -> str:
    (table,) = client("dynamodb").list_tables()["TableNames"]
    return json.dumps(client("dynamodb").scan(TableName=table)["Items"])


def test_secrets_go_to_the_vault_and_come_back_masked(call: Client, embedded_aws: Any) -> None:
    reply = call("POST", URL, BODY)
    assert reply.status == 201
    assert reply.headers["Location"] == f"{URL}/toy-1"
    assert reply.json["altdata"] == {"token": "********"}
    assert call("GET", f"{URL}/toy-1").json == reply.json
    assert secret(embedded_aws, "slew/toy/toy-1") == {"token": SECRET}
    assert SECRET not in table_text(embedded_aws)


def test_an_id_is_made_up_where_none_is_given_and_is_unique(call: Client) -> None:
    body = {key: value for key, value in BODY.items() if key != "id"}
    first, second = (call("POST", URL, body).json["id"] for _ in range(2))
    assert first != second
    assert call("POST", URL, {**BODY, "id": first}).status == 409


def test_a_taken_id_keeps_its_first_credentials(call: Client, embedded_aws: Any) -> None:
    call("POST", URL, BODY)
    assert call("POST", URL, {**BODY, "altdata": {"token": "another"}}).status == 409
    assert secret(embedded_aws, "slew/toy/toy-1") == {"token": SECRET}


def test_patch_merges_key_by_key(call: Client, embedded_aws: Any) -> None:
    call(
        "POST",
        URL,
        {**BODY, "altdata": {"token": SECRET, "notification_type": "email", "email": "a@example.org"}},
    )
    reply = call(
        "PATCH", f"{URL}/toy-1", {"pi": "B. Nova", "altdata": {"token": "********", "include_comments": "t"}}
    )
    assert reply.status == 200
    assert reply.json["pi"] == "B. Nova"
    assert reply.json["proposal_id"] == "P1"
    assert reply.json["notify"]["include_comments"] is True
    kept = secret(embedded_aws, "slew/toy/toy-1")
    assert kept["token"] == SECRET
    assert kept["email"] == "a@example.org"
    call("PATCH", f"{URL}/toy-1", {"proposal_id": None, "altdata": {"notification_type": None}})
    view = call("GET", f"{URL}/toy-1").json
    assert view["proposal_id"] is None
    assert view["notify"]["notification_type"] == "none"
    assert secret_names(embedded_aws) == {"slew/toy/toy-1"}


def test_put_truly_replaces(call: Client, embedded_aws: Any) -> None:
    call("POST", URL, {**BODY, "altdata": {"token": SECRET, "email": "a@example.org"}})
    reply = call("PUT", f"{URL}/toy-1", {"pi": "B. Nova", "group": "transients", "altdata": {"token": "new"}})
    assert reply.status == 200
    assert reply.json["proposal_id"] is None
    assert secret(embedded_aws, "slew/toy/toy-1") == {"token": "new"}
    masked = call("PUT", f"{URL}/toy-1", {**BODY, "altdata": {"token": "********"}})
    assert masked.status == 422
    assert masked.json["errors"][0]["loc"] == ["altdata", "token"]


def test_the_new_credentials_are_used_at_once(call: Client, server: ToyServer) -> None:
    call("POST", URL, {**BODY, "altdata": {"token": "wrong"}})
    assert call("POST", f"{URL}/toy-1/verify").json["valid"] is False
    call("PATCH", f"{URL}/toy-1", {"altdata": {"token": SECRET}})
    assert call("POST", f"{URL}/toy-1/verify").json["valid"] is True


def test_notification_addresses_are_kept_apart(call: Client, embedded_aws: Any) -> None:
    reply = call("POST", URL, {**BODY, "notify": {"notification_type": "slack", **SLACK, "on": ["rejected"]}})
    assert reply.json["notify"]["on"] == ["rejected"]
    assert "XXXX" not in reply.text
    assert secret(embedded_aws, "slew/notify/toy-1") == SLACK
    assert secret(embedded_aws, "slew/toy/toy-1") == {"token": SECRET}
    assert "XXXX" not in table_text(embedded_aws)
    call("PATCH", f"{URL}/toy-1", {"notify": {"on": ["complete"]}})
    assert secret(embedded_aws, "slew/notify/toy-1") == SLACK
    assert call("GET", f"{URL}/toy-1").json["notify"]["on"] == ["complete"]
    call("PATCH", f"{URL}/toy-1", {"notify": None})
    assert secret_names(embedded_aws) == {"slew/toy/toy-1"}


def test_altdata_may_hold_the_addresses_as_at_the_peer(call: Client, embedded_aws: Any) -> None:
    reply = call("POST", URL, {**BODY, "altdata": {"token": SECRET, "notification_type": "slack", **SLACK}})
    assert reply.json["notify"]["notification_type"] == "slack"
    assert secret(embedded_aws, "slew/notify/toy-1") == SLACK
    assert reply.json["altdata"]["slack_token"] == "********"


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"altdata": {}}, ["altdata", "token"]),
        ({"altdata": {"token": SECRET, "tokn": "x"}}, ["altdata", "tokn"]),
        ({"altdata": {"token": SECRET, "notification_type": "slack"}}, ["altdata", "slack_workspace"]),
        ({"altdata": {"token": SECRET, "notification_type": "email"}}, ["altdata", "email"]),
        (
            {"altdata": {"token": SECRET, "notification_type": "email", "email": "a b@c"}},
            ["altdata", "email"],
        ),
        ({"altdata": {"token": SECRET, "notification_type": "pigeon"}}, ["altdata", "notification_type"]),
        ({"notify": {"notification_type": "slack", "slack_token": "X"}}, ["notify", "slack_workspace"]),
        ({"notify": {"notification_type": "email"}}, ["notify", "email"]),
        ({"altdata": {"token": SECRET, "zz": None}}, ["altdata", "zz"]),
        ({"notify": {"on": ["exploded"]}}, ["notify", "on", 0]),
        ({"id": "a/b"}, ["id"]),
        ({"group": ""}, ["group"]),
        ({"pi": ""}, ["pi"]),
        ({"instrument": "camera"}, ["instrument"]),
        (
            {"validity_ranges": [{"start_date": "2026-02-01", "end_date": "2026-01-01"}]},
            ["validity_ranges", 0],
        ),
        (
            {"validity_ranges": [{"start_date": "soon", "end_date": "2026-01-01"}]},
            ["validity_ranges", 0, "start_date"],
        ),
        ({"validity_ranges": [{"start_date": 1, "end_date": 2}]}, ["validity_ranges", 0, "start_date"]),
        (
            {"validity_ranges": [{"start_date": "0001-01-01T00:00:00+12:00", "end_date": "2026-01-01"}]},
            ["validity_ranges", 0, "start_date"],
        ),
        ({"notify": {"on": [1] * 50_000}}, ["notify", "on", 0]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    call: Client, embedded_aws: Any, change: dict[str, Any], loc: list[Any]
) -> None:
    reply = call("POST", URL, {**BODY, **change})
    assert reply.status == 422
    assert reply.json["errors"][0]["loc"] == loc
    assert SECRET not in reply.text
    assert secret_names(embedded_aws) == set()
    assert "toy-1" not in table_text(embedded_aws)


def test_a_removal_that_breaks_off_can_be_repeated_and_leaves_nothing(
    call: Client, embedded_aws: Any, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("POST", URL, {**BODY, "notify": {"notification_type": "slack", **SLACK}}).status == 201
    removed: list[str] = []

    def break_off(name: str) -> None:
        removed.append(name)
        if len(removed) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(vault, "remove", break_off)
        with pytest.raises(KeyboardInterrupt):
            call("DELETE", f"{URL}/toy-1")
    assert call("GET", f"{URL}/toy-1").status == 200
    reply = call("POST", "/facilities/toy/requests", {"allocation_id": "toy-1", **TRIGGER})
    assert reply.status == 503, "what is being removed must not trigger"
    assert call("DELETE", f"{URL}/toy-1").status == 204
    assert secret_names(embedded_aws) == set()
    assert call("GET", f"{URL}/toy-1").status == 404


def test_deleting_is_refused_while_requests_are_live(
    call: Client, server: ToyServer, embedded_aws: Any
) -> None:
    call("POST", URL, BODY)
    request = call(
        "POST",
        "/facilities/toy/requests",
        {"allocation_id": "toy-1", "target": {"name": "x", "ra": 1, "dec": 1}, "payload": {}},
    ).json
    refused = call("DELETE", f"{URL}/toy-1")
    assert refused.status == 409
    assert request["id"] in refused.json["detail"]
    assert call("DELETE", f"{URL}/toy-1?force=yes").status == 422
    assert call("DELETE", f"{URL}/toy-1?force=true").status == 204
    assert call("GET", f"{URL}/toy-1").status == 404
    assert secret_names(embedded_aws) == set()
    assert call("GET", f"/facilities/toy/requests/{request['id']}").status == 200


def test_what_is_submitted_meanwhile_stops_a_deletion(
    call: Client, server: ToyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("POST", URL, BODY)
    trigger = {"allocation_id": "toy-1", **TRIGGER}
    put = store.put_allocation
    made: list[str] = []

    def put_late(*given: Any) -> None:
        if not made:
            made.append("")
            made[0] = call("POST", "/facilities/toy/requests", trigger).json["id"]
        put(*given)

    with monkeypatch.context() as late:
        late.setattr(store, "put_allocation", put_late)
        refused = call("DELETE", f"{URL}/toy-1")
    assert (refused.status, made[0] in refused.text) == (409, True)
    again = {**trigger, "target": {"name": "y", "ra": 2, "dec": 2}}
    assert call("POST", "/facilities/toy/requests", again).status == 201, "it is as it was"


def test_who_may_manage(call: Client) -> None:
    call("POST", URL, BODY)
    for role, groups in (("observer", "transients"), ("manager", "others"), ("viewer", "")):
        other = Client(call.handler, role=role, groups=groups)
        assert other("POST", URL, {**BODY, "id": "toy-2"}).status == 403
        assert other("PATCH", f"{URL}/toy-1", {"pi": "X"}).status == 403
        assert other("DELETE", f"{URL}/toy-1").status == 403
    assert Client(call.handler, role="viewer", groups="transients")("GET", f"{URL}/toy-1").status == 200
    assert Client(call.handler, role="viewer", groups="others")("GET", f"{URL}/toy-1").status == 403
    assert call("PATCH", f"{URL}/toy-1", {"group": "others"}).status == 403


def test_a_half_finished_change_of_credentials_is_found_out(
    call: Client, server: ToyServer, embedded_aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("POST", URL, BODY)
    with monkeypatch.context() as patch:
        patch.setattr("slew.vault.write", lambda *_: 1 / 0)
        assert call("PATCH", f"{URL}/toy-1", {"altdata": {"token": "new"}}).status == 500
    assert call("POST", f"{URL}/toy-1/verify").status == 503
    assert call("PUT", f"{URL}/toy-1", BODY).status == 200
    assert call("POST", f"{URL}/toy-1/verify").json["valid"] is True


def test_a_patch_cannot_hide_an_address_that_is_still_told(call: Client, embedded_aws: Any) -> None:
    call("POST", URL, {**BODY, "notify": {"notification_type": "email", "email": "a@example.org"}})
    assert call("PATCH", f"{URL}/toy-1", {"notify": {"email": None}}).status == 422
    assert secret(embedded_aws, "slew/notify/toy-1") == {"email": "a@example.org"}
    call("PATCH", f"{URL}/toy-1", {"notify": {"email": "b@example.org"}})
    assert secret(embedded_aws, "slew/notify/toy-1") == {"email": "b@example.org"}


def test_masks_that_come_back_leave_the_webhook_and_stay_in_view(call: Client, embedded_aws: Any) -> None:
    call("POST", URL, {**BODY, "notify": {"notification_type": "slack", **SLACK}})
    view = call("GET", f"{URL}/toy-1").json["notify"]
    again = call("PATCH", f"{URL}/toy-1", {"notify": {**view, "on": ["failed"]}})
    assert (again.status, again.json["notify"]["slack_token"]) == (200, "********")
    assert secret(embedded_aws, "slew/notify/toy-1") == SLACK
    assert call("PATCH", f"{URL}/toy-1", {"notify": {"slack_token": "new"}}).status == 422
    assert call("PATCH", f"{URL}/toy-1", {"notify": {"slack_token": None}}).status == 422


def test_the_group_is_kept_while_requests_are_live(call: Client, server: ToyServer) -> None:
    call("POST", URL, BODY)
    body = {"allocation_id": "toy-1", "target": {"name": "x", "ra": 1, "dec": 1}, "payload": {}}
    call("POST", "/facilities/toy/requests", body)
    admin = Client(call.handler)
    assert admin("PATCH", f"{URL}/toy-1", {"group": "others"}).status == 409


def test_parameters_that_a_call_does_not_know(call: Client, embedded_aws: Any) -> None:
    call("POST", URL, BODY)
    assert call("PATCH", f"{URL}/toy-1?dry_run=true", {"pi": "X"}).status == 422
    assert call("GET", f"{URL}/toy%221").status == 404
