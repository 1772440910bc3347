"""One site's programmes, templates and the observations that triggers make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local.simulators.gemini.parameters import Elevation, GuideStar, Trigger, Window

ON_HOLD, READY, ONGOING, OBSERVED = "On Hold", "Ready", "Ongoing", "Observed"
STATUSES = (
    "Phase 2",
    "For Review",
    "In Review",
    "For Activation",
    ON_HOLD,
    READY,
    ONGOING,
    OBSERVED,
    "Inactive",
)
RAPID_WINDOW = timedelta(hours=24)


class Refused(Exception):
    """The database's refusal: HTTP status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass
class Observation:
    """An observation; clones hold what a trigger put into them. `began` and `ended` once executed."""

    number: int
    title: str
    instrument: str
    status: str = ON_HOLD
    exptime_s: int | None = None
    posangle_deg: float = 0.0
    elevation: Elevation | None = None
    windows: tuple[Window, ...] = ()
    group: str | None = None
    note: tuple[str, str] | None = None
    target: tuple[str, float, float] | None = None
    mags: str = ""
    guide_star: GuideStar | None = None
    made_at: datetime | None = None
    began: datetime | None = None
    ended: datetime | None = None

    def become(self, status: str, now: datetime) -> None:
        """Take a status, by the clock or by somebody's hand."""
        self.status = status
        if status in (ONGOING, OBSERVED):
            self.began = self.began or now
        if status == OBSERVED:
            self.ended = self.ended or now

    def opens(self) -> datetime | None:
        """When a clone may first be executed."""
        if self.made_at is None:
            return None
        return max(self.made_at, min((window.start for window in self.windows), default=self.made_at))


@dataclass
class Programme:
    """A programme with its observations by number; `members` are addresses."""

    id: str
    title: str
    too: str
    members: frozenset[str]
    observations: dict[int, Observation]
    groups: list[str] = field(default_factory=list)
    active: bool = True
    last_number: int = 0

    def add(self, observation: Observation) -> None:
        """Put an observation in, and its group if it names a new one."""
        self.observations[observation.number] = observation
        self.last_number = max(self.last_number, observation.number)
        if observation.group and observation.group not in self.groups:
            self.groups.append(observation.group)


@dataclass
class Database:
    """The observing database of one site."""

    programmes: dict[str, Programme]
    keys: dict[str, str]

    def clone(self, trigger: Trigger, now: datetime) -> str:
        """Clone the template; the new observation's id. Raises Refused."""
        programme = self._programme(trigger)
        template = _template(programme, trigger)
        if template.status != ON_HOLD:
            raise Refused(404, "Template observation is not 'on hold'.")
        clone = Observation(
            number=programme.last_number + 1,
            title=trigger.target,
            instrument=template.instrument,
            status=READY if trigger.ready else ON_HOLD,
            exptime_s=trigger.exptime_s if trigger.exptime_s is not None else template.exptime_s,
            posangle_deg=trigger.posangle_deg,
            elevation=trigger.elevation,
            windows=_windows(programme, template, trigger, now),
            group=trigger.group,
            note=trigger.note,
            target=(trigger.target, trigger.ra_deg, trigger.dec_deg),
            mags=trigger.mags,
            guide_star=trigger.guide_star,
            made_at=now,
        )
        programme.add(clone)
        return f"{programme.id}-{clone.number}"

    def follow(self, now: datetime, ongoing_after_s: float, observed_after_s: float) -> None:
        """Execute what is ready and whose window is open, as time goes."""
        for programme in self.programmes.values():
            for each in programme.observations.values():
                opens = each.opens()
                if opens is None:
                    continue
                begins = opens + timedelta(seconds=ongoing_after_s)
                ends = opens + timedelta(seconds=observed_after_s)
                if each.status == READY and begins <= now and _is_open(each, begins):
                    each.become(ONGOING, begins)
                if each.status == ONGOING and ends <= now:
                    each.become(OBSERVED, ends)

    def find(self, observation_id: str) -> Observation | None:
        """An observation by its whole id."""
        programme_id, _, number = observation_id.rpartition("-")
        programme = self.programmes.get(programme_id)
        return programme.observations.get(int(number)) if programme and number.isdigit() else None

    def _programme(self, trigger: Trigger) -> Programme:
        programme = self.programmes.get(trigger.programme)
        if programme is None or self.keys.get(trigger.email) != trigger.password:
            raise Refused(404, "Incorrect program ID, email address, or password")
        if trigger.email not in programme.members:
            raise Refused(404, "Insufficient privileges.")
        if not programme.active:
            raise Refused(403, "Program is not active.")
        return programme


def _template(programme: Programme, trigger: Trigger) -> Observation:
    if trigger.number is not None:
        found = programme.observations.get(trigger.number)
        if found is None:
            raise Refused(404, f"Template observation {programme.id}-{trigger.number} not found")
        return found
    wanted = (trigger.title or "").lower()
    for each in programme.observations.values():
        if each.title.lower() == wanted:
            return each
    raise Refused(404, f'Template observation "{trigger.title}" not found')


def _windows(
    programme: Programme, template: Observation, trigger: Trigger, now: datetime
) -> tuple[Window, ...]:
    if trigger.window is not None:
        return (*template.windows, trigger.window)
    if programme.too == "Rapid" and not template.windows:
        return (Window(now, int(RAPID_WINDOW / timedelta(hours=1))),)
    return template.windows


def _is_open(observation: Observation, moment: datetime) -> bool:
    return not observation.windows or any(each.contains(moment) for each in observation.windows)
