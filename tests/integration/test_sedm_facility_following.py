"""SEDM at Palomar after the booking: its data pages, and the end of a request's dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sedm import following
from slew.errors import MethodNotAllowed, NoAnswer
from slew.facility import Progress
from slew.status import Status
from tests.integration.sedm_bench import PAGE, AnyOrder, Bench, bench
from tests.sedm_orders import ALTDATA, FACILITY, JSON, TOKEN

__all__ = ["bench"]


def poll(bench: Bench, order: AnyOrder) -> Progress:
    link = replace(bench.link, shared={})  # a tick of its own
    progress = FACILITY.poll(replace(order, now=bench.server.clock.now()), link)
    bench.shown.append(progress)
    return progress


def test_files_of_the_target_are_found_and_fetched(bench: Bench) -> None:
    order = bench.booked({"observation_type": "3-shot+IFU"})
    others = bench.order({"observation_type": "3-shot (gri)"}, target={"name": "ZTF26other"}, number=900124)
    bench.submit(others)
    assert poll(bench, order).products == ()
    bench.server.clock.advance(4 * 3600)
    bench.server.drive()
    found = poll(bench, order)
    assert found.status is None, "a file is no word on the status"
    products = {each["kind"]: each for each in found.products or ()}
    assert len(found.products or ()) == 4
    assert all("ZTF26aaabcde" in each["name"] for each in found.products or ())
    request = FACILITY.download(order, products["spectrum"], bench.link)
    content = bench.http.read(request).text
    assert content.startswith("# EXPTIME: 1800.0\n# OBJECT: ZTF26aaabcde")
    again = poll(bench, replace(order, facility_data={**order.facility_data, **found.data}))
    assert again.products == found.products


def test_the_end_is_expired_or_complete_by_what_is_there(bench: Bench) -> None:
    order = bench.booked()
    end = following.window(order)[1] - order.now
    bench.server.clock.advance((end + timedelta(hours=12)).total_seconds())
    bench.server.archive.clear()
    assert poll(bench, order).status is None, "the last night is still being reduced"
    bench.server.clock.advance(86400)
    bench.server.archive.clear()
    over = poll(bench, order)
    assert (over.status, over.data["expired_here"]) == (Status.EXPIRED, True)
    pushed = {"products": {"spec.txt": {"kind": "spectrum"}}}
    with_data = poll(bench, replace(order, facility_data={**order.facility_data, **pushed}))
    assert with_data.status is Status.COMPLETE
    assert "1 files of the target" in with_data.text


def test_an_ended_request_is_only_looked_at_for_its_files(bench: Bench) -> None:
    order = bench.booked()
    bench.server.clock.advance(30 * 86400)
    ended = {"ended_at": "2026-11-22T18:00:00.000Z"}
    done = replace(order, status=Status.COMPLETE, facility_data={**order.facility_data, **ended})
    progress = poll(bench, done)
    assert (progress.status, progress.next_poll_s) == (None, None)


def test_without_a_web_account_nothing_is_asked(bench: Bench) -> None:
    order = bench.booked(altdata={"listener_token": TOKEN})
    seen = len(bench.server.journal)
    progress = poll(bench, order)
    assert (progress.status, progress.products) == (None, None)
    assert (progress.next_poll_s or 0) > 7 * 86400
    assert len(bench.server.journal) == seen


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 200, "body": PAGE},
        {"kind": "status", "status": 500, "body": "{}", "content_type": "application/json"},
        {"kind": "status", "status": 200, "body": "[]", "content_type": "application/json"},
        {"kind": "status", "status": 200, "body": "{}", "content_type": "application/json"},
        {"kind": "cut"},
    ],
)
def test_data_pages_that_answer_nonsense(bench: Bench, fault: JSON) -> None:
    order = bench.booked()
    bench.fail(**{**fault, "path": "/get_user_observations"})
    bench.fails(NoAnswer, lambda: poll(bench, order))
    bench.server.clock.advance(10 * 86400)
    bench.server.archive.clear()
    bench.fail(**{**fault, "path": "/get_user_observations", "times": 20})
    assert poll(bench, order).status is Status.EXPIRED, "the end comes without the data pages, too"


def test_a_wrong_password_of_the_web_account(bench: Bench) -> None:
    order = bench.booked(altdata={**ALTDATA, "password": "wrong-password"})
    error = bench.fails(NoAnswer, lambda: FACILITY.poll(order, bench.link))
    assert error.reason == "User name and password do not match"
    assert not FACILITY.verify(order.altdata, bench.link).valid


def test_verify(bench: Bench) -> None:
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert (found.valid, found.details) == (True, {"username": "observer1"})
    with pytest.raises(MethodNotAllowed, match="without credentials"):
        FACILITY.verify(bench.order(altdata={"listener_token": TOKEN}).altdata, bench.link)
    bench.fail("status", status=200, body=PAGE)
    bench.link.shared.clear()
    bench.fails(NoAnswer, lambda: FACILITY.verify(bench.order().altdata, bench.link))
