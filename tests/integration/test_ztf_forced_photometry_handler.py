"""Requests for IPAC's forced photometry through the function's handler, from submission to the products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slew.handler import facility_handler
from local.simulators.base import SimulatedClock
from local.simulators.ztf_forced_photometry import (
    DEMO_EMAIL,
    DEMO_USERPASS,
    HTTP_PASSWORD,
    HTTP_USER,
    ZtfForcedPhotometryServer,
)
from slew import clock, store
from tests.integration.ztf_forced_photometry_bench import LIST, SUBMIT, FixedClock
from tests.support.calls import Client, Context
from ztf_forced_photometry.facility import ZtfForcedPhotometry

URL = "/facilities/ztf_forced_photometry"
ALTDATA = {
    "ipac_http_user": HTTP_USER,
    "ipac_http_password": HTTP_PASSWORD,
    "ipac_email": DEMO_EMAIL,
    "ipac_userpass": DEMO_USERPASS,
}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimulatedClock:
    """The library's clock and the simulator's are one, and it stands."""
    stopped = FixedClock()
    monkeypatch.setattr(clock, "timestamp", stopped.time)
    monkeypatch.setattr(clock, "now", stopped.now)
    return stopped


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, now: SimulatedClock) -> Iterator[ZtfForcedPhotometryServer]:
    server = ZtfForcedPhotometryServer(now)
    monkeypatch.setenv("SLEW_ZTF_FORCED_PHOTOMETRY_URL", server.start())
    yield server
    server.stop()


@pytest.fixture
def call(embedded_aws: Any, server: ZtfForcedPhotometryServer) -> Client:
    client = Client(facility_handler(ZtfForcedPhotometry()))
    allocation = {"id": "ipac", "pi": "PI of the proposal", "group": "red", "altdata": ALTDATA}
    assert client("POST", f"{URL}/allocations", allocation).status == 201
    return client


def body(ra: float) -> dict[str, Any]:
    return {
        "allocation_id": "ipac",
        "target": {"name": "SN 2023ixf", "ra": ra, "dec": 54.311651},
        "payload": {"start_date": "2023-05-20", "end_date": "2023-06-20"},
    }


def test_requests_are_followed_to_their_products_by_one_query_a_tick(
    call: Client, server: ZtfForcedPhotometryServer, now: SimulatedClock
) -> None:
    made = [call("POST", f"{URL}/requests", body(ra)) for ra in (210.910675, 150.0, 30.0)]
    assert [each.status for each in made] == [201] * 3
    urls = [f"{URL}/requests/{each.json['id']}" for each in made]
    now.advance(35 * 60)  # 18:15
    looks = sum(entry["path"] == LIST for entry in server.journal)
    call.handler({"action": "poll"}, Context(60))
    assert sum(entry["path"] == LIST for entry in server.journal) == looks + 1
    views = [call("GET", url).json for url in urls]
    assert [view["status"] for view in views] == ["complete"] * 3
    assert [view["facility_data"]["req_id"] for view in views] == [315277, 315278, 315279]
    products = store.products(views[0]["id"])
    assert [each["name"] for each in products] == [
        "forcedphotometry_req00315277_lc.txt",
        "forcedphotometry_req00315277_log.txt",
    ]
    assert sum(entry["path"] == SUBMIT for entry in server.journal) == 3
    for text in (str(views), str(products)):
        assert HTTP_PASSWORD not in text
        assert DEMO_USERPASS not in text


def test_a_dry_run_sends_nothing_and_shows_no_password(
    call: Client, server: ZtfForcedPhotometryServer
) -> None:
    sent = len(server.journal)
    answer = call("POST", f"{URL}/requests?dry_run=true", body(150.0))
    assert answer.status == 200
    assert "requestForcedPhotometry.cgi?ra=150.000000&dec=54.311651" in str(answer.json)
    assert DEMO_USERPASS not in str(answer.json)
    assert len(server.journal) == sent
