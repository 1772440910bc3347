"""Results pushed on: a signed webhook, and a SkyPortal instance; retried, and dead-lettered where refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import Fault, Simulator
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from publisher.app import handler as publish
from skyportal_handover import channel
from slew import clock, table, tracking
from slew.work import Desk
from tests.integration.test_plans import URL, call, plan, server
from tests.notices import NOTICE, Queue, addressee, everything_stored
from tests.support.calls import Client
from tests.support.survey import Survey, SurveyServer

__all__ = ["call", "server"]

KEY = "a key that both sides know"


class Receiver(Simulator):
    """A broker's endpoint."""

    name = "receiver"

    def rules(self) -> list[Rule]:
        """One route."""
        return [Rule("/slew", methods=["POST"], endpoint="take")]

    def take(self, request: Request) -> Response:
        """Take it."""
        return Response("", 204)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    simulator = Receiver()
    url = simulator.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", url.partition("//")[2])
    yield simulator
    simulator.stop()


@pytest.fixture
def webhook(queue_of: Callable[[str], Queue], embedded_aws: Any, receiver: Receiver) -> Queue:
    about = {"webhook": {"url": f"{receiver.url}/slew", "secret": KEY}}
    addressee(embedded_aws, about, "handover")
    return queue_of("webhook")


def test_a_change_is_posted_once_and_signed(webhook: Queue, receiver: Receiver) -> None:
    webhook.put()
    webhook.put()
    webhook.deliver()
    webhook.deliver()
    (post,) = receiver.journal
    parts = dict(part.split("=") for part in post["headers"]["Slew-Signature"].split(","))
    signed = f"{parts['t']}.{post['body']}".encode()
    assert hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]
    assert post["headers"]["Slew-Event-Id"] == NOTICE.event_id
    assert json.loads(post["body"])["event"]["status"] == "submitted"


@pytest.mark.parametrize(
    "fault", [Fault("status", status=503), Fault("status", status=429), Fault("cut"), Fault("refuse")]
)
def test_what_does_not_arrive_is_tried_again(webhook: Queue, receiver: Receiver, fault: Fault) -> None:
    receiver.faults.append(replace(fault))
    webhook.put()
    assert webhook.deliver() == 0
    assert webhook.again() == 1
    assert webhook.marker().outcome == "sent"


def test_a_refusal_goes_to_the_dead_letters(webhook: Queue, receiver: Receiver) -> None:
    receiver.faults.append(Fault("status", status=400, body=f"wrong {KEY}"))
    webhook.put()
    assert webhook.deliver() == 1
    (letter,) = webhook.dead()
    assert "HTTP 400" in letter["dead_letter"]["reason"]
    assert KEY not in json.dumps(letter)
    assert webhook.marker().outcome == "failed"


