"""An allocation of the generic facility and its way to the simulated endpoint, for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests

from generic.facility import Generic
from generic.models import GenericAltdata, GenericPayload
from local.simulators.endpoint import DEMO_TOKEN, EndpointServer
from slew.errors import FacilityError
from slew.facility import AllocationFacts, Link, MailLink, Order, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.work import secret_values

JSON = dict[str, Any]
FACILITY = Generic()
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


LASTING: JSON = {**PAYLOAD, "end_date": "2099-12-08"}
"""For tests on the real clock: its window ends in no time of theirs."""


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


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointServer]:
    """The simulator on loopback, which the deployment's allow-list names."""
    simulator = EndpointServer()
    simulator.start()
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    try:
        yield simulator
    finally:
        simulator.stop()
