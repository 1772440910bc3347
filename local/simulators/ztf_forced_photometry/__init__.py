"""IPAC's ZTF forced photometry service (card ztf_forced_photometry.md): see `server`."""

from local.simulators.ztf_forced_photometry.server import (
    DEMO_EMAIL,
    DEMO_USERPASS,
    HTTP_PASSWORD,
    HTTP_USER,
    OTHER_EMAIL,
    OTHER_USERPASS,
    ZtfForcedPhotometryServer,
)

__all__ = [
    "DEMO_EMAIL",
    "DEMO_USERPASS",
    "HTTP_PASSWORD",
    "HTTP_USER",
    "OTHER_EMAIL",
    "OTHER_USERPASS",
    "ZtfForcedPhotometryServer",
]
