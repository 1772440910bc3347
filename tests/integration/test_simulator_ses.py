"""The SES simulator, as boto3's sesv2 client meets it (card notifications.md)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, ReadTimeoutError
from werkzeug import Request, Response
from werkzeug.test import Client

from local.simulators.base import SimulatedClock
from local.simulators.ses import ERRORS, SEND_PATH, SesGate, SesServer
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

JSON = dict[str, Any]
SENDER = "followup@example.org"
RECIPIENT = "too@example-observatory.org"


@pytest.fixture(scope="module")
def served() -> Iterator[SesServer]:
    server = SesServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def ses(served: SesServer, monkeypatch: pytest.MonkeyPatch) -> SesServer:
    monkeypatch.setenv("SLEW_EMAIL_FROM", f'"Follow-up service" <{SENDER}>')
    with served.lock:
        served.clock = served.gate.clock = SimulatedClock()
        served.reset()
    return served


@pytest.fixture
def client(ses: SesServer) -> SESV2Client:
    return make_client(ses, read_timeout=60)


def make_client(ses: SesServer, read_timeout: float) -> SESV2Client:
    return boto3.client(
        "sesv2",
        endpoint_url=ses.url,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=30, read_timeout=read_timeout),
    )


def mail(**changes: Any) -> JSON:
    """The example of the card, with changes; `Subject` and `Body` are short cuts into `Content.Simple`."""
    simple: JSON = {
        "Subject": changes.pop(
            "Subject", {"Data": "[submitted] New follow-up request: ZTF24abcxyz", "Charset": "UTF-8"}
        ),
        "Body": changes.pop(
            "Body",
            {
                "Text": {"Data": "α, δ = 150.1, 2.2", "Charset": "UTF-8"},
                "Html": {"Data": "<p>α</p>", "Charset": "UTF-8"},
            },
        ),
        **{key: changes.pop(key) for key in ("Headers", "Attachments") if key in changes},
    }
    return {
        "FromEmailAddress": f'"Follow-up service" <{SENDER}>',
        "Destination": {"ToAddresses": [RECIPIENT]},
        "ReplyToAddresses": ["observer1@example.org"],
        "Content": {"Simple": simple},
        **changes,
    }


def refused(client: SESV2Client, **changes: Any) -> tuple[int, str, str]:
    """Status, name and message of SES's refusal."""
    with pytest.raises(ClientError) as caught:
        client.send_email(**mail(**changes))
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]


def configure(ses: SesServer, **settings: Any) -> requests.Response:
    return requests.post(f"{ses.url}/_ses/config", json=settings, timeout=10)


def outbox(ses: SesServer) -> list[JSON]:
    found: list[JSON] = requests.get(f"{ses.url}/_ses/outbox", timeout=10).json()
    return found


def test_sent_mail_is_in_the_outbox_decoded(ses: SesServer, client: SESV2Client) -> None:
    configure(ses, configuration_sets=["followup"])
    tags = [{"Name": "facility", "Value": "generic"}]
    attachment = {"FileName": "finder.txt", "RawContent": b"N up", "ContentType": "text/plain"}
    answer = client.send_email(
        **mail(
            EmailTags=tags,
            ConfigurationSetName="followup",
            Headers=[{"Name": "X-Followup-Request-Id", "Value": "8f2c"}],
            Attachments=[attachment],
        )
    )
    assert answer["MessageId"].startswith("0100")
    (message,) = outbox(ses)
    assert message["message_id"] == answer["MessageId"]
    assert message["to"] == [RECIPIENT]
    assert message["reply_to"] == ["observer1@example.org"]
    assert message["subject"] == "[submitted] New follow-up request: ZTF24abcxyz"
    assert (message["text"], message["html"]) == ("α, δ = 150.1, 2.2", "<p>α</p>")
    assert message["headers"] == {"X-Followup-Request-Id": "8f2c"}
    assert message["tags"] == {"facility": "generic"}
    assert message["configuration_set"] == "followup"
    assert message["attachments"] == [{"file_name": "finder.txt", "content_type": "text/plain", "bytes": 4}]
    requests.delete(f"{ses.url}/_ses/outbox", timeout=10)
    assert outbox(ses) == []


