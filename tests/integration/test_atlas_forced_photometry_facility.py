"""The ATLAS facility against its simulator, over real HTTP: the card's failures and states, cut lines too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import requests
from pydantic import SecretStr

from atlas_forced_photometry.facility import AtlasForcedPhotometry, AtlasOrder
from atlas_forced_photometry.models import AtlasAltdata, AtlasPayload
from local.simulators.atlas import DEMO_TOKEN, INACTIVE_TOKEN, OTHER_TOKEN, AtlasServer
from local.simulators.base import Fault
from slew.errors import FacilityError, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.wire import HttpRequest

JSON = dict[str, Any]
SN = (210.910674637, 54.311651)
FACILITY = AtlasForcedPhotometry()
MAINTENANCE = "<html><body>maintenance</body></html>"
UNKNOWN_TOKEN = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: AtlasServer, token: str = DEMO_TOKEN) -> None:
        self.server = server
        self.token = token
        self.http = Http(Redactor([token]))
        self.link = Link(self.http, cast(MailLink, None))

    def order(self, request_id: str = "a1b2c3d4e5f6", **fields: Any) -> AtlasOrder:
        now = self.server.clock.now()
        payload = {"start_date": "2023-05-20", "end_date": "2023-06-20 12:00:00", **fields}
        return Order(
            request_id=request_id,
            instrument=None,
            target=Target(name="SN 2023ixf", ra=SN[0], dec=SN[1]),
            payload=AtlasPayload.model_validate(payload),
            altdata=AtlasAltdata(api_token=SecretStr(self.token)),
            allocation=AllocationFacts("atlas", "J. Doe", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: AtlasOrder) -> Submission:
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def submitted(self, order: AtlasOrder | None = None) -> AtlasOrder:
        """An order that the server has taken."""
        order = order or self.order()
        return self.known(order, self.submit(order))

    def known(self, order: AtlasOrder, submission: Submission) -> AtlasOrder:
        return replace(
            order,
            status=submission.status,
            facility_request_id=submission.facility_request_id,
            facility_data=submission.data,
        )

    def poll(self, order: AtlasOrder) -> tuple[AtlasOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = replace(order, now=self.server.clock.now())
        progress = FACILITY.poll(order, self.link)
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def update(self, order: AtlasOrder, **fields: Any) -> Submission:
        payload = {**order.payload.model_dump(mode="json"), **fields}
        changed = replace(order, payload=AtlasPayload.model_validate(payload))
        return FACILITY.update(changed, FACILITY.prepare(changed, self.link), self.link)

    def tasks(self) -> list[JSON]:
        answer = requests.get(
            f"{self.server.base_url}/queue/?pagesize=100",
            headers={"Authorization": f"Token {DEMO_TOKEN}", "Accept": "application/json"},
            timeout=10,
        )
        tasks: list[JSON] = answer.json()["results"]
        return tasks

    def calls(self, method: str) -> list[JSON]:
        return [entry for entry in self.server.journal if entry["method"] == method]

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        requests.post(f"{self.server.url}/_clock", json={"advance_s": seconds}, timeout=10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtlasServer]:
    simulator = AtlasServer()
    simulator.start()
    monkeypatch.setenv("SLEW_ATLAS_FORCED_PHOTOMETRY_URL", f"{simulator.base_url}/")
    yield simulator
    simulator.stop()


@pytest.fixture
def bench(server: AtlasServer) -> Iterator[Bench]:
    """The usual bench; whatever the test did, the record of its exchanges must not hold the token."""
    bench = Bench(server)
    # Real seconds pass while a test runs; a task must not start by itself before the test moves the clock.
    bench.configure(wait_s=600.0, run_s=300.0)
    yield bench
    assert DEMO_TOKEN not in repr(bench.http.exchanges)


# -- submit


def test_a_task_is_queued_as_prepared(bench: Bench) -> None:
    order = bench.order(comment="plateau?", use_reduced=True)
    submission = bench.submit(order)
    [task] = bench.tasks()
    assert submission.facility_request_id == str(task["id"])
    assert submission.status is Status.SUBMITTED
    assert submission.data["url"] == task["url"]
    assert submission.data["timestamp"] == task["timestamp"]
    sent = {
        "ra": 210.910674637,
        "dec": 54.311651,
        "mjd_min": 60084.0,
        "mjd_max": 60115.5,
        "use_reduced": True,
    }
    assert sent.items() <= task.items()
    assert (task["send_email"], task["comment"]) == (False, "a1b2c3d4e5f6 plateau?")
    [exchange] = bench.http.exchanges
    assert exchange.request_headers["Authorization"] == "Token ********"


def test_an_old_server_will_do(bench: Bench) -> None:
    bench.configure(old_server=True)
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, order.facility_data["timestamp"][-6:]) == (Status.SUBMITTED, "+00:00")


def test_an_object_and_an_open_end(bench: Bench) -> None:
    bench.submit(bench.order(mpc_name="Makemake", open_ended=True))
    [task] = bench.tasks()
    assert (task["mpc_name"], task["ra"], task["dec"], task["mjd_max"]) == ("Makemake", None, None, None)


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (UNKNOWN_TOKEN, "credentials: Invalid token."),
        (INACTIVE_TOKEN, "credentials: User inactive or deleted."),
    ],
)
def test_refused_credentials(server: AtlasServer, token: str, text: str) -> None:
    bench = Bench(server, token)
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == text
    assert token not in repr(caught.value) + repr(bench.http.exchanges)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ra": "far"}, "ra: A valid number is required."),
        ({"ra": None, "dec": None}, "Either an mpc_name or (ra, dec) must be specified."),
        ({"dec": None}, "dec: ra was set but dec is missing."),
        ({"mpc_name": "Makemake"}, "mpc_name: mpc_name was given but RA and Dec were not empty."),
        ({"mjd_min": 60115.5}, "mjd_max: mjd_max must be greater than mjd_min (60115.5 was applied)."),
        ({"mjd_max": 0}, "mjd_max: mjd_max must be a positive MJD."),
        ({"comment": "x" * 301}, "comment: Ensure this field has no more than 300 characters."),
        ({"request_type": "FOO"}, 'request_type: "FOO" is not a valid choice.'),
        (
            {"request_type": "IMGZIP"},
            "IMGZIP requests must have a parent_task_id set to an FP task.",
        ),
        ({"request_type": "SSOSTACK"}, "Image stacking only works on MPC objects."),
        (
            {"ra": None, "dec": None, "mpc_name": "a;b"},
            "mpc_name.mpc_name: Invalid mpc_name. May not contain quotes or semicolons",
        ),
        ({"callback_url": "nonsense"}, "callback_url: Enter a valid URL."),
        ({"radeclist": "nonsense"}, "radeclist: Error on line 1: Could not find two columns."),
    ],
)
def test_each_refusal_of_the_server_is_readable(bench: Bench, fields: JSON, reason: str) -> None:
    """Our own checks leave none of these: the body is spoilt behind them."""
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    [request] = prepared.exchanges
    assert isinstance(request, HttpRequest)
    spoilt = replace(request, body=json.dumps({**json.loads(request.body), **fields}).encode())
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(order, replace(prepared, exchanges=(spoilt,)), bench.link)
    assert caught.value.reason.startswith(reason)
    assert bench.tasks() == []


def test_a_throttled_task_waits_as_told(bench: Bench) -> None:
    bench.configure(writes_per_minute=1)
    bench.submit(bench.order("first"))
    with pytest.raises(NotSent, match=r"^throttled: Request was throttled") as caught:
        bench.submit(bench.order("second"))
    assert caught.value.retry_after is not None
    assert 50 <= caught.value.retry_after <= 60
    bench.advance(caught.value.retry_after + 1)
    bench.submit(bench.order("second"))
    assert [task["comment"] for task in bench.tasks()] == ["second", "first"]


def test_a_full_queue_is_tried_again_later(bench: Bench) -> None:
    bench.configure(task_cap=1)
    bench.submit(bench.order("first"))
    with pytest.raises(NotSent, match="too many queued tasks") as caught:
        bench.submit(bench.order("second"))
    assert caught.value.retry_after == 300.0


def test_a_redirect_is_not_followed(bench: Bench) -> None:
    elsewhere = f"{bench.server.url}/elsewhere/"
    bench.fail("status", status=301, headers={"Location": elsewhere}, method="POST", path="/forcedphot")
    with pytest.raises(Rejected, match="redirected to"):
        bench.submit(bench.order())
    assert [entry["path"] for entry in bench.server.journal] == ["/forcedphot/queue/"]


def test_a_server_that_is_down_was_not_sent_to(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    bench.server.vanish()
    with pytest.raises(NotSent):
        FACILITY.submit(order, prepared, bench.link)


# -- no answer, then reconcile


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_task_made_behind_a_cut_line_is_found(bench: Bench, kind: str) -> None:
    order = bench.order(comment="plateau?")
    bench.submit(bench.order("a1b2c3d4e5f6x"))  # its id begins with ours
    bench.fail(kind, method="POST", path="/forcedphot/queue/")
    with pytest.raises(Unanswered):
        bench.submit(order)
    bench.submit(bench.order("later"))
    found = FACILITY.reconcile(order, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(bench.tasks()[1]["id"])
    assert (found.data["url"], found.text) == (bench.tasks()[1]["url"], "")
    assert bench.poll(bench.known(order, found))[1].status is Status.SUBMITTED


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "refuse"},
        {"kind": "status", "status": 503, "body": MAINTENANCE},
        {"kind": "status", "status": 502, "body": MAINTENANCE},
    ],
)
def test_a_task_that_was_never_made_is_absent(bench: Bench, fault: JSON) -> None:
    order = bench.order()
    bench.fail(**fault, method="POST", path="/forcedphot/queue/")
    with pytest.raises(Unanswered):
        bench.submit(order)
    assert FACILITY.reconcile(order, bench.link) == Absent()


def test_the_whole_list_is_read(bench: Bench) -> None:
    bench.configure(writes_per_minute=1000)
    order = bench.submitted(bench.order("wanted"))
    for number in range(205):
        bench.submit(bench.order(f"other{number}"))
    found = FACILITY.reconcile(order, bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == order.facility_request_id
    assert FACILITY.reconcile(bench.order("never"), bench.link) == Absent()
    assert len(bench.calls("GET")) == 6


def test_no_older_pages_than_the_request_are_read(bench: Bench) -> None:
    bench.configure(writes_per_minute=1000)
    for number in range(150):
        bench.submit(bench.order(f"old{number}"))
    bench.advance(2 * 3600)
    assert FACILITY.reconcile(bench.order("never"), bench.link) == Absent()
    assert len(bench.calls("GET")) == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"results": [], "next": "https://elsewhere.example/forcedphot/queue/?cursor=x"}, None),
        ({"results": [{"comment": "no id"}], "next": None}, NoAnswer),
        ({"detail": "hello"}, NoAnswer),
        (MAINTENANCE, NoAnswer),
    ],
)
def test_a_list_that_cannot_be_read_through_decides_nothing(bench: Bench, body: Any, outcome: Any) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    bench.fail("status", status=200, body=text, method="GET", path="/forcedphot/queue/")
    if outcome is None:
        assert FACILITY.reconcile(bench.order(), bench.link) is None
    else:
        with pytest.raises(outcome):
            FACILITY.reconcile(bench.order(), bench.link)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_list_that_is_refused_for_now_decides_nothing(bench: Bench, status: int) -> None:
    bench.fail("status", status=status, headers={"Retry-After": "9"}, method="GET", path="/forcedphot/queue/")
    with pytest.raises(NoAnswer) as caught:
        FACILITY.reconcile(bench.order(), bench.link)
    assert caught.value.retry_after == (9.0 if status == 429 else None)


# -- poll


def test_a_life_to_completion(bench: Bench) -> None:
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.next_poll_s) == (Status.SUBMITTED, 45.0)
    assert "position in the queue 0" in progress.text
    bench.advance(601)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.IN_PROGRESS, 300.0)
    assert progress.text.startswith("Job is running (started at 20")
    bench.advance(301)
    order, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (Status.COMPLETE, None)
    assert progress.products is not None
    assert [product["kind"] for product in progress.products] == ["photometry", "image", "image"]
    assert requests.get(progress.products[0]["url"], timeout=10).text.startswith("###MJD")
    assert progress.text.endswith(progress.products[0]["url"])
    bench.advance(32 * 86400)
    assert bench.poll(order)[1].status is None  # archived by the server: what was complete stays so


def test_an_unchanged_task_is_not_sent_again(bench: Bench) -> None:
    order, _ = bench.poll(bench.submitted())
    order, second = bench.poll(order)
    assert bench.http.exchanges[-1].status == 304
    assert (second.status, second.text, second.products, second.next_poll_s) == (None, "", None, 45.0)
    bench.advance(601)
    assert bench.poll(order)[1].status is Status.IN_PROGRESS


@pytest.mark.parametrize(
    ("outcome", "status", "text"),
    [
        ("no_data", Status.COMPLETE, "No data returned: no exposure in the range, zero points"),
        ("unparsable", Status.FAILED, "Could not parse the result file"),
        ("head_only", Status.COMPLETE, "Task is complete with results available at"),
    ],
)
def test_other_ends(bench: Bench, outcome: str, status: Status, text: str) -> None:
    bench.configure(spots=[{"ra": SN[0], "dec": SN[1], "outcome": outcome}])
    order = bench.submitted()
    bench.advance(901)
    _, progress = bench.poll(order)
    assert (progress.status, progress.next_poll_s) == (status, None)
    assert progress.text.startswith(text)
    assert progress.reason == (text if status is Status.FAILED else "")
    assert bool(progress.products) == text.startswith("Task")


def test_a_run_that_the_server_repeats_is_followed_back(bench: Bench) -> None:
    bench.configure(spots=[{"ra": SN[0], "dec": SN[1], "outcome": "retried"}])
    order = bench.submitted()
    seen = []
    for seconds in (601, 151, 600, 301):
        bench.advance(seconds)
        order, progress = bench.poll(order)
        seen.append(progress.status)
    assert seen == [Status.IN_PROGRESS, Status.SUBMITTED, Status.IN_PROGRESS, Status.COMPLETE]


@pytest.mark.parametrize("html", [False, True])
def test_a_task_that_is_gone_has_expired(bench: Bench, html: bool) -> None:
    order = bench.submitted()
    if html:
        bench.advance(901)
    requests.delete(order.facility_data["url"], headers={"Authorization": f"Token {DEMO_TOKEN}"}, timeout=10)
    _, progress = bench.poll(order)
    assert ("<html>" in bench.http.exchanges[-1].answer_body) is html
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)
    assert progress.reason
    assert bench.poll(replace(order, status=Status.CANCELLED))[1].status is None


def test_a_token_that_is_void_by_now_is_flagged_and_changes_nothing(bench: Bench) -> None:
    order = bench.submitted()
    del bench.server.users[DEMO_TOKEN]
    _, progress = bench.poll(order)
    assert progress.status is None
    assert progress.text == progress.reason == "credentials: Invalid token."
    assert progress.next_poll_s == 45.0


@pytest.mark.parametrize(
    ("fault", "retry_after"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "33"}}, 33.0),
        ({"kind": "status", "status": 429, "body": '{"detail": "Expected available in 1 second."}'}, 1.0),
        ({"kind": "status", "status": 503, "body": MAINTENANCE}, None),
        ({"kind": "status", "status": 403, "body": MAINTENANCE}, None),
        ({"kind": "status", "status": 301, "headers": {"Location": "/elsewhere/"}}, None),
        ({"kind": "status", "status": 200, "body": MAINTENANCE}, None),
        ({"kind": "cut"}, None),
    ],
)
def test_a_poll_without_an_answer_keeps_the_status(
    bench: Bench, fault: JSON, retry_after: float | None
) -> None:
    order = bench.submitted()
    bench.fail(**fault, method="GET", path="/forcedphot/queue/")
    with pytest.raises(NoAnswer) as caught:
        bench.poll(order)
    assert caught.value.retry_after == retry_after
    assert bench.poll(order)[1].status is Status.SUBMITTED


def test_after_31_days_it_is_given_up(bench: Bench) -> None:
    bench.configure(runner_down=True)
    order = bench.submitted()
    later = replace(order, now=order.now + timedelta(days=31))
    assert (
        FACILITY.poll(replace(later, now=later.now - timedelta(seconds=1)), bench.link).next_poll_s == 300.0
    )
    expired = FACILITY.poll(later, bench.link)
    assert (expired.status, expired.next_poll_s) == (Status.EXPIRED, None)
    bench.configure(maintenance=True)
    assert FACILITY.poll(later, bench.link).status is Status.EXPIRED
    with pytest.raises(NoAnswer):
        FACILITY.poll(replace(later, status=Status.COMPLETE), bench.link)


def test_a_request_without_a_number_has_nothing_to_ask_for(bench: Bench) -> None:
    with pytest.raises(NoAnswer):
        FACILITY.poll(bench.order(), bench.link)
    with pytest.raises(Rejected):
        FACILITY.cancel(bench.order(), bench.link)
    assert bench.http.exchanges == []


# -- cancel


@pytest.mark.parametrize("seconds", [0, 601])
def test_a_queued_and_a_running_task_are_deleted(bench: Bench, seconds: float) -> None:
    order = bench.submitted()
    bench.advance(seconds)
    assert FACILITY.cancel(order, bench.link).status is Status.CANCELLED
    assert bench.tasks() == []
    again = FACILITY.cancel(order, bench.link)
    assert (again.status, len(bench.calls("DELETE"))) == (Status.CANCELLED, 1)


@pytest.mark.parametrize("outcome", ["data", "no_data"])
def test_a_finished_task_keeps_its_results(bench: Bench, outcome: str) -> None:
    bench.configure(spots=[{"ra": SN[0], "dec": SN[1], "outcome": outcome}])
    order = bench.submitted()
    bench.advance(901)
    with pytest.raises(Rejected, match="already complete"):
        FACILITY.cancel(order, bench.link)
    assert bench.calls("DELETE") == []
    assert bench.poll(order)[1].status is Status.COMPLETE


def test_somebody_elses_task_is_refused(bench: Bench) -> None:
    order = bench.submitted()
    other = Bench(bench.server, OTHER_TOKEN)
    theirs = replace(order, altdata=AtlasAltdata(api_token=SecretStr(OTHER_TOKEN)))
    with pytest.raises(Rejected, match="You must be the owner of this object"):
        FACILITY.cancel(theirs, other.link)
    assert len(bench.tasks()) == 1


def test_a_deletion_behind_a_cut_line_is_read_back(bench: Bench) -> None:
    order = bench.submitted()
    bench.fail("cut", method="DELETE", path="/forcedphot/queue/")
    assert FACILITY.cancel(order, bench.link).status is Status.CANCELLED
    assert bench.tasks() == []


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ([{"kind": "status", "status": 503, "method": "DELETE"}], Unanswered),
        ([{"kind": "refuse", "method": "DELETE"}], Unanswered),
        ([{"kind": "status", "status": 429, "method": "DELETE"}], NotSent),
        ([{"kind": "status", "status": 503, "method": "GET"}], NotSent),
        ([{"kind": "cut", "method": "GET"}], NotSent),
        (
            [{"kind": "status", "status": 401, "method": "GET", "body": '{"detail": "Invalid token."}'}],
            Rejected,
        ),
    ],
)
def test_a_cancellation_that_did_not_get_through(
    bench: Bench, faults: list[JSON], error: type[FacilityError]
) -> None:
    order = bench.submitted()
    for fault in faults:
        bench.fail(**fault, path="/forcedphot/queue/")
    with pytest.raises(error):
        FACILITY.cancel(order, bench.link)
    assert len(bench.tasks()) == 1


# -- update


def test_a_queued_task_is_changed_where_it_stands(bench: Bench) -> None:
    order = bench.submitted(bench.order(radec_epoch_year=2015.5))
    submission = bench.update(order, end_date="2023-07-01", comment="longer", radec_epoch_year=None)
    assert submission.facility_request_id == order.facility_request_id
    [call] = bench.calls("PATCH")
    assert json.loads(call["body"]) == {
        "mjd_max": 60126.0,
        "comment": "a1b2c3d4e5f6 longer",
        "radec_epoch_year": None,
    }
    [task] = bench.tasks()
    assert (task["mjd_max"], task["radec_epoch_year"]) == (60126.0, None)
    assert bench.poll(bench.known(order, submission))[1].status is Status.SUBMITTED


def test_a_position_gives_way_to_an_object(bench: Bench) -> None:
    order = bench.submitted()
    bench.update(order, mpc_name="Makemake", open_ended=True)
    [task] = bench.tasks()
    assert [task[name] for name in ("mpc_name", "ra", "dec", "mjd_max")] == ["Makemake", None, None, None]


def test_nothing_new_is_not_sent(bench: Bench) -> None:
    order = bench.submitted(bench.order(radec_epoch_year=2015.5, propermotion_ra=3.25))
    assert bench.update(order).facility_request_id == order.facility_request_id
    assert bench.calls("PATCH") == []


@pytest.mark.parametrize("seconds", [601, 901])
def test_a_started_task_is_not_changed(bench: Bench, seconds: float) -> None:
    order = bench.submitted()
    bench.advance(seconds)
    with pytest.raises(Rejected, match="already started"):
        bench.update(order, use_reduced=True)
    assert bench.calls("PATCH") == []


@pytest.mark.parametrize(("seconds", "deleted"), [(601, 1), (901, 0)])
def test_a_task_that_starts_meanwhile_is_queued_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, seconds: float, deleted: int
) -> None:
    order = bench.submitted()
    send = bench.http.send

    def starts_behind_the_patch(request: HttpRequest, *, read_timeout: float = 60.0) -> Any:
        answer = send(request, read_timeout=read_timeout)
        if request.method == "PATCH":
            bench.advance(seconds)
        return answer

    monkeypatch.setattr(bench.http, "send", starts_behind_the_patch)
    submission = bench.update(order, use_reduced=True)
    assert submission.facility_request_id != order.facility_request_id
    assert "had started before the change" in submission.notes[0]
    assert len(bench.calls("DELETE")) == deleted  # a finished task would lose its results
    newest = bench.tasks()[0]
    assert (str(newest["id"]), newest["use_reduced"]) == (submission.facility_request_id, True)
    assert len(bench.tasks()) == 2 - deleted


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 429, "method": "PATCH"}, NotSent),
        ({"kind": "status", "status": 400, "method": "PATCH", "body": '{"mjd_max": ["No."]}'}, Rejected),
        ({"kind": "status", "status": 503, "method": "PATCH"}, Unanswered),
        ({"kind": "status", "status": 503, "method": "GET"}, NotSent),
        ({"kind": "status", "status": 404, "method": "GET", "body": MAINTENANCE}, Rejected),
    ],
)
def test_a_change_that_did_not_get_through(bench: Bench, fault: JSON, error: type[FacilityError]) -> None:
    order = bench.submitted()
    bench.fail(**fault, path="/forcedphot/queue/")
    with pytest.raises(error):
        bench.update(order, use_reduced=True)
    [task] = bench.tasks()
    assert task["use_reduced"] is False


def test_a_change_that_cannot_be_read_back_is_noted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bench.submitted()
    reads = 0
    read = bench.http.read

    def fails_the_second_time(request: HttpRequest, *, read_timeout: float = 20.0) -> Any:
        nonlocal reads
        reads += 1
        if reads == 2:
            raise NoAnswer("timed out")
        return read(request, read_timeout=read_timeout)

    monkeypatch.setattr(bench.http, "read", fails_the_second_time)
    submission = bench.update(order, use_reduced=True)
    assert "could not be read: timed out" in submission.notes[0]
    assert bench.tasks()[0]["use_reduced"] is True


def test_a_lost_change_is_told_when_the_task_is_found(bench: Bench) -> None:
    order = bench.submitted()
    bench.fail("refuse", method="PATCH", path="/forcedphot/queue/")
    with pytest.raises(Unanswered):
        bench.update(order, use_reduced=True, end_date="2023-07-01")
    changed = {**order.payload.model_dump(mode="json"), "use_reduced": True}
    found = FACILITY.reconcile(replace(order, payload=AtlasPayload.model_validate(changed)), bench.link)
    assert isinstance(found, Submission)
    assert found.text == "the task has another use_reduced than the request: update it again"


# -- verify


def test_good_credentials(bench: Bench) -> None:
    bench.submit(bench.order())
    verification = FACILITY.verify(bench.order().altdata, bench.link)
    assert (verification.valid, verification.details) == (True, {"tasks": 1})


@pytest.mark.parametrize(
    ("token", "text"), [(UNKNOWN_TOKEN, "Invalid token."), (INACTIVE_TOKEN, "User inactive")]
)
def test_bad_credentials(server: AtlasServer, token: str, text: str) -> None:
    bench = Bench(server, token)
    verification = FACILITY.verify(bench.order().altdata, bench.link)
    assert not verification.valid
    assert text in verification.text
    assert token not in repr(verification) + repr(bench.http.exchanges)


@pytest.mark.parametrize(
    "fault", [{"status": 503, "body": MAINTENANCE}, {"status": 429}, {"status": 200, "body": MAINTENANCE}]
)
def test_credentials_that_cannot_be_checked_now(bench: Bench, fault: JSON) -> None:
    bench.fail("status", method="GET", path="/forcedphot/queue/", **fault)
    with pytest.raises(NoAnswer):
        FACILITY.verify(bench.order().altdata, bench.link)
