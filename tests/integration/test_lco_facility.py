"""LCO's class against the simulator of its portal and archive, over real HTTP: the whole way of a request."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from local.simulators.observation_portal.accounts import CONTRACT_TOKEN, DEMO_TOKEN, DISABLED_TOKEN
from local.simulators.observation_portal.app import LCOPortal
from slew import portal_listing
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered, Withdrawn
from slew.facility import Absent, Link, Order, Submission
from slew.http import Http
from slew.observation_portal import SETTLING
from slew.status import Status
from slew.wire import Answer, HttpRequest
from tests.integration.lco_simulator import RECORDED_SCENE, StoppedClock
from tests.lco_orders import FACILITY, body_of, link, order

JSON = dict[str, Any]
GROUPS = "/api/requestgroups/"
NEEDED: dict[str, JSON] = {"sinistro": {"observation_choices": ["gp", "rp"]}, "muscat": {}, "floyds": {}}
MAINTENANCE = "<html><body>maintenance</body></html>"


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: LCOPortal, token: str = DEMO_TOKEN) -> None:
        self.server, self.token = server, token
        self.link = link(token)
        self._ids = itertools.count(1)

    def order(
        self, instrument: str = "sinistro", payload: JSON | None = None, **changes: Any
    ) -> Order[Any, Any]:
        """An order that the portal accepts, made now."""
        now = self.server.clock.now()
        scene = RECORDED_SCENE
        window = {"start_date": scene.start.isoformat(), "end_date": scene.end.isoformat()}
        altdata = {
            "PROPOSAL_ID": changes.pop("proposal", "LCO2026B-001"),
            "API_TOKEN": changes.pop("token", self.token),
        }
        return order(
            instrument,
            {"exposure_time": 60.0, **window, **NEEDED[instrument], **(payload or {})},
            target={"name": "ZTF26aaaaaaa", "ra": scene.ra, "dec": scene.dec},
            altdata=altdata,
            now=now,
            **{"request_id": f"{next(self._ids):024x}", **changes},
        )

    def submit(self, wanted: Order[Any, Any]) -> Submission:
        """Prepare and submit."""
        return FACILITY.submit(wanted, FACILITY.prepare(wanted, self.link), self.link)

    def submitted(self, *arguments: Any, **named: Any) -> Order[Any, Any]:
        """An order that the portal has."""
        wanted = self.order(*arguments, **named)
        submission = self.submit(wanted)
        return replace(
            wanted,
            facility_request_id=submission.facility_request_id,
            facility_data=submission.data,
            status=submission.status,
        )

    def later(self, wanted: Order[Any, Any], **delta: float) -> Order[Any, Any]:
        """The same order when some time has passed, here and at the portal."""
        self.server.clock.advance(timedelta(**delta).total_seconds())
        return replace(wanted, now=self.server.clock.now())

    def control(self, route: str, **content: Any) -> None:
        """A call of the simulator's control routes."""
        answer = requests.post(self.server.url + route, json=content, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, wanted: Order[Any, Any], to: str) -> None:
        """Move a group to a state."""
        self.control("/_advance", group=int(wanted.facility_request_id or 0), to=to)

    def fail(self, kind: str, path: str = GROUPS, method: str = "POST", **more: Any) -> None:
        """Let the next such call fail."""
        self.control("/_fault", kind=kind, method=method, path=path, **more)

    def posts(self) -> list[str]:
        """The paths of the POSTs that reached the portal."""
        return [each["path"] for each in self.server.journal if each["method"] == "POST"]

    def groups(self) -> list[JSON]:
        """What the portal has stored, newest first."""
        answer = requests.get(
            self.server.url + GROUPS, headers={"Authorization": f"Token {self.token}"}, timeout=10
        )
        results: list[JSON] = answer.json()["results"]
        return results


