"""What is kept of a submission, all there is to know it by later (card ztf.md: Submit a queue)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slew import astro

Pair = tuple[int, int]
"""A field and the number of a filter."""

Key = tuple[int, int, float]
"""The same with the seconds of the exposure."""

_COMMON = ("program_id", "program_pi", "subprogram_name")
_SAME_MOMENT_D = 1e-6


@dataclass(frozen=True)
class Listed:
    """A queue as the gateway lists it. `targets` are those still to do, as the scheduler has them."""

    name: str
    kind: str
    is_current: bool
    is_valid: bool
    is_too: bool
    window: tuple[float, float] | None
    targets: tuple[Mapping[str, Any], ...] | None

    @property
    def left(self) -> int | None:
        """Exposures still to do; None where the list does not say."""
        return None if self.targets is None else sum(repeats(each) for each in self.targets)


@dataclass(frozen=True)
class Kept:
    """A queue that was sent: its wire name, window (MJD, UTC) and exposures, each with its number.

    `common`: what all targets have alike; `digest`: of the targets, every key.
    """

    name: str
    user: str
    window: tuple[float, float]
    targets: int
    exposures: Mapping[Key, int]
    common: Mapping[str, Any]
    digest: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Kept:
        """Of a wire body."""
        targets: Sequence[Mapping[str, Any]] = body["targets"]
        counts: Counter[Key] = Counter()
        for each in targets:
            counts[each["field_id"], each["filter_id"], float(each["exposure_time"])] += repeats(each)
        start, end = body["validity_window_mjd"]
        common = {name: targets[0][name] for name in _COMMON}
        text = json.dumps(targets, sort_keys=True)
        whole = hashlib.sha256(text.encode()).hexdigest()[:16]
        return cls(body["queue_name"], body["user"], (start, end), len(targets), dict(counts), common, whole)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Kept | None:
        """From facility data; None where there is nothing of a queue."""
        if data.get("kind") != "queue":
            return None
        exposures: dict[Key, int] = {}
        for part in str(data["exposures"]).split():
            field, band, seconds, number = part.split("/")
            exposures[int(field), int(band), float(seconds)] = int(number)
        start, end = data["validity_window_mjd"]
        return cls(
            data["queue_name"],
            data["user"],
            (float(start), float(end)),
            int(data["targets"]),
            exposures,
            data["common"],
            data["digest"],
        )

    def data(self) -> dict[str, Any]:
        """The facility data, exposures as `field/filter/seconds/number`: a plan has thousands."""
        return {
            "kind": "queue",
            "queue_name": self.name,
            "user": self.user,
            "validity_window_mjd": list(self.window),
            "targets": self.targets,
            "exposures": " ".join(
                f"{field}/{band}/{seconds!r}/{number}"
                for (field, band, seconds), number in self.exposures.items()
            ),
            "common": dict(self.common),
            "digest": self.digest,
        }

    @property
    def total(self) -> int:
        """Exposures in all."""
        return sum(self.exposures.values())

    @property
    def shortest_s(self) -> float:
        """Seconds that all of it takes at least."""
        return sum(seconds * number for (_, _, seconds), number in self.exposures.items())

    @property
    def pairs(self) -> Counter[Pair]:
        """Exposures by field and filter."""
        counts: Counter[Pair] = Counter()
        for (field, band, _), number in self.exposures.items():
            counts[field, band] += number
        return counts

    @property
    def start(self) -> datetime:
        """Begin of validity, UTC."""
        return astro.from_mjd(self.window[0])

    @property
    def end(self) -> datetime:
        """End of validity, UTC."""
        return astro.from_mjd(self.window[1])

    def is_same(self, listed: Listed) -> bool:
        """Whether a listed queue is this one, some of it perhaps done: same name and window, no other target.

        What the list leaves out does not speak against it.
        """
        if listed.name != self.name:
            return False
        if listed.window is not None and not all(
            abs(a - b) <= _SAME_MOMENT_D for a, b in zip(listed.window, self.window, strict=True)
        ):
            return False
        still: Counter[Any] = Counter()
        for each in listed.targets or ():
            if any(each.get(name, value) != value for name, value in self.common.items()):
                return False
            if all(name in each for name in ("field_id", "filter_id", "exposure_time")):
                still[each["field_id"], each["filter_id"], each["exposure_time"]] += repeats(each)
        return all(number <= self.exposures.get(key, 0) for key, number in still.items())


@dataclass(frozen=True)
class KeptSkymap:
    """A sky map trigger that was sent; `digest` is of its fields and probabilities."""

    name: str
    user: str
    fields: int
    digest: str
    trigger_time: float

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> KeptSkymap:
        """Of a wire body."""
        fields = body["fields"]
        return cls(body["trigger_name"], body["user"], len(fields), digest(fields), body["trigger_time"])

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> KeptSkymap | None:
        """From facility data; None where there is nothing of a sky map."""
        if data.get("kind") != "skymap":
            return None
        return cls(
            data["trigger_name"], data["user"], int(data["fields"]), data["digest"], data["trigger_time"]
        )

    def data(self) -> dict[str, Any]:
        """The facility data."""
        return {
            "kind": "skymap",
            "trigger_name": self.name,
            "user": self.user,
            "fields": self.fields,
            "digest": self.digest,
            "trigger_time": self.trigger_time,
        }

    @property
    def greedy(self) -> str:
        """Name of the queue that the scheduler makes of it."""
        return f"{self.name}_greedy"

    def is_same(self, name: Any, fields: Any) -> bool:
        """Whether a listed trigger is this one."""
        return name == self.name and (fields is None or digest(fields) == self.digest)


def repeats(target: Mapping[str, Any]) -> int:
    """How often a target is to be exposed."""
    number = target.get("n_repeats")
    return int(number) if isinstance(number, int | float) and number >= 1 else 1


def digest(fields: Sequence[Mapping[str, Any]]) -> str:
    """Of fields and probabilities, whatever their order."""
    lines = sorted(f"{each.get('field_id')}:{float(each.get('probability') or 0):.6f}" for each in fields)
    return hashlib.sha256(" ".join(lines).encode()).hexdigest()[:16]
