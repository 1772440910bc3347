"""Plans by Slack and by email against the simulators: the summary, and the plan itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.base import Fault
from local.simulators.ses import SesServer
from local.simulators.slack import SlackServer
from mma.plan import MmaOrder
from slew import mail
from slew.errors import MethodNotAllowed, NotSent, Rejected, Unanswered
from slew.facility import Link, Submission
from slew.http import Http
from slew.mail import Mailer
from slew.redact import Redactor
from slew.status import Status
from tests.mma_bench import EMAIL, FACILITY, PLAN, SLACK, many, order_of

HOOK = [SLACK[key] for key in ("slack_workspace", "slack_channel", "slack_token")]
NAME = "S260821ab_tiling_1"


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    simulator = SlackServer()
    monkeypatch.setenv("SLEW_SLACK_URL", simulator.start())
    yield simulator
    simulator.stop()


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[SesServer]:
    simulator = SesServer()
    for name, value in {
        "SLEW_EMAIL_FROM": "followup@example.org",
        "AWS_ENDPOINT_URL_SESV2": simulator.start(),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    simulator.gate.config.identities.append("followup@example.org")
    mail.client.cache_clear()
    yield simulator
    simulator.stop()
    mail.client.cache_clear()


@pytest.fixture
def link() -> Iterator[Link]:
    redactor = Redactor(HOOK)
    http = Http(redactor)
    yield Link(http, Mailer(redactor, pause=lambda seconds: None))
    assert not any(part in repr(http.exchanges) for part in HOOK[2:])


def sent(order: MmaOrder, link: Link) -> Submission:
    return FACILITY.submit(order, FACILITY.prepare(order, link), link)


def known(order: MmaOrder, submission: Submission, payload: Mapping[str, Any] | None = None) -> MmaOrder:
    """The order once it is at the channel, with another payload if given."""
    changed = order_of({**SLACK, **EMAIL, "type": order.altdata.type}, payload)
    return replace(order, facility_data=dict(submission.data), payload=changed.payload)


# -- Slack


def test_a_short_plan_is_in_the_message(slack: SlackServer, link: Link) -> None:
    submission = sent(order_of(SLACK), link)
    assert (submission.status, submission.notes) == (Status.SUBMITTED, ())
    [message] = slack.messages
    summary, _, plan = message["payload"]["text"].partition("\n\n")
    assert json.loads(plan)["queue_name"] == f"ToO_{NAME}"
    assert len(json.loads(plan)["targets"]) == 2
    lines = summary.splitlines()
    assert lines[0].startswith(f"New request a1b2c3d4e5f6a7b8c9d0e1f2 for {NAME}: Multi-messenger plans")
    assert "Window: 2026-08-22 02:00:00 to 2026-08-22 10:30:00 UTC" in lines
    assert "Pointings per filter: ztfg: 1, ztfr: 1" in lines
    assert "Total exposure: 600 s (0.17 h)" in lines
    assert not any("RA" in line for line in lines)
    assert slack.refusals == []


def test_some_250_pointings_fit(slack: SlackServer, link: Link) -> None:
    payload = {**PLAN, "planned_observations": None, "targets": many(250)}
    sent(order_of(SLACK, payload), link)
    plan = slack.messages[0]["payload"]["text"].partition("\n\n")[2]
    assert len(json.loads(plan)["targets"]) == 250


def test_a_longer_plan_is_only_summed_up(slack: SlackServer, link: Link) -> None:
    payload = {**PLAN, "planned_observations": None, "targets": many(1000)}
    sent(order_of(SLACK, payload), link)
    [note] = FACILITY.prepare(order_of(SLACK, payload), link).notes
    where = "GET /facilities/mma/plans/a1b2c3d4e5f6a7b8c9d0e1f2/payload"
    assert where in note
    text = slack.messages[0]["payload"]["text"]
    assert len(text) < 4000
    assert where in text
    assert "Pointings: 1000" in text
    assert slack.refusals == []


def test_an_update_names_what_was(slack: SlackServer, link: Link) -> None:
    order = order_of(SLACK)
    changed = known(order, sent(order, link), {**PLAN, "end_date": "2026-08-22 11:00:00"})
    FACILITY.update(changed, FACILITY.prepare(changed, link), link)
    text = slack.messages[1]["payload"]["text"]
    assert text.startswith("Updated request")
    assert "11:00:00 UTC (was 2026-08-22 02:00:00 to 2026-08-22 10:30:00 UTC)" in text


def test_a_cancellation_is_a_message(slack: SlackServer, link: Link) -> None:
    order = order_of(SLACK)
    cancellation = FACILITY.cancel(known(order, sent(order, link)), link)
    assert cancellation.status is Status.CANCELLED
    text = slack.messages[1]["payload"]["text"]
    assert text.startswith("CANCELLED request")
    assert f"Queue: ToO_{NAME}" in text


def test_a_plan_is_cancelled_after_its_window(slack: SlackServer, link: Link) -> None:
    order = order_of(SLACK)
    late = replace(known(order, sent(order, link)), now=order.now.replace(year=2027))
    assert FACILITY.cancel(late, link).status is Status.CANCELLED


def test_slack_refuses(slack: SlackServer, link: Link) -> None:
    altdata = {**SLACK, "slack_token": "wrong" * 5}
    with pytest.raises(Rejected, match="slack: "):
        sent(order_of(altdata), link)
    assert slack.messages == []


@pytest.mark.parametrize(("kind", "error"), [("refuse", Unanswered), ("cut", Unanswered)])
def test_slack_gives_no_answer(slack: SlackServer, link: Link, kind: str, error: type[Exception]) -> None:
    slack.faults.append(Fault(kind, path="/services"))
    with pytest.raises(error):
        sent(order_of(SLACK), link)


def test_slack_is_down(slack: SlackServer, link: Link) -> None:
    slack.vanish()
    with pytest.raises(NotSent):
        sent(order_of(SLACK), link)


# -- email


def test_the_plan_is_attached(ses: SesServer, link: Link) -> None:
    order = order_of(EMAIL)
    submission = sent(order, link)
    assert submission.status is Status.SUBMITTED
    [message] = ses.gate.outbox
    assert message["to"] == ["too@example.org"]
    assert message["subject"] == (f"[new] Follow-up request for {NAME}: Multi-messenger plans (too-2026)")
    assert message["attachments"][0]["file_name"] == f"ToO_{NAME}.json"
    assert message["attachments"][0]["content_type"] == "application/json"
    content = message["request"]["Content"]["Simple"]["Attachments"][0]["RawContent"]
    plan = json.loads(base64.b64decode(content))
    assert [target["field_id"] for target in plan["targets"]] == [247, 246]
    for body in (message["text"], message["html"]):
        assert "Pointings per filter" in body
        assert "ztfg: 1, ztfr: 1" in body


def test_ten_thousand_pointings_are_attached(ses: SesServer, link: Link) -> None:
    sent(order_of(EMAIL, {**PLAN, "planned_observations": None, "targets": many(10_000)}), link)
    [message] = ses.gate.outbox
    assert message["attachments"][0]["bytes"] > 2_000_000
    assert len(message["text"]) < 4000


def test_several_addresses_get_a_mail_each(ses: SesServer, link: Link) -> None:
    sent(order_of({**EMAIL, "email": "a@example.org, b@example.org"}), link)
    assert [message["to"] for message in ses.gate.outbox] == [["a@example.org"], ["b@example.org"]]


def test_a_name_that_is_no_file_name(ses: SesServer, link: Link) -> None:
    sent(order_of(EMAIL, {**PLAN, "queue_name": "../a b"}), link)
    assert ses.gate.outbox[0]["attachments"][0]["file_name"] == "ToO_.._a_b.json"


def test_mails_of_an_update_and_a_cancellation(ses: SesServer, link: Link) -> None:
    order = order_of(EMAIL)
    first = sent(order, link)
    changed = known(order, first, {**PLAN, "end_date": "2026-08-22 11:00:00"})
    FACILITY.update(changed, FACILITY.prepare(changed, link), link)
    FACILITY.cancel(known(order, first), link)
    assert [message["subject"].partition(" ")[0] for message in ses.gate.outbox] == [
        "[new]",
        "[updated]",
        "[cancelled]",
    ]
    assert [len(message["attachments"]) for message in ses.gate.outbox] == [1, 1, 0]


def test_email_that_nobody_sends(ses: SesServer, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_EMAIL_FROM", "")
    with pytest.raises(Rejected, match="no sender address"):
        sent(order_of(EMAIL), link)


# -- both


@pytest.mark.parametrize("altdata", [SLACK, EMAIL])
def test_people_cannot_be_asked(altdata: dict[str, Any], link: Link) -> None:
    order = order_of(altdata)
    assert FACILITY.poll(order, link).text == "status: not available at this facility (this receiver)"
    assert FACILITY.reconcile(order, link) is None
    with pytest.raises(MethodNotAllowed, match="not harmless"):
        FACILITY.verify(order.altdata, link)
    with pytest.raises(Rejected, match="no list"):
        FACILITY.queues(order.altdata, link)
