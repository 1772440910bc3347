"""Orders to LCO and ways to it, for the tests of its function and of the portal's client."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from lco.facility import LCO
from lco.models import LCOAltdata
from slew.facility import AllocationFacts, Link, MailLink, Order, Prepared
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor
from slew.status import Status
from slew.wire import HttpRequest

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PROPOSAL = "LCO2026B-001"
NOW = datetime(2026, 11, 22, 14, 22, tzinfo=UTC)
FACILITY = LCO()
WINDOW = {"start_date": "2026-12-01", "end_date": "2026-12-08"}


def link(*secrets: str) -> Link:
    """A way out with a record of its own; LCO sends no mail."""
    return Link(Http(Redactor(secrets)), cast(MailLink, None))


def order(
    instrument: str = "sinistro",
    payload: Mapping[str, Any] | None = None,
    *,
    target: Mapping[str, Any] | None = None,
    altdata: Mapping[str, Any] | None = None,
    now: datetime = NOW,
    created_at: datetime | None = None,
    request_id: str = "a1b2c3d4e5f6a7b8c9d0e1f2",
    facility_request_id: str | None = None,
    facility_data: Mapping[str, Any] | None = None,
    status: Status = Status.SUBMITTING,
) -> Order[Any, Any]:
    """An order; for `sinistro` without a payload, gp and rp."""
    if payload is None:
        payload = {**WINDOW, **({"observation_choices": ["gp", "rp"]} if instrument == "sinistro" else {})}
    return Order(
        request_id=request_id,
        instrument=instrument,
        target=Target.model_validate(target or {"name": "ZTF26aaaaaaa", "ra": 62.4641, "dec": -20.0}),
        payload=LCO.payloads[instrument].model_validate(payload),
        altdata=LCOAltdata.model_validate(altdata or {"PROPOSAL_ID": PROPOSAL, "API_TOKEN": TOKEN}),
        allocation=AllocationFacts("lco-1", "Doe", "transients"),
        requester=Requester(username="jdoe"),
        now=now,
        created_at=created_at or now,
        facility_request_id=facility_request_id,
        facility_data=facility_data or {},
        status=status,
    )


def exchange_of(prepared: Prepared) -> HttpRequest:
    """The one request that submits."""
    (exchange,) = prepared.exchanges
    assert isinstance(exchange, HttpRequest)
    return exchange


def body_of(prepared: Prepared) -> dict[str, Any]:
    """The JSON that would be posted."""
    body: dict[str, Any] = json.loads(exchange_of(prepared).body)
    return body


@dataclass
class Script:
    """A server that answers by `METHOD /path` (no query): (status, content, headers), or a list of such.

    What is not in `answers` is a 404 of the portal; `seen` is what came.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def calls(self, method: str = "") -> list[str]:
        """`METHOD /path?query` of what came, those of one method if it is given."""
        return [f"{verb} {path}" for verb, path, _, _ in self.seen if method in ("", verb)]

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        """What is due for a call; JSON values become bodies."""
        planned = self.answers.get(f"{method} {path.partition('?')[0]}", (404, {"detail": "Not found."}))
        if isinstance(planned, list):
            planned = planned.pop(0) if len(planned) > 1 else planned[0]
        status, content, *headers = planned
        if isinstance(content, bytes):
            return status, dict(*headers), content
        return status, {"Content-Type": "application/json", **dict(*headers)}, json.dumps(content).encode()


@contextmanager
def scripted(answers: Mapping[str, Any] | None = None) -> Iterator[Script]:
    """A scripted server on a free port of loopback."""
    script = Script(dict(answers or {}))

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.seen.append((self.command, self.path, dict(self.headers), body))
            status, headers, content = script.answer(self.command, self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """`seen` is the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
