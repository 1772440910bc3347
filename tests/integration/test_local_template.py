"""Reading a SAM template, and the parameters it gets on one machine."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from local import settings, template
from local.intrinsics import Resolver, TemplateError
from local.settings import SimulatorUrls
from local.system import Route, System

AWS = "http://127.0.0.1:4000"
HEAD = "AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n"
BODY = """
    Parameters:
      LcoUrl: {Type: String, Default: https://observe.example.org}
      Mail: {Type: String, Default: ""}
    Conditions:
      HasMail: !Not [!Equals [!Ref Mail, ""]]
    Mappings:
      Sizes: {us-east-1: {memory: 512}}
    Globals:
      Function:
        Runtime: python3.13
        CodeUri: functions/
        Timeout: 7
        MemorySize: !FindInMap [Sizes, !Ref AWS::Region, memory]
        Layers: [!Ref Layer]
        AutoPublishAlias: live
        Environment: {Variables: {TABLE: !Ref Records, LCO: !Sub "${LcoUrl}/api", TOPIC: !Ref News}}
    Resources:
      Api:
        Type: AWS::Serverless::HttpApi
        Properties:
          Auth:
            DefaultAuthorizer: Token
            Authorizers:
              Token:
                FunctionArn: !Ref Guard.Alias
                AuthorizerPayloadFormatVersion: "2.0"
                EnableSimpleResponses: true
      Layer:
        Type: AWS::Serverless::LayerVersion
        Properties: {ContentUri: layers/shared}
      Guard:
        Type: AWS::Serverless::Function
        Properties: {Handler: guard.app.handler, ReservedConcurrentExecutions: 2}
      Worker:
        Type: AWS::Serverless::Function
        Properties:
          Handler: worker.app.handler
          Environment:
            Variables: {QUEUE: !Ref Jobs, DLQ: !GetAtt Dead.QueueName, MAIL: !If [HasMail, "yes", "no"]}
          Events:
            One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/things/{id}", Method: get}}
            All: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/things/{proxy+}", Method: ANY}}
            Else: {Type: HttpApi, Properties: {ApiId: !Ref Api, Auth: {Authorizer: NONE}}}
            Tick:
              Type: ScheduleV2
              Properties: {ScheduleExpression: rate(1 minute), Input: '{"action": "poll"}'}
            Stream:
              Type: DynamoDB
              Properties:
                Stream: !GetAtt Records.StreamArn
                StartingPosition: TRIM_HORIZON
                BatchSize: 10
                MaximumRetryAttempts: 3
                FunctionResponseTypes: [ReportBatchItemFailures]
                FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
                DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}
            Queue: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 5}}
      Records:
        Type: AWS::DynamoDB::Table
        Properties:
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
          KeySchema: [{AttributeName: pk, KeyType: HASH}]
          StreamSpecification: {StreamViewType: NEW_IMAGE}
          TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      News: {Type: AWS::SNS::Topic}
      Jobs:
        Type: AWS::SQS::Queue
        Properties:
          VisibilityTimeout: 60
          RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
      Dead: {Type: AWS::SQS::Queue}
      Wiring:
        Type: AWS::SNS::Subscription
        Properties:
          TopicArn: !Ref News
          Protocol: sqs
          Endpoint: !GetAtt Jobs.Arn
          RawMessageDelivery: true
          FilterPolicy: {kind: [job]}
      Mails:
        Type: AWS::SNS::Subscription
        Condition: HasMail
        Properties: {TopicArn: !Ref News, Protocol: email, Endpoint: !Ref Mail}
      Files: {Type: AWS::S3::Bucket}
    """


def write(directory: Path, body: str) -> Path:
    path = directory / "template.yaml"
    path.write_text(HEAD + textwrap.dedent(body))
    return path


@pytest.fixture
def system(tmp_path: Path) -> System:
    return template.load(write(tmp_path, BODY), {"LcoUrl": "http://127.0.0.1:5000"}, AWS)


def test_functions(system: System, tmp_path: Path) -> None:
    guard, worker = sorted(system.functions, key=lambda function: function.name)
    assert (guard.name, guard.handler, guard.reserved_concurrency) == ("Guard", "guard.app.handler", 2)
    assert worker.reserved_concurrency is None
    assert worker.code == tmp_path.resolve() / "functions"
    assert worker.layers == (tmp_path.resolve() / "layers" / "shared",)
    assert (worker.timeout_s, worker.memory_mb, worker.runtime) == (7.0, 512, "python3.13")
    assert worker.environment == {
        "TABLE": "slew-Records",
        "LCO": "http://127.0.0.1:5000/api",
        "TOPIC": "arn:aws:sns:us-east-1:123456789012:slew-News",
        "QUEUE": f"{AWS}/123456789012/slew-Jobs",
        "DLQ": "slew-Dead",
        "MAIL": "no",
    }


def test_a_layer_as_it_is_packed_has_its_code_below_python(tmp_path: Path) -> None:
    (tmp_path / "layers" / "shared" / "python").mkdir(parents=True)
    system = template.load(write(tmp_path, BODY), {}, AWS)
    assert {path.name for function in system.functions for path in function.layers} == {"python"}


def test_routes_and_their_authorizers(system: System) -> None:
    assert set(system.routes) == {
        Route("GET", "/things/{id}", "Worker", "Guard"),
        Route("ANY", "/things/{proxy+}", "Worker", "Guard"),
        Route("ANY", "$default", "Worker", None),
    }


def test_sources(system: System) -> None:
    (schedule,) = system.schedules
    assert (schedule.expression, schedule.function) == ("rate(1 minute)", "Worker")
    assert schedule.input == '{"action": "poll"}'
    (stream,) = system.streams
    assert (stream.function, stream.table, stream.batch_size, stream.max_retries) == (
        "Worker",
        "slew-Records",
        10,
        3,
    )
    assert stream.patterns == ({"eventName": ["INSERT"]},)
    assert stream.report_failures
    assert stream.on_failure == "arn:aws:sqs:us-east-1:123456789012:slew-Dead"
    (queue,) = system.queue_mappings
    assert (queue.function, queue.queue, queue.batch_size, queue.report_failures) == (
        "Worker",
        "slew-Jobs",
        5,
        False,
    )


def test_resources(system: System) -> None:
    (table,) = system.tables
    assert (table.name, table.ttl_attribute) == ("slew-Records", "expires_at")
    assert table.definition["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert system.topics == ("slew-News",)
    assert system.buckets == ("slew-files",)
    queues = {queue.name: queue.attributes for queue in system.queues}
    assert queues["slew-Jobs"]["VisibilityTimeout"] == "60"
    assert '"maxReceiveCount": 2' in queues["slew-Jobs"]["RedrivePolicy"]
    (subscription,) = system.subscriptions
    assert subscription.attributes == {"RawMessageDelivery": "true", "FilterPolicy": '{"kind": ["job"]}'}


@pytest.mark.parametrize(
    ("addition", "said"),
    [
        ("Trail: {Type: AWS::CloudTrail::Trail, Properties: {}}", "Trail: .* AWS::CloudTrail::Trail"),
        (
            "Mail: {Type: AWS::SNS::Subscription, "
            "Properties: {TopicArn: !Ref News, Protocol: email, Endpoint: a}}",
            "queues only",
        ),
        (
            "More: {Type: AWS::Serverless::Function, "
            "Properties: {Handler: a.b, Environment: {Variables: {A: !Ref B}}}}",
            "no resource B",
        ),
    ],
)
def test_what_is_not_known_is_an_error(tmp_path: Path, addition: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        template.load(write(tmp_path, f"{BODY}  {addition}\n"), {}, AWS)


def test_unknown_parameters_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="NoSuch"):
        template.load(write(tmp_path, BODY), {"NoSuch": "1"}, AWS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Fn::Sub": "${A}-${!A}-${R.Arn}"}, "a-${A}-R.Arn"),
        ({"Fn::Sub": ["${x}${A}", {"x": {"Ref": "R"}}]}, "<R>a"),
        ({"Fn::Join": ["/", ["x", {"Ref": "A"}]]}, "x/a"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "x,y"]}]}, "y"),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"keep": 1, "drop": {"Ref": "AWS::NoValue"}}, {"keep": 1}),
        ([1, {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}]}, True),
    ],
)
def test_intrinsic_functions(value: Any, expected: Any) -> None:
    conditions = {"Yes": {"Fn::Equals": ["1", 1]}, "No": {"Fn::Not": [{"Condition": "Yes"}]}}
    resolver = Resolver(
        {"Conditions": conditions}, {"A": "a"}, lambda name: f"<{name}>", lambda name, what: f"{name}.{what}"
    )
    assert resolver.resolve(value) == expected


def test_an_unknown_intrinsic_function_is_an_error() -> None:
    with pytest.raises(TemplateError, match="ImportValue"):
        Resolver({}, {}, str, lambda name, _: name).resolve({"Fn::ImportValue": "x"})


SIMULATORS = {
    "lco": SimulatorUrls("http://127.0.0.1:1", "http://127.0.0.1:1", {"archive": "http://127.0.0.1:2"}),
    "atlas_forced_photometry": SimulatorUrls("http://127.0.0.1:3", "http://127.0.0.1:3/forcedphot"),
    "generic": SimulatorUrls("http://127.0.0.1:4", "http://127.0.0.1:4"),
}
DECLARED = {
    "Parameters": {
        "LcoUrl": {"Default": "https://observe.example.org"},
        "LcoArchiveUrl": {"Default": "https://archive.example.org"},
        "AtlasForcedPhotometryUrl": {"Default": "https://atlas.example.org"},
        "PortalUrl": {"Default": ""},
        "EndpointAllowList": {"Default": ""},
        "EmailFrom": {"Default": ""},
    }
}


def test_facilities_are_the_simulators() -> None:
    assert settings.parameters(DECLARED, SIMULATORS, {}, {}) == {
        "LcoUrl": "http://127.0.0.1:1",
        "LcoArchiveUrl": "http://127.0.0.1:2",
        "AtlasForcedPhotometryUrl": "http://127.0.0.1:3/forcedphot",
        "EndpointAllowList": "127.0.0.1:4",
        "EmailFrom": "slew@example.org",
    }


def test_the_environment_and_what_is_given_come_first() -> None:
    environ = {
        "SLEW_LCO_ARCHIVE_URL": "http://127.0.0.1:9",
        "SLEW_GENERIC_URL": "https://telescope.example.org:8443/api",
        "SLEW_ENDPOINT_ALLOW_LIST": "10.0.0.0/8",
    }
    values = settings.parameters(DECLARED, SIMULATORS, {"LcoUrl": "http://127.0.0.1:8"}, environ)
    assert values["LcoUrl"] == "http://127.0.0.1:8"
    assert values["LcoArchiveUrl"] == "http://127.0.0.1:9"
    assert values["EndpointAllowList"] == "127.0.0.1:4,telescope.example.org:8443,10.0.0.0/8"


def test_no_facility_is_real_by_oversight() -> None:
    others = {name: urls for name, urls in SIMULATORS.items() if name != "lco"}
    with pytest.raises(ValueError, match="SLEW_LCO_URL"):
        settings.parameters(DECLARED, others, {}, {})
