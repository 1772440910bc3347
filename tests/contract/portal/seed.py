"""The portal's database as every test session finds it, made once and kept.

Made by the portal's own management commands, a Django fixture (plain JSON), and SQL for the series of ids.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.contract.portal.configdb import ConfigDB, instrument_types
from tests.contract.portal.install import HERE, home, locked
from tests.contract.portal.process import command, environment

TOKENS = {
    "contract": "c0ffee00" * 5,
    "outsider": "0ddba110" * 5,
    "scheduler": "5c4ed000" * 5,
}
# Far apart, as at LCO: whoever takes a request's id for its group's gets 404, not somebody else's group.
FIRST_IDS = {
    "requestgroups_requestgroup": 2000001,
    "requestgroups_request": 3500001,
    "requestgroups_configuration": 8000001,
    "observations_observation": 900000001,
}


@dataclass(frozen=True)
class Semester:
    """A semester; LCO's are of six months, from February and from August."""

    id: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Proposal:
    """A proposal: hours (None: no allocation) and IPP hours per instrument type, its member's limit in s."""

    id: str
    member: str = "contract"
    hours: float | None = 100.0
    ipp_hours: float = 5.0
    limit_s: int = -1
    active: bool = True


PROPOSALS = (
    Proposal("TEST_PROPOSAL"),
    Proposal("TEST_SMALL", hours=0.2, ipp_hours=0.1),
    Proposal("TEST_NOTIME", hours=None),
    Proposal("TEST_LIMITED", limit_s=60),
    Proposal("TEST_INACTIVE", active=False),
    Proposal("TEST_FOREIGN", member="outsider", hours=None),
)


def wide_semesters(now: datetime) -> tuple[Semester, ...]:
    """One semester of four years: no window of the tests meets its end."""
    return (
        Semester("WIDE", datetime(now.year - 1, 1, 1, tzinfo=UTC), datetime(now.year + 3, 1, 1, tzinfo=UTC)),
    )


def real_semesters(now: datetime) -> tuple[Semester, ...]:
    """LCO's: the current one first, then the next."""
    first = now.year if now.month >= 2 else now.year - 1
    halves = [
        semester
        for year in (first, first + 1)
        for semester in (
            Semester(f"{year}A", _utc(year, 2, 1), _utc(year, 7, 31, 23, 59, 59)),
            Semester(f"{year}B", _utc(year, 8, 1), _utc(year + 1, 1, 31, 23, 59, 59)),
        )
    ]
    return tuple(semester for semester in halves if semester.end >= now)[:2]


def seeded(python: Path, semesters: tuple[Semester, ...]) -> Path:
    """The path of a seeded database, which is to be copied, never written. Raises CommandFailed."""
    database = home() / f"seed-{_key(python, semesters)}.sqlite3"
    with locked("seed"):
        if not database.exists():
            made = database.with_suffix(".new")
            made.unlink(missing_ok=True)
            _make(python, made, semesters)
            os.replace(made, database)
    return database


def _key(python: Path, semesters: tuple[Semester, ...]) -> str:
    """Changes with all that the database is made from."""
    made_from = hashlib.sha256(f"{python}{semesters}".encode())
    for source in sorted([Path(__file__), *HERE.glob("*.py"), *HERE.glob("inside/**/*.py")]):
        made_from.update(source.read_bytes())
    return made_from.hexdigest()[:12]


def _make(python: Path, database: Path, semesters: tuple[Semester, ...]) -> None:
    fixture = database.with_suffix(".json")
    fixture.write_text(json.dumps(_fixture(semesters)))
    configdb = ConfigDB()
    try:
        variables = environment(database, configdb.url, {})
        command(python, variables, "migrate", "--verbosity", "0")
        for user, token in TOKENS.items():
            staff = ["--superuser"] if user == "scheduler" else []
            command(
                python, variables, "create_user", "-u", user, "-e", f"{user}@portal.test", "-t", token, *staff
            )
        for semester in semesters:
            start, end = semester.start.isoformat(), semester.end.isoformat()
            command(python, variables, "create_semester", "--id", semester.id, "--start", start, "--end", end)
        # The first brings its collaboration and, in the current semester, time; the fixture adds the rest.
        own = ("--id", PROPOSALS[0].id, "--active", "--pi", PROPOSALS[0].member, "--time-allocation")
        command(python, variables, "create_proposal", *own)
        command(python, variables, "loaddata", "--verbosity", "0", str(fixture))
    finally:
        configdb.close()
        fixture.unlink()
    _set_apart_ids(database)


def _fixture(semesters: tuple[Semester, ...]) -> list[dict[str, Any]]:
    """Proposals, members and time allocations in the form ``loaddata`` reads.

    ``create_proposal`` has made the first proposal with its allocations in the first (current) semester.
    """
    now = datetime.now(UTC).isoformat()
    made: list[dict[str, Any]] = []
    for proposal in PROPOSALS:
        is_first = proposal is PROPOSALS[0]
        if not is_first:
            fields = {"title": proposal.id, "active": proposal.active, "tac_priority": 10, "sca": "tst"}
            made.append(_record("proposal", fields | {"created": now, "modified": now}, proposal.id))
            made.append(
                _record(
                    "membership",
                    {
                        "proposal": proposal.id,
                        "user": [proposal.member],
                        "role": "PI",
                        "time_limit": proposal.limit_s,
                    },
                )
            )
        for semester in semesters[1:] if is_first else semesters:
            made.extend(_allocations(proposal, semester))
    return made


def _allocations(proposal: Proposal, semester: Semester) -> list[dict[str, Any]]:
    hours = proposal.hours
    if hours is None:
        return []
    return [
        _record(
            "timeallocation",
            {
                "proposal": proposal.id,
                "semester": semester.id,
                "instrument_types": [code],
                "std_allocation": hours,
                "rr_allocation": hours,
                "tc_allocation": hours,
                "ipp_limit": 2 * proposal.ipp_hours,
                "ipp_time_available": proposal.ipp_hours,
            },
        )
        for code in instrument_types()
    ]


def _record(model: str, fields: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    return {"model": f"proposals.{model}", "pk": key, "fields": fields}


def _set_apart_ids(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, first in FIRST_IDS.items():
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, first - 1))


def _utc(*parts: int) -> datetime:
    year, month, day, hour, minute, second = (*parts, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
