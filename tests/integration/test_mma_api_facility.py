"""Plans by HTTP against the simulated receiver: every answer of the card, losses included."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mma.plan import DRAFT
from slew import http
from slew.errors import (
    Failed,
    Invalid,
    NotSent,
    Rejected,
)
from slew.status import Status
from tests.mma_bench import API, FACILITY, NAME, PLAN, Bench, failure, many, serving
from tests.mma_http_bench import PAGE, PATH, configure, fail, puts
from tests.support.waiting import LONG_S


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, API) as found:
        yield found


@pytest.fixture
def asking(bench: Bench) -> Bench:
    """A receiver that lists and deletes, too."""
    bench.altdata |= {"receiver_lists": True, "receiver_deletes": True}
    return bench


# -- taken


def test_a_plan_is_taken(bench: Bench) -> None:
    submission = bench.submit()
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, "1")
    assert (submission.data["plan_id"], submission.data["queue_name"]) == ("1", NAME)
    assert submission.notes == ()
    [seen] = bench.server.journal
    assert (seen["method"], seen["path"]) == ("PUT", PATH)
    assert seen["headers"]["Authorization"] == "token mma-demo-token"
    assert seen["headers"]["Host"] == bench.server.url.partition("://")[2]
    assert bench.server.plans[0].name == NAME
    assert bench.marks == ["http"]


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("style", ["new", "old"])
def test_statuses_and_styles_of_success(bench: Bench, style: str, status: int) -> None:
    configure(bench, style=style, success=status)
    submission = bench.submit()
    assert submission.facility_request_id == ("1" if style == "new" else NAME)
    assert (submission.text, submission.notes) == (f"HTTP {status}", ())


def test_the_forms_synonyms_reach_the_same_place(bench: Bench) -> None:
    bench.altdata = {"endpoint": f"{bench.server.url}{PATH}", "api_token": API["access_token"]}
    assert bench.submit().facility_request_id == "1"


def test_a_page_instead_of_json_is_taken_with_a_note(bench: Bench) -> None:
    configure(bench, answer="html")
    submission = bench.submit()
    assert submission.status is Status.SUBMITTED
    assert submission.notes == ("the receiver's answer was not understood: it said Thank you",)


@pytest.mark.parametrize("body", ["[]", "null", '"ok"', '{"data": 7}', '{"data": {"id": true}}', "{"])
def test_nonsense_in_a_success(bench: Bench, body: str) -> None:
    fail(bench, "status", status=200, body=body)
    assert bench.submit().facility_request_id == NAME


def test_ten_thousand_pointings(bench: Bench) -> None:
    bench.payload = {
        **{key: PLAN[key] for key in ("queue_name", "start_date", "end_date")},
        "targets": many(10_000),
    }
    bench.submit()
    assert len(bench.server.plans[0].content["targets"]) == 10_000


# -- refused


def test_a_name_that_exists_is_somebody_elses(bench: Bench) -> None:
    bench.submit()
    other = Bench(bench.server, bench.altdata)
    assert failure(other, Rejected).reason == (
        "queue name exists: HTTP 400: An observation plan with this name already exists"
    )
    # Resubmitting does not make it ours.
    assert failure(other, Rejected).reason.startswith("queue name exists")


def test_the_older_receiver_gives_no_reason(bench: Bench) -> None:
    configure(bench, style="old")
    bench.submit()
    assert failure(Bench(bench.server, bench.altdata), Rejected).reason == "HTTP 400 without a reason"


def test_a_wrong_token(bench: Bench) -> None:
    bench.altdata["access_token"] = "wrong-token"
    assert (
        failure(bench, Rejected).reason
        == "the receiver refused the token: HTTP 401: 401: Unauthorized 401: Unauthorized"
    )


def test_200_that_means_refusal(bench: Bench) -> None:
    configure(bench, answer="refused")
    assert failure(bench, Rejected).reason == "HTTP 200: The queue is closed"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (
            400,
            '{"status": "error", "message": "Error adding observation plan", "data": {}}',
            "Error adding observation plan",
        ),
        (404, PAGE, "Sorry Down for & maintenance"),
        (302, "", "without a reason"),
        (418, '{"message": 7}', '{"message": 7}'),
    ],
)
def test_other_answers_are_refusals(bench: Bench, status: int, body: str, reason: str) -> None:
    fail(bench, "status", status=status, body=body)
    assert failure(bench, Rejected).reason.endswith(reason)
    assert puts(bench) == 1


def test_throttled(bench: Bench) -> None:
    fail(bench, "status", status=429, headers={"Retry-After": "17"})
    error = failure(bench, NotSent)
    assert error.retry_after == 17
    assert bench.submit().facility_request_id == "1"


# -- lost


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_plan_whose_answer_was_lost_is_sent_again_and_found(bench: Bench, kind: str) -> None:
    fail(bench, kind)
    assert "a receiver takes a name once" in failure(bench, NotSent).reason
    submission = bench.submit()
    assert submission.status is Status.SUBMITTED
    assert submission.notes == (
        "the receiver has a plan of this name: taken for this one, whose first answer was lost",
    )
    assert len(bench.server.plans) == 1


def test_a_lost_answer_is_asked_for(asking: Bench) -> None:
    fail(asking, "cut")
    submission = asking.submit()
    assert (submission.facility_request_id, submission.text) == ("1", "taken by an earlier attempt")
    assert puts(asking) == 1


def test_what_did_not_arrive_is_sent_again(asking: Bench) -> None:
    fail(asking, "status", status=503, body=PAGE, headers={"Retry-After": "60"})
    error = failure(asking, NotSent)
    assert error.retry_after == 60
    assert "Down for" in error.reason
    assert asking.submit().facility_request_id == "1"


def test_before_sending_again_the_receiver_is_asked(asking: Bench) -> None:
    fail(asking, "cut")
    fail(asking, "status", "GET", status=500)
    failure(asking, NotSent)
    assert asking.submit().facility_request_id == "1"
    assert puts(asking) == 1


def test_a_receiver_that_cannot_be_asked_is_not_sent_it_again(asking: Bench) -> None:
    fail(asking, "cut")
    fail(asking, "status", "GET", status=500, times=2)
    failure(asking, NotSent)
    assert "could not be asked" in failure(asking, NotSent).reason
    assert puts(asking) == 1


def test_another_plan_of_the_name_is_not_taken_for_ours(asking: Bench) -> None:
    other = Bench(
        asking.server, asking.altdata, {**PLAN, "planned_observations": PLAN["planned_observations"][:1]}
    )
    fail(asking, "status", status=500)
    failure(asking, NotSent)
    other.submit()
    assert "queue name exists" in failure(asking, Rejected).reason
    assert FACILITY.reconcile(asking.order(), asking.link) is None


def test_the_older_receivers_list(asking: Bench) -> None:
    configure(asking, style="old")
    fail(asking, "cut")
    assert asking.submit().facility_request_id == NAME
    assert puts(asking) == 1


def test_a_time_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_TIMEOUT", 0.2)
    send = bench.http.send
    monkeypatch.setattr(bench.http, "send", lambda request: send(request, read_timeout=0.2))
    fail(bench, "hang", seconds=LONG_S)
    assert "timed out" in failure(bench, NotSent).reason


def test_a_receiver_that_is_down(bench: Bench) -> None:
    bench.server.vanish()
    assert "could not reach" in failure(bench, NotSent).reason
    assert bench.kept["may_have"] is None


def test_a_name_that_was_taken_while_we_could_not_connect_is_not_ours(bench: Bench) -> None:
    bench.server.vanish()
    failure(bench, NotSent)
    bench.server.start(int(bench.altdata["port"]))
    Bench(bench.server, bench.altdata).submit()
    assert "queue name exists" in failure(bench, Rejected).reason


def test_a_forbidden_host_is_never_called(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    with pytest.raises(Invalid):
        FACILITY.check_altdata(order.altdata)
    with pytest.raises(Failed):
        FACILITY.submit(order, prepared, bench.link)
    assert bench.server.journal == []


def test_the_default_name_stays_the_same(bench: Bench) -> None:
    del bench.payload["queue_name"]
    fail(bench, "cut")
    failure(bench, NotSent)
    bench.advance(100)
    bench.submit()
    assert [plan.name.removeprefix("ToO_") for plan in bench.server.plans] == [
        bench.kept[DRAFT]["queue_name"]
    ]
