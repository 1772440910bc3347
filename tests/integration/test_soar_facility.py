"""SOAR against the simulator of its portal, over real HTTP: dry runs, submissions, refusals, lost ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.observation_portal.accounts import CONTRACT_TOKEN, DISABLED_TOKEN
from local.simulators.observation_portal.app import SoarPortal
from slew import portal_listing
from slew.errors import FacilityError, Invalid, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Submission
from slew.http import Http
from slew.observation_portal import SETTLING
from slew.portal_facility import UNCHECKED
from slew.status import Status
from tests.integration.lco_bench import GROUPS, MAINTENANCE
from tests.integration.soar_bench import NOT_VISIBLE, SoarBench, fresh_bench, simulator
from tests.lco_orders import body_of
from tests.soar_orders import FACILITY, NEEDED

JSON = dict[str, Any]
VARIANTS: list[tuple[str, JSON]] = [
    ("ghts", {}),
    ("ghts", {"instrument_type": "SOAR_GHTS_BLUECAM", "instrument_mode": "GHTS_B_400m1_2x2_slit1p5"}),
    ("ghts", {"instrument_mode": ["GHTS_R_400m1_2x2_slit1p5", "GHTS_R_2100_5000A_1x2_slit1p0"]}),
    ("ghts", {"include_calibrations": True, "include_lamp_flats": True, "maximum_airmass": 3}),
    ("ghts_imager", {}),
    ("ghts_imager", {"instrument_type": "SOAR_GHTS_BLUECAM_IMAGER", "observation_choices": ["u-SDSS"]}),
    ("ghts_imager", {"defocus": 5, "rotator_angle": 360}),
    ("triplespec", {}),
    ("triplespec", {"instrument_mode": "fowler1_coadds2", "rotator_angle": 0}),
    ("triplespec", {"observation_mode": "RAPID_RESPONSE", "start_date": None, "end_date": None}),
    ("ghts", {"observation_mode": "TIME_CRITICAL", "priority": 2}),
]


@pytest.fixture(scope="module")
def server() -> Iterator[SoarPortal]:
    with simulator() as running:
        yield running


@pytest.fixture
def bench(server: SoarPortal, monkeypatch: pytest.MonkeyPatch) -> SoarBench:
    return fresh_bench(server, monkeypatch)


@pytest.mark.parametrize(("instrument", "payload"), VARIANTS)
def test_dry_run_then_submit(bench: SoarBench, instrument: str, payload: JSON) -> None:
    wanted = bench.order(instrument, payload)
    prepared = FACILITY.prepare(wanted, bench.link)
    verdict = FACILITY.validate(wanted, prepared, bench.link)
    assert verdict.accepted, verdict.reason
    assert bench.groups() == []
    submission = FACILITY.submit(wanted, prepared, bench.link)
    (stored,) = bench.groups()
    assert str(stored["id"]) == submission.facility_request_id
    assert submission.data == {"request_ids": [stored["requests"][0]["id"]]}
    assert (submission.status, submission.text) == (Status.SUBMITTED, "PENDING")
    assert stored["requests"][0]["observation_note"] == wanted.request_id
    assert stored["requests"][0]["location"] == {"telescope_class": "4m0"}
    assert isinstance(bench.link.http, Http)
    assert bench.token not in repr(bench.link.http.exchanges)


def test_a_dry_run_sends_nothing_unsafe(bench: SoarBench) -> None:
    prepared = FACILITY.prepare(bench.order(payload={"end_date": None}), bench.link)
    assert prepared.notes == ()
    assert [(each["method"], each["path"]) for each in bench.server.journal] == [
        ("GET", "/api/instruments/"),
        ("GET", "/api/semesters/"),
    ]
    clipped = FACILITY.prepare(
        bench.order(payload={"start_date": "2027-01-29", "end_date": None}), bench.link
    )
    assert "ends 2027-01-31T23:59:59.000000+00:00 with the semester" in clipped.notes[0]
    assert [each["path"] for each in bench.server.journal].count("/api/instruments/") == 1


def test_the_portals_lists_are_out(bench: SoarBench) -> None:
    bench.fail("status", "/api/instruments/", "GET", status=503, body=MAINTENANCE)
    bench.fail("status", "/api/semesters/", "GET", status=503, body=MAINTENANCE)
    wanted = bench.order(payload={"end_date": None, "instrument_mode": "GHTS_R_1200_CaNIR_1x2_slit0p8"})
    prepared = FACILITY.prepare(wanted, bench.link)
    assert prepared.notes == (UNCHECKED,)
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(wanted, prepared, bench.link)
    assert caught.value.reason == (
        "requests[0].configurations[0]: Readout mode GHTS_R_1200_CaNIR_1x2_slit0p8 is not available for"
        " instrument type SOAR_GHTS_REDCAM"
    )


def test_a_portal_without_its_instruments_is_waited_for(bench: SoarBench) -> None:
    bench.control("/_config", configdb=False)
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    with pytest.raises(NotSent, match="lost its list of instruments"):
        FACILITY.submit(wanted, prepared, bench.link)
    bench.control("/_config", configdb=True)
    assert bench.submit(wanted).status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("instrument", "payload", "words"),
    [
        (
            "ghts",
            {"instrument_mode": "GHTS_R_2100_6507A_1x2_slit0p45"},
            "not offered by SOAR_GHTS_REDCAM now",
        ),
        ("ghts", {"instrument_mode": "GHTS_B_400m1_2x2"}, "offered: GHTS_R_2100_5000A_1x2_slit1p0, GHTS_R"),
        (
            "ghts_imager",
            {"instrument_type": "SOAR_GHTS_BLUECAM_IMAGER", "observation_choices": ["cn"]},
            "filter cn is not offered by SOAR_GHTS_BLUECAM_IMAGER now;"
            " offered: g-SDSS, i-SDSS, r-SDSS, u-SDSS",
        ),
    ],
)
def test_what_is_not_offered_now_is_not_sent(
    bench: SoarBench, instrument: str, payload: JSON, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(bench.order(instrument, payload), bench.link)
    assert words in caught.value.errors[0].msg
    assert bench.posts() == []


def test_modes_of_another_semester(bench: SoarBench) -> None:
    mode = "GHTS_R_1200_CaNIR_1x2_slit0p8"
    bench.control("/_config", listing={"SOAR_GHTS_REDCAM": {"readout": [mode]}})
    assert bench.submitted(payload={"instrument_mode": mode}).status is Status.SUBMITTED
    with pytest.raises(Invalid, match=f"mode GHTS_R_400m1_2x2 is not offered .* offered: {mode}"):
        FACILITY.prepare(bench.order(), bench.link)
    portal_listing.forget()
    bench.control("/_config", listing={"SOAR_GHTS_BLUECAM_IMAGER": {"filter": ["cn"]}})
    blue = {"instrument_type": "SOAR_GHTS_BLUECAM_IMAGER", "observation_choices": ["cn"]}
    assert bench.submitted("ghts_imager", blue).status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "0" * 40}, "facility refused the credentials (Invalid token.)"),
        ({"token": DISABLED_TOKEN}, "facility refused the credentials (User inactive or deleted.)"),
        ({"proposal": "NO_SUCH"}, 'proposal: Invalid pk "NO_SUCH" - object does not exist.'),
        ({"proposal": "TEST_FOREIGN", "token": CONTRACT_TOKEN}, "You do not belong to the proposal"),
        ({"proposal": "TEST_INACTIVE", "token": CONTRACT_TOKEN}, "is currently inactive"),
        ({"proposal": "TEST_NOTIME", "token": CONTRACT_TOKEN}, "sufficient NORMAL time"),
        ({"dec": 60.0}, "(or no SOAR queue night in the window)"),
        ({"payload": {"exposure_time": 43200}}, "will only be visible for a maximum of"),
        ({"payload": {"end_date": "2027-03-01"}}, "does not fit within any defined semester"),
    ],
)
def test_refusals(bench: SoarBench, changes: JSON, words: str) -> None:
    wanted = bench.order(**changes)
    with pytest.raises(Rejected) as caught:
        bench.submit(wanted)
    assert words in caught.value.reason
    assert wanted.altdata.API_TOKEN.get_secret_value() not in repr(caught.value)
    assert bench.posts() == [GROUPS]


def test_nights_without_the_queue_are_not_visible(bench: SoarBench) -> None:
    bench.control("/_config", closed_sites=["sor"])
    wanted = bench.order()
    verdict = FACILITY.validate(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert not verdict.accepted
    assert NOT_VISIBLE in verdict.reason
    assert verdict.reason.endswith("(or no SOAR queue night in the window)")


def test_throttled(bench: SoarBench) -> None:
    bench.control("/_config", throttle={"create": 1, "validate": 0})
    bench.submitted()
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    with pytest.raises(NotSent, match="throttled") as caught:
        FACILITY.submit(wanted, prepared, bench.link)
    assert caught.value.retry_after == 86400
    with pytest.raises(NoAnswer, match="throttled"):
        FACILITY.validate(wanted, prepared, bench.link)


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ({"kind": "status", "status": 500, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 403, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 200, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 201, "body": "{}"}, Unanswered, 0),
        ({"kind": "status", "status": 301, "headers": {"Location": GROUPS}}, Rejected, 0),
        ({"kind": "refuse"}, Unanswered, 0),
        ({"kind": "cut"}, Unanswered, 1),
        ({"kind": "reset"}, Unanswered, 1),
    ],
)
def test_a_lost_submission_is_found_or_certainly_absent(
    bench: SoarBench, fault: JSON, error: type[FacilityError], stored: int
) -> None:
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.fail(**fault)
    with pytest.raises(FacilityError) as caught:
        FACILITY.submit(wanted, prepared, bench.link)
    assert type(caught.value) is error
    assert len(bench.groups()) == stored
    found = FACILITY.reconcile(wanted, bench.link)
    if stored:
        assert isinstance(found, Submission)
        assert found.facility_request_id == str(bench.groups()[0]["id"])
        return
    assert found is None
    assert FACILITY.reconcile(bench.later(wanted, seconds=SETTLING.total_seconds()), bench.link) == Absent()


def test_nobody_listens(bench: SoarBench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = bench.order()
    # Port 9 (discard): nothing listens there.
    monkeypatch.setenv("SLEW_SOAR_URL", "http://127.0.0.1:9")
    with pytest.raises(NotSent):
        bench.submit(wanted)
    for ask in (
        lambda: FACILITY.validate(wanted, FACILITY.prepare(wanted, bench.link), bench.link),
        lambda: FACILITY.reconcile(wanted, bench.link),
        lambda: FACILITY.verify(wanted.altdata, bench.link),
        lambda: FACILITY.poll(replace(wanted, facility_request_id="1"), bench.link),
    ):
        with pytest.raises(NoAnswer):
            ask()


@pytest.mark.parametrize("instrument", NEEDED)
def test_the_window_that_was_sent_is_told(bench: SoarBench, instrument: str) -> None:
    rapid = {"observation_mode": "RAPID_RESPONSE", "start_date": None, "end_date": None}
    prepared = FACILITY.prepare(bench.order(instrument, rapid), bench.link)
    assert prepared.notes == (
        "RAPID_RESPONSE: the window ends 2026-11-23T15:12:41.000000+00:00, 24 hours from now",
    )
    (window,) = body_of(prepared)["requests"][0]["windows"]
    assert window == {"start": "2026-11-22T15:12:41.000000+00:00", "end": "2026-11-23T15:12:41.000000+00:00"}


def test_what_soar_can_do() -> None:
    assert FACILITY.operations[:2] == ("submit", "dry_run")
    for operation in ("validate", "update", "cancel", "poll", "reconcile", "verify", "download"):
        assert FACILITY.can(operation)
