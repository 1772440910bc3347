"""The generic facility's HTTP transport against its simulators: a plain endpoint and a SkyPortal instance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from pydantic import ValidationError

from generic.facility import Generic
from generic.models import GenericAltdata, GenericPayload
from local.simulators.base import Fault
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from local.simulators.skyportal import EXPIRED_TOKEN, FIRST_ID
from slew.errors import FacilityError, Failed, Invalid, NotSent, Rejected, Unanswered
from slew.facility import AllocationFacts, Link, MailLink, Order, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.work import secret_values

JSON = dict[str, Any]
FACILITY = Generic()
PEER = json.loads((Path(__file__).parent.parent / "data/peer/generic.json").read_text())
PAYLOAD: JSON = {
    "observation_choices": ["sdssg", "sdssr"],
    "exposure_time": 300,
    "exposure_counts": 2,
    "maximum_airmass": 2.0,
    "minimum_lunar_distance": 30.0,
    "priority": 5,
    "start_date": "2026-12-01",
    "end_date": "2026-12-08",
}


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: EndpointServer, path: str = "/api/requests", **altdata: Any) -> None:
        self.server = server
        self.altdata = GenericAltdata.model_validate(
            {
                "notification_type": "API",
                "endpoint": f"{server.url}{path}",
                "api_token": DEMO_TOKEN,
                **altdata,
            }
        )
        self.secrets = secret_values(self.altdata)
        self.http = Http(Redactor(self.secrets))
        self.link = Link(self.http, cast(MailLink, None))

    def order(self, payload: JSON | None = None, allocation: str = "7", **fields: Any) -> Order[Any, Any]:
        now = datetime(2026, 11, 22, 17, tzinfo=UTC)
        order: Order[Any, Any] = Order(
            request_id="a1b2c3d4e5f6",
            instrument=None,
            target=Target(name="2023ixf", ra=210.910674637, dec=54.311651),
            payload=GenericPayload.model_validate(PAYLOAD if payload is None else payload),
            altdata=self.altdata,
            allocation=AllocationFacts(allocation, "PI Name", "transients"),
            requester=Requester(username="jdoe", name="Jane Doe", email="jane@example.edu"),
            now=now,
            created_at=now,
        )
        return replace(order, **fields)

    def submit(self, order: Order[Any, Any] | None = None) -> Submission:
        order = order or self.order()
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def submitted(self) -> Order[Any, Any]:
        """An order that the endpoint has taken."""
        sent = self.submit()
        return self.order(
            facility_request_id=sent.facility_request_id, facility_data=sent.data, status=Status.SUBMITTED
        )

    def update(self, order: Order[Any, Any]) -> Submission:
        return FACILITY.update(order, FACILITY.prepare(order, self.link), self.link)

    def refusal(self, kind: type[FacilityError]) -> FacilityError:
        with pytest.raises(kind) as caught:
            self.submit()
        assert type(caught.value) is kind
        self.check_no_secret(caught.value)
        return caught.value

    def check_no_secret(self, *more: Any) -> None:
        """None of the secrets in the record or in what else is given."""
        shown = repr((self.http.exchanges, more))
        for secret in self.secrets:
            assert secret not in shown

    def answer(self, **settings: Any) -> None:
        assert requests.post(f"{self.server.url}/_config", json=settings, timeout=10).ok


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    simulator = EndpointServer()
    simulator.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    yield simulator
    simulator.stop()


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
    bench.server.stop()
    bench.refusal(NotSent)


def test_a_huge_answer(bench: Bench) -> None:
    bench.answer(answer="huge")
    assert bench.submit().facility_request_id == "1"


# -- cancel and update


@pytest.mark.parametrize("slash", ["", "/"])
def test_cancel_deletes_with_one_slash(bench: Bench, slash: str) -> None:
    order = bench.submitted()
    altdata = bench.altdata.model_copy(update={"endpoint": f"{bench.altdata.endpoint}{slash}"})
    cancelled = FACILITY.cancel(replace(order, altdata=altdata), bench.link)
    assert cancelled.status is Status.CANCELLED
    seen = bench.server.journal[-1]
    assert (seen["method"], seen["path"], seen["body"]) == ("DELETE", "/api/requests/1", "")
    assert seen["headers"]["Authorization"] == f"token {DEMO_TOKEN}"
    assert bench.server.requests[1]["state"] == "deleted"
    bench.check_no_secret(cancelled)


def test_the_id_is_encoded(bench: Bench) -> None:
    order = bench.order(facility_request_id="a/../b?c#d")
    with pytest.raises(Rejected):
        FACILITY.cancel(order, bench.link)
    assert bench.http.exchanges[-1].url.endswith("/api/requests/a%2F..%2Fb%3Fc%23d")


def test_an_endpoint_that_does_not_know_it_leaves_it_as_it_was(bench: Bench) -> None:
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    with pytest.raises(Rejected, match="HTTP 404: request 1 is already deleted"):
        FACILITY.cancel(order, bench.link)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", method="DELETE", status=500, body="oops"), Rejected),
        (Fault("status", method="DELETE", status=429, body="slow"), NotSent),
        (Fault("status", method="DELETE", status=302, headers={"Location": "/x"}), Rejected),
        (Fault("status", method="DELETE", status=200, body='{"status": "error", "message": "no"}'), Rejected),
        (Fault("cut", method="DELETE"), Unanswered),
    ],
)
def test_cancellations_that_fail(bench: Bench, fault: Fault, kind: type[FacilityError]) -> None:
    order = bench.submitted()
    bench.server.faults.append(replace(fault))
    with pytest.raises(kind) as caught:
        FACILITY.cancel(order, bench.link)
    bench.check_no_secret(caught.value)


def test_a_skyportal_instance_all_the_way(portal: Bench) -> None:
    order = portal.submitted()
    assert order.facility_request_id == str(FIRST_ID)
    changed = replace(order, payload=GenericPayload.model_validate({**PAYLOAD, "priority": 1}))
    portal.update(changed)
    seen = portal.server.journal[-1]
    assert (seen["method"], seen["path"]) == ("PUT", f"/api/followup_request/{FIRST_ID}")
    assert set(json.loads(seen["body"])) == {"obj_id", "allocation_id", "payload"}
    assert portal.server.skyportal.requests[FIRST_ID]["payload"]["priority"] == 1
    FACILITY.cancel(order, portal.link)
    assert portal.server.skyportal.requests[FIRST_ID]["status"] == "deleted"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"allocations": {"7": {"can_delete": False}}}, "Cannot delete requests on this instrument."),
        ({"delete_error": "telescope is down"}, "Failed to delete follow-up request: telescope is down"),
    ],
)
def test_a_skyportal_instance_that_does_not_delete(portal: Bench, settings: JSON, reason: str) -> None:
    order = portal.submitted()
    portal.answer(portal=settings)
    with pytest.raises(Rejected) as caught:
        FACILITY.cancel(order, portal.link)
    assert caught.value.reason == f"HTTP 400: {reason}"


def test_a_skyportal_instance_that_refuses(server: EndpointServer) -> None:
    expired = Bench(server, "/api/followup_request", api_token=EXPIRED_TOKEN)
    assert expired.refusal(Rejected).reason == "HTTP 403: Forbidden (User account expired)"
    other = Bench(server, "/api/followup_request", remote_allocation_id=99)
    assert "Could not find allocation with ID 99" in other.refusal(Rejected).reason


def test_skyportals_rate_limit_has_no_retry_after(portal: Bench) -> None:
    portal.answer(portal={"rate": 0.001, "burst": 0})
    portal.submit()
    error = cast(NotSent, portal.refusal(NotSent))
    assert error.retry_after is None
    assert error.reason == "HTTP 429: 429 Too Many Requests 429 Too Many Requests nginx"


def test_update_of_a_plain_endpoint_only_as_configured(server: EndpointServer) -> None:
    silent = Bench(server)
    with pytest.raises(Rejected, match="update_method"):
        silent.update(silent.submitted())
    assert len(server.journal) == 1
    posting = Bench(server, update_method="post")
    order = posting.submitted()
    assert posting.update(order).facility_request_id == "3"
    assert [seen["method"] for seen in server.journal] == ["POST"] * 3


def test_a_request_is_changed_by_the_transport_that_sent_it(bench: Bench) -> None:
    order = bench.submitted()
    keys = {"slack_workspace": "T0", "slack_channel": "B0", "slack_token": "X0"}
    altdata = GenericAltdata.model_validate({"notification_type": "slack", **keys})
    moved = replace(order, altdata=altdata)
    for change in (lambda: FACILITY.cancel(moved, bench.link), lambda: bench.update(moved)):
        with pytest.raises(Rejected, match="was sent by API"):
            change()
    assert len(bench.server.journal) == 1


# -- what is refused before it leaves


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://too.example.org/api", "must be https"),
        ("https://10.0.0.7/api", "not public"),
        ("https://169.254.169.254/latest", "not public"),
        ("https://[::1]/api", "not public"),
        ("https://user:pw@too.example.org/api", "user name or password"),
        ("ftp://too.example.org", "absolute https URL"),
        ("too.example.org/api", "absolute https URL"),
    ],
)
def test_endpoints_inside_are_refused(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, endpoint: str, reason: str
) -> None:
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    altdata = bench.altdata.model_copy(update={"endpoint": endpoint})
    for check in (
        lambda: FACILITY.check_altdata(altdata),
        lambda: FACILITY.prepare(replace(bench.order(), altdata=altdata), bench.link),
    ):
        with pytest.raises(Invalid) as caught:
            check()
        (error,) = caught.value.errors
        assert error.loc == ("altdata", "endpoint")
        assert reason in error.msg


def test_loopback_needs_the_allow_list(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    FACILITY.check_altdata(bench.altdata)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    with pytest.raises(Invalid):
        FACILITY.check_altdata(bench.altdata)


def test_a_name_that_does_not_resolve_passes_the_check_and_is_not_sent(bench: Bench) -> None:
    altdata = bench.altdata.model_copy(update={"endpoint": "https://nowhere.invalid/api"})
    FACILITY.check_altdata(altdata)
    order = replace(bench.order(), altdata=altdata)
    prepared = FACILITY.prepare(order, bench.link)
    with pytest.raises(NotSent):
        FACILITY.submit(order, prepared, bench.link)


def test_dates_in_the_past(bench: Bench) -> None:
    last_day = bench.order({**PAYLOAD, "start_date": "2026-11-20", "end_date": "2026-11-22"})
    FACILITY.prepare(last_day, bench.link)
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(replace(last_day, now=datetime(2026, 11, 23, tzinfo=UTC)), bench.link)
    assert caught.value.errors[0].loc == ("payload", "end_date")


def test_window_is_inclusive() -> None:
    window = FACILITY.window(GenericPayload.model_validate(PAYLOAD))
    assert window == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 9, tzinfo=UTC))


def test_filters_of_the_allocation(server: EndpointServer) -> None:
    bench = Bench(server, filters=["sdssg", "sdssi"])
    with pytest.raises(Invalid) as caught:
        FACILITY.prepare(bench.order(), bench.link)
    (error,) = caught.value.errors
    assert error.loc == ("payload", "observation_choices", 1)
    assert error.msg == "Filter configuration sdssr unknown. The filters here are sdssg, sdssi"


@pytest.mark.parametrize("field", list(PAYLOAD))
def test_a_missing_key_is_refused_in_skyportals_words(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GenericPayload.model_validate({key: value for key, value in PAYLOAD.items() if key != field})
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == ((field,), f"Parameter {field} required.")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("observation_choices", ([], ["g", "g"], ["g\x00"], "g", [""])),
        ("exposure_time", (0, -1, "300", True, None)),
        ("exposure_counts", (0, 1.5, "1")),
        ("maximum_airmass", (0.99, 3.01)),
        ("minimum_lunar_distance", (-1, 181)),
        ("priority", (0.9, 5.1)),
        ("start_date", ("soon", "2026-12-01T00:00:00", "2026-13-01", 20261201)),
        ("end_date", ("2026-11-30", "2026-02-30")),
    ],
)
def test_bounds(field: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(ValidationError) as caught:
            GenericPayload.model_validate({**PAYLOAD, field: value})
        assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize(
    ("altdata", "fields"),
    [
        ({}, {"notification_type"}),
        ({"notification_type": "none"}, {"notification_type"}),
        ({"notification_type": "API"}, {"endpoint", "api_token"}),
        ({"notification_type": "API", "endpoint": "https://a.org", "api_token": "a\r\nb"}, {"api_token"}),
        ({"notification_type": "slack", "slack_channel": "B0"}, {"slack_workspace", "slack_token"}),
        ({"notification_type": "email"}, {"email"}),
        ({"notification_type": "email", "email": "nobody"}, {"email"}),
        ({"notification_type": "email", "email": "a@b.org", "colour": "red"}, {"colour"}),
    ],
)
def test_altdata_needs_what_its_transport_needs(altdata: JSON, fields: set[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        GenericAltdata.model_validate(altdata)
    assert {error["loc"][0] for error in caught.value.errors()} == fields


def test_a_query_of_the_endpoint_is_a_secret(server: EndpointServer) -> None:
    bench = Bench(server, "/api/requests?key=hush-hush-hush")
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    assert [seen["query"] for seen in server.journal] == ["key=hush-hush-hush"] * 2
    assert server.journal[1]["path"] == "/api/requests/1"
    assert "hush" not in repr((bench.http.exchanges, bench.altdata, order.altdata.model_dump(mode="json")))


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run", "update", "cancel")
    assert FACILITY.notification_type(cast(Any, None)) is None
