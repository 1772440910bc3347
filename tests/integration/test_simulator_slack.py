"""The Slack simulator refuses what Slack refuses, and shows what a message says (slack.md,
notifications.md).
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.simulators.base import SimulatedClock
from local.simulators.slack import DEFAULT_BURST, SEEDED_HOOKS, SlackServer
from tests.support.waiting import LONG_S, until

JSON = dict[str, Any]
HOOK = "/services/" + "/".join(SEEDED_HOOKS[0])


@pytest.fixture(scope="module")
def served() -> Iterator[SlackServer]:
    server = SlackServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def slack(served: SlackServer) -> SlackServer:
    with served.lock:
        served.clock = SimulatedClock()
        served.reset()
    return served


def post(slack: SlackServer, payload: Any, hook: str = HOOK) -> requests.Response:
    return requests.post(slack.url + hook, json=payload, timeout=10)


def configure(slack: SlackServer, **settings: Any) -> requests.Response:
    return requests.post(f"{slack.url}/_config", json=settings, timeout=10)


def messages(slack: SlackServer) -> list[JSON]:
    found: list[JSON] = requests.get(f"{slack.url}/_messages", timeout=10).json()
    return found


def section(text: str, kind: str = "mrkdwn") -> JSON:
    return {"type": "section", "text": {"type": kind, "text": text}}


def button(**more: Any) -> JSON:
    return {"type": "button", "text": {"type": "plain_text", "text": "Finder"}, **more}


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


IMAGE = {"type": "image", "image_url": "https://example.org/new.png", "alt_text": "new"}


def test_posted_message_is_kept_raw_and_answered_ok(slack: SlackServer) -> None:
    payload = {"text": "New request", "blocks": [section("*SN*")], "unfurl_links": False}
    answer = post(slack, payload)
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (200, "ok", "text/html")
    (message,) = messages(slack)
    assert message["payload"] == payload
    assert message["hook"] == "T00000000/B00000000"


@pytest.mark.parametrize(
    ("hook", "status", "error"),
    [
        ("/services/T99999999/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", 404, "no_team"),
        ("/services/T00000000/B99999999/XXXXXXXXXXXXXXXXXXXXXXXX", 404, "no_service"),
        ("/services/T00000001/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", 404, "no_service"),
        ("/services/T00000000/B00000000/wrong", 403, "invalid_token"),
    ],
)
def test_unknown_hook(slack: SlackServer, hook: str, status: int, error: str) -> None:
    answer = post(slack, {"text": "x"}, hook)
    assert (answer.status_code, answer.text) == (status, error)
    assert messages(slack) == []


@pytest.mark.parametrize(
    ("state", "status", "error"),
    [
        ("disabled", 404, "no_active_hooks"),
        ("removed", 404, "no_service_id"),
        ("archived", 410, "channel_is_archived"),
        ("prohibited", 403, "action_prohibited"),
        ("channel_gone", 404, "channel_not_found"),
        ("general_denied", 403, "posting_to_general_channel_denied"),
        ("team_disabled", 403, "team_disabled"),
        ("user_not_found", 400, "user_not_found"),
        ("rollup_error", 500, "rollup_error"),
    ],
)
def test_state_of_one_hook_leaves_the_others_alone(
    slack: SlackServer, state: str, status: int, error: str
) -> None:
    hook = {"workspace": "T1", "service": "B1", "token": "abc", "state": state}
    assert configure(slack, hooks=[hook]).status_code == 200
    answer = post(slack, {"text": "x"}, "/services/T1/B1/abc")
    assert (answer.status_code, answer.text) == (status, error)
    assert post(slack, {"text": "x"}).text == "ok"
    configure(slack, hooks=[{**hook, "state": "active"}])
    assert post(slack, {"text": "x"}, "/services/T1/B1/abc").text == "ok"


def test_other_methods_and_doubled_slash(slack: SlackServer) -> None:
    assert requests.get(slack.url + HOOK, timeout=10).status_code == 405
    assert requests.put(slack.url + HOOK, json={"text": "x"}, timeout=10).status_code == 405
    # http.client, because requests itself takes a doubled slash at the start for a single one
    connection = http.client.HTTPConnection(slack.url.removeprefix("http://"), timeout=10)
    connection.request("POST", f"/{HOOK}", b'{"text": "x"}', {"Content-Type": "application/json"})
    assert connection.getresponse().status == 404
    connection.close()
    assert messages(slack) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{'text': 'x'}", "application/json"),
        (b'"text"', "application/json"),
        (b"[]", "application/json"),
        (b'{"text": "\xff"}', "application/json"),
        (b'{"text": 5}', "application/json"),
        (b'{"text": "x", "unfurl_links": "no"}', "application/json"),
        (b'{"text": "x"}', "text/plain"),
    ],
)
def test_invalid_payload(slack: SlackServer, body: bytes, content_type: str) -> None:
    answer = requests.post(slack.url + HOOK, data=body, headers={"Content-Type": content_type}, timeout=10)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"blocks": []}, "no_text"),
        ({"text": "x", "blocks": {}}, "invalid_blocks_format"),
        ({"text": "x", "attachments": "x"}, "invalid_attachments"),
        ({"attachments": [{"color": "red"}]}, "missing_text_or_fallback_or_attachments"),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"attachments": [{"fallback": "x", "blocks": [section("")]}]}, "invalid_blocks"),
    ],
)
def test_nothing_to_show_or_not_to_be_shown(slack: SlackServer, payload: JSON, error: str) -> None:
    answer = post(slack, payload)
    assert (answer.status_code, answer.text) == (400, error)


def field(text: str) -> JSON:
    return {"type": "mrkdwn", "text": text}


def header(text: str, kind: str = "plain_text") -> JSON:
    return {"type": "header", "text": {"type": kind, "text": text}}


# Each limit as (what it is, the blocks at the limit, the blocks just over it).
LIMITS: list[tuple[str, list[JSON], list[JSON]]] = [
    ("blocks", [{"type": "divider"}] * 50, [{"type": "divider"}] * 51),
    ("section text", [section("x" * 3000)], [section("x" * 3001)]),
    ("section empty", [section("x")], [section("")]),
    (
        "fields",
        [{"type": "section", "fields": [field("x")] * 10}],
        [{"type": "section", "fields": [field("x")] * 11}],
    ),
    ("no fields", [{"type": "section", "fields": [field("x")]}], [{"type": "section", "fields": []}]),
    (
        "field",
        [{"type": "section", "fields": [field("x" * 2000)]}],
        [{"type": "section", "fields": [field("x" * 2001)]}],
    ),
    ("header", [header("x" * 150)], [header("x" * 151)]),
    ("header kind", [header("x")], [header("x", "mrkdwn")]),
    (
        "context",
        [{"type": "context", "elements": [field("x"), IMAGE] * 5}],
        [{"type": "context", "elements": [field("x")] * 11}],
    ),
    ("actions", [actions(*[button()] * 25)], [actions(*[button()] * 26)]),
    (
        "button text",
        [actions(button(text={"type": "plain_text", "text": "x" * 75}))],
        [actions(button(text={"type": "plain_text", "text": "x" * 76}))],
    ),
    (
        "button text kind",
        [actions(button(text={"type": "plain_text", "text": "x"}))],
        [actions(button(text={"type": "mrkdwn", "text": "x"}))],
    ),
    (
        "button url",
        [actions(button(url="https://example.org/".ljust(3000, "x")))],
        [actions(button(url="https://example.org/".ljust(3001, "x")))],
    ),
    ("button style", [actions(button(style="danger"))], [actions(button(style="loud"))]),
    ("alt text", [{**IMAGE, "alt_text": "x" * 2000}], [{**IMAGE, "alt_text": "x" * 2001}]),
    ("alt text missing", [IMAGE], [{"type": "image", "image_url": "https://example.org/a.png"}]),
    (
        "image url",
        [{**IMAGE, "image_url": "https://example.org/".ljust(3000, "x")}],
        [{**IMAGE, "image_url": "https://example.org/".ljust(3001, "x")}],
    ),
    ("image address", [IMAGE], [{**IMAGE, "image_url": "/static/new.png"}]),
    (
        "block_id length",
        [{"type": "divider", "block_id": "x" * 255}],
        [{"type": "divider", "block_id": "x" * 256}],
    ),
    (
        "block_id unique",
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "b"}],
        [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
    ),
    (
        "action_id unique",
        [actions(button(action_id="a"), button(action_id="b"))],
        [actions(button(action_id="a")), actions(button(action_id="a"))],
    ),
    ("action_id length", [actions(button(action_id="x" * 255))], [actions(button(action_id="x" * 256))]),
    ("all blocks", [section("x" * 3000)] * 4, [section("x" * 3000)] * 5),
    ("accessory", [{**section("x"), "accessory": IMAGE}], [{**section("x"), "accessory": {"type": "magic"}}]),
    ("block type", [{"type": "divider"}], [{"type": "marquee"}]),
    ("type missing", [{"type": "divider"}], [{}]),
    ("not an object", [{"type": "divider"}], ["divider"]),  # type: ignore[list-item]
    ("text missing", [section("x")], [{"type": "section"}]),
    ("text not an object", [section("x")], [{"type": "section", "text": "x"}]),
    ("unknown key", [section("x")], [{**section("x"), "colour": "red"}]),
]


@pytest.mark.parametrize(("allowed", "refused"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_block_kit_limit(slack: SlackServer, allowed: list[JSON], refused: list[JSON]) -> None:
    assert post(slack, {"text": "x", "blocks": allowed}).text == "ok"
    answer = post(slack, {"text": "x", "blocks": refused})
    assert (answer.status_code, answer.text) == (400, "invalid_blocks")
    (refusal,) = requests.get(f"{slack.url}/_refusals", timeout=10).json()
    assert refusal["reason"]
    assert len(messages(slack)) == 1


def test_length_is_measured_after_escaping(slack: SlackServer) -> None:
    assert post(slack, {"blocks": [section("&amp;" * 600)]}).text == "ok"
    assert post(slack, {"blocks": [section("&amp;" * 601)]}).text == "invalid_blocks"


def test_skyportals_own_message_is_accepted(slack: SlackServer) -> None:
    # The example of notifications.md, shortened: every kind of block that SkyPortal sends.
    text = "*<https://skyportal.example.org/source/ZTF24abcxyz|ZTF24abcxyz>*\n*α, δ* = 150.113220, 2.205830"
    finder = {
        "type": "button",
        "text": {"type": "plain_text", "emoji": True, "text": "Finding Chart"},
        "style": "primary",
        "url": "https://skyportal.example.org/source/ZTF24abcxyz/finder",
    }
    blocks = [
        {"type": "divider"},
        {**section(text), "accessory": IMAGE},
        section("*Payload:*\n\t• *Priority*: 5\n"),
        {"type": "actions", "elements": [finder]},
    ]
    assert post(slack, {"text": "test", "blocks": blocks}).text == "ok"
    rendered = messages(slack)[0]["rendered"]
    assert rendered["links"] == [
        {"url": "https://skyportal.example.org/source/ZTF24abcxyz", "label": "ZTF24abcxyz"},
        {"url": finder["url"], "label": "Finding Chart"},
    ]
    assert rendered["images"] == [{"image_url": IMAGE["image_url"], "alt_text": "new"}]
    assert "150.113220" in rendered["text"]
    assert rendered["fallback"] == "test"


@pytest.mark.parametrize(
    "target", ["!channel", "!here", "!everyone", "@U012AB3CD", "#C012AB3CD", "!subteam^S1"]
)
def test_a_mention_shows_unless_it_was_escaped(slack: SlackServer, target: str) -> None:
    post(slack, {"text": f"New request for <{target}>"})
    post(slack, {"text": "x", "blocks": [section(f"*<{target}|all>*")]})
    post(slack, {"text": f"New request for &lt;{target}&gt;"})
    post(slack, {"text": "x", "blocks": [section(f"<{target}>", "plain_text")]})
    rendered = [message["rendered"] for message in messages(slack)]
    assert [r["mentions"] for r in rendered] == [[target], [target], [], []]
    assert rendered[2]["text"] == f"New request for <{target}>"


def test_a_mention_in_the_fallback_counts(slack: SlackServer) -> None:
    post(slack, {"text": "<!here> new", "blocks": [section("harmless")]})
    rendered = messages(slack)[0]["rendered"]
    assert rendered["mentions"] == ["!here"]
    assert rendered["text"] == "harmless"


def test_escapes_are_undone_once(slack: SlackServer) -> None:
    post(slack, {"text": "a &amp;lt; b <https://example.org/?a=1&amp;b=2|x &gt; y>"})
    rendered = messages(slack)[0]["rendered"]
    assert rendered["text"] == "a &lt; b x > y"
    assert rendered["links"] == [{"url": "https://example.org/?a=1&amp;b=2", "label": "x > y"}]


def test_long_text_is_cut_by_slack(slack: SlackServer) -> None:
    post(slack, {"text": "x" * 40_001})
    (message,) = messages(slack)
    assert len(message["rendered"]["text"]) == 40_000


def test_one_message_a_second_after_a_burst(slack: SlackServer) -> None:
    configure(slack, burst=2)
    # The bucket refills by wall time as well; a frozen clock makes the count exact.
    now = slack.clock.time()
    slack.clock.time = lambda: now  # type: ignore[method-assign]
    assert [post(slack, {"text": "x"}).status_code for _ in range(3)] == [200, 200, 429]
    limited = post(slack, {"text": "x"})
    assert (limited.text, limited.headers["Retry-After"]) == ("rate_limited", "1")
    other = "/services/" + "/".join(SEEDED_HOOKS[1])
    assert post(slack, {"text": "x"}, other).status_code == 200
    now += 1
    assert [post(slack, {"text": "x"}).status_code for _ in range(2)] == [200, 429]
    assert DEFAULT_BURST > 1


@pytest.mark.parametrize(("kind", "posted"), [("refuse", 0), ("cut", 1), ("reset", 1)])
def test_connection_faults(slack: SlackServer, kind: str, posted: int) -> None:
    requests.post(f"{slack.url}/_fault", json={"kind": kind, "path": "/services/"}, timeout=10)
    with pytest.raises(requests.ConnectionError):
        post(slack, {"text": "x"})
    assert len(messages(slack)) == posted
    assert post(slack, {"text": "x"}).text == "ok"


def test_slow_answer_was_posted_all_the_same(slack: SlackServer) -> None:
    fault = {"kind": "hang", "path": "/services/", "seconds": LONG_S}
    requests.post(f"{slack.url}/_fault", json=fault, timeout=10)
    with pytest.raises(requests.ReadTimeout):
        requests.post(slack.url + HOOK, json={"text": "x"}, timeout=(30, 0.2))
    until(lambda: messages(slack))
    assert len(messages(slack)) == 1


def test_control_routes(slack: SlackServer) -> None:
    assert configure(slack, colour="red").status_code == 400
    assert configure(slack, hooks=[{"workspace": "T"}]).status_code == 400
    hook = {"workspace": "T", "service": "B", "token": "t", "state": "odd"}
    assert configure(slack, hooks=[hook]).status_code == 400
    known = requests.get(f"{slack.url}/_config", timeout=10).json()["hooks"]
    assert [(h["workspace"], h["service"], h["token"]) for h in known] == list(SEEDED_HOOKS)
    post(slack, {"text": "x"})
    journal = requests.get(f"{slack.url}/_journal", timeout=10).json()
    assert json.loads(journal[-1]["body"]) == {"text": "x"}
    requests.delete(f"{slack.url}/_messages", timeout=10)
    assert messages(slack) == []
