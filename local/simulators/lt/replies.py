"""The RTML that the LT simulator answers: replies with their History, the 2.2 rejection (card, submit)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from xml.dom import minidom
from xml.dom.minidom import Element

from local.simulators.lt.document import Document

_DECLARATION = '<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>\n'
_SPACE = "http://www.rtml.org/v3.1a"
_SCHEMA = f"{_SPACE} http://telescope.livjm.ac.uk/rtml/RTML-nightly.xsd"
_NESTED = (
    "java.rmi.ServerException: RemoteException occurred in server thread; nested exception is: \n\t"
    "java.rmi.RemoteException: Exception while handling {what}: java.lang.Exception: {text}"
)


@dataclass(frozen=True)
class Note:
    """One entry of the History."""

    at: datetime
    agent: str
    description: str = ""
    error: str = ""
    rejection: str = ""

    def xml(self) -> str:
        """The element, children in the order that the LT keeps."""
        name = self.agent.partition("|")
        uri = f' uri="{escape(name[2])}"' if name[2] else ""
        texts = {"Description": self.description, "Error": self.error}
        inner = "".join(f"<{key}>{escape(text)}</{key}>" for key, text in texts.items() if text)
        if self.rejection:
            text = escape(self.rejection)
            inner += f'<Rejection reason="not authorized"><Description>{text}</Description></Rejection>'
        stamp = self.at.strftime("%Y-%m-%dT%H:%M:%S+00:00")
        return f'<Entry timeStamp="{stamp}"><Agent name="{escape(name[0])}"{uri}/>{inner}</Entry>'


NODE_AGENT = "LT_NodeAgent|urn:/node_agent"
TEA = "TEA:LT_TEA"
NOBODY = "unknown|unknown"


def reply(
    document: Document, mode: str, notes: Iterable[Note], *, user: str | None = None, scoring: str = ""
) -> str:
    """The document echoed with another mode and its History; `user` is put in the place of the user."""
    history = "".join(note.xml() for note in notes)
    echo = "".join(_echo(node, user) for node in _elements(document.root))
    return (
        f'{_DECLARATION}<RTML xmlns="{_SPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        f' mode="{mode}" uid="{escape(document.uid)}" version="3.1a" xsi:schemaLocation="{_SCHEMA}">'
        f"<History>{history}</History>{echo}{scoring}</RTML>\n"
    )


def refusal(document: Document, now: datetime, text: str, what: str = "request") -> str:
    """A rejection by the TEA, which reaches the client through two agents."""
    told = _NESTED.format(what=what, text=text)
    notes = (
        Note(now, NOBODY, told, told),
        Note(now, NODE_AGENT, told.removeprefix("java.rmi.ServerException: "), told),
    )
    return reply(document, "reject", notes)


def own_refusal(document: Document, now: datetime, text: str) -> str:
    """A rejection by the node agent itself."""
    told = f"java.lang.Exception: {text}"
    return reply(document, "reject", (Note(now, NOBODY, told, told), Note(now, NODE_AGENT, text, told)))


def bad_format(text: str, *, escaped: bool = True) -> str:
    """The RTML 2.2 rejection; without `escaped` the text stands there raw, as in the server's last resort."""
    words = f"org.estar.rtml.RTMLException: {text} : badly formatted rtml received" if escaped else text
    return (
        f'{_DECLARATION}<!DOCTYPE RTML SYSTEM "http://www.estar.org.uk/documents/rtml2.2.dtd">\n'
        f'<RTML type="reject" version="2.2">{escape(words, quote=False) if escaped else words}</RTML>'
    )


def _elements(root: Element) -> list[Element]:
    wanted = ("Project", "Schedule")
    return [each for each in root.childNodes if isinstance(each, Element) and each.tagName in wanted]


def _echo(node: Element, user: str | None) -> str:
    copy = node.cloneNode(True)
    assert isinstance(copy, Element)
    for name in ("Seconds", "Arcseconds"):
        for each in copy.getElementsByTagName(name):
            _set(each, f"{float(_text(each)):.2f}")
    if user is not None:
        for each in copy.getElementsByTagName("Username"):
            _set(each, user)
    return copy.toxml()


def _text(node: Element) -> str:
    return "".join(each.data for each in node.childNodes if isinstance(each, minidom.Text))


def _set(node: Element, text: str) -> None:
    owner = node.ownerDocument
    assert owner is not None
    for child in list(node.childNodes):
        node.removeChild(child)
    node.appendChild(owner.createTextNode(text))
