"""The ATLAS forced photometry server (card atlas_forced_photometry.md): see `server`."""

from local.simulators.atlas.accounts import DEMO_TOKEN, INACTIVE_TOKEN, OTHER_TOKEN, PASSWORD
from local.simulators.atlas.server import AtlasServer

__all__ = ["DEMO_TOKEN", "INACTIVE_TOKEN", "OTHER_TOKEN", "PASSWORD", "AtlasServer"]
