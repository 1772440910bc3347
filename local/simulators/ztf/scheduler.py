"""The scheduler on the mountain: named queues, sky map triggers, what it refuses, what it observes.

Its grid of fields is not the survey's: the numbers are, and two centres that the card gives; the others lie
in rows as the real ones do.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

from local.simulators.base import JSON

RESERVED = ("default", "fallback")
REQUIRED = ("field_id", "program_id", "subprogram_name", "filter_id", "program_pi")
KNOWN_CENTRES = {699: (45.9756, 40.55), 700: (54.52367, 40.55)}
FIELDS = frozenset(range(1, 882)) | frozenset(range(1001, 1898))
UNIX_MJD = 40587.0
_GREEDY_S = 40.0


class Refused(Exception):
    """The scheduler's refusal: HTTP status and its words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class Queue:
    """A named list of targets, valid in a window (MJD, UTC; None: always)."""

    name: str
    kind: str
    window: tuple[float, float] | None
    targets: list[JSON] = field(default_factory=list)

    @property
    def is_too(self) -> bool:
        """Whether it pre-empts the survey: the first target decides."""
        return bool(self.targets) and str(self.targets[0].get("subprogram_name", "")).startswith("ToO")

    def is_valid(self, mjd: float) -> bool:
        """Whether its window is open."""
        return self.window is None or self.window[0] <= mjd <= self.window[1]


@dataclass
class Trigger:
    """A sky map trigger."""

    name: str
    time: float
    fields: list[JSON]
    user: str


@dataclass(frozen=True)
class Exposure:
    """One that was made; `mjd` (UTC) is its start."""

    number: int
    mjd: float
    target: JSON


class Scheduler:
    """Queues and triggers in memory; time comes with every call, as MJD (UTC)."""

    def __init__(self) -> None:
        survey = {"subprogram_name": "all_sky", "program_id": 1, "filter_id": 2, "exposure_time": 30.0}
        at = {"field_id": 603, "ra": 180.1, "dec": 26.15, "ordered": False}
        slot = {"slot_start_time": "2026-03-11 05:30:00.000"}
        self.queues = {
            "default": Queue("default", "gurobi", None, [{**at, **survey, **slot}]),
            "fallback": Queue("fallback", "greedy", None, []),
        }
        self.triggers: dict[str, Trigger] = {}
        self.exposures: list[Exposure] = []
        self.public_missed = False

    def expire(self, mjd: float) -> None:
        """Drop queues whose window has ended, and ToO queues that are empty."""
        for name, queue in list(self.queues.items()):
            over = queue.window is not None and mjd > queue.window[1]
            if name not in RESERVED and (over or not queue.targets):
                del self.queues[name]

    def current(self, mjd: float) -> Queue:
        """The queue that is worked on: the first valid ToO queue, else the survey's."""
        wanted = (queue for queue in self.queues.values() if queue.is_too and queue.is_valid(mjd))
        return next(wanted, self.queues["default"])

    def observe(self, number: int, mjd: float) -> int:
        """Expose so many targets of the current ToO queue, one after another; how many it were."""
        done = 0
        for _ in range(number):
            queue = self.current(mjd)
            if not queue.is_too:
                break
            target = queue.targets[0]
            self.exposures.append(Exposure(len(self.exposures) + 1, mjd, dict(target)))
            target["n_repeats"] = int(target.get("n_repeats") or 1) - 1
            if target["n_repeats"] < 1:
                queue.targets.pop(0)
            mjd += float(target["exposure_time"]) / 86400
            done += 1
            self.expire(mjd)
        return done

    def put(self, body: JSON) -> None:
        """Take a queue. Raises Refused."""
        name, window = body["queue_name"], body["validity_window_mjd"]
        if name in self.queues:
            raise Refused(409, f"Submitted queue {name} already exists")
        if body["queue_type"] != "list":
            raise Refused(400, "only list queues are implemented")
        if "?" in name:
            raise Refused(400, "mode_num and ewr_num_images must be integers")
        if len(window) != 2 or not window[1] > window[0]:
            raise Refused(400, "validity_window_mjd must be [start, end]")
        if not body["targets"]:
            raise Refused(400, "no targets")
        columns = {key for target in body["targets"] for key in target}
        targets = [_target(target, coordinates=bool(columns & {"ra", "dec"})) for target in body["targets"]]
        self.queues[name] = Queue(name, "list", (float(window[0]), float(window[1])), targets)

    def delete(self, name: str) -> None:
        """Remove a queue, whoever made it. Raises Refused."""
        if name in RESERVED:
            raise Refused(403, f"{name} may not be deleted")
        if name not in self.queues:
            raise Refused(400, f"{name} does not exist")
        del self.queues[name]

    def put_trigger(self, body: JSON, mjd: float) -> None:
        """Take a sky map trigger, and make the greedy queue of it. Raises Refused."""
        name = body["trigger_name"]
        if name in self.triggers:
            raise Refused(409, f"Submitted trigger {name} already exists")
        if unknown := [each["field_id"] for each in body["fields"] if each["field_id"] not in FIELDS]:
            raise Refused(400, f"unknown fields: {unknown}")
        if not body["fields"]:
            raise Refused(400, "no fields")
        self.triggers[name] = Trigger(name, body["trigger_time"], list(body["fields"]), body["user"])
        self.public_missed = True
        greedy = f"{name}_greedy"
        self.queues[greedy] = Queue(greedy, "greedy", (mjd, math.floor(mjd) + 1.0), _greedy(body["fields"]))

    def delete_trigger(self, name: str) -> None:
        """Remove a trigger; its greedy queue stays. Raises Refused."""
        if name not in self.triggers:
            raise Refused(400, f"{name} does not exist")
        del self.triggers[name]

    def listed(self, mjd: float) -> list[JSON]:
        """Every queue, its targets as JSON text within the JSON."""
        current = self.current(mjd)
        return [
            {
                "queue_name": queue.name,
                "queue_type": queue.kind,
                "is_current": queue is current,
                "validity_window_mjd": None if queue.window is None else list(queue.window),
                "is_valid": queue.is_valid(mjd),
                "is_TOO": queue.is_too,
                "queue": json.dumps(queue.targets),
            }
            for queue in self.queues.values()
        ]

    def listed_triggers(self) -> list[JSON]:
        """Every trigger, its fields as JSON text within the JSON."""
        return [
            {"trigger_name": each.name, "trigger_time": each.time, "fields": json.dumps(each.fields)}
            for each in self.triggers.values()
        ]


