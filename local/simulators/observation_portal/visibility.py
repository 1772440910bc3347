"""When a telescope can point at a target: dark, high enough, away from the Moon.

The portal's rule (the card's "Visibility"): nautical twilight or darker, airmass and Moon constraints,
telescope limits; a request needs one unbroken interval at least as long as itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local.simulators.observation_portal import sky
from local.simulators.observation_portal.sites import Telescope

DARK_ALTITUDE = math.radians(-12)
STEP_S = 300.0
Interval = tuple[float, float]


@dataclass(frozen=True)
class Aim:
    """What one configuration asks of the sky: J2000 degrees, proper motion in mas/yr, limits in degrees."""

    ra: float
    dec: float
    max_airmass: float
    min_lunar_distance: float
    max_lunar_phase: float = 1.0

    @classmethod
    def of(cls, configuration: dict[str, Any]) -> Aim:
        """Of a cleaned configuration."""
        target, constraints = configuration["target"], configuration["constraints"]
        return cls(
            target["ra"],
            target["dec"],
            constraints["max_airmass"],
            constraints["min_lunar_distance"],
            constraints["max_lunar_phase"],
        )


def intervals(aims: Iterable[Aim], telescope: Telescope, windows: Iterable[Interval]) -> list[Interval]:
    """The stretches inside the windows in which this telescope can observe every aim, in time order."""
    judges = [_judge(aim, telescope, windows) for aim in sorted(set(aims), key=repr)]
    dark = _dark(telescope)
    found: list[Interval] = []
    for start, end in _merged(windows):
        found += _stretches(lambda at: dark(at) and all(judge(at) for judge in judges), start, end)
    return found


def longest(aims: Iterable[Aim], telescopes: Sequence[Telescope], windows: Sequence[Interval]) -> float:
    """The longest unbroken stretch at any of the telescopes, in seconds; 0 for none."""
    aims = list(aims)
    spans = [
        end - start
        for telescope in _distinct_places(telescopes)
        for start, end in intervals(aims, telescope, windows)
    ]
    return max(spans, default=0.0)


def airmass(aim: Aim, telescope: Telescope, at: float) -> float:
    """The secant of the zenith distance."""
    return 1 / math.sin(max(0.01, _altitude(sky.of_date(aim.ra, aim.dec, at), telescope, at)))


def _distinct_places(telescopes: Sequence[Telescope]) -> Iterator[Telescope]:
    seen: set[tuple[float, ...]] = set()
    for telescope in telescopes:
        key = (telescope.latitude, telescope.longitude, telescope.horizon, telescope.hour_angle_limit)
        if key not in seen:
            seen.add(key)
            yield telescope


def _altitude(direction: sky.Direction, telescope: Telescope, at: float) -> float:
    angle = sky.hour_angle(direction, sky.sidereal_time(at, math.radians(telescope.longitude)))
    return sky.altitude(direction, angle, math.radians(telescope.latitude))


def _dark(telescope: Telescope) -> Callable[[float], bool]:
    return lambda at: _altitude(sky.sun(at)[0], telescope, at) < DARK_ALTITUDE


def _judge(aim: Aim, telescope: Telescope, windows: Iterable[Interval]) -> Callable[[float], bool]:
    epoch = min(start for start, _ in windows)
    direction = sky.of_date(aim.ra, aim.dec, epoch)
    floor = max(math.radians(telescope.horizon), math.asin(1 / aim.max_airmass))
    limit = math.radians(telescope.hour_angle_limit * 15)
    longitude, latitude = math.radians(telescope.longitude), math.radians(telescope.latitude)
    distance = math.radians(aim.min_lunar_distance)

    def moon_allows(at: float) -> bool:
        moon, phase = sky.moon(at)
        if moon.separation(direction) < distance:
            return False
        return phase <= aim.max_lunar_phase or _altitude(moon, telescope, at) < 0

    def judge(at: float) -> bool:
        angle = sky.hour_angle(direction, sky.sidereal_time(at, longitude))
        high = abs(angle) <= limit and sky.altitude(direction, angle, latitude) > floor
        return high and moon_allows(at)

    return judge


def _merged(windows: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _stretches(good: Callable[[float], bool], start: float, end: float) -> Iterator[Interval]:
    """Where a predicate holds: sampled every five minutes, each edge then halved to a tenth of a second."""
    opened = start if good(start) else None
    at = start
    while at < end:
        following = min(at + STEP_S, end)
        now_good = good(following)
        if now_good and opened is None:
            opened = _edge(good, at, following)
        elif not now_good and opened is not None:
            yield opened, _edge(good, at, following)
            opened = None
        at = following
    if opened is not None and end > opened:
        yield opened, end


def _edge(good: Callable[[float], bool], low: float, high: float) -> float:
    first = good(low)
    while high - low > 0.1:
        middle = (low + high) / 2
        if good(middle) == first:
            low = middle
        else:
            high = middle
    return (low + high) / 2
