"""Publisher and notifiers killed at each effect: every change is announced, and shown once.

One moment is left in which nobody can do better: killed after the message has gone out and before that is
written down, the notifier tells once more rather than never.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from tests.torture import announcing, crashing
from tests.torture.announcing import Announcer
from tests.torture.bench import Bench
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import all_ways
from tests.torture.workers import Done

JSON = dict[str, Any]
(WAY,) = [way for way in all_ways() if str(way) == "kait"]
_SENT = {"slack_notifier": "/services/", "email_notifier": "outbound-emails"}


@pytest.mark.parametrize(
    ("victim", "notifier"),
    [
        ("publisher", "slack_notifier"),
        ("slack_notifier", "slack_notifier"),
        ("publisher", "email_notifier"),
        ("email_notifier", "email_notifier"),
    ],
)
def test_a_killed_announcement(bench: Bench, victim: str, notifier: str) -> None:
    with counting(f"announcement by {notifier}", victim) as counts:
        done, clean = _killed(bench, victim, notifier, None)
        assert done
        assert set(clean.values()) == {1}, f"not shown once: {clean}"

        def act(kill: Kill) -> dict[str, int]:
            _, shown = _killed(bench, victim, notifier, kill)
            assert set(shown) == set(clean), f"never shown: {set(clean) - set(shown)}"
            doubled = sum(shown.values()) - len(clean)
            after_it = victim == notifier and between(done.effects, kill, _SENT[notifier])
            assert doubled <= (1 if after_it else 0), f"shown {doubled} times too often"
            return {"shown_twice": doubled}

        crashing.each_kill(done.effects, act, counts)


def between(effects: list[str], kill: Kill, sent: str) -> bool:
    """Whether a message was out at the kill, and that not yet written down."""
    done = effects[: kill.at if kill.when == "after" else kill.at - 1]
    return any(sent in each for each in done) and (
        sent in done[-1] or not done[-1].startswith(("PutItem", "UpdateItem"))
    )


def _without(text: str, words: tuple[str, ...]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


def _killed(bench: Bench, victim: str, notifier: str, kill: Kill | None) -> tuple[Done | None, Counter[str]]:
    with bench.case(WAY.facility, SEED) as case:
        by = announcing.BY_SLACK if notifier == "slack_notifier" else announcing.BY_EMAIL
        WAY.allocate(case, by)
        assert case.submit(WAY.body(bench, case)).status == 201
        announcer = Announcer(bench, case, notifier, victim, kill)
        announcer.run()
        assert announcer.killed == (kill is not None)
        if notifier == "slack_notifier":
            messages = bench.simulate("slack", "GET", "/_messages")
            own = [each for each in messages if "/".join(announcing.HOOK[:2]) in str(each["hook"])]
            own_words = (case.number, case.request_id)
            shown = Counter(_without(str(each["payload"]["text"]), own_words) for each in own)
            return announcer.counted, shown
        outbox: list[JSON] = requests.get(f"{bench.endpoint}/_ses/outbox", timeout=30).json()
        return announcer.counted, announcing.mailed(outbox, case.number)
