"""`/odbbrowser`: programmes and observations as XML, chosen by parameters (card: Status)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from xml.sax.saxutils import escape

from local.simulators.gemini.database import Database, Observation, Programme

SELECTORS = ("programs", "observations", "targets")
_YES_NO = {True: "Yes", False: "No"}
_OF_PROGRAMME: dict[str, Callable[[Programme], str]] = {
    "programSemester": lambda p: p.id.split("-")[1],
    "programTitle": lambda p: p.title,
    "programReference": lambda p: p.id,
    "programActive": lambda p: _YES_NO[p.active],
    "programCompleted": lambda p: "No",
    "programNotifyPi": lambda p: "No",
    "programRollover": lambda p: "No",
}
_OF_OBSERVATION: dict[str, Callable[[Programme, Observation], str]] = {
    "observationTooStatus": lambda p, o: p.too,
    "observationName": lambda p, o: o.title,
    "observationStatus": lambda p, o: o.status,
    "observationInstrument": lambda p, o: o.instrument,
    "observationAo": lambda p, o: "None",
    "observationClass": lambda p, o: "Science",
}


class BadQuery(Exception):
    """HTTP 400 with this plain text."""


def answer(database: Database, selector: str, query: Mapping[str, str]) -> str:
    """The document for a query. Raises BadQuery."""
    if selector not in SELECTORS:
        raise BadQuery(
            f"ERROR: Invalid query selector: /{selector}. "
            "Should start with /programs, /observations or /targets"
        )
    for name in query:
        if name not in _OF_PROGRAMME and name not in _OF_OBSERVATION:
            raise BadQuery(f"ERROR: Invalid parameter: {name}")
    programmes = "".join(
        _programme(each, selector, query)
        for each in database.programmes.values()
        if all(_matches(query[n], of(each)) for n, of in _OF_PROGRAMME.items() if n in query)
    )
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    return f"{head}<queryResult><programs>{programmes}</programs></queryResult>\n"


def _programme(programme: Programme, selector: str, query: Mapping[str, str]) -> str:
    facts = [
        ("semester", programme.id.split("-")[1]),
        ("title", programme.title),
        ("reference", programme.id),
        ("active", _YES_NO[programme.active]),
        ("completed", "No"),
        ("rollover", "No"),
        ("scienceBand", "1"),
        ("tooStatus", programme.too),
        ("allocatedTime", "36000000"),
        ("remainingTime", "28800000"),
    ]
    inner = _elements(facts)
    if selector != "programs":
        chosen = "".join(
            _observation(programme, each, selector)
            for each in programme.observations.values()
            if all(_matches(query[n], of(programme, each)) for n, of in _OF_OBSERVATION.items() if n in query)
        )
        inner += f"<observations>{chosen}</observations>"
    return f"<program>{inner}</program>"


def _observation(programme: Programme, observation: Observation, selector: str) -> str:
    inner = _elements(
        [
            ("name", observation.title),
            ("obsClass", "Science"),
            ("id", f"{programme.id}-{observation.number}"),
            ("status", observation.status),
            ("tooPriority", programme.too),
            ("instrument", observation.instrument),
            ("ao", "None"),
        ]
    )
    # The names inside this block are not known of the real service; a client must pass over it.
    windows = "".join(
        f"<timingWindow><startTime>{int(each.start.timestamp() * 1000)}</startTime></timingWindow>"
        for each in observation.windows
    )
    inner += f"<conditions><timingWindows>{windows}</timingWindows></conditions>"
    if selector == "targets" and observation.target:
        name, ra, dec = observation.target
        facts = _elements([("name", name), ("ra", str(ra)), ("dec", str(dec))])
        inner += f"<targets><target>{facts}</target></targets>"
    return f"<observation>{inner}</observation>"


def _elements(facts: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in facts)


def _matches(pattern: str, value: str) -> bool:
    """The whole value, case apart; `*` and `%` stand for anything, `?` for one character, `|` for or."""
    return any(
        re.fullmatch(
            "".join(".*" if c in "*%" else "." if c == "?" else re.escape(c) for c in one),
            value,
            re.IGNORECASE,
        )
        for one in pattern.split("|")
    )
