"""The programme's saved schedules: summary, details, and which one is ours (card: Status)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from slew import astro
from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from slew.wire import HttpRequest
from winter import palomar, server
from winter.models import WinterAltdata

_ARCHIVED: dict[str, Any] = {"include_archived": "True"}
_NAME = re.compile(r"^request_.*_(\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d)$")


@dataclass(frozen=True)
class Schedule:
    """One row of the summary. `attempted` is the fraction of its rows that have been attempted, 0 to 1."""

    name: str
    attempted: float
    targets: tuple[str, ...]
    entries: int | None
    start: datetime | None
    end: datetime | None

    @property
    def made_at(self) -> datetime | None:
        """When the service made it, from its name, which has the local time to a second."""
        match = _NAME.match(self.name)
        try:
            return palomar.to_utc(datetime.strptime(match[1], "%Y_%m_%d_%H_%M_%S")) if match else None  # noqa: DTZ007
        except ValueError:
            return None


def summary(altdata: WinterAltdata, link: Link, *, archived: bool) -> Mapping[str, Schedule]:
    """The programme's schedules by name, past ones only where `archived`; read once a tick.

    Raises NoAnswer.
    """
    key = f"summary archived={archived}"
    if key not in link.shared:
        asked = server.request("GET", "/too/summary", altdata, **(_ARCHIVED if archived else {}))
        found = map(_schedule, table(_read(asked, link)))
        link.shared[key] = {each.name: each for each in found}
    schedules: Mapping[str, Schedule] = link.shared[key]
    return schedules


def find(name: str, altdata: WinterAltdata, link: Link) -> Schedule | None:
    """A schedule by name, among the past ones too. Raises NoAnswer."""
    current = summary(altdata, link, archived=False).get(name)
    return current or summary(altdata, link, archived=True).get(name)


def details(name: str, altdata: WinterAltdata, link: Link) -> list[Mapping[str, Any]] | None:
    """The rows of a schedule; None where the service has none of that name. Raises NoAnswer."""
    wanted = server.request("GET", "/too/details", altdata, schedule_name=name)
    answer = link.http.read(wanted)
    if answer.status == 404:
        return None
    try:
        return table(server.accepted(answer).get("body"))
    except Rejected as error:
        raise NoAnswer(error.reason) from None
    except server.UNSETTLED as error:
        raise NoAnswer(error.reason, error.retry_after) from None


def filters(rows: list[Mapping[str, Any]]) -> dict[str, int] | None:
    """How many rows of each filter there are; None where a row does not say."""
    names = [row.get("filter") for row in rows]
    return dict(Counter(map(str, names))) if all(isinstance(name, str) for name in names) else None


def table(body: Any) -> list[Mapping[str, Any]]:
    """Rows of a table told by column and then row number, or as a list of rows. Raises NoAnswer."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            raise NoAnswer("the facility's table cannot be read") from None
    if isinstance(body, list) and all(isinstance(row, dict) for row in body):
        return list(body)
    if not isinstance(body, dict) or not all(isinstance(column, dict) for column in body.values()):
        raise NoAnswer("the facility's table cannot be read")
    keys = dict.fromkeys(key for column in body.values() for key in column)
    return [{name: column.get(key) for name, column in body.items()} for key in keys]


def _read(wanted: HttpRequest, link: Link) -> Any:
    try:
        return server.read(link, wanted).get("body")
    except Rejected as error:
        raise NoAnswer(error.reason) from None


def _schedule(row: Mapping[str, Any]) -> Schedule:
    name, attempted, names = row.get("too_schedule_name"), row.get("attempted_frac"), row.get("target_names")
    if not isinstance(name, str) or isinstance(attempted, bool) or not isinstance(attempted, int | float):
        raise NoAnswer("the facility's summary of schedules cannot be read")
    if not isfinite(attempted):
        raise NoAnswer(f"the facility's summary gives no progress of schedule {name}")
    entries = row.get("n_entries")
    return Schedule(
        name=name,
        attempted=float(attempted),
        targets=(names,) if isinstance(names, str) else tuple(map(str, names or ())),
        entries=int(entries) if isinstance(entries, int | float) and isfinite(entries) else None,
        start=_moment(row.get("window_start")),
        end=_moment(row.get("window_end")),
    )


def _moment(value: Any) -> datetime | None:
    try:
        return astro.parse_utc(value) if isinstance(value, str) else None
    except ValueError:
        return None
