"""Liverpool Telescope against its simulator: no answer, reconcile, and the inquiry that changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.simulators.lt import LtServer
from lt import agent
from lt.document import LtOrder
from slew.errors import FacilityError, Failed, NoAnswer, NotSent, Unanswered
from slew.facility import Absent, Prepared, Submission
from slew.wire import HttpRequest
from tests.integration.lt_bench import HTML, Bench, nobody_there, simulator, usual
from tests.lt_orders import FACILITY, REQUEST_ID, argument
from tests.support.waiting import LONG_S

JSON = dict[str, Any]
PEER: list[JSON] = json.loads((Path(__file__).parents[1] / "data" / "peer" / "lt.json").read_text())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LtServer]:
    with simulator(monkeypatch) as running:
        yield running


@pytest.fixture
def bench(server: LtServer) -> Iterator[Bench]:
    with usual(server) as bench:
        yield bench


# -- what is no answer


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"kind": "status", "status": 404, "body": HTML}, NotSent, "LT unreachable: HTTP 404"),
        ({"kind": "status", "status": 429, "body": "slow down"}, NotSent, "LT unreachable: HTTP 429"),
        ({"kind": "status", "status": 502, "body": HTML}, Unanswered, "LT unreachable: HTTP 502"),
        ({"kind": "status", "status": 503, "body": HTML}, Unanswered, "LT unreachable: HTTP 503"),
        ({"kind": "status", "status": 200, "body": HTML}, Unanswered, "cannot be read"),
        ({"kind": "status", "status": 200, "body": "nonsense"}, Unanswered, "cannot be read"),
        ({"kind": "status", "status": 302, "headers": {"Location": "/x"}}, Failed, "is the address right"),
        ({"kind": "status", "status": 403, "body": HTML}, Failed, "is the address right"),
        ({"kind": "refuse"}, Unanswered, "no answer"),
        ({"kind": "cut"}, Unanswered, "no answer"),
        ({"kind": "reset"}, Unanswered, "no answer"),
    ],
)
def test_a_submission_without_an_answer(
    bench: Bench, fault: JSON, error: type[FacilityError], words: str
) -> None:
    bench.fail(**fault)
    with pytest.raises(error, match=words):
        bench.submit(bench.order())


def test_a_slow_answer_is_waited_for_no_longer_than_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "SEND_TIMEOUT_S", 0.05)
    bench.fail("hang", seconds=LONG_S)
    with pytest.raises(Unanswered, match="timed out"):
        bench.submit(bench.order())


def test_a_server_that_is_down_was_not_sent_to(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody_there(monkeypatch), pytest.raises(NotSent, match="could not reach"):
        bench.submit(bench.order())


def test_a_telescope_that_is_not_connected_gets_it_later(bench: Bench) -> None:
    bench.configure(connected=False)
    with pytest.raises(NotSent, match="isteaconnected = false, not sending rtml onwards"):
        bench.submit(bench.order())
    order = replace(bench.order(), facility_request_id="u-1-2")
    with pytest.raises(NoAnswer, match="isteaconnected"):
        FACILITY.poll(order, bench.link)
    with pytest.raises(NotSent, match="isteaconnected"):
        FACILITY.cancel(order, bench.link)


def test_an_empty_answer(bench: Bench) -> None:
    bench.configure(odd_reply="empty")
    with pytest.raises(Unanswered, match="empty"):
        bench.submit(bench.order())


def test_a_server_error_says_nothing_of_the_request(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    broken = Prepared((replace(prepared.http(), body=b"<x>"),))
    with pytest.raises(Unanswered, match=r"^LT server error: Couldn't create SOAP message"):
        FACILITY.submit(order, broken, bench.link)


def test_an_odd_mode_is_left_to_a_person(bench: Bench) -> None:
    bench.configure(odd_reply="mode:offer")
    with pytest.raises(Failed) as caught:
        bench.submit(bench.order())
    assert (caught.value.reason, caught.value.unconfirmed) == ("unexpected reply mode offer", True)


# -- reconcile


def unanswered(bench: Bench, order: LtOrder, kind: str) -> LtOrder:
    """An order whose submission had no answer, with what was kept of it."""
    kept: dict[str, Any] = {}
    link = replace(bench.link, keep=kept.update)
    bench.fail(kind)
    with pytest.raises(Unanswered):
        FACILITY.submit(order, FACILITY.prepare(order, link), link)
    return replace(order, facility_data=kept)


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_document_taken_behind_a_cut_line_is_found(bench: Bench, kind: str) -> None:
    order = unanswered(bench, bench.order(), kind)
    found = FACILITY.reconcile(order, bench.link)
    assert isinstance(found, Submission)
    assert [found.facility_request_id] == bench.uids()
    assert found.data["window_end"] == order.facility_data["window_end"]
    assert bench.modes() == ["request", "update"]


def test_a_document_that_never_came_is_absent(bench: Bench) -> None:
    order = unanswered(bench, bench.order(), "refuse")
    assert FACILITY.reconcile(order, bench.link) == Absent()
    submission = bench.submit(order)  # again, under the uid that was written down
    assert submission.facility_request_id == order.facility_data["uid"]


@pytest.mark.parametrize(
    "settings",
    [
        {"status_service": False},
        {"unknown_text": "java.lang.NullPointerException"},
        {"unknown_text": "the database is busy"},
        {"odd_reply": "no_reason"},
        {"odd_reply": "rejection_only"},
    ],
)
def test_a_refusal_that_may_mean_anything_decides_nothing(bench: Bench, settings: JSON) -> None:
    order = unanswered(bench, bench.order(), "refuse")
    bench.configure(**settings)
    assert FACILITY.reconcile(order, bench.link) is None


def test_an_unknown_proposal_is_not_an_absent_group(bench: Bench) -> None:
    order = unanswered(bench, bench.order(), "refuse")
    bench.server.proposals.clear()
    assert FACILITY.reconcile(order, bench.link) is None


def test_nothing_is_asked_without_a_uid(bench: Bench) -> None:
    assert FACILITY.reconcile(bench.order(), bench.link) is None
    assert bench.server.journal == []


def test_reconciling_while_the_lt_is_down(bench: Bench) -> None:
    order = unanswered(bench, bench.order(), "cut")
    bench.fail("refuse")
    with pytest.raises(NoAnswer):
        FACILITY.reconcile(order, bench.link)


# -- validate


def test_an_inquiry_stores_nothing(bench: Bench) -> None:
    order = bench.order("sprat", target={"ra": 60.0, "dec": 20.0})
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert verdict.accepted
    assert 0 < verdict.details["score"] <= verdict.details["best_probability"] <= 1
    assert verdict.details["said"].startswith("Scored document and returned valid score")
    assert (bench.groups(), bench.modes()) == ([], ["inquiry"])
    assert REQUEST_ID in argument(bench.server.journal[0]["body"].encode())


def test_what_is_never_up_in_its_window(bench: Bench) -> None:
    day = {"start_date": "2026-11-23T09:00:00", "end_date": "2026-11-23T15:00:00"}
    order = bench.order("sprat", day)
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.reason) == (False, "never observable in the window")


def test_a_window_of_no_length(bench: Bench) -> None:
    order = bench.order("sprat", {"start_date": "2026-11-23", "end_date": "2026-11-23"})
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.reason) == (False, "Start/end time are reversed or same")


def test_an_inquiry_that_is_refused(bench: Bench) -> None:
    bench.configure(odd_reply="no_error")
    order = bench.order()
    verdict = FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.reason) == (False, "Nothing doing.")


@pytest.mark.parametrize("odd", ["mode:confirm", "empty"])
def test_an_inquiry_without_an_offer(bench: Bench, odd: str) -> None:
    bench.configure(odd_reply=odd)
    order = bench.order()
    with pytest.raises(NoAnswer):
        FACILITY.validate(order, FACILITY.prepare(order, bench.link), bench.link)


def test_the_allocations_own_host(server: LtServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of a user is reached only where the deployment allows it."""
    monkeypatch.setenv("SLEW_LT_URL", "http://127.0.0.1:1")
    port = int(server.url.rpartition(":")[2])
    bench = Bench(server, host="127.0.0.1", port=port)
    with pytest.raises(Failed, match="must be https"):
        bench.submit(bench.order())
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", f"127.0.0.1:{port}")
    assert bench.submit(bench.order()).text == "Request confirmed."


def test_a_dry_run_shows_the_request_that_is_sent(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    FACILITY.submit(order, prepared, bench.link)
    [entry] = bench.server.journal
    assert isinstance(prepared.exchanges[0], HttpRequest)
    assert entry["body"].encode() == prepared.http().body
