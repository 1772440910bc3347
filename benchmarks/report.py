"""The measurements as text: the generated part of docs/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Protocol

from benchmarks.artifacts import WANTED, Artifacts, size
from benchmarks.cases import Case
from benchmarks.system import BARE, LIBRARIES, Measured
from local.stack import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
COLD_LIMIT, WARM_LIMIT_MS = 1.15, 10.0
PACKAGE_LIMIT, LAYER_LIMIT = 2**20, 40 * 2**20
_NAMES = {BARE: "*floor: bare handler*", LIBRARIES: "*floor: libraries and clients*"}


class Series(Protocol):
    """The invocations of one function."""

    cold: list[Measured]
    warm: list[Measured]


def write(text: str) -> None:
    """Put it between the document's markers."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def text(
    built: Artifacts, cases: Sequence[Case], series: Mapping[str, Series], *, rounds: int, load: float
) -> str:
    """The machine, whether the aims are met, and the tables."""
    parts = [
        _machine(built, rounds, load),
        _aims(built, cases, series),
        "Cold start, from the start of the process to its first answer; medians, ms:",
        _cold_table(built, cases, series),
        "Warm, from the event to the answer, ms:",
        _warm_table(cases, series),
    ]
    return "\n\n".join(parts) + "\n"


def _machine(built: Artifacts, rounds: int, load: float) -> str:
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    instead = "" if built.version.startswith(f"{WANTED}.") else f" (no {WANTED} was at hand)"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {rounds} rounds. {_processor()}, {os.cpu_count()} cores, "
        f"{gigabytes:.0f} GiB, {_system()}, Python {built.version}{instead}; load before it {load:.1f}."
    )


def _aims(built: Artifacts, cases: Sequence[Case], series: Mapping[str, Series]) -> str:
    facilities = [case.function for case in cases if case.facility]
    packages = [case.function for case in cases if case.function not in _NAMES]
    layer = size(built.layer)
    rows = [
        (
            f"cold start of every facility ≤ {COLD_LIMIT} × the libraries' floor",
            *_worst(facilities, lambda name: _ratio(series, name), COLD_LIMIT, "{:.2f} ×"),
        ),
        (
            f"warm overhead of every facility ≤ {WARM_LIMIT_MS:.0f} ms (p50)",
            *_worst(facilities, lambda name: median(_overheads(series[name])), WARM_LIMIT_MS, "{:.1f} ms"),
        ),
        (
            "package of every function, without the layer, < 1 MiB",
            *_worst(packages, lambda name: size(built.package(name)), PACKAGE_LIMIT, "{:,.0f} bytes"),
        ),
        ("layer, unzipped, < 40 MiB", f"{layer / 2**20:.1f} MiB", layer < LAYER_LIMIT),
    ]
    return _table(
        ("aim", "worst", "met"), [(aim, worst, "yes" if met else "**no**") for aim, worst, met in rows]
    )


def _worst(names: Iterable[str], value: Callable[[str], float], limit: float, form: str) -> tuple[str, bool]:
    worst = max(names, key=value)
    return f"{form.format(value(worst))} ({_shown(worst)})", value(worst) <= limit


def _cold_table(built: Artifacts, cases: Sequence[Case], series: Mapping[str, Series]) -> str:
    rows = []
    for case in cases:
        cold = series[case.function].cold
        floor = case.function in _NAMES
        rows.append(
            (
                _shown(case.function),
                _ms(each.total_s for each in cold),
                f"{_ratio(series, case.function):.2f}",
                _ms(each.init_s or 0.0 for each in cold),
                _ms(each.waited_s for each in cold),
                _ms(each.total_s - each.waited_s for each in cold),
                _ms(each.cpu_s for each in cold),
                "" if floor else f"{size(built.package(case.function)) / 1024:.0f}",
            )
        )
    heads = (
        "function",
        "cold",
        "× libraries",
        "of it init",
        "of it AWS, simulator",
        "without",
        "CPU",
        "package, KiB",
    )
    return _table(heads, rows)


def _warm_table(cases: Sequence[Case], series: Mapping[str, Series]) -> str:
    rows = []
    for case in cases:
        warm = series[case.function].warm
        totals = [each.total_s for each in warm]
        overheads = _overheads(series[case.function])
        rows.append(
            (
                _shown(case.function),
                case.what,
                f"{median(totals) * 1000:.1f}",
                f"{_p95(totals) * 1000:.1f}",
                f"{median(overheads):.1f}",
                f"{_p95(overheads):.1f}",
                f"{median(each.cpu_s for each in warm) * 1000:.1f}",
            )
        )
    return _table(("function", "events", "p50", "p95", "overhead p50", "overhead p95", "CPU p50"), rows)


def _ratio(series: Mapping[str, Series], name: str) -> float:
    """To the libraries' floor of the same round, so that the machine's moods cancel."""
    pairs = zip(series[name].cold, series[LIBRARIES].cold, strict=True)
    return median(one.total_s / floor.total_s for one, floor in pairs)


def _overheads(series: Series) -> list[float]:
    """Milliseconds of our own: the whole without the time that the embedded AWS and the simulators took."""
    return [(each.total_s - each.waited_s) * 1000 for each in series.warm]


def _ms(seconds: Iterable[float]) -> str:
    return f"{median(seconds) * 1000:.0f}"


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def _shown(function: str) -> str:
    return _NAMES.get(function, function.removesuffix("Function"))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"