def test_an_address_inside_is_not_called(
    webhook: Queue, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLEW_ENDPOINT_ALLOW_LIST")
    webhook.put()
    webhook.deliver()
    assert receiver.journal == []
    assert webhook.marker().outcome == "failed"


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    simulator = EndpointServer()
    url = simulator.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", url.partition("//")[2])
    simulator.skyportal.sources["S260311ab"] = {"ra": 1.0, "dec": 1.0}
    yield simulator
    simulator.stop()


@pytest.fixture
def completed(call: Client, server: SurveyServer, monkeypatch: pytest.MonkeyPatch) -> str:
    made: str = call("POST", f"{URL}/requests", plan(1, queue_name="S260311ab")).json["id"]
    with monkeypatch.context() as patched:
        patched.setattr(clock, "_offset", lambda: 400.0)
        tracking.tick(Desk(Survey(), clock.timestamp() + 90))
    return made


def to_skyportal(aws: Any, portal: EndpointServer, **more: Any) -> None:
    about = {"url": portal.url, "token": DEMO_TOKEN, "instrument_id": 3, **more}
    addressee(aws, {"skyportal": about}, "handover")


def told(request_id: str) -> Any:
    return replace(NOTICE, request_id=request_id, status="complete", target_name="S260311ab")


def test_measurements_go_to_skyportal(
    completed: str, portal: EndpointServer, embedded_aws: Any, queue_of: Callable[[str], Queue]
) -> None:
    to_skyportal(embedded_aws, portal)
    queue = queue_of("skyportal")
    queue.put(told(completed))
    assert queue.deliver() == 1
    rows = {key: row["flux"] for key, row in portal.skyportal.photometry.items()}
    assert rows == {("S260311ab", 60000.5, "g"): 10.0, ("S260311ab", 60001.5, "g"): -2.0}
    assert DEMO_TOKEN not in everything_stored(embedded_aws)


def test_many_measurements_go_in_several_calls_each_once(
    completed: str,
    portal: EndpointServer,
    embedded_aws: Any,
    queue_of: Callable[[str], Queue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "ROWS", 1)
    to_skyportal(embedded_aws, portal)
    queue = queue_of("skyportal")
    portal.faults.append(Fault("status", status=200, body='{"status": "success"}', path="/api/photometry"))
    portal.faults.append(Fault("status", status=503, path="/api/photometry"))
    queue.put(told(completed))
    assert queue.deliver() == 0
    assert queue.again() == 1
    sent = [json.loads(each["body"])["mjd"] for each in portal.journal]
    assert sent == [[60000.5], [60001.5], [60001.5]]


def test_flagged_ones_may_be_left_out_and_the_status_is_set(
    completed: str, portal: EndpointServer, embedded_aws: Any, queue_of: Callable[[str], Queue]
) -> None:
    portal.skyportal.submit(json.dumps({"obj_id": "S260311ab", "allocation_id": 7, "payload": {}}).encode())
    to_skyportal(embedded_aws, portal, unflagged=True, allocation_id=7)
    queue = queue_of("skyportal")
    queue.put(told(completed))
    assert queue.deliver() == 1
    assert len(portal.skyportal.photometry) == 1
    (there,) = portal.skyportal.requests.values()
    assert there["status"].startswith("complete")


def there(portal: EndpointServer, obj_id: str, allocation_id: int = 7) -> int:
    portal.skyportal.sources[obj_id] = {"ra": 1.0, "dec": 1.0}
    body = {"obj_id": obj_id, "allocation_id": allocation_id, "payload": {}}
    number: int = portal.skyportal.submit(json.dumps(body).encode()).get_json()["data"]["id"]
    return number


def sets_the_status_of(
    ours: int, others: list[int], portal: EndpointServer, queue: Queue, completed: str
) -> None:
    queue.put(told(completed))
    assert queue.deliver() == 1
    assert portal.skyportal.requests[ours]["status"].startswith("complete")
    assert {portal.skyportal.requests[number]["status"] for number in others} == {"submitted"}


def test_the_status_is_set_on_no_other_objects_request(
    completed: str, portal: EndpointServer, embedded_aws: Any, queue_of: Callable[[str], Queue]
) -> None:
    portal.skyportal.allocations[8] = portal.skyportal.allocations[7]
    ours = there(portal, "S260311ab")
    others = [there(portal, "S260311abc"), there(portal, "S260311ab", 8), there(portal, "S260311ab_2")]
    to_skyportal(embedded_aws, portal, allocation_id=7)
    sets_the_status_of(ours, others, portal, queue_of("skyportal"), completed)


def test_our_objects_request_is_found_behind_many_others(
    completed: str,
    portal: EndpointServer,
    embedded_aws: Any,
    queue_of: Callable[[str], Queue],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "PAGE", 3)
    others = [there(portal, f"S260311ab{letter}") for letter in "cdefgh"]
    ours = there(portal, "S260311ab")
    to_skyportal(embedded_aws, portal, allocation_id=7)
    sets_the_status_of(ours, others, portal, queue_of("skyportal"), completed)


def test_what_skyportal_refuses_is_a_dead_letter_in_its_words(
    completed: str, portal: EndpointServer, embedded_aws: Any, queue_of: Callable[[str], Queue]
) -> None:
    del portal.skyportal.sources["S260311ab"]
    to_skyportal(embedded_aws, portal)
    queue = queue_of("skyportal")
    queue.put(told(completed))
    queue.deliver()
    (letter,) = queue.dead()
    assert letter["dead_letter"]["reason"] == "SkyPortal: Invalid input: source S260311ab is not known"


def test_a_change_that_is_wanted_reaches_the_destination_alone(
    call: Client, server: SurveyServer, embedded_aws: Any
) -> None:
    handover = {"webhook": {"url": "https://broker.example.org/x", "secret": KEY, "on": ["submitted"]}}
    reply = call("PATCH", f"{URL}/allocations/s-1", {"handover": handover})
    assert reply.status == 200, reply.text
    assert reply.json["handover"]["webhook"]["secret"] == "********"
    assert KEY not in reply.text
    assert KEY not in everything_stored(embedded_aws)
    again = call("PATCH", f"{URL}/allocations/s-1", {"pi": "Another PI"})
    assert again.json["handover"] == reply.json["handover"]
    made = call("POST", f"{URL}/requests", plan(1)).json["id"]
    events = table.query_items(f"REQUEST#{made}", "EVENT#", "EVENT#~")
    docs = [json.loads(each["doc"]["S"]) for each in events]
    assert [(doc["to"], doc["notify"]["handover"]) for doc in docs] == [
        ("submitting", []),
        ("submitted", ["webhook"]),
    ]


@pytest.mark.parametrize(
    ("handover", "field"),
    [
        ({"webhook": {"url": "http://broker.example.org", "secret": KEY}}, "url"),
        ({"webhook": {"url": "https://broker.example.org", "secret": "short"}}, "secret"),
        ({"webhook": {"url": "https://broker.example.org", "secret": KEY, "on": []}}, "on"),
        ({"skyportal": {"url": "https://s.example.org", "token": "t"}}, "instrument_id"),
        ({"pigeon": {}}, "pigeon"),
        ({"webhook": {"url": "https://169.254.169.254/x", "secret": KEY}}, "url"),
        ({"webhook": {"url": "https://0x7f.1/x", "secret": KEY}}, "url"),
        ({"skyportal": {"url": "https://[::1]", "token": "t", "instrument_id": 1}}, "url"),
        ({"skyportal": {"url": "https://s.example.org?x=", "token": "t", "instrument_id": 1}}, "url"),
        ({"skyportal": {"url": "https://s.example.org", "token": "\u2603", "instrument_id": 1}}, "token"),
        ({"skyportal": {"url": "https://s.example.org", "token": "t\r\nX: 1", "instrument_id": 1}}, "token"),
        ({"skyportal": {"url": "https://s.example.org", "token": "", "instrument_id": 1}}, "token"),
    ],
)
def test_a_destination_is_checked(call: Client, handover: Any, field: str) -> None:
    reply = call("PATCH", f"{URL}/allocations/s-1", {"handover": handover})
    assert reply.status == 422
    assert field in reply.json["errors"][0]["loc"]
    assert KEY not in reply.text


def test_a_removed_allocation_takes_its_destinations_along(call: Client, embedded_aws: Any) -> None:
    handover = {"webhook": {"url": "https://broker.example.org/x", "secret": KEY}}
    call("PATCH", f"{URL}/allocations/s-1", {"handover": handover})
    call("DELETE", f"{URL}/allocations/s-1")
    names = [each["Name"] for each in embedded_aws("secretsmanager").list_secrets()["SecretList"]]
    assert "slew/handover/s-1" not in names


def test_the_publisher_names_the_destinations(embedded_aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = embedded_aws("sns").create_topic(Name="t")["TopicArn"]
    url = embedded_aws("sqs").create_queue(QueueName="q")["QueueUrl"]
    embedded_aws("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:q",
        Attributes={"FilterPolicy": json.dumps({"webhook": ["yes"]}), "RawMessageDelivery": "true"},
    )
    monkeypatch.setenv("SLEW_TOPIC_ARN", topic)
    for handover in ([], ["webhook"], ["skyportal"]):
        change = {
            "to": "complete",
            "event_id": "e",
            "notify": {"channel": "none", "on": [], "handover": handover},
            "notice": NOTICE.as_dict(),
        }
        image = {"sk": {"S": "EVENT#000001"}, "doc": {"S": json.dumps(change)}}
        record = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": image}}
        assert publish({"Records": [record]}, None) == {"batchItemFailures": []}
    found = embedded_aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(found) == 1
