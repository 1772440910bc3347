"""From a change of status to a message, on the running system: stream, topic, queue, notifier."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import ATLAS_TOKEN, SLACK_ALTDATA, TARGET, System

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("announcements")]

ATLAS = "/facilities/atlas_forced_photometry/requests"


def atlas_body(allocation: str, **target: Any) -> dict[str, Any]:
    payload = {"start_date": "2023-05-01", "end_date": "2023-08-01"}
    return {
        "allocation_id": allocation,
        "target": {**TARGET, **target},
        "payload": payload,
        "comment": "rising in g",
        "requester": {"username": "observer1", "name": "Observer One", "email": "observer1@example.org"},
    }


def test_slack_is_told_of_every_change_and_names_it_truthfully(system: System) -> None:
    altdata = {
        "api_token": ATLAS_TOKEN,
        "notification_type": "slack",
        "include_comments": True,
        **SLACK_ALTDATA,
    }
    system.allocate("atlas_forced_photometry", "told", altdata)
    view = system.call("POST", ATLAS, atlas_body("told", name="<!channel> & AT 1")).json()
    for _ in range(8):
        system.stack.advance(60)
    assert system.call("GET", f"{ATLAS}/{view['id']}").json()["status"] == "complete"
    rendered = [message["rendered"] for message in system.messages()]
    assert [text["fallback"].lower() for text in rendered if "submitted" in text["fallback"].lower()]
    assert [text for text in rendered if "complete" in text["fallback"].lower()]
    assert all(not text["mentions"] for text in rendered)
    assert any("rising in g" in text["text"] for text in rendered)


def test_mail_has_text_and_html_and_a_safe_subject(system: System) -> None:
    altdata = {
        "api_token": ATLAS_TOKEN,
        "notification_type": "email",
        "email": "a@example.org, b@example.org",
    }
    system.allocate("atlas_forced_photometry", "mailed", altdata)
    system.call("POST", ATLAS, atlas_body("mailed", name="AT <b>2</b>"))
    system.stack.drain()
    mails = [mail for mail in system.outbox() if "AT <b>2</b>" in str(mail)]
    assert len(mails) == 2
    for mail in mails:
        assert "submitted" in str(mail)
        assert "&lt;b&gt;2" in str(mail)
        assert "rising in g" not in str(mail)


def test_a_refusal_is_never_announced_as_submitted(system: System) -> None:
    altdata = {"api_token": "f" * 40, "notification_type": "slack", **SLACK_ALTDATA}
    system.allocate("atlas_forced_photometry", "refused", altdata)
    view = system.call("POST", ATLAS, atlas_body("refused", name="AT 3")).json()
    assert view["status"] == "rejected"
    system.stack.drain()
    told = [message["rendered"] for message in system.messages() if "AT 3" in str(message)]
    assert len(told) == 1
    assert "rejected" in told[0]["fallback"].lower()
    assert "submitted" not in str(told[0]).lower()


def test_only_the_chosen_statuses_are_announced(system: System) -> None:
    altdata = {"api_token": ATLAS_TOKEN, "notification_type": "slack", **SLACK_ALTDATA}
    system.allocate("atlas_forced_photometry", "choosy", altdata, notify={"on": ["complete"]})
    system.call("POST", ATLAS, atlas_body("choosy", name="AT 4"))
    system.stack.drain()
    assert "AT 4" not in str(system.messages())


def test_a_dead_webhook_ends_in_the_dead_letters_and_on_the_history(system: System) -> None:
    dead = {**SLACK_ALTDATA, "slack_channel": "B99999999"}
    system.allocate(
        "atlas_forced_photometry", "dead", {"api_token": ATLAS_TOKEN, "notification_type": "slack", **dead}
    )
    reply = system.call("POST", ATLAS, atlas_body("dead", name="AT 5"))
    assert (reply.status_code, reply.json()["status"]) == (201, "submitted")
    system.stack.drain()
    history = system.call("GET", f"{ATLAS}/{reply.json()['id']}").json()["history"]
    notices = [entry for entry in history if entry["kind"] == "notice"]
    assert [entry["outcome"] for entry in notices] == ["failed"]
    assert "no_service" in notices[0]["reason"]
    (queue,) = [queue.name for queue in system.stack.system.queues if "SlackDlq" in queue.name]
    client = system.stack.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    assert [message for message in messages if reply.json()["id"] in message["Body"]]


def test_slack_that_throttles_is_told_later(system: System) -> None:
    altdata = {"api_token": ATLAS_TOKEN, "notification_type": "slack", **SLACK_ALTDATA}
    system.allocate("atlas_forced_photometry", "patient", altdata)
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}, "body": "rate_limited"}
    system.simulator("slack", "POST", "/_fault", fault)
    system.call("POST", ATLAS, atlas_body("patient", name="AT 6"))
    system.stack.drain()
    assert "AT 6" not in str(system.messages())
    system.stack.advance(40)
    assert "AT 6" in str(system.messages())
