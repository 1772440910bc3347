"""Swift's requests through all their states, and archive searches: against the simulator on a moved clock."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.simulators.swift_too import DEMO_SECRET, DEMO_USER, SwiftTooServer, sky
from slew.errors import NoAnswer, Rejected
from slew.facility import Progress
from slew.status import Status
from swift_too.facility import SwiftOrder
from tests.support.frozen import FrozenClock
from tests.swift_too_bench import DATA, IXF, SN, Bench, altdata_of

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture(params=["v2", "v1.2"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The simulator, spoken to in either protocol; neither secret nor signature is in the record."""
    simulator = SwiftTooServer(FrozenClock())
    simulator.start()
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", simulator.base_url)
    monkeypatch.setenv("SLEW_SWIFT_TOO_V1_URL", simulator.extra_urls()["v1"])
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", request.param)
    bench = Bench(simulator)
    yield bench
    recorded = repr(bench.http.exchanges)
    assert DEMO_SECRET not in recorded
    for each in simulator.journal:
        if each["body"].startswith("jwt="):
            assert each["body"].rpartition(".")[2] not in recorded
    simulator.stop()


def place(spot: tuple[float, float]) -> dict[str, Any]:
    return {"name": "spot", "ra": spot[0], "dec": spot[1]}


def followed(bench: Bench, order: SwiftOrder, *advances: float) -> list[Progress]:
    """Poll after each advance (seconds)."""
    seen = []
    for seconds in advances:
        bench.advance(seconds)
        order, progress = bench.poll(order)
        seen.append(progress)
    return seen


def test_a_too_from_submission_to_its_data(bench: Bench) -> None:
    order = bench.submitted(bench.order(exposure_counts=2, monitoring_freq=2, urgency=2))
    [too] = bench.server.book.toos
    waiting, approved, between, done, with_files = followed(
        bench, order, HOUR, 4 * HOUR, DAY, 2 * DAY, 7 * HOUR
    )
    assert (waiting.status, waiting.next_poll_s) == (Status.SUBMITTED, HOUR)
    assert "waiting for a decision" in waiting.text
    assert approved.status is Status.IN_PROGRESS
    assert approved.text.startswith(
        f"approved: target {too.target_id}, nothing flown yet; next window from 2"
    )
    assert approved.products is None
    assert between.status is Status.IN_PROGRESS
    assert "1 of 2 visits, 4000 s in 1 observation" in between.text
    assert done.status is Status.COMPLETE
    assert "2 of 2 visits, 8000 s in 2 observations" in done.text
    assert with_files.products is not None
    assert with_files.next_poll_s is None
    ids = {product["obs_id"] for product in with_files.products}
    assert ids == {f"{too.target_id:08d}001", f"{too.target_id:08d}002"}
    assert len({product["name"] for product in with_files.products}) == len(with_files.products) == 14


def test_data_that_are_not_there_yet_are_waited_for(bench: Bench) -> None:
    order = bench.submitted(bench.order(urgency=2))
    too = bench.server.book.toos[0]
    bench.advance(
        (too.flown(too.at.max.replace(tzinfo=too.at.tzinfo))[-1].end - too.at).total_seconds() + HOUR + 1
    )
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert "No data found for" in progress.text
    assert (progress.products, progress.next_poll_s) == (None, HOUR)
    bench.advance(2 * HOUR)
    order, progress = bench.poll(order)
    assert progress.products is not None
    assert all(product["quicklook"] for product in progress.products)


def test_what_is_never_approved_expires(bench: Bench) -> None:
    order = bench.submitted(bench.order(place(sky.REFUSED)))
    early, late = followed(bench, order, 29 * DAY, 1.1 * DAY)
    assert early.status is Status.SUBMITTED
    assert (late.status, late.reason) == (Status.EXPIRED, "not approved within 30 days")
    assert late.next_poll_s is None


def test_an_urgent_one_expires_sooner(bench: Bench) -> None:
    order = bench.submitted(bench.order(place(sky.REFUSED), urgency=2))
    early, late = followed(bench, order, 6 * DAY, 1.1 * DAY)
    assert (early.status, late.status) == (Status.SUBMITTED, Status.EXPIRED)
    assert late.reason == "not approved within 7 days"


@pytest.mark.parametrize("later_h", [0, 3, 9, 15, 21])
def test_what_is_not_observed_has_failed(bench: Bench, later_h: int) -> None:
    """At any time of the day: Swift gives the last day of a TOO as a date."""
    bench.advance(later_h * HOUR)
    order = bench.submitted(bench.order(place(sky.NOT_OBSERVED)))
    approved, failed = followed(bench, order, 30 * HOUR, 3 * DAY)
    assert approved.status is Status.IN_PROGRESS
    assert failed.status is Status.FAILED
    assert failed.reason.startswith("not observed by 2")