def test_raw_message(ses: SesServer, client: SESV2Client) -> None:
    raw = EmailMessage()
    raw["Subject"] = "Ænew"
    raw.set_content("plain α")
    raw.add_alternative("<b>α</b>", subtype="html")
    client.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [RECIPIENT]},
        Content={"Raw": {"Data": raw.as_bytes()}},
    )
    (message,) = outbox(ses)
    assert message["subject"] == "Ænew"
    assert (message["text"], message["html"]) == ("plain α\n", "<b>α</b>\n")


# -- who may send


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer abc",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260821/us-east-1/ses/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260821/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=AKIA/20260821/us-east-1/ses/aws4_request, "
        "SignedHeaders=host, Signature=" + "0" * 64,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", SEND_PATH), ("GET", "/v2/email/account")])
def test_unsigned_is_403(ses: SesServer, header: str | None, method: str, path: str) -> None:
    headers = {"X-Amz-Date": "20260821T173530Z", **({"Authorization": header} if header else {})}
    answer = requests.request(method, ses.url + path, json=mail(), headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-ErrorType"]
    assert answer.json()["message"]
    assert outbox(ses) == []


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"x": "\xff"}'])
def test_body_must_be_a_json_object(ses: SesServer, body: bytes) -> None:
    signed = "Credential=AKIA/20260821/us-east-1/ses/aws4_request, SignedHeaders=host;x-amz-date"
    headers = {
        "X-Amz-Date": "20260821T173530Z",
        "Authorization": f"AWS4-HMAC-SHA256 {signed}, Signature={'0' * 64}",
    }
    answer = requests.post(ses.url + SEND_PATH, data=body, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-ErrorType"] == "BadRequestException"


def test_sender_must_be_verified(ses: SesServer, client: SESV2Client) -> None:
    status, name, message = refused(client, FromEmailAddress="a@example.com")
    assert (status, name) == (400, "MessageRejected")
    assert message == (
        "Email address is not verified. The following identities failed the check in region US-EAST-1: "
        "a@example.com"
    )
    assert refused(client, FromEmailAddress="other@example.org")[1] == "MessageRejected"
    configure(ses, identities=["example.com"])
    client.send_email(**mail(FromEmailAddress="a@example.com"))
    client.send_email(**mail(FromEmailAddress='"A" <a@sub.example.com>'))
    assert refused(client, FromEmailAddress="a@notexample.com")[1] == "MessageRejected"


def test_sandbox(ses: SesServer, client: SESV2Client) -> None:
    configure(ses, sandbox=True)
    assert refused(client)[1:] == (
        "MessageRejected",
        "Email address is not verified. The following identities failed the check in region US-EAST-1: "
        + RECIPIENT,
    )
    client.send_email(**mail(Destination={"ToAddresses": ["success@simulator.amazonses.com"]}))
    configure(ses, identities=[RECIPIENT])
    client.send_email(**mail())
    assert len(outbox(ses)) == 2


def test_account(ses: SesServer, client: SESV2Client) -> None:
    client.send_email(**mail(Destination={"ToAddresses": [RECIPIENT], "BccAddresses": [SENDER]}))
    account = client.get_account()
    assert account["ProductionAccessEnabled"]
    assert account["SendingEnabled"]
    assert account["SendQuota"] == {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 2.0}
    configure(ses, sandbox=True)
    account = client.get_account()
    assert not account["ProductionAccessEnabled"]
    assert account["SendQuota"]["Max24HourSend"] == 200.0
    assert account["SendQuota"]["MaxSendRate"] == 1.0


# -- what may be sent


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nobody", "Missing final '@domain'"),
        ("a@", "Missing domain"),
        ("a@exa_mple.org", "Domain contains illegal character"),
        ("a@exämple.org", "Domain contains illegal character"),
        ("a b@example.org", "Local address contains control or whitespace"),
        ("a\tb@example.org", "Local address contains control or whitespace"),
        ("@example.org", "Illegal address"),
        ("a@b@example.org", "Illegal address"),
        ("ä@example.org", "Illegal address"),
        ("a@example.org,b@example.org", "Illegal address"),
    ],
)
def test_addresses(client: SESV2Client, address: str, message: str) -> None:
    for changes in ({"Destination": {"CcAddresses": [address]}}, {"ReplyToAddresses": [address]}):
        assert refused(client, **changes) == (400, "BadRequestException", message)


