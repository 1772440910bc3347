"""Who may do what on AWS, read from the transformed template: no right is wider than it has to be."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local import template
from tests.support import grants
from tests.support.grants import Grant

ROOT = Path(__file__).parent.parent.parent
SECRETS = "arn:aws:secretsmanager:us-east-1:123456789012:secret:slew/"

# AWS's own policies, which SAM attaches for logs, a queue and a stream: each on every resource of its kind.
MANAGED = {
    "AWSLambdaBasicExecutionRole": "writes log lines; a role can write to no log of others but by its name, "
    "and reads none",
    "AWSLambdaSQSQueueExecutionRole": "takes messages from queues; the account's other queues have policies "
    "of their own, and a deployment shares its account with nothing else (docs/security.md)",
    "AWSLambdaDynamoDBExecutionRole": "reads DynamoDB streams; the account has one, and the publisher "
    "is its reader",
}
# Wildcards in what is allowed, beyond the `/*` at the end of a prefix: none is needed.
WILDCARDS: dict[tuple[str, str], str] = {}


@cache
def resources() -> dict[str, Any]:
    source = template.parse(ROOT / "template.yaml")
    found: dict[str, Any] = template.expand(source, template.parameter_values(source, {}))["Resources"]
    return found


@cache
def every() -> tuple[Grant, ...]:
    return tuple(grants.of_resources(resources()))


@cache
def facilities() -> dict[str, str]:
    """Role by facility: the functions that a schedule calls."""
    return {
        each["Properties"]["Handler"].partition(".")[0]: f"{name}Role"
        for name, each in resources().items()
        if each["Type"] == "AWS::Lambda::Function" and f"{name}Tick" in resources()
    }


def allowed(role: str, action: str) -> set[str]:
    """The resources on which a role may do an action."""
    return {
        each.resource
        for each in every()
        if each.role == role and each.effect == "Allow" and each.action == action
    }


def test_there_is_a_role_for_every_function() -> None:
    functions = [name for name, each in resources().items() if each["Type"] == "AWS::Lambda::Function"]
    assert {f"{name}Role" for name in functions} <= {each.role for each in every()}
    assert len(facilities()) >= 16


def test_no_action_is_a_wildcard() -> None:
    found = [
        each for each in every() if each.effect == "Allow" and each.where != "aws" and "*" in each.action
    ]
    assert found == []


def test_no_resource_is_a_wildcard_but_the_end_of_a_prefix() -> None:
    """`.../prefix/*` is the only form, except for what stands in WILDCARDS with its reason."""
    found = [
        each
        for each in every()
        if each.effect == "Allow" and each.where != "aws" and (each.where, each.resource) not in WILDCARDS
    ]
    assert [each for each in found if not re.fullmatch(r"[^*?]+(?<!:)(/\*)?", each.resource)] == []
    for each in found:
        if each.resource.endswith("/*"):
            prefix = each.resource.removesuffix("*").partition(SECRETS if SECRETS in each.resource else "}/")[
                2
            ]
            assert prefix.count("/") >= 1, each
            assert len(prefix) > 1, each


def test_the_managed_policies_are_those_that_sam_attaches() -> None:
    attached = {each.action.rpartition("/")[2] for each in every() if each.where == "aws"}
    assert attached == set(MANAGED)
    assert all(MANAGED.values())


def test_what_others_may_call_is_named() -> None:
    """Resource-based policies: only our own API calls the functions, and only our topic fills the queues."""
    for name, each in resources().items():
        properties = each.get("Properties", {})
        if each["Type"] == "AWS::Lambda::Permission":
            assert grants.text(properties["SourceArn"]).startswith(
                "arn:aws:execute-api:us-east-1:123456789012:${Api}/"
            ), name
        if each["Type"] in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"):
            for statement in properties["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Deny" or statement["Principal"] != "*", name
                assert statement["Effect"] == "Deny" or statement["Condition"], name


@pytest.mark.parametrize("facility", sorted(facilities()))
def test_a_facility_reaches_its_own_secrets_and_objects_only(facility: str) -> None:
    role = facilities()[facility]
    assert allowed(role, "secretsmanager:GetSecretValue") == {f"{SECRETS}{facility}/*"}
    for action in ("CreateSecret", "PutSecretValue", "DeleteSecret"):
        owners = {each.removeprefix(SECRETS) for each in allowed(role, f"secretsmanager:{action}")}
        assert owners == {f"{facility}/*", "notify/*", "handover/*"}
    own = {f"${{Bucket.Arn}}/{prefix}/{facility}/*" for prefix in ("uploads", "payloads", "products")}
    assert allowed(role, "s3:PutObject") == own
    assert own <= allowed(role, "s3:GetObject") <= own | {"${Bucket.Arn}/grids/*"}


def test_nobody_else_reads_a_facilitys_secrets() -> None:
    readers = {
        each.role: each.resource.removeprefix(SECRETS)
        for each in every()
        if each.action == "secretsmanager:GetSecretValue" and each.role not in facilities().values()
    }
    assert readers == {
        "SlackNotifierFunctionRole": "notify/*",
        "EmailNotifierFunctionRole": "notify/*",
        "WebhookHandoverFunctionRole": "handover/*",
        "SkyportalHandoverFunctionRole": "handover/*",
        "SkyportalFunctionRole": "skyportal/*",
    }
    assert not set(facilities()) & {"notify", "handover", "skyportal"}


@pytest.mark.parametrize("role", ["QueriesFunctionRole", "PlotsFunctionRole"])
def test_readers_write_nothing_and_know_no_secret(role: str) -> None:
    own = {each.action for each in every() if each.role == role and each.effect == "Allow"}
    assert {action for action in own if not action.startswith("arn:")} <= {
        "dynamodb:GetItem",
        "dynamodb:Query",
        "s3:GetObject",
    }
    prefixes = {each.removeprefix("${Bucket.Arn}/") for each in allowed(role, "s3:GetObject")}
    assert prefixes <= {"products/*", "payloads/*"}


@pytest.mark.parametrize("role", ["WebhookHandoverFunctionRole", "SkyportalHandoverFunctionRole"])
def test_handovers_write_only_histories(role: str) -> None:
    assert not allowed(role, "s3:PutObject")
    assert not allowed(role, "secretsmanager:PutSecretValue")
    assert {each.removeprefix("${Bucket.Arn}/") for each in allowed(role, "s3:GetObject")} <= {"products/*"}
    written = [each for each in every() if each.role == role and each.action == "dynamodb:UpdateItem"]
    assert not allowed(role, "dynamodb:PutItem")
    assert [each.condition for each in written] == [
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["REQUEST#*"]}}
    ]


def test_the_table_of_tokens_is_for_two_functions() -> None:
    for role in {each.role for each in every()}:
        mine = [each for each in every() if each.role == role and each.action.startswith("dynamodb:")]
        granted = [each for each in mine if each.effect == "Allow"]
        if role in ("AuthorizerFunctionRole", "TokensFunctionRole") or not granted:
            continue
        denied = any(
            each.effect == "Deny" and "TOKEN#*" in str(each.condition) and each.resource == "${Table.Arn}"
            for each in mine
        )
        bound = all(
            "LeadingKeys" in str(each.condition) and "TOKEN" not in str(each.condition) for each in granted
        )
        assert denied or bound, role


def test_nothing_deletes_tables_buckets_or_roles() -> None:
    services = {each.action.partition(":")[0] for each in every() if each.where != "aws"}
    assert services <= {"dynamodb", "secretsmanager", "s3", "sqs", "sns", "ses", "lambda"}
    called = [each for each in every() if each.action == "lambda:InvokeFunction"]
    assert all("*" not in each.resource for each in called)
