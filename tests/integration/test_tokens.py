"""Tokens: made by an admin, known by the authorizer, dead when they end."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from authorizer.app import handler as authorizer
from local import template
from slew import aws, cli, clock, config, tokens
from slew.principals import Role, from_event
from tests.support.calls import Client, Context
from tokens.app import handler as function


def principal_of(authorization: str | None) -> dict[str, Any]:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = authorizer({"headers": headers}, Context())
    assert answer["isAuthorized"] is True
    context: dict[str, Any] = answer["context"]
    return context


def test_a_token_is_shown_once_and_kept_as_a_digest(embedded_aws: Any) -> None:
    admin = Client(function)
    body = {
        "name": "broker",
        "role": "observer",
        "groups": ["red", "blue"],
        "username": "b",
        "email": "b@example.org",
    }
    reply = admin("POST", "/tokens", body)
    assert reply.status == 201
    token = reply.json["token"]
    assert len(token) == len("slew_") + 43
    stored = json.dumps(embedded_aws("dynamodb").scan(TableName=config.table())["Items"])
    assert token not in stored
    assert token not in admin("GET", "/tokens").text
    event = {"requestContext": {"authorizer": {"lambda": principal_of(f"Bearer {token}")}}}
    principal = from_event(event)
    assert (principal.role, principal.groups, principal.username) == (Role.OBSERVER, ("red", "blue"), "b")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic c2xldw==",
        "Bearer slew_" + "A" * 43,
        "Bearer slew_\u00e9" + "A" * 42,
    ],
)
def test_no_principal_without_a_good_token(embedded_aws: Any, authorization: str | None) -> None:
    context = principal_of(authorization)
    assert context["principal_id"] == ""
    assert context["reason"]


def test_a_revoked_token_is_dead_at_once(embedded_aws: Any) -> None:
    admin = Client(function)
    made = admin("POST", "/tokens", {"name": "x", "role": "viewer", "groups": ["red"]}).json
    token = made["token"]
    (record,) = admin("GET", "/tokens").json["tokens"]
    assert made["id"] == record["id"]
    assert admin("DELETE", f"/tokens/{made['id']}").status == 204
    assert principal_of(f"Bearer {token}")["reason"] == "the token has been revoked"
    assert admin("DELETE", "/tokens/none").status == 404


def test_tokens_beyond_the_first_page_are_revoked(embedded_aws: Any) -> None:
    client = embedded_aws("dynamodb")
    oldest = tokens.issue(client, config.table(), name="oldest", role="admin")
    for number in range(4):
        # Two of these fill a page of the index.
        tokens.issue(client, config.table(), name=f"{number}" * 350_000, role="admin")
    newest = tokens.issue(client, config.table(), name="newest", role="admin")
    for token in (oldest, newest):
        assert tokens.revoke(client, config.table(), tokens.id_of(token))
        assert principal_of(f"Bearer {token}")["reason"] == "the token has been revoked"


def test_a_token_ends(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.issue(embedded_aws("dynamodb"), config.table(), name="x", role="admin", days=1)
    assert principal_of(f"Bearer {token}")["role"] == "admin"
    monkeypatch.setattr(clock, "_offset", lambda: 86_401.0)
    assert principal_of(f"Bearer {token}")["reason"] == "the token has expired"


def test_the_last_use_is_noted(embedded_aws: Any) -> None:
    token = tokens.issue(embedded_aws("dynamodb"), config.table(), name="x", role="admin")
    assert tokens.listed(embedded_aws("dynamodb"), config.table())[0]["used_at"] is None
    principal_of(f"Bearer {token}")
    assert tokens.listed(embedded_aws("dynamodb"), config.table())[0]["used_at"] is not None


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": "x", "role": "king", "groups": ["red"]}, ["role"]),
        ({"name": "x", "role": "observer"}, ["groups"]),
        ({"role": "observer", "groups": ["red"]}, ["name"]),
        ({"name": "x", "role": "observer", "groups": ["a,b"]}, ["groups", 0]),
        ({"name": "x", "role": "observer", "groups": ["red"], "days": 0}, ["days"]),
    ],
)
def test_bad_tokens_are_not_made(embedded_aws: Any, body: dict[str, Any], loc: list[Any]) -> None:
    reply = Client(function)("POST", "/tokens", body)
    assert reply.status == 422
    assert reply.json["errors"][0]["loc"] == loc


def test_only_an_admin_makes_tokens(embedded_aws: Any) -> None:
    for role in ("viewer", "observer", "manager"):
        assert Client(function, role=role, groups="red")("GET", "/tokens").status == 403
        assert Client(function, role=role, groups="red")("POST", "/tokens", {}).status == 403


def test_the_first_token_is_made_on_the_command_line(
    embedded_aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["token", "--table", config.table(), "--name", "operations"]) == 0
    token = capsys.readouterr().out.strip()
    assert principal_of(f"Bearer {token}")["role"] == "admin"
    assert cli.main(["token", "--table", config.table(), "--name", "x", "--role", "observer"]) == 2
    assert "groups" in capsys.readouterr().err


def test_the_command_line_needs_a_region(
    embedded_aws: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    arguments = ["token", "--table", config.table(), "--name", "operations"]
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--region" in said.err
    assert cli.main([*arguments, "--region", "us-east-1"]) == 0
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert principal_of(f"Bearer {capsys.readouterr().out.strip()}")["role"] == "admin"


def test_what_aws_refuses_is_one_line(embedded_aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["token", "--table", "none", "--name", "operations"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "ResourceNotFoundException" in said.err


def test_a_token_is_256_random_bits(embedded_aws: Any) -> None:
    made = [tokens.issue(embedded_aws("dynamodb"), config.table(), name="x", role="admin") for _ in range(50)]
    raw = [base64.urlsafe_b64decode(each.removeprefix("slew_") + "=") for each in made]
    assert {len(each) for each in raw} == {32}
    assert len(set(raw)) == len({each[:8] for each in raw}) == len(made)
    ones = sum(bin(byte).count("1") for each in raw for byte in each)
    assert 0.46 < ones / (50 * 256) < 0.54


def test_a_token_is_looked_for_by_its_digest_only(embedded_aws: Any) -> None:
    """Comparing in constant time: nothing compares tokens.

    The database finds the item of a SHA-256 digest or it does not, the search's time depends on digests, and
    nobody can make a token to a digest of his choosing. So no part of a token can be found out by timing.
    """
    token = tokens.issue(embedded_aws("dynamodb"), config.table(), name="x", role="admin")
    asked: list[str] = []
    aws.client("dynamodb").meta.events.register(
        "provide-client-params.dynamodb.*", lambda params, **_: asked.append(str(params))
    )
    near = f"{token[:-1]}{'A' if token[-1] != 'A' else 'E'}"
    assert principal_of(f"Bearer {token}")["principal_id"]
    assert principal_of(f"Bearer {near}")["reason"] == "the token is not known"
    digests = [hashlib.sha256(each.encode()).hexdigest() for each in (token, near)]
    assert all(any(f"TOKEN#{digest}" in each for each in asked) for digest in digests)
    assert not [each for each in asked if token in each or near in each]


def test_the_last_use_is_noted_anew_once_an_hour(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = embedded_aws("dynamodb")
    token = tokens.issue(client, config.table(), name="x", role="admin")
    seen = []
    for offset in (0.0, 1800.0, 3700.0):
        monkeypatch.setattr(clock, "_offset", lambda offset=offset: offset)
        principal_of(f"Bearer {token}")
        seen.append(tokens.listed(client, config.table())[0]["used_at"])
    assert seen[0] == seen[1] < seen[2]


def test_the_use_of_a_dead_token_is_not_noted(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = embedded_aws("dynamodb")
    revoked, expired = (
        tokens.issue(client, config.table(), name="x", role="admin", days=1) for _ in range(2)
    )
    assert tokens.revoke(client, config.table(), tokens.id_of(revoked))
    monkeypatch.setattr(clock, "_offset", lambda: 86_401.0)
    for token in (revoked, expired):
        assert principal_of(f"Bearer {token}")["principal_id"] == ""
    records = {each["id"]: each for each in tokens.listed(client, config.table())}
    assert {each["used_at"] for each in records.values()} == {None}
    assert records[tokens.id_of(revoked)]["revoked_at"]


def test_no_answer_of_the_authorizer_is_kept() -> None:
    """API Gateway keeps an authorizer's answers by its identity sources, for as long as its time to live."""
    source = template.parse(Path(__file__).parent.parent.parent / "template.yaml")
    resources = template.expand(source, template.parameter_values(source, {}))["Resources"]
    (api,) = [each for each in resources.values() if each["Type"] == "AWS::ApiGatewayV2::Api"]
    (scheme,) = api["Properties"]["Body"]["components"]["securitySchemes"].values()
    about = scheme["x-amazon-apigateway-authorizer"]
    assert "identitySource" not in about
    assert not about.get("authorizerResultTtlInSeconds")