def test_recipients_are_1_to_50(ses: SesServer, client: SESV2Client) -> None:
    many = [f"a{number}@example.org" for number in range(51)]
    assert refused(client, Destination={})[:2] == (400, "BadRequestException")
    split = {"ToAddresses": many[:20], "CcAddresses": many[20:40], "BccAddresses": many[40:]}
    assert refused(client, Destination=split)[:2] == (400, "BadRequestException")
    client.send_email(**mail(Destination={**split, "BccAddresses": many[40:50]}))
    assert len(outbox(ses)) == 1


CONTROLS = ["a\r\nBcc: x@example.org", "a\tb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b"]


@pytest.mark.parametrize("subject", CONTROLS)
def test_control_character_in_the_subject(ses: SesServer, client: SESV2Client, subject: str) -> None:
    wanted = {"Data": subject, "Charset": "UTF-8"}
    assert refused(client, Subject=wanted)[:2] == (400, "BadRequestException")
    configure(ses, strict=False)
    client.send_email(**mail(Subject=wanted))
    assert outbox(ses)[0]["subject"] == subject


@pytest.mark.parametrize(
    "changes",
    [
        {"Subject": {"Data": "α"}},
        {"Subject": {"Data": "α", "Charset": "no-such"}},
        {"Body": {}},
        {"Body": {"Text": {"Data": "α"}}},
        {"Headers": [{"Name": f"X-{n}", "Value": "x"} for n in range(16)]},
        {"Headers": [{"Name": "X:Y", "Value": "x"}]},
        {"Headers": [{"Name": "X", "Value": "a\r\nb"}]},
        {"Headers": [{"Name": "X", "Value": "α"}]},
        {"Headers": [{"Name": "X" * 100, "Value": "x" * 900}]},
        {"EmailTags": [{"Name": "facility", "Value": "a b"}]},
        {"EmailTags": [{"Name": "x" * 257, "Value": "a"}]},
        {"Attachments": [{"FileName": "x" * 256, "RawContent": b"x"}]},
        {"Attachments": [{"FileName": "x", "RawContent": b"x", "ContentType": "x" * 79}]},
        {"Attachments": [{"FileName": "x", "RawContent": b"x", "ContentDisposition": "BESIDE"}]},
        {"Attachments": [{"FileName": "x", "RawContent": b"x", "ContentTransferEncoding": "OTHER"}]},
        {"Content": {}},
    ],
)
def test_content_rules(ses: SesServer, client: SESV2Client, changes: JSON) -> None:
    assert refused(client, **changes)[:2] == (400, "BadRequestException")
    assert outbox(ses) == []


def test_message_over_40_mb(client: SESV2Client) -> None:
    # 31 MB are more than 40 MB in base64
    attachment = {"FileName": "x.fits", "RawContent": bytes(31 * 1024 * 1024)}
    assert refused(client, Attachments=[attachment])[:2] == (400, "BadRequestException")


def test_unknown_configuration_set_and_template(client: SESV2Client) -> None:
    assert refused(client, ConfigurationSetName="followup")[:2] == (404, "NotFoundException")
    template = {"Template": {"TemplateName": "t", "TemplateData": "{}"}}
    assert refused(client, Content=template)[:2] == (404, "NotFoundException")


# -- how much, and what else can go wrong


def freeze(ses: SesServer, at: float | None = None) -> float:
    now = at if at is not None else ses.clock.time()
    ses.clock.time = lambda: now  # type: ignore[method-assign]
    return now


def test_sending_rate_counts_recipients(ses: SesServer, client: SESV2Client) -> None:
    now = freeze(ses)
    configure(ses, max_rate=2)
    client.send_email(**mail(Destination={"ToAddresses": [RECIPIENT, SENDER]}))
    assert refused(client) == (429, "TooManyRequestsException", "Maximum sending rate exceeded.")
    freeze(ses, now + 1)
    client.send_email(**mail())
    assert len(outbox(ses)) == 2


