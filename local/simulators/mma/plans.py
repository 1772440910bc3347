"""What the receiver accepts as a plan, and how a plan fares there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.simulators.base import JSON

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
STATUSES = ("pending", "processing", "done", "failed")
KEYS = ("targets", "queue_name", "validity_window_mjd", "queue_type", "user")
TARGET_KEYS: dict[str, tuple[type, ...]] = {
    "request_id": (int,),
    "field_id": (int,),
    "ra": (int, float),
    "dec": (int, float),
    "filter": (str,),
    "exposure_time": (int, float),
    "program_pi": (str,),
}


@dataclass
class StoredPlan:
    """A plan that was taken. `forced`: a status that a test has set."""

    id: int
    content: JSON
    received: float
    forced: str | None = None

    @property
    def name(self) -> str:
        """The queue's name."""
        return str(self.content["queue_name"])

    def status(self, now: float, *, observing: bool) -> str:
        """Pending until the window opens, then processing, then done; missed if it was never begun."""
        if self.forced:
            return self.forced
        start, end = self._window()
        begins = max(start, self.received)
        if not observing or begins >= end:
            return "missed" if now >= end else "pending"
        if now < begins:
            return "pending"
        return "done" if self.done(now, observing=observing) == len(self.content["targets"]) else "processing"

    def done(self, now: float, *, observing: bool) -> int:
        """How many of its observations have been made: one after the other, until the window ends."""
        if self.forced == "done":
            return len(self.content["targets"])
        start, end = self._window()
        begins = max(start, self.received)
        if not observing or begins >= end:
            return 0
        left = min(now, end) - begins
        count = 0
        for target in self.content["targets"]:
            left -= target["exposure_time"]
            if left < 0:
                break
            count += 1
        return count if now < end else len(self.content["targets"])

    def view(self, now: float, *, observing: bool, with_observations: bool = False) -> JSON:
        """The newer version's JSON."""
        start, end = self.content["validity_window_mjd"]
        shown: JSON = {
            "id": self.id,
            "queue_name": self.name,
            "user": self.content["user"],
            "status": self.status(now, observing=observing),
            "instrument_id": 1,
            "validity_window_start": _moment(start).isoformat(),
            "validity_window_end": _moment(end).isoformat(),
            "payload": self.content,
        }
        if with_observations:
            done = self.done(now, observing=observing)
            going = shown["status"] == "processing"
            shown["observations"] = [
                {
                    **target,
                    "status": "done"
                    if place < done
                    else "processing"
                    if going and place == done
                    else "pending",
                }
                for place, target in enumerate(self.content["targets"])
            ]
        return shown

    def _window(self) -> tuple[float, float]:
        start, end = self.content["validity_window_mjd"]
        return _moment(start).timestamp(), _moment(end).timestamp()


def fault(content: Any) -> str:
    """What is wrong with a plan; empty if nothing is."""
    if not isinstance(content, dict):
        return "the plan is not a JSON object"
    if set(content) != set(KEYS):
        return f"keys differ from the contract's: {', '.join(sorted(set(content) ^ set(KEYS)))}"
    if not isinstance(content["queue_name"], str) or not content["queue_name"].startswith("ToO_"):
        return "queue_name must be text that begins with ToO_"
    if content["queue_type"] != "list":
        return "queue_type must be list"
    if not isinstance(content["user"], str) or not content["user"]:
        return "user must be text"
    return _window_fault(content["validity_window_mjd"]) or _targets_fault(
        content["targets"], content["user"]
    )


def _window_fault(window: Any) -> str:
    if not isinstance(window, list) or len(window) != 2 or not all(map(_is_number, window)):
        return "validity_window_mjd must be two numbers"
    if not 15020 <= window[0] < window[1] <= 88069:
        return "validity_window_mjd must begin before it ends, within 1900 to 2100"
    return ""


def _targets_fault(targets: Any, user: str) -> str:
    if not isinstance(targets, list) or not targets:
        return "targets must be a list that is not empty"
    for number, target in enumerate(targets, 1):
        if not isinstance(target, dict) or set(target) != set(TARGET_KEYS):
            return f"target {number} must have exactly the keys {', '.join(TARGET_KEYS)}"
        for key, kinds in TARGET_KEYS.items():
            if not isinstance(target[key], kinds) or isinstance(target[key], bool):
                return f"target {number}: {key} has the wrong type"
        if target["request_id"] != number:
            return f"target {number}: request_id must be {number}"
        if not (0 <= target["ra"] < 360 and -90 <= target["dec"] <= 90):
            return f"target {number}: no position of the sky"
        if target["exposure_time"] != int(target["exposure_time"]) or target["exposure_time"] < 1:
            return f"target {number}: exposure_time must be whole seconds"
        if not target["filter"] or target["program_pi"] != user:
            return f"target {number}: filter is empty, or program_pi is not the user"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _moment(mjd: float) -> datetime:
    return _MJD_ZERO + timedelta(days=mjd)
