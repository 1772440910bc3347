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
from slew.facility import Absent, HttpLink, Order, Progress
from slew.observation_portal import SETTLING, Portal
from slew.portal_progress import progress
from slew.science_archive import Archive, Wanted, with_frames
from slew.status import Status
from tests.lco_orders import NOW, TOKEN, Script, link, order, scripted

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
PAGE = b"<html><body><h1>Scheduled maintenance</h1></body></html>"
HTML = {"Content-Type": "text/html"}
THROTTLED = {"detail": "Request was throttled. Expected available in 86400 seconds."}
LOST = "Invalid instrument type 1M0-SCICAM-SINISTRO. Valid instruments may include: "


def group(state: str = "PENDING", group_id: int = 2512345, note: str = "", **more: Any) -> JSON:
    child = {"id": 4181234, "state": state, "observation_note": note, "configurations": []}
    return {
        "id": group_id,
        "state": state,
        "modified": "2026-11-22T14:22:00.588626Z",
        "requests": [child],
        **more,
    }


def observation(state: str, reason: str = "", n: int = 1) -> JSON:
    summary: JSON = {"reason": reason, "state": state} if reason else {}
    return {
        "id": 812345678 + n,
        "site": "lsc",
        "enclosure": "doma",
        "telescope": "1m0a",
        "start": f"2026-11-23T0{n}:10:00Z",
        "end": f"2026-11-23T0{n}:17:19Z",
        "state": state,
        "configuration_statuses": [{"summary": None}, {"summary": summary}],
    }


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
    for answer in ((503, PAGE, HTML), (200, PAGE, HTML), (200, []), (200, {}), (429, THROTTLED)):
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


def test_a_cancellation_asks_for_the_true_state(script: Script, portal: Portal) -> None:
    script.answers[f"POST {GROUPS}7/cancel/"] = (200, group("CANCELED"))
    assert portal.cancel("7").status is Status.CANCELLED  # the second look failed
    script.answers[f"GET {GROUPS}7/"] = (200, group("COMPLETED"))
    cancellation = portal.cancel("7")
    assert (cancellation.status, cancellation.text) == (Status.COMPLETE, "COMPLETED")
    assert script.calls()[-2:] == [f"POST {GROUPS}7/cancel/", f"GET {GROUPS}7/"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, {"detail": "No RequestGroup matches the given query."}), Rejected),
        ((403, {"detail": "Invalid token."}), Rejected),
        ((429, THROTTLED), NotSent),
        ((500, PAGE, HTML), Unanswered),
        ((400, {"errors": ["Something else"]}), Rejected),
    ],
)
def test_cancellations_that_fail(
    script: Script, portal: Portal, answer: Any, error: type[FacilityError]
) -> None:
    script.answers[f"POST {GROUPS}7/cancel/"] = answer
    with pytest.raises(error):
        portal.cancel("7")


def told(state: str, observations: list[JSON], **changes: Any) -> Progress:
    payload = {"observation_choices": ["gp"], **changes.pop("payload", {})}
    return progress(
        group(state), observations, order(payload=payload, facility_request_id="2512345", **changes)
    )


@pytest.mark.parametrize(
    ("state", "observations", "status", "words"),
    [
        ("PENDING", [], Status.SUBMITTED, "PENDING"),
        ("PENDING", [observation("CANCELED")], Status.SUBMITTED, "PENDING"),
        (
            "PENDING",
            [observation("FAILED", "Telescope: weather"), observation("ABORTED", "Stopped", 2)],
            Status.SUBMITTED,
            "PENDING; 2 failed attempts, the last: Stopped",
        ),
        (
            "PENDING",
            [observation("NOT_ATTEMPTED")],
            Status.SUBMITTED,
            "1 failed attempt, the last: NOT_ATTEMPTED",
        ),
        (
            "PENDING",
            [observation("FAILED", "weather"), observation("PENDING", n=2)],
            Status.IN_PROGRESS,
            "scheduled at lsc.doma.1m0a, 2026-11-23T02:10:00Z to 2026-11-23T02:17:19Z",
        ),
        ("PENDING", [observation("IN_PROGRESS")], Status.IN_PROGRESS, "in progress at lsc"),
        (
            "PENDING",
            [observation("PENDING", n=2), observation("IN_PROGRESS")],
            Status.IN_PROGRESS,
            "in progress at lsc.doma.1m0a, 2026-11-23T01",
        ),
        ("PENDING", [observation("COMPLETED")], Status.IN_PROGRESS, "observed at"),
        ("COMPLETED", [observation("COMPLETED")], Status.COMPLETE, "COMPLETED"),
        ("WINDOW_EXPIRED", [], Status.EXPIRED, "WINDOW_EXPIRED"),
        ("CANCELED", [observation("CANCELED")], Status.CANCELLED, "CANCELED"),
        ("FAILURE_LIMIT_REACHED", [observation("FAILED", "clouds")], Status.FAILED, "FAILURE_LIMIT_REACHED"),
        ("SUSPENDED", [], None, "SUSPENDED"),
    ],
)
def test_states(state: str, observations: list[JSON], status: Status | None, words: str) -> None:
    now = told(state, observations)
    assert now.status is status
    assert words in now.text
    assert now.next_poll_s is not None
    assert now.data["request_ids"] == [4181234]


