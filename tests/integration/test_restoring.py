"""What was lost comes back from a restored copy of the table, and triggers nothing."""

from __future__ import annotations

from typing import Any

import pytest

from slew.handler import facility_handler
from slew import cli, config, store, tokens, tracking
from slew.status import Status
from slew.work import Desk
from tests.support.calls import Client
from tests.support.toy import SECRET, Toy, ToyServer


def test_what_is_missing_comes_back_and_is_not_sent(
    embedded_aws: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client, live = embedded_aws("dynamodb"), config.table()
    server = ToyServer()
    monkeypatch.setenv("SLEW_TOY_URL", server.start())
    call = Client(facility_handler(Toy()))
    allocation = {"id": "toy-1", "pi": "PI", "group": "red", "altdata": {"token": SECRET}}
    assert call("POST", "/facilities/toy/allocations", allocation).status == 201
    body = {"allocation_id": "toy-1", "target": {"name": "x", "ra": 1, "dec": 1}, "payload": {}}
    sent = call("POST", "/facilities/toy/requests", body).json["id"]
    monkeypatch.setenv("SLEW_TOY_URL", "http://127.0.0.1:9")
    waiting = call("POST", "/facilities/toy/requests", body).json
    assert waiting["status"] == "pending"
    monkeypatch.setenv("SLEW_TOY_URL", server.url)
    token = tokens.issue(client, live, name="x", role="admin")
    copy = _copied(client, live)
    for item in client.scan(TableName=live)["Items"]:
        if not item["pk"]["S"].startswith("TOKEN#"):
            client.delete_item(TableName=live, Key={"pk": item["pk"], "sk": item["sk"]})
    assert tokens.revoke(client, live, tokens.id_of(token))
    assert cli.main(["restore", "--table", live, "--from", copy]) == 0
    told = capsys.readouterr().out
    assert "ALLOCATION: 1\n" in told
    assert "held: 1\n" in told
    assert "TOKEN" not in told
    assert tokens.identify(client, live, token) == "the token has been revoked"
    assert store.get_allocation("toy-1")
    arrived = len(server.journal)
    assert not [each for each, _ in store.due("toy", 1e12, 10) if each == waiting["id"]]
    tracking.tick(Desk(Toy(), 1e12))
    found = {each: store.get_request(each) for each in (sent, waiting["id"])}
    assert {each.status for each in found.values() if each} == {Status.SUBMITTED, Status.PENDING}
    assert not [each for each in server.journal[arrived:] if each["method"] == "POST"]
    assert cli.main(["restore", "--table", live, "--from", copy]) == 0
    assert capsys.readouterr().out == "nothing was missing\n"
    server.stop()


def _copied(client: Any, table: str) -> str:
    key = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    client.create_table(
        TableName="copy",
        KeySchema=key,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in client.scan(TableName=table)["Items"]:
        client.put_item(TableName="copy", Item=item)
    return "copy"
