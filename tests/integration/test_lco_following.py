"""LCO against the simulators of its portal and archive: status, cancellation, update, frames, credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from local.simulators.observation_portal.app import LCOPortal
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Link, Submission
from slew.status import Status
from slew.wire import Answer, HttpRequest
from tests.integration.lco_bench import GROUPS, MAINTENANCE, Bench, fresh_bench, simulator
from tests.lco_orders import FACILITY, order

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[LCOPortal]:
    with simulator() as running:
        yield running


@pytest.fixture
def bench(server: LCOPortal, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return fresh_bench(server, monkeypatch)


def test_polled_through_every_state(bench: Bench) -> None:
    wanted = bench.submitted()
    seen = []
    for step in (None, "scheduled", "in_progress", "failed_attempt", "scheduled", "completed"):
        if step:
            bench.advance(wanted, step)
        progress = FACILITY.poll(wanted, bench.link)
        seen.append((progress.status, progress.text.partition(";")[2].strip().partition(" ")[0]))
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
    assert progress.status is Status.SUBMITTED
    assert progress.data["ended"] is None


@pytest.mark.parametrize(("step", "status"), [("expired", Status.EXPIRED), ("failure_limit", Status.FAILED)])
def test_ends_that_are_followed_once_more(bench: Bench, step: str, status: Status) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, step)
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.next_poll_s) == (status, 3600)
    wanted = bench.later(replace(wanted, facility_data=progress.data), hours=1)
    assert FACILITY.poll(wanted, bench.link).next_poll_s is None
    bench.advance(wanted, "late_completed")
    assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE
    cancellation = FACILITY.cancel(wanted, bench.link)
    assert (cancellation.status, cancellation.text) == (Status.COMPLETE, "COMPLETED")


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
def test_cancelled_in_each_state(bench: Bench, step: str | None, status: Status) -> None:
    wanted = bench.submitted()
    if step:
        bench.advance(wanted, step)
    for _ in range(2):
        assert FACILITY.cancel(wanted, bench.link).status is status
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.status is status
    if step == "in_progress":
        assert progress.next_poll_s == 600
        bench.advance(wanted, "late_completed")
        assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE


def test_cancellations_that_fail(bench: Bench) -> None:
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


def test_the_request_id_is_not_the_groups(bench: Bench) -> None:
    wanted = bench.submitted()
    child = str(wanted.facility_data["request_ids"][0])
    progress = FACILITY.poll(replace(wanted, facility_request_id=child), bench.link)
    assert progress.status is None
    assert "No RequestGroup matches" in progress.text


def test_an_update(bench: Bench) -> None:
    wanted = bench.submitted()
    changed = replace(wanted, payload=bench.order(payload={"observation_choices": ["zs"]}).payload)
    submission = FACILITY.update(changed, FACILITY.prepare(changed, bench.link), bench.link)
    new, old = bench.groups()
    assert (str(old["id"]), old["state"]) == (wanted.facility_request_id, "CANCELED")
    assert (str(new["id"]), new["state"]) == (submission.facility_request_id, "PENDING")
    assert [path.rsplit("/", 2)[1] for path in bench.posts()] == [
        "requestgroups",
        "validate",
        "cancel",
        "requestgroups",
    ]
    assert FACILITY.reconcile(changed, bench.link) == submission


def test_an_update_that_is_refused_leaves_the_old_one(bench: Bench) -> None:
    wanted = bench.submitted()
    hopeless = replace(wanted, payload=bench.order(payload={"maximum_airmass": 1.0}).payload)
    with pytest.raises(Rejected, match="nothing was changed") as caught:
        FACILITY.update(hopeless, FACILITY.prepare(hopeless, bench.link), bench.link)
    assert not isinstance(caught.value, Withdrawn)
    assert [group["state"] for group in bench.groups()] == ["PENDING"]


@pytest.mark.parametrize(
    ("step", "words"), [("completed", "already complete"), ("failure_limit", "cannot be")]
)
def test_an_update_of_what_has_ended(bench: Bench, step: str, words: str) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, step)
    with pytest.raises(Rejected, match=words):
        FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert len(bench.groups()) == 1


def test_an_update_of_what_has_expired_is_a_new_submission(bench: Bench) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, "expired")
    submission = FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert submission.facility_request_id != wanted.facility_request_id


def test_an_update_that_fails_after_the_cancellation_reports_both(bench: Bench) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.control("/_config", throttle={"create": 1})
    with pytest.raises(Withdrawn) as caught:
        FACILITY.update(wanted, prepared, bench.link)
    assert "throttled" in caught.value.reason
    assert (caught.value.waiting, caught.value.retry_after) == (True, 86400)
    assert f"the former requestgroup {wanted.facility_request_id} is cancelled" in caught.value.reason
    assert [group["state"] for group in bench.groups()] == ["CANCELED"]


@pytest.mark.parametrize("status", [200, 503])
def test_nothing_new_is_sent_where_the_old_one_may_live(bench: Bench, status: int) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    cancelling = f"{GROUPS}{wanted.facility_request_id}/cancel/"
    bench.fail("status", cancelling, status=status, body=MAINTENANCE)
    with pytest.raises(Unanswered):
        FACILITY.update(wanted, prepared, bench.link)
    assert [(str(group["id"]), group["state"]) for group in bench.groups()] == [
        (wanted.facility_request_id, "PENDING")
    ]


def test_an_update_refused_after_the_cancellation_waits_for_nothing(bench: Bench) -> None:
    wanted = bench.submitted()
    refusing = Link(_Refusing(bench), bench.link.mail)
    with pytest.raises(Withdrawn) as caught:
        FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), refusing)
    assert not caught.value.waiting
    assert [group["state"] for group in bench.groups()] == ["CANCELED"]


class _Refusing:
    """Takes the credentials from a submission, and from nothing else."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self.read = bench, bench.link.http.read

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        """Sent, without a token if it submits."""
        if request.url.endswith(GROUPS):
            request = replace(request, headers={"Content-Type": "application/json"})
        return self._bench.link.http.send(request, read_timeout=read_timeout)


