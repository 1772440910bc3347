"""The generic facility's other transports, Slack and email: the message itself is the request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from generic.facility import Generic
from generic.models import GenericAltdata, GenericPayload
from local.simulators.ses import SesServer
from local.simulators.slack import SEEDED_HOOKS, SlackServer
from slew import mail
from slew.errors import NotSent, Rejected
from slew.facility import AllocationFacts, Link, Order
from slew.http import Http
from slew.mail import Mailer
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from tests import generic_bench

HOOK = SEEDED_HOOKS[0]
SLACK = dict(zip(("slack_workspace", "slack_channel", "slack_token"), HOOK, strict=True))
FACILITY = Generic()
PAYLOAD = {**generic_bench.PAYLOAD, "observation_choices": ["sdssg"], "too": True}


def order_of(altdata: dict[str, Any], **payload: Any) -> Order[Any, Any]:
    now = datetime(2026, 11, 22, 17, tzinfo=UTC)
    return Order(
        request_id="a1b2c3d4e5f6",
        instrument=None,
        target=Target(name="SN 2023ixf", ra=210.910674637, dec=54.311651),
        payload=GenericPayload.model_validate({**PAYLOAD, **payload}),
        altdata=GenericAltdata.model_validate(altdata),
        allocation=AllocationFacts("palomar-60", "PI Name", "transients"),
        requester=Requester(username="jdoe", name="Jane Doe", email="jane@example.edu"),
        now=now,
        created_at=now,
        comment="rising in g",
    )


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    simulator = SlackServer()
    monkeypatch.setenv("SLEW_SLACK_URL", simulator.start())
    yield simulator
    simulator.stop()


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[SesServer]:
    monkeypatch.setenv("SLEW_EMAIL_FROM", "followup@example.org")
    simulator = SesServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", simulator.start())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    mail.client.cache_clear()
    yield simulator
    simulator.stop()
    mail.client.cache_clear()


@pytest.fixture
def link() -> Link:
    redactor = Redactor(HOOK)
    return Link(Http(redactor), Mailer(redactor, pause=lambda seconds: None))


def test_slack_all_the_way(slack: SlackServer, link: Link) -> None:
    order = order_of({"notification_type": "slack", "include_comments": True, **SLACK})
    sent = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert sent.status is Status.SUBMITTED
    known = replace(order, facility_data=sent.data, status=Status.SUBMITTED)
    changed = replace(known, payload=order_of({"notification_type": "slack", **SLACK}, priority=1).payload)
    updated = FACILITY.update(changed, FACILITY.prepare(changed, link), link)
    known = replace(changed, facility_data={**known.facility_data, **updated.data})
    assert FACILITY.cancel(known, link).status is Status.CANCELLED
    first, second, third = (message["rendered"]["fallback"] for message in slack.messages)
    assert first.startswith("New request a1b2c3d4e5f6 for SN 2023ixf")
    for fact in ("observation_choices: sdssg", "exposure_time: 300 s", "too: True", "Comment: rising in g"):
        assert fact in first
    assert second.startswith("Updated request ")
    assert "priority: 1 (was 5)" in second
    assert "exposure_time: 300 s\n" in second
    assert third.startswith("CANCELLED request ")
    for part in HOOK:
        assert part not in repr((link.http.exchanges, sent, updated))  # type: ignore[attr-defined]


def test_what_is_told_and_kept_is_limited(ses: SesServer, link: Link) -> None:
    altdata = {"notification_type": "email", "email": "too@example.org"}
    many = {f"key_{number:05}": "x" for number in range(5000)}
    order = order_of(altdata, **many, **{"k" * 100_000: "y"})
    sent = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    told = sent.data["told"]
    parameters = len(PAYLOAD) + len(many) + 1
    assert len(told) == 100
    assert next(iter(told)) == "observation_choices"
    assert told["…"] == f"{parameters - 99} more"
    fewer = order_of(altdata, **dict(list(many.items())[:2000]))
    known = replace(fewer, facility_data=sent.data, status=Status.SUBMITTED)
    updated = FACILITY.update(known, FACILITY.prepare(known, link), link)
    assert len(updated.data["told"]) == 100
    first, second = (message["text"] for message in ses.gate.outbox)
    assert f"…: {parameters - 99} more" in first
    assert second.count("key_") < 100
    # What the first message only counted is neither new nor gone.
    assert "was" not in second.partition("Payload")[2].partition("…")[0]


def test_a_long_key_is_cut(ses: SesServer, link: Link) -> None:
    altdata = {"notification_type": "email", "email": "too@example.org"}
    order = order_of(altdata, **{"k" * 100_000: "y"})
    sent = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert max(map(len, sent.data["told"])) == 100
    known = replace(order, facility_data=sent.data, status=Status.SUBMITTED)
    FACILITY.update(known, FACILITY.prepare(known, link), link)
    assert "(was" not in ses.gate.outbox[-1]["text"]


def test_slack_refuses(slack: SlackServer, link: Link) -> None:
    slack.add_hook(*HOOK, "archived")
    order = order_of({"notification_type": "slack", **SLACK})
    with pytest.raises(Rejected, match="slack: channel_is_archived"):
        FACILITY.submit(order, FACILITY.prepare(order, link), link)


def test_email_all_the_way(ses: SesServer, link: Link) -> None:
    order = order_of({"notification_type": "email", "email": "too@example.org, night@example.org"})
    prepared = FACILITY.prepare(order, link)
    sent = FACILITY.submit(order, prepared, link)
    assert (sent.status, sent.notes) == (Status.SUBMITTED, ())
    known = replace(order, facility_data=sent.data, status=Status.SUBMITTED)
    FACILITY.update(known, prepared, link)
    assert FACILITY.cancel(known, link).status is Status.CANCELLED
    outbox = ses.gate.outbox
    assert [message["to"][0] for message in outbox] == ["too@example.org", "night@example.org"] * 3
    assert [message["subject"].partition(" ")[0] for message in outbox[::2]] == [
        "[new]",
        "[updated]",
        "[cancelled]",
    ]
    first = outbox[0]
    assert first["text"].startswith("New request a1b2c3d4e5f6 for SN 2023ixf")
    assert "exposure_time: 300 s" in first["text"]
    assert first["reply_to"] == ["jane@example.edu"]
    assert "rising in g" not in first["text"] + first["html"]


def test_an_email_that_reaches_somebody_is_submitted_and_says_whom_it_did_not(
    ses: SesServer, link: Link
) -> None:
    settings = {"sandbox": True, "identities": ["too@example.org"]}
    assert requests.post(f"{ses.url}/_ses/config", json=settings, timeout=10).ok
    order = order_of({"notification_type": "email", "email": "too@example.org,night@elsewhere.org"})
    sent = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert sent.status is Status.SUBMITTED
    assert "too@example.org" in sent.text
    assert "night@elsewhere.org: email: MessageRejected" in sent.notes[0]
    ses.clock.advance(5)  # the sandbox's rate
    with pytest.raises(Rejected, match="not sent to night@elsewhere"):
        FACILITY.cancel(replace(order, facility_data=sent.data), link)


def test_an_email_that_reaches_nobody(ses: SesServer, link: Link) -> None:
    order = order_of({"notification_type": "email", "email": "too@example.org,night@elsewhere.org"})
    prepared = FACILITY.prepare(order, link)
    for failure, kind in (
        ({"kind": "status", "status": 500}, NotSent),
        ({"kind": "MessageRejected"}, Rejected),
    ):
        assert requests.post(f"{ses.url}/_ses/config", json={"fail": failure}, timeout=10).ok
        with pytest.raises(kind):
            FACILITY.submit(order, prepared, link)
    assert ses.gate.outbox == []
