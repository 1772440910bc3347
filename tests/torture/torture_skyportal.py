"""The hand-over to a SkyPortal instance killed at each effect: its measurements and its status are there."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import requests

from local.simulators.endpoint import DEMO_TOKEN
from tests.torture import announcing, crashing
from tests.torture.announcing import Announcer
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.torture_announcements import between
from tests.torture.ways import all_ways
from tests.torture.workers import Done

JSON = dict[str, Any]
FUNCTION = "skyportal_handover"
PORTAL = "generic"  # its simulator also serves a SkyPortal instance
ALLOCATION = 7
(WAY,) = [way for way in all_ways() if str(way) == "atlas_forced_photometry"]


def test_a_killed_handover_to_skyportal(bench: Bench) -> None:
    with counting("handover to SkyPortal", FUNCTION) as counts:
        done, clean = _killed(bench, None)
        assert done
        assert set(clean.values()) == {1}, f"not once: {clean}"
        assert len(clean) == 2, f"neither measurements nor a status alone: {clean}"

        def act(kill: Kill) -> dict[str, int]:
            _, arrived = _killed(bench, kill)
            assert set(arrived) == set(clean), f"{set(arrived) ^ set(clean)} is missing or too much"
            repeated = sum(arrived.values()) - len(clean)
            assert repeated <= between(done.effects, kill, "PUT "), f"put {repeated} times too often"
            return {"put_again": repeated}

        crashing.each_kill(done.effects, act, counts)


def _killed(bench: Bench, kill: Kill | None) -> tuple[Done | None, Counter[str]]:
    """What was counted, and what the instance was told, how often."""
    url = bench.simulators[PORTAL].url
    with bench.case(WAY.facility, SEED) as case:
        case.environment = {"SLEW_ENDPOINT_ALLOW_LIST": url.partition("//")[2]}
        about = {"url": url, "token": DEMO_TOKEN, "instrument_id": 3, "allocation_id": ALLOCATION}
        WAY.allocate(case, announcing.BY_SLACK, {"skyportal": about})
        body = WAY.body(bench, case)
        _ask_there(bench, body["target"]["name"])
        assert case.submit(body).status == 201
        _complete(bench, case)
        announcer = Announcer(bench, case, FUNCTION, FUNCTION, kill)
        announcer.run()
        assert announcer.killed == (kill is not None)
        return announcer.counted, Counter(_puts(bench, case))


def _ask_there(bench: Bench, name: str) -> None:
    """The instance has a request of its own, whose status is to be set."""
    bench.simulate(PORTAL, "POST", "/_reset")
    source = {"ra": 150.1, "dec": 2.2}
    bench.simulate(
        PORTAL, "POST", "/_config", {"portal": {"sources": {name: source}, "rate": 1000, "burst": 1000}}
    )
    requests.post(
        f"{bench.simulators[PORTAL].url}/api/followup_request",
        json={"obj_id": name, "allocation_id": ALLOCATION, "payload": {}},
        headers={"Authorization": f"token {DEMO_TOKEN}"},
        timeout=30,
    ).raise_for_status()


def _complete(bench: Bench, case: Case) -> None:
    WAY.make_ready(bench, case)
    for wait in (0.0, 400.0, 700.0, 3700.0):
        case.advance(wait)
    record = case.record()
    assert record["status"] == "complete", f"{record['status']}: {record['reason']}"


def _puts(bench: Bench, case: Case) -> list[str]:
    """What the instance was told, without what differs from case to case."""
    return [
        f"{each['path']} {_content(each['body'], case)}"
        for each in case.journal(PORTAL)
        if each["method"] == "PUT"
    ]


def _content(body: str, case: Case) -> str:
    content = json.loads(body)
    told = {name: content[name] for name in ("instrument_id", "status") if name in content}
    if "mjd" in content:
        told["measurements"] = len(content["mjd"])
    return json.dumps(told).replace(case.number, "")
