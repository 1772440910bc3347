"""What the torture has counted: a JSON file a test, put into docs/reliability.md.

`python -m tests.torture.figures` does that with what the last runs have left in .slew/torture.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: make torture -->", "<!-- end of figures -->"
FOLDER = ROOT / ".slew" / "torture"
SEED = int(os.environ.get("SLEW_TORTURE_SEED") or 1)


@contextmanager
def counting(part: str, name: str) -> Iterator[Counter[str]]:
    """Counts of one test, kept however it ends."""
    counts: Counter[str] = Counter()
    began = monotonic()
    try:
        yield counts
    finally:
        FOLDER.mkdir(parents=True, exist_ok=True)
        figures = {"part": part, "name": name, "seed": SEED, "seconds": monotonic() - began, "counts": counts}
        file = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{part}-{name}.json")
        (FOLDER / file).write_text(json.dumps(figures), encoding="utf-8")


def kept(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The figures of all tests that have run."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def totals(found: list[dict[str, Any]]) -> list[str]:
    """A row of a table for each part."""
    rows = []
    for part in sorted({str(each["part"]) for each in found}):
        counts: Counter[str] = Counter()
        seconds = 0.0
        for each in found:
            if each["part"] == part:
                counts.update(each["counts"])
                seconds += each["seconds"]
        cases = counts.pop("cases", 0) + counts.pop("rounds", 0)
        kills = counts.pop("kills", 0)
        tests = sum(each["part"] == part for each in found)
        more = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in sorted(counts.items()))
        rows.append(f"| {part} | {tests} | {cases} | {kills or '-'} | {seconds:.0f} | {more} |")
    return rows


def write(document: Path = DOCUMENT) -> None:
    """Put the figures between the document's markers."""
    found = kept()
    seeds = ", ".join(sorted({str(each["seed"]) for each in found}))
    cases = sum(each["counts"].get(name, 0) for each in found for name in ("cases", "rounds"))
    kills = sum(each["counts"].get("kills", 0) for each in found)
    lines = [
        f"{cases} cases and rounds, {kills} of them with a killed process; seed {seeds}.",
        "",
        "| part | ways | cases | kills | seconds | outcomes |",
        "|---|---|---|---|---|---|",
        *totals(found),
    ]
    text = document.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
