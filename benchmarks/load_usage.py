"""What the parts of a running stack use of the machine: processor time by part, the embedded AWS's lock."""

from __future__ import annotations

import json
import os
import resource
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
PARTS = {
    "local.aws": "embedded AWS",
    "local.simulators": "simulators",
    "awslambdaric": "functions",
    "benchmarks.load_client": "clients",
}
GATEWAY, ENDED, OTHERS = "gateway, pumps, schedules", "ended processes", "others on the machine"


@dataclass(frozen=True)
class Usage:
    """Counters at one moment: `cpu_s` of the processor by part, `lock` as `GET /_aws/load` has it."""

    at: float
    cpu_s: Counter[str]
    processes: Counter[str]
    lock: dict[str, Any]


def usage(aws_endpoint: str) -> Usage:
    """The counters now; without /proc only what this process and its ended children have used."""
    cpu_s: Counter[str] = Counter()
    processes: Counter[str] = Counter()
    for name, spent in _children():
        cpu_s[name] += spent  # type: ignore[assignment]
        processes[name] += 1
    mine, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu_s[GATEWAY] = mine.ru_utime + mine.ru_stime  # type: ignore[assignment]
    cpu_s[ENDED] = ended.ru_utime + ended.ru_stime  # type: ignore[assignment]
    if (busy := _machine_s()) is not None:
        cpu_s[OTHERS] = busy - sum(cpu_s.values())  # type: ignore[assignment]
    with urlopen(f"{aws_endpoint}/_aws/load", timeout=60) as answer:
        return Usage(time.monotonic(), cpu_s, processes, json.load(answer))


def _children() -> list[tuple[str, float]]:
    found = []
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_text()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[1]) == os.getpid():
            name = next((part for word, part in PARTS.items() if word in command), GATEWAY)
            found.append((name, (int(fields[11]) + int(fields[12])) / _TICKS))
    return found


def _machine_s() -> float | None:
    """Processor time that the whole machine has been busy."""
    try:
        first = (_PROC / "stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, softirq = map(int, first[1:8])
    return (user + nice + system + irq + softirq) / _TICKS
