"""NICER's simulator and one allocation's way to it, for the tests of the facility."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import quote

import pytest
import requests

from local.simulators.base import Fault
from local.simulators.nicer import NicerServer
from nicer.facility import Nicer
from nicer.form import NicerOrder
from nicer.models import NicerAltdata
from slew.errors import FacilityError
from slew.facility import Link, MailLink, Submission, Verdict, Verification
from slew.http import Http
from slew.redact import Redactor
from slew.validation import parse
from tests.nicer_orders import ALTDATA, JSON, order_of

FACILITY = Nicer()
LOGIN, FORM = "/ark/LOGIN", "/ark/nicertoo/form.html"
PASSWORDS = ("correct-horse", "battery-staple", "w r*ng/hörse%41")


class Bench:
    """The simulator, and one allocation's way to it; `marked` counts how often something may have left."""

    def __init__(self, server: NicerServer) -> None:
        self.server = server
        self.altdata: JSON = dict(ALTDATA)
        self.marked = 0
        self.shown: list[Any] = []
        self.http = Http(Redactor(PASSWORDS), before_send=self._mark)
        self.link = Link(self.http, cast(MailLink, None))

    def _mark(self) -> None:
        self.marked += 1

    def order(self, **payload: Any) -> NicerOrder:
        return order_of(payload, altdata=self.altdata)

    def submit(self, order: NicerOrder | None = None) -> Submission:
        order = order or self.order()
        submission = FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)
        self.shown.append(submission)
        return submission

    def validate(self, order: NicerOrder | None = None) -> Verdict:
        order = order or self.order()
        verdict = FACILITY.validate(order, FACILITY.prepare(order, self.link), self.link)
        self.shown.append(verdict)
        return verdict

    def verify(self) -> Verification:
        found = FACILITY.verify(parse(NicerAltdata, self.altdata), self.link)
        self.shown.append(found)
        return found

    def failure(self, kind: type[FacilityError]) -> FacilityError:
        with pytest.raises(kind) as caught:
            self.submit()
        assert type(caught.value) is kind
        self.shown.append((caught.value, caught.value.reason))
        return caught.value

    def configure(self, **wanted: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=wanted, timeout=10)
        assert answer.status_code == 200, answer.text

    def fail(self, kind: str, path: str, **fields: Any) -> None:
        self.server.faults.append(Fault(kind, path=path, **fields))

    def fail_submission(self, kind: str, **fields: Any) -> None:
        self.configure(at_submit={"kind": kind, **fields})

    def sent(self, path: str = "") -> list[JSON]:
        return [entry for entry in self.server.journal if entry["path"].startswith(path)]

    @property
    def submissions(self) -> list[JSON]:
        return self.server.record["submissions"]


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A fresh simulator, NICER switched on; nothing kept or told may hold a password or a cookie after it."""
    server = NicerServer()
    monkeypatch.setenv("SLEW_NICER_URL", f"{server.start()}/")
    monkeypatch.setenv("SLEW_NICER_ENABLED", "true")
    monkeypatch.delenv("SLEW_NICER_LOGIN", raising=False)
    bench = Bench(server)
    try:
        yield bench
    finally:
        server.stop()
    kept = repr((bench.http.exchanges, bench.shown))
    for secret in (*PASSWORDS, *(quote(password) for password in PASSWORDS), *server.visits):
        assert secret not in kept
    for password in PASSWORDS:
        assert password not in repr((server.journal, server.record)), "the simulator keeps none either"
