"""The WINTER service as a simulator (card winter.md, Simulator)."""

from local.simulators.winter.programmes import KEY, PASSWORD, PROGRAMME, TIGHT_KEY, TIGHT_PROGRAMME, USER
from local.simulators.winter.server import WinterServer

__all__ = [
    "KEY",
    "PASSWORD",
    "PROGRAMME",
    "TIGHT_KEY",
    "TIGHT_PROGRAMME",
    "USER",
    "WinterServer",
]
