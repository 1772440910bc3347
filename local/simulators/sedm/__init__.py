"""SEDM's and SEDMv2's servers on loopback (card sedm.md)."""

from local.simulators.sedm.server import SedmServer

__all__ = ["SedmServer"]
