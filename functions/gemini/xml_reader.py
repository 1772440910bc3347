"""Reading the XML of `/odbbrowser`: elements by local name; a DOCTYPE, and so any entity, is refused."""

from __future__ import annotations

from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

_DEEPEST = 100


class Unreadable(ValueError):
    """It is no XML, or XML that is not read here."""


def parse(content: bytes) -> Element:
    """The root element. Raises Unreadable."""
    builder = TreeBuilder()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Unreadable(f"XML nested more than {_DEEPEST} deep")
        builder.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError) as error:
        raise Unreadable(f"not XML ({error})") from None
    return builder.close()


def text(element: Element, name: str) -> str:
    """The text of a child element, on one line; empty where there is none."""
    return " ".join((element.findtext(name) or "").split())


def _refuse(*_: Any) -> NoReturn:
    raise Unreadable("XML with a document type of its own")
