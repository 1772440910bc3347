"""The tasks and their life: queued, running one at a time per user on 16 slots, finished (card, "Status").

Nothing moves by itself: `TaskQueue.settle(now)` plays all events up to `now` in their order, so that the
state depends on the simulator's clock only, however seldom anybody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from local.simulators.atlas.light_curve import Aim, head_only, result_file
from local.simulators.base import JSON

SLOTS = 16
STOP_S = 15.0
PLOT_S = 30.0
KEPT_S = 31 * 86400.0
MAS_PER_DEG = 3.6e6
YEAR_D = 365.25
MJD_UNIX_EPOCH = 40587.0

NO_DATA = "No data returned"
UNPARSABLE = "Could not parse the result file"
NO_STACK = "No image stack was produced."
OUTCOMES = ("data", "no_data", "head_only", "unparsable", "retried", "slow")
OUTCOME_RADIUS_DEG = 0.05


@dataclass(frozen=True)
class Spot:
    """What becomes of the tasks within `OUTCOME_RADIUS_DEG` of a position (degrees)."""

    ra: float
    dec: float
    outcome: str


# Documented positions, for tests and demonstrations; everywhere else the outcome is `data`.
SEEDED_SPOTS = (
    Spot(10.0, 10.0, "no_data"),
    Spot(20.0, 20.0, "unparsable"),
    Spot(30.0, 30.0, "head_only"),
    Spot(40.0, 60.0, "retried"),
    Spot(50.0, 60.0, "slow"),
)


def mjd(unix: float) -> float:
    """Modified Julian Date, UTC, of a Unix time."""
    return unix / 86400.0 + MJD_UNIX_EPOCH


@dataclass
class Pace:
    """Seconds a task waits for a free slot, runs, and runs if it is slow."""

    wait_s: float = 10.0
    run_s: float = 30.0
    slow_s: float = 4 * 3600.0


@dataclass
class Task:
    """One task; times in Unix seconds."""

    id: int
    user_id: int
    username: str
    fields: JSON
    created: float
    queued_on_submit: int
    parent_id: int | None = None
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    result: str | None = None
    attempts: int = 0
    ready: float = 0.0
    ends: float | None = None
    used: JSON = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`queued`, `running` or `finished`."""
        if self.finished is not None:
            return "finished"
        return "queued" if self.started is None else "running"

    @property
    def kind(self) -> str:
        """`FP`, `IMGZIP` or `SSOSTACK`."""
        return str(self.fields["request_type"])


