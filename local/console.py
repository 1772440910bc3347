"""Printing for people: headings, calls and their outcome on one line, folded JSON, quoted messages, a table.

No line is longer than the console is wide, at most 100 characters. Everything is flushed at once, so that
progress shows in a pipe too; bold and colour only on a terminal, and not where `NO_COLOR` is set.
"""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

WIDEST, NARROWEST = 100, 60
MARGIN = "   "
LABEL_WIDTH = 12
LONGEST_TEXT = 72
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32"}


class Console:
    """Prints to one stream, and remembers what it printed."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        terminal = stream.isatty()
        self._styled = terminal and not environ.get("NO_COLOR")
        columns = shutil.get_terminal_size((WIDEST, 24)).columns if terminal else WIDEST
        self.width = max(NARROWEST, min(WIDEST, columns))
        self._printed: list[str] = []
        self._steps = 0
        self._open = ""

    @property
    def printed(self) -> str:
        """All that was printed so far, without styles."""
        return "".join(self._printed)

    def title(self, text: str) -> None:
        """The first line."""
        self._line(text, "bold")

    def paragraph(self, text: str, indent: str = "") -> None:
        """Running text."""
        for line in textwrap.wrap(text, self.width - len(indent), break_on_hyphens=False):
            self._line(indent + line)

    def step(self, text: str) -> None:
        """A numbered heading."""
        self._steps += 1
        self._line("")
        self._line(textwrap.shorten(f"{self._steps:>2} {text}", self.width, placeholder="…"), "bold")

    def begin(self, text: str) -> None:
        """What is about to happen; `end` completes the line."""
        self._open = MARGIN + text[: self.width - len(MARGIN) - 20]
        self._write(self._open)

    def end(self, outcome: str, style: str = "green") -> None:
        """How what `begin` announced came out, at the right margin."""
        blank = " " * max(2, self.width - len(self._open) - len(outcome))
        self._write(blank)
        self._line(outcome, style)
        self._open = ""

    def abandon(self) -> None:
        """Close the line of something that never ended."""
        if self._open:
            self.end("no answer", "red")

    def item(self, label: str, value: Any, lines: int = 2) -> None:
        """A label and its value, text or JSON, folded into at most so many lines; a cut one says so."""
        text = value if isinstance(value, str) else json.dumps(abridged(value), ensure_ascii=False)
        length = len(text if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        indent = " " * (len(MARGIN) + 2)
        hanging = indent + " " * LABEL_WIDTH
        for index, line in enumerate(fold(text, self.width - len(hanging), lines, length)):
            self._write(indent + label.ljust(LABEL_WIDTH) if not index else hanging, "")
            self._line(line, "dim")

    def quote(self, text: str) -> None:
        """A message as it reads, line by line, behind a bar."""
        bar = " " * (len(MARGIN) + 2) + "| "
        for line in text.rstrip().splitlines():
            hanging = " " * (len(line) - len(line.lstrip()) + 2)
            wrapped = textwrap.wrap(
                line, self.width - len(bar), subsequent_indent=hanging, break_on_hyphens=False
            )
            for part in wrapped or [""]:
                self._line((bar + part).rstrip())

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> None:
        """Columns as wide as they must be; those whose index is in `right` are flushed right."""
        every = [header, *rows]
        widths = [max(len(row[column]) for row in every) for column in range(len(header))]
        for index, row in enumerate(every):
            cells = (
                text.rjust(width) if column in right else text.ljust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            self._line((MARGIN + "  ".join(cells)).rstrip()[: self.width], "" if index else "bold")

    def closing(self, text: str) -> None:
        """The last line, when all went well."""
        self._line("")
        self._line(text[: self.width], "green")

    def failure(self, text: str) -> None:
        """The one line (folded) that says what went wrong."""
        self._line("")
        for line in textwrap.wrap(f"FAILED: {text}", self.width):
            self._line(line, "red")

    def _line(self, text: str, style: str = "") -> None:
        self._write(text, style)
        self._write("\n")

    def _write(self, text: str, style: str = "") -> None:
        self._printed.append(text)
        styled = self._styled and style and text.strip()
        self._stream.write(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if styled else text)
        self._stream.flush()


def abridged(value: Any) -> Any:
    """JSON for an excerpt: plain values first, long texts cut, of a list of objects the first only."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}... ({len(value):,} characters)"
    if isinstance(value, dict):
        plain_first = sorted(value.items(), key=lambda item: isinstance(item[1], dict | list))
        return {key: abridged(inner) for key, inner in plain_first}
    if isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict | list):
        return [abridged(value[0]), f"... and {len(value) - 1} more"]
    return [abridged(inner) for inner in value] if isinstance(value, list) else value


def fold(text: str, width: int, lines: int, length: int) -> list[str]:
    """The text in at most so many lines of that width; a cut one ends with the `length` of the whole."""
    folded = textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False) or [""]
    if len(folded) <= lines:
        return folded
    mark = f" ... ({length:,} characters)"
    kept = folded[:lines]
    kept[-1] = kept[-1][: width - len(mark)] + mark
    return kept
