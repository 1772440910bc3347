"""What the LT's RTML answers say: mode, history, scores, and the reason of a rejection in readable words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

from lt.markup import Node, Unreadable, parse
from slew.pages import for_people

NO_REASON = "LT rejected the request without a reason"
_LONGEST = 1000
_FRONT = re.compile(
    r"(?:[A-Za-z_$][\w$]*\.)+[\w$]*(?:Exception|Error): "
    r"|RemoteException occurred in server thread; nested exception is: ?"
    r"|Exception while handling (?:(?:abort |update )?request|score): ?"
    r"|org\.estar\.[\w.$]+:\w+:\s?"
)
_BACK = " : badly formatted rtml received"
_TAG = re.compile(r"<RTML\b([^>]*)>(.*)</RTML>", re.DOTALL)
_MODE = re.compile(r"""\b(?:mode|type)\s*=\s*["'](\w+)["']""")


@dataclass(frozen=True)
class Entry:
    """One entry of the history: `at` as the LT writes it, who says it, what, and the error if any."""

    at: str
    agent: str
    description: str
    error: str


@dataclass(frozen=True)
class Reply:
    """An RTML answer. `mode`: `confirm`, `reject`, `offer`, `update` or what else it says.

    - `reason`: the words of a rejection, readable; empty for other modes.
    - `scores`: cumulative and instantaneous value of each sample of an offer.
    """

    mode: str
    uid: str = ""
    reason: str = ""
    entries: tuple[Entry, ...] = ()
    scores: tuple[tuple[float, float], ...] = ()

    @classmethod
    def read(cls, text: str) -> Reply:
        """From an answer's RTML, of any version. Raises Unreadable."""
        try:
            root = parse(text)
        except Unreadable as error:
            return _last_resort(text, error)
        if root.name != "RTML":
            raise Unreadable(f"no RTML but {for_people(root.name, 40)}")
        mode = root.attributes.get("mode") or root.attributes.get("type") or "none"
        return cls(
            mode=mode,
            uid=root.attributes.get("uid", ""),
            reason=_reason(root) if mode == "reject" else "",
            entries=tuple(_entry(node) for node in root.all("Entry")),
            scores=tuple(_score(node) for node in root.all("Score")),
        )

    @property
    def said(self) -> str:
        """The telescope's own last words."""
        own = [entry.description for entry in self.entries if entry.agent.startswith("TEA:")]
        return readable(own[-1]) if own else ""


def readable(text: str) -> str:
    """A Java error in words: blanks collapsed, the wrappings of its exceptions taken off the front."""
    whole = for_people(text, None)
    words = whole.removesuffix(_BACK)
    while match := _FRONT.match(words):
        words = words[match.end() :].lstrip()
    return for_people(words or whole, _LONGEST)


def _reason(root: Node) -> str:
    """The order is the card's: Rejection, Error, Description, the root's own text (RTML 2.2)."""
    refusals = [each.text for node in root.all("Rejection") for each in node.all("Description")]
    errors = [node.text for node in root.all("Error")]
    descriptions = [node.text for node in root.all("Description")]
    found = [*filter(None, (*refusals[-1:], *filter(None, errors), *descriptions[-1:], root.text))]
    return (readable(found[0]) if found else "") or NO_REASON


def _entry(node: Node) -> Entry:
    agent = next((each for each in node.children if each.name == "Agent"), None)
    texts = {each.name: each.text for each in node.children}
    return Entry(
        at=node.attributes.get("timeStamp", ""),
        agent=agent.attributes.get("name", "") if agent is not None else "",
        description=texts.get("Description", ""),
        error=texts.get("Error", ""),
    )


def _score(node: Node) -> tuple[float, float]:
    return _number(node.attributes.get("cumulative")), _number(node.attributes.get("probability"))


def _number(text: str | None) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if isfinite(value) else 0.0


def _last_resort(text: str, error: Unreadable) -> Reply:
    """A rejection that is no XML because its text is not escaped. Raises Unreadable for anything else."""
    match = _TAG.search(text)
    mode = _MODE.search(match[1]) if match else None
    if match is None or mode is None or mode[1] != "reject":
        raise error
    return Reply("reject", reason=readable(match[2]) or NO_REASON)