def test_daily_quota(ses: SesServer, client: SESV2Client) -> None:
    now = freeze(ses)
    configure(ses, max_daily=2)
    client.send_email(**mail())
    client.send_email(**mail())
    freeze(ses, now + 86_000)
    assert refused(client) == (429, "TooManyRequestsException", "Daily message quota exceeded")
    freeze(ses, now + 86_401)
    client.send_email(**mail())


@pytest.mark.parametrize("name", list(ERRORS))
def test_every_refusal_of_the_card(ses: SesServer, client: SESV2Client, name: str) -> None:
    configure(ses, fail={"kind": name, "times": 1})
    assert refused(client) == (ERRORS[name][0], name, ERRORS[name][1])
    assert outbox(ses) == []
    client.send_email(**mail())


@pytest.mark.parametrize("status", [500, 503])
def test_server_errors_last_as_told(ses: SesServer, client: SESV2Client, status: int) -> None:
    configure(ses, fail={"kind": "status", "status": status, "times": 2})
    assert [refused(client)[0] for _ in range(2)] == [status, status]
    client.send_email(**mail())


@pytest.mark.parametrize(("kind", "sent"), [("close", 0), ("close_after", 1)])
def test_hanging_up(ses: SesServer, client: SESV2Client, kind: str, sent: int) -> None:
    configure(ses, fail={"kind": kind, "times": 1})
    with pytest.raises((HTTPClientError, EndpointConnectionError)):
        client.send_email(**mail())
    assert len(outbox(ses)) == sent


def test_slow_answer_is_sent_all_the_same(ses: SesServer) -> None:
    configure(ses, fail={"kind": "hang", "seconds": 5.0, "times": 1})
    with pytest.raises(ReadTimeoutError):
        make_client(ses, read_timeout=0.1).send_email(**mail())
    until(lambda: outbox(ses))
    assert len(outbox(ses)) == 1


# -- in front of something else


def test_the_rest_goes_through_and_what_is_made_there_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_EMAIL_FROM", raising=False)
    seen: list[tuple[str, str, bytes]] = []

    def behind(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        seen.append((request.method, request.path, request.get_data()))
        return Response("from behind", 418)(environ, start_response)

    browser = Client(SesGate(behind))
    body = b'{"EmailIdentity": "followup@example.org"}'
    assert browser.post("/v2/email/identities", data=body).status_code == 418
    browser.post("/v2/email/configuration-sets", data=b'{"ConfigurationSetName": "followup"}')
    browser.get("/")
    browser.post("/v2/email/identities", data=b"not json")
    assert [entry[:2] for entry in seen] == [
        ("POST", "/v2/email/identities"),
        ("POST", "/v2/email/configuration-sets"),
        ("GET", "/"),
        ("POST", "/v2/email/identities"),
    ]
    assert seen[0][2] == body
    config = browser.get("/_ses/config").json
    assert config is not None
    assert config["identities"] == ["followup@example.org"]
    assert config["configuration_sets"] == ["followup"]


def test_control_routes(ses: SesServer) -> None:
    assert configure(ses, colour=1).status_code == 400
    assert configure(ses, fail={"kind": "odd"}).status_code == 400
    assert requests.get(f"{ses.url}/_ses/nothing", timeout=10).status_code == 404
    configure(ses, identities=["x@example.org"])
    assert requests.post(f"{ses.url}/_ses/reset", timeout=10).status_code == 200
    assert requests.get(f"{ses.url}/_ses/config", timeout=10).json()["identities"] == [SENDER]


def test_broken_base64(ses: SesServer) -> None:
    signed = "Credential=AKIA/20260821/us-east-1/ses/aws4_request, SignedHeaders=host;x-amz-date"
    headers = {
        "X-Amz-Date": "20260821T173530Z",
        "Authorization": f"AWS4-HMAC-SHA256 {signed}, Signature={'0' * 64}",
    }
    good, bad = base64.b64encode(b"x").decode(), "%%%"
    statuses = [
        requests.post(
            ses.url + SEND_PATH,
            json=mail(Attachments=[{"FileName": "x", "RawContent": content}]),
            headers=headers,
            timeout=10,
        ).status_code
        for content in (good, bad)
    ]
    assert statuses == [200, 400]
