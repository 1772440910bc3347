"""The portal's client against a scripted server: what each answer means, and how states become statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from slew import portal_listing
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Cancellation, HttpLink, Order
from slew.observation_portal import SETTLING, Portal
from slew.status import Status
from tests.lco_orders import NOW, TOKEN, Script, link, order, scripted
from tests.portal_answers import GROUPS, HTML, PAGE, THROTTLED, group, observation

JSON = dict[str, Any]
LOST = "Invalid instrument type 1M0-SCICAM-SINISTRO. Valid instruments may include: "


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted() as running:
        yield running


@pytest.fixture
def http() -> HttpLink:
    return link(TOKEN).http


@pytest.fixture
def portal(script: Script, http: HttpLink) -> Portal:
    return Portal(script.url, SecretStr(TOKEN), http)


REFUSED = {"requests": [{"configurations": [{}, {"constraints": {"max_airmass": ["At most 25."]}}]}]}
MEANINGS: list[tuple[Any, type[FacilityError], str]] = [
    ((400, REFUSED), Rejected, "requests[0].configurations[1].constraints.max_airmass: At most 25."),
    ((400, {"non_field_errors": ["Out of\n range"]}), Rejected, "Out of range"),
    ((400, {"detail": "JSON parse error"}), Rejected, "JSON parse error"),
    (
        (400, {"requests": [{"configurations": ["You must specify at least 1 configuration"]}]}),
        Rejected,
        "requests[0].configurations: You must specify at least 1 configuration",
    ),
    ((403, {"detail": "Invalid token."}), Rejected, "facility refused the credentials (Invalid token.)"),
    ((415, {"detail": "Unsupported media type"}), Rejected, "Unsupported media type"),
    ((405, {"detail": 'Method "PUT" not allowed.'}), Rejected, 'Method "PUT" not allowed.'),
    ((301, b"", {"Location": "/api/requestgroups/"}), Rejected, "redirect (HTTP 301), which is not followed"),
    ((302, PAGE, {"Location": "/maintenance", **HTML}), Rejected, "redirect (HTTP 302)"),
    ((429, THROTTLED, {"Retry-After": "86400"}), NotSent, "throttled"),
    ((400, {"requests": [{"configurations": [{"instrument_type": [LOST]}]}]}), NotSent, "lost its list"),
    ((500, PAGE, HTML), Unanswered, "facility unavailable: HTTP 500"),
    ((502, PAGE, HTML), Unanswered, "facility unavailable: HTTP 502"),
    ((400, PAGE, HTML), Unanswered, "facility unavailable"),
    ((403, PAGE, HTML), Unanswered, "facility unavailable"),
    ((200, {"count": 0, "results": []}), Unanswered, "HTTP 200 where 201 was expected"),
    ((201, PAGE, HTML), Unanswered, "cannot be read"),
    ((201, {"id": "x", "state": "PENDING", "requests": [{"id": 1}]}), Unanswered, "cannot be read"),
    ((201, {"id": 1, "state": "PENDING"}), Unanswered, "cannot be read"),
    ((201, [1, 2]), Unanswered, "cannot be read"),
]


@pytest.mark.parametrize(
    ("answer", "error", "words"), MEANINGS, ids=[f"{each[0][:2]}"[:60] for each in MEANINGS]
)
def test_what_an_answer_to_a_submission_means(
    script: Script, portal: Portal, answer: Any, error: type[FacilityError], words: str
) -> None:
    script.answers[f"POST {GROUPS}"] = answer
    with pytest.raises(FacilityError) as caught:
        portal.submit(portal.submission({"name": "x"}))
    assert type(caught.value) is error
    assert words in caught.value.reason
    assert len(script.seen) == 1  # neither repeated nor redirected


def test_a_throttled_client_is_told_how_long(script: Script, portal: Portal) -> None:
    for answer, seconds in (((429, THROTTLED, {"Retry-After": "30"}), 30), ((429, THROTTLED), 86400)):
        script.answers[f"POST {GROUPS}"] = answer
        with pytest.raises(NotSent) as caught:
            portal.submit(portal.submission({}))
        assert caught.value.retry_after == seconds


def test_a_submission_keeps_both_kinds_of_ids(script: Script, portal: Portal) -> None:
    script.answers[f"POST {GROUPS}"] = (201, group())
    submission = portal.submit(portal.submission({}))
    assert submission.facility_request_id == "2512345"
    assert submission.data == {"request_ids": [4181234]}
    assert (submission.status, submission.text) == (Status.SUBMITTED, "PENDING")
    _, _, headers, _ = script.seen[0]
    assert headers["Authorization"] == f"Token {TOKEN}"
    assert headers["Accept"] == headers["Content-Type"] == "application/json"


def test_validate(script: Script, portal: Portal) -> None:
    path = f"POST {GROUPS}validate/"
    script.answers[path] = (200, {"request_durations": {"duration": 786}, "errors": {}})
    verdict = portal.validate(portal.submission({}))
    assert verdict.accepted
    assert verdict.details == {"request_durations": {"duration": 786}}
    script.answers[path] = (200, {"request_durations": {}, "errors": REFUSED})
    verdict = portal.validate(portal.submission({}))
    assert (verdict.accepted, verdict.reason) == (False, MEANINGS[0][2])
    lost = {
        "requests": [
            {"location": {"telescope_class": ["no"]}, "configurations": [{"instrument_type": [LOST]}]}
        ]
    }
    script.answers[path] = (200, {"request_durations": {}, "errors": lost})
    with pytest.raises(NotSent):
        portal.validate(portal.submission({}))
    unreadable: list[Any] = [(503, PAGE, HTML), (200, PAGE, HTML), (200, []), (200, {}), (429, THROTTLED)]
    for answer in unreadable:
        script.answers[path] = answer
        with pytest.raises(NoAnswer):
            portal.validate(portal.submission({}))
    script.answers[path] = (403, {"detail": "Invalid token."})
    with pytest.raises(Rejected, match="facility refused the credentials"):
        portal.validate(portal.submission({}))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("COMPLETED", Status.COMPLETE),
        ("WINDOW_EXPIRED", Status.EXPIRED),
        ("FAILURE_LIMIT_REACHED", Status.FAILED),
    ],
)
def test_what_has_ended_is_not_cancelled(script: Script, portal: Portal, state: str, status: Status) -> None:
    told = f"Cannot transition from request state {state} to CANCELED for 7"
    script.answers[f"POST {GROUPS}7/cancel/"] = (400, {"errors": [told]})
    cancellation = portal.cancel("7")
    assert (cancellation.status, cancellation.text, cancellation.reason) == (status, state, told)


def test_a_cancellation_is_the_groups_word_for_it(script: Script, portal: Portal) -> None:
    script.answers[f"POST {GROUPS}7/cancel/"] = (200, group("CANCELED", 7))
    assert portal.cancel("7") == Cancellation(Status.CANCELLED, "CANCELED")
    script.answers[f"POST {GROUPS}7/cancel/"] = (200, group("COMPLETED", 7))
    assert portal.cancel("7") == Cancellation(Status.COMPLETE, "COMPLETED")
    assert script.calls() == [f"POST {GROUPS}7/cancel/"] * 2


NO_PROOF: list[Any] = [
    (200, PAGE, HTML),
    (200, group("PENDING", 7)),
    (200, group("CANCELED", 8)),
    (200, {"state": "CANCELED"}),
    (200, ["CANCELED"]),
    (200, {}),
]


@pytest.mark.parametrize("answer", NO_PROOF, ids=repr)
def test_a_200_alone_is_no_cancellation(script: Script, portal: Portal, answer: Any) -> None:
    script.answers[f"POST {GROUPS}7/cancel/"] = answer
    for state, status in (("CANCELED", Status.CANCELLED), ("COMPLETED", Status.COMPLETE)):
        script.answers[f"GET {GROUPS}7/"] = (200, group(state, 7))
        assert portal.cancel("7") == Cancellation(status, state)
    assert script.calls()[-2:] == [f"POST {GROUPS}7/cancel/", f"GET {GROUPS}7/"]
    unreadable: list[Any] = [
        (503, PAGE, HTML),
        (200, PAGE, HTML),
        (200, group("CANCELED", 8)),
        (404, {"detail": "No RequestGroup matches the given query."}),
        (429, THROTTLED),
        (200, []),
    ]
    for unseen in unreadable:
        script.answers[f"GET {GROUPS}7/"] = unseen
        with pytest.raises(Unanswered):
            portal.cancel("7")
    script.answers[f"GET {GROUPS}7/"] = (200, group("PENDING", 7))
    # What the portal itself says of the group is an answer; what came from elsewhere settles nothing.
    told = answer[1] == group("PENDING", 7)
    with pytest.raises(Rejected if told else Unanswered, match="PENDING"):
        portal.cancel("7")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, {"detail": "No RequestGroup matches the given query."}), Rejected),
        ((403, {"detail": "Invalid token."}), Rejected),
        ((429, THROTTLED), NotSent),
        ((500, PAGE, HTML), Unanswered),
        ((400, {"errors": ["Something else"]}), Rejected),
        ((400, {"errors": ["Cannot transition from request state PENDING to CANCELED for 7"]}), Rejected),
    ],
)
def test_cancellations_that_fail(
    script: Script, portal: Portal, answer: Any, error: type[FacilityError]
) -> None:
    script.answers[f"POST {GROUPS}7/cancel/"] = answer
    with pytest.raises(error):
        portal.cancel("7")


def test_poll_asks_for_the_group_and_the_observations_of_its_requests(script: Script, portal: Portal) -> None:
    script.answers[f"GET {GROUPS}2512345/"] = (200, group())
    script.answers["GET /api/requests/4181234/observations/"] = (200, [observation("PENDING")])
    assert portal.poll(order(facility_request_id="2512345")).status is Status.IN_PROGRESS
    assert script.calls() == [f"GET {GROUPS}2512345/", "GET /api/requests/4181234/observations/"]


@pytest.mark.parametrize("status", [403, 404])
def test_what_cannot_be_seen_keeps_its_status(script: Script, portal: Portal, status: int) -> None:
    script.answers[f"GET {GROUPS}7/"] = (status, {"detail": "No RequestGroup matches the given query."})
    now = portal.poll(order(facility_request_id="7", facility_data={"request_ids": [1]}))
    assert now.status is None
    assert "No RequestGroup matches" in now.text
    assert now.data == {"request_ids": [1]}


@pytest.mark.parametrize(
    "answer", [(500, PAGE, HTML), (200, PAGE, HTML), (200, []), (200, {"id": 1}), (429, THROTTLED)]
)
def test_a_status_that_cannot_be_had(script: Script, portal: Portal, answer: Any) -> None:
    script.answers[f"GET {GROUPS}7/"] = answer
    with pytest.raises(NoAnswer):
        portal.poll(order(facility_request_id="7"))


def listed(*groups: JSON, next_page: bool = False) -> Any:
    return (
        200,
        {"count": len(groups), "next": "http://elsewhere/" if next_page else None, "results": [*groups]},
    )


def reconcilable(**changes: Any) -> Order[Any, Any]:
    return order(created_at=NOW - timedelta(hours=1), **changes)


def test_reconcile_asks_by_name_and_compares_our_id_exactly(script: Script, portal: Portal) -> None:
    ours = reconcilable()
    near = [group(note=f"{ours.request_id}0"), group(note=f"x {ours.request_id}"), group(), {"requests": []}]
    script.answers[f"GET {GROUPS}"] = [
        listed(*near, next_page=True),
        listed(group(group_id=9, note=f"{ours.request_id} and a note")),
    ]
    found = portal.reconcile(ours, "LCO2026B-001")
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "9"
    query = "name=ZTF26aaaaaaa&proposal=LCO2026B-001&created_after=2026-11-22T13%3A17%3A00Z&limit=20"
    assert script.calls() == [f"GET {GROUPS}?{query}&offset=0", f"GET {GROUPS}?{query}&offset=20"]


def test_absence_is_certain_only_after_a_while(script: Script, portal: Portal) -> None:
    script.answers[f"GET {GROUPS}"] = listed(group(note="another"))
    assert portal.reconcile(reconcilable(), "P") == Absent()
    assert portal.reconcile(order(created_at=NOW - SETTLING + timedelta(seconds=1)), "P") is None


def test_reconciling_an_update(script: Script, portal: Portal) -> None:
    ours = reconcilable(facility_request_id="7")
    old, new = group(group_id=7, note=ours.request_id), group(group_id=8, note=ours.request_id)
    script.answers[f"GET {GROUPS}"] = listed(new, old)
    found = portal.reconcile(ours, "P")
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "8"
    assert "name=" not in script.calls()[0]  # the update may have changed it
    # Not cancelled: the update never got as far as that, and the old one is what there is.
    script.answers[f"GET {GROUPS}"] = listed(old)
    found = portal.reconcile(ours, "P")
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "7"
    # Cancelled just now: the new one may still come.
    cancelled = {**old, "state": "CANCELED"}
    script.answers[f"GET {GROUPS}"] = listed(cancelled)
    assert portal.reconcile(ours, "P") is None
    later = NOW + SETTLING + timedelta(seconds=1)
    assert portal.reconcile(replace(ours, now=later), "P") == Absent()


def test_an_old_group_that_is_not_in_the_list_still_counts(script: Script, portal: Portal) -> None:
    ours = reconcilable(facility_request_id="7")
    script.answers[f"GET {GROUPS}"] = listed()
    script.answers[f"GET {GROUPS}7/"] = (200, group(group_id=7, note=ours.request_id))
    found = portal.reconcile(ours, "P")
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "7"
    script.answers[f"GET {GROUPS}7/"] = (200, group("CANCELED", 7, modified="2026-11-22T13:22:00.588626Z"))
    assert portal.reconcile(ours, "P") == Absent()
    unseen: list[Any] = [
        (404, {"detail": "No RequestGroup matches the given query."}),
        (503, PAGE, HTML),
        (200, []),
    ]
    for answer in unseen:
        script.answers[f"GET {GROUPS}7/"] = answer
        with pytest.raises(NoAnswer):
            portal.reconcile(ours, "P")


@pytest.mark.parametrize(
    "answer",
    [
        (500, PAGE, HTML),
        (403, {"detail": "Invalid token."}),
        (200, []),
        (200, {"results": None}),
        (200, PAGE, HTML),
    ],
)
def test_reconcile_without_an_answer_decides_nothing(script: Script, portal: Portal, answer: Any) -> None:
    script.answers[f"GET {GROUPS}"] = answer
    with pytest.raises(NoAnswer):
        portal.reconcile(reconcilable(), "P")


def test_more_pages_than_can_be_gone_through_are_left_to_a_person(script: Script, portal: Portal) -> None:
    script.answers[f"GET {GROUPS}"] = listed(group(note="another"), next_page=True)
    assert portal.reconcile(reconcilable(), "P") is None


def test_verify(script: Script, portal: Portal) -> None:
    profile = {
        "username": "observer1",
        "proposals": [{"id": "P", "current": True}, {"id": "OLD", "current": False}],
        "tokens": {"archive": "secret-archive", "api_token": TOKEN},
    }
    script.answers["GET /api/profile/"] = (200, profile)
    good, old, none = (portal.verify(proposal) for proposal in ("P", "OLD", "NONE"))
    assert (good.valid, old.valid, none.valid) == (True, True, False)
    assert "not current" in old.text
    assert "observer1 is not a member of proposal NONE" in none.text
    assert "secret-archive" not in repr((good, old, none))
    script.answers["GET /api/profile/"] = (403, {"detail": "Invalid token."})
    assert portal.verify("P").text == "facility refused the credentials (Invalid token.)"
    script.answers["GET /api/profile/"] = (401, {"detail": "Invalid token."})
    assert not portal.verify("P").valid
    # Redirects and unknown paths are of a wrong base URL; they say nothing of the token.
    unreadable: list[Any] = [
        (500, PAGE, HTML),
        (200, {}),
        (200, PAGE, HTML),
        (301, b"", {"Location": "https://elsewhere/api/profile/"}),
        (302, PAGE, {"Location": "/login", **HTML}),
        (404, {"detail": "Not found."}),
        (404, PAGE, HTML),
        (405, {"detail": 'Method "GET" not allowed.'}),
        (400, {"detail": "Bad request."}),
        (403, PAGE, HTML),
        (429, THROTTLED),
    ]
    for answer in unreadable:
        script.answers["GET /api/profile/"] = answer
        with pytest.raises(NoAnswer):
            portal.verify("P")


def test_the_end_of_a_semester(script: Script, portal: Portal) -> None:
    semester = {"id": "2026B", "start": "2026-08-01T00:00:00Z", "end": "2027-01-31T23:59:59Z"}
    script.answers["GET /api/semesters/"] = (200, {"results": [semester]})
    assert portal.semester_end(NOW) == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert script.calls() == ["GET /api/semesters/?semester_contains=2026-11-22"]
    assert portal.semester_end(NOW + timedelta(days=365)) is None
    unreadable: list[Any] = [
        (200, {"results": [{"start": "x", "end": 3}]}),
        (500, PAGE, HTML),
        (200, []),
        (200, PAGE, HTML),
    ]
    for answer in unreadable:
        script.answers["GET /api/semesters/"] = answer
        assert portal.semester_end(NOW) is None


def test_a_listing_is_asked_for_once_and_a_failure_soon_again(
    script: Script, http: HttpLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal_listing.forget()
    seconds = [1000.0]
    monkeypatch.setattr("slew.clock.timestamp", lambda: seconds[0])
    code = "1M0-X"
    kinds = {
        "modes": {"readout": {"modes": [{"code": "a"}]}},
        "optical_elements": {"filters": [{"code": "gp"}]},
    }
    script.answers["GET /api/instruments/"] = [(200, {}), (200, {code: kinds})]
    asked = []
    for at in (1000.0, 1059.0, 1061.0, 1900.0, 1962.0):
        seconds[0] = at
        offer = portal_listing.offer(script.url, code, http)
        asked.append((offer is not None, len(script.seen)))
    assert asked == [(False, 1), (False, 1), (True, 2), (True, 2), (True, 3)]
    assert offer == {"readout": frozenset({"a"}), "filter": frozenset({"gp"})}
    portal_listing.forget()
