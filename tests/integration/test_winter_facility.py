"""Triggering WINTER at its simulator, over real HTTP, and all that can go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from local.simulators.winter import KEY, TIGHT_KEY, TIGHT_PROGRAMME
from slew.errors import FacilityError, Failed, Invalid, NotSent, Rejected, Unanswered
from slew.status import Status
from tests.integration.winter_bench import FACILITY, HTML, JSON, Bench, benched
from tests.support.waiting import LONG_S, until
from winter import pacing


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with benched(monkeypatch) as bench:
        yield bench


@pytest.mark.parametrize(("camera", "seconds", "dithers"), [("winter", 960, 8), ("spring", 900, 30)])
def test_a_trigger_is_saved_under_a_name(bench: Bench, camera: str, seconds: int, dithers: int) -> None:
    submission = bench.submit(bench.order(camera))
    assert bench.schedules() == [submission.facility_request_id] == ["request_2026B001_2026_11_30_21_00_00"]
    [row] = bench.server.store.schedules[bench.schedules()[0]].rows
    assert (row["camera"], row["visitExpTime"], row["ditherNumber"]) == (camera, seconds, dithers)
    assert (row["targName"], row["filter"], row["progName"]) == ("ZTF26aaabcde", "J", "2026B001")
    assert submission.status is Status.SUBMITTED
    assert submission.data["rows"] == {"J": 1}
    [call] = bench.calls("POST")
    assert call["path"] == f"/too/{camera}"
    assert call["query"] == f"program_name=2026B001&program_api_key={KEY}&submit_trigger=True"


def test_several_filters_are_one_schedule(bench: Bench) -> None:
    submission = bench.submit(bench.order(filters=["Y", "J", "Hs"], n_repetitions=2))
    [schedule] = bench.server.store.schedules.values()
    assert [row["filter"] for row in schedule.rows] == ["Y", "Y", "J", "J", "Hs", "Hs"]
    assert submission.data["rows"] == {"Y": 2, "J": 2, "Hs": 2}
    assert len(bench.calls("POST")) == 1


def test_a_field_of_the_grid(bench: Bench) -> None:
    bench.submit(bench.order(field_id=3944))
    [schedule] = bench.server.store.schedules.values()
    assert schedule.rows[0]["fieldID"] == 3944


@pytest.mark.parametrize(
    ("altdata", "reason"),
    [
        ({"password": "wrong-pw"}, "credentials: Incorrect email or password"),
        ({"program_api_key": "wrong-key"}, "credentials: Program credentials not found in database"),
    ],
)
def test_wrong_credentials_are_told_in_the_services_words(bench: Bench, altdata: JSON, reason: str) -> None:
    bench.use(**altdata)
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason.endswith(reason.removeprefix("credentials: "))
    assert not set(altdata.values()) & set(repr(bench.http.exchanges).split("'"))
    assert bench.schedules() == []


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"filters": ["V"]}, "[0].filters[0]: Input should be 'dark', 'Y', 'J' or 'Hs'"),
        ({"t_exp": 960}, "[0].t_exp: Extra inputs are not permitted"),
        ({"target_name": "x" * 31}, "[0].target_name: String should have at most 30 characters"),
        ({"max_airmass": 6}, "[0].max_airmass: Input should be less than or equal to 5"),
        (
            {"total_exposure_time": 4800},
            "t_exp (4800.0) is too long for n dithers. Max exposure time per dither",
        ),
        ({"total_exposure_time": 1}, "t_exp (1.0) is too short for n dithers. Min exposure time per dither"),
        ({"use_field_grid": True}, "Cannot use both use_best_detector and use_field_grid"),
        ({"dec_deg": -60}, "The following target is not visible on requested date 2026-12-01T05:00:00.000"),
        ({"target_priority": 101}, "Target priority (101.0 exceeds maximum allowed value of 100.0."),
        ({"end_time_mjd": 61000.0}, "end_time_mjd (61000.0) not greater than start_time_mjd"),
        (
            {"start_time_mjd": 60000.0, "end_time_mjd": 61000.0},
            "End date (2025-11-21T00:00:00.000) is in the past",
        ),
        ({"start_time_mjd": 40000.0}, "Start time '1968-05-24T00:00:00.000' is before program start date"),
        ({"end_time_mjd": 140000.0}, "Stop time '2026-12-01T05:00:00.000' is after program end date"),
        (
            {"n_repetitions": 200},
            "Sum of time used (0.0h) plus request duration (60.0h including overhead of 12%)",
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 500])
def test_each_refusal_of_the_service_is_readable(
    bench: Bench, spoilt: JSON, reason: str, status: int
) -> None:
    """Our own checks leave none of these: the body is spoilt behind them. Their HTTP status is not known."""
    bench.configure(check_status=status)
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    request = prepared.http()
    [target] = json.loads(request.body)
    changed = replace(request, body=json.dumps([{**target, **spoilt}]).encode())
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(order, replace(prepared, exchanges=(changed,)), bench.link)
    assert caught.value.reason.startswith(reason)
    assert ("shorter window" in caught.value.reason) == ("not visible" in reason)
    assert bench.schedules() == []


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"priority": 61}, "priority", "60"),
        (
            {"exposure_time_j": 300, "n_dither_j": 8},
            "exposure_time",
            "takes 0.75 h with overheads; the programme has 0.20 h left",
        ),
        ({"start_date": "2026-11-30"}, "start_date", "is before the programme's start, 2026-12-01 00:00:00"),
        ({"end_date": "2026-12-20"}, "end_date", "is after the programme's end, 2026-12-09 00:00:00"),
    ],
)
def test_what_the_programme_does_not_allow_is_not_sent(
    bench: Bench, fields: JSON, field: str, text: str
) -> None:
    bench.use(program_name=TIGHT_PROGRAMME, program_api_key=TIGHT_KEY)
    bench.configure(
        programmes={TIGHT_PROGRAMME: {"startdate": "2026-12-01 00:00:00", "enddate": "2026-12-09 00:00:00"}}
    )
    small: JSON = {"exposure_time_j": 10, "n_dither_j": 4}
    bench.submit(bench.order(**small))
    with pytest.raises(Invalid) as caught:
        bench.submit(bench.order(**{**small, **fields}))
    assert [error.loc for error in caught.value.errors] == [("payload", field)]
    assert text in caught.value.detail
    assert len(bench.calls("POST")) == 1


def test_a_programme_that_cannot_be_read_is_left_to_the_service(bench: Bench) -> None:
    bench.fail("status", status=502, body=HTML, path="/validation")
    assert bench.submit(bench.order(priority=99)).facility_request_id


def test_without_a_name_it_is_no_success(bench: Bench) -> None:
    bench.configure(name_in_answer=False)
    with pytest.raises(Failed, match=r"^no schedule name in answer") as caught:
        bench.submit(bench.order())
    assert caught.value.unconfirmed


def test_a_trigger_that_was_taken_for_a_validation_is_no_success(bench: Bench) -> None:
    text = "Request passed validation! Triggering was set to False. Schedule was not saved to disk"
    bench.fail("status", status=200, body=json.dumps({"msg": text, "body": {}}), method="POST")
    with pytest.raises(Failed, match="no schedule name") as caught:
        bench.submit(bench.order())
    assert not caught.value.unconfirmed


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        ({"kind": "status", "status": 502, "body": HTML}, Unanswered, "HTTP 502 502 Bad Gateway"),
        (
            {"kind": "status", "status": 503, "body": "{}", "content_type": "application/json"},
            Unanswered,
            "503",
        ),
        (
            {"kind": "status", "status": 500, "body": "Internal Server Error"},
            Unanswered,
            "Internal Server Error",
        ),
        ({"kind": "status", "status": 200, "body": HTML}, Unanswered, "not JSON"),
        ({"kind": "status", "status": 200, "body": "[1]"}, Unanswered, "not an object"),
        ({"kind": "status", "status": 201, "body": "{}"}, Unanswered, "201"),
        ({"kind": "status", "status": 302, "body": "", "headers": {"Location": "/x"}}, Unanswered, "302"),
        (
            {"kind": "status", "status": 301, "body": "", "headers": {"Location": "/x"}},
            Rejected,
            "redirected to /x",
        ),
        ({"kind": "status", "status": 403, "body": HTML}, Rejected, "credentials: HTTP 403"),
        ({"kind": "status", "status": 404, "body": '{"detail": "Not Found"}'}, Rejected, "^Not Found$"),
        (
            {"kind": "status", "status": 429, "body": "{}", "headers": {"Retry-After": "9"}},
            NotSent,
            "throttled",
        ),
        ({"kind": "refuse"}, Unanswered, "no answer"),
        ({"kind": "cut"}, Unanswered, "no answer"),
        ({"kind": "reset"}, Unanswered, "no answer"),
    ],
)
def test_every_other_answer_ends_in_its_own_way(
    bench: Bench, fault: JSON, error: type[FacilityError], text: str
) -> None:
    bench.fail(**fault, method="POST")
    with pytest.raises(error, match=text):
        bench.submit(bench.order())
    assert len(bench.calls("POST")) <= 1
    assert len(bench.schedules()) == (fault["kind"] in ("cut", "reset"))


def test_a_hanging_service_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("winter.server.TIMEOUT_S", 0.2)
    bench.fail("hang", seconds=LONG_S, method="POST")
    with pytest.raises(Unanswered, match="timed out"):
        bench.submit(bench.order())
    until(bench.schedules)
    assert len(bench.schedules()) == 1


def test_a_service_that_is_down_was_not_sent_to(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    bench.server.vanish()
    with pytest.raises(NotSent):
        FACILITY.submit(order, prepared, bench.link)


def test_an_error_in_the_service_does_not_repeat_for_ever(bench: Bench) -> None:
    bench.fail("status", status=500, body="Internal Server Error", method="POST", times=3)
    order = bench.order()
    for _ in range(2):
        with pytest.raises(Unanswered):
            bench.submit(order)
        order = replace(order, facility_data=dict(bench.kept))
    with pytest.raises(Failed, match="3 times in a row") as caught:
        bench.submit(order)
    assert caught.value.unconfirmed


def test_two_triggers_of_a_programme_are_two_seconds_apart(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [1000.0]
    monkeypatch.setattr(pacing, "now", lambda: moments[0])
    bench.submit(bench.order())
    assert bench.slept == []
    moments[0] += 0.5
    bench.submit(bench.order())
    assert bench.slept == [1.5]
    assert len(bench.schedules()) == 2
    moments[0] += 5
    bench.submit(bench.order())
    bench.use(program_name=TIGHT_PROGRAMME, program_api_key=TIGHT_KEY)
    bench.submit(bench.order(exposure_time_j=10, n_dither_j=4))
    assert bench.slept == [1.5]
