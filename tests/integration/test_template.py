"""What the template promises, read from its transformed form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import atlas_forced_photometry.facility
import gemini.progress
import lt.progress
import mma.api
import sedm.following
import swift_too.progress
import swift_xrt.facility
import winter.progress
import ztf.progress
from lco.facility import LCO
from local import catalogue, template
from slew import tracking
from slew.facility import Facility
from soar.facility import SOAR

ROOT = Path(__file__).parent.parent.parent
FACILITIES = [facility.id for facility in catalogue.facilities()]

FIRST_SENDS_S = 20.0
"""Of a tick in which sends can begin, even where each might take its longest."""


def transformed(**parameters: str) -> dict[str, Any]:
    source = template.parse(ROOT / "template.yaml")
    resources: dict[str, Any] = template.expand(source, template.parameter_values(source, parameters))[
        "Resources"
    ]
    return resources


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return transformed()


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def logical(folder: str) -> str:
    return "".join(part.capitalize() for part in folder.split("_"))


def statements(resources: dict[str, Any], function: str) -> list[dict[str, Any]]:
    role = resources[f"{function}FunctionRole"]["Properties"]
    found = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in found]


@pytest.mark.parametrize("facility", FACILITIES)
def test_a_facility_reads_its_own_secrets_and_no_others(resources: dict[str, Any], facility: str) -> None:
    readable = [
        json.dumps(statement["Resource"])
        for statement in [*statements(resources, logical(facility)), *_records_policy(resources)]
        if "secretsmanager:GetSecretValue" in statement["Action"]
    ]
    assert len(readable) == 1
    assert f":secret:slew/{facility}/*" in readable[0]


def _records_policy(resources: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = resources["RecordsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    return found


def test_no_policy_of_ours_allows_everything(resources: dict[str, Any]) -> None:
    functions = [name.removesuffix("FunctionRole") for name in resources if name.endswith("FunctionRole")]
    own = [each for function in functions for each in statements(resources, function)]
    for statement in [*own, *_records_policy(resources)]:
        if statement.get("Effect") == "Allow":
            assert statement["Resource"] != "*", statement
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not [action for action in actions if "*" in action], statement


def test_tokens_are_kept_from_whoever_does_not_handle_them(resources: dict[str, Any]) -> None:
    for found in (_records_policy(resources), statements(resources, "Queries")):
        (denied,) = [each for each in found if each["Effect"] == "Deny"]
        keys = denied["Condition"]["ForAnyValue:StringLike"]["dynamodb:LeadingKeys"]
        assert keys == ["TOKEN#*", "TOKENS"]


def test_a_new_build_publishes_every_function_anew() -> None:
    versions = [
        set(of_type(transformed(BuildId=build), "AWS::Lambda::Version"))
        for build in ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
    ]
    assert len(versions[0]) == len(versions[1]) == len(of_type(transformed(), "AWS::Lambda::Function"))
    assert not versions[0] & versions[1]


def test_the_table(resources: dict[str, Any]) -> None:
    (table,) = of_type(resources, "AWS::DynamoDB::Table").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


def test_every_function_has_a_log_group_with_retention_and_an_alarm(resources: dict[str, Any]) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert all("RetentionInDays" in group for group in groups.values())
    watched = [
        dimension["Value"]["Ref"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "Errors"
        for dimension in alarm["Dimensions"]
    ]
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"] == {"Ref": name.replace("Function", "LogGroup")}
        assert name in watched
        assert function["Runtime"] == "python3.13"


@pytest.mark.parametrize("channel", ["Slack", "Email"])
def test_each_channel_has_a_queue_with_dead_letters_and_their_alarm(
    resources: dict[str, Any], channel: str
) -> None:
    queue = resources[f"{channel}Queue"]["Properties"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{channel}Dlq", "Arn"]}
    assert queue["VisibilityTimeout"] >= 6 * resources[f"{channel}NotifierFunction"]["Properties"]["Timeout"]
    alarm = resources[f"{channel}DlqNotEmpty"]["Properties"]
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [f"{channel}Dlq", "QueueName"]}


RHYTHMS = {
    "atlas_forced_photometry": atlas_forced_photometry.facility.SLOW_POLL_S,
    "gemini": gemini.progress.USUAL_S,
    "lco": LCO.rhythm.usual_s,
    "lt": lt.progress.LOOK_S,
    "mma": mma.api.POLL_S,
    "sedm": sedm.following.EVERY_S,
    "soar": SOAR.rhythm.usual_s,
    "swift_too": swift_too.progress.RARELY_S,
    "swift_xrt": swift_xrt.facility.SLOW_POLL_S,
    "winter": winter.progress.NIGHT_S,
    "ztf": ztf.progress.POLL_S,
}


@pytest.mark.parametrize("facility", FACILITIES)
def test_a_facility_that_can_be_asked_declares_its_rhythm(resources: dict[str, Any], facility: str) -> None:
    variables = resources[f"{logical(facility)}Function"]["Properties"]["Environment"]["Variables"]
    declared = variables.get("SLEW_POLL_EVERY_S")
    assert (float(declared) if declared else None) == RHYTHMS.get(facility)


@pytest.mark.parametrize("facility", catalogue.facilities(), ids=lambda facility: facility.id)
def test_a_tick_has_the_time_for_its_first_sends(resources: dict[str, Any], facility: Facility) -> None:
    timeout_s = resources[f"{logical(facility.id)}Function"]["Properties"]["Timeout"]
    assert timeout_s >= facility.longest_send_s + tracking.SEND_MARGIN_S + FIRST_SENDS_S


def test_every_facility_is_ticked(resources: dict[str, Any]) -> None:
    schedules = of_type(resources, "AWS::Scheduler::Schedule")
    ticks = {name: each["ScheduleExpression"] for name, each in schedules.items()}
    on_the_hour = ticks.pop("ZtfForcedPhotometryFunctionTick")
    assert on_the_hour == "cron(5/2 * * * ? *)"
    assert set(ticks.values()) == {"rate(1 minute)"}
    assert {each["Target"]["Input"] for each in schedules.values()} == {'{"action": "poll"}'}


def test_schedules_have_no_name_that_a_second_stack_would_take(resources: dict[str, Any]) -> None:
    schedules = of_type(resources, "AWS::Scheduler::Schedule")
    assert len(schedules) == len(FACILITIES)
    assert all("Name" not in schedule for schedule in schedules.values())
