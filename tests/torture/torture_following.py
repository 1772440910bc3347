"""Polls and the fetching of products killed at each of their effects: no product is lost or doubled."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from tests.torture import announcing, crashing, judge
from tests.torture.bench import Bench, Case
from tests.torture.figures import SEED, counting
from tests.torture.injector import Kill
from tests.torture.ways import Way, ways_that
from tests.torture.workers import Done, Killed

JSON = dict[str, Any]
_SAMPLE = 24  # of the kills of a long one, chosen by the seed


@pytest.mark.parametrize("way", ways_that("poll"), ids=str)
def test_a_killed_tick(bench: Bench, way: Way) -> None:
    with counting("poll and retrieve", str(way)) as counts:
        done, clean = _killed(bench, way, None)
        assert done
        chosen = list(crashing.kills(len(done.effects)))
        if len(chosen) > _SAMPLE:
            chosen = random.Random(f"{SEED} {way}").sample(chosen, _SAMPLE)

        def act(kill: Kill) -> dict[str, int]:
            _, found = _killed(bench, way, kill)
            assert found == clean, f"products differ: {_difference(found, clean)}"
            return {"products": len(clean["products"])}

        crashing.each_kill(done.effects, act, counts, chosen)


def _killed(bench: Bench, way: Way, kill: Kill | None) -> tuple[Done | None, JSON]:
    with bench.case(way.facility, SEED) as case:
        way.allocate(case, announcing.BY_SLACK)
        assert case.submit(way.body(bench, case)).status == 201
        before = len(case.journal())
        way.make_ready(bench, case)
        victim = crashing.Victim(case, way.facility, kill)
        try:
            victim.handler({"action": "poll"}, None)
        except Killed:
            case.tick()  # leased, or not yet begun
        record = crashing.recover(bench, case, way, waits=())
        for wait in (400.0, 700.0, 3700.0, 4000.0):
            case.advance(wait)
        record = case.record()
        judge.recovered(bench, case, record)
        assert record["status"] in judge.KNOWN, f"{record['status']}: {record['reason']}"
        sent = way.changing(case.journal()[before:])
        assert not sent, f"following sent {sent}"
        events = judge.history(case, record)
        if kill is None or kill.at % 4 == 0:
            announcing.Announcer(bench, case).run()
            assert announcing.shown_on_slack(bench) == len(events), "not every change was shown once"
        return victim.done, _products(bench, case, record)


def _products(bench: Bench, case: Case, record: JSON) -> JSON:
    """What was listed, what was fetched, and what lies in the bucket."""
    items = case.items()
    listed = [
        str(each["name"])
        for item in items
        if item["sk"].startswith("PRODUCTS#")
        for each in item["doc"]["products"]
    ]
    fetched = [
        f"{item['doc']['name']}: {'fetched' if item['doc']['fetched_at'] else item['doc']['error']}"
        for item in items
        if item["sk"].startswith("FETCH#")
    ]
    s3 = bench.clients("s3")
    prefix = f"products/{case.facility}/{case.request_id}/"
    there = s3.list_objects_v2(Bucket=bench.system.buckets[0], Prefix=prefix).get("Contents", [])
    open_uploads = s3.list_multipart_uploads(Bucket=bench.system.buckets[0]).get("Uploads", [])
    return {
        "status": record["status"],
        "products": _alike(listed),
        "fetched": _alike(fetched),
        "objects": _alike([re.sub(r"^[0-9a-f]{8}-", "", each["Key"].removeprefix(prefix)) for each in there]),
        "rows": record["rows"],
        "uploads": [each["Key"] for each in open_uploads if each["Key"].startswith(prefix)],
    }


def _alike(names: list[str]) -> list[str]:
    """Names without the times and numbers of a case; two of one name stay two."""
    return sorted(re.sub(r"\d+", "#", name) for name in names)


def _difference(found: JSON, clean: JSON) -> str:
    return "; ".join(f"{key}: {found[key]} for {clean[key]}" for key in clean if found[key] != clean[key])
