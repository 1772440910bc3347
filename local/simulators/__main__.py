"""`python -m local.simulators [NAME ...]`: the simulators (all, or those named) in one process, on one clock.

Once they serve, one line of JSON goes to stdout: `{name: {"url", "base_url", "extra_urls": {suffix: url}}}`.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from local.processes import announce
from local.simulators.base import SimulatedClock, Simulator
from local.simulators.registry import SIMULATORS, create


def describe(simulator: Simulator) -> dict[str, Any]:
    """Where a started simulator serves."""
    extra_urls = getattr(simulator, "extra_urls", dict)
    return {
        "url": simulator.url,
        "base_url": getattr(simulator, "base_url", simulator.url),
        "extra_urls": extra_urls(),
    }


def main(names: list[str]) -> None:
    """Serve until killed."""
    clock = SimulatedClock()
    simulators = {name: create(name, clock) for name in names or SIMULATORS}
    for simulator in simulators.values():
        simulator.start()
    announce({name: describe(simulator) for name, simulator in simulators.items()})
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
