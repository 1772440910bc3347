"""How to spoil an acceptable requestgroup: functions that change a body of ``bodies`` in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from tests.contract.bodies import Body, Scene

Spoil = Callable[[Body, Scene], None]

REQUEST_PATH = "requests.0"
FIRST = f"{REQUEST_PATH}.configurations.0"
FIRST_EXPOSURE = f"{FIRST}.instrument_configs.0"
ALL_EXPOSURES = f"{REQUEST_PATH}.configurations.*.instrument_configs.*"
ALL_TARGETS = f"{REQUEST_PATH}.configurations.*.target"
ALL_CONSTRAINTS = f"{REQUEST_PATH}.configurations.*.constraints"


def put(path: str, value: Any) -> Spoil:
    """Sets the key at the end of ``path`` (``a.0.b``; ``*`` is every member of a list) to ``value``.

    A callable ``value`` is given the scene.
    """

    def spoil(body: Body, scene: Scene) -> None:
        *way, last = path.split(".")
        for place in _places(body, way):
            place[last] = value(scene) if callable(value) else deepcopy(value)

    return spoil


def drop(path: str) -> Spoil:
    """Takes the key at the end of ``path`` away."""

    def spoil(body: Body, scene: Scene) -> None:
        *way, last = path.split(".")
        for place in _places(body, way):
            del place[last]

    return spoil


def _places(place: Any, way: list[str]) -> Iterator[Any]:
    if not way:
        yield place
    elif way[0] == "*":
        for member in place:
            yield from _places(member, way[1:])
    else:
        yield from _places(place[int(way[0]) if isinstance(place, list) else way[0]], way[1:])


def together(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def spoil(body: Body, scene: Scene) -> None:
        for one in spoils:
            one(body, scene)

    return spoil


def window(start: Callable[[Scene], datetime], end: Callable[[Scene], datetime]) -> Spoil:
    """Moves the window to moments of the scene."""
    return together(
        put(f"{REQUEST_PATH}.windows.0.start", lambda scene: start(scene).isoformat()),
        put(f"{REQUEST_PATH}.windows.0.end", lambda scene: end(scene).isoformat()),
    )


def day(scene: Scene, days: int) -> datetime:
    """The midnight (UTC) ``days`` from that before the scene's now."""
    return scene.start + timedelta(days=days - 7)


def unchanged(body: Body, scene: Scene) -> None:
    """Leaves the body as it is: something else is wrong."""


def second_request(body: Body, scene: Scene) -> None:
    """Adds the first request once more."""
    body["requests"].append(body["requests"][0])
