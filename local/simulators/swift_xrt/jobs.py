"""Jobs and their products in time (card swift_xrt.md: Status, Simulator)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.simulators.base import JSON
from local.simulators.swift_xrt.accounts import Settings

COMPLETE, WAITS, CANCELLED = 4, 5, -4
TEXTS = {
    1: "Requested",
    2: "Queued",
    3: "Running",
    4: "Complete",
    5: "Waiting for the standard position",
    -1: "Could not be requested",
    -2: "Could not be queued",
    -3: "Complete, but no product was produced",
    -4: "Cancelled at your request",
}
_STEPS = (
    "Prepare data and centroid (if selected).",
    "Extract data.",
    "Build the product.",
    "Plotting the product as image.",
)
_MET_ZERO = datetime(2001, 1, 1, tzinfo=UTC).timestamp()


@dataclass
class Job:
    """One submission. Times are Unix seconds."""

    id: int
    user: str
    products: tuple[str, ...]
    pars: JSON
    submitted: float
    queued_s: float
    starts_s: float
    runs_s: float
    outcomes: dict[str, int]
    no_position: tuple[str, ...]
    spectrum: str
    cancelled: set[str] = field(default_factory=set)

    def code(self, product: str, now: float) -> int:
        """The product's status code."""
        if product in self.cancelled:
            return CANCELLED
        outcome = self.outcomes.get(product, COMPLETE)
        if outcome in (-1, -2):
            return outcome
        age = now - self.submitted
        if age < self.queued_s:
            return 1
        if age < self.starts_s:
            return 2
        starts = self.starts_s
        if product == "xastrom":
            standard = self.code("psf", now)
            if outcome == WAITS or standard in (1, 2, 3):
                return WAITS
            if standard != COMPLETE:
                return -3
            starts += self.runs_s
        return 3 if age < starts + self.runs_s else outcome

    def is_active(self, now: float) -> bool:
        """Whether any product waits or runs."""
        return any(self.code(product, now) in (1, 2, 3, WAITS) for product in self.products)

    def cancel(self, product: str, now: float) -> tuple[int, str]:
        """Cancel one product: the code of the answer, and its text."""
        if product not in self.products:
            return 2, "This product was not requested"
        if self.code(product, now) in (1, 2, 3, WAITS):
            self.cancelled.add(product)
            return 0, "Job cancelled OK"
        return 1, "Job could not be cancelled - has it already finished?"

    def progress(self, product: str, now: float) -> JSON:
        """How far a running product is."""
        if self.code(product, now) != 3:
            return {"GotProgress": 0}
        start = self.submitted + self.starts_s + (self.runs_s if product == "xastrom" else 0.0)
        elapsed = max(0.0, now - start)
        active = min(len(_STEPS) - 1, int(len(_STEPS) * elapsed / max(self.runs_s, 1e-9)))
        steps: list[JSON] = [
            {"StepLabel": label, "StepStatus": 2 if number < active else 1 if number == active else 0}
            for number, label in enumerate(_STEPS)
        ]
        steps[active]["StepExtra"] = "Working on observation 1 / 4"
        minutes, seconds = divmod(int(elapsed), 60)
        return {
            "GotProgress": 1,
            "PreProgress": "",
            "ProgressSteps": steps,
            "TimeRunning": f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}",
        }


class Jobs:
    """All jobs of all users."""

    def __init__(self, first_id: int = 951) -> None:
        self.by_id: dict[int, Job] = {}
        self._next_id = first_id

    def add(self, user: str, products: tuple[str, ...], sent: JSON, settings: Settings, now: float) -> Job:
        """A new job with its parameters filled in."""
        job = Job(
            id=self._next_id,
            user=user,
            products=products,
            pars=with_defaults(sent, products, now),
            submitted=now,
            queued_s=settings.queued_s,
            starts_s=settings.starts_s,
            runs_s=settings.runs_s,
            outcomes=dict(settings.outcomes),
            no_position=tuple(settings.no_position),
            spectrum=settings.spectrum,
        )
        self.by_id[job.id] = job
        self._next_id += 1
        return job

    def of(self, user: str) -> list[Job]:
        """A user's jobs, the newest first."""
        return [job for job in reversed(self.by_id.values()) if job.user == user]

    def active(self, user: str, now: float) -> int:
        """How many of a user's jobs wait or run."""
        return sum(job.is_active(now) for job in self.of(user))


def with_defaults(sent: JSON, products: tuple[str, ...], now: float) -> JSON:
    """`jobPars`: what was sent, and what was not, in the service's mixture of text and numbers."""
    defaults: JSON = {"centMeth": "simple", "whatSXPS": "2SXPS"}
    if "lc" in products:
        defaults |= {"lctimetype": "s", "pcbin": "2.51", "wtbin": "0.5", "mincmin": "15", "sigmin": "3"}
        defaults |= {"allowUL": "both", "allowB": "both", "minen": "0.3", "maxen": "10"}
    if "spec" in products:
        defaults |= {"specobs": "hours", "specobstime": 12, "timeslice": "single", "specstem": "interval0"}
    if {"psf", "enh"} & set(products):
        defaults |= {"posobs": "hours", "posobstime": 12, "detornot": "detect", "detMeth": "simple"}
        defaults |= {"posRadius": "20"}
    as_text = ("RA", "Dec", "pccounts", "wtcounts", "pcbin", "wtbin", "mincmin", "sigmin", "posRadius")
    known = {key: str(value) if key in as_text else value for key, value in sent.items()}
    pars = {
        **defaults,
        **{key: value for key, value in known.items() if key not in ("api_name", "api_version")},
    }
    for name in ("getTargs", "getCoords", "getT0"):
        pars.pop(name, None)
    for flag in ("lc", "spec", "dopsf", "doenh", "doxastrom", "image", "sourceDet"):
        pars[flag] = sent.get(flag, 0)
    pars["dopsf"] = int("psf" in products)
    pars.setdefault("Tstart", round(now - _MET_ZERO - 86400 * 30, 3))
    pars.setdefault("RA", "335.69850")
    pars.setdefault("Dec", "-7.51790")
    given = str(pars.get("targ") or "00015102")
    pars["targ"] = f"{{{given}}}" if "," in given else given
    return pars
