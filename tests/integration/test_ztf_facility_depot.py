"""IPAC's depot: what it says of ZTF queues that are gone, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.simulators.ztf import DEPOT_USER
from slew.facility import Progress
from slew.status import Status
from tests.integration.ztf_bench import Bench, serving
from tests.ztf_orders import JSON, NOW, TRIGGERED, without

NAME = "ToO_GRB260311A"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


def confirmed(bench: Bench, observed: int, hours: float = 3.0) -> Progress:
    """Submit, expose so many of four, remove the rest, and look."""
    bench.with_depot()
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    bench.poll(TRIGGERED)
    bench.observe(observed)
    bench.at(hours=hours - 2.1)
    bench.server.scheduler.queues.pop(NAME, None)
    return bench.poll(TRIGGERED)


@pytest.mark.parametrize("form", ["records", "columns", "goodsubs"])
def test_the_depot_confirms_what_is_done(bench: Bench, form: str) -> None:
    bench.server.nights.clear()
    bench.configure(depot=form)
    progress = confirmed(bench, 4)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)
    assert progress.text == "complete: 4 of 4 exposures are in the depot"
    assert progress.data["executed"] == 4
    first = progress.data["exposures_executed"][0]
    assert (first["field_id"], first["filter"], first["exposure_time"]) == (699, "ztfg", 300.0)
    # Of 64 quadrants 62 could be processed: medians are theirs.
    assert first["processed_fraction"] == pytest.approx(62 / 64, abs=1e-4)
    assert first["maglim"] == pytest.approx(20.5 + 0.002 * 30.5)


def test_the_depot_is_asked_for_a_day_then_the_list_decides(bench: Bench) -> None:
    bench.server.nights.clear()
    progress = confirmed(bench, 2)
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 3600)
    assert "2 of 4 exposures are in the depot, which is asked for a day" in progress.text
    bench.at(hours=25)
    last = bench.poll(TRIGGERED)
    assert (last.status, last.next_poll_s) == (Status.COMPLETE, None)
    assert "2 of 4 exposures are in the depot" in last.text


def test_a_queue_of_which_the_depot_has_nothing_was_removed(bench: Bench) -> None:
    bench.with_depot()
    long = {**TRIGGERED, "end_date": "2026-03-14 12:00:00"}
    bench.server.nights = {"20260311": bench.server.nights["20260309"]}  # of another time and so not ours
    bench.configure(depot="columns")
    bench.submit(long)
    bench.at(hours=2.1)
    bench.poll(long)
    bench.server.scheduler.queues.pop(NAME)
    assert bench.poll(long).status is Status.IN_PROGRESS
    bench.at(hours=25)
    progress = bench.poll(long)
    assert progress.status is Status.CANCELLED
    assert "removed by an operator before anything was observed" in progress.reason


def test_a_night_that_cannot_be_read_settles_nothing_for_the_next_request_of_the_tick(bench: Bench) -> None:
    bench.with_depot()
    long = {**TRIGGERED, "end_date": "2026-03-14 12:00:00"}
    bench.server.nights = {"20260311": bench.server.nights["20260309"]}
    bench.configure(depot="columns")
    bench.submit(long)
    bench.at(hours=2.1)
    bench.poll(long)
    bench.server.scheduler.queues.pop(NAME)
    bench.poll(long)
    bench.at(hours=25)
    bench.fail("status", status=500, path="/depot/20260312/")
    before, tick = dict(bench.kept), bench.link
    first = bench.poll(long, tick)
    bench.kept = before  # another request of the same allocation
    second = bench.poll(long, tick)
    assert "20260312: the depot answered HTTP 500" in first.text
    assert (second.status, second.text) == (first.status, first.text)
    assert len([each for each in bench.server.journal if "20260312" in each["path"]]) == 1


@pytest.mark.parametrize(
    ("login", "trouble"),
    [
        ({"depot_password": "wrong-word"}, "refused the credentials"),
        ({"depot": "https://127.0.0.9:1"}, "20260311: the endpoint"),
    ],
)
def test_a_depot_that_cannot_be_read_is_told_and_decides_nothing(
    bench: Bench, login: JSON, trouble: str
) -> None:
    bench.with_depot()
    bench.altdata |= login
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    bench.poll(TRIGGERED)
    bench.observe(4)
    progress = bench.poll(TRIGGERED)
    assert progress.status is Status.IN_PROGRESS
    assert trouble in progress.text
    bench.at(days=1.1)
    assert bench.poll(TRIGGERED).status is Status.COMPLETE


def test_the_depot_s_login_goes_to_the_depot_alone(bench: Bench) -> None:
    confirmed(bench, 4)
    for each in bench.server.journal:
        scheme = each["headers"].get("Authorization", "").partition(" ")[0]
        assert scheme == ("Basic" if each["path"].startswith("/depot") else "Bearer")
    assert DEPOT_USER in repr(bench.altdata)


def test_the_seeded_nights_of_both_forms(bench: Bench) -> None:
    bench.with_depot()
    early = {**TRIGGERED, "start_date": "2026-03-09 00:00:00"}
    bench.submit(without(early, "queue_name") | {"queue_name": "GRB260311A"})
    bench.at(hours=4)
    bench.server.scheduler.queues.pop(NAME)
    progress = bench.poll(early)
    assert progress.status is Status.COMPLETE
    nights = {str(each["obsjd"])[:7] for each in progress.data["exposures_executed"]}
    assert len(progress.data["exposures_executed"]) == 8
    assert nights == {"2461108", "2461110"}
