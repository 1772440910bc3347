"""Mail through the SES simulator, over real HTTP: one a recipient, never twice; and what failures mean."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
import requests

from local.simulators.ses import SesServer
from slew import mail
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.mail import Mailer, deliver
from slew.redact import Redactor
from slew.wire import Attachment, Mail

SENDER = '"Follow-up service" <followup@example.org>'
SECRET = "hush-hush-hush"


def letter(*to: str) -> Mail:
    return Mail(
        to=to,
        subject="[new] Follow-up request for SN 2023ixf α",
        text=f"text {SECRET}",
        html="<p>html</p>",
        reply_to="jdoe@example.org",
        headers={"X-Followup-Request-Id": "a1"},
        tags={"facility": "generic", "request_id": "a1"},
    )


class Bench:
    """The simulator, and a mailer that does not wait."""

    def __init__(self, server: SesServer) -> None:
        self.server = server
        self.pauses: list[float] = []
        self.marked = 0
        self.mailer = Mailer(Redactor([SECRET]), before_send=self.mark, pause=self.pause)

    def mark(self) -> None:
        self.marked += 1

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.server.clock.advance(seconds)

    def configure(self, **settings: Any) -> None:
        assert requests.post(f"{self.server.url}/_ses/config", json=settings, timeout=10).ok

    @property
    def outbox(self) -> list[dict[str, Any]]:
        return self.server.gate.outbox

    @property
    def posts(self) -> int:
        return len([seen for seen in self.server.journal if seen["path"].startswith("/v2/")])

    def refusal(self, kind: type[FacilityError], *to: str) -> FacilityError:
        with pytest.raises(kind) as caught:
            self.mailer.send(letter(*(to or ("too@example.org",))))
        assert type(caught.value) is kind
        assert SECRET not in repr((caught.value, self.mailer.exchanges))
        return caught.value


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SesServer]:
    monkeypatch.setenv("SLEW_EMAIL_FROM", SENDER)
    simulator = SesServer()
    for name, value in {
        "AWS_ENDPOINT_URL_SESV2": simulator.start(),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    forget = mail.client.cache_clear
    forget()
    yield simulator
    simulator.stop()
    forget()


@pytest.fixture
def bench(server: SesServer) -> Bench:
    return Bench(server)


def test_each_recipient_gets_a_mail_of_their_own(bench: Bench) -> None:
    ids = bench.mailer.send(letter("a@example.org", "b@example.org"))
    assert [message["to"] for message in bench.outbox] == [["a@example.org"], ["b@example.org"]]
    assert ids == tuple(message["message_id"] for message in bench.outbox)
    first = bench.outbox[0]
    assert first["sender"] == SENDER
    assert first["subject"] == letter().subject
    assert (first["text"], first["html"]) == (f"text {SECRET}", "<p>html</p>")
    assert first["reply_to"] == ["jdoe@example.org"]
    assert first["cc"] == first["bcc"] == []
    assert bench.marked == 1


def test_an_attachment_goes_along(bench: Bench) -> None:
    plan = Attachment("plan.json", "application/json", b'{"fields": 3}\n' * 1000)
    bench.mailer.send(replace(letter("a@example.org"), attachments=(plan,)))
    assert bench.outbox[0]["attachments"] == [
        {"file_name": "plan.json", "content_type": "application/json", "bytes": 14_000}
    ]
    [sent] = bench.outbox[0]["request"]["Content"]["Simple"]["Attachments"]
    assert base64.b64decode(sent["RawContent"]) == plan.content
    (exchange,) = bench.mailer.exchanges
    assert "(14000 bytes)" in exchange.request_body
    assert "fields" not in exchange.request_body


def test_the_record(bench: Bench) -> None:
    (message_id,) = bench.mailer.send(letter("a@example.org"))
    (exchange,) = bench.mailer.exchanges
    assert (exchange.method, exchange.outcome, exchange.status) == ("SES SendEmail", "answered", 200)
    assert exchange.url == f"{bench.server.url}/v2/email/outbound-emails"
    assert message_id in exchange.answer_body
    assert "a@example.org" in exchange.request_body
    assert SECRET not in repr(exchange)


@pytest.mark.parametrize(
    "kind",
    [
        "MessageRejected",
        "MailFromDomainNotVerifiedException",
        "AccountSuspendedException",
        "SendingPausedException",
        "LimitExceededException",
        "NotFoundException",
        "AccessDeniedException",
        "SignatureDoesNotMatch",
    ],
)
def test_configuration_errors_are_final(bench: Bench, kind: str) -> None:
    bench.configure(fail={"kind": kind})
    error = bench.refusal(Rejected)
    assert error.reason.startswith(f"email: {kind}: ")
    assert bench.posts == 1
    (exchange,) = bench.mailer.exchanges
    assert exchange.outcome == "answered"
    assert exchange.status is not None
    assert exchange.status >= 400


def test_an_unverified_sender(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_EMAIL_FROM", "other@elsewhere.org")
    assert "Email address is not verified" in bench.refusal(Rejected).reason


def test_no_sender(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_EMAIL_FROM", "")
    assert "no sender address" in bench.refusal(Rejected).reason
    assert (bench.posts, bench.marked) == (0, 0)


def test_the_rate_is_waited_for(bench: Bench) -> None:
    bench.configure(max_rate=1)
    bench.mailer.send(letter("a@example.org", "b@example.org", "c@example.org"))
    assert [message["to"][0][0] for message in bench.outbox] == ["a", "b", "c"]
    assert bench.pauses == [1.1, 1.1]


def test_a_rate_that_does_not_end_is_not_sent(bench: Bench) -> None:
    bench.configure(fail={"kind": "TooManyRequestsException"})
    error = cast(NotSent, bench.refusal(NotSent))
    assert error.retry_after == 5
    assert bench.posts == 3
    assert len(bench.mailer.exchanges) == 3


def test_the_daily_quota_is_final(bench: Bench) -> None:
    bench.configure(max_daily=0)
    assert "Daily message quota exceeded" in bench.refusal(Rejected).reason
    assert bench.posts == 1
    assert bench.pauses == []


@pytest.mark.parametrize(("status", "kind"), [(500, NotSent), (503, NotSent), (504, Unanswered)])
def test_server_errors(bench: Bench, status: int, kind: type[FacilityError]) -> None:
    bench.configure(fail={"kind": "status", "status": status})
    bench.refusal(kind)
    assert bench.posts == 1


@pytest.mark.parametrize("kind", ["close", "close_after"])
def test_no_answer_is_unknown_and_not_repeated(bench: Bench, kind: str) -> None:
    bench.configure(fail={"kind": kind, "times": 1})
    bench.refusal(Unanswered)
    assert bench.posts == 1
    assert len(bench.outbox) == (kind == "close_after")
    assert bench.mailer.exchanges[0].outcome == "no_answer"


def test_nobody_there_is_not_sent(bench: Bench) -> None:
    bench.server.stop()
    bench.refusal(NotSent)
    assert bench.mailer.exchanges[0].outcome == "not_sent"


def test_a_read_time_out_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from botocore.config import Config

    impatient = boto3.client("sesv2", config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}))
    monkeypatch.setattr(mail, "client", lambda: impatient)
    bench.configure(fail={"kind": "hang", "seconds": 5.0, "times": 1})
    assert "ReadTimeoutError" in bench.refusal(Unanswered).reason


def test_who_has_got_it_never_gets_it_again(bench: Bench) -> None:
    bench.configure(sandbox=True, identities=["a@example.org"])
    error = bench.refusal(Rejected, "a@example.org", "b@elsewhere.org")
    assert error.reason.startswith(
        "sent to a@example.org, but not to b@elsewhere.org: email: MessageRejected"
    )
    assert len(bench.outbox) == 1


def test_partly_unanswered_is_unknown(bench: Bench) -> None:
    first = Mailer(Redactor())
    first.send(letter("a@example.org"))
    bench.configure(fail={"kind": "close", "times": 1})
    bench.refusal(Unanswered, "b@example.org", "c@example.org")
    assert [message["to"] for message in bench.outbox] == [["a@example.org"], ["c@example.org"]]


def test_nobody_reached_is_not_sent(bench: Bench) -> None:
    bench.configure(fail={"kind": "status", "status": 500})
    reason = bench.refusal(NotSent, "a@example.org", "b@example.org").reason
    assert "a@example.org: " in reason
    assert "b@example.org: " in reason


def test_deliver_says_who_was_reached(bench: Bench) -> None:
    bench.configure(sandbox=True, identities=["a@example.org"])
    delivery = deliver(bench.mailer, letter("b@elsewhere.org", "a@example.org"))
    assert list(delivery.sent) == ["a@example.org"]
    assert list(delivery.failed) == ["b@elsewhere.org"]
