"""LCO against the simulator of its portal, over real HTTP: dry runs, submissions, lost ones found again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.observation_portal.accounts import CONTRACT_TOKEN, DISABLED_TOKEN
from local.simulators.observation_portal.app import LCOPortal
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Link, Submission
from slew.http import Http
from slew.observation_portal import SETTLING
from slew.status import Status
from tests.integration.lco_bench import GROUPS, MAINTENANCE, NEEDED, Bench, fresh_bench, simulator
from tests.lco_orders import FACILITY, body_of

JSON = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[LCOPortal]:
    with simulator() as running:
        yield running


@pytest.fixture
def bench(server: LCOPortal, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return fresh_bench(server, monkeypatch)


def exchanges(way: Link) -> Any:
    assert isinstance(way.http, Http)
    return way.http.exchanges


@pytest.mark.parametrize("instrument", NEEDED)
def test_dry_run_then_submit(bench: Bench, instrument: str) -> None:
    wanted = bench.order(instrument)
    prepared = FACILITY.prepare(wanted, bench.link)
    assert FACILITY.validate(wanted, prepared, bench.link).accepted
    assert bench.groups() == []
    submission = FACILITY.submit(wanted, prepared, bench.link)
    (stored,) = bench.groups()
    assert str(stored["id"]) == submission.facility_request_id
    assert submission.data == {"request_ids": [stored["requests"][0]["id"]]}
    assert submission.status is Status.SUBMITTED
    assert stored["requests"][0]["observation_note"] == wanted.request_id
    assert bench.token not in repr(exchanges(bench.link))


def test_notes_of_what_was_decided(bench: Bench) -> None:
    now = {"start_date": None, "end_date": None}
    rapid = FACILITY.prepare(bench.order(payload={**now, "observation_mode": "RAPID_RESPONSE"}), bench.link)
    assert rapid.notes == (
        "RAPID_RESPONSE: the window ends 2026-11-23T15:12:41.000000+00:00, 24 hours from now",
    )
    (window,) = body_of(rapid)["requests"][0]["windows"]
    assert (window["start"], window["end"][:19]) == (
        "2026-11-22T00:00:00.000000+00:00",
        "2026-11-23T15:12:41",
    )
    assert FACILITY.prepare(bench.order(), bench.link).notes == ()
    last_days = bench.order(payload={"start_date": "2027-01-29", "end_date": None})
    clipped = FACILITY.prepare(last_days, bench.link)
    assert clipped.notes == (
        "the window ends 2027-01-31T23:59:59.000000+00:00 with the semester of its start, not after 7 days",
    )
    (window,) = body_of(clipped)["requests"][0]["windows"]
    assert window["end"] == "2027-01-31T23:59:59.000000+00:00"
    bench.fail("status", "/api/semesters/", "GET", status=500, body=MAINTENANCE)
    (window,) = body_of(FACILITY.prepare(last_days, bench.link))["requests"][0]["windows"]
    assert window["end"] == "2027-02-05T00:00:00.000000+00:00"
    assert bench.posts() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "0" * 40}, "facility refused the credentials (Invalid token.)"),
        ({"token": DISABLED_TOKEN}, "facility refused the credentials (User inactive or deleted.)"),
        ({"proposal": "NO_SUCH"}, 'proposal: Invalid pk "NO_SUCH" - object does not exist.'),
        ({"proposal": "TEST_FOREIGN", "token": CONTRACT_TOKEN}, "You do not belong to the proposal"),
        ({"proposal": "TEST_INACTIVE", "token": CONTRACT_TOKEN}, "is currently inactive"),
        ({"proposal": "TEST_NOTIME", "token": CONTRACT_TOKEN}, "sufficient NORMAL time"),
        ({"payload": {"maximum_airmass": 1.0}}, "requests[0]: According to the constraints of the request"),
        ({"payload": {"exposure_time": 43200}}, "will only be visible for a maximum of"),
    ],
)
def test_refusals(bench: Bench, changes: JSON, words: str) -> None:
    wanted = bench.order(**changes)
    with pytest.raises(Rejected) as caught:
        bench.submit(wanted)
    assert words in caught.value.reason
    assert bench.groups() == []
    prepared = FACILITY.prepare(wanted, bench.link)
    if "credentials" in words:
        with pytest.raises(Rejected):
            FACILITY.validate(wanted, prepared, bench.link)
    else:
        verdict = FACILITY.validate(wanted, prepared, bench.link)
        assert (verdict.accepted, verdict.reason) == (False, caught.value.reason)


def test_an_explicit_window_across_semesters_is_the_portals_to_refuse(bench: Bench) -> None:
    with pytest.raises(Rejected, match="does not fit within any defined semester"):
        bench.submit(bench.order(payload={"start_date": "2027-01-29", "end_date": "2027-02-05"}))


def test_throttled(bench: Bench) -> None:
    bench.control("/_config", throttle={"create": 1})
    bench.submit(bench.order())
    with pytest.raises(NotSent) as caught:
        bench.submit(bench.order())
    assert caught.value.retry_after == 86400
    assert len(bench.groups()) == 1


def test_a_portal_without_its_instruments(bench: Bench) -> None:
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.control("/_config", configdb=False)
    with pytest.raises(NotSent, match="lost its list of instruments"):
        FACILITY.submit(wanted, prepared, bench.link)
    with pytest.raises(NotSent, match="lost its list of instruments"):
        FACILITY.validate(wanted, prepared, bench.link)
    bench.control("/_config", configdb=True)
    assert FACILITY.submit(wanted, prepared, bench.link).status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ({"kind": "status", "status": 500, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 502, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 200, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 301, "headers": {"Location": GROUPS}}, Rejected, 0),
        ({"kind": "refuse"}, Unanswered, 0),
        ({"kind": "cut"}, Unanswered, 1),
        ({"kind": "reset"}, Unanswered, 1),
    ],
)
def test_a_lost_submission_is_found_or_certainly_absent(
    bench: Bench, fault: JSON, error: type[FacilityError], stored: int
) -> None:
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.fail(**fault)
    with pytest.raises(FacilityError) as caught:
        FACILITY.submit(wanted, prepared, bench.link)
    assert type(caught.value) is error
    assert len(bench.posts()) == (0 if fault["kind"] == "refuse" else 1)
    assert len(bench.groups()) == stored
    found = FACILITY.reconcile(wanted, bench.link)
    if stored:
        assert isinstance(found, Submission)
        assert found.facility_request_id == str(bench.groups()[0]["id"])
        assert found.data == {"request_ids": [bench.groups()[0]["requests"][0]["id"]]}
        return
    assert found is None
    assert FACILITY.reconcile(bench.later(wanted, seconds=SETTLING.total_seconds()), bench.link) == Absent()


def test_nobody_listens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = bench.order()
    # Port 9 (discard): nothing listens there.
    monkeypatch.setenv("SLEW_LCO_URL", "http://127.0.0.1:9")
    with pytest.raises(NotSent):
        bench.submit(wanted)
    with pytest.raises(NoAnswer):
        FACILITY.validate(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.reconcile(wanted, bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.verify(wanted.altdata, bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.poll(replace(wanted, facility_request_id="1"), bench.link)


def test_reconcile_among_many_of_one_name(bench: Bench) -> None:
    known = [bench.submitted() for _ in range(25)]
    first = replace(known[0], facility_request_id=None)
    found = FACILITY.reconcile(first, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == known[0].facility_request_id