def test_an_update_cut_after_the_cancellation_is_found_again(bench: Bench) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    # The path is a prefix: the first two calls, validate and cancel, are to go through.
    hold = Link(_CutLast(bench), bench.link.mail)
    with pytest.raises(Unanswered, match="is cancelled"):
        FACILITY.update(wanted, prepared, hold)
    found = FACILITY.reconcile(wanted, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(bench.groups()[0]["id"])
    assert found.facility_request_id != wanted.facility_request_id


class _CutLast:
    """Cuts the line of a submission, and of nothing else."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self.read = bench, bench.link.http.read

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        """Sent, and cut if it submits."""
        if request.url.endswith(GROUPS):
            self._bench.fail("cut")
        return self._bench.link.http.send(request, read_timeout=read_timeout)


@pytest.mark.parametrize(("instrument", "level"), [("sinistro", 91), ("muscat", 91), ("floyds", 90)])
def test_frames_are_listed_when_they_come(bench: Bench, instrument: str, level: int) -> None:
    wanted = bench.submitted(instrument)
    bench.advance(wanted, "completed")
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.products, progress.next_poll_s) == (Status.COMPLETE, None, 1800)
    wanted = bench.later(replace(wanted, facility_data=progress.data), hours=20)
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.products
    assert {each["reduction_level"] for each in progress.products} >= {level}
    assert len(progress.products) >= {"sinistro": 2, "muscat": 4, "floyds": 1}[instrument]
    assert {each["request_id"] for each in progress.products} == set(wanted.facility_data["request_ids"])
    assert all(len(each["md5"]) == 32 and each["filename"] for each in progress.products)
    assert "X-Amz" not in repr(progress)
    assert progress.next_poll_s is None
    # What is kept is enough to ask for a fresh link.
    fetch = FACILITY.download(wanted, progress.products[0], bench.link)
    file = requests.request(fetch.method, fetch.url, headers=fetch.headers, timeout=10)
    assert file.status_code == 200
    assert hashlib.md5(file.content).hexdigest() == progress.products[0]["md5"]


def test_an_archive_token_that_is_refused(bench: Bench) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, "completed")
    altdata = {"PROPOSAL_ID": "LCO2026B-001", "API_TOKEN": bench.token, "API_ARCHIVE_TOKEN": "0" * 40}
    progress = FACILITY.poll(replace(wanted, altdata=order(altdata=altdata).altdata), bench.link)
    assert progress.status is Status.COMPLETE
    assert "the archive refused the credentials" in progress.text


def test_verify(bench: Bench) -> None:
    good = bench.order().altdata
    assert FACILITY.verify(good, bench.link).details == {
        "username": "demo",
        "proposal": "LCO2026B-001",
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


def test_what_lco_can_do() -> None:
    assert FACILITY.operations == (
        *("submit", "dry_run", "validate", "update", "cancel", "poll", "reconcile", "verify"),
    )
