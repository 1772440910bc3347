"""Entry point of the ZTF forced photometry function."""

from slew.handler import facility_handler
from ztf_forced_photometry.facility import ZtfForcedPhotometry

handler = facility_handler(ZtfForcedPhotometry())
