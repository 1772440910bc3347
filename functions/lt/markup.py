"""Reading XML that somebody else wrote: elements by local name, no entity ever expanded, no DTD fetched.

A DOCTYPE that only names a DTD is let pass, for the LT's RTML 2.2 rejections have one; entities that it
declares or that a document refers to are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat

from slew.errors import SlewError

DEPTH_LIMIT = 100


class Unreadable(SlewError):
    """It is no XML, or XML that is not read here."""


@dataclass
class Node:
    """An element: its name without prefix, attributes as written, children, and its own text."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The element's own text, without that of its children."""
        return "".join(self.parts).strip()

    def all(self, name: str) -> Iterator[Node]:
        """The elements of that name below this one, in the document's order."""
        for child in self.children:
            if child.name == name:
                yield child
            yield from child.all(name)

    def first(self, name: str) -> Node | None:
        """The first element of that name below this one."""
        return next(self.all(name), None)


class _Builder:
    """Expat's call-backs, which grow a tree."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name.rpartition(":")[2], attributes)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        if len(self._open) > DEPTH_LIMIT:
            raise Unreadable(f"XML nested more than {DEPTH_LIMIT} deep")

    def end(self, name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1].parts.append(text)


def _refuse(*_: Any) -> NoReturn:
    raise Unreadable("XML with entities of its own")


def parse(document: str | bytes) -> Node:
    """The root element. Raises Unreadable.

    Text may begin with an XML declaration; the encoding that it names is not heeded, for it has been decoded.
    """
    parser = expat.ParserCreate("utf-8" if isinstance(document, str) else None)
    builder = _Builder()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.SkippedEntityHandler = _refuse
    try:
        parser.Parse(document.encode("utf-8", "replace") if isinstance(document, str) else document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Unreadable(f"not XML ({error})") from None
    if builder.root is None:
        raise Unreadable("not XML (no element)")
    return builder.root