def test_what_is_partly_observed_ends_as_such(bench: Bench) -> None:
    order = bench.submitted(bench.order(place(sky.PARTLY_OBSERVED), exposure_counts=3, urgency=2))
    ended, expired = followed(bench, order, 6 * DAY, 30 * DAY)
    assert ended.status is Status.IN_PROGRESS
    assert "its time has ended" in ended.text
    assert expired.status is Status.EXPIRED
    assert "1 of 3 visits" in expired.reason
    assert expired.products


def test_earlier_observations_of_the_target_are_not_counted(bench: Bench) -> None:
    order = bench.submitted(bench.order(IXF, urgency=2))
    assert bench.server.book.toos[0].target_id == 16038
    [approved] = followed(bench, order, 5 * HOUR)
    assert "target 16038, nothing flown yet" in approved.text
    assert approved.products is None


def test_an_archive_search(bench: Bench) -> None:
    order = bench.submitted(bench.order(IXF, **{**DATA, "UVOT": True}))
    assert order.status is Status.IN_PROGRESS
    assert order.facility_data["obs_ids"] == ["00032481002", "00016038001", "00016038002", "00016038003"]
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)
    assert progress.text == "Number of observations: 4; 24 files"
    assert progress.products is not None
    first = progress.products[0]
    assert first["name"] == "00032481002_auxil_sw00032481002sat.fits.gz"
    assert not first["quicklook"]
    kinds = {product["filename"][13:]: product["kind"] for product in progress.products}
    assert (kinds["xpc_sk.img.gz"], kinds["uuu_sk.img.gz"], kinds["sat.fits.gz"]) == (
        "image",
        "image",
        "table",
    )
    request = bench.facility.download(order, first, bench.link)
    answer = requests.request(request.method, request.url, timeout=10)
    assert gzip.decompress(answer.content).endswith(b"00032481002/auxil/sw00032481002sat.fits.gz")
    assert not bench.server.book.toos


def test_an_archive_search_that_finds_nothing(bench: Bench) -> None:
    submission = bench.submit(bench.order(SN, **DATA))
    assert (submission.status, submission.text) == (Status.COMPLETE, "Number of observations: 0")


def test_anonymous_may_search(bench: Bench) -> None:
    anonymous = Bench(bench.server, altdata_of("anonymous", "anonymous"))
    assert anonymous.submit(anonymous.order(IXF, **DATA)).text == "Number of observations: 4"
    assert not anonymous.calls("/login")


def test_no_download_from_just_anywhere(bench: Bench) -> None:
    order = bench.order(IXF, **DATA)
    for url in ("http://169.254.169.254/latest", "ftp://example.org/x", "", "file:///etc/passwd"):
        with pytest.raises(Rejected):
            bench.facility.download(order, {"url": url}, bench.link)
    assert (
        bench.facility.download(order, {"url": "https://heasarc.example/FTP/x"}, bench.link).method == "GET"
    )


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 429}, {"status": 200, "body": "<html>"}, {"status": 404}]
)
def test_a_poll_that_gets_no_answer_changes_nothing(bench: Bench, fault: dict[str, Any]) -> None:
    order = bench.submitted(bench.order())
    bench.fail("status", **fault)
    with pytest.raises(NoAnswer):
        bench.poll(order)
    assert bench.poll(order)[1].status is Status.SUBMITTED


def test_one_observation_that_cannot_be_listed_does_not_spoil_the_others(bench: Bench) -> None:
    order = bench.submitted(bench.order(IXF, **DATA))
    path = "/api/v2/swift/data" if order.facility_data["protocol"] == "v2" else "/toop"
    bench.fail("status", path=path, status=500)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 600.0)
    assert "00032481002: facility unavailable: HTTP 500" in progress.text
    assert {product["obs_id"] for product in progress.products or ()} == {
        "00016038001",
        "00016038002",
        "00016038003",
    }
    order, progress = bench.poll(order)
    assert progress.status is Status.COMPLETE
    assert len(progress.products or ()) == 16


def test_a_request_is_followed_in_the_protocol_it_was_made_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = bench.submitted(bench.order())
    made_in = order.facility_data["protocol"]
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v1.2" if made_in == "v2" else "v2")
    before = len(bench.server.journal)
    assert bench.poll(order)[1].status is Status.SUBMITTED
    signed = [each["path"].startswith("/toop") for each in bench.server.journal[before:]]
    assert signed
    assert all(signed) == (made_in == "v1.2")


def test_a_listed_one_that_vanishes_keeps_its_status(bench: Bench) -> None:
    order = bench.submitted(bench.order(urgency=2))
    bench.advance(5 * HOUR)
    order, progress = bench.poll(order)
    assert order.status is Status.IN_PROGRESS
    bench.server.book.toos.clear()
    order, progress = bench.poll(order)
    assert progress.status is None
    assert "no longer in Swift's list" in progress.text
    late = replace(order, facility_data={**order.facility_data})
    bench.advance(366 * DAY)
    assert bench.poll(late)[1].status is Status.EXPIRED


def test_the_account_is_the_one_of_the_allocation(bench: Bench) -> None:
    bench.submit(bench.order())
    assert [too.username for too in bench.server.book.toos] == [DEMO_USER]
