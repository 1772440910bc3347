"""Triggers of unknown outcome at Gemini: found, certainly absent, or left to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gemini.trigger import GeminiOrder
from local.simulators.gemini.database import Observation
from slew.errors import FacilityError, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from tests.integration.gemini_bench import (
    BROWSER_FAULTS,
    FACILITY,
    FIRST,
    JSON,
    SECOND,
    Bench,
    benched,
)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench at which nothing is executed by itself."""
    with benched(monkeypatch) as bench:
        bench.server.config = replace(bench.server.config, ongoing_after_s=1e9, observed_after_s=1e9)
        yield bench


def unanswered(bench: Bench, order: GeminiOrder, *, made: bool = True) -> GeminiOrder:
    """An order whose trigger was cut off, after or before it had an effect."""
    if made:
        bench.fail("cut", path="/north/too", method="POST")
    else:
        bench.fail("status", status=502, path="/north/too", method="POST")
    with pytest.raises(Unanswered):
        bench.submit(order)
    return bench.unsettled(order)


def reconciled(bench: Bench, order: GeminiOrder, **later: float) -> Submission | Absent | None:
    bench.advance(**(later or {"minutes": 15}))
    return FACILITY.reconcile(replace(order, now=bench.server.clock.now()), bench.link)


def test_what_was_made_is_found(still: Bench) -> None:
    order = unanswered(still, still.order())
    found = reconciled(still, order, minutes=1)
    assert isinstance(found, Submission)
    assert (found.facility_request_id, found.left) == (FIRST, ())
    order = still.after(order, found)
    assert still.poll(order)[1].text == "Ready"


def test_what_was_not_made_is_absent_but_not_at_once(still: Bench) -> None:
    order = unanswered(still, still.order(), made=False)
    assert reconciled(still, order, minutes=9) is None
    assert isinstance(reconciled(still, order, minutes=1), Absent)
    assert isinstance(reconciled(still, order, hours=5), Absent)
    assert reconciled(still, order, hours=1) is None


def test_an_older_observation_of_the_target_is_not_taken_for_it(still: Bench) -> None:
    still.submitted()
    order = unanswered(still, still.order(request_id="another"), made=False)
    assert isinstance(reconciled(still, order), Absent)
    order = unanswered(still, still.order(request_id="a-third"))
    found = reconciled(still, order)
    assert isinstance(found, Submission)
    assert found.facility_request_id == SECOND


def test_another_requests_observation_is_not_taken_for_it(still: Bench) -> None:
    order = unanswered(still, still.order(), made=False)
    still.submitted(still.order(request_id="another"))
    assert isinstance(reconciled(still, order), Absent)


def test_two_of_unknown_outcome_do_not_share_an_observation(still: Bench) -> None:
    first = unanswered(still, still.order(), made=False)
    second = unanswered(still, still.order(request_id="another"))
    assert isinstance(reconciled(still, first), Submission)
    assert reconciled(still, second) is None


def test_two_alike_are_left_to_a_person(still: Bench) -> None:
    order = unanswered(still, still.order())
    still.server.sites["north"].programmes["GN-2026B-Q-110"].add(
        Observation(41, "ZTF26aaabcde", "GMOS-N", "Ready")
    )
    assert reconciled(still, order) is None
    assert still.learned == {f"made {FIRST}": "", f"made {SECOND}": ""}


@pytest.mark.parametrize(("title", "instrument"), [("ZTF26other", "GMOS-N"), ("ZTF26aaabcde", "GNIRS")])
def test_something_else_that_is_new_makes_unsure(still: Bench, title: str, instrument: str) -> None:
    order = unanswered(still, still.order(), made=False)
    programme = still.server.sites["north"].programmes["GN-2026B-Q-110"]
    programme.add(Observation(40, title, instrument, "On Hold"))
    assert reconciled(still, order) is None


def test_without_a_look_before_nobody_can_tell(still: Bench) -> None:
    still.fail("status", status=500, path="/north/odbbrowser")
    order = unanswered(still, still.order())
    assert order.facility_data["asking"]["before"] is None
    assert reconciled(still, order) is None


def test_a_list_that_lacks_what_it_had_proves_nothing(still: Bench) -> None:
    order = unanswered(still, still.order(), made=False)
    still.remove("GN-2026B-Q-110-20")
    assert reconciled(still, order) is None
    still.server.sites["north"].programmes.clear()
    assert reconciled(still, order) is None


def test_nothing_known_is_nothing_decided(still: Bench) -> None:
    assert FACILITY.reconcile(replace(still.order(), status=Status.UNKNOWN), still.link) is None


def test_what_follows_the_lost_one_is_named(still: Bench) -> None:
    order = unanswered(still, still.order("21,22"))
    found = reconciled(still, order)
    assert isinstance(found, Submission)
    assert (found.facility_request_id, found.left) == (FIRST, ("22",))
    again = still.submit(still.after(order, found))
    assert [each["obsnum"] for each in still.triggers()] == ["21", "22"]
    assert (again.left, len(still.clones())) == ((), 2)


@pytest.mark.parametrize("made", [True, False])
def test_a_template_lost_after_another_was_taken(still: Bench, made: bool) -> None:
    order = still.submitted(still.order("21,99"))
    template = Observation(99, "ToO late", "GMOS-N", "On Hold")
    still.server.sites["north"].programmes["GN-2026B-Q-110"].observations[99] = template
    order = unanswered(still, order, made=made)
    found = reconciled(still, order)
    assert isinstance(found, Submission)
    if made:
        assert (found.facility_request_id, found.left) == (f"{FIRST},{SECOND}", ())
    else:
        assert (found.facility_request_id, found.left) == (FIRST, ("99",))


def test_a_crash_between_two_triggers_leaves_nothing_in_doubt(still: Bench) -> None:
    order = still.order("21,22")

    class Crash(Exception):
        """The end of the invocation."""

    def keep(data: Any) -> None:
        if data["asking"] and data["asking"]["template"] == "22":
            raise Crash
        still.kept.update(data)

    link = replace(still.link, keep=keep)
    prepared = FACILITY.prepare(order, link)
    with pytest.raises(Crash):
        FACILITY.submit(order, prepared, link)
    found = FACILITY.reconcile(still.unsettled(order), still.link)
    assert isinstance(found, Submission)
    assert (found.facility_request_id, found.left) == (FIRST, ("22",))
    assert len(still.triggers()) == 1


@pytest.mark.parametrize("fault", BROWSER_FAULTS)
def test_a_look_that_fails_decides_nothing(still: Bench, fault: JSON) -> None:
    order = unanswered(still, still.order())
    still.fail(**fault, path="/north/odbbrowser")
    with pytest.raises(FacilityError):
        reconciled(still, order)
    assert isinstance(reconciled(still, order), Submission)
