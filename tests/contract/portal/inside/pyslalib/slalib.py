"""The fifteen SLALIB routines that ocs-rise-set calls, over PAL, their successor in C, which has wheels.

Loaded in the portal's process, never in ours. Angles in radians, dates as MJD, as in SLALIB.
"""

from typing import Any

import palpy  # type: ignore[import-not-found]

sla_airmas = palpy.airmas
sla_aoppa = palpy.aoppa
sla_aoppat = palpy.aoppat
sla_aopqk = palpy.aopqk
sla_dsep = palpy.dsep
sla_dtt = palpy.dtt
sla_eqeqx = palpy.eqeqx
sla_gmst = palpy.gmst
sla_map = palpy.map
sla_rdplan = palpy.rdplan

_OK = 0
_BAD_ELEMENTS = -1
_NO_CONVERGENCE = -5


def sla_caldj(year: int, month: int, day: int) -> tuple[float, int]:
    """Calendar date to MJD; PAL raises where SLALIB returns a status."""
    return palpy.caldj(year, month, day), _OK


def sla_dtf2d(hours: int, minutes: int, seconds: float) -> tuple[float, int]:
    """Hours, minutes and seconds to a fraction of a day."""
    return palpy.dtf2d(hours, minutes, seconds), _OK


def sla_oapqk(kind: str | bytes, first: float, second: float, parameters: Any) -> Any:
    """Observed to apparent place; PAL wants the kind of coordinates as text."""
    return palpy.oapqk(kind if isinstance(kind, str) else kind.decode(), first, second, parameters)


def sla_plante(*observer_and_elements: float) -> tuple[float, float, float, int]:
    """Apparent place of a body from its orbital elements, and SLALIB's status."""
    try:
        ra, dec, distance = palpy.plante(*observer_and_elements)
    except ValueError:
        return 0.0, 0.0, 0.0, _BAD_ELEMENTS
    except ArithmeticError:
        return 0.0, 0.0, 0.0, _NO_CONVERGENCE
    return ra, dec, distance, _OK


def sla_zd(hour_angle: float, dec: float, latitude: float) -> float:
    """Zenith distance, which palpy lacks: the separation from hour angle 0, dec = latitude."""
    return float(palpy.dsep(hour_angle, dec, 0.0, latitude))
