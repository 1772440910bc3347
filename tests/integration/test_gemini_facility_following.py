"""Following what Gemini has taken: statuses, files, and triggers of unknown outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.simulators.gemini import SOUTH, SOUTH_KEY
from slew.errors import NoAnswer
from slew.status import Status
from tests.integration.gemini_bench import BROWSER_FAULTS, FIRST, JSON, SECOND, Bench, benched


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


@pytest.fixture
def still(bench: Bench) -> Bench:
    """A bench at which nothing is executed by itself."""
    bench.server.config = replace(bench.server.config, ongoing_after_s=1e9, observed_after_s=1e9)
    return bench


# -- statuses


def test_an_observation_is_followed_to_its_files(bench: Bench) -> None:
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.text, progress.products) == (Status.SUBMITTED, "Ready", None)
    assert progress.next_poll_s == 300
    bench.advance(minutes=40)
    order, progress = bench.poll(order)
    assert (progress.status, progress.text) == (Status.IN_PROGRESS, "Ongoing; 1 file in the archive")
    bench.advance(minutes=40)
    order, progress = bench.poll(order)
    assert (progress.status, progress.text) == (Status.COMPLETE, "Observed; 3 files in the archive")
    assert progress.next_poll_s == 3600
    bench.advance(days=2, minutes=1)
    assert bench.poll(order)[1].next_poll_s is None


@pytest.mark.parametrize(
    ("there", "status", "text"),
    [
        ("On Hold", Status.SUBMITTED, "on hold"),
        ("Ready", Status.SUBMITTED, "Ready"),
        ("Ongoing", Status.IN_PROGRESS, "Ongoing; 1 file in the archive"),
        ("Observed", Status.COMPLETE, "Observed; 3 files in the archive"),
        ("Inactive", Status.CANCELLED, "Inactive"),
        ("Phase 2", Status.SUBMITTED, "Phase 2"),
        ("For Review", Status.SUBMITTED, "For Review"),
        ("In Review", Status.SUBMITTED, "In Review"),
        ("For Activation", Status.SUBMITTED, "For Activation"),
    ],
)
def test_each_status(still: Bench, there: str, status: Status, text: str) -> None:
    order = still.submitted()
    still.observe(FIRST, there)
    progress = still.poll(order)[1]
    assert (progress.status, progress.text) == (status, text)


@pytest.mark.parametrize("there", ["Ready", "On Hold", "In Review"])
def test_the_end_of_the_window(still: Bench, there: str) -> None:
    order = still.submitted()
    still.observe(FIRST, there)
    still.advance(hours=46, minutes=59)
    order, progress = still.poll(order)
    assert progress.status is Status.SUBMITTED
    still.advance(minutes=1)
    order, progress = still.poll(order)
    assert progress.status is Status.EXPIRED
    assert progress.text.endswith("; the window has ended")
    still.observe(FIRST, "Observed")
    order, progress = still.poll(order)
    assert progress.status is Status.COMPLETE


def test_what_ended_is_not_looked_at_for_ever(still: Bench) -> None:
    order = still.submitted()
    for there, status in (("Ready", Status.EXPIRED), ("Inactive", Status.CANCELLED)):
        still.observe(FIRST, there)
        late = replace(order, payload=order.payload.model_copy(update={"end_date": order.now}))
        progress = still.poll(late)[1]
        assert (progress.status, progress.next_poll_s) == (status, 6 * 3600)
    still.advance(days=5)
    assert still.poll(order)[1].next_poll_s is None


def test_what_was_begun_and_never_ended(still: Bench) -> None:
    order = still.submitted()
    still.observe(FIRST, "Ongoing")
    still.advance(days=3)
    assert still.poll(order)[1].status is Status.IN_PROGRESS
    still.advance(days=2)
    progress = still.poll(order)[1]
    assert progress.status is Status.COMPLETE
    assert progress.text.startswith("partly executed")


def test_what_is_not_listed_stays_as_it_was(still: Bench) -> None:
    order = still.submitted()
    still.remove(FIRST)
    progress = still.poll(order)[1]
    assert (progress.status, progress.text) == (None, "not found in the programme")
    assert progress.next_poll_s is not None
    still.advance(days=5)
    progress = still.poll(order)[1]
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)


def test_a_programme_that_is_gone(still: Bench) -> None:
    order = still.submitted()
    still.server.sites["north"].programmes.clear()
    assert still.poll(order)[1].status is None


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("Ready", "Ready", Status.SUBMITTED),
        ("Ready", "On Hold", Status.SUBMITTED),
        ("Ready", "Ongoing", Status.IN_PROGRESS),
        ("Ready", "Observed", Status.IN_PROGRESS),
        ("Ongoing", "Observed", Status.IN_PROGRESS),
        ("Observed", "Observed", Status.COMPLETE),
        ("Observed", "Inactive", Status.COMPLETE),
        ("Ready", "Inactive", Status.SUBMITTED),
        ("Inactive", "Inactive", Status.CANCELLED),
        ("Ready", None, Status.SUBMITTED),
        ("Observed", None, Status.IN_PROGRESS),
        ("Inactive", None, None),
    ],
)
def test_several_templates_together(
    still: Bench, first: str, second: str | None, status: Status | None
) -> None:
    order = still.submitted(still.order("21,22"))
    still.observe(FIRST, first)
    if second:
        still.observe(SECOND, second)
    else:
        still.remove(SECOND)
    progress = still.poll(order)[1]
    assert progress.status is status
    assert f"{FIRST}: " in progress.text
    assert f"{SECOND}: " in progress.text


def test_one_of_several_executed_when_the_window_ends(still: Bench) -> None:
    order = still.submitted(still.order("21,22"))
    still.observe(FIRST, "Observed")
    still.advance(days=3)
    assert still.poll(order)[1].status is Status.COMPLETE
    still.observe(FIRST, "Inactive")
    assert still.poll(order)[1].status is Status.EXPIRED


def test_how_often_it_is_asked(still: Bench) -> None:
    order = still.submitted()
    assert still.poll(order)[1].next_poll_s == 300
    still.advance(hours=7)
    assert still.poll(order)[1].next_poll_s == 900
    early = still.submitted(still.order(start_date="2026-12-01 14:00", end_date="2026-12-08"))
    assert still.poll(early)[1].next_poll_s == 2 * 3600
    far = still.submitted(still.order(start_date="2026-12-05", end_date="2026-12-08"))
    assert still.poll(far)[1].next_poll_s == 6 * 3600
    still.altdata |= {"programid": SOUTH, "user_key": SOUTH_KEY}
    standard = still.submitted(still.order("4"))
    assert still.poll(standard)[1].next_poll_s == 900


def test_one_query_serves_all_requests_of_a_programme(still: Bench) -> None:
    orders = [still.submitted(), still.submitted()]
    still.server.journal.clear()
    link = still.link
    for order in orders:
        still.poll(order, link)
    [call] = still.calls("/north/odbbrowser")
    assert call["path"] == "/north/odbbrowser/observations"
    assert call["query"] == "programReference=GN-2026B-Q-110"


def test_an_allocation_that_has_moved_to_another_programme(still: Bench) -> None:
    order = still.submitted()
    still.altdata |= {"programid": SOUTH, "user_key": SOUTH_KEY}
    moved = replace(order, altdata=still.order("4").altdata)
    assert still.poll(moved)[1].text == "Ready"


# -- the status service does not answer


@pytest.mark.parametrize("fault", BROWSER_FAULTS)
def test_no_status_is_no_failure(still: Bench, fault: JSON) -> None:
    order = still.submitted()
    still.fail(**fault, path="/north/odbbrowser")
    with pytest.raises(NoAnswer) as caught:
        still.poll(order)
    assert "<" not in caught.value.reason
    assert still.poll(order)[1].text == "Ready"


def test_a_query_that_the_service_does_not_take_is_told(still: Bench) -> None:
    order = still.submitted()
    still.fail("status", status=400, body="ERROR: Invalid parameter: x", path="/north/odbbrowser")
    with pytest.raises(NoAnswer, match="ERROR: Invalid parameter: x"):
        still.poll(order)


def test_a_service_that_is_down_is_asked_once_a_tick(still: Bench) -> None:
    orders = [still.submitted(), still.submitted()]
    still.server.journal.clear()
    still.fail("status", status=503, path="/north/odbbrowser", times=9)
    link = still.link
    for order in orders:
        with pytest.raises(NoAnswer, match="HTTP 503"):
            still.poll(order, link)
    assert len(still.calls("/north/odbbrowser")) == 1


def test_files_are_a_sign_where_there_is_no_status(still: Bench) -> None:
    order = still.submitted(still.order("21,22"))
    still.observe(FIRST, "Observed")
    still.fail("status", status=503, path="/north/odbbrowser", times=2)
    _, progress = still.poll(order)
    assert progress.status is Status.IN_PROGRESS
    assert progress.products is not None
    assert "status unknown" in progress.text
    still.observe(SECOND, "Observed")
    assert still.poll(order)[1].status is Status.COMPLETE


def test_files_are_a_sign_where_the_observation_is_not_listed(still: Bench) -> None:
    order = still.submitted()
    still.observe(FIRST, "Observed")
    found = still.server.sites["north"].programmes
    listed = still.poll(order)[1].products
    programme = found["GN-2026B-Q-110"]
    still.server.sites["south"].programmes["GN-2026B-Q-110"] = programme  # only the archive looks there
    del found["GN-2026B-Q-110"]
    progress = still.poll(order)[1]
    assert (progress.status, progress.products) == (Status.COMPLETE, listed)
    assert progress.text.startswith("not found in the programme, but it has files")