def test_failures_are_counted_and_explained() -> None:
    failed = told(
        "FAILURE_LIMIT_REACHED", [observation("FAILED", "clouds"), observation("BAD_DATA", "trailed", 2)]
    )
    assert failed.data["failed_attempts"] == 2
    assert failed.reason == "trailed"


def test_a_rapid_response_is_asked_for_more_often() -> None:
    assert told("PENDING", [], payload={"observation_mode": "RAPID_RESPONSE"}).next_poll_s == 180
    assert told("PENDING", []).next_poll_s == 600


def test_an_end_is_looked_at_once_more_an_hour_later() -> None:
    first = told("WINDOW_EXPIRED", [])
    assert first.next_poll_s == 3600
    half = told("WINDOW_EXPIRED", [], facility_data=first.data, now=NOW + timedelta(minutes=30))
    assert half.next_poll_s == 1800
    assert (
        told("WINDOW_EXPIRED", [], facility_data=first.data, now=NOW + timedelta(hours=1)).next_poll_s is None
    )
    # Taken back: the hour of a later end is its own.
    late = NOW + timedelta(hours=5)
    back = told("PENDING", [], facility_data=first.data, now=late)
    assert (back.status, back.data["ended"]) == (Status.SUBMITTED, None)
    assert told("WINDOW_EXPIRED", [], facility_data=back.data, now=late).next_poll_s == 3600
    assert told("COMPLETED", [], facility_data=first.data, now=late).next_poll_s == 3600


def test_what_runs_on_after_a_cancellation_is_followed_for_an_hour() -> None:
    first = told("CANCELED", [observation("IN_PROGRESS")])
    assert first.next_poll_s == 600
    assert "in progress" in first.text
    over = told(
        "CANCELED", [observation("IN_PROGRESS")], facility_data=first.data, now=NOW + timedelta(hours=1)
    )
    assert over.next_poll_s is None


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
    # Not cancelled: the update never got as far as that, and the old one is what there is.
    script.answers[f"GET {GROUPS}"] = listed(old)
    found = portal.reconcile(ours, "P")
    assert not isinstance(found, Absent | None)
    assert found.facility_request_id == "7"
    # Cancelled just now: the new one may still come.
    cancelled = {**old, "state": "CANCELED"}
    script.answers[f"GET {GROUPS}"] = listed(cancelled)
    assert portal.reconcile(ours, "P") is None
    assert portal.reconcile(replace(ours, now=NOW + SETTLING), "P") == Absent()


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
    for answer in ((500, PAGE, HTML), (200, {}), (200, PAGE, HTML)):
        script.answers["GET /api/profile/"] = answer
        with pytest.raises(NoAnswer):
            portal.verify("P")


def test_the_end_of_a_semester(script: Script, portal: Portal) -> None:
    semester = {"id": "2026B", "start": "2026-08-01T00:00:00Z", "end": "2027-01-31T23:59:59Z"}
    script.answers["GET /api/semesters/"] = (200, {"results": [semester]})
    assert portal.semester_end(NOW) == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert script.calls() == ["GET /api/semesters/?semester_contains=2026-11-22"]
    assert portal.semester_end(NOW + timedelta(days=365)) is None
    for answer in (
        (200, {"results": [{"start": "x", "end": 3}]}),
        (500, PAGE, HTML),
        (200, []),
        (200, PAGE, HTML),
    ):
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
    assert offer == {"readout": {"a"}, "filter": {"gp"}}
    portal_listing.forget()


