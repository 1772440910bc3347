"""The scheduler and the telescopes: what happens to a request while time passes, or when a test says so.

By itself: some minutes after its submission a request is placed into the first stretch in which a telescope
can observe it, runs there, and is complete at the stretch's end; one that finds no place expires. All of it
follows from the submission and the clock alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.observation_portal import sites, states, visibility
from local.simulators.observation_portal.fields import show_time
from local.simulators.observation_portal.groups import Group, Observation, Request, Store
from local.simulators.observation_portal.instruments import instrument_of
from local.simulators.observation_portal.validate import window_seconds

JSON = dict[str, Any]
PLANNING = timedelta(minutes=5)
LEAD = timedelta(minutes=10)


@dataclass
class Scheduler:
    """`idle_sites` take no part (SOAR outside its queue nights), `closed_sites` cannot observe at all."""

    store: Store
    auto: bool = True
    idle_sites: set[str] = field(default_factory=set)
    closed_sites: set[str] = field(default_factory=set)

    def tick(self, now: datetime) -> None:
        """Bring everything up to the present."""
        for group in list(self.store.groups.values()):
            if self.auto and not group.manual:
                for request in group.requests:
                    self._follow(group, request, now)
        self.store.expire(now)

    def _follow(self, group: Group, request: Request, now: datetime) -> None:
        observation = request.live()
        if observation is None and request.state == "PENDING" and not request.observations:
            planned = group.created + PLANNING
            if now >= planned:
                observation = self._plan(request, group.created + LEAD, planned)
        if observation is None:
            return
        if observation.state == "PENDING" and now >= observation.start:
            self.run(group, request, observation, observation.start)
        if observation.state == "IN_PROGRESS" and now >= observation.end:
            self.finish(group, request, observation, observation.end)

    def _plan(self, request: Request, earliest: datetime, now: datetime) -> Observation | None:
        best: tuple[float, sites.Telescope] | None = None
        aims = [visibility.Aim.of(member) for member in request.body["configurations"]]
        for telescope in self._telescopes(request):
            for start, end in visibility.intervals(aims, telescope, window_seconds(request.body)):
                begin = max(start, earliest.timestamp())
                if end - begin >= request.body["duration"]:
                    if best is None or begin < best[0]:
                        best = (begin, telescope)
                    break
        if best is None:
            return None
        start_at = datetime.fromtimestamp(int(best[0]) + 1, UTC)
        return self.store.schedule(
            request, best[1], start_at, start_at + timedelta(seconds=request.body["duration"]), now
        )

    def _telescopes(self, request: Request) -> list[sites.Telescope]:
        wanted = {instrument_of(member).code for member in request.body["configurations"]}
        away = self.idle_sites | self.closed_sites
        return [t for t in sites.carrying(wanted, request.body["location"]) if t.site not in away]

    # -- single steps

    def run(self, group: Group, request: Request, observation: Observation, at: datetime) -> None:
        """The telescope begins."""
        for status in observation.statuses:
            self.store.report((group, request, observation), status, "ATTEMPTED", None, at)

    def finish(self, group: Group, request: Request, observation: Observation, at: datetime) -> None:
        """The telescope ends well; the configurations share the time of the observation."""
        count = len(observation.statuses)
        step = (observation.end - observation.start) / count
        for index, status in enumerate(observation.statuses):
            configuration = next(c for c in request.body["configurations"] if c["id"] == status.configuration)
            exposed = sum(
                c["exposure_time"] * c["exposure_count"] for c in configuration["instrument_configs"]
            )
            begin = observation.start + index * step
            summary = _summary("COMPLETED", begin, begin + step, "", exposed)
            self.store.report((group, request, observation), status, "COMPLETED", summary, at)

    def fail(self, group: Group, request: Request, observation: Observation, at: datetime) -> None:
        """The first configuration fails, the rest is not tried."""
        for index, status in enumerate(observation.statuses):
            if index:
                self.store.report((group, request, observation), status, "NOT_ATTEMPTED", None, at)
            else:
                summary = _summary("FAILED", observation.start, observation.start, "Telescope: weather", 0.0)
                self.store.report((group, request, observation), status, "FAILED", summary, at)

    # -- by hand

    def advance(self, group: Group, to: str, now: datetime) -> None:
        """`POST /_advance`: move every child; raises `IllegalTransition`, `KeyError` for an unknown step."""
        steps: dict[str, Callable[[Group, Request, datetime], None]] = {
            "scheduled": lambda g, r, at: _ignore(self._scheduled(g, r, at)),
            "in_progress": lambda g, r, at: _ignore(self._in_progress(g, r, at)),
            "completed": lambda g, r, at: self._completed(g, r, at, {"PENDING"}),
            "late_completed": lambda g, r, at: self._completed(
                g, r, at, states.FROM["COMPLETED"] - {"PENDING"}
            ),
            "failed_attempt": lambda g, r, at: self.fail(g, r, self._in_progress(g, r, at), at),
            "expired": lambda g, r, at: self.store.end(g, r, "WINDOW_EXPIRED", at),
            "failure_limit": lambda g, r, at: self.store.end(g, r, "FAILURE_LIMIT_REACHED", at),
            "back_to_pending": self._bad_data,
        }
        step = steps[to]
        group.manual = True
        for request in group.requests:
            step(group, request, now)

    def _scheduled(self, group: Group, request: Request, now: datetime) -> Observation:
        live = request.live()
        if live is not None:
            return live
        if request.state != "PENDING":
            raise states.IllegalTransition(f"request {request.id} is {request.state}")
        return self._place_by_hand(request, now)

    def _place_by_hand(self, request: Request, now: datetime) -> Observation:
        telescopes = self._telescopes(request)
        if not telescopes:
            raise states.IllegalTransition(f"no telescope takes request {request.id}")
        start = now.replace(microsecond=0) + timedelta(minutes=30)
        return self.store.schedule(
            request, telescopes[0], start, start + timedelta(seconds=request.body["duration"]), now
        )

    def _in_progress(self, group: Group, request: Request, now: datetime) -> Observation:
        observation = self._scheduled(group, request, now)
        if observation.state == "PENDING":
            length = observation.end - observation.start
            observation.start = now.replace(microsecond=0)
            observation.end = observation.start + length
            self.run(group, request, observation, now)
        return observation

    def _completed(self, group: Group, request: Request, now: datetime, allowed: set[str]) -> None:
        if request.state not in allowed:
            raise states.IllegalTransition(f"request {request.id} is {request.state}")
        live = request.live()
        if live is None:
            live = self._place_by_hand(request, now)
        # It has just ended, so that the frames are due a pipeline's delay from now.
        length = live.end - live.start
        live.end = now.replace(microsecond=0)
        live.start = live.end - length
        if live.state == "PENDING":
            self.run(group, request, live, live.start)
        self.finish(group, request, live, now)

    def _bad_data(self, group: Group, request: Request, now: datetime) -> None:
        if request.state != "COMPLETED" or request.last_end <= now:
            raise states.IllegalTransition(f"request {request.id} is {request.state} or its window is over")
        observation = next(o for o in request.observations if o.state == "COMPLETED")
        for status in observation.statuses:
            self.store.report((group, request, observation), status, "BAD_DATA", status.summary, now)


def _summary(state: str, start: datetime, end: datetime, reason: str, completed: float) -> JSON:
    return {
        "start": show_time(start),
        "end": show_time(end),
        "state": state,
        "reason": reason,
        "time_completed": completed,
        "events": [],
    }


def _ignore(_: Observation) -> None:
    """A step's observation is of no interest to the hook."""