class TaskQueue:
    """All tasks of the server."""

    def __init__(self, first_id: int, pace: Pace, on_finish: Callable[[Task], None]) -> None:
        self.tasks: dict[int, Task] = {}
        self.archived: set[int] = set()
        self.pace = pace
        self.spots: list[Spot] = list(SEEDED_SPOTS)
        self.runner_down = False
        self._next_id = first_id
        self._on_finish = on_finish
        self._user_free: dict[int, float] = {}

    def add(
        self, user_id: int, username: str, fields: Iterable[JSON], now: float, parent_id: int | None = None
    ) -> list[Task]:
        """Queue new tasks."""
        before = sum(task.state != "finished" for task in self.of_user(user_id))
        added = []
        for values in fields:
            task = Task(self._next_id, user_id, username, dict(values), now, before, parent_id)
            task.ready = now + self.pace.wait_s
            self.tasks[task.id] = task
            self._next_id += 1
            added.append(task)
        return added

    def of_user(self, user_id: int) -> list[Task]:
        """A user's tasks, the oldest first."""
        return [task for task in self.tasks.values() if task.user_id == user_id]

    def unfinished(self) -> list[Task]:
        """Running tasks, then the queued ones in the order in which users take turns."""
        running = [task for task in self.tasks.values() if task.state == "running"]
        turns: dict[int, int] = {task.user_id: 1 for task in running}
        queued = []
        for task in self.tasks.values():
            if task.state == "queued":
                turn = turns.get(task.user_id, 0)
                turns[task.user_id] = turn + 1
                queued.append((turn, task.id, task))
        return running + [task for _, _, task in sorted(queued, key=lambda item: item[:2])]

    def position(self, task: Task) -> int | None:
        """Tasks ahead of this one; None when it is finished."""
        return self.unfinished().index(task) if task.state != "finished" else None

    def remove(self, task: Task, now: float) -> None:
        """A queued or running task is forgotten, a finished one archived with its result."""
        if task.state == "running":
            self._user_free[task.user_id] = now + STOP_S
        if task.state == "finished":
            self.archived.add(task.id)
        del self.tasks[task.id]

    def run(self, *, down: bool, now: float) -> None:
        """Stop or start the task runner: what waited while it was down starts now, not then."""
        if self.runner_down and not down:
            for task in self.tasks.values():
                if task.state == "queued":
                    task.ready = max(task.ready, now)
        self.runner_down = down

    def settle(self, now: float) -> None:
        """Play what happened up to `now`."""
        while (event := self._next_event()) and event[0] <= now:
            at, task = event
            if task.state == "queued":
                self._start(task, at)
            else:
                self._end(task, at)
        for task in [t for t in self.tasks.values() if t.finished is not None and t.finished + KEPT_S < now]:
            del self.tasks[task.id]

    def _next_event(self) -> tuple[float, Task] | None:
        unfinished = self.unfinished()
        running = [task for task in unfinished if task.state == "running"]
        events = [(task.ends, task.id, task) for task in running if task.ends is not None]
        busy = {task.user_id for task in running}
        if len(running) < SLOTS and not self.runner_down:
            for task in unfinished[len(running) :]:
                if task.user_id not in busy:
                    busy.add(task.user_id)
                    ready = max(task.ready, self._user_free.get(task.user_id, 0.0))
                    events.append((ready, task.id, task))
        if not events:
            return None
        at, _, first = min(events, key=lambda event: event[:2])
        return at, first

    def _start(self, task: Task, at: float) -> None:
        task.started = at
        task.attempts += 1
        task.used = dict(task.fields)
        outcome = self._outcome(task.used)
        fails_first = outcome == "retried" and task.attempts == 1
        run = (
            self.pace.slow_s if outcome == "slow" else self.pace.run_s / 2 if fails_first else self.pace.run_s
        )
        task.ends = at + run

    def _end(self, task: Task, at: float) -> None:
        self._user_free[task.user_id] = at
        outcome = self._outcome(task.used)
        if outcome == "retried" and task.attempts == 1:
            task.started, task.ends, task.ready = None, None, at + self.pace.wait_s
            return
        task.finished, task.ends = at, None
        task.error, task.result = self._product(task, outcome)
        self._on_finish(task)

    def _product(self, task: Task, outcome: str) -> tuple[str | None, str | None]:
        """`error_msg` and the result's text; one of them is None."""
        if task.kind == "SSOSTACK":
            return NO_STACK, None
        if task.kind == "IMGZIP":
            return None, ""
        if outcome == "unparsable":
            return UNPARSABLE, None
        if outcome == "head_only":
            return None, head_only()
        used = task.used
        last = min(used["mjd_max"] if used["mjd_max"] is not None else 1e6, mjd(task.started or 0.0))
        table = None
        if outcome != "no_data":
            table = result_file(aim(used), used["mjd_min"] or 0.0, last, reduced=used["use_reduced"])
        return (None, table) if table else (NO_DATA, None)

    def _outcome(self, fields: JSON) -> str:
        ra, dec = fields["ra"], fields["dec"]
        if ra is None or dec is None:
            return "data"
        if not (0 <= ra < 360 and -90 <= dec <= 90):
            return "unparsable"  # the server takes any number; the fit then leaves nothing to read
        for spot in reversed(self.spots):
            if abs(spot.ra - ra) < OUTCOME_RADIUS_DEG and abs(spot.dec - dec) < OUTCOME_RADIUS_DEG:
                return spot.outcome
        return "data"


def aim(fields: JSON) -> Aim:
    """Where the photometry is made: proper motion is applied from the epoch, an object moves along the
    ecliptic.
    """
    if fields["mpc_name"]:
        draw = Random(fields["mpc_name"])
        start, rate = draw.uniform(0, 360), draw.uniform(0.15, 0.3)
        return Aim(start, draw.uniform(-8, 8), rate, 0.0, magnitude=draw.uniform(15, 19))
    fixed = Aim(fields["ra"], fields["dec"])
    epoch = fields["radec_epoch_year"]
    if epoch is None:
        return fixed
    per_day = 1 / (MAS_PER_DEG * YEAR_D)
    return replace(
        fixed,
        ra_rate=(fields["propermotion_ra"] or 0.0) * per_day,
        dec_rate=(fields["propermotion_dec"] or 0.0) * per_day,
        epoch_mjd=51544.5 + (epoch - 2000.0) * YEAR_D,
    )


def stamp(unix: float | None, *, fraction: bool, old: bool) -> str | None:
    """A time as the server prints it: `Z`, on older servers `+00:00`."""
    if unix is None:
        return None
    when = datetime.fromtimestamp(unix, UTC)
    text = when.isoformat(timespec="microseconds" if fraction else "seconds").removesuffix("+00:00")
    return text + ("+00:00" if old else "Z")
