"""Who may ask, on which proposal, for how much time: users, proposals, semesters, time allocations, with
their seed.

The demo user is `demo`, token `DEMO_TOKEN`, member of `LCO2026B-001`. The others are the ones of the real
portal's contract set-up, so that one table of tests serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.simulators.observation_portal.fields import show_time
from local.simulators.observation_portal.instruments import INSTRUMENTS

JSON = dict[str, Any]

CONTRACT_TOKEN = "c0117ac7c0117ac7c0117ac7c0117ac7c0117ac7"
OUTSIDER_TOKEN = "0075143700751437007514370075143700751437"
STAFF_TOKEN = "57aff00057aff00057aff00057aff00057aff000"
DEMO_TOKEN = "5e1fde405e1fde405e1fde405e1fde405e1fde40"
DEMO_ARCHIVE_TOKEN = "a4c81de0a4c81de0a4c81de0a4c81de0a4c81de0"
DISABLED_TOKEN = "d15ab1edd15ab1edd15ab1edd15ab1edd15ab1ed"
PASSWORD = "password"
ALLOCATED = ("NORMAL", "RAPID_RESPONSE", "TIME_CRITICAL")
PREFIX = {"NORMAL": "std", "RAPID_RESPONSE": "rr", "TIME_CRITICAL": "tc"}


@dataclass
class User:
    """An account; `archive_token` is a second token that only the archive knows."""

    username: str
    token: str
    archive_token: str = ""
    active: bool = True
    staff: bool = False


@dataclass
class Semester:
    """A scheduling period, its end included."""

    id: str
    start: datetime
    end: datetime

    def render(self) -> JSON:
        """As listed."""
        return {"id": self.id, "start": show_time(self.start), "end": show_time(self.end)}

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether a window lies wholly inside."""
        return self.start <= start and end <= self.end


@dataclass
class Proposal:
    """A proposal; `hours` of NORMAL time per instrument type and semester, a tenth for each other kind."""

    id: str
    members: dict[str, float]  # username -> seconds this member may use, -1 for no limit
    hours: float | None = 100.0  # None: no allocation at all
    active: bool = True
    ipp_limit: float = 10.0
    title: str = ""


@dataclass
class Allocation:
    """Time of one proposal on one instrument type in one semester, in hours."""

    id: int
    proposal: str
    semester: str
    instrument: str
    allocated: dict[str, float]
    ipp_limit: float
    ipp_available: float
    used: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ALLOCATED, 0.0))

    def left(self, kind: str) -> float:
        """Hours left."""
        return self.allocated[kind] - self.used[kind]

    def render(self) -> JSON:
        """As in a proposal's `timeallocation_set`."""
        times: JSON = {}
        for kind, prefix in PREFIX.items():
            times |= {f"{prefix}_allocation": self.allocated[kind], f"{prefix}_time_used": self.used[kind]}
        return {
            "id": self.id,
            "ipp_limit": self.ipp_limit,
            "ipp_time_available": self.ipp_available,
            **times,
            "realtime_allocation": 0.0,
            "realtime_time_used": 0.0,
            "semester": self.semester,
            "proposal": self.proposal,
            "instrument_types": [self.instrument],
        }


def _users() -> dict[str, User]:
    rows = (
        User("contract", CONTRACT_TOKEN),
        User("outsider", OUTSIDER_TOKEN),
        User("scheduler", STAFF_TOKEN, staff=True),
        User("demo", DEMO_TOKEN, DEMO_ARCHIVE_TOKEN),
        User("disabled", DISABLED_TOKEN, active=False),
    )
    return {user.username: user for user in rows}


def _proposals() -> dict[str, Proposal]:
    mine = {"contract": -1.0}
    rows = (
        Proposal("TEST_PROPOSAL", dict(mine)),
        Proposal("TEST_SMALL", dict(mine), hours=0.2, ipp_limit=0.2),
        Proposal("TEST_NOTIME", dict(mine), hours=None),
        Proposal("TEST_LIMITED", {"contract": 60.0}),
        Proposal("TEST_INACTIVE", dict(mine), active=False),
        Proposal("TEST_FOREIGN", {"outsider": -1.0}, hours=None, title="someone else"),
        Proposal("LCO2026B-001", {"demo": -1.0, "contract": -1.0}, title="Transient follow-up"),
    )
    return {proposal.id: proposal for proposal in rows}


class Accounts:
    """The seed and what has been spent of it."""

    def __init__(self, semesters: str = "real") -> None:
        self.users = _users()
        self.proposals = _proposals()
        self.semester_mode = semesters  # real: LCO's halves of the year; wide: one for all
        self.seconds_used: dict[tuple[str, str], float] = {}
        self._allocations: dict[tuple[str, str, str], Allocation] = {}

    def by_token(self, token: str, *, archive: bool = False) -> User | None:
        """The user of a token; the archive knows both kinds, the portal one."""
        for user in self.users.values():
            if token == user.token or (archive and token and token == user.archive_token):
                return user
        return None

    def proposals_of(self, user: User | None) -> set[str]:
        """What a user belongs to; staff see all."""
        if user is None:
            return set()
        return {p.id for p in self.proposals.values() if user.staff or user.username in p.members}

    def semesters(self, now: datetime) -> list[Semester]:
        """Those of the years around."""
        if self.semester_mode == "wide":
            return [Semester("WIDE", _day(now.year - 1, 1), _day(now.year + 3, 1))]
        found = []
        for year in (now.year - 1, now.year, now.year + 1):
            found.append(Semester(f"{year}A", _day(year, 2), _last_second(year, 7)))
            found.append(Semester(f"{year}B", _day(year, 8), _last_second(year + 1, 1)))
        return found

    def semester_of(self, start: datetime, end: datetime, now: datetime) -> Semester | None:
        """The one that a window lies in."""
        return next((s for s in self.semesters(now) if s.holds(start, end)), None)

    def allocation(self, proposal_id: str, semester: str, instrument: str) -> Allocation | None:
        """The time of a proposal, if it has any of that kind."""
        proposal = self.proposals[proposal_id]
        if proposal.hours is None or instrument not in INSTRUMENTS:
            return None
        key = (proposal_id, semester, instrument)
        if key not in self._allocations:
            tenth = proposal.hours / 10
            self._allocations[key] = Allocation(
                len(self._allocations) + 1,
                *key,
                {"NORMAL": proposal.hours, "RAPID_RESPONSE": tenth, "TIME_CRITICAL": tenth},
                proposal.ipp_limit,
                proposal.ipp_limit / 2,
            )
        return self._allocations[key]

    def allocations(self, proposal_id: str, now: datetime) -> list[Allocation]:
        """All current and coming ones of a proposal."""
        rows = [
            self.allocation(proposal_id, semester.id, instrument)
            for semester in self.semesters(now)
            if semester.end >= now
            for instrument in sorted(INSTRUMENTS)
        ]
        return [row for row in rows if row is not None]

    def change_proposal(self, proposal_id: str, change: JSON) -> None:
        """`POST /_config`: set fields of a proposal; its allocations start anew."""
        proposal = self.proposals.setdefault(proposal_id, Proposal(proposal_id, {}))
        for key in ("hours", "active", "ipp_limit", "title"):
            if key in change:
                setattr(proposal, key, change[key])
        proposal.members |= change.get("members", {})
        for username in change.get("expelled", []):
            proposal.members.pop(username, None)
        self._allocations = {key: row for key, row in self._allocations.items() if key[0] != proposal_id}


def _day(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


def _last_second(year: int, month: int) -> datetime:
    return datetime(year, month, 31, 23, 59, 59, tzinfo=UTC)
