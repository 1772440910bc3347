"""The Liverpool Telescope's node agent and data pages (card lt.md): see `server`."""

from local.simulators.lt.seed import DATA_PASSWORD, PASSWORD, PROPOSAL, USER
from local.simulators.lt.server import LtServer

__all__ = ["DATA_PASSWORD", "PASSWORD", "PROPOSAL", "USER", "LtServer"]
