"""The examples of the OpenAPI document: bodies of the example events, and the records they make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from local import catalogue
from local.openapi_operations import Json
from slew import handover, records
from slew.facility import Facility
from slew.handover import Handover
from slew.redact import MASK
from slew.status import Status

REQUEST_ID = "5b1f0e6c2a9d4e8877aa01f3"
TOKEN_ID = "0123456789abcdef"
MOMENT = "2026-11-22T17:00:00.000Z"
EXPIRY = "2026-11-22T17:15:00.000Z"
TARGET: Json = {"name": "SN 2023ixf", "ra": 210.910674637, "dec": 54.311651}
HANDOVER: Json = {
    "webhook": {"url": "https://broker.example.org/slew", "secret": "correct-horse-battery"},
}


@dataclass(frozen=True)
class Examples:
    """Of one facility: the bodies that make an allocation and a request."""

    facility: Facility
    allocation: Json
    submit: Json

    @classmethod
    def read(cls, facility: Facility, events: Path) -> Examples:
        """From the folder of the example events."""
        return cls(
            facility,
            _body(events / f"{facility.id}-allocation.json"),
            _body(events / f"{facility.id}-submit.json"),
        )

    @property
    def allocation_shown(self) -> Json:
        """The allocation as it is answered."""
        given = self.allocation
        secret = catalogue.secret_names(self.facility.Altdata)
        return records.Allocation(
            id=given.get("id", "9f3a52c1d0e4b768"),
            facility=self.facility.id,
            pi=given["pi"],
            group=given["group"],
            created_at=MOMENT,
            updated_at=MOMENT,
            created_by=TOKEN_ID,
            secret_version="",
            instrument=given.get("instrument"),
            proposal_id=given.get("proposal_id"),
            altdata={key: MASK if key in secret else value for key, value in given["altdata"].items()},
            handover=handover.settings(Handover.model_validate(given.get("handover") or {})),
        ).view()

    def request_shown(self, status: Status = Status.SUBMITTED, reason: str = "") -> Json:
        """The request as it is answered."""
        given = self.submit
        return records.Request(
            id=REQUEST_ID,
            facility=self.facility.id,
            facility_title=self.facility.title,
            allocation_id=str(given["allocation_id"]),
            group=self.allocation["group"],
            target=given.get("target") or {"name": given["payload"].get("queue_name") or "plan"},
            payload=given["payload"],
            requester=given.get("requester") or {"username": "observer1"},
            principal_id=TOKEN_ID,
            fingerprint="",
            created_at=MOMENT,
            updated_at=MOMENT,
            status=status,
            instrument=given.get("instrument"),
            comment=given.get("comment"),
            reason=reason,
            next_attempt_at=EXPIRY if status is Status.PENDING else None,
        ).view()

    @property
    def request_with_history(self) -> Json:
        """The request as it is answered, with how it came about."""
        event = records.Event(
            "7d1c5a0e93b24f68", 1, MOMENT, "submit", None, Status.SUBMITTING.value, "broker", "", ""
        )
        shown = {key: each for key, each in event.as_doc().items() if key not in ("notify", "notice")}
        return {**self.request_shown(), "history": [shown]}

    @property
    def dry_run(self) -> Json:
        """The report of a dry run."""
        request = self.request_shown()
        kept = {key: request[key] for key in ("facility", "instrument", "allocation_id", "target", "payload")}
        return {"dry_run": True, **kept, "requests": [], "notes": []}


def _body(event: Path) -> Json:
    body: Json = json.loads(json.loads(event.read_text(encoding="utf-8"))["body"])
    return body
