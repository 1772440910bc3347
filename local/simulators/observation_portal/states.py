"""States and what may follow them (the card's tables under "Status")."""

from __future__ import annotations

from collections.abc import Sequence

GROUP_STATES = ("PENDING", "COMPLETED", "WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED", "CANCELED")
FROM = {
    "COMPLETED": {"PENDING", "WINDOW_EXPIRED", "CANCELED", "FAILURE_LIMIT_REACHED"},
    "WINDOW_EXPIRED": {"PENDING"},
    "CANCELED": {"PENDING"},
    "FAILURE_LIMIT_REACHED": {"PENDING"},
    "PENDING": {"COMPLETED"},
}
STATUS_STATES = ("PENDING", "ATTEMPTED", "NOT_ATTEMPTED", "COMPLETED", "FAILED", "ABORTED", "BAD_DATA")
LIVE = ("PENDING", "IN_PROGRESS")
_SINGLE = ("WINDOW_EXPIRED", "PENDING", "COMPLETED", "FAILURE_LIMIT_REACHED", "CANCELED")
_MANY = ("PENDING", "COMPLETED", "WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED", "CANCELED")


class IllegalTransition(Exception):
    """A state that cannot follow the present one."""


def of_group(operator: str, children: Sequence[str]) -> str:
    """The state of a group with these children."""
    order = _SINGLE if operator == "SINGLE" else _MANY
    return next(state for state in order if state in children)


def of_observation(current: str, statuses: Sequence[str]) -> str:
    """The state of an observation whose configurations stand so: the first rule that matches."""
    present = set(statuses)
    if present in ({"PENDING"}, {"PENDING", "NOT_ATTEMPTED"}):
        return "PENDING"
    if present == {"NOT_ATTEMPTED"}:
        return "NOT_ATTEMPTED"
    if present <= {"PENDING", "ATTEMPTED"}:
        return "IN_PROGRESS"
    if "BAD_DATA" in present:
        return "BAD_DATA"
    if present & {"NOT_ATTEMPTED", "FAILED"}:
        return "FAILED"
    if "ABORTED" in present:
        return "ABORTED"
    return "COMPLETED" if present == {"COMPLETED"} else current
