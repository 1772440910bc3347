"""The stack on a small template: streams, queues, schedules, the clock, and its controls."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from local.runtime import FunctionError
from local.stack import Stack

TEMPLATE = """
    AWSTemplateFormatVersion: "2010-09-09"
    Transform: AWS::Serverless-2016-10-31
    Globals:
      Function:
        Runtime: python3.13
        CodeUri: functions/
        Timeout: 10
        Environment: {Variables: {TABLE: !Ref Records, TOPIC: !Ref News}}
    Resources:
      Api: {Type: AWS::Serverless::HttpApi}
      Writer:
        Type: AWS::Serverless::Function
        Properties:
          Handler: writer.app.handler
          Events:
            Put: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/put/{id}", Method: POST}}
            Tick:
              Type: ScheduleV2
              Properties: {ScheduleExpression: rate(10 minutes), Input: '{"id": "tick"}'}
            Night:
              Type: ScheduleV2
              Properties: {ScheduleExpression: "cron(0 3 * * ? *)", Input: '{"id": "night"}'}
      Relay:
        Type: AWS::Serverless::Function
        Properties:
          Handler: relay.app.handler
          Events:
            Stream:
              Type: DynamoDB
              Properties:
                Stream: !GetAtt Records.StreamArn
                StartingPosition: TRIM_HORIZON
                BatchSize: 10
                MaximumRetryAttempts: 2
                BisectBatchOnFunctionError: true
                FunctionResponseTypes: [ReportBatchItemFailures]
                FilterCriteria:
                  Filters:
                    - Pattern: |
                        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "IN#"}]}}}}
                DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Lost.Arn}}
      Reader:
        Type: AWS::Serverless::Function
        Properties:
          Handler: reader.app.handler
          Events:
            Queue:
              Type: SQS
              Properties:
                Queue: !GetAtt Jobs.Arn
                BatchSize: 10
                FunctionResponseTypes: [ReportBatchItemFailures]
      Records:
        Type: AWS::DynamoDB::Table
        Properties:
          BillingMode: PAY_PER_REQUEST
          AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
          KeySchema: [{AttributeName: pk, KeyType: HASH}]
          StreamSpecification: {StreamViewType: NEW_IMAGE}
      News: {Type: AWS::SNS::Topic}
      Wiring:
        Type: AWS::SNS::Subscription
        Properties:
          TopicArn: !Ref News
          Protocol: sqs
          Endpoint: !GetAtt Jobs.Arn
          RawMessageDelivery: true
          FilterPolicy: {channel: [jobs]}
      Jobs:
        Type: AWS::SQS::Queue
        Properties:
          VisibilityTimeout: 60
          RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
      Dead: {Type: AWS::SQS::Queue}
      Lost: {Type: AWS::SQS::Queue}
    """
COMMON = """
    import json, os, boto3
    TABLE = os.environ["TABLE"]
    dynamodb, sns = boto3.client("dynamodb"), boto3.client("sns")
    def put(pk, **values):
        item = {"pk": {"S": pk}, **{name: {"S": value} for name, value in values.items()}}
        dynamodb.put_item(TableName=TABLE, Item=item)
    def bump(pk):
        answer = dynamodb.update_item(TableName=TABLE, Key={"pk": {"S": pk}}, UpdateExpression="ADD n :one",
                                      ExpressionAttributeValues={":one": {"N": "1"}}, ReturnValues="ALL_NEW")
        return int(answer["Attributes"]["n"]["N"])
    """
FUNCTIONS = {
    # Writes IN#<id>: at a request, on a schedule, or when invoked.
    "writer": """
    from common import put
    def handler(event, context):
        id = event.get("pathParameters", event)["id"]
        if id == "bad":
            raise ValueError("a bad id")
        put(f"IN#{id}", channel=event.get("channel", "jobs"))
        return {"statusCode": 201, "body": id}
    """,
    # IN#<id> -> topic. "stuck..." fails the whole batch, "late..." only itself and only the first time.
    "relay": """
    from common import bump, json, os, sns
    def handler(event, context):
        for record in event["Records"]:
            image, number = record["dynamodb"]["NewImage"], record["dynamodb"]["SequenceNumber"]
            id = image["pk"]["S"].removeprefix("IN#")
            tries = bump(f"RELAYED#{id}")
            if id.startswith("stuck"):
                raise RuntimeError("stuck")
            if id.startswith("late") and tries == 1:
                return {"batchItemFailures": [{"itemIdentifier": number}]}
            sns.publish(TopicArn=os.environ["TOPIC"], Message=json.dumps({"id": id}), MessageAttributes={
                "channel": {"DataType": "String", "StringValue": image["channel"]["S"]}})
        return {"batchItemFailures": []}
    """,
    # Queue -> READ#<id>. "dud..." fails always, "slow..." the first time.
    "reader": """
    from common import bump, json, put
    def handler(event, context):
        failed = []
        for record in event["Records"]:
            id = json.loads(record["body"])["id"]
            tries = bump(f"READ#{id}")
            if id.startswith("dud") or (id.startswith("slow") and tries == 1):
                failed.append({"itemIdentifier": record["messageId"]})
            put(f"LAST#{id}", record=json.dumps(record))
        return {"batchItemFailures": failed}
    """,
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    (root / "template.yaml").write_text(textwrap.dedent(TEMPLATE))
    (root / "functions").mkdir()
    (root / "functions" / "common.py").write_text(textwrap.dedent(COMMON))
    for name, body in FUNCTIONS.items():
        (root / "functions" / name).mkdir()
        (root / "functions" / name / "app.py").write_text(textwrap.dedent(body))
    with Stack(workdir=root / "work", simulators=["slack"], template_file=root / "template.yaml") as stack:
        yield stack


def item(stack: Stack, pk: str) -> dict[str, Any] | None:
    answer = stack.client("dynamodb").get_item(TableName="slew-Records", Key={"pk": {"S": pk}})
    found: dict[str, Any] | None = answer.get("Item")
    return found


def count(stack: Stack, pk: str) -> int:
    return int((item(stack, pk) or {"n": {"N": "0"}})["n"]["N"])


def messages(stack: Stack, queue: str) -> list[dict[str, Any]]:
    sqs = stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[dict[str, Any]] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += batch
    return [json.loads(message["Body"]) for message in found]


def test_a_request_goes_all_the_way(stack: Stack) -> None:
    assert requests.post(f"{stack.url}/put/m31", timeout=30).text == "m31"
    stack.drain()
    assert count(stack, "RELAYED#m31") == count(stack, "READ#m31") == 1
    last = item(stack, "LAST#m31")
    assert last
    record = json.loads(last["record"]["S"])
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":slew-Jobs")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["channel"]["stringValue"] == "jobs"


def test_sources_are_pumped_without_being_asked(stack: Stack) -> None:
    stack.invoke("Writer", {"id": "alone"})
    while not count(stack, "READ#alone"):
        assert item(stack, "IN#alone")


def test_the_filter_and_the_filter_policy_hold(stack: Stack) -> None:
    table = stack.client("dynamodb")
    table.put_item(TableName="slew-Records", Item={"pk": {"S": "OTHER#a"}})
    stack.invoke("Writer", {"id": "b"})
    stack.invoke("Writer", {"id": "b"})  # MODIFY
    stack.invoke("Writer", {"id": "c", "channel": "elsewhere"})
    stack.drain()
    assert count(stack, "RELAYED#b") == count(stack, "READ#b") == 1
    assert (count(stack, "RELAYED#c"), count(stack, "READ#c")) == (1, 0)


def test_a_transaction_that_fails_leaves_the_stream_readable(stack: Stack) -> None:
    table = stack.client("dynamodb")
    put = {"TableName": "slew-Records", "Item": {"pk": {"S": "IN#never"}, "channel": {"S": "jobs"}}}
    check = {
        "TableName": "slew-Records",
        "Key": {"pk": {"S": "x"}},
        "ConditionExpression": "attribute_exists(pk)",
    }
    with pytest.raises(table.exceptions.TransactionCanceledException):
        table.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": check}])
    stack.invoke("Writer", {"id": "after"})
    stack.drain()
    assert (count(stack, "RELAYED#never"), count(stack, "READ#after")) == (0, 1)


def test_a_stream_record_that_reports_failure_is_tried_again(stack: Stack) -> None:
    stack.invoke("Writer", {"id": "late"})
    stack.invoke("Writer", {"id": "next"})
    stack.drain()
    assert count(stack, "RELAYED#late") == 2
    assert count(stack, "READ#late") == count(stack, "READ#next") == 1


def test_a_stream_record_that_always_fails_is_given_up_and_reported(stack: Stack) -> None:
    stack.invoke("Writer", {"id": "stuck"})
    stack.invoke("Writer", {"id": "behind"})
    stack.drain()
    assert count(stack, "READ#stuck") == 0
    assert count(stack, "RELAYED#stuck") >= 3  # once, twice more; and once with a batch that was then split
    assert count(stack, "READ#behind") == 1
    (lost,) = messages(stack, "slew-Lost")
    assert lost["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert lost["requestContext"]["approximateInvokeCount"] == 3
    assert lost["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_message_that_fails_comes_back_when_the_stacks_clock_says_so(stack: Stack) -> None:
    stack.invoke("Writer", {"id": "slow"})
    stack.drain()
    assert count(stack, "READ#slow") == 1
    stack.advance(30)
    assert count(stack, "READ#slow") == 1
    stack.advance(31)
    assert count(stack, "READ#slow") == 2
    stack.advance(61)
    assert count(stack, "READ#slow") == 2


def test_a_message_that_always_fails_is_a_dead_letter(stack: Stack) -> None:
    stack.invoke("Writer", {"id": "dud"})
    stack.invoke("Writer", {"id": "fine"})
    stack.drain()
    for _ in range(3):
        stack.advance(61)
    assert count(stack, "READ#dud") == 2
    assert count(stack, "READ#fine") == 1
    assert messages(stack, "slew-Dead") == [{"id": "dud"}]


def test_schedules_fire_by_the_stacks_clock(stack: Stack) -> None:
    stack.advance(86_400)
    before = count(stack, "READ#tick")
    assert {fired.schedule for fired in stack.advance(60)} <= {"WriterNight"}
    table = stack.client("dynamodb")
    for id in ("tick", "night"):
        table.delete_item(TableName="slew-Records", Key={"pk": {"S": f"IN#{id}"}})
    fired = stack.advance(86_400)
    assert {one.schedule for one in fired} == {"WriterTick", "WriterNight"}
    assert all(one.error is None for one in fired)
    assert count(stack, "READ#tick") == before + 1


def test_the_clock_route_moves_simulators_too(stack: Stack) -> None:
    slack = stack.simulators["slack"].url
    requests.post(f"{slack}/services/T00000000/B00000000/no", json={"text": "x"}, timeout=30)
    before = stack.clock.now()
    answer = requests.post(f"{stack.url}/_local/clock", json={"advance_s": 7200}, timeout=60).json()
    requests.post(f"{slack}/services/T00000000/B00000000/no", json={"text": "x"}, timeout=30)
    first, second = [entry["at"] for entry in requests.get(f"{slack}/_journal", timeout=30).json()[-2:]]
    assert second - first >= 7200
    assert {"schedule": "WriterTick", "function": "Writer", "error": None} in answer["fired"]
    assert datetime.fromisoformat(answer["now"]) - before >= timedelta(hours=2)


def test_a_tick_fires_now(stack: Stack) -> None:
    fired = requests.post(f"{stack.url}/_local/tick", json={"function": "Writer"}, timeout=60).json()["fired"]
    assert {one["schedule"] for one in fired} == {"WriterTick", "WriterNight"}
    assert (
        requests.post(f"{stack.url}/_local/tick", json={"function": "Reader"}, timeout=60).status_code == 400
    )


def test_controls_refuse_what_they_do_not_know(stack: Stack) -> None:
    assert requests.post(f"{stack.url}/_local/clock", json={"advance_s": -1}, timeout=30).status_code == 400
    assert requests.post(f"{stack.url}/_local/clock", json={}, timeout=30).status_code == 400
    assert requests.get(f"{stack.url}/_local/nothing", timeout=30).status_code == 404


def test_the_state_tells_where_things_are(stack: Stack) -> None:
    state = requests.get(f"{stack.url}/_local/state", timeout=30).json()
    assert set(state["functions"]) == {"Writer", "Relay", "Reader"}
    assert (state["url"], state["aws_endpoint"]) == (stack.url, stack.aws_endpoint)
    assert state["simulators"] == {"slack": stack.simulators["slack"].url}


def test_invoking_a_function_that_fails_raises(stack: Stack) -> None:
    with pytest.raises(FunctionError, match="a bad id"):
        stack.invoke("Writer", {"id": "bad"})


def test_email_is_judged_before_it_is_sent(stack: Stack) -> None:
    ses = stack.client("sesv2")
    content = {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "y"}}}}
    message = {"Destination": {"ToAddresses": ["to@example.org"]}, "Content": content}
    with pytest.raises(ses.exceptions.MessageRejected, match="not verified"):
        ses.send_email(FromEmailAddress="nobody@example.com", **message)
    ses.create_email_identity(EmailIdentity="someone@example.org")
    ses.send_email(FromEmailAddress="someone@example.org", **message)
    (sent,) = requests.get(f"{stack.aws_endpoint}/_ses/outbox", timeout=30).json()
    assert (sent["sender"], sent["to"]) == ("someone@example.org", ["to@example.org"])


def test_conditional_writes_have_one_winner(stack: Stack) -> None:
    table = stack.client("dynamodb")

    def claim(_: int) -> bool:
        try:
            table.put_item(
                TableName="slew-Records",
                Item={"pk": {"S": "LOCK"}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(64))) == 1
