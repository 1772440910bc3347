"""`python -m benchmarks.following`: a hundred thousand live requests, followed in virtual time.

The library's tick, agenda, leases, back-off and stores run as they are, on the template's schedules and time
limits, over a counted table and facilities that answer after a while. Writes a part of docs/following.md.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "layers" / "slew"), str(ROOT / "functions")]

from benchmarks.mix import MIX  # noqa: E402
from benchmarks.simulation import START, Outcome, Plan, simulate  # noqa: E402

DOCUMENT = ROOT / "docs" / "following.md"
BEGIN, END = "<!-- make follow: begin -->", "<!-- make follow: end -->"
PRICES_OF = "us-east-1, on demand, 2026-11, without free tiers"
READ_USD, WRITE_USD = 0.125e-6, 0.625e-6  # DynamoDB, a request unit (aws.amazon.com/dynamodb/pricing)
GB_S_USD, INVOCATION_USD = 1.33334e-5, 0.2e-6  # Lambda, arm64 (aws.amazon.com/lambda/pricing)
SCHEDULE_USD = 1e-6  # EventBridge Scheduler, an invocation (aws.amazon.com/eventbridge/pricing)
MONTH_H = 730.0
_DAY_S = 86400.0
_LCO = next(share for share in MIX if share.facility == "lco")
_DOWN = (3600.0, 3600.0 + 2 * _DAY_S)
_OUTAGE = Plan(replace(_LCO, requests=160, accounts=16, hours=50.5), down=_DOWN)
_SCALE = (
    Plan(_LCO, lanes=1),
    Plan(replace(_LCO, requests=16_000, accounts=320, hours=0.15)),
    Plan(replace(_LCO, requests=16_000, accounts=320, hours=0.15), memory_mb=1024),
    Plan(replace(_LCO, accounts=4, hours=0.2)),
)


@dataclass(frozen=True)
class Costs:
    """US dollars a month."""

    table: float
    function: float

    @classmethod
    def of(cls, outcome: Outcome) -> Costs:
        """From what was used in the hours simulated."""
        months = outcome.hours / MONTH_H
        table = outcome.reads * READ_USD + outcome.writes * WRITE_USD
        ticks = outcome.ticks * (INVOCATION_USD + SCHEDULE_USD)
        return cls(table / months, (_gb_s(outcome) * GB_S_USD + ticks) / months)


def main() -> None:
    """Simulate everything, two at a time, and write the document's part."""
    began = time.monotonic()
    plans = [_OUTAGE, *_SCALE, *map(Plan, MIX)]
    with get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        outage, *others = pool.map(simulate, plans, chunksize=1)
    scale, mix = others[: len(_SCALE)], others[len(_SCALE) :]
    scale[1:1] = [each for each in mix if each.plan.share == _LCO]
    text = "\n\n".join((_followed(mix), _spent(mix), _scaled(scale), _survived(outage)))
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    print(text, f"\n{time.monotonic() - began:.0f} s", sep="\n")


def _followed(mix: list[Outcome]) -> str:
    head = (
        "requests",
        "polls a day",
        "calls a day",
        "late p50, s",
        "p95",
        "p99",
        "max",
        "ticks",
        "out of time",
        "at once",
        "skipped",
    )
    lines = []
    for each in mix:
        share = each.plan.share
        name = share.facility
        polls = sum(map(len, each.polled.values()))
        days = each.hours / 24
        counts = [f"{share.requests:,}", f"{polls / days:,.0f}", f"{each.calls / days:,.0f}"]
        ticks = [f"{each.ticks}", f"{each.out_of_time}", f"{each.at_once}", f"{each.conflicts}"]
        lines.append([name, *counts, *_late(each), *ticks])
    total = sum(each.plan.share.requests for each in mix)
    polls_a_day = sum(sum(map(len, each.polled.values())) / each.hours * 24 for each in mix)
    lines.append(["**all**", f"**{total:,}**", f"**{polls_a_day:,.0f}**", *[""] * (len(head) - 2)])
    return _table(("facility", *head), lines)


