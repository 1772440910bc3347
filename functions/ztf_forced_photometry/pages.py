"""Reading the service's HTML: its tables by their headings, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from slew.wire import Answer

_SILENT = frozenset({"script", "style"})


@dataclass(frozen=True)
class Table:
    """A table of a page: the cells of its heading row, and those of every other row, blanks stripped."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self) -> list[dict[str, str]]:
        """Each row by heading; a cell that is not there is empty."""
        return [
            {name: row[i] if i < len(row) else "" for i, name in enumerate(self.headings)}
            for row in self.rows
        ]


def source(answer: Answer) -> str:
    """The page. It is said to be ISO-8859-1, whatever a proxy in between may send."""
    try:
        return answer.body.decode("utf-8")
    except UnicodeDecodeError:
        return answer.body.decode("iso-8859-1")


def tables(page: str) -> list[Table]:
    """All tables of a page that have a heading row."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    found = []
    for rows in reader.tables:
        cells = [tuple(cell.text for cell in row) for row in rows if row]
        if cells and all(cell.is_heading for cell in next(row for row in rows if row)):
            found.append(Table(cells[0], tuple(cells[1:])))
    return found


def table_with(page: str, headings: Sequence[str]) -> Table | None:
    """The first table that has all of these headings."""
    return next((table for table in tables(page) if set(headings) <= set(table.headings)), None)


def words(page: str) -> str:
    """What a page says, on one line: its text, else its title."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return " ".join("".join(reader.text).split()) or " ".join("".join(reader.title).split())


@dataclass
class _Cell:
    is_heading: bool
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())


class _Reader(HTMLParser):
    """Collects tables and text, whatever tags are left open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[_Cell]]] = []
        self.text: list[str] = []
        self.title: list[str] = []
        self._open: list[list[list[_Cell]]] = []
        self._cell: _Cell | None = None
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.text.append(" ")
        if tag in _SILENT or tag == "title":
            self._inside = tag
        elif tag == "table":
            self._open.append([])
            self.tables.append(self._open[-1])
            self._cell = None
        elif tag == "tr" and self._open:
            self._open[-1].append([])
            self._cell = None
        elif tag in ("td", "th") and self._open:
            if not self._open[-1]:
                self._open[-1].append([])
            self._cell = _Cell(tag == "th")
            self._open[-1][-1].append(self._cell)

    def handle_endtag(self, tag: str) -> None:
        self.text.append(" ")
        if tag == self._inside:
            self._inside = None
        elif tag in ("td", "th", "tr"):
            self._cell = None
        elif tag == "table" and self._open:
            self._open.pop()
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title.append(data)
        elif self._inside is None:
            self.text.append(data)
            if self._cell is not None:
                self._cell.parts.append(data)
