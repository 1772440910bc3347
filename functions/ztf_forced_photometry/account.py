"""What is known of each account's job table, so that it is asked for seldom (card: Polling).

IPAC renews the table on the full hour and asks for one query for all of an account's requests, never more
than one in two minutes: a tick's polls share one look, and a warm function remembers it for so long.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slew.errors import NoAnswer
from slew.facility import Link
from ztf_forced_photometry import service
from ztf_forced_photometry.job import JobTable
from ztf_forced_photometry.models import ZtfForcedPhotometryAltdata

LOOK_EVERY = timedelta(minutes=2)
REFRESH = timedelta(hours=1)
REFRESH_TAKES = timedelta(minutes=5)  # by which the renewed table is surely there
MAX_PENDING = 100
_REMEMBERED = 50
_SHARED = "ipac job table"


@dataclass
class _Known:
    table: JobTable | None = None
    at: datetime | None = None
    sent: list[datetime] = field(default_factory=list)


class Accounts:
    """The accounts that this process has worked for; their names and passwords only as a digest."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def jobs(
        self,
        link: Link,
        altdata: ZtfForcedPhotometryAltdata,
        now: datetime,
        timeout_s: float = service.READ_TIMEOUT_S,
    ) -> JobTable:
        """The job table, at most two minutes old. Raises NoAnswer, for the rest of a tick the same one."""
        found = link.shared.get(_SHARED)
        if found is None:
            known = self._of(altdata)
            if known.table is not None and known.at and timedelta(0) <= now - known.at < LOOK_EVERY:
                found = known.table
            else:
                try:
                    found = service.read_jobs(link, altdata, timeout_s)
                    known.table, known.at = found, now
                except NoAnswer as error:
                    found = error
            link.shared[_SHARED] = found
        if isinstance(found, NoAnswer):
            raise found
        table: JobTable = found
        return table

    def sent(self, altdata: ZtfForcedPhotometryAltdata, now: datetime) -> None:
        """Note that a job has been sent: the table will not show it before the next full hour."""
        self._of(altdata).sent.append(now)

    def pending(self, altdata: ZtfForcedPhotometryAltdata, table: JobTable, now: datetime) -> int:
        """How many jobs of the account have not ended: those listed, and those sent since the last hour."""
        known = self._of(altdata)
        known.sent = [at for at in known.sent if at >= last_refresh(now)]
        return table.pending + len(known.sent)

    def _of(self, altdata: ZtfForcedPhotometryAltdata) -> _Known:
        pair = (service.base_url(), altdata.ipac_email, altdata.ipac_userpass.get_secret_value())
        key = hashlib.sha256("\n".join(pair).encode()).hexdigest()
        if key not in self._known and len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)), None)
        return self._known.setdefault(key, _Known())


def last_refresh(now: datetime) -> datetime:
    """When the table was last renewed."""
    return now.replace(minute=0, second=0, microsecond=0)


def refreshes(since: datetime, now: datetime) -> int:
    """How often the table has been renewed, and is surely there, since a moment."""
    return max(0, int((last_refresh(now - REFRESH_TAKES) - last_refresh(since)) / REFRESH))


def next_look_s(now: datetime) -> float:
    """Seconds to five minutes past the next full hour; made so that a tenth less is not too early."""
    due = last_refresh(now - REFRESH_TAKES) + REFRESH + REFRESH_TAKES
    return (due - now).total_seconds() / 0.9
