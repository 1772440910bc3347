"""Sky map triggers of ZTF against the simulator: a life, and what is deleted with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.ztf.scheduler import Refused
from slew.status import Status
from tests.integration.ztf_bench import FACILITY, QUEUES, SKYMAPS, Bench, serving
from tests.ztf_orders import NOW, SKYMAP

NAME = "ToO_GRB260311A"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


def test_a_sky_map_lives_until_it_is_deleted_and_its_queue_with_it(bench: Bench) -> None:
    submission = bench.submit(SKYMAP)
    assert submission.facility_request_id == "S260311ab"
    assert bench.live == ["S260311ab_greedy"]
    assert bench.server.scheduler.public_missed
    progress = bench.poll(SKYMAP)
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 1800)
    bench.at(days=2)
    assert bench.poll(SKYMAP).next_poll_s == 6 * 3600
    cancelled = bench.cancel(SKYMAP)
    assert cancelled.status is Status.CANCELLED
    # By then the greedy queue's night is over: it has none any more.
    assert cancelled.text == "trigger S260311ab deleted; it has no queue S260311ab_greedy (any more)"
    assert bench.poll(SKYMAP).text == "deleted by Slew"


def test_cancelling_a_sky_map_deletes_the_scheduler_s_queue(bench: Bench) -> None:
    bench.submit(SKYMAP)
    assert bench.cancel(SKYMAP).text.endswith("its queue S260311ab_greedy deleted")
    assert [(each["path"], each["body"]) for each in bench.sent("DELETE")] == [
        (SKYMAPS, {"trigger_name": "S260311ab", "user": "observer1"}),
        (QUEUES, {"queue_name": "S260311ab_greedy", "user": "observer1"}),
    ]
    assert bench.live == []


def test_a_sky_map_that_somebody_else_deletes(bench: Bench) -> None:
    bench.submit(SKYMAP)
    bench.server.scheduler.triggers.clear()
    progress = bench.poll(SKYMAP)
    assert progress.status is Status.CANCELLED
    assert "somebody else" in progress.reason
    assert bench.cancel(SKYMAP).text.startswith("trigger S260311ab was already gone; its queue")


def test_another_s_trigger_of_the_same_name_and_its_queue_are_left_alone(bench: Bench) -> None:
    bench.submit(SKYMAP)
    bench.server.scheduler.triggers["S260311ab"].fields = [{"field_id": 1, "probability": 0.5}]
    assert "left alone" in bench.cancel(SKYMAP).text
    assert bench.sent("DELETE") == []


def test_a_greedy_queue_that_cannot_be_deleted_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise Refused(403, "may not be deleted")

    bench.submit(SKYMAP)
    monkeypatch.setattr(bench.server.scheduler, "delete", refuse)
    cancelled = bench.cancel(SKYMAP)
    assert cancelled.status is Status.CANCELLED
    assert "its queue S260311ab_greedy is still there" in cancelled.text
    assert bench.live == ["S260311ab_greedy"]


def test_sky_maps_are_listed_where_the_gateway_has_them(bench: Bench) -> None:
    bench.submit(SKYMAP)
    altdata = bench.order(SKYMAP).altdata
    shown = [each for each in FACILITY.queues(altdata, bench.link) if each["kind"] == "skymap"]
    assert shown == [{"name": "S260311ab", "kind": "skymap", "trigger_time": 61110.131}]
    bench.configure(personality="ztfpass")
    assert {each["kind"] for each in FACILITY.queues(altdata, bench.link)} == {"queue"}


def test_validate_a_sky_map(bench: Bench) -> None:
    assert bench.validate(SKYMAP).accepted
    assert bench.sent("PUT")[0]["path"] == f"{SKYMAPS}.test"
    assert bench.server.scheduler.triggers == {}
