"""Which telescope stands where and carries what (the card's "Sites"; the pointing limits are assumed, as in
the listing that the real portal is run with in the contract tests)."""

from __future__ import annotations

from dataclasses import dataclass

SINISTRO = "1M0-SCICAM-SINISTRO"
MUSCAT = "2M0-SCICAM-MUSCAT"
FLOYDS = "2M0-FLOYDS-SCICAM"
QHY = "0M4-SCICAM-QHY600"
SOAR = (
    "SOAR_GHTS_BLUECAM",
    "SOAR_GHTS_BLUECAM_IMAGER",
    "SOAR_GHTS_REDCAM",
    "SOAR_GHTS_REDCAM_IMAGER",
    "SOAR_TRIPLESPEC",
)
BLANCO = ("BLANCO_DECAM", "BLANCO_NEWFIRM")


@dataclass(frozen=True)
class Telescope:
    """One telescope: place in degrees (east positive), horizon in degrees, hour-angle limit in hours."""

    site: str
    enclosure: str
    code: str
    latitude: float
    longitude: float
    horizon: float
    hour_angle_limit: float
    cameras: dict[str, str]  # instrument type -> instrument name
    guiders: dict[str, str]

    @property
    def telescope_class(self) -> str:
        """`1m0` of `1m0a`."""
        return self.code[:3]


PLACES = {
    "coj": (-31.273, 149.071),
    "cpt": (-32.381, 20.81),
    "elp": (30.68, -104.015),
    "lsc": (-30.167, -70.805),
    "tfn": (28.3, -16.512),
    "ogg": (20.707, -156.258),
    "sor": (-30.237892, -70.733642),
    "ctio": (-30.1697, -70.8065),
}
LIMITS = {"0m4": (15.0, 4.6), "1m0": (15.0, 4.6), "2m0": (20.0, 12.0), "4m0": (20.0, 6.0)}
SELF_GUIDED = {MUSCAT: "g", QHY: ""}


def _telescope(site: str, enclosure: str, code: str, cameras: dict[str, str]) -> Telescope:
    guiders = {
        kind: name + SELF_GUIDED[kind] if kind in SELF_GUIDED else f"ag-{name}"
        for kind, name in cameras.items()
    }
    return Telescope(site, enclosure, code, *PLACES[site], *LIMITS[code[:3]], cameras, guiders)


def _one_metres() -> list[Telescope]:
    domes = {"coj": "ab", "cpt": "abc", "elp": "ab", "lsc": "abc", "tfn": "ab"}
    pairs = [(site, f"dom{letter}") for site, letters in domes.items() for letter in letters]
    return [
        _telescope(site, dome, "1m0a", {SINISTRO: f"fa{number:02d}"})
        for number, (site, dome) in enumerate(pairs, start=1)
    ]


def _two_metres() -> list[Telescope]:
    return [
        _telescope(site, "clma", "2m0a", {FLOYDS: f"en0{number}", MUSCAT: f"mc0{number}"})
        for number, site in ((2, "coj"), (1, "ogg"))
    ]


def _small() -> list[Telescope]:
    places = [
        ("ogg", "clma"),
        ("coj", "clma"),
        ("cpt", "aqwa"),
        ("elp", "aqwa"),
        ("lsc", "aqwa"),
        ("tfn", "aqwa"),
    ]
    return [
        _telescope(site, enclosure, "0m4b" if site == "ogg" else "0m4a", {QHY: f"sq{number:02d}"})
        for number, (site, enclosure) in enumerate(places, start=1)
    ]


def _four_metres() -> list[Telescope]:
    return [
        _telescope("sor", "doma", "4m0a", {kind: kind.removeprefix("SOAR_").lower() + "01" for kind in SOAR}),
        _telescope(
            "ctio", "doma", "4m0a", {kind: kind.removeprefix("BLANCO_").lower() + "01" for kind in BLANCO}
        ),
    ]


TELESCOPES: tuple[Telescope, ...] = (*_one_metres(), *_two_metres(), *_small(), *_four_metres())
CLASSES = tuple(sorted({t.telescope_class for t in TELESCOPES}))


def carrying(instruments: set[str], location: dict[str, str]) -> list[Telescope]:
    """The telescopes of a location that carry every one of these instrument types."""
    return [t for t in at_location(location) if instruments <= set(t.cameras)]


def at_location(location: dict[str, str]) -> list[Telescope]:
    """The telescopes that a request's `location` leaves."""
    wanted = {
        "telescope_class": "telescope_class",
        "site": "site",
        "enclosure": "enclosure",
        "telescope": "code",
    }
    return [
        t
        for t in TELESCOPES
        if all(getattr(t, attribute) == location[key] for key, attribute in wanted.items() if key in location)
    ]
