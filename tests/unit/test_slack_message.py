"""Slack messages: within the limits whatever is in them, and nothing a user wrote calls or links anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulators.block_kit import check_blocks
from local.simulators.slack_rendering import render_message
from slew import slack_message
from slew.notice import Notice

PORTAL = "https://skyportal.example.org"
NOTICE = Notice(
    event_id="a1-000002",
    at="2026-11-22T17:00:01.250Z",
    action="submit",
    status="submitted",
    previous="submitting",
    request_id="a1",
    facility="lco",
    facility_title="Las Cumbres Observatory",
    instrument="sinistro",
    target_name="SN 2023ixf",
    ra_deg=210.910674637,
    dec_deg=54.311651,
    payload={"observation_choices": "gp, rp", "exposure_time": "300"},
    requester_name="Jane Doe",
    requester_username="jdoe",
    requester_affiliation="Example Observatory",
    allocation_id="lco-2026b",
    allocation_pi="PI Name",
    group="transients",
    proposal_id="EX2026B-001",
    facility_request_id="3881234",
)

NASTY = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("<>&`|*_~@#!\n\u2028\u202e")),
    min_size=1,
    max_size=400,
)
HOSTILE = (
    "<!channel>",
    "<!here|now>",
    "<@U012AB3CD>",
    "<#C012AB3CD|general>",
    "<!subteam^S012AB3CD>",
    "<https://evil.example.org|click>",
    "a|b>c<d&e",
    "`<!everyone>`",
    "&lt;!channel&gt;",
)


def rendered(message: dict[str, Any]) -> dict[str, Any]:
    return render_message(message)


@pytest.mark.parametrize(
    "status", ["submitted", "rejected", "failed", "unknown", "complete", "expired", "in_progress"]
)
def test_first_line_names_the_status_the_target_and_the_facility(status: str) -> None:
    message = slack_message.build(replace(NOTICE, status=status, previous=None), PORTAL)
    first = rendered(message)["text"].splitlines()[0]
    for line in (message["text"], first):
        assert f"[{status}]" in line
        assert "SN 2023ixf" in line
        assert "Las Cumbres Observatory sinistro" in line
    assert "\n" not in message["text"]


@pytest.mark.parametrize(
    ("status", "words"),
    [("new", "New request"), ("updated", "Updated request"), ("cancelled", "CANCELLED request")],
)
def test_transport_headings(status: str, words: str) -> None:
    message = slack_message.build(replace(NOTICE, status=status, previous=None), PORTAL)
    assert message["text"].startswith(f"{words} a1 for SN 2023ixf")
    assert rendered(message)["text"].startswith(f"*{words}* for `SN 2023ixf`")


def test_a_rejected_request_is_not_told_as_submitted_and_gives_the_reason() -> None:
    told = replace(NOTICE, status="rejected", reason="No visible targets in window", facility_request_id=None)
    message = slack_message.build(told, PORTAL)
    everything = json.dumps(message)
    assert "No visible targets in window" in message["text"]
    assert "*Reason:* No visible targets in window" in everything
    assert "[submitted]" not in everything


def test_content_and_links() -> None:
    shown = rendered(slack_message.build(replace(NOTICE, comment="rising in g"), PORTAL))
    for part in (
        "14:03:38.5619 +54:18:41.944",
        "210.910675 +54.311651",
        "Jane Doe (jdoe), Example Observatory",
        "2026-11-22T17:00:01 UTC",
        "lco-2026b",
        "PI Name, transients",
        "EX2026B-001",
        "3881234",
        "submitting → submitted",
        "`observation_choices`: `gp, rp`",
        "*Comment:* rising in g",
    ):
        assert part in shown["text"]
    urls = {link["label"]: link["url"] for link in shown["links"]}
    assert urls["Source"] == f"{PORTAL}/source/SN%202023ixf"
    assert urls["Finding chart"] == f"{PORTAL}/source/SN%202023ixf/finder"
    assert set(urls) == {"Source", "Observability", "Finding chart", "SDSS", "Legacy Survey", "TNS"}


@pytest.mark.parametrize("portal", ["", "http://skyportal.example.org"])
def test_without_a_marshal_there_are_no_links_to_it(portal: str) -> None:
    shown = rendered(slack_message.build(NOTICE, portal))
    assert {link["label"] for link in shown["links"]} == {"SDSS", "Legacy Survey", "TNS"}


def test_no_comment_unless_given() -> None:
    assert "Comment" not in json.dumps(slack_message.build(NOTICE, PORTAL))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_a_user_wrote_mentions_or_links(text: str) -> None:
    told = replace(
        NOTICE,
        target_name=text,
        comment=text,
        reason=text,
        text=text,
        payload={text: text},
        requester_name=text,
        requester_username=text,
        allocation_pi=text,
        by=text,
        facility_request_id=text,
    )
    ours = {link["url"] for link in rendered(slack_message.build(NOTICE, ""))["links"]}
    for message in (slack_message.build(told, ""), slack_message.build(told, "", full_text=True)):
        shown = rendered(message)
        assert shown["mentions"] == []
        assert {link["url"] for link in shown["links"]} <= ours
    plain = rendered(slack_message.plain(told, ""))
    assert plain["mentions"] == []
    # The plain version has bare URLs, which are no `<...>` links.
    assert plain["links"] == []


def test_the_simulators_reader_sees_a_mention_where_there_is_one() -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "<!channel>"}}
    assert rendered({"blocks": [block]})["mentions"] == ["!channel"]


@given(
    name=NASTY,
    reason=NASTY,
    text=NASTY,
    comment=NASTY,
    status=st.sampled_from(["new", "submitted", "rejected", "cancelled"]),
    payload=st.dictionaries(NASTY, NASTY, max_size=60),
)
def test_limits_hold_whatever_is_in_it(
    name: str, reason: str, text: str, comment: str, status: str, payload: dict[str, str]
) -> None:
    told = replace(
        NOTICE,
        target_name=name,
        reason=reason * 9,
        text=text,
        comment=comment * 5,
        status=status,
        payload=payload,
    )
    check_message(told)


@pytest.mark.parametrize("character", ["&", "<", "α", "\U0001f52d", "x", "`", "\n"])
def test_limits_hold_at_the_worst(character: str) -> None:
    long = character * 5000
    names = "target_name reason text comment requester_name requester_username requester_affiliation by"
    more = "allocation_pi group proposal_id facility_title instrument facility_request_id request_id"
    values: dict[str, Any] = dict.fromkeys([*names.split(), *more.split()], long)
    payload = {f"{number}{long}": long for number in range(300)}
    check_message(replace(NOTICE, **values, payload=payload))


def check_message(told: Notice) -> None:
    message = slack_message.build(told, PORTAL)
    check_blocks(message["blocks"])
    assert len(message["blocks"]) <= 10
    assert len(json.dumps(message["blocks"], ensure_ascii=False)) < 12_000
    assert sum(map(len, texts(message["blocks"]))) < 10_000
    assert "\n" not in message["text"]
    assert 0 < len(message["text"]) < 4000
    assert message["unfurl_links"] is False
    assert message["unfurl_media"] is False
    whole = slack_message.build(told, PORTAL, full_text=True)["text"]
    assert whole == slack_message.plain(told, PORTAL)["text"]
    assert 0 < len(whole) < 4000
    json.dumps(message).encode()


def texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in texts(item)]
    return []


@given(text=NASTY, limit=st.integers(1, 60))
def test_fit_cuts_after_escaping_and_never_inside_an_escape(text: str, limit: int) -> None:
    fitted = slack_message.fit(text, limit)
    assert len(fitted) <= limit
    assert "<" not in fitted
    assert ">" not in fitted
    rest = fitted.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in rest
    read_back = fitted.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert read_back == text or (read_back.endswith("…") and text.startswith(read_back[:-1]))


def test_a_long_payload_says_how_much_is_left_out() -> None:
    payload = {f"key_{number:03d}": "v" * 200 for number in range(100)}
    shown = rendered(slack_message.build(replace(NOTICE, payload=payload), PORTAL))["text"]
    shown_keys = shown.count("key_")
    assert 0 < shown_keys < 100
    assert f"… and {100 - shown_keys} more" in shown


@pytest.mark.parametrize("ra", [210.9, None])
def test_a_completion_links_to_its_light_curve(ra: float | None) -> None:
    url = "https://slew.example.org/requests/a1/photometry.png?key=K-_9"
    done = replace(NOTICE, status="complete", action="retrieve", light_curve_url=url, ra_deg=ra)
    assert f"<{url}|Light curve>" in json.dumps(slack_message.build(done, PORTAL))
    assert f"Light curve: {url}" in slack_message.plain(done, PORTAL)["text"]
    assert "Light curve" not in json.dumps(slack_message.build(NOTICE, PORTAL))
