"""The jobs of the simulated service: how they go, and what its table shows of them (card: Status)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from local.simulators.ztf_forced_photometry.exposures import exposures

HOUR_S = 3600.0
LISTED_S = 30 * 86400.0
SURVEY_START_JD = 2458194.5
UNIX_EPOCH_JD = 2440587.5
FIRST_REQ_ID = 315274
EXIT_CODES = (0, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 255)
_WITHOUT_FILE = (63, 64, 65, 255)


@dataclass(frozen=True)
class Spot:
    """A position whose jobs end with an exit code; any integer, so that unknown ones can be tried."""

    ra: float
    dec: float
    exitcode: int
    has_file: bool = True


@dataclass(frozen=True)
class Job:
    """One request; times in Unix seconds, `start` and `end` in JD as the service took them."""

    req_id: int
    email: str
    ra: float
    dec: float
    start: float
    end: float
    created: float
    started: float
    ended: float
    exitcode: int
    has_file: bool
    is_batch: bool = False

    @property
    def created_jd(self) -> float:
        """When it was asked for, JD (UTC)."""
        return self.created / 86400 + UNIX_EPOCH_JD

    @property
    def path(self) -> str:
        """Where its light curve is: a path that nobody guesses."""
        digest = hashlib.md5(f"ztf/{self.req_id}/{self.email}".encode(), usedforsecurity=False).hexdigest()
        number = f"{self.req_id:010d}" if self.is_batch else f"{self.req_id:08d}"
        name = f"{'batchfp' if self.is_batch else 'forcedphotometry'}_req{number}_lc.txt"
        return f"/ztf/ops/forcedphot/lc/0/{self.req_id // 1000}/req{self.req_id}/cksum{digest}/{name}"

    @property
    def log_path(self) -> str:
        """Where its log is."""
        return self.path.replace("_lc.txt", "_log.txt")

    def cells(self, at: float) -> tuple[str, ...]:
        """Its row in the table, as of a moment."""
        over = self.ended <= at
        return (
            str(self.req_id),
            f"{self.ra:.6f}",
            f"{self.dec:.6f}",
            f"{self.start:.6f}".rstrip("0").ljust(9, "0"),
            f"{self.end:.6f}".rstrip("0").ljust(9, "0"),
            _stamp(self.created),
            _stamp(self.started) if self.started <= at else "",
            _stamp(self.ended) if over else "",
            "node12" if self.started <= at else "",
            str(self.exitcode) if over else "",
            self.path if over and self.has_file else "",
        )


@dataclass(frozen=True)
class Pace:
    """Seconds from the request to the start, and from the start to the end, of a job."""

    start_s: float = 20.0
    run_s: float = 1000.0


class JobBook:
    """All jobs of one kind (single or batch)."""

    def __init__(self, *, is_batch: bool = False) -> None:
        self.jobs: list[Job] = []
        self.spots: list[Spot] = []
        self.pace = Pace()
        self.is_batch = is_batch

    def add(self, email: str, ra: float, dec: float, start: float, end: float, now: float) -> Job:
        """A new job, with the next number."""
        begun = now + self.pace.start_s
        over = begun + self.pace.run_s
        number = FIRST_REQ_ID + len(self.jobs)
        job = Job(number, email, ra, dec, start, end, now, begun, over, 0, True, self.is_batch)
        job = self._with_end(job)
        self.jobs.append(job)
        return job

    def same(self, email: str, ra: float, dec: float, start: float, end: float) -> Job | None:
        """An earlier job for exactly this."""
        wanted = (email, ra, dec, start, end)
        return next((j for j in self.jobs if (j.email, j.ra, j.dec, j.start, j.end) == wanted), None)

    def open(self, email: str, now: float) -> int:
        """How many of a user's jobs have not ended."""
        return sum(job.email == email and job.ended > now for job in self.jobs)

    def listed(self, email: str, now: float, *, pending_only: bool) -> list[tuple[str, ...]]:
        """A user's rows: the table shows what was so at the last full hour, and 30 days at most."""
        at = now // HOUR_S * HOUR_S
        return [
            job.cells(at)
            for job in self.jobs
            if job.email == email and job.created <= at and job.created > now - LISTED_S
            if not pending_only or job.ended > at
        ]

    def with_file(self, path: str, now: float) -> Job | None:
        """The ended job whose light curve or log is at a path."""
        return next(
            (
                job
                for job in self.jobs
                if path in (job.path, job.log_path) and job.has_file and job.ended <= now
            ),
            None,
        )

    def _with_end(self, job: Job) -> Job:
        spot = _spot_at(self.spots, job.ra, job.dec)
        if spot is not None:
            code, has_file = spot.exitcode, spot.has_file and spot.exitcode not in _WITHOUT_FILE
        elif job.end < SURVEY_START_JD:
            code, has_file = 65, False
        elif next(exposures(job.ra, job.dec, job.start, job.end, job.created_jd), None) is None:
            code, has_file = 63, False
        else:
            code, has_file = 62 if job.start < SURVEY_START_JD else 0, True
        start = max(job.start, SURVEY_START_JD) if code == 62 else job.start
        return replace(job, start=start, exitcode=code, has_file=has_file)


def _spot_at(spots: Iterable[Spot], ra: float, dec: float) -> Spot | None:
    return next((s for s in spots if abs(s.ra - ra) < 1e-4 and abs(s.dec - dec) < 1e-4), None)


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
