"""The instruments as RTML names them; a `Setup` is what one Schedule holds (card, RTML device table)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """An instrument: its RTML name, type and spectral region."""

    name: str
    type: str
    region: str = "optical"


@dataclass(frozen=True)
class Setup:
    """A device with its optical element and exposures.

    - `filter` or `grating`: RTML's spelling, which is case-sensitive.
    - `binning`: of both axes, pixels; None leaves it to the LT.
    - `rotor`: speed of the half-wave plate, `slow` or `fast`.
    - `exposure_s`: one exposure, s; `count`: how many.
    """

    device: Device
    exposure_s: float
    count: int
    filter: str | None = None
    grating: str | None = None
    binning: int | None = None
    rotor: str | None = None


IOO = Device("IO:O", "camera")
LIRIC = Device("LIRIC", "camera", "infrared")
LOCI = Device("LOCI", "camera")
MOPTOP = Device("Moptop", "polarimeter")
SPRAT = Device("Sprat", "spectrograph")
FRODO_BLUE = Device("FrodoSpec-Blue", "spectrograph")
FRODO_RED = Device("FrodoSpec-Red", "spectrograph")

_SDSS = "ugriz"


def rtml_filter(name: str) -> str:
    """RTML's spelling of a filter: upper case for u, g, r, i, z alone; `Halpha6566` keeps its case."""
    return name.upper() if name in _SDSS else name
