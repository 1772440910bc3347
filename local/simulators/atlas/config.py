"""The settings of the ATLAS simulator that a test may change."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from local.simulators.atlas.queue import OUTCOMES, Pace, Spot, TaskQueue
from local.simulators.base import JSON


@dataclass
class AtlasConfig:
    """Settings a test may change by `POST /_config`.

    `callback_allow`: URL prefixes that a call-back may have although they are neither https nor public. Only
    these are really called: the simulator stays on loopback.
    """

    writes_per_minute: int = 60
    reads_per_minute: int = 600
    task_cap: int = 500
    old_server: bool = False
    maintenance: bool = False
    runner_down: bool = False
    wait_s: float = 10.0
    run_s: float = 30.0
    slow_s: float = 4 * 3600.0
    callback_allow: list[str] = field(default_factory=list)
    spots: list[JSON] = field(default_factory=list)

    def change(self, wanted: JSON, tasks: TaskQueue, now: float) -> str | None:
        """Apply `wanted`, to the task queue as well, at `now` (Unix seconds); the reason if it makes no
        sense.
        """
        if unknown := set(wanted) - {f.name for f in fields(self)}:
            return f"unknown settings: {', '.join(sorted(unknown))}"
        spots = wanted.get("spots", [])
        if any(set(spot) != {"ra", "dec", "outcome"} or spot["outcome"] not in OUTCOMES for spot in spots):
            return f"a spot has ra, dec and an outcome, one of {', '.join(OUTCOMES)}"
        for name, value in wanted.items():
            setattr(self, name, value)
        tasks.spots += [Spot(**spot) for spot in spots]
        tasks.run(down=self.runner_down, now=now)
        tasks.pace = Pace(self.wait_s, self.run_s, self.slow_s)
        return None
