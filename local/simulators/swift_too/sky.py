"""What the Swift simulator knows of modes and places: filters, scripted positions, what was flown before."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, radians

ALL_SIX = ("u", "b", "v", "uvw1", "uvw2", "uvm2")
FILTERS = {
    0x9999: (),
    0x30ED: ALL_SIX,
    0x223F: ALL_SIX,
    0x0270: ALL_SIX,
    0x209A: ("u", "b", "v"),
    0x308F: ("uvw1", "uvw2", "uvm2"),
    0x30D5: ("u", "uvw1", "uvw2", "uvm2"),
    0x2241: (*ALL_SIX, "white"),
    0x2019: ("white",),
    0x018C: ("uvw1",),
    0x011E: ("uvw2",),
    0x015A: ("uvm2",),
    0x01AA: ("u",),
    0x2016: ("b",),
    0x2005: ("v",),
    0x122F: (),
    0x1230: (),
    0x0FF3: (),
}
SN_2023IXF = (210.910674637, 54.311651)
CONSTRAINED = (10.0, -5.0)
BRIGHT_STAR = (83.0, 22.0)
REFUSED = (40.0, 20.0)
NOT_OBSERVED = (50.0, 20.0)
PARTLY_OBSERVED = (60.0, 20.0)
NAMES = {"SN 2023ixf": SN_2023IXF, "SMC X-3": (13.02375, -72.434639)}


@dataclass(frozen=True)
class Past:
    """An observation that was flown long ago: number, place, start (UT) and seconds on target."""

    target_id: int
    segment: int
    name: str
    place: tuple[float, float]
    begin: str
    exposure_s: float


PAST = (
    Past(32482, 1, "NGC 5461", (210.9247, 54.45), "2023-05-19T06:21:02", 1490.0),
    Past(32481, 2, "M 101", (210.8024, 54.349), "2023-05-20T06:21:02", 1490.0),
    Past(16038, 1, "SN 2023ixf", SN_2023IXF, "2023-05-21T01:10:02", 1610.0),
    Past(16038, 2, "SN 2023ixf", SN_2023IXF, "2023-05-21T15:31:02", 980.0),
    Past(16038, 3, "SN 2023ixf", SN_2023IXF, "2023-05-22T04:45:02", 2120.0),
)


def apart(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Degrees between two near positions."""
    across = (first[0] - second[0] + 180) % 360 - 180
    return hypot(across * cos(radians(first[1])), first[1] - second[1])


def near(place: tuple[float, float], spot: tuple[float, float]) -> bool:
    """Whether a scripted position is meant."""
    return apart(place, spot) < 0.1
