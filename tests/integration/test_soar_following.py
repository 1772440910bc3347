"""SOAR against the simulators of its portal and archive: status, cancellation, update, frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.simulators.observation_portal.app import SoarPortal
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Order
from slew.status import Status
from tests.integration.lco_bench import GROUPS, MAINTENANCE
from tests.integration.soar_bench import SoarBench, fresh_bench, simulator
from tests.soar_orders import FACILITY, order

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[SoarPortal]:
    with simulator() as running:
        yield running


@pytest.fixture
def bench(server: SoarPortal, monkeypatch: pytest.MonkeyPatch) -> SoarBench:
    return fresh_bench(server, monkeypatch)


def test_polled_through_every_state(bench: SoarBench) -> None:
    wanted = bench.submitted()
    seen = []
    for step in (None, "scheduled", "in_progress", "failed_attempt", "scheduled", "completed"):
        if step:
            bench.advance(wanted, step)
        progress = FACILITY.poll(wanted, bench.link)
        seen.append((progress.status, progress.text.partition(";")[2].strip().partition(" ")[0]))
        # Card, Status: every 15-30 min; before its window and unscheduled it is asked for seldom.
        assert progress.next_poll_s == (1800 if step else 3600)
        wanted = replace(wanted, facility_data={**wanted.facility_data, **progress.data})
    assert seen == [
        (Status.SUBMITTED, ""),
        (Status.IN_PROGRESS, "scheduled"),
        (Status.IN_PROGRESS, "in"),
        (Status.SUBMITTED, "1"),
        (Status.IN_PROGRESS, "scheduled"),
        (Status.COMPLETE, "no"),  # no frames yet
    ]
    bench.advance(wanted, "back_to_pending")
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.data["ended"]) == (Status.SUBMITTED, None)


def test_a_rapid_response_is_looked_at_more_often(bench: SoarBench) -> None:
    rapid = {"observation_mode": "RAPID_RESPONSE", "start_date": None, "end_date": None}
    assert FACILITY.poll(bench.submitted(payload=rapid), bench.link).next_poll_s == 900


def test_outside_its_queue_nights_a_request_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulator() as server:
        bench = fresh_bench(server, monkeypatch)
        bench.control("/_config", idle_sites=["sor"], auto_progress=True)
        idle = bench.submitted()
        for _ in range(15):
            idle = bench.later(idle, days=1)
            progress = FACILITY.poll(idle, bench.link)
            if progress.status is not Status.SUBMITTED:
                break
        assert (progress.status, progress.text) == (Status.EXPIRED, "WINDOW_EXPIRED")


def test_on_a_queue_night_a_request_is_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulator() as server:
        bench = fresh_bench(server, monkeypatch)
        bench.control("/_config", auto_progress=True)
        wanted = bench.later(bench.submitted("triplespec"), minutes=20)
        assert "scheduled at sor.doma.4m0a" in FACILITY.poll(wanted, bench.link).text
        wanted = bench.later(wanted, days=9)
        progress = FACILITY.poll(wanted, bench.link)
        assert progress.status is Status.COMPLETE
        assert len(progress.products or ()) == 1


@pytest.mark.parametrize(("step", "status"), [("expired", Status.EXPIRED), ("failure_limit", Status.FAILED)])
def test_ends_that_are_followed_once_more(bench: SoarBench, step: str, status: Status) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, step)
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.next_poll_s) == (status, 3600)
    wanted = bench.later(replace(wanted, facility_data=progress.data), hours=1)
    assert FACILITY.poll(wanted, bench.link).next_poll_s is None
    bench.advance(wanted, "late_completed")
    assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (None, Status.CANCELLED),
        ("scheduled", Status.CANCELLED),
        ("in_progress", Status.CANCELLED),
        ("completed", Status.COMPLETE),
        ("expired", Status.EXPIRED),
        ("failure_limit", Status.FAILED),
    ],
)
def test_cancelled_in_each_state(bench: SoarBench, step: str | None, status: Status) -> None:
    wanted = bench.submitted("ghts_imager")
    if step:
        bench.advance(wanted, step)
    for _ in range(2):
        assert FACILITY.cancel(wanted, bench.link).status is status
    assert FACILITY.poll(wanted, bench.link).status is status
    if step == "in_progress":
        bench.advance(wanted, "late_completed")
        assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE


def test_cancellations_that_fail(bench: SoarBench) -> None:
    wanted = bench.submitted()
    with pytest.raises(Rejected, match="No RequestGroup matches"):
        FACILITY.cancel(replace(wanted, facility_request_id="99"), bench.link)
    with pytest.raises(Rejected, match="not known at the facility"):
        FACILITY.cancel(replace(wanted, facility_request_id=None), bench.link)
    bench.fail("cut")
    with pytest.raises(Unanswered):
        FACILITY.cancel(wanted, bench.link)
    assert FACILITY.cancel(wanted, bench.link).status is Status.CANCELLED
    bench.control("/_config", throttle={"cancel": 0})
    with pytest.raises(NotSent):
        FACILITY.cancel(wanted, bench.link)


def test_the_childs_id_is_not_the_groups(bench: SoarBench) -> None:
    wanted = bench.submitted()
    child = str(wanted.facility_data["request_ids"][0])
    progress = FACILITY.poll(replace(wanted, facility_request_id=child), bench.link)
    assert progress.status is None
    assert "No RequestGroup matches" in progress.text


def test_an_update_cancels_and_submits(bench: SoarBench) -> None:
    wanted = bench.submitted()
    blue = {"instrument_type": "SOAR_GHTS_BLUECAM"}
    changed = replace(wanted, payload=bench.order(payload=blue).payload)
    submission = FACILITY.update(changed, FACILITY.prepare(changed, bench.link), bench.link)
    new, old = bench.groups()
    assert (str(old["id"]), old["state"]) == (wanted.facility_request_id, "CANCELED")
    assert (str(new["id"]), new["state"]) == (submission.facility_request_id, "PENDING")
    assert FACILITY.reconcile(changed, bench.link) == submission


def test_an_update_that_is_refused_leaves_the_old_one(bench: SoarBench) -> None:
    wanted = bench.submitted()
    hopeless = replace(wanted, payload=bench.order(payload={"maximum_airmass": 1.0}).payload)
    with pytest.raises(
        Rejected, match=r"no SOAR queue night in the window\) \(nothing was changed\)"
    ) as caught:
        FACILITY.update(hopeless, FACILITY.prepare(hopeless, bench.link), bench.link)
    assert not isinstance(caught.value, Withdrawn)
    assert [group["state"] for group in bench.groups()] == ["PENDING"]


def test_an_update_of_what_is_complete(bench: SoarBench) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, "completed")
    with pytest.raises(Rejected, match="already complete"):
        FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert len(bench.groups()) == 1


def test_an_update_that_fails_after_the_cancellation_reports_both(bench: SoarBench) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.control("/_config", throttle={"create": 1})
    with pytest.raises(Withdrawn, match="throttled") as caught:
        FACILITY.update(wanted, prepared, bench.link)
    assert caught.value.waiting
    assert f"the former requestgroup {wanted.facility_request_id} is cancelled" in caught.value.reason


def completed(bench: SoarBench, instrument: str, payload: JSON | None = None) -> Order[Any, Any]:
    """An order that the portal has completed, as it was first seen."""
    wanted = bench.submitted(instrument, payload)
    bench.advance(wanted, "completed")
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.products, progress.next_poll_s) == (Status.COMPLETE, None, 1800)
    return replace(wanted, facility_data=progress.data)


@pytest.mark.parametrize(
    ("instrument", "payload", "kinds"),
    [
        ("ghts_imager", {"exposure_counts": 2}, ["image"] * 4),
        ("ghts", {"include_calibrations": True}, ["spectrum"] * 7),
        ("triplespec", {"exposure_counts": 6}, ["spectrum"] * 6),
    ],
)
def test_raw_frames_are_listed_when_they_come(
    bench: SoarBench, instrument: str, payload: JSON, kinds: list[str]
) -> None:
    wanted = bench.later(completed(bench, instrument, payload), hours=2)
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.next_poll_s is None  # all there, and an hour after the end
    assert progress.products
    assert [each["kind"] for each in progress.products] == kinds
    assert {each["reduction_level"] for each in progress.products} == {0}
    assert len({each["name"] for each in progress.products}) == len(kinds)
    assert {each["request_id"] for each in progress.products} == set(wanted.facility_data["request_ids"])
    assert "X-Amz" not in repr(progress)
    fetch = FACILITY.download(wanted, progress.products[0], bench.link)
    assert (fetch.method, dict(fetch.headers)) == ("GET", {})
    file = requests.get(fetch.url, timeout=10)
    assert (file.status_code, file.content[:6]) == (200, b"SIMPLE")


def test_frames_of_somebody_else_cannot_be_fetched(bench: SoarBench) -> None:
    with pytest.raises(NoAnswer, match="HTTP 404"):
        FACILITY.download(bench.submitted(), {"frame_id": 5}, bench.link)


def test_after_a_day_without_frames_the_other_archive_is_named(bench: SoarBench) -> None:
    bench.control("/_config", archive_delay_s=1e6)
    wanted = completed(bench, "ghts")
    before = FACILITY.poll(bench.later(wanted, hours=23), bench.link)
    assert (before.text, before.next_poll_s) == ("COMPLETED; no frames yet", 1800)
    after = FACILITY.poll(bench.later(wanted, hours=1), bench.link)
    assert after.status is Status.COMPLETE
    assert "look in the NOIRLab Astro Data Archive" in after.text
    assert after.next_poll_s is None


def test_an_archive_that_refuses_or_fails(bench: SoarBench) -> None:
    wanted = completed(bench, "ghts")
    altdata = {"PROPOSAL_ID": "SOAR2026B-004", "API_TOKEN": bench.token, "API_ARCHIVE_TOKEN": "0" * 40}
    progress = FACILITY.poll(replace(wanted, altdata=order(altdata=altdata).altdata), bench.link)
    assert progress.status is Status.COMPLETE
    assert "the archive refused the credentials (Invalid token.)" in progress.text
    archive = bench.server.archive
    archive.stop()
    try:
        progress = FACILITY.poll(wanted, bench.link)
        assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, 1800)
    finally:
        archive.start(int(bench.server.extra_urls()["archive"].rpartition(":")[2]))


@pytest.mark.parametrize(
    "fault", [{"status": 500, "body": MAINTENANCE}, {"status": 200, "body": MAINTENANCE}, {"status": 429}]
)
def test_a_status_that_cannot_be_had(bench: SoarBench, fault: JSON) -> None:
    wanted = bench.submitted()
    bench.fail("status", GROUPS, "GET", **fault)
    with pytest.raises(NoAnswer):
        FACILITY.poll(wanted, bench.link)


def test_verify(bench: SoarBench) -> None:
    good = bench.order().altdata
    assert FACILITY.verify(good, bench.link).details == {
        "username": "demo",
        "proposal": "SOAR2026B-004",
        "proposal_current": True,
    }
    for altdata, words in (
        (bench.order(token="0" * 40).altdata, "facility refused the credentials (Invalid token.)"),
        (bench.order(proposal="TEST_FOREIGN").altdata, "not a member of proposal TEST_FOREIGN"),
    ):
        verification = FACILITY.verify(altdata, bench.link)
        assert not verification.valid
        assert words in verification.text
    bench.fail("status", "/api/profile/", "GET", status=503, body=MAINTENANCE)
    with pytest.raises(NoAnswer):
        FACILITY.verify(good, bench.link)
