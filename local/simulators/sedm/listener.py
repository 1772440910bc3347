"""What SEDM posts to the marshal, with the rules of its client (card: Status, Data products)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from local.simulators.base import JSON
from local.simulators.sedm.bookings import Booking

TIMEOUT_S = 5
RETRIED = (405, 429, 500, 502, 503, 504)
RETRIES = 5
BACKOFF_S = 2.0
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass
class Delivery:
    """One POST to come. `path` may hold `{spectrum}`: the id that the listener gave the spectrum."""

    booking: Booking
    path: str
    body: JSON
    due: float
    attempts: int = 0
    outcome: str = "waiting"
    after: Callable[[JSON | None], None] = field(default=lambda answer: None)

    def shown(self) -> JSON:
        """For `GET /_deliveries`."""
        return {"path": self.path, "body": self.body, "attempts": self.attempts, "outcome": self.outcome}


@dataclass
class Listener:
    """Where SEDM posts, and with which token; only loopback is ever called."""

    url: str = ""
    token: str = ""
    queue: list[Delivery] = field(default_factory=list)

    def add(self, delivery: Delivery) -> None:
        """Put one at the end; without a URL nothing is posted."""
        if self.url:
            self.queue.append(delivery)

    def deliver(self, now: float) -> None:
        """Post what is due, each in its turn: what follows waits for what is tried again."""
        for delivery in list(self.queue):
            if delivery.outcome != "waiting":
                continue
            if delivery.due > now:
                return
            self._try(delivery, now)
            if delivery.outcome == "waiting":
                return

    def _try(self, delivery: Delivery, now: float) -> None:
        delivery.attempts += 1
        try:
            answer = requests.post(
                f"{self.url}/{delivery.path.format(spectrum=delivery.booking.spectrum_id)}",
                json=delivery.body,
                headers={"Authorization": f"token {self.token}"},
                timeout=TIMEOUT_S,
            )
        except requests.RequestException as error:
            delivery.outcome = f"failed: {type(error).__name__}"
            delivery.after(None)
            return
        if answer.status_code in RETRIED and delivery.attempts <= RETRIES:
            delivery.due = now + BACKOFF_S * 2 ** (delivery.attempts - 1)
            return
        content = _json(answer)
        good = "success" in str(content.get("status"))
        delivery.outcome = f"answered {answer.status_code}: {content.get('status', 'no status')}"
        delivery.after(content if good else None)


def status_text(booking: Booking, text: str, now: float) -> Delivery:
    """`{"new_status", "followup_request_id"}`, and nothing else."""
    booking.said.append(text)
    body = {"new_status": text, "followup_request_id": booking.requestid}
    return Delivery(booking, "api/facility", body, now)


def spectrum(booking: Booking, name: str, text: str, observed: str, now: float) -> Delivery:
    """The reduced spectrum, with Fritz's numbers of instrument and group."""
    body = {
        "observed_at": observed,
        "filename": name,
        "obj_id": booking.source,
        "instrument_id": 2,
        "followup_request_id": booking.requestid,
        "fluxerr_column": 2,
        "ascii": text,
        "group_ids": [209],
    }
    return Delivery(booking, "api/spectrum/ascii", body, now)


def findings(booking: Booking, now: float) -> Delivery:
    """What SNIascore found."""
    body = {"origin": "sedm:SNIascore", "data": {"SNIascore": "0.97", "SNIa_z": "0.031"}}
    return Delivery(booking, "api/spectra/{spectrum}/annotations", body, now)


def report(booking: Booking, name: str, now: float) -> Delivery:
    """The pipeline's plot, as a comment with an attachment."""
    plot = name.replace("spec", "pysedm_report").replace(".txt", ".png")
    body = {
        "obj_id": booking.source,
        "spectrum_id": booking.spectrum_id,
        "text": f"pysedm_report:spc{booking.spectrum_id}",
        "attachment": {"body": base64.b64encode(PNG).decode(), "name": plot},
    }
    return Delivery(booking, "api/spectra/{spectrum}/comments", body, now)


def classification(booking: Booking, now: float) -> Delivery:
    """A class of the object: names no request."""
    body = {"obj_id": booking.source, "classification": "Ia", "taxonomy_id": 3, "probability": 0.97}
    return Delivery(booking, "api/classification", body, now)


def stamp(now: float) -> str:
    """`YYYYMMDDTHHMMSS`, UTC."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
