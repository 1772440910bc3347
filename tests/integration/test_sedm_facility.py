"""SEDM at Palomar against its simulator, over real HTTP: every operation and failure, and no secret kept."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from sedm import answers
from sedm import facility as client
from slew.errors import FacilityError, Failed, Invalid, NotSent, Rejected, Unanswered, Withdrawn
from slew.status import Status
from tests.integration.sedm_bench import PAGE, Bench, bench
from tests.sedm_orders import ALTDATA, FACILITY, JSON
from tests.support.waiting import LONG_S

__all__ = ["bench"]


# ---- submit


def test_a_request_is_booked(bench: Bench) -> None:
    submission = bench.submit()
    assert (submission.status, submission.text) == (Status.SUBMITTED, "Accepted Request")
    assert submission.facility_request_id == "900123"
    (entry,) = bench.entries
    assert (entry.requestid, entry.source, entry.state) == (900123, "ZTF26aaabcde", "PENDING")
    assert (entry.username, entry.programme) == ("observer1", "Infant Supernovae")
    (seen,) = bench.server.journal
    assert (seen["method"], seen["path"]) == ("POST", "/add_request")
    assert "Authorization" not in seen["headers"]


def test_sedm_reads_the_newest_detection(bench: Bench) -> None:
    points = [
        {"mjd": 61370.0, "filter": "ztfr", "mag": 18.4},
        {"mjd": 61369.0, "filter": "ztfg", "mag": 15.5},
    ]
    bench.submit(bench.order({"observation_type": "4-shot+IFU"}, target={"photometry": points}))
    assert bench.entries[0].sequence == ["1ifu", "1u", "1g", "1r", "1i"]
    assert bench.entries[0].exposures_s == [2250, 300, 180, 180, 180]


def test_the_test_sink_books_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SEDM_URL", f"{bench.server.url}/add_fritz")
    assert "test sink (Accepted Fritz CGI): nothing was booked" in bench.fails(Failed).reason
    assert bench.entries == []


def test_an_endpoint_of_a_user_is_guarded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    altdata = {**ALTDATA, "endpoint": "https://127.0.0.1/add_request"}
    with pytest.raises(Invalid, match=r"altdata\.endpoint"):
        bench.submit(bench.order(altdata=altdata))
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    monkeypatch.delenv("SLEW_SEDM_URL")
    there = bench.order(altdata={**ALTDATA, "endpoint": f"{bench.server.url}/add_request"})
    assert bench.submit(there).text == "Accepted Request"


@pytest.mark.parametrize(
    ("title", "kind", "reason"),
    [
        ("Rejected Request", Rejected, "Rejected Request"),
        ("Invalid Formatting of Request", Rejected, "Invalid Formatting of Request"),
        ("'prior_photometry'", Rejected, "'prior_photometry'"),
        ("accepted request", Rejected, "accepted request"),
    ],
)
def test_200_that_means_refusal(bench: Bench, title: str, kind: type[FacilityError], reason: str) -> None:
    bench.server.refuse = title
    assert bench.fails(kind).reason == reason
    assert bench.entries == []


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, Rejected, "Service Unavailable"),
        (302, Rejected, "HTTP 302 Service Unavailable"),
        (404, Rejected, "HTTP 404 Service Unavailable"),
        (429, NotSent, "throttled: Service Unavailable Down for maintenance"),
        (500, Unanswered, "SEDM's server failed: HTTP 500 Service Unavailable"),
        (502, Unanswered, "SEDM's server failed: HTTP 502 Service Unavailable"),
    ],
)
def test_a_page_in_place_of_an_answer(
    bench: Bench, status: int, kind: type[FacilityError], reason: str
) -> None:
    bench.fail("status", status=status, body=PAGE, headers={"Location": f"{bench.server.url}/add_request"})
    assert bench.fails(kind).reason == reason
    assert len(bench.server.journal) == 1, "neither sent again nor redirected"


def test_an_empty_answer_is_unknown(bench: Bench) -> None:
    bench.fail("status", status=200, body="")
    assert "without a title" in bench.fails(Unanswered).reason


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_taken_and_not_answered_is_unknown(bench: Bench, kind: str) -> None:
    bench.fail(kind)
    bench.fails(Unanswered)
    assert bench.states == ["PENDING"]
    assert len(bench.server.journal) == 1


def test_a_delay_past_the_time_out_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.READ_TIMEOUT_S == 30
    monkeypatch.setattr(client, "READ_TIMEOUT_S", 0.2)
    bench.fail("hang", seconds=LONG_S)
    assert bench.fails(Unanswered).reason.endswith("timed out")


def test_nobody_there_is_not_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("SLEW_SEDM_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert bench.fails(NotSent).reason.startswith("could not reach ")
    assert bench.server.journal == []


# ---- again, after an unknown outcome or a failure


def test_what_had_arrived_is_replaced_and_not_doubled(bench: Bench) -> None:
    bench.fail("cut")
    bench.fails(Unanswered)
    submission = bench.submit(bench.order(status=Status.UNKNOWN))
    assert submission.text == "Accepted Edit"
    assert bench.states == ["CANCELED", "PENDING"]
    assert bench.kept == {"edit_first": True}
    assert submission.data["edit_first"] is False


def test_what_had_not_arrived_is_booked(bench: Bench) -> None:
    submission = bench.submit(bench.order(status=Status.UNKNOWN))
    assert submission.text == "Accepted Request"
    assert bench.states == ["PENDING"]
    assert len(bench.server.journal) == 2


def test_the_second_form_is_not_sent_after_an_unknown_first(bench: Bench) -> None:
    bench.fail("cut")
    bench.fails(Unanswered, lambda: bench.submit(bench.order(status=Status.UNKNOWN)))
    assert len(bench.server.journal) == 1


def test_a_known_booking_under_observation_is_not_doubled(bench: Bench) -> None:
    order = bench.booked()
    bench.entries[0].state = "ACTIVE"
    again = replace(order, status=Status.UNKNOWN)
    reason = "cannot edit: being observed or unknown to SEDM"
    assert bench.fails(Rejected, lambda: bench.submit(again)).reason == reason
    assert bench.states == ["ACTIVE"]


def test_a_failed_one_is_edited(bench: Bench) -> None:
    order = bench.booked()
    bench.entries[0].state = "COMPLETED"
    assert bench.submit(replace(order, status=Status.FAILED)).text == "Accepted Edit"
    assert bench.states == ["CANCELED", "PENDING"]


# ---- update and cancel


def test_an_update_keeps_what_it_does_not_name(bench: Bench) -> None:
    order = bench.booked({"exposure_time": 120, "observation_type": "3-shot (gri)", "maximum_fwhm": 3})
    wanted = replace(order, payload=bench.order({"observation_type": "IFU", "priority": 4}).payload)
    updated = bench.update(wanted)
    assert (updated.text, updated.facility_request_id) == ("Accepted Edit", "900123")
    old, new = bench.entries
    assert (old.state, new.state, new.requestid) == ("CANCELED", "PENDING", 900123)
    assert (new.sent["exptime"], new.sent["max_fwhm"], new.priority) == (120, 3, 4)
    assert updated.data["exptime"] == 120


def test_an_update_of_what_is_observed(bench: Bench) -> None:
    order = bench.booked()
    bench.entries[0].state = "ACTIVE"
    error = bench.fails(Rejected, lambda: bench.update(order))
    assert error.reason == "cannot edit: being observed or unknown to SEDM"
    assert not isinstance(error, Withdrawn)


def test_an_update_that_breaks_off_has_cancelled_the_old(bench: Bench) -> None:
    order = bench.booked()
    bench.server.refuse = "could not convert string to float: 'x'"
    error = bench.fails(Withdrawn, lambda: bench.update(order))
    assert error.reason.startswith("could not convert string to float: 'x' (SEDM had cancelled the old")
    bench.server.refuse = "Rejected Edit"
    assert not isinstance(bench.fails(Rejected, lambda: bench.update(order)), Withdrawn)


def test_an_update_without_an_answer(bench: Bench) -> None:
    order = bench.booked()
    bench.fail("cut")
    bench.fails(Unanswered, lambda: bench.update(order))


def test_cancel(bench: Bench) -> None:
    order = bench.booked()
    cancelled = FACILITY.cancel(order, bench.link)
    assert (cancelled.status, cancelled.text) == (Status.CANCELLED, "Accepted Deletion")
    assert bench.states == ["CANCELED"]
    assert '"status": "delete"' in bench.server.journal[-1]["body"]


def test_what_is_observed_cannot_be_deleted(bench: Bench) -> None:
    order = bench.booked()
    bench.entries[0].state = "ACTIVE"
    error = bench.fails(Rejected, lambda: FACILITY.cancel(order, bench.link))
    assert error.reason == "cannot delete: being observed or unknown to SEDM"
    assert isinstance(error, answers.Active)


def test_what_sedm_has_forgotten_is_cancelled_here_once_its_dates_are_over(bench: Bench) -> None:
    order = bench.booked()
    bench.entries.clear()
    bench.fails(Rejected, lambda: FACILITY.cancel(order, bench.link))
    late = replace(order, now=order.now + timedelta(days=9))
    cancelled = FACILITY.cancel(late, bench.link)
    assert cancelled.status is Status.CANCELLED
    assert "its dates are over, so it is cancelled here" in cancelled.text


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "cut"}, Unanswered),
        ({"kind": "status", "status": 502}, Unanswered),
        ({"kind": "status", "status": 429}, NotSent),
    ],
)
def test_a_cancellation_that_gets_no_answer(bench: Bench, fault: JSON, kind: type[FacilityError]) -> None:
    order = bench.booked()
    bench.fail(**fault)
    bench.fails(kind, lambda: FACILITY.cancel(order, bench.link))
