"""The generic facility's updates and cancellations, at a plain endpoint and at a SkyPortal instance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from generic.models import GenericAltdata, GenericPayload
from local.simulators.base import Fault
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from local.simulators.skyportal import EXPIRED_TOKEN, FIRST_ID
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.status import Status
from tests.generic_bench import FACILITY, JSON, PAYLOAD, Bench, serving


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


def test_what_an_earlier_cancellation_removed_is_cancelled(bench: Bench) -> None:
    order = bench.submitted()
    FACILITY.cancel(order, bench.link)
    again = FACILITY.cancel(replace(order, cancel_sent=True), bench.link)
    assert again.status is Status.CANCELLED
    assert again.text.startswith("it had been deleted before (HTTP 404: request 1 is already deleted")


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


@pytest.mark.parametrize("answer", ["empty", "text"])
def test_an_update_by_post_without_an_id_forgets_the_former_request(
    server: EndpointServer, answer: str
) -> None:
    bench = Bench(server, update_method="post")
    order = bench.submitted()
    bench.answer(answer=answer)
    updated = bench.update(order)
    assert updated.facility_request_id is None
    assert "cannot be cancelled remotely" in updated.text
    with pytest.raises(Rejected, match="cannot be cancelled remotely"):
        FACILITY.cancel(replace(order, facility_request_id=updated.facility_request_id), bench.link)
    assert [seen["method"] for seen in server.journal] == ["POST", "POST"]


def test_an_update_by_put_without_an_id_is_still_of_the_same_request(server: EndpointServer) -> None:
    bench = Bench(server, update_method="put")
    order = bench.order(facility_request_id="1", facility_data={"transport": "API"})
    server.faults.append(Fault("status", method="PUT", status=200, body='{"status": "success"}'))
    updated = bench.update(order)
    assert updated.facility_request_id == "1"
    assert updated.text == "HTTP 200"


def test_a_request_is_changed_by_the_transport_that_sent_it(bench: Bench) -> None:
    order = bench.submitted()
    keys = {"slack_workspace": "T0", "slack_channel": "B0", "slack_token": "X0"}
    altdata = GenericAltdata.model_validate({"notification_type": "slack", **keys})
    moved = replace(order, altdata=altdata)
    for change in (lambda: FACILITY.cancel(moved, bench.link), lambda: bench.update(moved)):
        with pytest.raises(Rejected, match="was sent by API"):
            change()
    assert len(bench.server.journal) == 1
