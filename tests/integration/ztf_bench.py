"""ZTF's simulator and one allocation's way to it, for the tests of the facility."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
import requests

from local.simulators.base import Fault, SimulatedClock
from local.simulators.ztf import ADMIN_TOKEN, DEPOT_PASSWORD, DEPOT_USER, OTHER_TOKEN, ZtfServer
from slew.errors import FacilityError
from slew.facility import Absent, Cancellation, Link, MailLink, Progress, Submission, Verdict, Verification
from slew.http import Http
from slew.redact import Redactor
from slew.validation import parse
from slew.work import secret_values
from tests.ztf_orders import JSON, order_of
from ztf.facility import Ztf
from ztf.models import ZtfAltdata
from ztf.wire import ZtfOrder

FACILITY = Ztf()
QUEUES, SKYMAPS = "/api/triggers/ztf", "/api/triggers/ztfmma"
SECRETS = (ADMIN_TOKEN, OTHER_TOKEN, DEPOT_PASSWORD, "unknown-token-0123")


class FixedClock(SimulatedClock):
    """The time that a test sets: its date is no part of any test."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def time(self) -> float:
        """Unix seconds."""
        return self._moment.timestamp() + self._offset


class Bench:
    """The simulator, one allocation's way to it, and the record of one request.

    `kept` is the facility data as the library keeps it.
    """

    def __init__(self, server: ZtfServer) -> None:
        self.server = server
        self.altdata: JSON = {"access_token": ADMIN_TOKEN}
        self.kept: JSON = {}
        self.facility_request_id: str | None = None
        self.created_at = server.clock.now()
        self.shown: list[Any] = []
        self.http = Http(Redactor(SECRETS))
        self.on_keep: Callable[[], None] | None = None

    @property
    def link(self) -> Link:
        """As one invocation has it: nothing shared with the one before."""
        return Link(self.http, cast(MailLink, None), keep=self._keep)

    def _keep(self, data: Mapping[str, Any]) -> None:
        self.kept = {**self.kept, **json.loads(json.dumps(data))}
        if self.on_keep:
            self.on_keep()

    def with_depot(self) -> None:
        """Give the allocation the depot's login."""
        self.altdata |= {
            "depot": f"{self.server.url}/depot",
            "depot_username": DEPOT_USER,
            "depot_password": DEPOT_PASSWORD,
        }

    def order(self, payload: JSON, **fields: Any) -> ZtfOrder:
        order = order_of(
            payload,
            self.altdata,
            now=self.server.clock.now(),
            created_at=self.created_at,
            facility_data=self.kept,
            facility_request_id=self.facility_request_id,
        )
        return replace(order, **fields)

    def submit(self, payload: JSON) -> Submission:
        self.created_at = self.server.clock.now()
        order = self.order(payload)
        link = self.link
        return self._took(FACILITY.submit(order, FACILITY.prepare(order, link), link))

    def update(self, payload: JSON) -> Submission:
        order = self.order(payload)
        link = self.link
        return self._took(FACILITY.update(order, FACILITY.prepare(order, link), link))

    def validate(self, payload: JSON) -> Verdict:
        order = self.order(payload)
        verdict = FACILITY.validate(order, FACILITY.prepare(order, self.link), self.link)
        self.shown.append(verdict)
        return verdict

    def cancel(self, payload: JSON) -> Cancellation:
        found = FACILITY.cancel(self.order(payload), self.link)
        self.shown.append(found)
        return found

    def poll(self, payload: JSON, link: Link | None = None) -> Progress:
        found = FACILITY.poll(self.order(payload), link or self.link)
        self._keep(found.data)
        self.shown.append(found)
        return found

    def reconcile(self, payload: JSON) -> Submission | Absent | None:
        found = FACILITY.reconcile(self.order(payload), self.link)
        self.shown.append(found)
        return self._took(found) if isinstance(found, Submission) else found

    def verify(self) -> Verification:
        found = FACILITY.verify(parse(ZtfAltdata, self.altdata), self.link)
        self.shown.append(found)
        return found

    def _took(self, submission: Submission) -> Submission:
        self._keep(submission.data)
        self.facility_request_id = submission.facility_request_id
        self.shown.append(submission)
        return submission

    @contextmanager
    def failing(self, kind: type[FacilityError]) -> Iterator[Any]:
        """What is done within ends in exactly this error."""
        with pytest.raises(kind) as caught:
            yield caught
        self.shown.append((caught.value, caught.value.reason))

    def configure(self, **wanted: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=wanted, timeout=10)
        assert answer.status_code == 200, answer.text

    def observe(self, number: int) -> int:
        answer = requests.post(f"{self.server.url}/_observe", json={"n": number}, timeout=10)
        observed: int = answer.json()["observed"]
        return observed

    def fail(self, kind: str, method: str | None = None, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, method=method, **fields))

    def answer(self, method: str, status: int, message: str) -> None:
        """One call is answered by the gateway's error body."""
        body = json.dumps({"status": "error", "message": message})
        self.fail("status", method, status=status, body=body, content_type="application/json")

    def at(self, **after: float) -> None:
        """Move the clock."""
        self.server.clock.advance(timedelta(**after).total_seconds())

    @property
    def live(self) -> list[str]:
        """Names of the queues that are not the survey's."""
        found = requests.get(f"{self.server.url}/_queues", timeout=10).json()["queues"]
        return [each["queue_name"] for each in found if each["queue_name"] not in ("default", "fallback")]

    def sent(self, *methods: str) -> list[JSON]:
        """What arrived, by method."""
        return [
            {"method": each["method"], "path": each["path"], "body": json.loads(each["body"])}
            for each in self.server.journal
            if each["method"] in methods and each["path"].startswith("/api")
        ]


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> Iterator[Bench]:
    """A fresh simulator at that moment; nothing kept or told may hold a secret after it."""
    server = ZtfServer(FixedClock(moment))
    url = server.start()
    monkeypatch.setenv("SLEW_ZTF_URL", f"{url}/")
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", url.partition("//")[2])
    bench = Bench(server)
    try:
        yield bench
    finally:
        server.stop()
    kept = repr((bench.http.exchanges, bench.shown, bench.kept))
    basic = base64.b64encode(f"{DEPOT_USER}:{DEPOT_PASSWORD}".encode()).decode()
    for secret in (*SECRETS, basic, *secret_values(parse(ZtfAltdata, bench.altdata))):
        assert secret not in kept
