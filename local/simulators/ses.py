"""Amazon SES v2's sending, strictly, in front of the embedded AWS (card notifications.md, "Amazon SES v2").

`SesGate` answers `POST /v2/email/outbound-emails` and `GET /v2/email/account` itself and hands everything
else on; identities and configuration sets made through it are known from then on. Control routes:

- `GET /_ses/outbox`: `[{message_id, at, sender, to, cc, bcc, reply_to, subject, text, html, headers,
  attachments, tags, configuration_set, request}]`, decoded; `DELETE /_ses/outbox` forgets them.
- `GET /_ses/config`, `POST /_ses/config`: the settings of `SesConfig`; `identities` and `configuration_sets`
  are added to the known ones. `fail` is `{"kind": "status" | "hang" | "close" | "close_after" | a name of
  ERRORS, "times"?, "status"?, "seconds"?}`: `close` hangs up before the message is taken, `close_after` after
  it.
- `POST /_ses/reset`: back to the seed.

`SesServer` is the gate alone on loopback, for tests, with everything that `base.Simulator` gives.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug import Request, Response
from werkzeug.routing import Rule

from local.simulators.base import JSON, SimulatedClock, Simulator, json_response
from local.simulators.rates import TokenBucket
from local.simulators.ses_checks import (
    Message,
    SesError,
    bad_request,
    bare_address,
    check_signature,
    read_message,
)

SEND_PATH = "/v2/email/outbound-emails"
ACCOUNT_PATH = "/v2/email/account"
DAY_S = 86400.0
SANDBOX_RATE, SANDBOX_QUOTA = 1.0, 200
MAILBOX_SIMULATOR = tuple(
    f"{name}@simulator.amazonses.com"
    for name in ("success", "bounce", "complaint", "ooto", "suppressionlist")
)
ERRORS: dict[str, tuple[int, str]] = {
    "MessageRejected": (400, "Email address is not verified."),
    "MailFromDomainNotVerifiedException": (400, "The MAIL FROM domain is not verified."),
    "AccountSuspendedException": (400, "The account is suspended."),
    "SendingPausedException": (400, "Sending is paused for the account."),
    "LimitExceededException": (400, "There are too many instances of the specified resource type."),
    "NotFoundException": (404, "The resource does not exist."),
    "TooManyRequestsException": (429, "Maximum sending rate exceeded."),
    "AccessDeniedException": (
        403,
        "User `arn:aws:iam::123456789012:user/slew' is not authorized to perform `ses:SendEmail' on resource "
        "`arn:aws:ses:us-east-1:123456789012:identity/example.org'",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided.",
    ),
    "InternalFailure": (500, "An internal error occurred."),
}
CONNECTION_FAILURES = ("hang", "close", "close_after")


@dataclass
class SesConfig:
    """Settings a test may change by `POST /_ses/config`.

    `max_rate` is messages per second and `max_daily` messages per 24 h, a message to n recipients counting n.
    The sandbox has its own.
    """

    identities: list[str] = field(default_factory=list)
    configuration_sets: list[str] = field(default_factory=list)
    sandbox: bool = False
    strict: bool = True
    max_rate: float = 14.0
    max_daily: int = 50_000
    fail: JSON | None = None


WSGIApplication = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


class SesGate:
    """A WSGI application in front of another: SES is answered here, the rest there."""

    def __init__(self, forward: WSGIApplication, clock: SimulatedClock | None = None) -> None:
        self.forward = forward
        self.clock = clock or SimulatedClock()
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """An empty outbox; known is the address in the environment variable `SLEW_EMAIL_FROM`."""
        sender = os.environ.get("SLEW_EMAIL_FROM", "")
        self.config = SesConfig(identities=[bare_address(sender)] if sender else [])
        self.outbox: list[JSON] = []
        self._sent: deque[tuple[float, int]] = deque()
        self._new_bucket()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith("/_ses/"):
            return self._control(request)(environ, start_response)
        if request.path == SEND_PATH and request.method == "POST":
            return self._send(request, environ)(environ, start_response)
        if request.path == ACCOUNT_PATH and request.method == "GET":
            return self._answer(self._account, request)(environ, start_response)
        self._learn(request, environ)
        return self.forward(environ, start_response)

    # -- sending

    def _send(self, request: Request, environ: WSGIEnvironment) -> Response:
        failure = self._take_failure()
        kind = failure["kind"] if failure else None
        if failure and kind == "close":
            _hang_up(environ)
        if failure and kind not in CONNECTION_FAILURES:
            return _error(_failure(failure))
        response = self._answer(self._accept, request)
        if failure and kind == "hang":
            time.sleep(float(failure.get("seconds", 1.0)))
        if kind == "close_after":
            _hang_up(environ)
        return response

    def _answer(self, handle: Callable[[Request, str], JSON], request: Request) -> Response:
        try:
            region = check_signature(request)
            with self.lock:
                body = handle(request, region)
        except SesError as error:
            return _error(error)
        return json_response(body, headers={"x-amzn-RequestId": str(uuid.uuid4())})

    def _accept(self, request: Request, region: str) -> JSON:
        try:
            body: Any = json.loads(request.get_data().decode("utf-8"))
        except ValueError as error:
            raise bad_request("The request body is not JSON.") from error
        if not isinstance(body, dict):
            raise bad_request("The request body is not a JSON object.")
        message = read_message(body, strict=self.config.strict)
        self._check_identities(message, region)
        known_sets = self.config.configuration_sets
        if message.configuration_set is not None and message.configuration_set not in known_sets:
            text = f"Configuration set <{message.configuration_set}> does not exist."
            raise SesError(404, "NotFoundException", text)
        self._count(len(message.recipients))
        message_id = f"0100{int(self.clock.time() * 1000):012x}-{uuid.uuid4()}-000000"
        self.outbox.append(
            {"message_id": message_id, "at": self.clock.time(), **asdict(message), "request": body}
        )
        return {"MessageId": message_id}

    def _check_identities(self, message: Message, region: str) -> None:
        unverified = [] if self._verified(message.sender) else [bare_address(message.sender)]
        if self.config.sandbox:
            unverified += [
                bare_address(address)
                for address in message.recipients
                if not self._verified(address) and bare_address(address).lower() not in MAILBOX_SIMULATOR
            ]
        if unverified:
            failed = f"The following identities failed the check in region {region.upper()}"
            text = f"Email address is not verified. {failed}: {', '.join(unverified)}"
            raise SesError(400, "MessageRejected", text)

    def _verified(self, address: str) -> bool:
        """An identity is an address, or a domain, which covers its subdomains."""
        local, _, domain = bare_address(address).rpartition("@")
        labels = domain.lower().split(".")
        domains = {".".join(labels[start:]) for start in range(len(labels))}
        return any(
            identity.lower() in domains or identity == f"{local}@{domain}"
            for identity in self.config.identities
        )

    # -- quotas

    def _new_bucket(self) -> None:
        rate = SANDBOX_RATE if self.config.sandbox else self.config.max_rate
        self._bucket = TokenBucket(rate, max(rate, 1.0))

    def _quota(self) -> int:
        return SANDBOX_QUOTA if self.config.sandbox else self.config.max_daily

    def _sent_last_day(self) -> int:
        now = self.clock.time()
        while self._sent and self._sent[0][0] <= now - DAY_S:
            self._sent.popleft()
        return sum(count for _, count in self._sent)

    def _count(self, recipients: int) -> None:
        now = self.clock.time()
        if self._sent_last_day() + recipients > self._quota():
            raise SesError(429, "TooManyRequestsException", "Daily message quota exceeded")
        if not self._bucket.take(now, min(recipients, self._bucket.capacity)):
            raise SesError(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
        self._sent.append((now, recipients))

    def _account(self, request: Request, region: str) -> JSON:
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": not self.config.sandbox,
            "SendingEnabled": (self.config.fail or {}).get("kind") != "SendingPausedException",
            "SendQuota": {
                "Max24HourSend": float(self._quota()),
                "MaxSendRate": self._bucket.rate,
                "SentLast24Hours": float(self._sent_last_day()),
            },
        }

    # -- what passes by

    def _learn(self, request: Request, environ: WSGIEnvironment) -> None:
        """Remember the identities and configuration sets that are made behind the gate."""
        names = {"identities": "EmailIdentity", "configuration-sets": "ConfigurationSetName"}
        kind = request.path.removeprefix("/v2/email/")
        if request.method != "POST" or kind not in names or kind == request.path:
            return
        raw = request.get_data()
        environ["wsgi.input"] = io.BytesIO(raw)
        with contextlib.suppress(ValueError, KeyError, TypeError), self.lock:
            name = str(json.loads(raw)[names[kind]])
            known = self.config.identities if kind == "identities" else self.config.configuration_sets
            known.append(name)

    # -- control

    def _take_failure(self) -> JSON | None:
        with self.lock:
            failure = self.config.fail
            if failure is not None and "times" in failure:
                failure["times"] -= 1
                if failure["times"] <= 0:
                    self.config.fail = None
            return failure

    def _control(self, request: Request) -> Response:
        with self.lock:
            if request.path == "/_ses/outbox" and request.method in ("GET", "DELETE"):
                if request.method == "DELETE":
                    self.outbox.clear()
                return json_response(self.outbox)
            if request.path == "/_ses/reset" and request.method == "POST":
                self.reset()
                return json_response({"reset": True})
            if request.path == "/_ses/config" and request.method in ("GET", "POST"):
                wanted = request.get_json() if request.method == "POST" else {}
                if reason := self._change(wanted):
                    return json_response({"error": reason}, 400)
                return json_response(asdict(self.config))
        return json_response({"error": f"no control route {request.method} {request.path}"}, 404)

    def _change(self, wanted: JSON) -> str | None:
        if unknown := set(wanted) - {f.name for f in fields(SesConfig)}:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        kind = (wanted.get("fail") or {"kind": "status"}).get("kind")
        if kind not in ("status", *CONNECTION_FAILURES, *ERRORS):
            return f"fail.kind must be one of status, {', '.join((*CONNECTION_FAILURES, *ERRORS))}"
        self.config.identities += wanted.get("identities", [])
        self.config.configuration_sets += wanted.get("configuration_sets", [])
        for name in set(wanted) - {"identities", "configuration_sets"}:
            setattr(self.config, name, wanted[name])
        self._new_bucket()
        return None


def _failure(failure: JSON) -> SesError:
    kind = failure["kind"]
    if kind == "status":
        return SesError(int(failure.get("status", 500)), "InternalFailure", ERRORS["InternalFailure"][1])
    status, text = ERRORS[kind]
    return SesError(status, kind, failure.get("message", text))


def _error(error: SesError) -> Response:
    headers = {"x-amzn-ErrorType": error.name, "x-amzn-RequestId": str(uuid.uuid4())}
    return json_response({"message": error.message}, error.status, headers)


def _hang_up(environ: WSGIEnvironment) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("the simulator hung up")


class SesServer(Simulator):
    """The gate with nothing behind it."""

    name = "ses"

    def __init__(self, clock: SimulatedClock | None = None) -> None:
        clock = clock or SimulatedClock()
        self.gate = SesGate(Response("behind the gate", 404), clock)
        super().__init__(clock)

    def rules(self) -> list[Rule]:
        """Everything goes through the gate."""
        return [Rule("/<path:rest>", endpoint="through")]

    def reset(self) -> None:
        """The gate's seed."""
        super().reset()
        self.gate.reset()

    def through(self, request: Request, rest: str) -> Response:
        """Let the gate answer; what it hangs up on ends here too."""
        request.environ["wsgi.input"] = io.BytesIO(request.get_data())  # the journal has read it
        return Response.from_app(self.gate, request.environ)
