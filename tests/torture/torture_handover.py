"""The webhook's function killed at each effect: every change arrives, and one that comes twice has one id."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.processes import Children, Service
from slew.status import Status
from tests.torture import announcing, crashing
from tests.torture.announcing import Announcer
from tests.torture.bench import Bench
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.torture_announcements import between
from tests.torture.ways import all_ways
from tests.torture.workers import Done

JSON = dict[str, Any]
FUNCTION = "webhook_handover"
(WAY,) = [way for way in all_ways() if str(way) == "kait"]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    children = Children()
    service = Service("tests.torture.receiver", [], children, Path(tmp_path_factory.mktemp("receiver")))
    yield service.ready()["url"]
    service.close()
    children.close()


@pytest.mark.parametrize("victim", ["publisher", FUNCTION])
def test_a_killed_handover(bench: Bench, receiver: str, victim: str) -> None:
    with counting("handover to a webhook", victim) as counts:
        done, clean = _killed(bench, receiver, victim, None)
        assert done
        assert set(clean.values()) == {1}, f"not once: {clean}"

        def act(kill: Kill) -> dict[str, int]:
            _, arrived = _killed(bench, receiver, victim, kill)
            assert len(arrived) == len(clean), f"{len(arrived)} changes arrived of {len(clean)}"
            doubled = sum(arrived.values()) - len(clean)
            after_it = victim == FUNCTION and between(done.effects, kill, "POST ")
            assert doubled <= (1 if after_it else 0), f"posted {doubled} times too often"
            return {"repeated_under_its_id": doubled}

        crashing.each_kill(done.effects, act, counts)


def _killed(bench: Bench, receiver: str, victim: str, kill: Kill | None) -> tuple[Done | None, Counter[str]]:
    """What was counted, and how often each event came, by its id."""
    with bench.case(WAY.facility, SEED) as case:
        case.environment = {"SLEW_ENDPOINT_ALLOW_LIST": receiver.partition("//")[2]}
        webhook = {"url": receiver, "secret": "a key that both sides know", "on": [*Status]}
        WAY.allocate(case, announcing.BY_SLACK, {"webhook": webhook})
        assert case.submit(WAY.body(bench, case)).status == 201
        announcer = Announcer(bench, case, FUNCTION, victim, kill)
        announcer.run()
        assert announcer.killed == (kill is not None)
        posts: list[JSON] = requests.get(receiver, timeout=30).json()
        own = [each for each in posts if json.loads(each["body"])["request"]["id"] == case.request_id]
        return announcer.counted, Counter(str(each["id"]) for each in own)
