"""KAIT against its simulator, over real HTTP: the card's answers and failures, and that no secret is kept."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests

from kait import facility as client
from kait.facility import Kait, KaitOrder
from kait.models import KaitAltdata, KaitPayload
from local.simulators.base import Fault
from local.simulators.kait import PATH, KaitServer
from slew.errors import FacilityError, Failed, NotSent, Rejected, Unanswered
from slew.facility import AllocationFacts, Link, MailLink, Order, Prepared, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.wire import HttpRequest
from tests.support.waiting import LONG_S

JSON = dict[str, Any]
FACILITY = Kait()
PASSWORD = "correct-horse"
PAGE = "<html><head><title>Sorry</title></head><body><p>Down for &quot;maintenance&quot;</p></body></html>"


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: KaitServer) -> None:
        self.server = server
        self.password = PASSWORD
        self.http = Http(Redactor([PASSWORD, "wrong-horse"]))
        self.link = Link(self.http, cast(MailLink, None))
        self.shown: list[Any] = []

    def order(self, name: str = "ZTF26aabcdef", ra: float = 229.9620403, **payload: Any) -> KaitOrder:
        now = datetime(2026, 11, 22, 18, tzinfo=UTC)
        return Order(
            request_id="a1b2c3d4e5f6",
            instrument=None,
            target=Target(name=name, ra=ra, dec=34.8442757),
            payload=KaitPayload.model_validate({"observation_choices": ["g", "r", "i"], **payload}),
            altdata=KaitAltdata.model_validate({"username": "kaituser", "password": self.password}),
            allocation=AllocationFacts("kait-2026", "PI of the proposal", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: KaitOrder | None = None) -> Submission:
        order = order or self.order()
        submission = FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)
        self.shown.append(submission)
        return submission

    def failure(self, kind: type[FacilityError]) -> FacilityError:
        with pytest.raises(kind) as caught:
            self.submit()
        assert type(caught.value) is kind
        self.shown.append((caught.value, caught.value.reason))
        return caught.value

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The usual bench; whatever the test did, nothing that is kept or told may hold the password."""
    server = KaitServer()
    monkeypatch.setenv("SLEW_KAIT_URL", f"{server.start()}/")
    bench = Bench(server)
    yield bench
    server.stop()
    basic = requests.auth._basic_auth_str("kaituser", bench.password)
    for secret in (bench.password, basic.partition(" ")[2]):
        assert secret not in repr((bench.http.exchanges, bench.shown))


def test_a_request_is_queued_as_the_card_shows_it(bench: Bench) -> None:
    submission = bench.submit()
    assert submission.status is Status.SUBMITTED
    assert submission.facility_request_id is None
    assert submission.text == "The Command Completed Successfully"
    assert submission.notes == ()
    [seen] = bench.server.journal
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", PATH, "")
    assert seen["headers"]["Authorization"] == "Basic a2FpdHVzZXI6Y29ycmVjdC1ob3JzZQ=="
    assert seen["headers"]["Content-Type"] == "application/json"
    assert seen["headers"]["Content-Length"] == "100"
    assert seen["body"] == (
        '{"name": "ZTF26aabcdef", "ra": "229.96204", "dec": "34.84428", "filters": "gri", "exposure": "long"}'
    )
    [queued] = bench.server.queue
    assert (queued["user"], queued["filters"]) == ("kaituser", "gri")


def test_what_there_is_to_recognise_it_by_is_kept(bench: Bench) -> None:
    data = bench.submit().data
    assert data["sent"] == json.loads(bench.server.journal[0]["body"])
    assert data["sent_at"] == "2026-11-22T18:00:00.000Z"
    assert json.loads(data["answer"]) == {
        "success": "true",
        "message": "The Command Completed Successfully",
    }


def test_two_requests_are_two_entries(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    assert len(bench.server.queue) == 2


def test_a_boolean_success_is_one(bench: Bench) -> None:
    bench.configure(answer="boolean")
    assert bench.submit().text == "The Command Completed Successfully"


@pytest.mark.parametrize(
    ("answer", "said"), [("empty", "it said nothing"), ("text", "it said Request queued")]
)
def test_200_that_is_not_json_is_submitted_with_a_warning(bench: Bench, answer: str, said: str) -> None:
    bench.configure(answer=answer)
    submission = bench.submit()
    assert submission.status is Status.SUBMITTED
    [note] = submission.notes
    assert note == f"KAIT's answer was not understood: {said}"
    assert submission.data["answer"] == (
        "" if answer == "empty" else "<html><body>Request queued</body></html>"
    )


def test_200_that_says_it_failed_is_rejected(bench: Bench) -> None:
    bench.configure(answer="full")
    assert bench.failure(Rejected).reason == "The queue is full"
    assert bench.server.queue == []


def test_a_body_that_the_script_refuses_is_rejected_in_its_words(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    bad = prepared.http().body.replace(b'"229.96204"', b'"east"')
    request = HttpRequest("POST", prepared.http().url, prepared.http().headers, bad)
    with pytest.raises(Rejected, match=r"^Invalid ra$"):
        FACILITY.submit(order, Prepared((request,)), bench.link)


def test_bad_credentials(bench: Bench) -> None:
    bench.password = "wrong-horse"
    error = bench.failure(Failed)
    assert error.reason == "KAIT refused the credentials"
    assert not cast(Failed, error).unconfirmed
    assert bench.server.queue == []


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (401, Failed, "KAIT refused the credentials"),
        (403, Failed, "KAIT refused the credentials"),
        (404, Rejected, '404 Sorry Down for "maintenance"'),
        (429, Rejected, '429 Sorry Down for "maintenance"'),
        (201, Rejected, '201 Sorry Down for "maintenance"'),
        (302, Rejected, '302 Sorry Down for "maintenance"'),
        (500, Failed, "KAIT error 500"),
        (503, Failed, "KAIT error 503"),
    ],
)
def test_every_other_status(bench: Bench, status: int, kind: type[FacilityError], reason: str) -> None:
    bench.fail("status", status=status, body=PAGE, headers={"Location": f"{bench.server.url}{PATH}?again"})
    error = bench.failure(kind)
    assert error.reason == reason
    assert getattr(error, "unconfirmed", False) is (status >= 500)  # it may have queued it before it broke
    assert len(bench.server.journal) == 1, "neither sent again nor redirected with the credentials"


def test_a_crash_of_the_script(bench: Bench) -> None:
    bench.configure(refusal="crash")
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    request = HttpRequest("POST", prepared.http().url, prepared.http().headers, b"[]")
    with pytest.raises(Failed, match=r"^KAIT error 500$") as caught:
        FACILITY.submit(order, Prepared((request,)), bench.link)
    assert caught.value.unconfirmed


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_taken_and_not_answered_is_unknown(bench: Bench, kind: str) -> None:
    bench.fail(kind)
    error = bench.failure(Unanswered)
    assert error.reason.startswith("outcome unknown, the request may have been queued: no answer from ")
    assert len(bench.server.queue) == 1
    assert len(bench.server.journal) == 1


def test_a_delay_past_the_time_out_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_TIMEOUT_S", 0.2)
    bench.fail("hang", seconds=LONG_S)
    error = bench.failure(Unanswered)
    assert error.reason.endswith("timed out")
    assert len(bench.server.journal) <= 1, "not sent again"


def test_nobody_there_is_not_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("SLEW_KAIT_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        assert bench.failure(NotSent).reason.startswith("KAIT unreachable: could not reach ")
    assert bench.server.journal == []
