"""The marking and the record of exchanges that are neither HTTP nor mail, such as a file's upload by SSH.

The facility's class speaks the protocol; this notes before it that something may leave, and after it what
came of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from slew import clock
from slew.errors import FacilityError, NoAnswer, NotSent, Unanswered
from slew.http import shown
from slew.redact import Redactor
from slew.wire import Exchange, Upload

_Outcome = Literal["answered", "not_sent", "no_answer"]


class Transfers:
    """Marks and records for one piece of work; `before_send` is called once, as in `slew.http.Http`."""

    def __init__(self, redactor: Redactor, before_send: Callable[[], None] | None = None) -> None:
        self.redactor = redactor
        self.exchanges: list[Exchange] = []
        self.before_send = before_send

    def send(self, upload: Upload, act: Callable[[], str]) -> str:
        """Do `act`, which sends the upload. Raises what it raises: NotSent, Unanswered, Rejected, Failed."""
        if self.before_send:
            self.before_send()
            self.before_send = None
        return self._recorded("UPLOAD", upload.url, upload.body, act)

    def read(self, method: str, url: str, act: Callable[[], str]) -> str:
        """Do a harmless `act`. Raises what it raises: NoAnswer, Rejected."""
        return self._recorded(method, url, b"", act)

    def _recorded(self, method: str, url: str, body: bytes, act: Callable[[], str]) -> str:
        started = time.monotonic()
        try:
            text = act()
        except FacilityError as error:
            outcome: _Outcome = "answered"
            if isinstance(error, NotSent):
                outcome = "not_sent"
            elif isinstance(error, Unanswered | NoAnswer):
                outcome = "no_answer"
            self._record(method, url, body, started, outcome, error=error.reason)
            raise
        self._record(method, url, body, started, "answered", answer=text)
        return text

    def _record(
        self,
        method: str,
        url: str,
        body: bytes,
        started: float,
        outcome: _Outcome,
        *,
        answer: str = "",
        error: str = "",
    ) -> None:
        elapsed = time.monotonic() - started
        self.exchanges.append(
            Exchange(
                at=clock.isoformat(clock.timestamp() - elapsed),
                method=method,
                url=self.redactor.text(url),
                request_headers={},
                request_body=shown(self.redactor, body),
                outcome=outcome,
                elapsed_ms=round(elapsed * 1000),
                answer_body=shown(self.redactor, answer.encode()),
                error=self.redactor.text(error),
            )
        )