def _spent(mix: list[Outcome]) -> str:
    lines = []
    for each in mix:
        costs = Costs.of(each)
        hours = each.hours
        used = (each.reads / hours / 3600, each.writes / hours / 3600, _gb_s(each) / hours)
        figures = [f"{used[0]:.1f}", f"{used[1]:.1f}", f"{used[2]:,.0f}"]
        lines.append([each.plan.share.facility, *figures, f"{costs.table:,.2f}", f"{costs.function:,.2f}"])
    table = sum(Costs.of(each).table for each in mix)
    function = sum(Costs.of(each).function for each in mix)
    units = [sum(kind(each) / each.hours / 3600 for each in mix) for kind in (_reads, _writes)]
    spent = f"{sum(_gb_s(each) / each.hours for each in mix):,.0f}"
    lines.append(
        ["**all**", f"{units[0]:.1f}", f"{units[1]:.1f}", spent, f"{table:,.2f}", f"{function:,.2f}"]
    )
    told = f"**${table + function:,.0f} a month** ({PRICES_OF}); S3 calls: none while nothing is complete."
    head = (
        "facility",
        "RCU/s",
        "WCU/s",
        "GB-s an hour",
        "DynamoDB, $ a month",
        "Lambda and schedule, $ a month",
    )
    return f"{_table(head, lines)}\n\n{told}"


def _scaled(scale: list[Outcome]) -> str:
    lines = []
    for each in scale:
        share = each.plan.share
        polls = sum(map(len, each.polled.values())) / each.hours / 60
        how = [f"{share.requests:,}", f"{share.accounts}", f"{each.lanes}", f"{each.memory_mb}"]
        costs = Costs.of(each)
        money = f"{costs.table + costs.function:,.0f}"
        lines.append([*how, f"{polls:,.0f}", *_late(each), f"{each.left:,}", money])
    head = ("LCO requests", "accounts", "lanes", "MB", "polls a minute", "late p50, s", "p95", "p99", "max")
    return _table((*head, "overdue at the end", "$ a month"), lines)


def _survived(outage: Outcome) -> str:
    """What a facility that does not answer for two days is asked, and when it is followed again."""
    start, end = (START + each for each in _DOWN)
    during = [[at for at in polled if start <= at < end] for polled in outage.polled.values()]
    after = [min(at for at in polled if at >= end) - end for polled in outage.polled.values()]
    gaps = [b - a for polled in during for a, b in zip(polled[-6:], polled[-5:], strict=False)]
    first = sum(1 for polled in during for at in polled if at < start + 3600)
    last = sum(1 for polled in during for at in polled if at >= end - 3600)
    asked = sum(map(len, during))
    usual = sum(1 for polled in outage.polled.values() for at in polled if at < start)
    return "\n".join(
        (
            f"LCO with {outage.plan.share.requests} requests, not answering for two days:",
            "",
            f"- polls an hour: {usual} before, {first} in the first hour, {last} in the last;",
            f"- {asked / len(during):.0f} polls a request in two days (the rhythm would make {2 * 144}), the "
            f"last ones {min(gaps) / 60:.0f} to {max(gaps) / 60:.0f} minutes apart; none forgotten: "
            f"{len(after)} of {outage.plan.share.requests} are followed again;",
            f"- after its return each was asked again within {max(after) / 60:.0f} minutes (median "
            f"{sorted(after)[len(after) // 2] / 60:.0f}), and is in its rhythm from then on.",
        )
    )


def _late(outcome: Outcome) -> list[str]:
    ordered = sorted(outcome.late)
    if not ordered:
        return ["–"] * 4
    return [
        f"{ordered[min(len(ordered) - 1, int(part * len(ordered)))]:.0f}" for part in (0.5, 0.95, 0.99, 1)
    ]


def _gb_s(outcome: Outcome) -> float:
    return outcome.billed_s * outcome.memory_mb / 1024


def _reads(outcome: Outcome) -> float:
    return outcome.reads


def _writes(outcome: Outcome) -> float:
    return outcome.writes


def _table(head: tuple[str, ...], lines: list[list[str]]) -> str:
    rows = [list(head), ["---"] + ["---:"] * (len(head) - 1), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
