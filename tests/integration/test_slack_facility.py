"""The Slack facility against its simulator, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from local.simulators.base import Fault
from local.simulators.slack import SEEDED_HOOKS, STATES, SlackServer
from slack.facility import Slack, SlackOrder
from slack.models import SlackAltdata, SlackPayload
from slew.errors import FacilityError, Invalid, NotSent, Rejected, Unanswered
from slew.facility import AllocationFacts, Link, MailLink, Order, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.wire import HttpRequest

JSON = dict[str, Any]
FACILITY = Slack()
HOOK = SEEDED_HOOKS[0]
PEER = json.loads((Path(__file__).parent.parent / "data/peer/slack.json").read_text())[0]
PAYLOAD = {"observation_choices": ["sdssg", "sdssr"], "exposure_time": 300.0, "exposure_counts": 2}


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: SlackServer, hook: tuple[str, str, str] = HOOK) -> None:
        self.server = server
        self.hook = hook
        self.marked = 0
        self.http = Http(Redactor(hook), before_send=self.mark)
        self.link = Link(self.http, cast(MailLink, None))

    def mark(self) -> None:
        self.marked += 1

    def order(self, payload: JSON | None = None, name: str = "SN 2023ixf", **altdata: Any) -> SlackOrder:
        keys = dict(zip(("slack_workspace", "slack_channel", "slack_token"), self.hook, strict=True))
        return Order(
            request_id="a1b2c3d4e5f6",
            instrument=None,
            target=Target(name=name, ra=210.910674637, dec=54.311651),
            payload=SlackPayload.model_validate({**PAYLOAD, **(payload or {})}),
            altdata=SlackAltdata.model_validate({**keys, **altdata}),
            allocation=AllocationFacts("palomar-60", "PI Name", "transients"),
            requester=Requester(username="jdoe", name="Jane Doe", email="jane@example.edu"),
            now=datetime(2026, 11, 22, 18, tzinfo=UTC),
            created_at=datetime(2026, 11, 22, 17, tzinfo=UTC),
            comment="rising in g",
        )

    def submit(self, order: SlackOrder | None = None) -> Submission:
        order = order or self.order()
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def refusal(self, kind: type[FacilityError]) -> FacilityError:
        with pytest.raises(kind) as caught:
            self.submit()
        return caught.value

    def check_no_secret(self, *more: Any) -> None:
        """None of the webhook's parts in the record or in what else is given."""
        shown = repr((self.http.exchanges, more))
        for part in self.hook:
            assert part not in shown


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    simulator = SlackServer()
    monkeypatch.setenv("SLEW_SLACK_URL", f"{simulator.start()}/")
    monkeypatch.setenv("SLEW_PORTAL_URL", "https://skyportal.example")
    yield simulator
    simulator.stop()


@pytest.fixture
def bench(server: SlackServer) -> Bench:
    return Bench(server)


