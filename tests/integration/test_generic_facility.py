"""The generic facility's POST against its simulators: a plain endpoint and a SkyPortal instance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from local.simulators.base import Fault
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from slew.errors import Failed, NotSent, Rejected, Unanswered
from slew.models import Target
from slew.status import Status
from tests.generic_bench import FACILITY, JSON, PAYLOAD, Bench, serving

PEER = json.loads((Path(__file__).parent.parent / "data/peer/generic.json").read_text())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    with serving(monkeypatch) as simulator:
        yield simulator


@pytest.fixture
def bench(server: EndpointServer) -> Bench:
    return Bench(server)


@pytest.fixture
def portal(server: EndpointServer) -> Bench:
    return Bench(server, "/api/followup_request")


# -- the wire


def test_submit_posts_three_keys_and_the_token(bench: Bench) -> None:
    submission = bench.submit()
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, "1")
    (seen,) = bench.server.journal
    assert (seen["method"], seen["path"]) == ("POST", "/api/requests")
    assert seen["headers"]["Authorization"] == f"token {DEMO_TOKEN}"
    assert seen["headers"]["Content-Type"] == "application/json"
    assert seen["body"] == json.dumps({"obj_id": "2023ixf", "allocation_id": 7, "payload": PAYLOAD})
    bench.check_no_secret(submission)


@pytest.mark.parametrize("entry", PEER, ids=lambda entry: entry["name"])
def test_the_same_request_as_the_peers(bench: Bench, entry: JSON) -> None:
    altdata = {**entry["altdata"], "endpoint": f"{bench.server.url}/api/requests"}
    mine = Bench(bench.server, **altdata)
    bench.answer(tokens=[entry["altdata"]["api_token"]])
    target = Target(name=entry["target"]["id"], ra=entry["target"]["ra"], dec=entry["target"]["dec"])
    order = mine.order(entry["payload"], str(entry["allocation_id"]), target=target)
    if entry["operation"] == "delete":
        known = str(entry["earlier_answers"][-1]["data"]["id"])
        bench.server.requests[int(known)] = {"state": "submitted"}
        cancelled = FACILITY.cancel(replace(order, facility_request_id=known), mine.link)
        assert cancelled.status is Status.CANCELLED
    else:
        mine.submit(order)
    (theirs,) = entry["peer"]["sent"]
    (ours,) = bench.server.journal
    assert ours["method"] == theirs["method"]
    assert ours["path"] == theirs["url"].replace(
        "https://telescope.example.org/api/followup", "/api/requests"
    )
    assert ours["headers"]["Authorization"] == theirs["headers"]["Authorization"]
    assert (json.loads(ours["body"]) if ours["body"] else None) == theirs.get("json")


@pytest.mark.parametrize(
    ("allocation", "remote", "sent"),
    [
        ("7", None, 7),
        ("too-1", None, "too-1"),
        ("too-1", 12, 12),
        ("too-1", "12", 12),
        ("7", "x9", "x9"),
        ("007", None, "007"),
    ],
)
def test_allocation_id(server: EndpointServer, allocation: str, remote: Any, sent: Any) -> None:
    bench = Bench(server, **({"remote_allocation_id": remote} if remote is not None else {}))
    body = json.loads(
        cast(Any, FACILITY.prepare(bench.order(allocation=allocation), bench.link).exchanges[0]).body
    )
    assert body["allocation_id"] == sent
    assert type(body["allocation_id"]) is type(sent)


def test_other_keys_are_forwarded_unchanged(bench: Bench) -> None:
    payload = {**PAYLOAD, "too": "yes", "mode": {"binning": [2, 2], "α": None}, "exposure_time": 12.50}
    bench.submit(bench.order(payload))
    assert json.loads(bench.server.journal[0]["body"])["payload"] == payload
    assert "\\u03b1" in bench.server.journal[0]["body"]


# -- answers to a submission


@pytest.mark.parametrize("answer", ["created", "accepted"])
def test_any_2xx_with_an_id_is_submitted(bench: Bench, answer: str) -> None:
    bench.answer(answer=answer)
    assert bench.submit().facility_request_id == "1"


@pytest.mark.parametrize("answer", ["no_content", "empty", "text"])
def test_2xx_without_an_id_is_submitted_but_cannot_be_cancelled(bench: Bench, answer: str) -> None:
    bench.answer(answer=answer)
    order = bench.submitted()
    assert order.facility_request_id is None
    with pytest.raises(Rejected, match="cannot be cancelled remotely"):
        FACILITY.cancel(order, bench.link)
    assert len(bench.server.journal) == 1


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"data": {"id": "ab-1"}}', "ab-1"),
        ('{"id": 12}', "12"),
        ('{"data": {"id": 3}, "id": 4}', "3"),
        ('{"data": [], "id": true}', None),
        ('{"data": {"id": ".."}}', None),
        ('{"data": {"id": "a\\nb"}}', None),
        ('["id"]', None),
        ('{"data": null}', None),
    ],
)
def test_where_the_id_is_looked_for(bench: Bench, body: str, found: str | None) -> None:
    bench.server.faults.append(Fault("status", status=200, body=body, content_type="application/json"))
    assert bench.submit().facility_request_id == found


def test_ignored_is_not_a_success(bench: Bench) -> None:
    bench.answer(answer="ignored")
    reason = bench.refusal(Rejected).reason
    assert reason.startswith("There is already a follow-up request for this source and allocation")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("rejected: target is below the horizon", "target is below the horizon"),
        ("failed to submit: HTTP 500", "failed to submit: HTTP 500"),
    ],
)
def test_a_refusal_behind_a_200_is_not_a_success(portal: Bench, status: str, reason: str) -> None:
    portal.answer(portal={"allocations": {"7": {"telescope": status}}})
    assert portal.refusal(Rejected).reason == reason


def test_a_long_refusal_is_cut(bench: Bench) -> None:
    bench.answer(answer="refused")
    reason = bench.refusal(Rejected).reason
    assert reason.startswith("HTTP 400: This request was refused. ")
    assert len(reason) <= 300


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (
            400,
            '{"status": "error", "message": "Filter\\n\\tunknown\\u0000", "data": {}}',
            "HTTP 400: Filter unknown",
        ),
        (403, "<html><head></head><body><h1>403</h1>no</body></html>", "HTTP 403: 403 no"),
        (404, "", "HTTP 404"),
        (409, '{"detail": "twice"}', "HTTP 409: twice"),
        (422, '{"error": {"a": 1}}', 'HTTP 422: {"error": {"a": 1}}'),
    ],
)
def test_refusals_in_the_endpoints_own_words(bench: Bench, status: int, body: str, reason: str) -> None:
    bench.server.faults.append(Fault("status", status=status, body=body))
    assert bench.refusal(Rejected).reason == reason


def test_a_wrong_token(server: EndpointServer) -> None:
    bench = Bench(server, api_token="wrong-token-wrong-token")
    assert bench.refusal(Rejected).reason == "HTTP 401: Unauthorized"


def test_an_error_envelope_behind_a_200(bench: Bench) -> None:
    body = '{"status": "error", "message": "no such instrument", "data": {}}'
    bench.server.faults.append(Fault("status", status=200, body=body, content_type="application/json"))
    assert bench.refusal(Rejected).reason == "HTTP 200: no such instrument"


def test_throttled(bench: Bench) -> None:
    bench.answer(answer="throttled")
    assert cast(NotSent, bench.refusal(NotSent)).retry_after == 2


def test_503_is_retried_only_if_it_says_when(bench: Bench) -> None:
    bench.answer(answer="unavailable")
    assert "not confirmed" in bench.refusal(Failed).reason
    bench.server.faults.append(Fault("status", status=503, headers={"Retry-After": "60"}))
    assert cast(NotSent, bench.refusal(NotSent)).retry_after == 60


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_server_errors_end_it(bench: Bench, status: int) -> None:
    bench.server.faults.append(Fault("status", status=status, body="<h1>Bad</h1>"))
    assert bench.refusal(Failed).reason.startswith(f"HTTP {status}: Bad")
    assert len(bench.server.journal) == 1


@pytest.mark.parametrize("answer", ["redirect", "redirect_307"])
def test_redirects_are_refused_by_name_and_not_followed(bench: Bench, answer: str) -> None:
    bench.answer(answer=answer)
    reason = bench.refusal(Rejected).reason
    assert f"redirected to {bench.server.url}/elsewhere" in reason
    assert [seen["path"] for seen in bench.server.journal] == ["/api/requests"]


@pytest.mark.parametrize("kind", ["refuse", "cut", "reset"])
def test_no_answer_is_unknown(bench: Bench, kind: str) -> None:
    bench.server.faults.append(Fault(kind))
    bench.refusal(Unanswered)


def test_nobody_there_is_not_sent(bench: Bench) -> None:
    bench.server.vanish()
    bench.refusal(NotSent)


def test_a_huge_answer(bench: Bench) -> None:
    bench.answer(answer="huge")
    assert bench.submit().facility_request_id == "1"
