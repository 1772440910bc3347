"""From the states of a requestgroup and its observations to ours (facility cards, Status)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slew.facility import Order, Progress
from slew.portal_models import stamp
from slew.status import Status

STATES: Mapping[str, Status] = {
    "PENDING": Status.SUBMITTED,
    "COMPLETED": Status.COMPLETE,
    "WINDOW_EXPIRED": Status.EXPIRED,
    "CANCELED": Status.CANCELLED,
    "FAILURE_LIMIT_REACHED": Status.FAILED,
}
# Before its window opens a request can be scheduled or withdrawn, but not observed.
SELDOM_S = 3600.0
# A late report of a telescope can still turn an ended request into COMPLETED, or declare its data bad.
LAST_LOOK = timedelta(hours=1)
_FAILURES = frozenset({"FAILED", "NOT_ATTEMPTED", "ABORTED", "BAD_DATA"})
_KEPT = ("id", "site", "enclosure", "telescope", "start", "end", "state")


@dataclass(frozen=True)
class Rhythm:
    """Seconds between two looks at a request that has not ended, and at one for a rapid response."""

    usual_s: float = 600.0
    rapid_s: float = 180.0


USUAL = Rhythm()


def request_ids(group: Mapping[str, Any]) -> list[int]:
    """The ids of a group's requests: another series than the group's own."""
    return [request["id"] for request in group["requests"]]


def progress(
    group: Mapping[str, Any],
    observations: Sequence[Mapping[str, Any]],
    order: Order[Any, Any],
    rhythm: Rhythm = USUAL,
) -> Progress:
    """How a group stands, with its observations, oldest first. `data["ended"]`: when first seen ended."""
    state = str(group.get("state"))
    failures = [each for each in observations if each.get("state") in _FAILURES]
    data = {
        **order.facility_data,
        "request_ids": request_ids(group),
        "failed_attempts": len(failures),
        "ended": None,
        "observations": [{key: each.get(key) for key in _KEPT} for each in observations],
    }
    rapid = order.payload.observation_mode == "RAPID_RESPONSE"
    often = rhythm.rapid_s if rapid else rhythm.usual_s
    cause = _reason(failures[-1]) if failures else ""
    status = STATES.get(state)
    if status is None:
        return Progress(None, f"{state} (a state that is not known)", data=data, next_poll_s=often)
    if status is Status.SUBMITTED:
        return _waiting(order, observations, failures, cause, data, often)
    running = any(each.get("state") == "IN_PROGRESS" for each in observations)
    data["ended"], next_poll_s = _ended(state, running, order, often)
    reason = cause if status in (Status.FAILED, Status.EXPIRED) else ""
    text = f"{state}; an observation is in progress" if running else state
    return Progress(status, text, reason, data, next_poll_s=next_poll_s)


def ended_at(data: Mapping[str, Any]) -> datetime | None:
    """When the end was first seen."""
    ended = data.get("ended")
    return datetime.fromisoformat(ended["at"]) if ended else None


def _opens_s(order: Order[Any, Any]) -> float:
    """Seconds until the window opens, but not more than those after which a look is worth it all the same."""
    start = order.payload.start_date
    return min((start - order.now).total_seconds(), SELDOM_S) if start else 0.0


def _waiting(
    order: Order[Any, Any],
    observations: Sequence[Mapping[str, Any]],
    failures: Sequence[Mapping[str, Any]],
    cause: str,
    data: Mapping[str, Any],
    often: float,
) -> Progress:
    """PENDING of a group means that it waits; PENDING of an observation that it is scheduled."""
    newest_of = {each.get("state"): each for each in observations}
    for state, words in (
        ("IN_PROGRESS", "in progress at"),
        ("PENDING", "scheduled at"),
        ("COMPLETED", "observed at"),
    ):
        if state in newest_of:
            return Progress(
                Status.IN_PROGRESS,
                f"PENDING; {words} {_place(newest_of[state])}",
                data=data,
                next_poll_s=often,
            )
    if not failures:
        return Progress(Status.SUBMITTED, "PENDING", data=data, next_poll_s=max(often, _opens_s(order)))
    attempts = f"{len(failures)} failed attempt{'s' if len(failures) > 1 else ''}"
    text = f"PENDING; {attempts}, the last: {cause or failures[-1].get('state')}"
    return Progress(Status.SUBMITTED, text, data=data, next_poll_s=often)


def _ended(
    state: str, running: bool, order: Order[Any, Any], often: float
) -> tuple[dict[str, str], float | None]:
    before = order.facility_data.get("ended")
    ended = (
        dict(before) if before and before.get("state") == state else {"state": state, "at": stamp(order.now)}
    )
    left = LAST_LOOK - (order.now - datetime.fromisoformat(ended["at"]))
    if left <= timedelta(0):
        return ended, None
    # Cancelling does not stop what is running, and that can still complete the request.
    return ended, min(often, left.total_seconds()) if running else left.total_seconds()


def _place(observation: Mapping[str, Any]) -> str:
    where = ".".join(
        str(observation[key]) for key in ("site", "enclosure", "telescope") if observation.get(key)
    )
    return f"{where}, {observation.get('start')} to {observation.get('end')}"


def _reason(observation: Mapping[str, Any]) -> str:
    summaries = [status.get("summary") or {} for status in observation.get("configuration_statuses") or ()]
    return next((summary["reason"] for summary in summaries if summary.get("reason")), "")
