"""Which filters, modes and slits a portal offers now (facility cards: the lists move between semesters)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from slew import clock
from slew.errors import NoAnswer
from slew.facility import HttpLink
from slew.wire import HttpRequest, NotJson

KEEP_S = 900.0
KEEP_FAILURE_S = 60.0
_TIMEOUT_S = 5.0

Offer = dict[str, frozenset[str]]
"""Codes by kind: `readout`, `acquisition`, `guiding`, `rotator`, `exposure`, each optical element by name."""

_kept: dict[tuple[str, str], tuple[float, Offer | None]] = {}


@dataclass(frozen=True)
class Unoffered:
    """A code that the instrument has not got now."""

    kind: str
    code: str
    offered: tuple[str, ...]


def offer(url: str, instrument_type: str, http: HttpLink) -> Offer | None:
    """What an instrument offers, asked at most every 15 minutes; None if the portal cannot say."""
    key, now = (url, instrument_type), clock.timestamp()
    until, found = _kept.get(key, (0.0, None))
    if now >= until:
        found = _ask(url, instrument_type, http)
        _kept[key] = (now + (KEEP_S if found else KEEP_FAILURE_S), found)
    return found


def forget() -> None:
    """Ask anew the next time."""
    _kept.clear()


def unoffered(configurations: Sequence[dict[str, Any]], offered: Offer) -> list[Unoffered]:
    """The codes in configurations that are not offered; kinds that the listing does not know are passed."""
    wrong = {}
    for configuration in configurations:
        for kind, code in _codes(configuration):
            # Elements are matched without regard to case; an instrument without acquisition takes OFF.
            known = {each.lower() for each in offered.get(kind, ())}
            if known and code.lower() not in known and (kind, code) != ("acquisition", "OFF"):
                wrong[kind, code] = Unoffered(kind, code, tuple(sorted(offered[kind])))
    return list(wrong.values())


def _codes(configuration: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, kind in (("acquisition_config", "acquisition"), ("guiding_config", "guiding")):
        if mode := configuration[key].get("mode"):
            yield kind, mode
    for exposure in configuration["instrument_configs"]:
        yield from exposure["optical_elements"].items()
        for kind, mode in (
            ("readout", exposure.get("mode")),
            ("rotator", exposure.get("rotator_mode")),
            ("exposure", exposure.get("extra_params", {}).get("exposure_mode")),
        ):
            if mode:
                yield kind, mode


def _ask(url: str, instrument_type: str, http: HttpLink) -> Offer | None:
    query = urlencode({"instrument_type": instrument_type})
    # Public: a token that is no more would only turn the answer into a 403.
    request = HttpRequest("GET", f"{url}/api/instruments/?{query}", {"Accept": "application/json"})
    try:
        answer = http.read(request, read_timeout=_TIMEOUT_S)
        return _parse(answer.json()[instrument_type]) if answer.status == 200 else None
    except (NoAnswer, NotJson, LookupError, TypeError, AttributeError):
        # The last three: not the shape of a listing, such as the `{}` of a portal that has lost its ConfigDB.
        return None


def _parse(instrument: Any) -> Offer:
    modes = {
        kind: frozenset(mode["code"] for mode in of["modes"]) for kind, of in instrument["modes"].items()
    }
    elements = {
        name.removesuffix("s"): frozenset(element["code"] for element in of)
        for name, of in instrument["optical_elements"].items()
    }
    return {**modes, **elements}
