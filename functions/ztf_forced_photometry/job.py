"""A job as it was sent, the rows of the service's job table, and which row is whose (card: Status)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ztf_forced_photometry.models import SURVEY_START_JD
from ztf_forced_photometry.pages import Table

# Degrees and days, absolute, as in the service's own example script; and room for the noise of a float.
TOLERANCE = 1e-5 + 1e-9


@dataclass(frozen=True)
class Job:
    """What was asked for, as sent: degrees and JD (UTC), texts of six decimals."""

    ra: str
    dec: str
    jdstart: str
    jdend: str

    @classmethod
    def of(cls, ra: float, dec: float, jdstart: float, jdend: float) -> Job:
        """Rounded to what is sent; RA of 360 is 0, and no zero has a sign."""
        ra_text = f"{ra % 360:.6f}"
        return cls(
            "0.000000" if ra_text == "360.000000" else ra_text,
            f"{round(dec, 6) + 0.0:.6f}",
            f"{jdstart:.6f}",
            f"{jdend:.6f}",
        )

    @classmethod
    def kept(cls, data: Mapping[str, Any]) -> Job | None:
        """The job that a request's data holds."""
        try:
            texts = [str(data[name]) for name in ("ra", "dec", "jdstart", "jdend")]
            for text in texts:
                float(text)
        except (KeyError, ValueError):
            return None
        return cls(*texts)

    @property
    def name(self) -> str:
        """How people find it in the service's table, which gives no number on submission."""
        return f"{self.ra} {self.dec} {self.jdstart} {self.jdend}"

    def fits(self, ra: float, dec: float, start: float, end: float) -> bool:
        """Whether numbers that the service shows are this job's; it may have reset the start."""
        starts = {float(self.jdstart), max(float(self.jdstart), SURVEY_START_JD)}
        return (
            abs((ra - float(self.ra) + 180) % 360 - 180) <= TOLERANCE
            and abs(dec - float(self.dec)) <= TOLERANCE
            and any(abs(start - each) <= TOLERANCE for each in starts)
            and abs(end - float(self.jdend)) <= TOLERANCE
        )


@dataclass(frozen=True)
class JobRow:
    """One row of the job table; `exitcode` None and `lightcurve` empty until there are any."""

    req_id: int
    ra: float
    dec: float
    start: float
    end: float
    ended: str
    exitcode: int | None
    lightcurve: str

    @classmethod
    def read(cls, cells: Mapping[str, str]) -> JobRow | None:
        """From the cells by heading; None where the numbers cannot be read."""
        try:
            ra, dec, start, end = (float(cells[name]) for name in ("ra", "dec", "startJD", "endJD"))
            code = int(cells["exitcode"]) if cells.get("exitcode") else None
            path = cells.get("lightcurve", "")
            return cls(int(cells["reqId"]), ra, dec, start, end, cells.get("ended", ""), code, path)
        except (KeyError, ValueError):
            return None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not self.ended and self.exitcode is None


@dataclass(frozen=True)
class JobTable:
    """The account's jobs of the last 30 days, as of the last full hour; `unreadable` rows are but counted."""

    rows: tuple[JobRow, ...] = ()
    unreadable: int = 0

    @classmethod
    def read(cls, table: Table) -> JobTable:
        """From the page's table."""
        rows = [JobRow.read(cells) for cells in table.records()]
        found = tuple(row for row in rows if row is not None)
        return cls(found, len(rows) - len(found))

    @property
    def newest(self) -> int:
        """The largest number in it; 0 if it is empty."""
        return max((row.req_id for row in self.rows), default=0)

    @property
    def pending(self) -> int:
        """Jobs that have not ended."""
        return sum(row.is_open for row in self.rows)

    def row(self, req_id: int) -> JobRow | None:
        """The row of a number."""
        return next((row for row in self.rows if row.req_id == req_id), None)

    def newest_of(self, job: Job, above: int = 0, taken: Collection[int] = ()) -> JobRow | None:
        """The row with the highest number that fits a job, is over `above`, and is not another request's."""
        fitting = [
            row
            for row in self.rows
            if row.req_id > above
            and row.req_id not in taken
            and job.fits(row.ra, row.dec, row.start, row.end)
        ]
        return max(fitting, key=lambda row: row.req_id, default=None)
