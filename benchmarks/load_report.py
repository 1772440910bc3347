"""What `make load` found, as text, and where it goes: docs/reliability.md, between markers of its own."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from benchmarks.load_books import Audit
from benchmarks.load_usage import Usage
from local.stack import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- make load: begin -->", "<!-- make load: end -->"


def write(text: str) -> None:
    """Put it between the markers, which are added at the end where there are none."""
    document = DOCUMENT.read_text() if DOCUMENT.exists() else "# Reliability\n"
    if BEGIN not in document:
        document = f"{document.rstrip()}\n\n## Load\n\n{BEGIN}\n{END}\n"
    before, _, rest = document.partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def text(
    outcomes: Sequence[Mapping[str, Any]],
    found: Audit,
    faults: Mapping[str, int],
    usages: tuple[Usage, Usage],
    *,
    clients: int,
    seed: int,
    loads: tuple[float, float],
) -> str:
    """The section."""
    begin, end = usages
    took = max(each["at"] + each["known_s"] for each in outcomes) - min(each["at"] for each in outcomes)
    seen: Counter[str] = Counter(kind for each in outcomes for kind, _ in each["seen"])
    calls = seen.total()
    keys = len({each["key"] for each in outcomes})
    machine = f"{os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}"
    parts = [
        f"`make load` on {datetime.now(UTC):%Y-%m-%d}: {keys:,} requests to KAIT, the generic endpoint and "
        f"SOAR in turn, seed {seed}, {clients} clients at once, each with one call in flight; one key in "
        f"fifty is used by two clients at the same time. {machine}; load average {loads[0]:.1f} before and "
        f"{loads[1]:.1f} after.",
        _verdict(found),
        _table(("status", "requests"), ((name, f"{n:,}") for name, n in found.statuses.most_common())),
        *_why(found),
        f"What went wrong meanwhile: {_listed(faults)}; calls of AWS throttled {end.lock['throttled']:,}.",
        f"**{keys / took:.1f} requests a second** over {took:.0f} s ({calls / took:.1f} calls a second).",
        _table(
            ("seconds", "p50", "p95", "p99", "longest"),
            (
                (
                    "one call that was answered 2xx",
                    *_spread(each["answer_s"] for each in outcomes if each["id"]),
                ),
                (
                    "from the first call until the request is known",
                    *_spread(each["known_s"] for each in outcomes),
                ),
            ),
        ),
        "Answers, by who gave them (`problem`: Slew; `gateway`: API Gateway's own):",
        _table(("answer", "calls"), ((name, f"{n:,}") for name, n in seen.most_common())),
        _limits(begin, end),
    ]
    return "\n\n".join(parts)


def _verdict(found: Audit) -> str:
    if found.good:
        return (
            "**Nothing was lost and nothing doubled**: every key ends in one request that Slew knows, each "
            "that is submitted stands once in its simulator's books, none that was not sent does, and "
            "nothing else is there. Of those of unknown outcome, where nobody can be asked, "
            f"{found.unknown_there:,} had arrived."
        )
    shown = [*found.lost[:10], *found.doubled[:10]]
    return f"**{len(found.lost)} lost, {len(found.doubled)} doubled**: {'; '.join(shown)}"


def _why(found: Audit) -> Sequence[str]:
    if not found.reasons:
        return ()
    rows = ((name.replace("|", "/"), f"{n:,}") for name, n in found.reasons.most_common(12))
    return "Those that are not submitted, and why:", _table(("what", "requests"), rows)


def _limits(begin: Usage, end: Usage) -> str:
    took = end.at - begin.at
    cpu = {part: (spent - begin.cpu_s[part]) / took for part, spent in end.cpu_s.items()}
    held, waited = (end.lock[each] - begin.lock[each] for each in ("held_s", "waited_s"))
    requests = end.lock["requests"] - begin.lock["requests"]
    shares = sorted(cpu.items(), key=lambda each: -each[1])
    processes = _listed(end.processes)
    slowest = sorted(end.lock["operations"].items(), key=lambda each: -each[1][1])[:4]
    return "\n\n".join(
        (
            f"What limits it: of {os.cpu_count()} processors {sum(cpu.values()):.2f} were busy. The one lock "
            f"of the embedded AWS was held {held / took:.0%} of the time ({held / requests * 1000:.1f} ms "
            f"each of {requests:,} calls), and a call waited {waited / requests * 1000:.1f} ms for it. "
            f"Processes at the end: {processes}.",
            _table(
                ("part", "processors busy"),
                ((name, f"{share:.2f}") for name, share in shares if share >= 0.005),
            ),
            _table(
                ("costliest of the lock", "calls", "ms each"),
                ((name, f"{n:,}", f"{held_s / n * 1000:.1f}") for name, (n, held_s) in slowest),
            ),
        )
    )


def _spread(values: Iterable[float]) -> tuple[str, ...]:
    found = sorted(values)
    hundredths = quantiles(found, n=100, method="inclusive")
    return tuple(f"{value:.2f}" for value in (hundredths[49], hundredths[94], hundredths[98], found[-1]))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
