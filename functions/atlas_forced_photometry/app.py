"""Entry point of the ATLAS forced photometry function."""

from slew.handler import facility_handler
from atlas_forced_photometry.facility import AtlasForcedPhotometry

handler = facility_handler(AtlasForcedPhotometry())
