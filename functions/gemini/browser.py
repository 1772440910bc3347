"""The programme's observations as the read-only service `/odbbrowser` tells them (card: Status)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from gemini import sites, xml_reader
from gemini.ledger import number_of
from slew.errors import NoAnswer
from slew.facility import Link
from slew.pages import for_people
from slew.wire import HttpRequest

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Observation:
    """One observation; `title` is the target's name in a clone."""

    id: str
    title: str
    status: str
    priority: str
    instrument: str

    @property
    def number(self) -> int | None:
        """Its number in the programme."""
        return number_of(self.id)


@dataclass(frozen=True)
class Programme:
    """A programme by observation id; `found` is false where the service has none of that name."""

    found: bool
    observations: Mapping[str, Observation] = field(default_factory=dict)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of its observations."""
        return frozenset(each.number for each in self.observations.values() if each.number is not None)


def shared(programid: str, link: Link) -> Programme:
    """The programme, asked for once a tick for all its requests. Raises NoAnswer."""
    key = f"programme {programid}"
    if key not in link.shared:
        try:
            link.shared[key] = read(programid, link)
        except NoAnswer as error:
            link.shared[key] = error
    known: Programme | NoAnswer = link.shared[key]
    if isinstance(known, NoAnswer):
        raise NoAnswer(known.reason, known.retry_after)
    return known


def read(programid: str, link: Link, *, timeout_s: float = TIMEOUT_S) -> Programme:
    """The programme as it is now. Raises NoAnswer."""
    query = urlencode({"programReference": programid})
    url = f"{sites.base_url(programid)}/odbbrowser/observations?{query}"
    answer = link.http.read(HttpRequest("GET", url), read_timeout=timeout_s)
    if answer.status != 200 or answer.truncated:
        said = for_people(answer.text, 200) if answer.status == 400 else ""
        reason = "an answer that is too long" if answer.truncated else f"HTTP {answer.status} {said}".rstrip()
        raise NoAnswer(f"status unknown: /odbbrowser gave {reason}", answer.retry_after)
    try:
        root = xml_reader.parse(answer.body)
    except xml_reader.Unreadable as error:
        raise NoAnswer(f"status unknown: /odbbrowser gave {error}") from None
    if root.tag != "queryResult":
        raise NoAnswer("status unknown: /odbbrowser gave XML of another kind")
    return _programme(root, programid)


def _programme(root: Element, programid: str) -> Programme:
    for element in root.iter("program"):
        if xml_reader.text(element, "reference").lower() == programid.lower():
            found = map(_observation, element.iter("observation"))
            return Programme(True, {each.id: each for each in found if each.id})
    return Programme(False)


def _observation(element: Element) -> Observation:
    return Observation(
        id=xml_reader.text(element, "id"),
        title=xml_reader.text(element, "name"),
        status=xml_reader.text(element, "status"),
        priority=xml_reader.text(element, "tooPriority"),
        instrument=xml_reader.text(element, "instrument"),
    )
