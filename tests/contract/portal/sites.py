"""Where the contract tests' portal believes the telescopes to be. Placing and limits are assumed figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A site: degrees, metres, hours from UTC, and ``enclosure.telescope: instruments`` placed there."""

    code: str
    lat: float
    lon: float
    elevation: int
    utc_offset: int
    telescopes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class TelescopeClass:
    """What telescopes of one aperture share: aperture in m, lowest altitude in deg, hour angle limit in h."""

    name: str
    aperture: float
    horizon: float
    hour_angle_limit: float


TELESCOPES: Mapping[str, TelescopeClass] = {
    "0m4": TelescopeClass("0.4 meter", 0.4, 15.0, 4.6),
    "1m0": TelescopeClass("1 meter", 1.0, 15.0, 4.6),
    "2m0": TelescopeClass("2 meter", 2.0, 20.0, 12.0),
    "4m0": TelescopeClass("4 meter", 4.0, 20.0, 6.0),
}

SITES = (
    Site(
        "coj",
        -31.273,
        149.071,
        1116,
        10,
        {
            "doma.1m0a": ("fa01",),
            "domb.1m0a": ("fa02",),
            "clma.2m0a": ("en02", "mc02"),
            "clma.0m4a": ("sq02",),
        },
    ),
    Site(
        "cpt",
        -32.381,
        20.81,
        1760,
        2,
        {
            "doma.1m0a": ("fa03",),
            "domb.1m0a": ("fa04",),
            "domc.1m0a": ("fa05",),
            "aqwa.0m4a": ("sq03",),
        },
    ),
    Site(
        "elp",
        30.68,
        -104.015,
        2070,
        -6,
        {"doma.1m0a": ("fa06",), "domb.1m0a": ("fa07",), "aqwa.0m4a": ("sq04",)},
    ),
    Site(
        "lsc",
        -30.167,
        -70.805,
        2198,
        -4,
        {
            "doma.1m0a": ("fa08",),
            "domb.1m0a": ("fa09",),
            "domc.1m0a": ("fa10",),
            "aqwa.0m4a": ("sq05",),
        },
    ),
    Site(
        "tfn",
        28.3,
        -16.512,
        2330,
        0,
        {"doma.1m0a": ("fa11",), "domb.1m0a": ("fa12",), "aqwa.0m4a": ("sq06",)},
    ),
    Site("ogg", 20.707, -156.258, 3055, -10, {"clma.2m0a": ("en01", "mc01"), "clma.0m4b": ("sq01",)}),
    Site(
        "sor",
        -30.237892,
        -70.733642,
        2000,
        -4,
        {"doma.4m0a": ("ghtsblue01", "ghtsblueimg01", "ghtsred01", "ghtsredimg01", "tspec01")},
    ),
    Site("ctio", -30.1697, -70.8065, 2207, -4, {"doma.4m0a": ("decam01", "newfirm01")}),
)