@pytest.fixture(scope="module")
def server() -> Iterator[LCOPortal]:
    running = LCOPortal(StoppedClock(), semesters="real", auto_progress=False)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def bench(server: LCOPortal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    server.reset()
    monkeypatch.setenv("SLEW_LCO_URL", server.url)
    monkeypatch.setenv("SLEW_LCO_ARCHIVE_URL", server.extra_urls()["archive"])
    portal_listing.forget()
    yield Bench(server)
    portal_listing.forget()


def exchanges(way: Link) -> Any:
    assert isinstance(way.http, Http)
    return way.http.exchanges


@pytest.mark.parametrize("instrument", NEEDED)
def test_dry_run_then_submit(bench: Bench, instrument: str) -> None:
    wanted = bench.order(instrument)
    prepared = FACILITY.prepare(wanted, bench.link)
    assert FACILITY.validate(wanted, prepared, bench.link).accepted
    assert bench.groups() == []
    submission = FACILITY.submit(wanted, prepared, bench.link)
    (stored,) = bench.groups()
    assert str(stored["id"]) == submission.facility_request_id
    assert submission.data == {"request_ids": [stored["requests"][0]["id"]]}
    assert submission.status is Status.SUBMITTED
    assert stored["requests"][0]["observation_note"] == wanted.request_id
    assert bench.token not in repr(exchanges(bench.link))


def test_notes_of_what_was_decided(bench: Bench) -> None:
    now = {"start_date": None, "end_date": None}
    rapid = FACILITY.prepare(bench.order(payload={**now, "observation_mode": "RAPID_RESPONSE"}), bench.link)
    assert rapid.notes == (
        "RAPID_RESPONSE: the window ends 2026-11-23T15:12:41.000000+00:00, 24 hours from now",
    )
    (window,) = body_of(rapid)["requests"][0]["windows"]
    assert (window["start"], window["end"][:19]) == (
        "2026-11-22T00:00:00.000000+00:00",
        "2026-11-23T15:12:41",
    )
    assert FACILITY.prepare(bench.order(), bench.link).notes == ()
    last_days = bench.order(payload={"start_date": "2027-01-29", "end_date": None})
    clipped = FACILITY.prepare(last_days, bench.link)
    assert clipped.notes == (
        "the window ends 2027-01-31T23:59:59.000000+00:00 with the semester of its start, not after 7 days",
    )
    (window,) = body_of(clipped)["requests"][0]["windows"]
    assert window["end"] == "2027-01-31T23:59:59.000000+00:00"
    bench.fail("status", "/api/semesters/", "GET", status=500, body=MAINTENANCE)
    (window,) = body_of(FACILITY.prepare(last_days, bench.link))["requests"][0]["windows"]
    assert window["end"] == "2027-02-05T00:00:00.000000+00:00"
    assert bench.posts() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "0" * 40}, "facility refused the credentials (Invalid token.)"),
        ({"token": DISABLED_TOKEN}, "facility refused the credentials (User inactive or deleted.)"),
        ({"proposal": "NO_SUCH"}, 'proposal: Invalid pk "NO_SUCH" - object does not exist.'),
        ({"proposal": "TEST_FOREIGN", "token": CONTRACT_TOKEN}, "You do not belong to the proposal"),
        ({"proposal": "TEST_INACTIVE", "token": CONTRACT_TOKEN}, "is currently inactive"),
        ({"proposal": "TEST_NOTIME", "token": CONTRACT_TOKEN}, "sufficient NORMAL time"),
        ({"payload": {"maximum_airmass": 1.0}}, "requests[0]: According to the constraints of the request"),
        ({"payload": {"exposure_time": 43200}}, "will only be visible for a maximum of"),
    ],
)
def test_refusals(bench: Bench, changes: JSON, words: str) -> None:
    wanted = bench.order(**changes)
    with pytest.raises(Rejected) as caught:
        bench.submit(wanted)
    assert words in caught.value.reason
    assert bench.groups() == []
    prepared = FACILITY.prepare(wanted, bench.link)
    if "credentials" in words:
        with pytest.raises(Rejected):
            FACILITY.validate(wanted, prepared, bench.link)
    else:
        verdict = FACILITY.validate(wanted, prepared, bench.link)
        assert (verdict.accepted, verdict.reason) == (False, caught.value.reason)


def test_an_explicit_window_across_semesters_is_the_portals_to_refuse(bench: Bench) -> None:
    with pytest.raises(Rejected, match="does not fit within any defined semester"):
        bench.submit(bench.order(payload={"start_date": "2027-01-29", "end_date": "2027-02-05"}))


