"""The LT simulator's Phase-2 database: groups, the targets they name, and how they are carried out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.simulators.lt.document import Document, Observation

COMPLETED, FAILED, PARTIAL = "completed", "failed", "partial"
DEFAULT_PLAN: tuple[dict[str, Any], ...] = (
    {"after_s": 2 * 3600.0, "kind": FAILED},
    {"after_s": 6 * 3600.0, "kind": COMPLETED},
)
"""What becomes of a group, in seconds after its window has opened."""


@dataclass(frozen=True)
class Attempt:
    """One execution of a group: when it ended, and how."""

    at: datetime
    kind: str
    error: str = "Acquisition failed"
    code: int = 600101

    @property
    def description(self) -> str:
        """The words of its History entry."""
        if self.kind == COMPLETED:
            return "Completed in 12M 5S"
        if self.kind == PARTIAL:
            return "Unknown status code: 2"
        return f"Failed after 3M 20S due to [{self.code}] {self.error}"


@dataclass
class Group:
    """A group: what is to be observed, where the database points, and its executions so far."""

    proposal: str
    name: str
    uid: str
    schedules: tuple[Observation, ...]
    position: tuple[float, float]
    start: datetime
    end: datetime
    run: int
    plan: list[Attempt] = field(default_factory=list)

    def attempts(self, now: datetime) -> list[Attempt]:
        """Those made so far; none begins after the window, and nothing follows a completion."""
        made: list[Attempt] = []
        for attempt in sorted(self.plan, key=lambda each: each.at):
            if attempt.at > now or attempt.at > self.end:
                break
            made.append(attempt)
            if attempt.kind == COMPLETED:
                break
        return made


class Phase2:
    """Groups by proposal and name; several may bear one name."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._targets: dict[tuple[str, str], tuple[float, float]] = {}
        self._runs = 0

    def add(self, document: Document, now: datetime, plan: list[dict[str, Any]]) -> Group:
        """Store a confirmed document. A target that the proposal has by name keeps its first position."""
        first = document.schedules[0]
        start = first.start or now
        position = (first.ra_deg, first.dec_deg)
        known = self._targets.setdefault((document.project or "", first.target), position)
        self._runs += 1
        opens = max(start, now)
        group = Group(
            document.project or "",
            group_name(document.uid),
            document.uid,
            document.schedules,
            known,
            start,
            first.end or start + timedelta(days=1),
            self._runs,
            [Attempt(opens + timedelta(seconds=each["after_s"]), each["kind"]) for each in plan],
        )
        self.groups.append(group)
        return group

    def find(self, proposal: str, uid: str) -> Group | None:
        """The first group of a document."""
        name = group_name(uid)
        return next((each for each in self.groups if (each.proposal, each.name) == (proposal, name)), None)


def group_name(uid: str) -> str:
    """What the database calls the group of a document."""
    return re.sub(r"\W", "_", uid, flags=re.ASCII)
