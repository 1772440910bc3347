"""Liverpool Telescope against its simulator: status through all its states, and files."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from local.simulators.lt import DATA_PASSWORD, LtServer
from slew.errors import NoAnswer, Rejected
from slew.status import Status
from tests.integration.lt_bench import HTML, NO_DATA, Bench, simulator, usual
from tests.lt_orders import FACILITY

JSON = dict[str, Any]
FILE: JSON = {"name": "h_e_20261122_1_1_1_1.fits", "night": "20261122", "stage": "reduced"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LtServer]:
    with simulator(monkeypatch) as running:
        running.config.plan = []  # the tests say what becomes of a group
        yield running


@pytest.fixture
def bench(server: LtServer) -> Iterator[Bench]:
    with usual(server) as bench:
        yield bench


# -- poll


def test_a_life_to_completion(bench: Bench) -> None:
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.next_poll_s) == (Status.SUBMITTED, 1800)
    bench.advance(hours=2)
    bench.execute(order, "failed", error="Acquisition failed")
    order, progress = bench.poll(order)
    assert (progress.status, progress.reason) == (Status.SUBMITTED, "")
    assert progress.text == "1 failed attempt, the last: Acquisition failed; the LT tries again"
    bench.advance(hours=1)
    bench.execute(order, "partial")
    order, progress = bench.poll(order)
    assert (progress.status, progress.text) == (Status.IN_PROGRESS, "partially executed")
    bench.advance(hours=1)
    bench.execute(order, "completed")
    order, progress = bench.poll(order)
    assert (progress.status, progress.text) == (Status.COMPLETE, "Completed in 12M 5S")


def test_by_itself_the_simulated_telescope_gets_there_too(bench: Bench) -> None:
    bench.server.reset()
    order = bench.submitted()
    seen = []
    for _ in range(3):
        order, progress = bench.poll(order)
        seen.append((progress.status, "failed attempt" in progress.text))
        bench.advance(hours=3)
    assert seen == [(Status.SUBMITTED, False), (Status.SUBMITTED, True), (Status.COMPLETE, False)]


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        (None, Status.EXPIRED, "the window has ended without an observation"),
        ("failed", Status.FAILED, "Wind"),
        ("partial", Status.COMPLETE, ""),
    ],
)
def test_the_end_of_the_window(bench: Bench, kind: str | None, status: Status, reason: str) -> None:
    order = bench.submitted()
    bench.advance(days=1)
    if kind:
        bench.execute(order, kind, **({"error": "Wind"} if kind == "failed" else {}))
    bench.advance(days=6, hours=1)
    order, progress = bench.poll(order)
    assert (progress.status, progress.reason) == (status, reason)
    if kind == "partial":
        assert progress.text == "warning: partially executed"
    else:
        assert progress.next_poll_s == 3600  # an observation begun in the window may yet be reported
        bench.advance(hours=1)
        assert bench.poll(order)[1].next_poll_s is None


def test_an_end_that_is_taken_back(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(days=7)
    order, progress = bench.poll(order)
    assert progress.status is Status.EXPIRED
    bench.execute(order, "completed")
    assert bench.poll(order)[1].status is Status.COMPLETE


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 502, "body": HTML},
        {"kind": "status", "status": 200, "body": HTML},
        {"kind": "cut"},
    ],
)
def test_a_poll_without_an_answer_changes_nothing(bench: Bench, fault: JSON) -> None:
    order = bench.submitted()
    bench.fail(**fault)
    with pytest.raises(NoAnswer):
        FACILITY.poll(order, bench.link)


def test_an_odd_answer_to_a_poll(bench: Bench) -> None:
    order = bench.submitted()
    bench.configure(odd_reply="mode:confirm")
    with pytest.raises(NoAnswer, match="unexpected reply mode confirm"):
        FACILITY.poll(order, bench.link)


# -- files


def test_files_from_the_quicklook_then_the_reduced_ones(bench: Bench) -> None:
    order = bench.submitted(bench.order("sprat", {"exposure_counts": 2}))
    bench.advance(hours=3)
    bench.execute(order, "completed")
    order, progress = bench.poll(order)
    assert progress.products is None
    assert progress.next_poll_s == 11.5 * 3600
    bench.advance(minutes=10)
    order, progress = bench.poll(order)
    assert progress.products is not None
    assert {each["stage"] for each in progress.products} == {"quicklook"}
    assert len(progress.products) == 3  # two exposures and the arc, not the frame of another group
    bench.advance(hours=12)
    order, progress = bench.poll(order)
    assert progress.products is not None
    assert progress.next_poll_s is None
    assert {each["stage"] for each in progress.products} == {"reduced"}
    names = [each["name"] for each in progress.products]
    assert names == sorted(set(names))
    assert len(names) == 6  # levels 1 and 2 of each
    assert {each["kind"] for each in progress.products} == {"spectrum"}
    assert {each["frame"] for each in progress.products} == {"science", "arc"}
    assert all(DATA_PASSWORD not in each["url"] for each in progress.products)
    for product in progress.products:
        request = FACILITY.download(order, product, bench.link)
        answer = bench.http.read(request)
        assert answer.status == 200
        group = f"GROUPID = '{order.facility_data['group']}'"[10:]
        assert group.encode() in answer.body


def test_a_quicklook_file_can_be_fetched(bench: Bench) -> None:
    order = bench.submitted()
    bench.execute(order, "completed")
    bench.advance(minutes=10)
    order, progress = bench.poll(order)
    assert progress.products is not None
    assert [each["kind"] for each in progress.products] == ["image", "image"]
    answer = bench.http.read(FACILITY.download(order, progress.products[0], bench.link))
    assert gzip.decompress(answer.body).startswith(b"SIMPLE")


def test_without_any_log_the_headers_tell_whose_a_file_is(bench: Bench) -> None:
    bench.configure(log_released=False)
    order = bench.submitted()
    bench.execute(order, "completed")
    bench.advance(days=9)  # the quicklook is gone as well
    order, progress = bench.poll(order)
    assert progress.products is not None
    assert [each["stage"] for each in progress.products] == ["reduced", "reduced"]
    assert any(each["path"].endswith(".head") for each in bench.server.journal)


def test_without_data_password_nothing_is_listed(server: LtServer) -> None:
    bench = Bench(server, **NO_DATA)
    order = bench.submitted()
    bench.execute(order, "completed")
    order, progress = bench.poll(order)
    assert (progress.status, progress.products, progress.next_poll_s) == (Status.COMPLETE, None, None)
    assert "data_password" in progress.text
    assert [each["path"] for each in server.journal if "DataProd" in each["path"]] == []
    with pytest.raises(Rejected, match="data_password"):
        FACILITY.download(order, FILE, bench.link)


def test_a_refused_data_password_does_not_hide_the_observation(server: LtServer) -> None:
    bench = Bench(server, data_password="not-that-one")
    order = bench.submitted()
    bench.execute(order, "completed")
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert "refuse data_password" in progress.text
    assert progress.next_poll_s == 6 * 3600
    bench.advance(days=5)
    assert bench.poll(order)[1].next_poll_s is None


def test_data_pages_that_are_down_are_asked_again(bench: Bench) -> None:
    order = bench.submitted()
    bench.execute(order, "completed")
    bench.advance(days=1)
    bench.fail("status", path="/DataProd", status=503, body=HTML)
    order, progress = bench.poll(order)
    assert (progress.status, progress.products) == (Status.COMPLETE, None)
    assert "data pages: HTTP 503" in progress.text
    assert bench.poll(order)[1].products


@pytest.mark.parametrize(
    "product",
    [
        {**FILE, "name": "../../etc/passwd"},
        {**FILE, "night": "../x"},
        {**FILE, "stage": "http://x"},
        {},
    ],
)
def test_only_its_own_files_are_fetched(bench: Bench, product: JSON) -> None:
    with pytest.raises(Rejected, match="not a file"):
        FACILITY.download(bench.order(), product, bench.link)


def test_a_complete_request_keeps_its_files_when_the_group_is_gone(bench: Bench) -> None:
    order = bench.submitted()
    bench.execute(order, "completed")
    order, _ = bench.poll(order)
    bench.configure(status_service=False)
    bench.advance(days=1)
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert progress.products


# -- an LT without status service


def test_the_night_logs_tell_where_the_lt_does_not(bench: Bench) -> None:
    bench.configure(status_service=False)
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.text) == (None, "status: not available at this facility (this LT)")
    bench.advance(hours=3)
    bench.execute(order, "completed")
    assert bench.poll(order)[1].status is None
    bench.advance(hours=16)
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert "2 of 2 exposures in the night logs" in progress.text
    assert progress.products


def test_a_part_in_the_night_logs(bench: Bench) -> None:
    bench.configure(status_service=False)
    order = bench.submitted()
    bench.execute(order, "partial")
    bench.advance(days=1)
    order, progress = bench.poll(order)
    assert (progress.status, progress.data["frames"]) == (Status.IN_PROGRESS, {"20261122": 1})
    bench.advance(days=7)
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert "partially executed" in progress.text


def test_night_logs_without_the_group(bench: Bench) -> None:
    bench.configure(status_service=False)
    order = bench.submitted(bench.order("sprat", {"end_date": "2026-11-24T06:00:00"}))
    bench.advance(days=1, hours=12)
    order, progress = bench.poll(order)
    assert progress.status is None
    assert "waiting for the last night's log" in progress.text
    bench.advance(hours=6)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)
    logs = [each["path"] for each in bench.server.journal if "/Logs/" in each["path"]]
    assert logs == [f"/data/archive/webfiles/Logs/lt//2026112{day}.log" for day in (2, 3)]


def test_logs_that_never_come_out(bench: Bench) -> None:
    bench.configure(status_service=False, log_released=False)
    order = bench.submitted(bench.order("sprat", {"end_date": "2026-11-24T06:00:00"}))
    bench.advance(days=2)
    order, progress = bench.poll(order)
    assert progress.status is None
    bench.advance(days=3)
    assert bench.poll(order)[1].status is Status.EXPIRED