def test_throttled(bench: Bench) -> None:
    bench.control("/_config", throttle={"create": 1})
    bench.submit(bench.order())
    with pytest.raises(NotSent) as caught:
        bench.submit(bench.order())
    assert caught.value.retry_after == 86400
    assert len(bench.groups()) == 1


def test_a_portal_without_its_instruments(bench: Bench) -> None:
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.control("/_config", configdb=False)
    with pytest.raises(NotSent, match="lost its list of instruments"):
        FACILITY.submit(wanted, prepared, bench.link)
    with pytest.raises(NotSent, match="lost its list of instruments"):
        FACILITY.validate(wanted, prepared, bench.link)
    bench.control("/_config", configdb=True)
    assert FACILITY.submit(wanted, prepared, bench.link).status is Status.SUBMITTED


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ({"kind": "status", "status": 500, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 502, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 200, "body": MAINTENANCE}, Unanswered, 0),
        ({"kind": "status", "status": 301, "headers": {"Location": GROUPS}}, Rejected, 0),
        ({"kind": "refuse"}, Unanswered, 0),
        ({"kind": "cut"}, Unanswered, 1),
        ({"kind": "reset"}, Unanswered, 1),
    ],
)
def test_a_lost_submission_is_found_or_certainly_absent(
    bench: Bench, fault: JSON, error: type[FacilityError], stored: int
) -> None:
    wanted = bench.order()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.fail(**fault)
    with pytest.raises(FacilityError) as caught:
        FACILITY.submit(wanted, prepared, bench.link)
    assert type(caught.value) is error
    assert len(bench.posts()) == (0 if fault["kind"] == "refuse" else 1)
    assert len(bench.groups()) == stored
    found = FACILITY.reconcile(wanted, bench.link)
    if stored:
        assert isinstance(found, Submission)
        assert found.facility_request_id == str(bench.groups()[0]["id"])
        assert found.data == {"request_ids": [bench.groups()[0]["requests"][0]["id"]]}
        return
    assert found is None
    assert FACILITY.reconcile(bench.later(wanted, seconds=SETTLING.total_seconds()), bench.link) == Absent()


def test_nobody_listens(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = bench.order()
    # Port 9 (discard): nothing listens there.
    monkeypatch.setenv("SLEW_LCO_URL", "http://127.0.0.1:9")
    with pytest.raises(NotSent):
        bench.submit(wanted)
    with pytest.raises(NoAnswer):
        FACILITY.validate(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.reconcile(wanted, bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.verify(wanted.altdata, bench.link)
    with pytest.raises(NoAnswer):
        FACILITY.poll(replace(wanted, facility_request_id="1"), bench.link)


def test_reconcile_among_many_of_one_name(bench: Bench) -> None:
    known = [bench.submitted() for _ in range(25)]
    first = replace(known[0], facility_request_id=None)
    found = FACILITY.reconcile(first, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == known[0].facility_request_id


def test_polled_through_every_state(bench: Bench) -> None:
    wanted = bench.submitted()
    seen = []
    for step in (None, "scheduled", "in_progress", "failed_attempt", "scheduled", "completed"):
        if step:
            bench.advance(wanted, step)
        progress = FACILITY.poll(wanted, bench.link)
        seen.append((progress.status, progress.text.partition(";")[2].strip().partition(" ")[0]))
        wanted = replace(wanted, facility_data={**wanted.facility_data, **progress.data})
    assert seen == [
        (Status.SUBMITTED, ""),
        (Status.IN_PROGRESS, "scheduled"),
        (Status.IN_PROGRESS, "in"),
        (Status.SUBMITTED, "1"),
        (Status.IN_PROGRESS, "scheduled"),
        (Status.COMPLETE, "no"),  # no frames yet
    ]
    bench.advance(wanted, "back_to_pending")
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.status is Status.SUBMITTED
    assert progress.data["ended"] is None


@pytest.mark.parametrize(("step", "status"), [("expired", Status.EXPIRED), ("failure_limit", Status.FAILED)])
def test_ends_that_are_followed_once_more(bench: Bench, step: str, status: Status) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, step)
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.next_poll_s) == (status, 3600)
    wanted = bench.later(replace(wanted, facility_data=progress.data), hours=1)
    assert FACILITY.poll(wanted, bench.link).next_poll_s is None
    bench.advance(wanted, "late_completed")
    assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE
    cancellation = FACILITY.cancel(wanted, bench.link)
    assert (cancellation.status, cancellation.text) == (Status.COMPLETE, "COMPLETED")


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (None, Status.CANCELLED),
        ("scheduled", Status.CANCELLED),
        ("in_progress", Status.CANCELLED),
        ("completed", Status.COMPLETE),
        ("expired", Status.EXPIRED),
        ("failure_limit", Status.FAILED),
    ],
)
def test_cancelled_in_each_state(bench: Bench, step: str | None, status: Status) -> None:
    wanted = bench.submitted()
    if step:
        bench.advance(wanted, step)
    for _ in range(2):
        assert FACILITY.cancel(wanted, bench.link).status is status
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.status is status
    if step == "in_progress":
        assert progress.next_poll_s == 600
        bench.advance(wanted, "late_completed")
        assert FACILITY.poll(wanted, bench.link).status is Status.COMPLETE


