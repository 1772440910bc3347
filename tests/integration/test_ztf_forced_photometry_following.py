"""The IPAC facility follows its jobs in the table that is renewed each hour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from local.simulators.ztf_forced_photometry.exposures import SN_2023IXF
from slew.errors import NoAnswer, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from tests.integration.ztf_forced_photometry_bench import (
    DAY,
    HOUR,
    LIST,
    MAINTENANCE,
    MINUTE,
    SUBMIT,
    Bench,
    running,
)

JSON = dict[str, Any]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with running(monkeypatch) as bench:
        yield bench


# -- status


def test_a_job_is_followed_through_all_its_states(bench: Bench) -> None:
    bench.configure(start_s=MINUTE, run_s=90 * MINUTE)
    order, progress = bench.poll(bench.submitted())
    assert progress.status is Status.SUBMITTED
    assert "waiting for IPAC's hourly update" in progress.text
    assert "No matching response from forced photometry service." in progress.text
    bench.advance(27 * MINUTE)  # 18:07
    order, progress = bench.poll(order)
    assert (progress.status, progress.data) == (Status.IN_PROGRESS, {"req_id": 315277})
    assert progress.next_poll_s is not None
    assert progress.next_poll_s * 0.9 == pytest.approx(58 * MINUTE)
    bench.advance(2 * HOUR)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)
    assert progress.products is not None
    curve, log = progress.products
    assert curve["name"] == "forcedphotometry_req00315277_lc.txt"
    assert (curve["kind"], log["kind"]) == ("photometry", "log")
    assert log["name"] == "forcedphotometry_req00315277_log.txt"
    assert curve["url"] == bench.server.url + curve["path"]
    again = bench.poll(order)[1]
    assert (again.status, again.next_poll_s) == (None, None)


@pytest.mark.parametrize(
    ("code", "status", "text", "reason", "files"),
    [
        (0, Status.COMPLETE, "light curve ready", "", 2),
        (56, Status.COMPLETE, "bad (incl. NaN) pixels", "", 2),
        (57, Status.COMPLETE, "no source in the reference-image", "", 2),
        (61, Status.COMPLETE, "zero usable points", "", 2),
        (62, Status.COMPLETE, "reset to 2018-03-17", "", 2),
        (63, Status.COMPLETE, "no epochs at this position in this range", "", 0),
        (64, Status.FAILED, "No photometry available: catastrophic", "catastrophic error (exit code 64)", 0),
        (65, Status.REJECTED, "No photometry available", "end date before survey start", 0),
        (255, Status.FAILED, "database connection", "exit code 255", 0),
        (99, Status.COMPLETE, "light curve ready (unknown exit code 99)", "", 2),
    ],
)
def test_every_exit_code(bench: Bench, code: int, status: Status, text: str, reason: str, files: int) -> None:
    bench.configure(spots=[{"ra": SN_2023IXF[0], "dec": SN_2023IXF[1], "exitcode": code}])
    progress = bench.done(bench.submitted())
    assert (progress.status, progress.next_poll_s) == (status, None)
    assert text in progress.text
    assert reason in progress.reason
    assert bool(reason) == bool(progress.reason)
    assert len(progress.products or ()) == files


@pytest.mark.parametrize(
    ("code", "status", "reason"), [(0, Status.IN_PROGRESS, ""), (77, Status.FAILED, "unknown exit code 77")]
)
def test_an_exit_code_without_a_file(bench: Bench, code: int, status: Status, reason: str) -> None:
    spot = {"ra": SN_2023IXF[0], "dec": SN_2023IXF[1], "exitcode": code, "has_file": False}
    bench.configure(spots=[spot])
    progress = bench.done(bench.submitted())
    assert (progress.status, progress.reason) == (status, reason)


def test_neighbours_and_earlier_dates_are_not_taken_for_it(bench: Bench) -> None:
    order = bench.submitted()
    east = bench.submitted(bench.order("r2", ra=SN_2023IXF[0] + 0.0024))
    bench.advance(HOUR)
    link = bench.new_link()
    assert bench.poll(order, link)[1].data["req_id"] == 315277
    assert bench.poll(east, link)[1].data["req_id"] == 315278


def test_a_start_before_the_survey_is_found_under_its_start(bench: Bench) -> None:
    order = bench.order(start_date="2018-01-01", end_date="2018-06-01")
    assert "2018-03-17" in bench.facility.prepare(order, bench.link).notes[0]
    progress = bench.done(bench.submitted(order))
    assert progress.status is Status.COMPLETE
    assert "requested start before survey start" in progress.text


def test_one_query_answers_for_all_requests_of_an_account(bench: Bench) -> None:
    orders = [bench.submitted(bench.order(f"r{i}", ra=20.0 + i)) for i in range(5)]
    assert len(bench.calls(LIST)) == 1  # five looks within two minutes are one
    bench.advance(HOUR)
    link = bench.new_link()
    numbers = [bench.poll(order, link)[1].data["req_id"] for order in orders]
    assert numbers == [315277, 315278, 315279, 315280, 315281]
    assert len(bench.calls(LIST)) == 2
    bench.poll(orders[0])  # another tick at once: never more than one query in two minutes
    assert len(bench.calls(LIST)) == 2
    bench.advance(121)
    bench.poll(orders[0])
    assert len(bench.calls(LIST)) == 3


def test_a_failed_query_is_not_repeated_in_the_same_tick(bench: Bench) -> None:
    orders = [bench.submitted(bench.order(f"r{i}", ra=20.0 + i)) for i in range(3)]
    bench.advance(HOUR)
    bench.fail("status", path=LIST, status=503, body=MAINTENANCE)
    link = bench.new_link()
    for order in orders:
        with pytest.raises(NoAnswer, match="HTTP 503"):
            bench.poll(order, link)
    assert len(bench.calls(LIST)) == 2


def test_two_identical_requests_are_given_two_jobs(bench: Bench) -> None:
    first, second = bench.submitted(), bench.submitted(bench.order("r2"))
    bench.advance(HOUR)
    link = bench.new_link()
    found = {bench.poll(order, link)[1].data["req_id"] for order in (first, second)}
    assert found == {315277, 315278}
    bound = replace(first, facility_data={**first.facility_data, "req_id": 315277})
    assert bench.poll(bound, bench.new_link())[1].data["req_id"] == 315277


def test_an_identical_job_that_was_not_run_again_is_taken_after_two_renewals(bench: Bench) -> None:
    earlier = bench.submitted()
    bench.advance(2 * HOUR)
    bench.configure(deduplicate=True)
    order = bench.submitted(bench.order("r2"))
    assert order.facility_data["newest_before"] == 315277
    for status in (Status.SUBMITTED, Status.COMPLETE):
        bench.advance(HOUR)
        order, progress = bench.poll(order)
        assert progress.status is status
    assert progress.data == {"req_id": 315277}
    assert bench.done(earlier).data == {"req_id": 315277}


def test_a_newer_row_of_the_same_position_is_preferred(bench: Bench) -> None:
    bench.submitted()
    bench.advance(2 * HOUR)
    order = bench.submitted(bench.order("r2"))
    bench.advance(HOUR)
    assert bench.poll(order)[1].data == {"req_id": 315278}


def test_credentials_that_lead_to_no_job_need_attention_after_three_renewals(bench: Bench) -> None:
    bench.configure(wrong_pair="echo")
    bench.wrong(ipac_userpass=SecretStr("wrong-secret"))
    order = bench.submitted()
    for attention in (False, False, True):
        bench.advance(HOUR)
        order, progress = bench.poll(order)
        assert progress.status is Status.SUBMITTED
        assert ("needs attention" in progress.text) is attention


def test_a_table_that_refuses_the_credentials_keeps_the_status(bench: Bench) -> None:
    order = bench.submitted()
    bench.advance(HOUR)
    for field, text in (
        ("ipac_http_password", "credentials: ipac_http_user / ipac_http_password refused"),
        ("ipac_userpass", "no job table, but: Error: email or userpass not recognized."),
    ):
        bad = order.altdata.model_copy(update={field: SecretStr("wrong-secret")})
        bench.advance(3 * MINUTE)
        progress = bench.poll(replace(order, altdata=bad))[1]
        assert (progress.status, progress.text) == (None, text)
        assert progress.next_poll_s is not None


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (
            {"kind": "status", "status": 503, "body": "Error: database is busy; try again a minute later."},
            120.0,
        ),
        (
            {"kind": "status", "status": 200, "body": "Error: database is busy; try again a minute later."},
            120.0,
        ),
        ({"kind": "status", "status": 429}, 120.0),
        ({"kind": "status", "status": 503, "body": MAINTENANCE}, None),
        ({"kind": "status", "status": 301, "headers": {"Location": "/elsewhere"}}, None),
        ({"kind": "cut"}, None),
    ],
)
def test_a_poll_without_an_answer(bench: Bench, fault: JSON, wait_s: float | None) -> None:
    order = bench.submitted()
    bench.advance(HOUR)
    bench.fail(**fault, path=LIST)
    with pytest.raises(NoAnswer) as caught:
        bench.poll(order)
    assert caught.value.retry_after == wait_s
    assert bench.poll(order)[1].status is Status.COMPLETE


@pytest.mark.parametrize("body", [MAINTENANCE, "", "{}", "<table><tr><th>reqId</th></tr></table>"])
def test_nonsense_in_place_of_the_table_is_told_and_changes_nothing(bench: Bench, body: str) -> None:
    order = bench.submitted()
    bench.advance(HOUR)
    bench.fail("status", path=LIST, status=200, body=body)
    progress = bench.poll(order)[1]
    assert progress.status is None
    assert progress.text.startswith("no job table, but: ")


def test_after_thirty_days_it_has_expired(bench: Bench) -> None:
    bench.configure(run_s=60 * DAY)
    order = bench.submitted()
    bench.advance(HOUR)
    order, progress = bench.poll(order)
    assert progress.status is Status.IN_PROGRESS
    bench.advance(30 * DAY - HOUR - 1)
    assert bench.poll(order)[1].next_poll_s is not None
    bench.advance(1)
    expired = bench.poll(order)[1]
    assert (expired.status, expired.next_poll_s) == (Status.EXPIRED, None)
    bench.advance(HOUR)
    bench.fail("status", path=LIST, status=503)
    assert bench.poll(order)[1].status is Status.EXPIRED


def test_a_row_that_has_left_the_table_changes_nothing(bench: Bench) -> None:
    order = bench.submitted()
    kept = replace(order, facility_data={**order.facility_data, "req_id": 99}, status=Status.IN_PROGRESS)
    bench.advance(HOUR)
    progress = bench.poll(kept)[1]
    assert (progress.status, progress.data) == (None, {})
    assert progress.next_poll_s is not None


def test_a_request_of_which_nothing_is_known_cannot_be_asked_for(bench: Bench) -> None:
    with pytest.raises(NoAnswer):
        bench.poll(bench.order())


# -- reconcile


@pytest.mark.parametrize("taken", [True, False])
def test_a_request_of_unknown_outcome_is_settled_by_the_table(bench: Bench, taken: bool) -> None:
    order = bench.order()
    bench.fail("cut" if taken else "refuse", path=SUBMIT)
    bench.refused(Unanswered, order)
    order = replace(order, status=Status.UNKNOWN, facility_data=dict(bench.kept))
    assert bench.facility.reconcile(order, bench.new_link()) is None
    looks = len(bench.calls(LIST))
    found = []
    for _ in range(3):
        bench.advance(HOUR)
        found.append(bench.facility.reconcile(bench.at_now(order), bench.new_link()))
    assert len(bench.calls(LIST)) > looks
    if taken:
        submission = found[0]
        assert isinstance(submission, Submission)
        assert submission.data["req_id"] == 315277
        assert submission.facility_request_id == "210.910675 54.311651 2460084.500000 2460116.000000"
        known = replace(order, facility_data={**order.facility_data, **submission.data})
        assert bench.poll(known)[1].status is Status.COMPLETE
    else:
        assert found == [None, None, Absent()]


def test_a_request_that_crashed_before_anything_was_kept_is_found_too(bench: Bench) -> None:
    order = bench.order()
    bench.submit(order)
    bench.advance(HOUR)
    found = bench.facility.reconcile(bench.at_now(order), bench.new_link())
    assert isinstance(found, Submission)
    assert found.data["req_id"] == 315277


def test_what_the_table_has_forgotten_is_not_sent_again(bench: Bench) -> None:
    order = bench.order()
    bench.submit(order)
    bench.advance(30 * DAY)
    assert bench.facility.reconcile(bench.at_now(order), bench.new_link()) is None


def test_rows_that_cannot_be_read_make_nothing_certain(bench: Bench) -> None:
    order = bench.order()
    bench.advance(4 * HOUR)
    heads = "".join(f"<th>{name}</th>" for name in ("reqId", "ra", "dec", "startJD", "endJD"))
    body = f"<table><tr>{heads}</tr><tr><td>400000</td><td>210.9106**</td></tr></table>"
    bench.fail("status", path=LIST, status=200, body=body)
    assert bench.facility.reconcile(bench.at_now(order), bench.new_link()) is None


def test_reconciling_without_a_table_is_no_answer(bench: Bench) -> None:
    order = bench.order()
    bench.advance(4 * HOUR)
    bench.configure(busy=True)
    with pytest.raises(NoAnswer, match="busy"):
        bench.facility.reconcile(bench.at_now(order), bench.new_link())