def centre(field_id: int) -> tuple[float, float]:
    """Centre of a field in the simulator's grid, degrees."""
    if field_id in KNOWN_CENTRES:
        return KNOWN_CENTRES[field_id]
    row, place = divmod((field_id - 1) % 1000, 42)
    dec = -31.45 + 7.2 * (row % 17)
    return round(place * 360 / 42 + (4.2 if field_id > 1000 else 0.0), 5) % 360, round(min(dec, 87.0), 5)


def _target(target: JSON, *, coordinates: bool) -> JSON:
    """A target as the scheduler keeps it. Raises Refused."""
    for key in REQUIRED:
        if key not in target:
            raise Refused(400, f"missing {key}")
    if target["filter_id"] not in (1, 2, 3):
        raise Refused(400, f"unknown filter {target['filter_id']}")
    if ("ra" in target) != ("dec" in target):
        raise Refused(400, "ra and dec go together")
    if not coordinates and target["field_id"] not in FIELDS:
        raise Refused(400, f"unknown field {target['field_id']}")
    # A target without coordinates beside ones that have them gets an undefined pointing; better none at all.
    if coordinates and "ra" not in target:
        raise Refused(400, "ra and dec of some targets only")
    ra, dec = (target["ra"], target["dec"]) if coordinates else centre(target["field_id"])
    if not (_is_within(ra, 0, 360) and _is_within(dec, -90, 90)):
        raise Refused(400, "coordinates out of range")
    kept = {key: value for key, value in target.items() if key != "request_id"}
    defaults = {"exposure_time": 30.0, "max_airmass": 2.5, "n_repeats": 1, "mode_num": 0}
    return {**defaults, **kept, "ra": ra, "dec": dec, "ordered": True}


def _is_within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _greedy(fields: list[JSON]) -> list[JSON]:
    """Two visits each in g and r of the likeliest primary fields, of the public programme."""
    seen = [each for each in fields if each["field_id"] <= 881 and -32 <= centre(each["field_id"])[1] <= 90]
    seen.sort(key=lambda each: -each["probability"])
    number = int(6 * 3600 * 0.5 / _GREEDY_S / 2)
    common = {"program_id": 1, "subprogram_name": "MSIP_EMGW", "exposure_time": 30.0, "ordered": False}
    return [
        {"field_id": each["field_id"], "filter_id": band, **common}
        for each in seen[:number]
        for band in (1, 2)
    ]