def test_cancellations_that_fail(bench: Bench) -> None:
    wanted = bench.submitted()
    with pytest.raises(Rejected, match="No RequestGroup matches"):
        FACILITY.cancel(replace(wanted, facility_request_id="99"), bench.link)
    with pytest.raises(Rejected, match="not known at the facility"):
        FACILITY.cancel(replace(wanted, facility_request_id=None), bench.link)
    bench.fail("cut")
    with pytest.raises(Unanswered):
        FACILITY.cancel(wanted, bench.link)
    assert FACILITY.cancel(wanted, bench.link).status is Status.CANCELLED
    bench.control("/_config", throttle={"cancel": 0})
    with pytest.raises(NotSent):
        FACILITY.cancel(wanted, bench.link)


def test_the_request_id_is_not_the_groups(bench: Bench) -> None:
    wanted = bench.submitted()
    child = str(wanted.facility_data["request_ids"][0])
    progress = FACILITY.poll(replace(wanted, facility_request_id=child), bench.link)
    assert progress.status is None
    assert "No RequestGroup matches" in progress.text


def test_an_update(bench: Bench) -> None:
    wanted = bench.submitted()
    changed = replace(wanted, payload=bench.order(payload={"observation_choices": ["zs"]}).payload)
    submission = FACILITY.update(changed, FACILITY.prepare(changed, bench.link), bench.link)
    new, old = bench.groups()
    assert (str(old["id"]), old["state"]) == (wanted.facility_request_id, "CANCELED")
    assert (str(new["id"]), new["state"]) == (submission.facility_request_id, "PENDING")
    assert [path.rsplit("/", 2)[1] for path in bench.posts()] == [
        "requestgroups",
        "validate",
        "cancel",
        "requestgroups",
    ]
    assert FACILITY.reconcile(changed, bench.link) == submission


def test_an_update_that_is_refused_leaves_the_old_one(bench: Bench) -> None:
    wanted = bench.submitted()
    hopeless = replace(wanted, payload=bench.order(payload={"maximum_airmass": 1.0}).payload)
    with pytest.raises(Rejected, match="nothing was changed") as caught:
        FACILITY.update(hopeless, FACILITY.prepare(hopeless, bench.link), bench.link)
    assert not isinstance(caught.value, Withdrawn)
    assert [group["state"] for group in bench.groups()] == ["PENDING"]


@pytest.mark.parametrize(
    ("step", "words"), [("completed", "already complete"), ("failure_limit", "cannot be")]
)
def test_an_update_of_what_has_ended(bench: Bench, step: str, words: str) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, step)
    with pytest.raises(Rejected, match=words):
        FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert len(bench.groups()) == 1


def test_an_update_of_what_has_expired_is_a_new_submission(bench: Bench) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, "expired")
    submission = FACILITY.update(wanted, FACILITY.prepare(wanted, bench.link), bench.link)
    assert submission.facility_request_id != wanted.facility_request_id


