"""Refuses calls as DynamoDB, Secrets Manager and S3 do when they throttle."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
_CODES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")
_REASONS = ("ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict")
_SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Throttle:
    """Stands before the application; nothing is refused until it is told to."""

    def __init__(self, application: WSGIApplication) -> None:
        self.refused = 0
        self._application = application
        self._rate = 0.0
        self._random = random.Random()
        self._lock = threading.Lock()

    def set(self, wanted: Mapping[str, Any]) -> None:
        """The share of calls to refuse, `rate`, and the `seed` of their choice."""
        with self._lock:
            self._rate = float(wanted["rate"])
            self._random = random.Random(wanted.get("seed"))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._refusal(environ) if self._rate else None
        if refusal is None:
            return self._application(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, kind, text = refusal
        body = text.encode()
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _refusal(self, environ: WSGIEnvironment) -> tuple[str, str, str] | None:
        service, _, operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")
        is_s3 = "/s3/aws4_request" in environ.get("HTTP_AUTHORIZATION", "")
        if not (is_s3 or service in ("DynamoDB_20120810", "secretsmanager")):
            return None
        with self._lock:
            if self._random.random() >= self._rate:
                return None
            self.refused += 1
            code, reason = self._random.choice(_CODES), self._random.choice(_REASONS)
            cancelled = self._random.random() < 0.5
        if is_s3:
            return "503 Slow Down", "application/xml", _SLOW_DOWN
        if service == "secretsmanager":
            return _refused("ThrottlingException")
        if operation.startswith("Transact") and cancelled:
            reasons = [{"Code": reason}, {"Code": "None"}]
            return _refused(f"{_DYNAMODB}TransactionCanceledException", CancellationReasons=reasons)
        return _refused(_DYNAMODB + code)


def _refused(kind: str, **more: Any) -> tuple[str, str, str]:
    content = {"__type": kind, "message": "The rate of requests is too high.", **more}
    return "400 Bad Request", "application/x-amz-json-1.0", json.dumps(content)
