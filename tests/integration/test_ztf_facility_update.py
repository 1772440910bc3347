"""Changing a ZTF queue: DELETE, check that it is gone, PUT; and every way in which that can break off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from slew.errors import NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Absent, Submission
from slew.status import Status
from tests.integration.ztf_bench import Bench, serving
from tests.ztf_orders import JSON, NOW, PLAN, SKYMAP, TRIGGERED, without

NAME = "ToO_GRB260311A"
CHANGED = {**TRIGGERED, "filters": "i"}
UNNAMED, CHANGED_UNNAMED = without(TRIGGERED, "queue_name"), without(CHANGED, "queue_name")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, NOW) as bench:
        yield bench


def methods(bench: Bench) -> list[str]:
    """What was sent after the submission, the tests of the form apart."""
    found = [each for each in bench.sent("GET", "PUT", "DELETE") if not each["path"].endswith(".test")]
    return [each["method"] for each in found][1:]


@pytest.mark.parametrize("personality", ["kowalski", "ztfpass"])
def test_the_queue_is_replaced_under_its_name(bench: Bench, personality: str) -> None:
    bench.configure(personality=personality)
    bench.submit(TRIGGERED)
    updated = bench.update(CHANGED)
    assert (updated.status, updated.facility_request_id) == (Status.SUBMITTED, NAME)
    assert methods(bench) == ["GET", "DELETE", "GET", "PUT"]
    assert [each["filter_id"] for each in bench.server.scheduler.queues[NAME].targets] == [3, 3]
    assert bench.kept["targets"] == 2
    bench.at(hours=2.1)
    bench.observe(1)
    assert bench.poll(CHANGED).text.startswith("1 of 2 exposures done")


def test_a_name_of_our_own_changes_with_what_is_asked_for(bench: Bench) -> None:
    first = bench.submit(UNNAMED)
    updated = bench.update(CHANGED_UNNAMED)
    assert updated.facility_request_id != first.facility_request_id
    assert bench.live == [updated.facility_request_id]


def test_a_trigger_becomes_a_plan(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.update(PLAN)
    assert bench.live == ["ToO_S260311ab_plan"]


def test_what_is_there_already_is_not_deleted(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    assert "already" in bench.update(TRIGGERED).notes[0]
    assert methods(bench) == ["GET"]


@pytest.mark.parametrize("change", [{"subprogram_name": "GW"}, {"max_airmass": 1.5}, {"exposure_time": 30}])
def test_small_changes_are_changes(bench: Bench, change: JSON) -> None:
    bench.submit(TRIGGERED)
    bench.update({**TRIGGERED, **change})
    assert methods(bench) == ["GET", "DELETE", "GET", "PUT"]


def test_a_sky_map_is_not_changed(bench: Bench) -> None:
    bench.submit(SKYMAP)
    with bench.failing(Rejected):
        bench.update({**SKYMAP, "trigger_time": 61110.2})
    with bench.failing(Rejected):
        bench.update(TRIGGERED)
    assert methods(bench) == []


def test_a_refused_form_changes_nothing(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("PUT", 400, "ValidationError: no")
    with bench.failing(Rejected) as caught:
        bench.update(CHANGED)
    assert "nothing was changed" in caught.value.reason
    assert methods(bench) == []


def test_a_gateway_that_is_down_changes_nothing(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.server.vanish()
    with bench.failing(NotSent):
        bench.update(CHANGED)


def test_a_queue_that_has_ended_is_not_put_anew(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    bench.observe(4)
    with bench.failing(Rejected) as caught:
        bench.update(CHANGED)
    assert "no longer there" in caught.value.reason
    assert methods(bench) == ["GET"]


def test_a_new_name_that_is_in_use_changes_nothing(bench: Bench) -> None:
    bench.submit(PLAN)
    bench.kept = {}
    bench.submit(TRIGGERED)
    with bench.failing(Rejected) as caught:
        bench.update(PLAN)
    assert "already in use" in caught.value.reason
    assert set(bench.live) == {NAME, "ToO_S260311ab_plan"}


def test_a_deletion_that_is_refused_changes_nothing(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "ZTF queue delete attempt rejected: None")
    with bench.failing(Rejected):
        bench.update(CHANGED)
    assert bench.kept["replacing"] is None
    assert bench.poll(TRIGGERED).status is Status.SUBMITTED


def test_a_scheduler_that_goes_down_at_the_deletion_changes_nothing(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "ClientConnectorError: no")
    with bench.failing(NotSent):
        bench.update(CHANGED)
    assert (bench.kept["replacing"], bench.kept["withdrawn_at"]) == (None, None)


def test_a_deletion_of_unknown_outcome_sends_nothing_new(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.update(CHANGED)
    assert "PUT" not in methods(bench)
    found = bench.reconcile(TRIGGERED)
    assert isinstance(found, Submission)
    assert bench.kept["replacing"] is None
    assert bench.kept["targets"] == 4


def test_a_deletion_of_unknown_outcome_that_has_worked_later(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.answer("DELETE", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.update(CHANGED)
    del bench.server.scheduler.queues[NAME]
    assert isinstance(bench.reconcile(TRIGGERED), Absent)


def test_a_queue_that_may_have_ended_by_itself_meanwhile_is_for_a_person(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.at(hours=2.1)
    bench.answer("DELETE", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.update(CHANGED)
    bench.observe(4)
    bench.at(hours=1)
    assert bench.reconcile(TRIGGERED) is None


def test_a_queue_that_is_listed_after_its_deletion(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    body = '{"status": "success", "message": "deleted", "data": {}}'
    bench.fail("status", "DELETE", status=200, body=body, content_type="application/json")
    with bench.failing(Rejected) as caught:
        bench.update(CHANGED)
    assert "still listed" in caught.value.reason
    assert "PUT" not in methods(bench)


@pytest.mark.parametrize(
    ("message", "waiting"),
    [
        ("ClientConnectorError: no", True),
        ("ZTF trigger attempt rejected: None", False),
        ("ValidationError: no", False),
    ],
)
def test_the_old_one_gone_and_the_new_one_not_taken(bench: Bench, message: str, waiting: bool) -> None:
    bench.submit(TRIGGERED)
    bench.answer("PUT", 200, "ok")  # spent by the form's test
    bench.server.faults[0].body = '{"status": "success"}'
    bench.answer("PUT", 400, message)
    with bench.failing(Withdrawn) as caught:
        bench.update(CHANGED)
    error = cast(Withdrawn, caught.value)
    assert error.waiting is waiting
    assert error.reason.endswith(f"the former queue {NAME} is deleted")
    assert bench.live == []
    # What waits is sent again by the schedule, as a submission of its own.
    bench.facility_request_id = None
    assert bench.submit(CHANGED).facility_request_id == NAME


def test_a_list_that_fails_after_the_deletion_puts_it_off(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.on_keep = lambda: bench.fail("status", "GET", status=503)  # from the first thing kept on
    with bench.failing(Withdrawn) as caught:
        bench.update(CHANGED)
    assert cast(Withdrawn, caught.value).waiting
    assert "PUT" not in methods(bench)


def test_a_new_queue_of_unknown_outcome_is_found(bench: Bench) -> None:
    bench.submit(UNNAMED)
    bench.fail("status", "PUT", status=200, body='{"status": "success"}')
    bench.fail("cut", "PUT")
    with bench.failing(Unanswered) as caught:
        bench.update(CHANGED_UNNAMED)
    assert "is deleted" in caught.value.reason
    old = bench.facility_request_id
    found = bench.reconcile(UNNAMED)
    assert isinstance(found, Submission)
    assert found.facility_request_id not in (None, old)
    assert bench.kept["targets"] == 2


def test_a_new_queue_that_never_arrived_is_sent_again(bench: Bench) -> None:
    bench.submit(UNNAMED)
    bench.fail("status", "PUT", status=200, body='{"status": "success"}')
    bench.answer("PUT", 400, "TimeoutError")
    with bench.failing(Unanswered):
        bench.update(CHANGED_UNNAMED)
    assert isinstance(bench.reconcile(UNNAMED), Absent)


def test_a_new_queue_that_times_out_and_is_listed(bench: Bench) -> None:
    bench.submit(TRIGGERED)
    bench.configure(scheduler="slow")
    assert bench.update(CHANGED).facility_request_id == NAME
    assert [each["filter_id"] for each in bench.server.scheduler.queues[NAME].targets] == [3, 3]
