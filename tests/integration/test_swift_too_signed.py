"""Swift's facility against its simulator in protocol v1.2: signatures, the queue, and refusals with 200."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.simulators.swift_too import DEMO_SECRET, SwiftTooServer, sky
from slew.errors import Failed, NoAnswer, NotSent, Rejected, Unanswered, Unavailable
from slew.facility import Submission
from slew.status import Status
from tests.swift_too_bench import Bench, altdata_of

PATH = "/toop/submit_json.php"
PAGE = "<html><body><h1>Maintenance</h1></body></html>"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    simulator = SwiftTooServer()
    simulator.start()
    monkeypatch.setenv("SLEW_SWIFT_TOO_URL", simulator.base_url)
    monkeypatch.setenv("SLEW_SWIFT_TOO_V1_URL", simulator.extra_urls()["v1"])
    monkeypatch.setenv("SLEW_SWIFT_TOO_PROTOCOL", "v1.2")
    bench = Bench(simulator)
    yield bench
    recorded = repr(bench.http.exchanges)
    assert DEMO_SECRET not in recorded
    for each in simulator.journal:
        assert each["body"].rpartition(".")[2] not in recorded
    simulator.stop()


def test_a_queued_job_is_waited_for(bench: Bench) -> None:
    submission = bench.submit(bench.order())
    [too] = bench.server.book.toos
    assert (submission.facility_request_id, submission.text) == (str(too.too_id), "Accepted")
    assert submission.data["protocol"] == "v1.2"
    assert len(bench.calls(PATH)) == 2


def test_a_job_that_stays_queued_is_finished_by_a_poll(bench: Bench) -> None:
    bench.configure(queued_looks=5)
    order = bench.submitted(bench.order())
    job = order.facility_data["job"]
    assert (order.status, order.facility_request_id) == (Status.SUBMITTED, f"job {job}")
    order, queued = bench.poll(order)
    assert (queued.status, queued.text, queued.next_poll_s) == (Status.SUBMITTED, "queued: Queued", 30.0)
    order, accepted = bench.poll(order)
    [too] = bench.server.book.toos
    assert accepted.text == f"Accepted as TOO {too.too_id}"
    order, waiting = bench.poll(order)
    assert "waiting for a decision" in waiting.text


@pytest.mark.parametrize("queued_looks", [0, 1, 5])
@pytest.mark.parametrize("as_400", [False, True])
def test_a_refusal_by_whatever_way(bench: Bench, queued_looks: int, as_400: bool) -> None:
    bench.configure(queued_looks=queued_looks, signed_refuse_with_400=as_400)
    ra, dec = sky.BRIGHT_STAR
    order = bench.order({"name": "spot", "ra": ra, "dec": dec}, uvot_mode="0x2005", uvot_just="v")
    if queued_looks < 5:
        with pytest.raises(Rejected, match=r"due to a bright star: v\.$"):
            bench.submit(order)
        return
    order = bench.submitted(order)
    order, _ = bench.poll(order)
    order, refused = bench.poll(order)
    assert (refused.status, refused.next_poll_s) == (Status.REJECTED, None)
    assert refused.reason.endswith("due to a bright star: v.")


def test_hours_and_a_slew_in_place(bench: Bench) -> None:
    fields: dict[str, Any] = {"monitoring_freq": "3 hours", "exposure_counts": 2, "slew_in_place": True}
    bench.submit(bench.order(**fields))
    assert bench.server.book.toos[0].fields["monitoring_freq"] == "3 hours"
    bench.submit(bench.order({"name": "another", "ra": 1.0, "dec": 2.0}, slew_in_place=False))
    assert len(bench.server.book.toos) == 2


def test_a_wrong_secret_is_answered_in_plain_words(bench: Bench) -> None:
    wrong = Bench(bench.server, altdata_of(secret="not-the-secret"))
    with pytest.raises(Rejected, match=r"^bad shared secret \(answer not JSON\)$"):
        wrong.submit(wrong.order())
    verification = wrong.facility.verify(wrong.altdata, wrong.link)
    assert (verification.valid, verification.text) == (False, "bad shared secret (answer not JSON)")
    assert bench.facility.verify(bench.altdata, bench.link).valid
    assert "not-the-secret" not in repr(wrong.http.exchanges)


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (200, PAGE, Unanswered, "cannot be read: Maintenance"),
        (200, "", Unanswered, "cannot be read"),
        (200, '{"api_version": "2.0", "api_data": {}}', Failed, "version 2.0"),
        (200, '{"api_version": "1.2", "api_data": {}}', Unanswered, "without a status"),
        (
            200,
            '{"api_version": "1.2", "api_data": {"status": "Queued"}}',
            Unanswered,
            "Queued without the number",
        ),
        (400, "<p>Not &amp; now</p>", Rejected, "^Not & now$"),
        (400, '{"detail": "Invalid API name"}', Rejected, "^Invalid API name$"),
        (400, '{"errors": ["bright star"]}', Rejected, "bright star"),
        (403, '{"message": "user not allowed"}', Rejected, "user not allowed"),
        (400, '{"status": "error", "errors": ["bright star"]}', Rejected, "^bright star$"),
        (400, '{"status": "Accepted", "too_id": 5}', Rejected, "Accepted.*5"),
        (302, "", Rejected, "base URL"),
        (429, "slow down", NotSent, "^throttled: slow down$"),
        (503, PAGE, Unanswered, "HTTP 503"),
    ],
)
def test_every_answer_ends_in_its_own_way(
    bench: Bench, status: int, body: str, error: type[Exception], text: str
) -> None:
    bench.fail("status", path=PATH, status=status, body=body)
    with pytest.raises(error, match=text):
        bench.submit(bench.order())


def test_a_lost_answer_is_settled_by_the_same_token(bench: Bench) -> None:
    order = bench.order()
    bench.fail("cut", path=PATH)
    with pytest.raises(Unanswered):
        bench.submit(order)
    found = bench.facility.reconcile(bench.at_once(order), bench.link)
    assert isinstance(found, Submission)
    [too] = bench.server.book.toos
    assert found.facility_request_id == str(too.too_id)


def test_the_number_comes_from_the_words_of_the_guard_where_the_token_is_not_known(bench: Bench) -> None:
    order = bench.order()
    bench.fail("cut", path=PATH)
    with pytest.raises(Unanswered):
        bench.submit(order)
    changed = replace(order, payload=bench.order(urgency=4).payload)
    bench.configure(queued_looks=0)
    found = bench.facility.reconcile(bench.at_once(changed), bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(bench.server.book.toos[0].too_id)


def test_queued_queries_are_asked_again_later(bench: Bench) -> None:
    order = bench.submitted(bench.order())
    bench.configure(queued_queries=True)
    with pytest.raises(NoAnswer, match="queued") as caught:
        bench.poll(order)
    assert caught.value.retry_after == 30.0
    assert bench.poll(order)[1].status is Status.SUBMITTED


def test_validation(bench: Bench) -> None:
    order = bench.order()
    verdict = bench.facility.validate(order, bench.facility.prepare(order, bench.link), bench.link)
    assert (verdict.accepted, verdict.details) == (True, {"warnings": []})
    assert not bench.server.book.toos


def test_a_dry_run_shows_an_unsigned_token(bench: Bench) -> None:
    body = bench.facility.prepare(bench.order(), bench.link).http().body.decode()
    assert body.startswith("jwt=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.")
    assert body.endswith(".")


def test_nothing_is_sent_where_no_address_is_set(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLEW_SWIFT_TOO_V1_URL")
    with pytest.raises(Unavailable, match="SLEW_SWIFT_TOO_V1_URL is not set"):
        bench.submit(bench.order())
