"""ZTF's gateway, scheduler and depot (card ztf.md): see `server`."""

from local.simulators.ztf.server import (
    ADMIN_TOKEN,
    DEPOT_PASSWORD,
    DEPOT_USER,
    OTHER_TOKEN,
    ZtfServer,
)

__all__ = ["ADMIN_TOKEN", "DEPOT_PASSWORD", "DEPOT_USER", "OTHER_TOKEN", "ZtfServer"]