FRAME = {
    "id": 91234567,
    "basename": "lsc1m005-fa15-20261122-0123-e91",
    "filename": "lsc1m005-fa15-20261122-0123-e91.fits.fz",
    "observation_date": "2026-11-23T02:10:42.123000Z",
    "reduction_level": 91,
    "exposure_time": 300.0,
    "primary_optical_element": "gp",
    "request_id": 4181234,
    "version_set": [
        {"md5": "9e107d9d372bb6826bd81d3542a419d6", "url": "https://store/?X-Amz-Signature=0123"}
    ],
    "url": "https://store/?X-Amz-Signature=0123",
}
WANTED = Wanted((91,), "EXPOSE", count=2)


def frames(*found: JSON, next_page: bool = False) -> Any:
    return (200, {"next": "http://elsewhere/" if next_page else None, "results": [*found]})


def complete(
    script: Script, http: HttpLink, after: timedelta = timedelta(0), wanted: Wanted = WANTED
) -> Progress:
    ended = told("COMPLETED", [observation("COMPLETED")])
    later = told("COMPLETED", [], facility_data=ended.data, now=NOW + after)
    return with_frames(later, Archive(script.url, SecretStr("archive-token"), http), wanted, NOW + after)


def test_frames_are_listed_page_by_page_without_presigned_links(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = [frames(FRAME, next_page=True), frames({**FRAME, "id": 2})]
    done = complete(script, http)
    assert done.status is Status.COMPLETE
    assert done.products is not None
    assert done.products[0] == {
        "frame_id": 91234567,
        "filename": "lsc1m005-fa15-20261122-0123-e91.fits.fz",
        "filter": "gp",
        "date": "2026-11-23T02:10:42.123000Z",
        "exposure_time": 300.0,
        "reduction_level": 91,
        "md5": "9e107d9d372bb6826bd81d3542a419d6",
        "request_id": 4181234,
        "frame_url": f"{script.url}/frames/91234567/",
    }
    assert [each["frame_id"] for each in done.products] == [91234567, 2]
    assert "X-Amz" not in repr(done)
    query = "request_id=4181234&reduction_level=91&configuration_type=EXPOSE&include_related_frames=false&limit=1000"
    assert script.calls() == [f"GET /frames/?{query}&offset=0", f"GET /frames/?{query}&offset=1"]
    assert {headers["Authorization"] for _, _, headers, _ in script.seen} == {"Token archive-token"}
    assert done.next_poll_s == 3600  # all there: only the last look is left


def test_an_empty_list_is_not_yet_for_a_day_and_then_the_raw_frames(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames()
    soon = complete(script, http)
    assert (soon.status, soon.products, soon.next_poll_s) == (Status.COMPLETE, None, 1800)
    assert complete(script, http, timedelta(hours=20)).next_poll_s == 1800
    script.answers["GET /frames/"] = [frames(), frames({**FRAME, "reduction_level": 0})]
    over = complete(script, http, timedelta(hours=24))
    assert over.products is not None
    assert over.products[0]["reduction_level"] == 0
    assert over.next_poll_s is None


def test_it_is_looked_again_until_all_expected_frames_are_there(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    assert complete(script, http, timedelta(hours=2)).next_poll_s == 1800
    assert complete(script, http, timedelta(hours=2), replace(WANTED, count=1)).next_poll_s is None
    assert complete(script, http, timedelta(hours=25)).next_poll_s is None


def test_each_level_is_asked_for(script: Script, http: HttpLink) -> None:
    script.answers["GET /frames/"] = frames(FRAME)
    complete(script, http, wanted=Wanted((90, 91), "SPECTRUM", 1))
    assert ["reduction_level=90" in call for call in script.calls()] == [True, False]
    assert all("configuration_type=SPECTRUM" in call for call in script.calls())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"detail": "Invalid token."}), "the archive refused the credentials (Invalid token.)"),
        ((429, {"detail": "throttled"}, {"Retry-After": "77"}), "throttled"),
        ((503, PAGE, HTML), "HTTP 503"),
        ((200, PAGE, HTML), "not JSON"),
        ((200, []), "cannot be read"),
    ],
)
def test_an_archive_that_fails_does_not_take_the_completion_away(
    script: Script, http: HttpLink, answer: Any, words: str
) -> None:
    script.answers["GET /frames/"] = answer
    done = complete(script, http)
    assert done.status is Status.COMPLETE
    assert words in done.text
    assert done.products is None
    assert done.next_poll_s == (77 if answer[0] == 429 else 1800)
