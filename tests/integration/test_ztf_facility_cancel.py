"""Cancelling at ZTF, and lists that cannot be read: against the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.status import Status
from tests.integration.ztf_bench import Bench, serving
from tests.ztf_orders import JSON, NOW, PLAN, SKYMAP, TRIGGERED

NAME = "ToO_GRB260311A"
HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>Bad &amp; broken</h1></body></html>"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


# -- cancelling


def test_a_deletion_that_is_refused_while_the_queue_is_there(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "ZTF queue delete attempt rejected: None")
    with bench.failing(Rejected) as caught:
        bench.cancel(TRIGGERED)
    assert "could not be deleted: ZTF's scheduler refused it" in caught.value.reason
    assert bench.poll(TRIGGERED).status is Status.SUBMITTED


def test_a_deletion_that_times_out_and_has_worked(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.configure(scheduler="slow")
    assert bench.cancel(TRIGGERED).status is Status.CANCELLED
    assert bench.live == []


def test_a_deletion_whose_answer_is_lost_and_has_worked(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.fail("cut", "DELETE")
    assert bench.cancel(TRIGGERED).status is Status.CANCELLED


def test_a_deletion_that_times_out_and_works_later(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.cancel(TRIGGERED)
    assert bench.poll(TRIGGERED).status is Status.SUBMITTED
    del bench.server.scheduler.queues[NAME]
    assert bench.poll(TRIGGERED).text == "deleted by Slew"


def test_a_deletion_that_never_worked_is_forgotten(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.cancel(TRIGGERED)
    bench.at(hours=2.1)
    bench.poll(TRIGGERED)
    bench.observe(4)
    assert bench.poll(TRIGGERED).status is Status.COMPLETE


@pytest.mark.parametrize("payload", [TRIGGERED, SKYMAP], ids=["queue", "sky map"])
def test_cancelling_while_the_list_cannot_be_read_changes_nothing(bench: Bench, payload: JSON) -> None:
    bench.submit(payload)
    bench.configure(scheduler="down")
    with bench.failing(NotSent):
        bench.cancel(payload)
    assert bench.sent("DELETE") == []


@pytest.mark.parametrize(
    ("message", "kind"), [("TimeoutError", Unanswered), ("ZTF MMA delete rejected: None", Rejected)]
)
def test_a_trigger_that_cannot_be_deleted(bench: Bench, message: str, kind: Any) -> None:
    bench.submit(SKYMAP)
    bench.answer("DELETE", 400, message)
    with bench.failing(kind):
        bench.cancel(SKYMAP)
    assert bench.poll(SKYMAP).status is Status.IN_PROGRESS


# -- lists


@pytest.mark.parametrize(
    "body",
    [
        '{"status": "success", "data": {"queue_name": "one"}}',
        '{"status": "success", "data": [{"queue_type": "list"}]}',
        '{"status": "success"}',
        '{"status": "error", "message": "ContentTypeError: 404"}',
        HTML,
        "",
    ],
)
def test_a_list_that_cannot_be_read_decides_nothing(bench: Bench, body: str) -> None:
    bench.submit(PLAN)
    bench.fail("status", "GET", status=200, body=body)
    with bench.failing(NoAnswer):
        bench.poll(PLAN)


def test_a_list_without_some_columns_is_read_all_the_same(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    body = f'{{"status": "success", "data": [{{"queue_name": "{NAME}", "queue": "not JSON"}}]}}'
    bench.fail("status", "GET", status=200, body=body)
    progress = bench.poll(TRIGGERED)
    assert progress.status is Status.SUBMITTED
    assert "left" not in progress.data
