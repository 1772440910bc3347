"""`python -m benchmarks.functions`: cold start and warm time of every function, into docs/performance.md.

Functions and floors take turns, so that a machine that slows down does so for all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field

from benchmarks import artifacts, report
from benchmarks.artifacts import WORKDIR
from benchmarks.cases import Case, cases
from benchmarks.system import Bench, Measured, running

NOT_YET_WARM = 3


@dataclass
class Series:
    """The invocations of one function, in order; the cold ones are one a round."""

    cold: list[Measured] = field(default_factory=list)
    warm: list[Measured] = field(default_factory=list)


def main() -> int:
    """Build, measure, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each function")
    parser.add_argument("--warm", type=int, default=4, help="warm invocations after each cold start")
    parser.add_argument(
        "--keep", action="store_true", help="print the tables, leave docs/performance.md alone"
    )
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print("Building the packages and the layer ...", file=sys.stderr)
    built = artifacts.prepare()
    with running(built) as bench:
        measured = cases(bench)
        series = measure(bench, measured, given.rounds, given.warm)
    raw = {name: asdict(each) for name, each in series.items()}
    (WORKDIR / "results.json").write_text(json.dumps(raw, indent=1, default=str))
    text = report.text(built, measured, series, rounds=given.rounds, load=load)
    print(text)
    if not given.keep:
        report.write(text)
    return 0


def measure(bench: Bench, measured: list[Case], rounds: int, warm: int) -> dict[str, Series]:
    """Every function in every round: a new process, and then events for it while it is warm."""
    series: dict[str, Series] = defaultdict(Series)
    kept = bench.records()
    for number in range(rounds):
        began = time.monotonic()
        first = number % len(measured)  # so that nobody always comes after the same one
        for case in measured[first:] + measured[:first]:
            one = series[case.function]
            one.cold.append(_checked(case, bench.cold(case.function, case.first())))
            later = [bench.warm(case.function, case.again()) for _ in range(NOT_YET_WARM + warm)]
            one.warm += [_checked(case, each) for each in later][NOT_YET_WARM:]
            bench.retire(case.function)
        bench.tidy(kept)
        print(f"round {number + 1} of {rounds}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return series


def _checked(case: Case, measured: Measured) -> Measured:
    if not case.good(measured.answer):
        raise SystemExit(f"{case.function} answered {json.dumps(measured.answer)[:2000]}")
    return measured


if __name__ == "__main__":
    sys.exit(main())
