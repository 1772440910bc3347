"""HEASARC's ARK login and NICER's target-of-opportunity form (card nicer.md): see `server`."""

from local.simulators.nicer.server import SEEDED_ACCOUNTS, NicerServer

__all__ = ["SEEDED_ACCOUNTS", "NicerServer"]