def test_submit_posts_the_prepared_message_once(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    assert bench.server.journal == []
    submission = FACILITY.submit(order, prepared, bench.link)
    assert submission.status is Status.SUBMITTED
    assert submission.facility_request_id is None
    assert "no machine confirmed it" in submission.text
    (seen,) = bench.server.journal
    exchange = prepared.exchanges[0]
    assert isinstance(exchange, HttpRequest)
    assert seen["path"] == f"/services/{'/'.join(HOOK)}"
    assert seen["body"].encode() == exchange.body
    assert "Authorization" not in seen["headers"]
    assert bench.marked == 1
    bench.check_no_secret(submission)


def test_the_message_has_skyportals_seven_facts_and_ours(bench: Bench) -> None:
    bench.submit()
    (message,) = bench.server.messages
    for shown in (message["rendered"]["text"], message["rendered"]["fallback"]):
        first = shown.splitlines()[0].replace("*", "")
        assert first.startswith("New request")
        assert "SN 2023ixf" in first
        for fact in ("SN 2023ixf", "sdssg, sdssr", "300.0 s", "2", "jdoe"):
            assert fact in shown
        for fact in ("14:03:38.5619 +54:18:41.944", "210.910675 +54.311651", "Jane Doe", "palomar-60"):
            assert fact in shown
        for fact in ("a1b2c3d4e5f6", "2026-11-22T17:00:00 UTC"):
            assert fact in shown
        assert "rising in g" not in shown
    links = {link["url"] for link in message["rendered"]["links"]}
    assert "https://skyportal.example/source/SN%202023ixf" in links
    assert "https://skyportal.example/source/SN%202023ixf" in message["rendered"]["fallback"]


def test_against_the_peers_message(server: SlackServer) -> None:
    """Every fact of SkyPortal's seven lines, but RA in hours, a sign, units, and one slash (card)."""
    altdata, target, payload = PEER["altdata"], PEER["target"], PEER["payload"]
    hook = (altdata["slack_workspace"], altdata["slack_channel"], altdata["slack_token"])
    server.add_hook(*hook)
    bench = Bench(server, hook)
    order = bench.order(payload)
    order = replace(
        order,
        target=Target(name=target["id"], ra=target["ra"], dec=target["dec"]),
        requester=Requester(username=PEER["requester"]["username"]),
    )
    bench.submit(order)
    theirs = json.loads(PEER["peer"]["sent"][0]["data"])
    lines = dict(line.split(": ", 1) for line in theirs["text"].splitlines())
    (message,) = server.messages
    ours = message["rendered"]["fallback"]
    assert lines["Name"] in ours
    assert lines["SkyPortal Link"] in ours
    assert lines["Username"] in ours
    assert lines["Filters"].replace(",", ", ") in ours
    assert f"Exposure time: {lines['Exposure time']} s" in ours
    assert f"Exposure counts: {lines['Exposure counts']}" in ours
    assert lines["RA / Dec"] == "210:54:38.4286932 54:18:41.9436 (210.91067 54.31165)"
    assert "14:03:38.5619 +54:18:41.944" in ours
    assert "210.910675 +54.311651" in ours
    assert theirs["url"] == "https://hooks.slack.com//services/T0/B0/X0"
    assert server.journal[0]["path"] == "/services/T0/B0/X0"


def test_comment_where_the_altdata_says_so(bench: Bench) -> None:
    bench.submit(bench.order(include_comments="T"))
    assert "Comment: rising in g" in bench.server.messages[0]["rendered"]["fallback"]


def test_update_and_cancel_tell_the_channel(bench: Bench) -> None:
    order = bench.order()
    data = bench.submit(order).data
    changed = replace(bench.order({"exposure_time": 600}), facility_data=data, status=Status.SUBMITTED)
    updated = FACILITY.update(changed, FACILITY.prepare(changed, bench.link), bench.link)
    assert updated.status is Status.SUBMITTED
    cancelled = FACILITY.cancel(replace(changed, facility_data=updated.data), bench.link)
    assert cancelled.status is Status.CANCELLED
    for text in (updated.text, cancelled.text):
        assert "channel was told" in text
        assert "no machine confirmed it" in text
    _, second, third = (message["rendered"]["fallback"] for message in bench.server.messages)
    assert second.startswith("Updated request a1b2c3d4e5f6 for SN 2023ixf")
    assert "Exposure time: 600 s (was 300.0 s)" in second
    assert "Exposure counts: 2\n" in second
    assert third.startswith("CANCELLED request a1b2c3d4e5f6 for SN 2023ixf")
    assert "(requested by Jane Doe (jdoe))" in third


def test_a_name_cannot_call_the_channel(bench: Bench) -> None:
    bench.submit(bench.order(name="<!channel> `*x*` <https://evil.example.org|y>"))
    rendered = bench.server.messages[0]["rendered"]
    assert rendered["mentions"] == []
    assert not [link for link in rendered["links"] if "evil.example.org|" in link["url"]]
    assert all("skyportal.example" in link["url"] or "evil" not in link["url"] for link in rendered["links"])
    assert "<!channel>" in rendered["text"]


@pytest.mark.parametrize("state", [state for state in STATES if state != "rollup_error"])
def test_permanent_refusals(bench: Bench, state: str) -> None:
    bench.server.add_hook(*HOOK, state)
    error = bench.refusal(Rejected)
    assert error.reason == f"slack: {STATES[state][1]}"
    assert bench.server.messages == []
    bench.check_no_secret(error)


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ((HOOK[0], HOOK[1], "0" * 24), "slack: invalid_token"),
        ((HOOK[0], "B99999999", HOOK[2]), "slack: no_service"),
        (("T99999999", HOOK[1], HOOK[2]), "slack: no_team"),
    ],
)
def test_a_wrong_webhook(server: SlackServer, hook: tuple[str, str, str], reason: str) -> None:
    bench = Bench(server, hook)
    error = bench.refusal(Rejected)
    assert error.reason == reason
    bench.check_no_secret(error)


