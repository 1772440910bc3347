"""What people are told of a request: one value from which the Slack message and the email are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

MORE = "…"
"""Key of the entry that says how many entries of a payload are not shown."""


@dataclass(frozen=True)
class Notice:
    """One announcement. `status` names the request's status truthfully; every value has passed the redactor.

    - `event_id`: unique; consumers drop what they have seen. `at`: ISO 8601, UTC.
    - `action`: what led to it: `submit`, `resubmit`, `update`, `cancel`, `poll`, `retrieve`,
      `reconcile`, `recover`.
    - `status`, `previous`: statuses of the design; `text` the facility's own status text, `reason` its own
      words on a refusal.
    - `payload`: observing parameters, values already as short texts.
    - `light_curve_url`: of a plot that needs no token, where there are measurements.
    - `allocation_since`: when the allocation was made: another may be given its id later.
    - `comment`: only where the allocation includes comments.
    """

    event_id: str
    at: str
    action: str
    status: str
    request_id: str
    facility: str
    facility_title: str
    target_name: str
    ra_deg: float | None
    dec_deg: float | None
    previous: str | None = None
    by: str = ""
    text: str = ""
    reason: str = ""
    instrument: str | None = None
    facility_request_id: str | None = None
    payload: Mapping[str, str] = field(default_factory=dict)
    requester_name: str = ""
    requester_username: str = ""
    requester_email: str = ""
    requester_affiliation: str = ""
    comment: str | None = None
    allocation_id: str = ""
    allocation_since: str = ""
    allocation_pi: str = ""
    group: str = ""
    proposal_id: str | None = None
    light_curve_url: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """A JSON value; `Notice(**value)` gives it back."""
        return asdict(self)


_ENTRIES_LIMIT, _KEY_LIMIT = 100, 100


def limited(payload: Mapping[str, str]) -> dict[str, str]:
    """At most 100 of a payload's entries, keys cut to 100 characters; a last one, `…`, counts the others.

    A body of 256 KiB has room for thousands of keys, and a record of DynamoDB's must stay under 400 KB.
    """
    entries = cut_keys(payload)
    if len(entries) <= _ENTRIES_LIMIT:
        return entries
    kept = _ENTRIES_LIMIT - 1
    return {**dict(islice(entries.items(), kept)), MORE: f"{len(entries) - kept} more"}


def cut_keys(payload: Mapping[str, str]) -> dict[str, str]:
    """The payload with keys of at most 100 characters."""
    return {short(key, _KEY_LIMIT): value for key, value in payload.items()}


def short(value: Any, limit: int = 200) -> str:
    """A payload's value as text of at most `limit` characters."""
    if isinstance(value, list | tuple):
        text = ", ".join(short(item, limit) for item in value)
    elif value is None:
        text = "-"
    else:
        text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
