"""The IPAC facility beside its running simulator, whose clock stands until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests
from pydantic import SecretStr

from local.simulators.base import Fault, SimulatedClock
from local.simulators.ztf_forced_photometry import (
    DEMO_EMAIL,
    DEMO_USERPASS,
    HTTP_PASSWORD,
    HTTP_USER,
    ZtfForcedPhotometryServer,
)
from local.simulators.ztf_forced_photometry.exposures import SN_2023IXF
from slew.errors import FacilityError
from slew.facility import AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor, use
from ztf_forced_photometry.facility import ZtfForcedPhotometry, ZtfOrder
from ztf_forced_photometry.models import ZtfForcedPhotometryAltdata, ZtfForcedPhotometryPayload

JSON = dict[str, Any]
SUBMIT, LIST = "/cgi-bin/requestForcedPhotometry.cgi", "/cgi-bin/getForcedPhotometryRequests.cgi"
FILES = "/ztf/ops/forcedphot/"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MAINTENANCE = "<html><head><title>503</title></head><body><h1>Down</h1><p>maintenance</p></body></html>"


class FixedClock(SimulatedClock):
    """2026-03-12 17:40 UTC, until a test moves it."""

    def time(self) -> float:
        return datetime(2026, 3, 12, 17, 40, tzinfo=UTC).timestamp() + self._offset


class Bench:
    """The simulator, one warm function, and one allocation's way from it to the simulator."""

    def __init__(self, server: ZtfForcedPhotometryServer) -> None:
        self.server = server
        self.facility = ZtfForcedPhotometry()
        self.altdata = ZtfForcedPhotometryAltdata(
            ipac_http_user=HTTP_USER,
            ipac_http_password=SecretStr(HTTP_PASSWORD),
            ipac_email=DEMO_EMAIL,
            ipac_userpass=SecretStr(DEMO_USERPASS),
        )
        self.kept: JSON = {}
        self.texts: list[str] = []
        self.http = Http(use(Redactor([HTTP_PASSWORD, DEMO_USERPASS, "wrong-secret"])))
        self.link = self.new_link()

    def new_link(self) -> Link:
        """That of another piece of work: nothing shared yet."""
        return Link(self.http, cast(MailLink, None), self.kept.update)

    def order(self, request_id: str = "r1", ra: float = SN_2023IXF[0], **fields: Any) -> ZtfOrder:
        payload = {"start_date": "2023-05-20", "end_date": "2023-06-20 12:00:00", **fields}
        now = self.server.clock.now()
        return Order(
            request_id=request_id,
            instrument=None,
            target=Target(name="SN 2023ixf", ra=ra, dec=SN_2023IXF[1]),
            payload=ZtfForcedPhotometryPayload.model_validate(payload),
            altdata=self.altdata,
            allocation=AllocationFacts("ipac", "PI of the proposal", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: ZtfOrder) -> Submission:
        link = self.new_link()
        return self.facility.submit(order, self.facility.prepare(order, link), link)

    def submitted(self, order: ZtfOrder | None = None) -> ZtfOrder:
        order = order or self.order()
        done = self.submit(order)
        return replace(
            order, status=done.status, facility_request_id=done.facility_request_id, facility_data=done.data
        )

    def at_now(self, order: ZtfOrder) -> ZtfOrder:
        return replace(order, now=self.server.clock.now())

    def poll(self, order: ZtfOrder, link: Link | None = None) -> tuple[ZtfOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = self.at_now(order)
        progress = self.facility.poll(order, link or self.new_link())
        self.texts += [progress.text, progress.reason]
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def done(self, order: ZtfOrder) -> Progress:
        """The progress two hours on."""
        self.advance(2 * HOUR)
        return self.poll(order)[1]

    def wrong(self, **fields: Any) -> None:
        """Change the credentials."""
        self.altdata = self.altdata.model_copy(update=fields)

    def calls(self, path: str) -> list[JSON]:
        return [entry for entry in self.server.journal if entry["path"].startswith(path)]

    def fail(self, kind: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, **fields))

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)

    def refused(self, error: type[FacilityError], order: ZtfOrder | None = None) -> FacilityError:
        with pytest.raises(error) as caught:
            self.submit(order or self.order())
        self.texts.append(repr(caught.value) + caught.value.reason)
        return caught.value


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench; whatever the test did: no record, no note and no exception may hold a password."""
    server = ZtfForcedPhotometryServer(FixedClock())
    server.start()
    monkeypatch.setenv("SLEW_ZTF_FORCED_PHOTOMETRY_URL", f"{server.url}/")
    bench = Bench(server)
    yield bench
    server.stop()
    seen = repr(bench.http.exchanges) + repr(bench.texts) + repr(bench.kept)
    for secret in (HTTP_PASSWORD, DEMO_USERPASS, "wrong-secret"):
        assert secret not in seen
