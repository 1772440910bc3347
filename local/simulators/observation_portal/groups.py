"""The stored requestgroups with their requests and observations, and every change of state they undergo."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.simulators.observation_portal import states
from local.simulators.observation_portal.accounts import ALLOCATED, Accounts, Allocation
from local.simulators.observation_portal.instruments import instrument_of
from local.simulators.observation_portal.sites import Telescope

JSON = dict[str, Any]
FIRST_GROUP, FIRST_REQUEST, FIRST_CONFIGURATION = 2_512_345, 4_181_234, 14_912_345
FIRST_OBSERVATION, FIRST_STATUS, FIRST_SUMMARY = 812_345_678, 1_812_345_678, 912_345_678
EXPIRY_LAG = timedelta(minutes=5)  # a periodic job finds the windows that have ended
KEPT_ON_CANCEL = timedelta(hours=72)


@dataclass
class Status:
    """How one configuration of an observation went."""

    id: int
    configuration: int
    instrument: str
    guider: str
    state: str = "PENDING"
    summary: JSON | None = None


@dataclass
class Observation:
    """One place in the schedule of a telescope."""

    id: int
    request: int
    site: str
    enclosure: str
    telescope: str
    start: datetime
    end: datetime
    priority: int
    statuses: list[Status]
    created: datetime
    modified: datetime
    state: str = "PENDING"


@dataclass
class Request:
    """A child of a group; `body` is the cleaned request, each configuration with its `id`."""

    id: int
    body: JSON
    created: datetime
    modified: datetime
    state: str = "PENDING"
    observations: list[Observation] = field(default_factory=list)

    @property
    def last_end(self) -> datetime:
        """The end of its last window."""
        ends: list[datetime] = [window["end"] for window in self.body["windows"]]
        return max(ends)

    @property
    def exposure_seconds(self) -> float:
        """All its exposures together."""
        return float(
            sum(
                config["exposure_time"] * config["exposure_count"]
                for configuration in self.body["configurations"]
                for config in configuration["instrument_configs"]
            )
        )

    def live(self) -> Observation | None:
        """The observation that is scheduled or running."""
        return next((o for o in self.observations if o.state in states.LIVE), None)


@dataclass
class Group:
    """A requestgroup; once a test has moved it by hand (`manual`) the clock only lets it expire."""

    id: int
    submitter: str
    proposal: str
    name: str
    observation_type: str
    operator: str
    ipp_value: float
    requests: list[Request]
    charges: list[tuple[Allocation, float]]
    created: datetime
    modified: datetime
    state: str = "PENDING"
    manual: bool = False
    ipp_debited: bool = False


class Store:
    """Everything submitted since the last reset."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.groups: dict[int, Group] = {}
        self._group_ids = itertools.count(FIRST_GROUP)
        self._request_ids = itertools.count(FIRST_REQUEST)
        self._configuration_ids = itertools.count(FIRST_CONFIGURATION)
        self._observation_ids = itertools.count(FIRST_OBSERVATION)
        self._status_ids = itertools.count(FIRST_STATUS)
        self._summary_ids = itertools.count(FIRST_SUMMARY)

    # -- looking up

    def requests(self) -> Iterator[tuple[Group, Request]]:
        """All children with their groups."""
        for group in self.groups.values():
            for request in group.requests:
                yield group, request

    def request(self, request_id: int) -> tuple[Group, Request] | None:
        """A child by id."""
        return next(((g, r) for g, r in self.requests() if r.id == request_id), None)

    def observations(self) -> Iterator[tuple[Group, Request, Observation]]:
        """All observations with what they are of."""
        for group, request in self.requests():
            for observation in request.observations:
                yield group, request, observation

    # -- submission and its end

    def add(
        self, cleaned: JSON, submitter: str, charges: list[tuple[Allocation, float]], now: datetime
    ) -> Group:
        """Store a cleaned group."""
        requests = []
        for body in cleaned["requests"]:
            for configuration in body["configurations"]:
                configuration["id"] = next(self._configuration_ids)
            requests.append(Request(next(self._request_ids), body, now, now))
        group = Group(
            next(self._group_ids),
            submitter,
            cleaned["proposal"],
            cleaned["name"],
            cleaned["observation_type"],
            cleaned["operator"],
            cleaned["ipp_value"],
            requests,
            charges,
            now,
            now,
        )
        self.groups[group.id] = group
        if group.observation_type == "NORMAL" and group.ipp_value > 1:
            self._debit_ipp(group, 1)
        return group

    def cancel(self, group: Group, now: datetime) -> None:
        """Cancel a group; idempotent."""
        if group.state == "CANCELED":
            return
        if group.state not in states.FROM["CANCELED"]:
            raise states.IllegalTransition(
                f"Cannot transition from request state {group.state} to CANCELED for {group.id}"
            )
        for request in group.requests:
            if request.state == "PENDING":
                request.state, request.modified = "CANCELED", now
                self._clear_schedule(request, now)
        group.state, group.modified = "CANCELED", now
        self._debit_ipp(group, -1)

    def _clear_schedule(self, request: Request, now: datetime) -> None:
        for observation in list(request.observations):
            if observation.state != "PENDING":
                continue  # one that runs is left to run
            if observation.start >= now + KEPT_ON_CANCEL:
                request.observations.remove(observation)
                continue
            running = observation.start <= now < observation.end
            observation.state, observation.modified = "ABORTED" if running else "CANCELED", now

    def expire(self, now: datetime) -> None:
        """Let requests end whose last window is over."""
        for group, request in self.requests():
            if request.state == "PENDING" and request.last_end + EXPIRY_LAG <= now:
                self.end(group, request, "WINDOW_EXPIRED", request.last_end + EXPIRY_LAG)

    def end(self, group: Group, request: Request, state: str, at: datetime) -> None:
        """Bring a request, and with it the group, into a state that may follow."""
        if request.state == state:
            return
        if request.state not in states.FROM[state]:
            raise states.IllegalTransition(
                f"Cannot transition from request state {request.state} to {state} for {request.id}"
            )
        request.state, request.modified = state, at
        if state in ("WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED"):
            self._clear_schedule(request, at)
        before = group.state
        group.state = states.of_group(group.operator, [child.state for child in group.requests])
        if group.state != before:
            group.modified = at
            if group.state in ("WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED"):
                self._debit_ipp(group, -1)

    def _debit_ipp(self, group: Group, sign: int) -> None:
        """Take the IPP time of a group with a raised priority, or (-1) give it back."""
        if group.ipp_debited == (sign > 0):
            return
        group.ipp_debited = sign > 0
        for allocation, hours in group.charges:
            allocation.ipp_available -= sign * hours * (group.ipp_value - 1)

    # -- the scheduler's and the telescope's side

    def schedule(
        self, request: Request, telescope: Telescope, start: datetime, end: datetime, now: datetime
    ) -> Observation:
        """Place a request on a telescope."""
        statuses = []
        for configuration in request.body["configurations"]:
            kind = instrument_of(configuration).code
            statuses.append((configuration["id"], telescope.cameras[kind], telescope.guiders[kind]))
        return self.place(
            request, (telescope.site, telescope.enclosure, telescope.code), (start, end), 10, statuses, now
        )

    def place(
        self,
        request: Request,
        where: tuple[str, str, str],
        span: tuple[datetime, datetime],
        priority: int,
        statuses: list[tuple[int, str, str]],
        now: datetime,
    ) -> Observation:
        """Store an observation; `statuses` are (configuration id, instrument, guide camera)."""
        observation = Observation(
            next(self._observation_ids),
            request.id,
            *where,
            *span,
            priority,
            [Status(next(self._status_ids), *status) for status in statuses],
            now,
            now,
        )
        request.observations.append(observation)
        return observation

    def report(
        self,
        owner: tuple[Group, Request, Observation],
        status: Status,
        state: str,
        summary: JSON | None,
        at: datetime,
    ) -> None:
        """What the telescope tells of one configuration, with its consequences."""
        group, request, observation = owner
        status.state = state
        if summary is not None:
            status.summary = {"id": next(self._summary_ids), "events": [], **summary}
        before = observation.state
        observation.state = states.of_observation(before, [s.state for s in observation.statuses])
        observation.modified = at
        if observation.state == "BAD_DATA" and request.state == "COMPLETED":
            self.end(group, request, "PENDING", at)
        elif request.state != "COMPLETED" and self._enough(request, observation):
            self.end(group, request, "COMPLETED", at)
            self._charge(group, request, observation)

    def _enough(self, request: Request, observation: Observation) -> bool:
        if observation.state in ("COMPLETED", "BAD_DATA"):
            return observation.state == "COMPLETED"
        done = sum(float((s.summary or {}).get("time_completed", 0)) for s in observation.statuses)
        total = request.exposure_seconds
        return total > 0 and 100 * done / total >= request.body["acceptability_threshold"]

    def _charge(self, group: Group, request: Request, observation: Observation) -> None:
        hours = request.body["duration"] / 3600
        member = (group.proposal, group.submitter)
        self.accounts.seconds_used[member] = self.accounts.seconds_used.get(member, 0.0) + hours * 3600
        if group.observation_type not in ALLOCATED:
            return
        for allocation, _ in group.charges:
            allocation.used[group.observation_type] += hours
            if group.observation_type == "NORMAL" and group.ipp_value < 1:
                credit = hours * (1 - group.ipp_value)
                allocation.ipp_available = min(allocation.ipp_limit, allocation.ipp_available + credit)