def test_throttled(bench: Bench) -> None:
    bench.server.add_hook(*HOOK)
    for _ in range(5):
        bench.submit()
    error = bench.refusal(NotSent)
    assert cast(NotSent, error).retry_after == 1
    bench.server.clock.advance(1)
    bench.submit()
    assert len(bench.server.messages) == 6


def test_slacks_own_fault_was_not_posted(bench: Bench) -> None:
    bench.server.add_hook(*HOOK, "rollup_error")
    assert bench.refusal(NotSent).reason == "slack: rollup_error 500"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, "<html>busy</html>", NotSent),
        (429, '{"ok": false, "error": "ratelimited"}', NotSent),
        (400, "no_service", Rejected),
        (404, "<html>not here</html>", Rejected),
        (302, "", Rejected),
        (200, "<html>please log in</html>", Unanswered),
        (200, "", Unanswered),
        (200, '{"error": {"a": 1}}', Unanswered),
    ],
)
def test_the_body_decides_then_the_status_class(
    bench: Bench, status: int, body: str, kind: type[FacilityError]
) -> None:
    bench.server.faults.append(Fault("status", status=status, body=body))
    bench.check_no_secret(bench.refusal(kind))
    assert len(bench.server.journal) == 1


@pytest.mark.parametrize("kind", ["refuse", "cut", "reset"])
def test_no_answer_is_unknown(bench: Bench, kind: str) -> None:
    bench.server.faults.append(Fault(kind))
    bench.check_no_secret(bench.refusal(Unanswered))


def test_nobody_there_is_not_sent(bench: Bench) -> None:
    bench.server.vanish()
    error = bench.refusal(NotSent)
    bench.check_no_secret(error)


def test_blocks_refused_are_posted_as_text(bench: Bench) -> None:
    bench.server.faults.append(Fault("status", status=400, body="invalid_blocks"))
    bench.submit()
    (message,) = bench.server.messages
    assert "blocks" not in message["payload"]
    assert "New request a1b2c3d4e5f6 for SN 2023ixf" in message["rendered"]["text"]
    assert "Exposure time: 300.0 s" in message["rendered"]["text"]


def test_blocks_refused_twice_is_the_end(bench: Bench) -> None:
    bench.server.faults.append(Fault("status", status=400, body="invalid_blocks", times=5))
    assert bench.refusal(Rejected).reason == "slack: invalid_blocks"
    assert len(bench.server.journal) == 2


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"observation_choices": []}, "observation_choices"),
        ({"observation_choices": ["sdssg", "sdssg"]}, "observation_choices"),
        ({"observation_choices": ["a\nb"]}, "observation_choices"),
        ({"exposure_time": 0}, "exposure_time"),
        ({"exposure_time": 7200}, "exposure_time"),
        ({"exposure_time": "300"}, "exposure_time"),
        ({"exposure_time": True}, "exposure_time"),
        ({"exposure_counts": 0}, "exposure_counts"),
        ({"exposure_counts": None}, "exposure_counts"),
    ],
)
def test_bounds(bench: Bench, payload: JSON, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        bench.order(payload)
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize("field", list(PAYLOAD))
def test_all_three_are_required(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SlackPayload.model_validate({key: value for key, value in PAYLOAD.items() if key != field})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_other_keys_are_ignored(bench: Bench) -> None:
    bench.submit(bench.order({"priority": 5, "start_date": "2026-12-01"}))
    assert "priority" not in bench.server.journal[0]["body"]


def test_filters_of_the_allocation(bench: Bench) -> None:
    FACILITY.prepare(bench.order(filters=["sdssg", "sdssr"]), bench.link)
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(bench.order(filters=["sdssg", "sdssi"]), bench.link)
    (error,) = caught.value.errors
    assert error.loc == ("payload", "observation_choices", 1)
    assert error.msg == "Improper observation_choice sdssr. The filters here are sdssg, sdssi"


@pytest.mark.parametrize("value", ["T/0", "..", "T0?x=1", "T%30", "", "T 0"])
def test_a_part_that_would_change_the_url_is_refused_and_not_repeated(bench: Bench, value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        bench.order(slack_workspace=value)
    assert caught.value.errors()[0]["loc"] == ("slack_workspace",)


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run", "update", "cancel")
    assert FACILITY.send_attempts == 5
