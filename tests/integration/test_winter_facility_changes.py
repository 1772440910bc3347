"""Validating at, checking credentials of, and deleting from the WINTER simulator, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from slew.changes import did_nothing
from slew.errors import FacilityError, Failed, NoAnswer, Rejected, Unanswered
from slew.facility import Verdict, Verification
from slew.status import Status
from tests.integration.winter_bench import FACILITY, HTML, JSON, Bench, benched

REFUSED = '{"detail": "Incorrect email or password"}'


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


def test_validation_saves_nothing(bench: Bench) -> None:
    order = bench.order(filters=["J", "Hs"])
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.details["rows"]) == (True, 2)
    assert "Triggering was set to False" in verdict.details["message"]
    assert bench.schedules() == []
    assert bench.calls("POST")[0]["query"].endswith("submit_trigger=False")


def test_validation_tells_why_not(bench: Bench) -> None:
    order = bench.order(target={"dec": -60.0})
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert verdict == Verdict(False, verdict.reason)
    assert "not visible" in verdict.reason
    assert "shorter window" in verdict.reason


@pytest.mark.parametrize("fault", [{"kind": "refuse"}, {"kind": "status", "status": 502, "body": HTML}])
def test_a_validation_without_an_answer_decides_nothing(bench: Bench, fault: JSON) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    bench.fail(**fault, method="POST")
    with pytest.raises(NoAnswer):
        FACILITY.validate(order, prepared, bench.link)


def test_credentials_are_checked_harmlessly(bench: Bench) -> None:
    found = FACILITY.verify(bench.altdata, bench.link)
    assert found.valid
    assert found.details["maxpriority"] == 100.0
    assert not {"prog_key", "pi_email"} & set(found.details)
    bench.use(program_api_key="wrong-key")
    refused = FACILITY.verify(bench.altdata, bench.link)
    assert refused == Verification(False, "Program credentials not found in database")
    bench.use(password="wrong-pw")
    assert FACILITY.verify(bench.altdata, bench.link).text.endswith("Incorrect email or password")
    assert {each["method"] for each in bench.server.journal} == {"GET"}
    bench.fail("status", status=502, body=HTML)
    with pytest.raises(NoAnswer, match="502"):
        FACILITY.verify(bench.altdata, bench.link)


# -- cancel


def test_a_schedule_is_deleted(bench: Bench) -> None:
    order = bench.submitted()
    cancellation = FACILITY.cancel(order, bench.link)
    assert (cancellation.status, cancellation.text) == (
        Status.CANCELLED,
        f"Deleted {order.facility_request_id}",
    )
    assert bench.schedules() == []
    assert bench.slept == []


@pytest.mark.parametrize(("delay_s", "tries"), [(5, 2), (15, 3)])
def test_a_schedule_that_is_not_visible_yet_is_asked_for_again(
    bench: Bench, delay_s: float, tries: int
) -> None:
    bench.configure(visible_after_s=delay_s)
    assert FACILITY.cancel(bench.submitted(), bench.link).status is Status.CANCELLED
    assert len(bench.calls("DELETE")) == tries
    assert bench.slept == [10.0] * (tries - 1)


def test_a_schedule_that_never_was_is_not_found(bench: Bench) -> None:
    order = replace(bench.order(), facility_request_id="request_2026B001_2020_01_01_00_00_00")
    with pytest.raises(Failed, match=r"^schedule not found$") as caught:
        FACILITY.cancel(order, bench.link)
    assert len(bench.calls("DELETE")) == 3
    assert did_nothing(caught.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 401, "body": REFUSED}, Rejected),
        ({"kind": "status", "status": 502, "body": HTML}, Unanswered),
        ({"kind": "refuse"}, Unanswered),
    ],
)
def test_a_deletion_that_did_not_work(bench: Bench, fault: JSON, error: type[FacilityError]) -> None:
    order = bench.submitted()
    bench.advance(120)
    bench.fail(**fault, method="DELETE")
    with pytest.raises(error) as caught:
        FACILITY.cancel(replace(order, now=bench.server.clock.now()), bench.link)
    assert len(bench.schedules()) == 1
    assert did_nothing(caught.value) is (error is not Unanswered)


def test_a_deletion_behind_a_cut_line_is_read_back(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(120)
    bench.fail("cut", method="DELETE")
    assert "gone" in FACILITY.cancel(replace(order, now=bench.server.clock.now()), bench.link).text


def test_a_second_deletion_finds_that_the_first_had_worked(bench: Bench) -> None:
    order = bench.submitted()
    bench.fail("cut", method="DELETE")
    with pytest.raises(Unanswered) as caught:  # so soon, an absent schedule may only be invisible
        FACILITY.cancel(order, bench.link)
    assert not did_nothing(caught.value)
    again = replace(order, cancel_sent=True)
    assert "already gone" in FACILITY.cancel(again, bench.link).text


def test_a_request_without_a_schedule_name_cannot_be_cancelled(bench: Bench) -> None:
    with pytest.raises(Rejected, match="name is not known"):
        FACILITY.cancel(bench.order(), bench.link)