def test_an_update_that_fails_after_the_cancellation_reports_both(bench: Bench) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    bench.control("/_config", throttle={"create": 1})
    with pytest.raises(Withdrawn) as caught:
        FACILITY.update(wanted, prepared, bench.link)
    assert "throttled" in caught.value.reason
    assert f"the former requestgroup {wanted.facility_request_id} is cancelled" in caught.value.reason
    assert [group["state"] for group in bench.groups()] == ["CANCELED"]


def test_an_update_cut_after_the_cancellation_is_found_again(bench: Bench) -> None:
    wanted = bench.submitted()
    prepared = FACILITY.prepare(wanted, bench.link)
    # The path is a prefix: the first two calls, validate and cancel, are to go through.
    hold = Link(_CutLast(bench), bench.link.mail)
    with pytest.raises(Unanswered, match="is cancelled"):
        FACILITY.update(wanted, prepared, hold)
    found = FACILITY.reconcile(wanted, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(bench.groups()[0]["id"])
    assert found.facility_request_id != wanted.facility_request_id


class _CutLast:
    """Cuts the line of a submission, and of nothing else."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self.read = bench, bench.link.http.read

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        """Sent, and cut if it submits."""
        if request.url.endswith(GROUPS):
            self._bench.fail("cut")
        return self._bench.link.http.send(request, read_timeout=read_timeout)


@pytest.mark.parametrize(("instrument", "level"), [("sinistro", 91), ("muscat", 91), ("floyds", 90)])
def test_frames_are_listed_when_they_come(bench: Bench, instrument: str, level: int) -> None:
    wanted = bench.submitted(instrument)
    bench.advance(wanted, "completed")
    progress = FACILITY.poll(wanted, bench.link)
    assert (progress.status, progress.products) == (Status.COMPLETE, None)
    assert progress.next_poll_s is not None
    wanted = bench.later(replace(wanted, facility_data=progress.data), hours=20)
    progress = FACILITY.poll(wanted, bench.link)
    assert progress.products
    assert {each["reduction_level"] for each in progress.products} >= {level}
    assert len(progress.products) >= {"sinistro": 2, "muscat": 4, "floyds": 1}[instrument]
    assert {each["request_id"] for each in progress.products} == set(wanted.facility_data["request_ids"])
    assert all(len(each["md5"]) == 32 and each["filename"] for each in progress.products)
    assert "X-Amz" not in repr(progress)
    assert progress.next_poll_s is None
    # What is kept is enough to ask for a fresh link.
    frame = requests.get(
        progress.products[0]["frame_url"], headers={"Authorization": f"Token {bench.token}"}, timeout=10
    ).json()
    assert requests.get(frame["url"], timeout=10).status_code == 200


def test_an_archive_token_that_is_refused(bench: Bench) -> None:
    wanted = bench.submitted()
    bench.advance(wanted, "completed")
    altdata = {"PROPOSAL_ID": "LCO2026B-001", "API_TOKEN": bench.token, "API_ARCHIVE_TOKEN": "0" * 40}
    progress = FACILITY.poll(replace(wanted, altdata=order(altdata=altdata).altdata), bench.link)
    assert progress.status is Status.COMPLETE
    assert "the archive refused the credentials" in progress.text


def test_verify(bench: Bench) -> None:
    good = bench.order().altdata
    assert FACILITY.verify(good, bench.link).details == {
        "username": "demo",
        "proposal": "LCO2026B-001",
        "proposal_current": True,
    }
    for altdata, words in (
        (bench.order(token="0" * 40).altdata, "facility refused the credentials (Invalid token.)"),
        (bench.order(proposal="TEST_FOREIGN").altdata, "not a member of proposal TEST_FOREIGN"),
    ):
        verification = FACILITY.verify(altdata, bench.link)
        assert not verification.valid
        assert words in verification.text
    bench.fail("status", "/api/profile/", "GET", status=503, body=MAINTENANCE)
    with pytest.raises(NoAnswer):
        FACILITY.verify(good, bench.link)


def test_what_lco_can_do() -> None:
    assert FACILITY.operations == (
        *("submit", "dry_run", "validate", "update", "cancel", "poll", "reconcile", "verify"),
    )
